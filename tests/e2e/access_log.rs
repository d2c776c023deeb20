//! The access log formats of `deploy/observability`: each request's verdict, route, reason and key, and no secret.

use std::time::Duration;

use serde_json::Value;
use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::client::{self, Request, Target};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::sample::{Sample, TOKENS};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::Upstream;
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;

use crate::site::HOST;
use crate::webhook::{BOTH, PARAMS, form, signature_with};

const INLINE: &str = "test-token-inline";
const SHARED: &str = "test-shared-key";

/// Routes before those of `envoy/envoy.yaml`, for the verdicts that these do not give.
const ROUTES: &str = r#""routes": [
    { "name": "tried", "match": { "path": { "prefix": "/tried" } }, "mode": "report",
      "auth_tokens": [{ "value": "test-token-inline" }] },
    { "name": "shared", "match": { "path": { "prefix": "/shared" } },
      "shared_keys": [{ "id": "webhooks_sharedkey_01", "algorithm": "HMAC_SHA256", "value": "test-shared-key" }] },
    { "name": "off", "match": { "path": { "prefix": "/off" } }, "mode": "off" },"#;

/// `envoy/envoy.yaml` with another access log, as its reader would put it there.
fn sample(format: &str, certs: &Certs, upstream: &Upstream) -> String {
    let text = Sample::read("envoy/envoy.yaml").on_this_machine(certs, 0, upstream.port()).into_text();
    let (before, rest) = text.split_once("                access_log:\n").expect("an access log");
    let (_, after) = rest.split_once("                http_filters:\n").expect("filters after it");
    let fragment = Sample::read(&format!("deploy/observability/access-log-{format}.yaml")).into_text();
    let fragment: String = fragment.lines().map(|line| format!("                {line}\n")).collect();
    let (indent, routes) = (" ".repeat(30), ROUTES.replace('\n', &format!("\n{}", " ".repeat(30))));
    let text = [before, &fragment, "                http_filters:\n", after].concat();
    assert!(text.contains(&format!("{indent}\"routes\": [")));
    text.replacen("\"routes\": [", &routes, 1)
}

/// Requests, the response code details and the text of the filter state that belong to each.
fn table() -> Vec<(Request, &'static str, &'static str)> {
    let signed = |path: &str, token: &str| {
        let signature = signature_with(token, &format!("https://{HOST}{path}"), &PARAMS);
        form(path).header("x-twilio-signature", signature)
    };
    let params = PARAMS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let url = format!("https://{HOST}/shared");
    let shared = sign::signature(Algorithm::HmacSha256, SHARED.as_bytes(), &url, &params);
    let shared = form("/shared")
        .header("x-twilio-signature", shared)
        .header("x-twilio-webhooks-signature-settings", "key=webhooks_sharedkey_01,algorithm=HMAC_SHA256");
    let passed = "via_upstream";
    vec![
        (
            signed("/twilio/sms", "test-token-sms"),
            passed,
            "verdict=allowed route=sms reason=none key=TWILIO_SMS_AUTH_TOKEN",
        ),
        (
            signed("/twilio/sms?From=%2B14158675309", "test-token-sms-next"),
            passed,
            "verdict=allowed route=sms reason=none key=TWILIO_SMS_AUTH_TOKEN_NEXT",
        ),
        (shared, passed, "verdict=allowed route=shared reason=none key=webhooks_sharedkey_01"),
        (
            signed("/tried", INLINE),
            passed,
            "verdict=allowed route=tried reason=none key=routes[0].auth_tokens[0]",
        ),
        (
            signed("/twilio/sms", "test-token-voice"),
            "twilio_webhook_signature_mismatch",
            "verdict=denied route=sms reason=signature_mismatch",
        ),
        (
            form("/twilio/voice"),
            "twilio_webhook_missing_signature",
            "verdict=denied route=voice reason=missing_signature",
        ),
        (
            form("/TWILIO/sms"),
            "twilio_webhook_unverifiable",
            "verdict=denied route=unmatched reason=unverifiable",
        ),
        (
            signed("/tried", "test-token-sms"),
            passed,
            "verdict=reported route=tried reason=signature_mismatch",
        ),
        (form("/off"), passed, "verdict=passed route=off reason=none"),
        (signed("/healthz", INLINE), passed, "verdict=passed route=unmatched reason=no_route"),
        (form("/healthz"), passed, "-"),
        // Who forges a verdict in a header of their own.
        (
            form("/twilio/sms").header("i-twilio-idempotency-token", "1 verdict=allowed"),
            "twilio_webhook_missing_signature",
            "verdict=denied route=sms reason=missing_signature",
        ),
    ]
}

