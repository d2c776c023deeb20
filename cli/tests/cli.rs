//! The tool as a user meets it: output, exit codes, and that no token is ever shown.

mod common;

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Output};

use common::{Server, temporary};

const TOKEN: &str = "a-token-that-nobody-may-see";
const URL: &str = "https://hooks.example.com/x";

fn tool(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twilio-webhook"));
    command.args(args).env_clear().env("TWILIO_AUTH_TOKEN", TOKEN);
    command
}

/// Runs the tool; whatever it says, it must not say the token, and it must not fall over.
#[track_caller]
fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    for text in [&stdout, &stderr] {
        assert!(!text.contains(TOKEN), "the token is shown: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
    (status.code().unwrap(), stdout, stderr)
}

/// A failure: this exit code, nothing on standard output, one line on standard error that says this.
#[track_caller]
fn fails(command: &mut Command, code: i32, says: &str) {
    let (got, stdout, stderr) = run(command);
    assert_eq!(got, code, "{stderr}");
    assert_eq!(stdout, "");
    assert!(stderr.starts_with("error: ") && stderr.contains(says), "{stderr}");
    // clap explains a wrong command line in several lines.
    assert!(code == 2 || stderr.lines().count() == 1, "{stderr}");
}

fn send<'a>(address: &'a str, cacert: &'a str, more: &[&'a str]) -> Command {
    let mut args = vec!["send", URL, "--connect", address, "--cacert", cacert];
    args.extend(more);
    tool(&args)
}

#[test]
fn sign_prints_the_signature_alone() {
    let args = ["sign", "https://mycompany.com/myapp.php?foo=1&bar=2"];
    let (code, stdout, stderr) = run(tool(&args).env("TWILIO_AUTH_TOKEN", "12345"));
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "zYQTYrRWXE7LtzbG4PfP7/bkkGo=\n", ""));
    let json = ["sign", args[1], "--json", r#"{"property": "value", "boolean": true}"#];
    let (code, stdout, stderr) = run(tool(&json).env("TWILIO_AUTH_TOKEN", "12345"));
    assert_eq!((code, stdout.as_str()), (0, "a9nBmqA0ju/hNViExpshrM61xv4=\n"));
    assert!(
        stderr.contains(
            "note: this is for the URL https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff"
        )
    );
}

#[test]
fn sign_with_a_shared_key() {
    let mut command = tool(&[
        "sign",
        "https://mycompany.com/myapp.php?foo=1&bar=2",
        "--param",
        "CallSid=CA1234567890ABCDE",
        "--param",
        "Caller=+14158675309",
        "--param",
        "Digits=1234",
        "--param",
        "From=+14158675309",
        "--param",
        "To=+18005551212",
        "--shared-key",
        "webhooks_sharedkey_test",
        "--shared-key-env",
        "THE_KEY",
    ]);
    let (code, stdout, _) = run(command.env("THE_KEY", "12345"));
    assert_eq!((code, stdout.as_str()), (0, "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=\n"));
}

#[test]
fn the_curl_command_survives_a_shell() {
    // printf stands for curl: what the shell passes on is what was meant.
    let body = "it's \"$HOME\" `id` \\ % é";
    let (code, stdout, _) =
        run(&mut tool(&["sign", "https://x.example/a?b='c'&d={1}", "--json", body, "--curl"]));
    assert_eq!(code, 0);
    let script = stdout.replacen("curl ", "printf '%s\\n' ", 1);
    let words = Command::new("sh").args(["-c", &script]).output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(words.lines().any(|word| word == body), "{words}");
    assert!(
        words.lines().any(|word| word.starts_with("https://x.example/a?b='c'&d={1}&bodySHA256=")),
        "{words}"
    );
}

