//! Applications that real requests are sent to, directly and through Envoy.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{Failure, Response, Target, h1};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options};
use twilio_proxy_wasm_harness::sample::repository;
use twilio_proxy_wasm_harness::scratch::Scratch;

use crate::site::Layout;

/// How an application is run: its file in `apps/`, or its class, and what it is told.
#[derive(Clone, Copy)]
pub enum Program {
    Node(&'static str, &'static [&'static str]),
    Python(&'static str),
    Java(&'static str),
}

/// An application on a port of its own. Dropped, it is ended.
pub struct App {
    process: Child,
    pub port: u16,
    /// For what it writes.
    _place: Scratch,
}

impl App {
    /// Starts a program. What it needs is in the directory `packages`.
    pub fn start(packages: &str, program: Program) -> App {
        let apps = repository().join("tests/e2e/bypass/apps");
        let place = Scratch::new("application");
        let mut command;
        let name = match program {
            Program::Node(file, arguments) => {
                command = Command::new("node");
                command.arg(apps.join(file)).arg(packages).args(arguments);
                file
            }
            Program::Python(file) => {
                command = Command::new("python3");
                command.arg(apps.join(file)).arg(packages).arg(place.path());
                file
            }
            Program::Java(class) => {
                command = Command::new("java");
                command.arg("-cp").arg(format!("{packages}/jars/*:{packages}/classes")).arg(class);
                class
            }
        };
        let mut process = command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("expected to run {name}: {error}"));
        let mut line = String::new();
        let output = process.stdout.take().expect("a piped output");
        BufReader::new(output).read_line(&mut line).expect("the application's first line");
        let port =
            line.trim().parse().unwrap_or_else(|_| panic!("expected a port from {name}, not {line:?}"));
        App { process, port, _place: place }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Installs what the applications need, and returns the directory that it is in.
pub fn packages() -> String {
    let output = Command::new(repository().join("tools/frameworks")).stderr(Stdio::inherit()).output();
    let output = output.expect("to run tools/frameworks");
    assert!(output.status.success(), "expected tools/frameworks to install the frameworks");
    let packages = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(Path::new(&packages).is_dir(), "{packages}");
    packages
}

/// The host by which Envoy sends to an application.
pub fn host(app: &str) -> String {
    format!("{app}.example.com")
}

/// A cluster of the one application at a port.
pub fn cluster(name: &str, port: u16) -> Value {
    json!({ "name": name, "type": "STATIC", "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [
        { "endpoint": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } } } } ] }] } })
}

/// Starts an Envoy with a listener for each name, plugin and table of routes, and these clusters.
pub fn envoy(binary: &EnvoyBinary, clusters: Vec<Value>, listeners: &[(&str, Value, Value)]) -> Envoy {
    let mut bootstrap = Layout::default().bootstrap(1);
    let listeners = listeners.iter().map(|(name, plugin, virtual_hosts)| {
        let manager = json!({ "route_config": { "name": "apps", "virtual_hosts": virtual_hosts } });
        let layout = Layout { plugin: plugin.clone(), manager, ..Layout::default() };
        let mut listener = layout.listener();
        listener["name"] = json!(name);
        listener
    });
    bootstrap["static_resources"]["listeners"] = listeners.collect();
    bootstrap["static_resources"]["clusters"] = json!(clusters);
    Envoy::start(binary, &bootstrap.to_string(), &Options::default())
}

/// A connection that is opened anew when it has been closed.
pub struct Client {
    target: Target,
    connection: Option<h1::Connection>,
}

impl Client {
    pub fn new(port: u16) -> Client {
        Client { target: Target::plain(port), connection: None }
    }

    /// Sends a POST without a body to a target and a host, both as they are. The answer is its status and its body.
    pub fn post(&mut self, host: &[u8], target: &[u8], signature: &str) -> Result<(u16, String), Failure> {
        let rest = format!("\r\nx-twilio-signature: {signature}\r\ncontent-length: 0\r\n\r\n");
        let head = [b"POST ", target, b" HTTP/1.1\r\nhost: ", host, rest.as_bytes()].concat();
        // One that was open may have been closed meanwhile; then a new one is not.
        let again = self.connection.take().and_then(|connection| self.exchange(connection, &head).ok());
        let response = match again {
            Some(response) => response,
            None => self.exchange(h1::Connection::open(&self.target)?, &head)?,
        };
        Ok((response.status, response.text()))
    }

    /// Keeps the connection unless the server is going to close it, which may take it a second.
    fn exchange(&mut self, mut connection: h1::Connection, head: &[u8]) -> Result<Response, Failure> {
        connection.send(head)?;
        let response = connection.read_response()?;
        if response.headers.get("connection") != Some(b"close") {
            self.connection = Some(connection);
        }
        Ok(response)
    }

    /// Returns true if the handler that is to be protected answers.
    pub fn reaches(&mut self, host: &[u8], target: &[u8]) -> bool {
        self.post(host, target, "").is_ok_and(|(_, text)| text == "protected")
    }
}

/// What readers are known to treat specially, which is inserted in more than one escape.
const SPECIAL: &[u8] = b"/\\.;?#&%\0\t ";

/// Every byte, and every escape of one, at every place of a text: before what stands there, and in its place. But for control
/// characters, which Envoy refuses, and bytes beyond ASCII, which it refuses over HTTP/1.1 and hands on over HTTP/2: the table of
/// targets has those, and the generator of `tests/properties.rs`.
pub fn spellings(text: &str) -> Vec<Vec<u8>> {
    let unit = |byte: &u8| format!("%u00{byte:02x}").into_bytes();
    let twice = |byte: &u8| format!("%25{byte:02x}").into_bytes();
    let mut pieces: Vec<Vec<u8>> = (b'!'..=b'~').map(|byte| vec![byte]).collect();
    pieces.extend((0..=0xFF_u8).map(|byte| format!("%{byte:02x}").into_bytes()));
    pieces.extend(SPECIAL.iter().flat_map(|byte| [unit(byte), twice(byte)]));
    let text = text.as_bytes();
    let mut spellings = Vec::new();
    for at in 0..=text.len() {
        let (before, behind) = text.split_at(at);
        let mut spell = |piece: &[u8], behind: &[u8]| spellings.push([before, piece, behind].concat());
        pieces.iter().for_each(|piece| spell(piece, behind));
        if let Some((own, behind)) = behind.split_first() {
            let of_own = [unit(own), twice(own)];
            pieces.iter().chain(&of_own).for_each(|piece| spell(piece, behind));
        }
    }
    spellings
}
