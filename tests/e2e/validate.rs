//! `make validate FILE=...` on a reader's own file.

use std::fs;
use std::process::Command;

use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::sample::{Sample, repository};
use twilio_proxy_wasm_harness::scratch::Scratch;

use crate::site::HOST;

/// Exit code, and all that is printed.
fn validate(files: &str, version: &str) -> (Option<i32>, String) {
    let mut command = Command::new("tools/validate");
    command.args(files.split(' ')).current_dir(repository()).env("ENVOY_VERSION", version);
    for name in ["TWILIO_SMS_AUTH_TOKEN", "TWILIO_SMS_AUTH_TOKEN_NEXT", "TWILIO_VOICE_AUTH_TOKEN"] {
        command.env_remove(name);
    }
    let output = command.output().expect("tools/validate");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_file_of_ones_own_is_validated_by_envoy_and_by_check() {
    let scratch = Scratch::new("validate-own");
    let certs = Certs::write(scratch.path(), &[HOST]);
    // As a reader has it: the certificate is here, and the module is where Envoy will run.
    let file = scratch.path().join("envoy.yaml");
    let shown = file.display().to_string();
    let sample = |from: &str, to: &str| {
        let text = Sample::read("envoy/envoy.yaml").on_this_machine(&certs, 0, 1).into_text();
        let module = twilio_proxy_wasm_harness::sample::module().display().to_string();
        let text = text.replace(&module, "/etc/envoy/twilio_proxy_wasm.wasm");
        assert!(text.contains("/etc/envoy/twilio_proxy_wasm.wasm") && text.contains(from));
        fs::write(&file, text.replace(from, to)).expect("a file");
    };
    for binary in versions() {
        let run = |files: &str| validate(files, &binary.version);
        sample("verified_header", "verified_header");
        let (code, text) = run(&shown);
        assert_eq!(code, Some(0), "{text}");
        for line in [
            "tools/validate: /etc/envoy/twilio_proxy_wasm.wasm is not here: the module of make build stands in its place",
            "tools/validate: TWILIO_SMS_AUTH_TOKEN is not set here: a made-up token stands in its place",
            "tools/validate: TWILIO_VOICE_AUTH_TOKEN is not set here: a made-up token stands in its place",
            &format!("Envoy takes {shown}"),
            "1 plugin: 0 errors, 0 warnings, 2 notes",
        ] {
            assert!(text.lines().any(|own| own == line), "no {line} in:\n{text}");
        }
        // A field that the filter does not know: both say so.
        sample("verified_header", "verifed_header");
        let (code, text) = run(&shown);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&format!("Envoy refuses {shown}: the reason stands above")), "{text}");
        assert!(text.matches("verifed_header: is not a field here").count() >= 2, "{text}");
        // A field that Envoy does not know: it alone says so.
        sample("stat_prefix: ", "stat_prefx: ");
        let (code, text) = run(&shown);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("stat_prefx"), "{text}");
    }
    // Manifests are for `check` alone.
    let files = "deploy/istio/overlays/wasm-plugin/plugin.yaml deploy/istio/buffer/buffer.yaml";
    let (code, text) = validate(files, "none");
    assert_eq!(
        (code, text.lines().last()),
        (Some(0), Some("1 plugin: 0 errors, 0 warnings, 0 notes")),
        "{text}"
    );
}
