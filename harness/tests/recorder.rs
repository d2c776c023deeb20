//! The recorder as a program.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use twilio_proxy_wasm_harness::client::{self, Request, Target};
use twilio_proxy_wasm_harness::upstream::Protocol;

/// Killed when the test is over, however it ends.
struct Recorder(Child);

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn prints_a_line_for_each_request() {
    let mut recorder = Recorder(
        Command::new(env!("CARGO_BIN_EXE_recorder"))
            .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the recorder to run"),
    );
    let mut lines = BufReader::new(recorder.0.stdout.take().expect("a pipe")).lines();
    let mut line = || lines.next().expect("another line").expect("a readable pipe");

    let greeting = line();
    let ports: Vec<u16> =
        greeting.split([',', ' ']).filter_map(|word| word.strip_prefix("127.0.0.1:")?.parse().ok()).collect();
    let [listen, control] = ports[..] else { panic!("expected two addresses in {greeting}") };

    let request = Request::new("POST", "hooks.example.com", "/sms").body("Body=Hi");
    for protocol in [Protocol::Http1, Protocol::Http2] {
        client::send(&Target::plain(listen), protocol, &request).expect("an answer");
        let expected = format!("POST /sms {}, host hooks.example.com, 7 bytes", protocol.name());
        assert_eq!(line(), expected);
    }
    let record = Request::new("GET", "localhost", "/requests");
    let record = client::send(&Target::plain(control), Protocol::Http1, &record).expect("an answer");
    assert_eq!(record.text().matches("Body=Hi").count(), 2);
}

#[test]
fn says_how_to_use_it() {
    let run = |argument| {
        let output = Command::new(env!("CARGO_BIN_EXE_recorder")).arg(argument).output().expect("to run");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, help, _) = run("--help");
    assert_eq!(code, Some(0));
    for option in
        ["Usage: recorder", "--listen <ADDRESS>", "--control <ADDRESS>", "--certs <DIRECTORY=HOST,...>"]
    {
        assert!(help.contains(option), "{option}: {help}");
    }
    for wrong in ["--certs=directory", "--listen=nowhere", "--upstream", "more"] {
        let (code, _, error) = run(wrong);
        assert_eq!(code, Some(2), "{wrong}: {error}");
        assert!(error.contains(wrong.split('=').next_back().expect("a word")), "{error}");
    }
}
