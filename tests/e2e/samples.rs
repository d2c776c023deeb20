//! The configurations in `envoy/`, as a user copies them.

use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::client::{self, Request, Target};
use twilio_proxy_wasm_harness::envoy::{Envoy, Options, versions};
use twilio_proxy_wasm_harness::sample::{Sample, TOKENS};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use crate::site::HOST;
use crate::webhook::{BOTH, FORM_BODY, PARAMS, form, signature_with};

const SAMPLES: [&str; 2] = ["envoy/envoy.yaml", "envoy/per-route.yaml"];
/// The sample with what its reader changes, changed for this machine.
fn adapted(name: &str, certs: &Certs, upstream: &Upstream) -> String {
    Sample::read(name).on_this_machine(certs, 0, upstream.port()).into_text()
}

fn options() -> Options {
    TOKENS.iter().fold(Options::default(), |options, (name, value)| options.env(name, value))
}

#[test]
fn envoy_accepts_each_sample_in_validate_mode() {
    let scratch = Scratch::new("validate");
    let certs = Certs::write(scratch.path(), &[HOST]);
    let upstream = Upstream::start();
    for binary in versions() {
        for name in SAMPLES {
            let exit = Envoy::validate(&binary, &adapted(name, &certs, &upstream), &options());
            assert_eq!(exit.code, Some(0), "Envoy {} on {name}:\n{}", binary.version, exit.log);
        }
    }
}

#[test]
fn each_sample_verifies_its_two_routes_and_leaves_the_third_alone() {
    let scratch = Scratch::new("samples");
    let certs = Certs::write(scratch.path(), &[HOST]);
    for binary in versions() {
        for name in SAMPLES {
            let upstream = Upstream::start();
            let envoy = Envoy::start(&binary, &adapted(name, &certs, &upstream), &options());
            let target = Target::tls(envoy.listener_port("https"), &certs, HOST);
            let status = |protocol, path: &str, token: &str| {
                let url = format!("https://{HOST}{path}");
                let request = form(path).header("x-twilio-signature", signature_with(token, &url, &PARAMS));
                client::send(&target, protocol, &request).expect("an answer").status
            };
            for protocol in BOTH {
                assert_eq!(
                    status(protocol, "/twilio/sms", "test-token-sms"),
                    200,
                    "{name} {}",
                    envoy.output()
                );
                assert_eq!(status(protocol, "/twilio/sms/x?y=z", "test-token-sms-next"), 200, "{name}");
                assert_eq!(status(protocol, "/twilio/voice", "test-token-voice"), 200, "{name}");
                let passed = upstream.requests().len();
                assert_eq!(status(protocol, "/twilio/sms", "test-token-voice"), 403, "{name}");
                assert_eq!(status(protocol, "/twilio/voice", "test-token-sms"), 403, "{name}");
                assert_eq!(upstream.requests().len(), passed, "{name}");
                let free = Request::new("GET", HOST, "/healthz");
                assert_eq!(client::send(&target, protocol, &free).expect("an answer").status, 200, "{name}");
            }
            assert!(upstream.requests().iter().filter(|request| request.method == "POST").all(|request| {
                request.body == FORM_BODY.as_bytes()
                    && request.headers.get_all("x-twilio-verified").collect::<Vec<_>>()
                        == [b"true".as_slice()]
            }));
            // Who sent each and to which host, for when it is denied; and of the URL no query, which may hold a number.
            let last = client::send(&target, Protocol::Http1, &Request::new("GET", HOST, "/last"));
            assert_eq!(last.expect("an answer").status, 404, "{name}");
            assert!(envoy.wait_for_output("\"/last\"", Duration::from_secs(10)), "{name}");
            let lines: Vec<Value> =
                envoy.output().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert_eq!(lines.len(), 13, "{lines:?}");
            for line in &lines {
                assert_eq!(
                    (&line["authority"], &line["address"]),
                    (&json!(HOST), &json!("127.0.0.1")),
                    "{line}"
                );
                assert!(!line.to_string().contains("y=z"), "{line}");
            }
            let paths = lines.iter().filter(|line| line["path"] == "/twilio/sms/x").count();
            assert_eq!(paths, 2, "{lines:?}");
        }
    }
}

/// With the filter forgotten, or one of the two: nothing that Twilio would have sent reaches the application, nor anything
/// else on these paths. What is not behind the gate goes on.
#[test]
fn a_sample_without_its_filter_lets_no_webhook_through() {
    let scratch = Scratch::new("no-filter");
    let certs = Certs::write(scratch.path(), &[HOST]);
    let samples = [
        ("envoy/envoy.yaml", &["twilio_webhook"][..]),
        ("envoy/per-route.yaml", &["twilio_webhook_sms", "twilio_webhook_voice"]),
    ];
    for binary in versions() {
        for (name, filters) in samples {
            let upstream = Upstream::start();
            let sample = Sample::read(name).on_this_machine(&certs, 0, upstream.port());
            let mut sample = filters.iter().fold(sample, |sample, filter| sample.without_filter(filter));
            if name.contains("per-route") {
                // Envoy itself refuses what it finds in a file, and ignores what is delivered to it: see gate/delivery.rs.
                for filter in filters {
                    sample = sample.replace(
                        &format!("{filter}:\n"),
                        &format!("{filter}:\n                              is_optional: true\n"),
                    );
                }
            }
            let envoy = Envoy::start(&binary, sample.text(), &options());
            let target = Target::tls(envoy.listener_port("https"), &certs, HOST);
            for protocol in BOTH {
                for (path, token) in
                    [("/twilio/sms", "test-token-sms"), ("/twilio/voice/x", "test-token-voice")]
                {
                    let signature = signature_with(token, &format!("https://{HOST}{path}"), &PARAMS);
                    for request in [form(path), form(path).header("x-twilio-signature", signature)] {
                        let answer = client::send(&target, protocol, &request).expect("an answer");
                        assert_eq!((answer.status, answer.body.as_slice()), (403, &b""[..]), "{name}");
                    }
                }
            }
            assert_eq!(upstream.requests().len(), 0, "{name}");
            let free = Request::new("GET", HOST, "/healthz");
            assert_eq!(
                client::send(&target, Protocol::Http1, &free).expect("an answer").status,
                200,
                "{name}"
            );
        }
    }
}

#[test]
fn a_sample_without_its_tokens_does_not_start() {
    let scratch = Scratch::new("no-token");
    let certs = Certs::write(scratch.path(), &[HOST]);
    let upstream = Upstream::start();
    for binary in versions() {
        for (name, field) in
            SAMPLES.into_iter().zip(["routes[0].auth_tokens[0].env", "routes[0].auth_tokens[0].env"])
        {
            let exit = Envoy::expect_refusal(&binary, &adapted(name, &certs, &upstream), &Options::default());
            assert_ne!(exit.code, Some(0));
            let line =
                format!("configuration rejected: {field}: the variable TWILIO_SMS_AUTH_TOKEN is not set");
            assert!(exit.log.contains(&line), "Envoy {} on {name}:\n{}", binary.version, exit.log);
        }
    }
}