/// The lines that each request of the table writes, on one protocol after the other.
fn lines(binary: &EnvoyBinary, format: &str) -> Vec<String> {
    let scratch = Scratch::new("access-log");
    let certs = Certs::write(scratch.path(), &[HOST]);
    let upstream = Upstream::start();
    let config = sample(format, &certs, &upstream);
    // All is routed to the upstream: what is denied does not get there.
    let config = config.replace("{ path: /healthz }", "{ prefix: / }");
    let options = TOKENS.iter().fold(Options::default(), |options, (name, value)| options.env(name, value));
    let envoy = Envoy::start(binary, &config, &options);
    let target = Target::tls(envoy.listener_port("https"), &certs, HOST);
    for protocol in BOTH {
        for (request, details, _) in table() {
            let status = client::send(&target, protocol, &request).expect("an answer").status;
            assert_eq!(status, if details == "via_upstream" { 200 } else { 403 }, "{request:?}");
        }
        let last = client::send(&target, protocol, &Request::new("GET", HOST, &format!("/{protocol:?}")));
        assert_eq!(last.expect("an answer").status, 200);
        assert!(envoy.wait_for_output(&format!("/{protocol:?}"), Duration::from_secs(10)));
    }
    let everything = envoy.log() + &envoy.output();
    // All keys begin with one of these.
    assert_eq!(["test-token", "test-shared"].iter().find(|secret| everything.contains(**secret)), None);
    // Nor is what the client sent: the query and the body hold this number, the header the signature.
    assert!(!everything.contains("4158675309"), "{everything}");
    envoy.output().lines().filter(|line| line.contains("POST")).map(str::to_owned).collect()
}

#[test]
fn the_text_format_tells_the_verdict_and_no_secret() {
    for binary in versions() {
        let lines = lines(&binary, "text");
        let expected: Vec<_> = BOTH
            .into_iter()
            .flat_map(|protocol| table().into_iter().map(move |row| (protocol, row)))
            .collect();
        assert_eq!(lines.len(), expected.len());
        for (line, (protocol, (_, details, state))) in lines.iter().zip(expected) {
            assert!(line.contains(&format!(" details={details} {state} flags=- ")), "{line}\n{state}");
            let request = format!(" protocol={} address=127.0.0.1 method=POST path=/", protocol.name());
            assert!(line.contains(&request), "{line}");
            assert!(!line.contains('?'), "{line}");
            // Whoever chooses a host writes what they like into it.
            assert!(!line.contains(HOST), "{line}");
            // The first word of a name is the one that counts.
            let verdict = line.split(' ').find(|word| word.starts_with("verdict="));
            assert_eq!(verdict, state.split(' ').next().filter(|word| *word != "-"));
        }
    }
}

#[test]
fn the_json_format_tells_the_verdict_and_no_secret() {
    for binary in versions() {
        let lines = lines(&binary, "json");
        let rows = BOTH.into_iter().flat_map(|_| table());
        assert_eq!(lines.len(), 2 * table().len());
        for (line, (_, details, state)) in lines.iter().zip(rows) {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(
                (line["details"].as_str(), line["twilio_webhook"].as_str().unwrap_or("-")),
                (Some(details), state),
                "{line}"
            );
            assert_eq!(
                (line["authority"].as_str(), line["address"].as_str()),
                (Some(HOST), Some("127.0.0.1")),
                "{line}"
            );
            let path = line["path"].as_str().expect("a path");
            assert!(path.starts_with('/') && !path.contains('?'), "{line}");
            assert!(
                line["status"].is_number() && line["ms"].is_number() && line["method"] == "POST",
                "{line}"
            );
        }
    }
}