#[test]
fn send_prints_the_answer_and_judges_it() {
    let server = Server::start();
    let (address, cacert) = (server.tls.to_string(), server.cacert.to_str().unwrap().to_owned());
    let exit = |more: &[&str]| run(&mut send(&address, &cacert, more)).0;
    let (code, stdout, stderr) = run(&mut send(&address, &cacert, &["--webhook", "sms", "--http", "2"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("200 OK (HTTP/2, ") && stdout.contains("\nok\n"), "{stdout}");
    assert_eq!(exit(&["--header", "X-Answer: 403"]), 1);
    assert_eq!(exit(&["--header", "X-Answer: 403", "--forge", "signature"]), 0);
    assert_eq!(exit(&["--forge", "signature"]), 1);
    assert_eq!(exit(&["--forge", "signature", "--expect", "200"]), 0);
    assert_eq!(exit(&["--webhook", "websocket", "--frame", "hello"]), 0);
    assert_eq!(exit(&["--param", "A=b", "--method", "PUT"]), 0);
}

#[test]
fn exit_code_2_for_what_cannot_be() {
    fails(&mut tool(&["send"]), 2, "URL");
    fails(&mut tool(&["sign", "not a url"]), 2, "holds a space");
    fails(&mut tool(&["sign", URL, "--param", "nothing"]), 2, "NAME=VALUE");
    fails(&mut tool(&["send", URL, "--connect", "nowhere"]), 2, "is not HOST:PORT");
}

#[test]
fn what_a_forgery_needs_is_told_with_the_option_that_gives_it() {
    let json = "a JSON body: give --webhook events, or --json";
    let shared = "a shared key: give --shared-key ID";
    let params = "a request with parameters: give --webhook sms, or --param";
    for (webhook, forge, needs) in [
        ("sms", "body", json),
        ("sms", "unsigned-body", json),
        ("sms", "repeat-hash", json),
        ("sms", "upper-hash", json),
        ("sms", "algorithm", shared),
        ("sms", "key-id", shared),
        ("events", "parameter", params),
        ("empty", "extra-parameter", params),
        ("empty", "too-large", "a request with a body: give --webhook sms or events"),
    ] {
        let (code, stdout, stderr) = run(&mut tool(&["send", URL, "--webhook", webhook, "--forge", forge]));
        assert_eq!((code, stdout.as_str()), (2, ""));
        assert_eq!(stderr, format!("error: the forgery `{forge}` needs {needs}\n"));
    }
}

#[test]
fn exit_code_3_without_a_token() {
    fails(tool(&["sign", URL]).env_remove("TWILIO_AUTH_TOKEN"), 3, "TWILIO_AUTH_TOKEN is not set");
    fails(tool(&["sign", URL]).env("TWILIO_AUTH_TOKEN", ""), 3, "is empty");
    fails(tool(&["send", URL]).env("TWILIO_AUTH_TOKEN", " "), 3, "is empty");
    fails(&mut tool(&["sign", URL, "--auth-token-env", "OTHER"]), 3, "OTHER is not set");
    let empty = temporary("token");
    std::fs::write(&empty, "\n").unwrap();
    fails(&mut tool(&["sign", URL, "--auth-token-file", empty.to_str().unwrap()]), 3, "is empty");
}

#[test]
fn a_token_file_may_end_in_a_line_end() {
    let path = temporary("token");
    std::fs::write(&path, format!("{TOKEN}\r\n")).unwrap();
    let by_file = run(tool(&["sign", URL, "--auth-token-file", path.to_str().unwrap()]).env_clear());
    assert_eq!(by_file, run(&mut tool(&["sign", URL])));
}

#[test]
fn exit_code_4_when_nobody_is_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    fails(&mut tool(&["send", URL, "--connect", &free]), 4, "cannot connect to 127.0.0.1");
    fails(&mut tool(&["send", "https://no-such-name.invalid/"]), 4, "cannot find no-such-name.invalid");
}

#[test]
fn exit_code_5_when_the_certificate_is_refused() {
    let server = Server::start();
    fails(&mut tool(&["send", URL, "--connect", &server.tls.to_string()]), 5, "hooks.example.com");
    fails(&mut tool(&["send", URL, "--connect", &server.clear.to_string()]), 5, "does not speak TLS");
}

#[test]
fn exit_code_6_when_nothing_comes() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    fails(&mut tool(&["send", URL, "--connect", &address, "--timeout", "0.2"]), 6, "within 0.2 s");
}

