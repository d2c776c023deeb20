//! Scenario files against a server in this process: what passes, what does not and why, and the reports.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::Server;
use twilio_webhook::client::Options;
use twilio_webhook::failure::Failure;
use twilio_webhook::report;
use twilio_webhook::scenario::{Row, Setup, Suite, lookup, run};

/// A setup as the demo has it: its own lookups instead of files and URLs.
fn setup(server: &Server) -> Setup<'_> {
    let received = Arc::clone(&server.received);
    Setup {
        targets: [("envoy".to_owned(), server.tls.to_string())].into(),
        client: Options { cacert: Some(server.cacert.clone()), timeout: Duration::from_secs(5) },
        env: Box::new(|name| name.starts_with("TOKEN").then(|| format!("the value of {name}"))),
        reason: Some(Box::new(|token| lookup::access_log(&server.access_log, token))),
        upstream: Some(Box::new(move |token| {
            let received = received.lock().unwrap();
            let has_token = |header: &(String, String)| header.1 == token;
            Ok(received.iter().filter(|request| request.headers.iter().any(has_token)).cloned().collect())
        })),
        patience: Duration::from_millis(300),
    }
}

/// Runs one scenario, given as the lines between its name and its end.
fn run_one(lines: &str) -> Row {
    let text = format!(
        "[[scenario]]\nname = \"one\"\nurl = \"https://hooks.example.com/x\"\nkey = {{ env = \"TOKEN\" }}\n{lines}\n"
    );
    let server = Server::start();
    run(&text.parse().unwrap(), &setup(&server)).unwrap().remove(0)
}

#[track_caller]
fn passes(lines: &str) {
    let row = run_one(lines);
    assert!(row.passed, "{}", row.detail);
    assert_eq!(row.detail, "");
}

#[track_caller]
fn fails(lines: &str, why: &str) {
    let row = run_one(lines);
    assert!(!row.passed);
    assert!(row.detail.contains(why), "{}", row.detail);
}

#[test]
fn what_is_as_expected_passes() {
    let received = "expect = { status = 200, upstream = \"received\" }";
    for kind in ["sms", "voice", "status", "get", "events", "empty"] {
        for http in ["1.1", "2"] {
            passes(&format!("webhook = \"{kind}\"\nhttp = \"{http}\"\n{received}"));
        }
    }
    let frames = "webhook = \"websocket\"\nframes = [\"a\", \"b\"]";
    passes(&format!("{frames}\nexpect = {{ status = 101, upstream = \"received\" }}"));
    passes(&format!("{frames}\nhttp = \"2\"\n{received}"));
    passes(&format!("json = '[1]'\n{received}"));
    passes(&format!("params = {{ A = [\"1\", \"2\"], B = \"\" }}\n{received}"));
    passes(
        "webhook = \"sms\"\nheaders = { X-Answer = \"403\", X-Reason = \"signature_mismatch\" }\n\
         expect = { status = 403, reason = \"signature_mismatch\", verdict = \"denied\", upstream = \"nothing\" }",
    );
    passes(
        "headers = { X-Reason = \"none\" }\nexpect = { status = 200, reason = \"none\", verdict = \"allowed\" }",
    );
}

#[test]
fn what_is_not_as_expected_fails_and_says_why() {
    fails("expect = { status = 403 }", "expected status 403, got 200");
    fails("headers = { X-Answer = \"503\" }\nexpect = { status = 200 }", "expected status 200, got 503");
    fails("expect = { status = 200, upstream = \"nothing\" }", "reached the application");
    fails(
        "headers = { X-Answer = \"403\" }\nexpect = { status = 403, upstream = \"received\" }",
        "did not reach the application",
    );
    let reason = "headers = { X-Answer = \"403\", X-Reason = \"missing_signature\" }\n";
    fails(
        &format!("{reason}expect = {{ status = 403, reason = \"unknown_key\", verdict = \"reported\" }}"),
        "expected reason unknown_key, the access log has missing_signature; \
         expected verdict reported, the access log has denied",
    );
    // A filter that has left nothing in the log has not allowed anything: it was not asked.
    fails("expect = { status = 200, reason = \"none\" }", "expected reason none, the access log has -");
}

