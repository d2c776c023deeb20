//! The command `probe`: its options, its report, its exit codes. What real Envoys answer is in tests/e2e/probe.rs of the
//! repository.

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::temporary;
use serde_json::Value;
use twilio_webhook::client::Answer;
use twilio_webhook::probe::Outcome;

const TOKEN: &str = "a-token-that-nobody-may-see";
const DENIED: &str = "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\nserver: envoy\r\n\
                      content-length: 33\r\n\r\nTwilio Request Validation Failed.";
const GATE: &str = "HTTP/1.1 403 Forbidden\r\nserver: envoy\r\ncontent-length: 0\r\n\r\n";
const MISPLACED: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\nserver: envoy\r\n\
                         content-length: 21\r\n\r\nInternal Server Error";
const NAMELESS: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const NO_ROUTE: &str = "HTTP/1.1 404 Not Found\r\nserver: envoy\r\ncontent-length: 0\r\n\r\n";

/// Answers each request by its number and whole text, and keeps the texts.
struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &str) -> &'static str + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let store = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&mut stream);
                let number = store.lock().unwrap().len();
                let text = answer(number, &request);
                store.lock().unwrap().push(request);
                stream.write_all(text.as_bytes()).unwrap();
            }
        });
        Server { address, received }
    }

    fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    fn probe(&self, more: &[&str]) -> Command {
        let address = self.address.to_string();
        let mut arguments = vec!["http://hooks.example.com/sms", "--connect", &address];
        arguments.extend(more);
        probe(&arguments)
    }
}

/// A request with its whole body.
fn read(stream: &mut TcpStream) -> String {
    let (mut seen, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "{seen}");
        seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        let Some((head, body)) = seen.split_once("\r\n\r\n") else { continue };
        let length = head.split_once("Content-Length: ").map(|(_, rest)| rest.lines().next().unwrap());
        let is_whole = match length {
            Some(length) => body.len() == length.parse::<usize>().unwrap(),
            None => !head.contains("chunked") || body.ends_with("0\r\n\r\n"),
        };
        if is_whole {
            return seen;
        }
    }
}

fn probe(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twilio-webhook"));
    command.arg("probe").args(arguments).env_clear().env("THE_TOKEN", TOKEN);
    command
}

/// Runs it; whatever it says, it must not say the token.
#[track_caller]
fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(!stdout.contains(TOKEN) && !stderr.contains(TOKEN), "{stdout}{stderr}");
    (status.code().unwrap(), stdout, stderr)
}

/// Whether a request is signed with the token.
fn is_signed(request: &str) -> bool {
    let header = |name: &str| {
        request.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned).unwrap_or_default()
    };
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let target = head.split(' ').nth(1).unwrap();
    let body: String = match head.contains("chunked") {
        // The lines between are the lengths of chunks.
        true => body.split("\r\n").skip(1).step_by(2).collect(),
        false => body.to_owned(),
    };
    let form =
        if head.contains("x-www-form-urlencoded") { twilio_webhook::form::decode(&body) } else { vec![] };
    let scheme = if head.contains("websocket") { "ws" } else { "http" };
    let expected = twilio_webhook::sign::signature(
        twilio_webhook::key::Algorithm::HmacSha1,
        TOKEN.as_bytes(),
        &format!("{scheme}://hooks.example.com{target}"),
        &form,
    );
    header("X-Twilio-Signature: ") == expected
}

#[test]
fn a_filter_that_denies_what_is_forged_is_verified_and_each_request_says_what_it_is() {
    let server = Server::start(|_, _| DENIED);
    let (code, stdout, stderr) = run(&mut server.probe(&[]));
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let lines: Vec<&str> = stdout.lines().collect();
    let address = server.address;
    assert_eq!(lines[0], format!("http://hooks.example.com/sms at {address}: the filter verifies"));
    assert_eq!(lines[1], "  ok  unsigned form       403  denied by the filter");
    assert_eq!(lines.len(), 11);
    let received = server.received();
    assert_eq!(received.len(), 10);
    for (number, request) in received.iter().enumerate() {
        assert!(request.contains("\r\nX-Twilio-Webhook-Probe: 1\r\n"), "{request}");
        assert!(request.contains("\r\nUser-Agent: twilio-webhook-probe/"), "{request}");
        assert!(request.contains("\r\nHost: hooks.example.com\r\n"), "{request}");
        assert_eq!(request.contains("\r\nX-Twilio-Signature: "), number >= 5, "{request}");
        assert!(!is_signed(request), "{request}");
    }
    let methods: Vec<&str> = received.iter().map(|request| request.split(' ').next().unwrap()).collect();
    assert_eq!(methods[..5], ["POST", "GET", "POST", "POST", "GET"]);
    assert!(received[3].contains("Transfer-Encoding: chunked") && received[4].contains("Upgrade: websocket"));
}

