//! What the README tells a newcomer to type, typed, and what it tells to write into an Envoy, written there.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::client::{self, Request, Target};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::sample::{Sample, module, repository};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;

use crate::site::HOST;
use crate::webhook::{PARAMS, form, signature_with};

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).expect("the README")
}

fn readme_block(language: &str, beginning: &str) -> String {
    let (text, fence) = (readme(), format!("\n```{language}\n"));
    let blocks =
        text.split(fence.as_str()).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned());
    blocks.into_iter().find(|block| block.starts_with(beginning)).expect("the block in the README")
}

fn demo(argument: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "-q", "--locked", "-p", "twilio-proxy-wasm-harness", "--bin", "demo", "--"]);
    command.args(argument).current_dir(repository()).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn bash(script: &str) -> (Option<i32>, String) {
    let output = Command::new("bash").args(["-c", script]).current_dir(repository()).output().expect("bash");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The README's `send`, with more arguments.
fn send(more: &str) -> (Option<i32>, String) {
    bash(&(readme_block("sh", "export TWILIO_AUTH_TOKEN") + more))
}

/// `make serve`, until its last line before it waits.
struct Served {
    program: Child,
    output: String,
}

impl Served {
    fn start(stdin: Stdio, last: &str) -> Served {
        let program = demo(Some("serve")).stdin(stdin).spawn().expect("the demo");
        let mut served = Served { program, output: String::new() };
        for line in BufReader::new(served.program.stdout.take().expect("its output")).lines() {
            let line = line.expect("text");
            served.output.extend([&line, "\n"]);
            if line.starts_with(last) {
                return served;
            }
        }
        panic!("the demo did not come up:\n{}", served.output);
    }

    /// What stands behind a name in the output.
    fn place(&self, name: &str) -> &str {
        let place = self.output.lines().find_map(|line| line.trim().strip_prefix(name));
        place.unwrap_or_else(|| panic!("no {name} in:\n{}", self.output)).trim()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Enter or a signal, which end it together with its Envoy; a kill would leave that behind.
        match self.program.stdin.take() {
            Some(mut input) => drop(input.write_all(b"\n")),
            None if matches!(self.program.try_wait(), Ok(None)) => {
                drop(bash(&format!("kill -TERM {}", self.program.id())));
            }
            None => {}
        }
        let _ = self.program.wait();
    }
}

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let output = demo(None).output().expect("the demo");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed: Vec<String> = text.lines().map(squeeze).collect();
    for line in readme_block("text", "request").lines() {
        assert!(printed.contains(&squeeze(line)), "the demo does not print {line:?}:\n{text}");
    }
}

/// One test, because all of it is about one port.
#[test]
fn make_serve_answers_as_the_readme_says_and_tells_where_to_look() {
    {
        let served = Served::start(Stdio::piped(), "Press Enter");
        let (code, text) = send("");
        assert!(code == Some(0) && text.contains("200"), "{code:?} {text}");
        for (forgery, status) in [("signature", "403"), ("too-large", "413")] {
            let (code, text) = send(&format!(" --forge {forgery}"));
            assert!(code == Some(0) && text.contains(status), "{forgery} {code:?} {text}");
        }
        let as_json =
            readme_block("sh", "export TWILIO_AUTH_TOKEN").replace("--webhook sms", "--webhook events");
        for forgery in ["body", "unsigned-body", "repeat-hash", "upper-hash"] {
            let (code, text) = bash(&format!("{as_json} --forge {forgery}"));
            assert!(code == Some(0) && text.contains("403"), "{forgery} {code:?} {text}");
        }
        // Of docs/probe.md, with what it shows.
        let document = std::fs::read_to_string(repository().join("docs/probe.md")).expect("the document");
        for probe in document.split("\n```sh\n").skip(1) {
            let (code, text) = bash(probe.split("\n```").next().unwrap());
            let shown = document.split("\n```text\n").nth(1).unwrap().split("```").next().unwrap();
            assert_eq!((code, text.as_str()), (Some(0), shown));
        }
        // Where it says that these can be followed.
        let read = |name: &str| std::fs::read_to_string(served.place(name)).expect("a log");
        let log = read("access log");
        assert!(log.contains("verdict=denied route=sms reason=signature_mismatch"), "{log}");
        let log = read("Envoy's log");
        assert!(log.contains("twilio_webhook: denied route=sms reason=signature_mismatch"), "{log}");
        let counters = served.place("counters").strip_prefix("http://127.0.0.1:").expect("an address");
        let (port, path) = counters.split_once('/').expect("a path");
        let target = Target::plain(port.parse().expect("a port"));
        let counters =
            client::send(&target, Protocol::Http1, &Request::new("GET", HOST, &format!("/{path}")));
        let counters = counters.expect("an answer").text();
        let counter =
            r#"twilio_webhook_requests_total{route="sms",verdict="denied",reason="body_too_large"} 1"#;
        assert!(counters.contains(counter), "{counters}");

        // Another one does no harm to it: neither to the connections to it, nor to the certificates that it showed.
        let second = demo(Some("serve")).stderr(Stdio::piped()).output().expect("the demo");
        let (code, said) = (second.status.code(), String::from_utf8_lossy(&second.stderr).into_owned());
        assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.starts_with("demo: cannot listen on 127.0.0.1:8443, "), "{said}");
        let (code, text) = send("");
        assert!(code == Some(0) && text.contains("200"), "{code:?} {text}");
    }
    // Nobody who could press Enter: it goes on until a signal comes, and takes its Envoy with it.
    let mut served = Served::start(Stdio::null(), "Press Ctrl-C or send a SIGTERM");
    let (code, text) = send("");
    assert!(code == Some(0) && text.contains("200"), "{code:?} {text}");
    assert_eq!(served.program.try_wait().expect("its state"), None);
    let (code, _) = bash(&format!("kill -TERM {}", served.program.id()));
    assert_eq!(code, Some(0));
    assert!(served.program.wait().expect("its end").success());
    TcpListener::bind("127.0.0.1:8443").expect("a port that nobody listens on");
}