#[test]
fn a_lookup_that_finds_nothing_fails_the_row() {
    let server = Server::start();
    let suite: Suite = "[[scenario]]\nname = \"a\"\nurl = \"https://hooks.example.com/\"\nforge = \
        \"missing-signature\"\nexpect = { status = 200, reason = \"none\" }\n"
        .parse()
        .unwrap();
    let silent = Setup { reason: Some(Box::new(|_| Ok(None))), ..setup(&server) };
    let rows = run(&suite, &silent).unwrap();
    assert_eq!(rows[0].detail, "the access log has no line for the request");
}

#[test]
fn a_body_that_was_altered_on_its_way_fails_the_row() {
    let server = Server::start();
    let suite: Suite =
        "[[scenario]]\nname = \"a\"\nurl = \"https://hooks.example.com/\"\nwebhook = \"sms\"\n\
        key = { env = \"TOKEN\" }\nexpect = { status = 200, upstream = \"received\" }\n"
            .parse()
            .unwrap();
    let received = &server.received;
    let with = |change: fn(&mut Vec<lookup::Received>)| {
        let altered = Setup {
            upstream: Some(Box::new(move |_| {
                let mut received = received.lock().unwrap().clone();
                let mut last = received.split_off(received.len() - 1);
                change(&mut last);
                Ok(last)
            })),
            ..setup(&server)
        };
        run(&suite, &altered).unwrap().remove(0)
    };
    assert!(with(|_| ()).passed);
    assert!(with(|all| all[0].body[0] ^= 1).detail.contains("another body"));
    assert!(with(|all| all[0].complete = false).detail.contains("never ended"));
    assert!(with(|all| all.push(all[0].clone())).detail.contains("2 times"));
}

#[test]
fn the_wire_may_differ_from_what_is_signed() {
    let sent = |lines: &str| {
        let server = Server::start();
        let text = format!(
            "[[scenario]]\nname = \"a\"\nurl = \"https://hooks.example.com/signed\"\nkey = {{ env = \"TOKEN\" }}\n\
             expect = {{ status = 200 }}\n{lines}\n"
        );
        let rows = run(&text.parse().unwrap(), &setup(&server)).unwrap();
        assert!(rows[0].passed, "{}", rows[0].detail);
        server.received.lock().unwrap()[0].path.clone()
    };
    assert_eq!(sent("path = \"/sent?a=b\""), "/sent?a=b");
    assert_eq!(sent("request_url = \"https://hooks.example.com/whole\""), "/whole");
    assert!(sent("path = \"/sent\"\njson = '{}'").starts_with("/sent?bodySHA256="));
}

#[test]
fn nothing_is_sent_when_a_row_cannot_be_built() {
    let first = "[[scenario]]\nname = \"first\"\nurl = \"https://hooks.example.com/\"\nkey = { env = \"TOKEN\" }\n\
        expect = { status = 200 }\n";
    for (lines, failure) in [
        ("url = \"hooks.example.com\"\nkey = { env = \"TOKEN\" }", "usage"),
        ("url = \"https://hooks.example.com/\"\nkey = { env = \"NOT_SET\" }", "token"),
        ("url = \"https://hooks.example.com/\"\nkey = { env = \"TOKEN\", file = \"x\" }", "usage"),
        ("url = \"https://hooks.example.com/\"\nkey = { env = \"TOKEN\" }\ntarget = \"istio\"", "usage"),
        ("url = \"https://hooks.example.com/\"\nkey = { env = \"TOKEN\" }\nforge = \"body\"", "usage"),
        ("url = \"https://hooks.example.com/\"\nkey = { file = \"/nowhere/at/all\" }", "file"),
    ] {
        let server = Server::start();
        let text = format!("{first}[[scenario]]\nname = \"second\"\n{lines}\nexpect = {{ status = 200 }}\n");
        let got = run(&text.parse().unwrap(), &setup(&server)).unwrap_err();
        let kind = match got {
            Failure::Usage(_) => "usage",
            Failure::Token(_) => "token",
            Failure::File(_) => "file",
            _ => "another",
        };
        assert_eq!(kind, failure, "{got}");
        assert!(got.to_string().contains("\"second\""), "{got}");
        assert!(server.received.lock().unwrap().is_empty());
    }
}

