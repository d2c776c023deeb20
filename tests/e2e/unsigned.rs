//! What must pass unsigned where all else is denied: the guide's routes for health checks and for a certificate's authority.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::{Options, versions};
use twilio_proxy_wasm_harness::sample::{module, repository};

use crate::site::{HOST, Layout, Site, TOKEN};
use crate::webhook::{BOTH, FORM_BODY, PARAMS, form, passes, send, signature};

/// The configuration in docs/envoy.md.
fn guide() -> Value {
    let text = std::fs::read_to_string(repository().join("docs/envoy.md")).expect("the guide");
    let (_, section) = text.split_once("\n## What must pass unsigned\n").expect("the section");
    let (_, block) = section.split_once("```json\n").expect("its configuration");
    serde_json::from_str(block.split("```").next().expect("its end")).expect("JSON")
}

#[test]
fn health_checks_and_challenges_pass_and_nothing_else_does() {
    let vm = json!({
        "runtime": "envoy.wasm.runtime.v8",
        "code": { "local": { "filename": module() } },
        "environment_variables": { "host_env_keys": ["TWILIO_AUTH_TOKEN"] },
    });
    let options = Options::default().env("TWILIO_AUTH_TOKEN", TOKEN);
    for binary in versions() {
        for mut layout in [Layout::default(), Layout::buffer_after()] {
            let hold = layout.plugin["hold"].take();
            layout.plugin = guide();
            if hold.is_string() {
                layout.plugin["hold"] = hold;
            }
            layout.wasm["vm_config"] = vm.clone();
            let site = Site::start_with(&binary, &layout, &options);
            for (path, status) in [
                ("/.well-known/acme-challenge/tok123", 200),
                ("/.well-known/acme-challenge/tok_123-X", 200),
                ("/healthz", 200),
                ("/healthz/", 403),
                ("/healthz/x", 403),
                ("/.well-known/security.txt", 403),
                ("/.well-known/acme-challenge/..%2f..%2ftwilio/sms", 403),
                ("/twilio/sms", 403),
                ("/", 403),
            ] {
                let answer = send(&site, BOTH[0], &Request::new("GET", HOST, path));
                assert_eq!(answer.status, status, "Envoy {}: {path}", binary.version);
            }
            let signed = form("/twilio/sms").header("x-twilio-signature", signature("/twilio/sms", &PARAMS));
            passes(&site, BOTH[0], &signed, FORM_BODY.as_bytes());
        }
    }
}
