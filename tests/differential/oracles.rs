//! Twilio's own libraries, in processes of their own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::case::{Case, Shape, Signer};
use crate::express::Express;

/// Who judges a request, beside the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judge {
    /// npm twilio, `validateRequest`.
    Node,
    /// npm twilio, `validateRequestWithBody`.
    NodeBody,
    /// npm twilio, the Express middleware `webhook()`.
    Express,
    /// PyPI twilio, `RequestValidator.validate` with a form, or with any other body as text.
    Python,
    /// The same, given `request.form` whatever the body is, as Twilio's example for Flask does.
    PythonForm,
}

impl Judge {
    /// The name in docs/compatibility.md.
    pub fn name(self) -> &'static str {
        match self {
            Judge::Node => "node",
            Judge::NodeBody => "node-body",
            Judge::Express => "express",
            Judge::Python => "python",
            Judge::PythonForm => "python-form",
        }
    }
}

/// A process that answers each line with a line.
struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start(command: &mut Command) -> Oracle {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let questions = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Oracle { child, questions, answers }
    }

    fn ask(&mut self, requests: &Value) {
        writeln!(self.questions, "{requests}").expect("an oracle that listens");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        assert!(line.ends_with('\n'), "an oracle has ended: {:?}", self.child.wait());
        line
    }

    /// For each request its answers: whether each reading of it is valid. Anything but `true` is a denial.
    fn answers(&mut self) -> Vec<Vec<bool>> {
        let answers: Vec<Vec<Value>> = serde_json::from_str(&self.line()).expect("an answer");
        answers.iter().map(|readings| readings.iter().map(|answer| *answer == true).collect()).collect()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // Both run until they are stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Oracles {
    node: Oracle,
    python: Oracle,
    express: Express,
}

/// What one judge says of one case.
pub type Opinion = (Judge, bool);

impl Oracles {
    pub fn start() -> Oracles {
        let installed = installed();
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/oracles");
        let mut node = Oracle::start(
            Command::new("node")
                .arg(scripts.join("oracle.js"))
                .env("NODE_PATH", installed.join("node/node_modules")),
        );
        let python = Oracle::start(
            Command::new("python3")
                .arg(scripts.join("oracle.py"))
                .env("PYTHONPATH", installed.join("python")),
        );
        let express = Express::connect(node.line().trim().parse().expect("a port"));
        Oracles { node, python, express }
    }

    /// Asks everyone about these cases; `meanwhile` runs while they think.
    pub fn judge(&mut self, cases: &[Case], meanwhile: impl FnOnce()) -> Vec<Vec<Opinion>> {
        let node: Vec<_> = cases.iter().map(node_readings).collect();
        let python: Vec<_> = cases.iter().map(python_readings).collect();
        self.node.ask(&questions(cases, &node));
        self.python.ask(&questions(cases, &python));
        meanwhile();
        let express = self.express.judge(cases);
        let mut opinions: Vec<Vec<Opinion>> = Vec::new();
        let answers = self.node.answers().into_iter().zip(self.python.answers());
        for (at, (from_node, from_python)) in answers.enumerate() {
            let mut own = Vec::new();
            combine(&mut own, &node[at], &from_node);
            combine(&mut own, &python[at], &from_python);
            own.extend(express[at].map(|accepts| (Judge::Express, accepts)));
            own.sort_unstable();
            opinions.push(own);
        }
        assert_eq!(opinions.len(), cases.len());
        opinions
    }
}

/// The directory that `tools/oracles` installs into.
fn installed() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(root.join("tools/oracles"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("cannot run tools/oracles: {error}"));
    assert!(output.status.success(), "tools/oracles did not find or install Twilio's libraries");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// How an application may read a request, and whose opinion that is. Of several readings by one judge any will
/// do: a WebSocket's URL is documented in several ways.
type Reading = (Judge, Value);

fn node_readings(case: &Case) -> Vec<Reading> {
    // Twilio's Node library knows auth tokens alone; a shared key for the same algorithm serves as one.
    if case.signed.signer == Signer::Shared256 || !case.signed.settings.may_be_twilios() {
        return Vec::new();
    }
    let (url, body) = (case.url.to_string(), STANDARD.encode(&case.body));
    if case.is_socket() {
        return socket_readings(case, Judge::Node, "params");
    }
    let mut readings = Vec::new();
    if case.is_form() || case.body.is_empty() {
        readings.push((Judge::Node, json!({ "url": url, "params": body })));
    }
    if names_hash(case) || !(case.is_form() || case.body.is_empty()) {
        readings.push((Judge::NodeBody, json!({ "url": url, "body": body })));
    }
    readings
}

fn python_readings(case: &Case) -> Vec<Reading> {
    let (url, body) = (case.url.to_string(), STANDARD.encode(&case.body));
    if case.is_socket() {
        socket_readings(case, Judge::Python, "first_params")
    } else if case.is_form() || case.body.is_empty() {
        vec![(Judge::Python, json!({ "url": url, "params": body }))]
    } else {
        vec![(Judge::Python, json!({ "url": url, "body": body })), (Judge::PythonForm, json!({ "url": url }))]
    }
}

/// A WebSocket's URL with the query in it or as parameters, and with the other ending of the path.
fn socket_readings(case: &Case, judge: Judge, params: &str) -> Vec<Reading> {
    let query = STANDARD.encode(case.url.query());
    let urls = [case.url.clone(), case.url.clone().with_other_slash()];
    let readings = urls.into_iter().flat_map(|url| {
        let whole = json!({ "url": url.to_string() });
        [whole, json!({ "url": url.without_query().to_string(), params: query })]
    });
    readings.map(|reading| (judge, reading)).collect()
}

/// Whether the query has a `bodySHA256`, however its name is written.
fn names_hash(case: &Case) -> bool {
    let names = |pair: &str| pair.starts_with("bodySHA256=") || pair.starts_with("body%53HA256=");
    !matches!(case.shape, Shape::Socket(_)) && case.url.query().split('&').any(names)
}

fn questions(cases: &[Case], readings: &[Vec<Reading>]) -> Value {
    let question = |(case, readings): (&Case, &Vec<Reading>)| {
        json!({
            "token": case.signed.signer.secret(),
            // What applications pass when the header is missing.
            "signature": case.signature.as_deref().unwrap_or_default(),
            "settings": case.settings(),
            "readings": readings.iter().map(|(_, reading)| reading).collect::<Vec<_>>(),
        })
    };
    cases.iter().zip(readings).map(question).collect()
}

fn combine(opinions: &mut Vec<Opinion>, readings: &[Reading], answers: &[bool]) {
    assert_eq!(readings.len(), answers.len());
    for ((judge, _), accepts) in readings.iter().zip(answers) {
        match opinions.iter_mut().find(|(other, _)| other == judge) {
            Some((_, any)) => *any |= accepts,
            None => opinions.push((*judge, *accepts)),
        }
    }
}