#[test]
fn what_is_signed_has_to_pass() {
    let server = Server::start(|_, request| if is_signed(request) { OK } else { DENIED });
    let signed = ["--token-env", "THE_TOKEN", "--skip", "websocket"];
    let (code, stdout, _) = run(&mut server.probe(&signed));
    assert_eq!(code, 0, "{stdout}");
    assert_eq!(server.received().iter().filter(|request| is_signed(request)).count(), 4);
    let file = temporary("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let from_file = ["--token-file", file.to_str().unwrap(), "--skip", "websocket"];
    assert_eq!(run(&mut server.probe(&from_file)).0, 0);

    let deaf = Server::start(|_, _| DENIED);
    let (code, stdout, _) = run(&mut deaf.probe(&signed));
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains(": what is rightly signed is denied\n"), "{stdout}");
    assert!(stdout.contains("  NO  signed form         403  denied by the filter\n"), "{stdout}");
}

#[test]
fn an_account_and_a_shared_key_are_named_in_the_requests() {
    let server = Server::start(|_, _| DENIED);
    let sid = "AC0123456789abcdef0123456789abcdef";
    let key = "webhooks_sharedkey_01h";
    let more = ["--token-env", "THE_TOKEN", "--shared-key", key, "--account-sid", sid];
    run(&mut server.probe(&more));
    for request in server.received() {
        let settings = format!("X-Twilio-Webhooks-Signature-Settings: key={key},algorithm=HMAC_SHA256");
        assert!(request.contains(&settings), "{request}");
        // A chunk may end within it.
        assert!(request.contains(&format!("AccountSid={sid}")) || request.contains("chunked"), "{request}");
    }
    let (code, stdout, stderr) = run(&mut server.probe(&["--shared-key", key]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("--token-env or --token-file"), "{stderr}");
    let (code, _, stderr) = run(&mut server.probe(&["--token-env", "NOT_SET"]));
    assert_eq!(code, 3, "{stderr}");
}

/// The exit code, and the verdict in JSON, of each answer to everything.
#[test]
fn exit_codes_tell_open_from_unclear() {
    for (answer, more, code, passed, verdict) in [
        (DENIED, &[][..], 0, true, "verified"),
        (GATE, &[], 0, true, "closed"),
        (GATE, &["--strict"], 8, false, "closed"),
        (GATE, &["--token-env", "THE_TOKEN"], 1, false, "signed_denied"),
        (OK, &[], 1, false, "open"),
        (MISPLACED, &[], 1, false, "misplaced"),
        (NO_ROUTE, &[], 8, false, "unclear"),
    ] {
        let server = Server::start(move |_, _| answer);
        let arguments = [more, &["--json", "--skip", "held"]].concat();
        let (found, stdout, stderr) = run(&mut server.probe(&arguments));
        assert_eq!(found, code, "{stdout}{stderr}");
        assert_eq!(stderr.starts_with("error: 1 of 1 URLs "), code == 8, "{stderr}");
        let report: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(report["passed"], passed);
        assert_eq!(report["urls"][0]["verdict"], verdict);
        let first = &report["urls"][0]["requests"][0];
        assert_eq!(first["request"], "unsigned form");
        assert_eq!(first["kind"], "form");
        assert!(first["idempotency_token"].as_str().unwrap().len() == 36, "{first}");
    }
}

#[test]
fn where_nobody_answers_the_exit_code_says_why() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, stdout, stderr) = run(&mut probe(&["http://hooks.example.com/", "--connect", &gone]));
    assert_eq!(code, 4, "{stderr}");
    assert!(stdout.contains(": unclear\n") && stdout.contains("  ?   unsigned form       -  "), "{stdout}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let arguments = ["http://hooks.example.com/", "--connect", &address, "--timeout", "0.2"];
    assert_eq!(run(&mut probe(&arguments)).0, 6);
}