#[test]
fn exit_code_7_for_files_and_protocols() {
    fails(&mut tool(&["scenario", "/nowhere/at/all.toml"]), 7, "cannot read /nowhere/at/all.toml");
    fails(&mut tool(&["sign", URL, "--json", "@/nowhere"]), 7, "cannot read /nowhere");
    fails(&mut tool(&["send", URL, "--cacert", "/nowhere"]), 7, "cannot read certificates");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"220 smtp.example.com\r\n"));
    fails(&mut tool(&["send", "http://x.example/", "--connect", &address]), 7, "not HTTP/1.1");
}

#[test]
fn help_tells_the_exit_codes() {
    let (code, stdout, _) = run(&mut tool(&["--help"]));
    assert_eq!(code, 0);
    for line in ["  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "  5  ", "  6  ", "  7  "] {
        assert!(stdout.contains(line), "{stdout}");
    }
    let (_, stdout, _) = run(&mut tool(&["send", "--help"]));
    assert!(stdout.contains("two-signatures") && stdout.contains("One bit of the signature is flipped"));
    for (command, does) in [("sign", "Sign"), ("send", "Sign"), ("explain", "Verify")] {
        let (_, stdout, _) = run(&mut tool(&[command, "--help"]));
        let text = format!("{does} with the shared key of this id instead");
        assert_eq!(stdout.matches("with the shared key of this id").count(), 1, "{command}");
        assert!(stdout.contains(&text), "{stdout}");
    }
}

#[test]
fn a_scenario_is_run_with_log_and_recorder() {
    let server = Server::start();
    let file = temporary("scenario.toml");
    let row = |name: &str, more: &str| format!("[[scenario]]\nname = \"{name}\"\nurl = \"{URL}\"\n{more}\n");
    let good = row(
        "good",
        "webhook = \"sms\"\nheaders = { X-Reason = \"none\" }\n\
         expect = { status = 200, reason = \"none\", upstream = \"received\" }",
    );
    let refused = row(
        "refused",
        "webhook = \"sms\"\nforge = \"signature\"\nheaders = { X-Reason = \"signature_mismatch\", X-Answer = \"403\" }\n\
         expect = { status = 403, reason = \"signature_mismatch\", upstream = \"nothing\" }",
    );
    let scenario = |text: &str, more: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let (target, upstream) = (format!("envoy={}", server.tls), format!("http://{}", server.clear));
        let mut command =
            tool(&["scenario", file.to_str().unwrap(), "--target", &target, "--upstream", &upstream]);
        command.arg("--access-log").arg(&server.access_log).arg("--cacert").arg(&server.cacert);
        run(command.args(["--patience", "1"]).args(more))
    };
    let (code, stdout, stderr) = scenario(&format!("{good}{refused}"), &[]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.ends_with("\n2 of 2 as expected\n"), "{stdout}");

    let output = temporary("report.xml");
    let wrong = row("wrong", "expect = { status = 404 }");
    let more = ["--format", "junit", "--output", output.to_str().unwrap()];
    let (code, stdout, _) = scenario(&format!("{good}{wrong}"), &more);
    assert_eq!((code, stdout.as_str()), (1, ""));
    let report = std::fs::read_to_string(output).unwrap();
    roxmltree::Document::parse(&report).unwrap();
    assert!(report.contains("expected status 404, got 200") && !report.contains(TOKEN), "{report}");

    let (code, stdout, _) = scenario(&good, &["--format", "json"]);
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["rows"][0]["reason"], "none");

    let (code, _, stderr) = scenario(&good.replace("\"sms\"", "\"sms\"\nkey = { env = \"NOT_SET\" }"), &[]);
    assert_eq!((code, stderr.lines().count()), (3, 1), "{stderr}");
}

#[test]
fn a_scenario_that_reaches_nobody_says_so() {
    let file = temporary("scenario.toml");
    std::fs::write(
        &file,
        format!("[[scenario]]\nname = \"a\"\nurl = \"{URL}\"\nexpect = {{ status = 200 }}\n"),
    )
    .unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = format!("envoy={free}");
    let (code, stdout, stderr) = run(&mut tool(&["scenario", file.to_str().unwrap(), "--target", &target]));
    assert_eq!(code, 4, "{stderr}");
    assert!(stdout.contains("no answer") && stderr.starts_with("error: cannot connect"), "{stdout}{stderr}");
}