const TOKENS: [(&str, &str); 3] = [
    ("TWILIO_AUTH_TOKEN", "test-token"),
    ("TWILIO_AUTH_TOKEN_NEXT", "test-token-next"),
    ("TWILIO_SHARED_KEY", "test-shared-key"),
];

/// `envoy/envoy.yaml` with the README's filter in place of its own, and this as the filter's configuration if it is not
/// the README's shortest one.
fn with_the_filter_of_the_readme(configuration: Option<&str>, certs: &Certs, upstream: &Upstream) -> String {
    let sample = Sample::read("envoy/envoy.yaml").on_this_machine(certs, 0, upstream.port()).into_text();
    // Everything is routed, and nothing is behind a gate, so that it is the filter that denies.
    let (before, rest) =
        sample.split_once("                        # The ways to the application.").expect("a gate");
    let (_, after) =
        rest.split_once("                        - { name: health, ").expect("the route after it");
    let sample = [before, "                        - { name: health, ", after].concat();
    assert!(sample.contains("{ path: /healthz }"));
    let sample = sample.replace("{ path: /healthz }", "{ prefix: / }");
    let (before, rest) = sample.split_once("                  - name: twilio_webhook\n").expect("the filter");
    let (_, after) =
        rest.split_once("                  - name: envoy.filters.http.router\n").expect("the router");
    let block = readme_block("yaml", "- name: twilio_webhook\n");
    let (upper, shortest) = block.split_once("        value: |\n").expect("a configuration");
    let value = match configuration {
        None => shortest.to_owned(),
        Some(text) => text.lines().map(|line| format!("          {line}\n")).collect(),
    };
    let filter = format!("{upper}        value: |\n{value}");
    let filter = filter.replace("/etc/envoy/twilio_proxy_wasm.wasm", &module().display().to_string());
    let filter: String = filter.lines().map(|line| format!("                  {line}\n")).collect();
    [before, &filter, "                  - name: envoy.filters.http.router\n", after].concat()
}

fn start(binary: &EnvoyBinary, config: &str) -> Envoy {
    let options = TOKENS.iter().fold(Options::default(), |options, (name, value)| options.env(name, value));
    Envoy::start(binary, config, &options)
}

#[test]
fn the_filter_of_the_readme_verifies_with_each_configuration_below_it() {
    let scratch = Scratch::new("readme");
    let certs = Certs::write(scratch.path(), &[HOST]);
    let signed = |path: &str, token: &str| {
        let signature = signature_with(token, &format!("https://{HOST}{path}"), &PARAMS);
        form(path).header("x-twilio-signature", signature)
    };
    let params = PARAMS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let url = format!("https://{HOST}/twilio/events");
    let shared = form("/twilio/events")
        .header(
            "x-twilio-signature",
            sign::signature(Algorithm::HmacSha256, b"test-shared-key", &url, &params),
        )
        .header("x-twilio-webhooks-signature-settings", "key=webhooks_sharedkey_01h,algorithm=HMAC_SHA256");
    let shortest = [
        (signed("/anything", "test-token"), 200, "allowed route=default"),
        (signed("/anything", "test-token-next"), 403, "denied route=default"),
        (form("/anything"), 403, "denied route=default"),
    ];
    let with_routes = [
        (signed("/twilio/sms", "test-token"), 200, "allowed route=sms"),
        (signed("/twilio/sms", "test-token-next"), 200, "allowed route=sms"),
        (form("/twilio/sms"), 403, "denied route=sms"),
        (shared, 200, "allowed route=events"),
        (form("/twilio/events"), 200, "reported route=events"),
        (signed("/anything", "test-token"), 403, "denied route=unmatched"),
    ];
    let routes = readme_block("json", "{");
    assert_eq!(readme().matches("\n```json\n").count(), 1, "each of them is to be run");
    for binary in versions() {
        for (configuration, requests) in [(None, &shortest[..]), (Some(routes.as_str()), &with_routes[..])] {
            let upstream = Upstream::start();
            let config = with_the_filter_of_the_readme(configuration, &certs, &upstream);
            let envoy = start(&binary, &config);
            let target = Target::tls(envoy.listener_port("https"), &certs, HOST);
            for (request, status, verdict) in requests {
                let answer = client::send(&target, Protocol::Http1, request).expect("an answer");
                assert_eq!(answer.status, *status, "Envoy {}: {request:?}", binary.version);
                let text = format!("verdict={verdict} ");
                assert!(envoy.wait_for_output(&text, Duration::from_secs(10)), "{text}: {}", envoy.output());
            }
        }
    }
}

#[test]
fn the_tool_is_installed_by_the_command_that_the_documents_give() {
    let command = "cargo install --locked --path cli";
    for name in ["README.md", "docs/envoy.md"] {
        let text = std::fs::read_to_string(repository().join(name)).expect("a document");
        assert!(text.contains(&format!("`{command}`")), "{name}");
    }
    let scratch = Scratch::new("install");
    // A build without optimisation, which is the one that the tests have anyway.
    let root = scratch.path().display();
    let (code, text) =
        bash(&format!("{command} --offline --debug --root {root} && {root}/bin/twilio-webhook --version"));
    assert_eq!((code, text.trim()), (Some(0), concat!("twilio-webhook ", env!("CARGO_PKG_VERSION"))));
}
