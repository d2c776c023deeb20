//! `twilio-webhook check`: what it says of configurations, of the files that hold them, and of what is no such file.

mod files;
mod filter_states;
mod keys;
mod plugins;
mod routes;
#[path = "../../../tests/config/table.rs"]
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Stands where a secret would, and may be in no output.
const CANARY: &str = "c0ffee11c0ffee22c0ffee33c0ffee44";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Exit code, standard output, standard error.
fn check(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twilio-webhook"));
    command.arg("check").args(arguments).env_clear().current_dir(repository("."));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read all.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    for text in [&stdout, &stderr] {
        assert!(!text.contains("c0ffee") && !text.contains("panicked"), "{text}");
    }
    (status.code().unwrap(), stdout, stderr)
}

/// The faults that are found in a text, one a line, and the exit code.
#[track_caller]
fn faults(text: &str) -> (i32, Vec<String>) {
    let (code, stdout, stderr) = check(&["-"], text);
    assert_eq!(stderr, "");
    let is_fault =
        |line: &&str| ["error: ", "warning: ", "note: "].iter().any(|level| line.starts_with(level));
    (code, stdout.lines().filter(is_fault).map(str::to_owned).collect())
}

/// The filter in a listener of Envoy, with these fields of the plugin, of its connection manager and of its filter.
fn envoy(configuration: &str, plugin: &str, manager: &str, after: &str) -> String {
    format!(
        r#"{{ "static_resources": {{ "listeners": [{{ "name": "in", "filter_chains": [{{ "filters": [{{
            "name": "hcm", "typed_config": {{ {manager} "http_filters": [
                {{ "name": "twilio", "typed_config": {{ "config": {{
                    {plugin}
                    "vm_config": {{ "environment_variables": {{ "host_env_keys": ["T"] }} }},
                    "configuration": {{ "@type": "type.googleapis.com/google.protobuf.Struct",
                                        "value": {configuration} }} }} }} }}
                {after} ] }} }}] }}] }}] }} }}"#
    )
}

const TOKEN: &str = r#"{ "auth_tokens": [{ "env": "T" }] }"#;
const RELOAD: &str = r#""failure_policy": "FAIL_RELOAD","#;
const STOPS: &str = r#""failure_policy": "FAIL_RELOAD", "allow_on_headers_stop_iteration": true,"#;
const BUFFER: &str = r#", { "name": "b", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": LIMIT } }"#;
const AFTER: &str = r#"{ "hold": "buffer_after", "auth_tokens": [{ "env": "T" }] }"#;

#[test]
fn a_configuration_is_told_route_by_route() {
    let (code, stdout, stderr) = check(&["tests/config/good/everything.json"], "");
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(
        stdout,
        "\
hold: buffer_after (a buffer filter after this one holds requests)
unmatched: deny (what no route matches is denied)
verified_header: x-twilio-verified
explain: off
route sms
  match: host Hooks.Example.com or *.example.org. or [2001:db8::1], path /sms in any case, the proxy's route twilio or twilio/eu
  mode: enforce
  keys: auth token TWILIO_AUTH_TOKEN; auth token auth_tokens[1] for AC0123456789abcdef0123456789ABCDEF alone; shared key webhooks_sharedkey_01h (HMAC_SHA256); shared key webhooks_sharedkey_02h (HMAC_SHA1)
  url: host and port of X-Forwarded-Host and -Port, path of x-envoy-original-path
  body: up to 67108864 bytes
  gate: filter state is verdict=allowed route=sms
route voice
  match: path /voice/ and below
  mode: report (denies nothing)
  keys: auth token TWILIO_EU_TOKEN; auth token filter_state:twilio.auth_tokens
  url: https://hooks.example.com:8443/eu/ and the request's path
  body: up to 1 byte
  gate: none (clear_route_cache is false)
route rest.of-it_1
  match: every request
  mode: off (verifies nothing)
  keys: auth token TWILIO_AUTH_TOKEN; auth token auth_tokens[1] for AC0123456789abcdef0123456789ABCDEF alone; shared key webhooks_sharedkey_01h (HMAC_SHA256); shared key webhooks_sharedkey_02h (HMAC_SHA1)
  url: http://[2001:db8::1] and the request's path
  body: up to 67108864 bytes
  gate: filter state is verdict=allowed route=rest.of-it_1
warning: auth_tokens[1].value is a secret in the configuration, which Envoy shows in its config dump; use env
warning: shared_keys[1].value is a secret in the configuration, which Envoy shows in its config dump; use env
warning: verified_header is never set with hold buffer_after, only removed from what clients send: an application behind it must not expect it
note: route voice is in mode report: nothing is denied there
note: route rest.of-it_1 is in mode off: nothing is verified there
note: shared key webhooks_sharedkey_02h is of HMAC_SHA1; Twilio makes keys of HMAC_SHA256 as well
note: url.trust_forwarded_host trusts a header: who can send it can have a webhook accepted here that was signed for another of your URLs; see to it that something in front sets or removes it on every request
note: url.original_path_header trusts a header: who can send it can have a webhook accepted here that was signed for another of your URLs; see to it that something in front sets or removes it on every request
1 plugin: 0 errors, 3 warnings, 5 notes
"
    );
}

#[test]
fn strict_fails_for_a_warning_and_not_for_a_note() {
    let warned = r#"{ "auth_tokens": [{ "value": "test-token" }] }"#;
    let noted = r#"{ "auth_tokens": [{ "env": "T" }], "mode": "report" }"#;
    for (arguments, text, code) in
        [(&["-"][..], warned, 0), (&["--strict", "-"], warned, 1), (&["--strict", "-"], noted, 0)]
    {
        assert_eq!(check(arguments, text).0, code, "{arguments:?} {text}");
    }
}

#[test]
fn what_a_terminal_would_obey_is_not_printed() {
    let plugin = r#"{ "name": "a\u001b[2J\nerror: b", "vm_config": {}, "configuration": { "value":
        "{ \"auth_tokens\": [{ \"value\": \"t\" }], \"unmatched\": \"deny\", \"routes\": [{ \"name\": \"r\", \"match\": {
             \"path\": { \"exact\": \"/\\u001b[2J\\u000b\" }, \"route_names\": [\"\\u0007\"] } }] }" } }"#;
    let (_, stdout, _) = check(&["-"], &plugin.replace('\n', " "));
    assert!(stdout.starts_with("plugin a\\u{1b}[2J\\nerror: b\n"), "{stdout}");
    assert!(stdout.contains("  match: path /\\u{1b}[2J\\u{b}, the proxy's route \\u{7}\n"), "{stdout}");
    assert!(!stdout.bytes().any(|byte| byte < b' ' && byte != b'\n'), "{stdout}");
}

#[test]
fn what_signs_and_sends_is_independent_of_the_filter() {
    let mut directories = vec![repository("cli/src")];
    let mut users = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if fs::read_to_string(&path).unwrap().contains("twilio_proxy_wasm::") {
                users.push(path);
            }
        }
    }
    let may = |path: &PathBuf| {
        path.ends_with("commands/mod.rs")
            || ["check", "explain", "plugin"].iter().any(|name| path.parent().unwrap().ends_with(name))
    };
    assert!(users.iter().all(may), "{users:?}");
}