#[test]
fn a_roll_out_is_waited_for_and_an_open_application_gets_one_request_a_round() {
    // Two rounds in which it is open.
    let server = Server::start(|number, _| if number < 2 { OK } else { DENIED });
    let started = Instant::now();
    let (code, stdout, _) = run(&mut server.probe(&["--wait", "60s", "--skip", "held"]));
    assert_eq!(code, 0, "{stdout}");
    assert_eq!(server.received().len(), 2 + 8);
    assert!((4..40).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[test]
fn the_last_round_of_a_roll_out_that_does_not_come_is_told_whole() {
    let server = Server::start(|_, _| OK);
    let (code, stdout, _) = run(&mut server.probe(&["--wait", "1", "--skip", "held"]));
    assert_eq!(code, 1, "{stdout}");
    assert_eq!(stdout.matches("  NO  ").count(), 8, "{stdout}");
    assert_eq!(server.received().len(), 1 + 8);
}

#[test]
fn a_websocket_url_gets_handshakes_alone() {
    let server = Server::start(|_, _| DENIED);
    let address = server.address.to_string();
    let (code, _, _) = run(&mut probe(&["ws://hooks.example.com/stream", "--connect", &address]));
    assert_eq!(code, 0);
    assert!(server.received().iter().all(|request| request.contains("Upgrade: websocket")));
    assert_eq!(server.received().len(), 2);
    let nothing = ["ws://hooks.example.com/stream", "--skip", "websocket", "--connect", &address];
    let (code, _, stderr) = run(&mut probe(&nothing));
    assert_eq!((code, stderr.contains("nothing is left to send")), (2, true), "{stderr}");
}

#[test]
fn a_name_is_resolved_as_told_and_every_address_is_asked() {
    let server = Server::start(|_, _| DENIED);
    let port = server.address.port();
    let url = format!("http://hooks.example.com:{port}/sms");
    let resolve = format!("HOOKS.example.com:{port}:127.0.0.1");
    let (code, stdout, _) = run(&mut probe(&[&url, "--resolve", &resolve, "--skip", "held"]));
    assert_eq!(code, 0, "{stdout}");
    let (code, _, stderr) = run(&mut probe(&["http://hooks.example.com/sms", "--resolve", &resolve]));
    assert_eq!((code, stderr.contains("no URL is of that host and port")), (2, true), "{stderr}");
    for wrong in ["hooks.example.com:443", "hooks.example.com:443:there", ":443:127.0.0.1", "a:b:127.0.0.1"] {
        assert_eq!(run(&mut probe(&[&url, "--resolve", wrong])).0, 2, "{wrong}");
    }
    let mut send = Command::new(env!("CARGO_BIN_EXE_twilio-webhook"));
    send.args(["send", &url, "--resolve", &resolve, "--forge", "missing-signature"]).env_clear();
    let (code, stdout, stderr) = run(&mut send);
    assert_eq!((code, stdout.starts_with("403 ")), (0, true), "{stdout}{stderr}");
    let local = format!("localhost:{port}");
    let every = ["http://hooks.example.com/sms", "--connect", &local, "--every-address", "--skip", "held"];
    let (_, stdout, _) = run(&mut probe(&every));
    assert!(stdout.contains(&format!("at 127.0.0.1:{port}: the filter verifies")), "{stdout}");
}

#[test]
fn a_dry_run_shows_all_but_the_signatures_and_sends_nothing() {
    // The variable is not read.
    let arguments = [
        "https://hooks.example.com/sms?x=1",
        "--token-env",
        "NOT_SET",
        "--connect",
        "127.0.0.1:1",
        "--dry-run",
    ];
    let (code, stdout, stderr) = run(&mut probe(&arguments));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout.lines().next(), Some("https://hooks.example.com/sms?x=1"));
    assert_eq!(stdout.matches("X-Twilio-Webhook-Probe: 1").count(), 15);
    assert_eq!(stdout.matches("X-Twilio-Signature: (made when it is sent)").count(), 10);
    assert_eq!(stdout.matches("X-Twilio-Signature: ").count(), 10);
    assert!(stdout.contains("signed form\n  POST /sms?x=1\n"), "{stdout}");
}

/// Envoy does not mark what an application answers to a handshake, and with Envoy Gateway has no name. What is denied for
/// certain by the same URL speaks for these.
#[test]
fn an_empty_403_alone_may_be_the_applications() {
    let url = "http://hooks.example.com/sms";
    for (answer, url, code, marked) in [
        (GATE, "ws://hooks.example.com/stream", 8, "  ?   unsigned WebSocket"),
        (GATE, url, 0, "  ok  unsigned WebSocket"),
        (NAMELESS, url, 8, "  ?   unsigned form"),
    ] {
        let server = Server::start(move |_, _| answer);
        let (found, stdout, _) = run(&mut probe(&[url, "--connect", &server.address.to_string()]));
        assert_eq!(found, code, "{stdout}");
        assert!(stdout.contains(marked), "{stdout}");
    }
    let is_socket = |request: &str| request.contains("Upgrade: websocket");
    let server = Server::start(move |_, request| if is_socket(request) { NAMELESS } else { DENIED });
    let (code, stdout, _) = run(&mut server.probe(&["--strict"]));
    assert_eq!(code, 0, "{stdout}");
}

/// What is not in tests/e2e/probe.rs.
#[test]
fn an_answer_is_a_denial_only_if_the_proxy_alone_could_have_given_it() {
    use Outcome::{CameThrough, Denied, DeniedByProxy, Misplaced, Unclear};
    const WORDS: &str = "Twilio Request Validation Failed.";
    let plain = ("content-type", "text/plain");
    let envoy = ("server", "envoy");
    let mark = ("x-envoy-upstream-service-time", "3");
    for (status, body, headers, outcome, behind) in [
        (403, WORDS, &[plain, envoy][..], Denied, Denied),
        (403, WORDS, &[plain], Denied, Denied),
        (403, WORDS, &[envoy], CameThrough, CameThrough),
        (403, WORDS, &[plain, mark], Unclear, Denied),
        (403, WORDS, &[plain, ("x-powered-by", "Express")], CameThrough, CameThrough),
        (403, WORDS, &[("content-type", "text/plain; charset=utf-8"), envoy], CameThrough, CameThrough),
        (403, "", &[envoy], DeniedByProxy, DeniedByProxy),
        (403, "", &[("server", "istio-envoy")], DeniedByProxy, DeniedByProxy),
        (403, "", &[], DeniedByProxy, DeniedByProxy),
        (403, "", &[("server", "Kestrel")], Unclear, Unclear),
        (403, "", &[envoy, mark], CameThrough, DeniedByProxy),
        (403, "Forbidden", &[envoy], CameThrough, CameThrough),
        (403, "RBAC: access denied", &[envoy], DeniedByProxy, DeniedByProxy),
        (403, "RBAC: access denied", &[envoy, mark], CameThrough, DeniedByProxy),
        (200, "", &[], CameThrough, CameThrough),
        (200, WORDS, &[plain], CameThrough, CameThrough),
        (204, "", &[mark], CameThrough, CameThrough),
        (101, "", &[], CameThrough, CameThrough),
        (302, "", &[envoy], Unclear, Unclear),
        (302, "", &[mark], CameThrough, Unclear),
        (400, "", &[envoy], Unclear, Unclear),
        (400, "bad", &[envoy], CameThrough, CameThrough),
        (404, "", &[envoy], Unclear, Unclear),
        (404, "", &[envoy, mark], CameThrough, Unclear),
        (404, "Not Found", &[envoy], CameThrough, CameThrough),
        (405, "", &[], Unclear, Unclear),
        (413, "Payload Too Large", &[plain, envoy], DeniedByProxy, DeniedByProxy),
        (413, "Payload Too Large", &[plain, envoy, mark], CameThrough, DeniedByProxy),
        (500, "Internal Server Error", &[plain, envoy], Misplaced, Misplaced),
        (500, "Internal Server Error", &[envoy], CameThrough, CameThrough),
        (500, "Internal Server Error", &[plain, mark], CameThrough, Misplaced),
        (500, "", &[envoy], Unclear, Unclear),
        (503, "", &[envoy], Unclear, Unclear),
        (503, "no healthy upstream", &[plain, envoy], CameThrough, Unclear),
        (504, "upstream request timeout", &[plain, envoy], CameThrough, Unclear),
        (503, "down", &[envoy], CameThrough, CameThrough),
    ] {
        let answer = Answer {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.into(),
            echoes: Vec::new(),
            elapsed: Duration::ZERO,
        };
        assert_eq!(Outcome::of(&answer, false).0, outcome, "{answer:?}");
        assert_eq!(Outcome::of(&answer, true).0, behind, "behind another Envoy: {answer:?}");
    }
}