#[test]
fn a_mistake_in_the_file_is_told_with_its_line() {
    let wrong = |text: &str| text.parse::<Suite>().unwrap_err().to_string();
    let unknown = wrong("[[scenario]]\nname = \"a\"\nurll = \"x\"\n");
    assert!(unknown.starts_with("line 3: unknown field `urll`"), "{unknown}");
    let forge = wrong("[[scenario]]\nname = \"a\"\nurl = \"x\"\nforge = \"nose\"\nexpect = { status = 1 }");
    assert!(forge.starts_with("line 4: unknown variant `nose`"), "{forge}");
}

#[test]
fn the_scenarios_of_the_repository_can_be_signed() {
    let suite: Suite = include_str!("../../scenarios/webhooks.toml").parse().unwrap();
    assert!(suite.scenarios.len() >= 50);
    let targets = suite.scenarios.iter().map(|row| (row.target.clone(), "127.0.0.1:1".to_owned())).collect();
    // Every row can be built and signed; nobody listens at the address.
    let nowhere =
        Setup { targets, env: Box::new(|name| Some(format!("the value of {name}"))), ..Setup::default() };
    let rows = run(&suite, &nowhere).unwrap();
    assert!(rows.iter().all(|row| matches!(row.failure, Some(Failure::Connect(_)))));
}

fn two_rows() -> Vec<Row> {
    let server = Server::start();
    let text = "[[scenario]]\nname = \"good\"\nurl = \"https://hooks.example.com/\"\nwebhook = \"empty\"\n\
        key = { env = \"TOKEN\" }\nheaders = { X-Reason = \"none\" }\nexpect = { status = 200, upstream = \"received\" }\n\
        [[scenario]]\nname = 'bad <&\"\u{e9}'\nurl = \"https://hooks.example.com/\"\nwebhook = \"empty\"\n\
        key = { env = \"TOKEN\" }\nexpect = { status = 403, upstream = \"nothing\" }\n";
    run(&text.parse().unwrap(), &setup(&server)).unwrap()
}

#[test]
fn the_table_is_for_people() {
    let rows = two_rows();
    let table = report::table(&rows);
    let expected = "\
request  | expected      | got           | reason | ok
-------- | ------------- | ------------- | ------ | ---
good     | 200 forwarded | 200 forwarded | none   | yes
bad <&\"\u{e9} | 403 blocked   | 200 forwarded | -      | NO

1 of 2 as expected

NOT as expected: bad <&\"\u{e9}
  POST hooks.example.com/ HTTP/1.1
  expected status 403, got 200; the request reached the application
";
    assert!(table.starts_with(expected), "{table}");
    assert!(!table.contains('\u{1b}'));
    assert!(report::coloured_table(&rows).contains("\u{1b}[31mNO"));
}

#[test]
fn the_reports_for_machines_are_well_formed() {
    let rows = two_rows();
    let json: serde_json::Value = serde_json::from_str(&report::json(&rows)).unwrap();
    assert_eq!(json["passed"], false);
    assert_eq!(json["rows"][0]["passed"], true);
    assert_eq!(json["rows"][1]["name"], "bad <&\"\u{e9}");

    let text = report::junit(&rows, "a \u{7} <suite>");
    let xml = roxmltree::Document::parse(&text).unwrap();
    let cases: Vec<_> = xml.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    assert_eq!(cases[1].attribute("name"), Some("bad <&\"\u{e9}"));
    let failed: Vec<_> =
        cases.iter().map(|case| case.children().any(|c| c.has_tag_name("failure"))).collect();
    assert_eq!(failed, [false, true]);
    let suite = xml.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!((suite.attribute("tests"), suite.attribute("failures")), (Some("2"), Some("1")));
}
