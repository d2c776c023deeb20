//! `twilio-webhook check`: what it says of configurations, of the files that hold them, and of what is no such file.

#[path = "../../tests/config/table.rs"]
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;
use table::{Case, cases};

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
fn every_file_that_is_shipped_is_read_and_has_no_error() {
    let path = "note: PLACE: routes sms, voice match by path, and unmatched is allow: a path that the application alone takes \
                for such a one (an alias or a rewrite of its own) is not verified; give it a route, or set unmatched to deny";
    let around = "note: PLACE: cluster application can be reached around the gate, by route health of listener https: see to it \
                  that /healthz is no webhook for the application";
    let one = path.replace("routes sms, voice match", "route webhook matches");
    let header = "note: PLACE: url.original_path_header trusts a header: who can send it can have a webhook accepted here that \
                  was signed for another of your URLs; see to it that something in front sets or removes it on every request";
    let at = |line: &str, place: &str| line.replace("PLACE", place);
    let twilio = [one.replace("webhook", "twilio"), around.to_owned()]
        .map(|line| at(&line, "listener https, filter twilio_webhook"));
    let sidecar = "EnvoyFilter twilio-webhook, plugin default.twilio-webhook";
    let cases: [(&[&str], Vec<String>, &str); 11] = [
        (
            &["envoy/envoy.yaml"],
            vec![
                at(path, "listener https, filter twilio_webhook"),
                at(around, "listener https, filter twilio_webhook"),
            ],
            "1 plugin: 0 errors, 0 warnings, 2 notes",
        ),
        (
            &["envoy/per-route.yaml"],
            vec![
                at(around, "listener https, filter twilio_webhook_sms"),
                at(around, "listener https, filter twilio_webhook_voice"),
            ],
            "2 plugins: 0 errors, 0 warnings, 2 notes",
        ),
        (&["envoy/tokens-from-file.yaml"], twilio.to_vec(), "1 plugin: 0 errors, 0 warnings, 2 notes"),
        (&["envoy/tokens-by-sds.yaml"], twilio.to_vec(), "1 plugin: 0 errors, 0 warnings, 2 notes"),
        (
            &["envoy/sds.yaml", "envoy/tokens-by-sds.yaml"],
            twilio
                .iter()
                .map(|line| line.replacen("note: ", "note: envoy/tokens-by-sds.yaml, ", 1))
                .collect(),
            "1 plugin: 0 errors, 0 warnings, 2 notes",
        ),
        (
            &["deploy/istio/overlays/wasm-plugin/plugin.yaml", "deploy/istio/buffer/buffer.yaml"],
            vec![],
            "1 plugin: 0 errors, 0 warnings, 0 notes",
        ),
        (
            &["deploy/istio/buffer/buffer.yaml", "deploy/istio/overlays/traffic-extension/plugin.yaml"],
            vec![],
            "1 plugin: 0 errors, 0 warnings, 0 notes",
        ),
        (
            &[
                "deploy/istio/overlays/gateway-api/plugin.yaml",
                "deploy/istio/overlays/gateway-api/buffer.yaml",
            ],
            vec![],
            "1 plugin: 0 errors, 0 warnings, 0 notes",
        ),
        (
            &["deploy/istio/overlays/envoy-filter/plugin.yaml"],
            vec![],
            "1 plugin: 0 errors, 0 warnings, 0 notes",
        ),
        (
            &["deploy/istio/overlays/sidecar/plugin.yaml"],
            vec![at(&one, sidecar), at(header, sidecar)],
            "1 plugin: 0 errors, 0 warnings, 2 notes",
        ),
        (&["deploy/envoy-gateway/routes/plugin.yaml"], vec![], "1 plugin: 0 errors, 0 warnings, 0 notes"),
    ];
    for (files, expected, last) in cases {
        let (code, stdout, stderr) = check(files, "");
        assert_eq!((code, stderr.as_str()), (0, ""), "{files:?}");
        let mut lines: Vec<&str> = stdout.lines().collect();
        assert_eq!(lines.pop(), Some(last), "{files:?}");
        lines.retain(|line| ["error", "warning", "note"].iter().any(|level| line.starts_with(level)));
        assert_eq!(lines, expected, "{files:?}");
    }
}

#[test]
fn of_several_files_each_is_named() {
    let (code, stdout, stderr) = check(&["envoy/envoy.yaml", "tests/config/good/least.json"], "");
    assert_eq!((code, stderr.as_str()), (0, ""));
    let places: Vec<_> =
        stdout.lines().filter(|line| !line.starts_with([' ', 'n']) && !line.contains(": ")).collect();
    let named = ["envoy/envoy.yaml, listener https, filter twilio_webhook", "tests/config/good/least.json"];
    assert_eq!(places, named, "{stdout}");
}

#[test]
fn what_the_filter_rejects_is_an_error_in_its_own_words() {
    let mut read = 0;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rejected.json");
    for Case { name, configuration, message } in cases(&repository("tests/config/bad")) {
        // Here a variable counts as set, and what it holds is not known. Bytes that are no text are no file to be read.
        if name.starts_with("key_unset") || name.starts_with("key_variable") || name.ends_with("not_utf8") {
            continue;
        }
        fs::write(&file, configuration).unwrap();
        let (code, stdout, stderr) = check(&[file.to_str().unwrap()], "");
        assert_eq!((code, stderr.as_str()), (1, ""), "{name}");
        assert_eq!(stdout, format!("error: {message}\n1 plugin: 1 error, 0 warnings, 0 notes\n"), "{name}");
        read += 1;
    }
    assert!(read > 150, "{read}");
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

/// A filter that fills filter state, before the plugin.
fn written(key: &str, text: &str) -> String {
    format!(
        r#"{{ "name": "s", "typed_config": {{
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{{ "object_key": "{key}", "factory_key": "envoy.string",
                "format_string": {{ "text_format_source": {{ "inline_string": "{text}" }} }} }}] }} }}"#
    )
}

/// A script that fills filter state.
fn script(key: &str) -> String {
    let text = format!(r#"request:streamInfo():filterState():set(\"{key}\", \"envoy.string\", text)"#);
    format!(
        r#"{{ "name": "l", "typed_config": {{
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {{ "inline_string": "{text}" }} }} }}"#
    )
}

#[test]
fn what_keys_of_filter_state_lack_is_told() {
    let changing = r#"{ "auth_tokens": [{ "filter_state": "k" }] }"#;
    let file = written("k", "%FILE_CONTENT(/a/k:/a):16385%");
    let before = |filters: &str, configuration: &str| {
        envoy(configuration, STOPS, "", "").replacen(
            r#""http_filters": ["#,
            &format!(r#""http_filters": [ {filters},"#),
            1,
        )
    };
    let named = |text: String, image: &str| text.replacen('{', &format!(r#"{{ "image": "{image}", "#), 1);
    let nobody = "keys come from filter_state k, and no set_filter_state and no script before this filter writes it: without it every webhook is \
                  denied (unknown_key); put envoy.filters.http.set_filter_state with this object_key before it";
    let reported = changing.replacen('{', r#"{ "mode": "report", "#, 1);
    let report = "note: route default is in mode report: nothing is denied there";
    let old = "error: Envoy 1.37 is named, which cannot fill filter_state k from a file or a secret: that came with 1.38; use env \
               there";
    let client = |name: &str| {
        format!(
            "error: filter_state k is made of what a client sends (%{name}%): who chooses the key can sign with it; take it from \
             a file, %FILE_CONTENT(...)%, or from SDS, %SECRET(...)%"
        )
    };
    let cases = [
        (before(&file, changing), vec![]),
        (before(&written("k", "%SECRET(k)%"), changing), vec![]),
        (envoy(TOKEN, STOPS, "", ""), vec![]),
        // Nobody, another key, behind, switched off, or where a filter may do it by itself.
        (envoy(changing, STOPS, "", ""), vec![format!("error: {nobody}")]),
        (before(&written("j", "%SECRET(k)%"), changing), vec![format!("error: {nobody}")]),
        (envoy(changing, STOPS, "", &format!(", {file}")), vec![format!("error: {nobody}")]),
        (
            before(&file.replacen("\"name\"", "\"disabled\": true, \"name\"", 1), changing)
                .replacen("\"http_filters\"", "\"route_config\": {}, \"http_filters\"", 1),
            vec![format!("error: {nobody}")],
        ),
        (envoy(&reported, STOPS, "", ""), vec![format!("warning: {nobody}"), report.to_owned()]),
        (envoy(&changing.replacen('{', r#"{ "mode": "off", "#, 1), STOPS, "", ""), vec![report.replace("report: nothing is denied", "off: nothing is verified")]),
        (
            before(r#"{ "name": "l", "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua" } }"#, changing),
            vec![format!("warning: {nobody}")],
        ),
        // A script says what it writes.
        (before(&script("k"), changing), vec![]),
        (before(&script("j"), changing), vec![format!("warning: {nobody}")]),
        (envoy(changing, STOPS, "", &format!(", {}", script("k"))), vec![format!("error: {nobody}")]),
        (named(before(&script("k"), changing), "envoyproxy/envoy:v1.37.0"), vec![old.to_owned()]),
        // An Envoy that cannot.
        (named(before(&file, changing), "envoyproxy/envoy:v1.37.0"), vec![old.to_owned()]),
        (named(before(&file, changing), "envoyproxy/envoy:distroless-v1.38.0"), vec![]),
        // Texts.
        (
            before(&written("k", "%FILE_CONTENT(/a/k)%"), changing),
            vec![
                "warning: filter_state k is filled by a %FILE_CONTENT(...)% without a directory behind a colon: a file that is \
                 renamed into place, as that of a mounted Secret is, is not noticed; write \
                 %FILE_CONTENT(/directory/file:/directory)%"
                    .to_owned(),
            ],
        ),
        (
            before(&written("k", "%FILE_CONTENT(/a/k:/a):100%"), changing),
            vec![
                "warning: filter_state k is cut off after 100 bytes, and a key that is cut is another key; write :16385, by \
                 which the filter notices that there is more than it reads"
                    .to_owned(),
            ],
        ),
        (before(&written("k", "%REQ(x-token)%"), changing), vec![client("REQ")]),
        (before(&written("k", "%SECRET(k)%%QUERY_PARAM(k)%"), changing), vec![client("QUERY_PARAM")]),
        (
            before(&written("k", "test-token"), changing),
            vec![
                "warning: the text of filter_state k stands in the file, and Envoy shows it in its config dump; take it from a \
                 file, %FILE_CONTENT(...)%, or from SDS, %SECRET(...)%"
                    .to_owned(),
            ],
        ),
    ];
    for (text, expected) in cases {
        let (code, stdout, stderr) = check(&["-"], &text);
        let has_error = expected.iter().any(|line| line.starts_with("error"));
        assert_eq!((code, stderr.as_str()), (i32::from(has_error), ""), "{text}");
        let mut lines: Vec<_> =
            stdout.lines().map(|line| line.replace("listener in, filter twilio: ", "")).collect();
        lines.retain(|line| ["error", "warning", "note"].iter().any(|level| line.starts_with(level)));
        assert_eq!(lines, expected, "{text}");
    }
}

#[test]
fn where_the_chain_is_not_told_the_filter_state_is_looked_for_in_all_files() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let plugin = directory.join("changing-plugin.yaml");
    let filter = directory.join("changing-filter.yaml");
    let text = "kind: WasmPlugin\nmetadata: { name: p }\nspec: { failStrategy: FAIL_RELOAD, pluginConfig: { hold: buffer_after, \
                auth_tokens: [{ filter_state: k }] } }\n";
    fs::write(&plugin, text).unwrap();
    let patch = format!(
        r#"# YAML
{{ "kind": "EnvoyFilter", "spec": {{ "configPatches": [{{ "patch": {{ "value": {} }} }}, {{ "b": "filters.http.buffer.v3.Buffer" }}] }} }}"#,
        written("k", "%FILE_CONTENT(/a/k:/a)%")
    );
    fs::write(&filter, patch).unwrap();
    let (plugin, filter) = (plugin.to_str().unwrap(), filter.to_str().unwrap());
    let (code, stdout, _) = check(&[plugin], "");
    let warning = "warning: WasmPlugin p: keys come from filter_state k, and no set_filter_state and no script in what was read writes it: without \
                   it every webhook is denied (unknown_key); see to it that one stands before this filter";
    assert!(code == 0 && stdout.contains(warning), "{stdout}");
    let (code, stdout, _) = check(&[plugin, filter], "");
    assert!(code == 0 && stdout.ends_with("1 plugin: 0 errors, 0 warnings, 0 notes\n"), "{stdout}");
}

#[test]
fn what_is_wrong_or_weak_around_a_plugin_of_envoy_is_told() {
    let at = "listener in, filter twilio: ";
    let stop = "error: hold is self, but allow_on_headers_stop_iteration is not true: every request with a body is answered \
                500; set it to true (Envoy 1.35 or newer)";
    let no_buffer = "error: hold is buffer_after, but no envoy.filters.http.buffer stands after this filter: every request with \
                     a body is answered 500";
    let buffer = |limit: &str| BUFFER.replace("LIMIT", limit);
    let off = |text: String| text.replace("\"name\": \"b\",", "\"name\": \"b\", \"disabled\": true,");
    let routed = |name: &str, rule: &str| {
        format!(
            r#""route_config": {{ "routes": [{{ "typed_per_filter_config": {{ "{name}": {rule} }} }}] }},"#
        )
    };
    let disabled =
        |text: String| text.replace(r#""name": "twilio","#, r#""name": "twilio", "disabled": true,"#);
    let trusting = |field: &str| format!(r#"{{ "auth_tokens": [{{ "env": "T" }}], "url": {{ {field} }} }}"#);
    let header = |field: &str| {
        format!(
            "warning: {at}url.{field} trusts a header, and with use_remote_address: true clients are connected directly and can \
             send it; remove it, or see to it that something in front sets it on every request"
        )
    };
    let edge = r#""use_remote_address": true,"#;
    for (text, code, expected) in [
        (envoy(TOKEN, STOPS, "", ""), 0, vec![]),
        (envoy(TOKEN, RELOAD, "", ""), 1, vec![stop.replace(": hold", &format!(": {at}hold"))]),
        (
            envoy(r#"{ "mode": "report", "auth_tokens": [{ "env": "T" }] }"#, RELOAD, "", ""),
            0,
            vec![
                stop.replace("error: hold", &format!("warning: {at}hold"))
                    .replace("every", "once a route is enforced, every"),
                format!("note: {at}route default is in mode report: nothing is denied there"),
            ],
        ),
        (envoy(AFTER, RELOAD, "", ""), 1, vec![no_buffer.replace(": hold", &format!(": {at}hold"))]),
        (envoy(AFTER, RELOAD, "", &buffer("270336")), 0, vec![]),
        // A buffer that is off is one only where a route switches it on.
        (envoy(AFTER, RELOAD, &routed("b", "{}"), &off(buffer("1"))), 0, vec![]),
        (envoy(AFTER, RELOAD, "", &off(buffer("1"))), 0, vec![]),
        (
            envoy(AFTER, RELOAD, &routed("b", r#"{ "disabled": true }"#), &off(buffer("1"))),
            1,
            vec![no_buffer.replace(": hold", &format!(": {at}hold"))],
        ),
        (
            envoy(AFTER, RELOAD, "", &buffer("1000")),
            0,
            vec![format!(
                "warning: {at}the buffer after this filter takes 1000 bytes and max_body_bytes is 262144: what lies between \
                 is answered by the buffer, uncounted; raise max_request_bytes above max_body_bytes"
            )],
        ),
        (
            envoy(r#"{ "max_body_bytes": 2000000, "auth_tokens": [{ "env": "T" }] }"#, STOPS, "", ""),
            0,
            vec![format!(
                "warning: {at}Envoy buffers 1048576 bytes on HTTP/1.1 and max_body_bytes is 2000000: what lies between is \
                 answered by Envoy, uncounted; raise per_connection_buffer_limit_bytes above max_body_bytes"
            )],
        ),
        (
            envoy(TOKEN, r#""allow_on_headers_stop_iteration": true,"#, "", ""),
            0,
            vec![format!(
                "warning: {at}failure_policy is not set: once a VM has failed, its worker answers 503 for ever; set \
                 FAIL_RELOAD"
            )],
        ),
        (
            envoy(TOKEN, &STOPS.replace("FAIL_RELOAD", "FAIL_OPEN"), "", ""),
            1,
            vec![format!(
                "error: {at}the failure policy is FAIL_OPEN: while the VM is down, everything passes unverified; set \
                 FAIL_RELOAD"
            )],
        ),
        (
            envoy(TOKEN, &STOPS.replace("\"FAIL_RELOAD\"", "3"), "", ""),
            1,
            vec![format!(
                "error: {at}the failure policy is FAIL_OPEN: while the VM is down, everything passes unverified; set \
                 FAIL_RELOAD"
            )],
        ),
        (
            envoy(TOKEN, &STOPS.replace("\"FAIL_RELOAD\"", "\"UNSPECIFIED\", \"fail_open\": true"), "", ""),
            1,
            vec![format!(
                "error: {at}the failure policy is FAIL_OPEN: while the VM is down, everything passes unverified; set \
                 FAIL_RELOAD"
            )],
        ),
        (
            envoy(TOKEN, STOPS, r#""normalize_path": true, "mergeSlashes": true,"#, ""),
            0,
            ["normalize_path", "merge_slashes"]
                .map(|name| {
                    format!(
                        "warning: {at}{name} changes the URL before it is verified; leave it out, or see docs/urls.md"
                    )
                })
                .to_vec(),
        ),
        (envoy(&trusting(r#""trust_forwarded_host": true"#), STOPS, edge, ""), 0, vec![header("trust_forwarded_host")]),
        (envoy(&trusting(r#""original_path_header": "x-a""#), STOPS, edge, ""), 0, vec![header("original_path_header")]),
        (
            envoy(r#"{ "auth_tokens": [{ "env": "OTHER" }] }"#, STOPS, "", ""),
            1,
            vec![format!(
                "error: {at}auth_tokens[0].env: the variable OTHER is not set in the plugin's environment; list it in \
                 vm_config.environment_variables and set it for the proxy"
            )],
        ),
        (
            envoy(TOKEN, STOPS, "", "").replace(r#""host_env_keys": ["T"]"#, &format!(r#""key_values": {{ "T": "{CANARY}" }}"#)),
            0,
            vec![format!(
                "warning: {at}the value of the variable T stands in the file, and Envoy shows it in its config dump; let the \
                 proxy pass it on from its own environment (host_env_keys, valueFrom: HOST)"
            )],
        ),
        (disabled(envoy(TOKEN, STOPS, &routed("twilio", r#"{ "config": {} }"#), "")), 0, vec![]),
        (
            disabled(envoy(TOKEN, STOPS, &routed("another", r#"{ "config": {} }"#), "")),
            1,
            vec![format!("error: {at}the filter is disabled, and no route enables it: nothing is verified")],
        ),
    ] {
        assert_eq!(faults(&text), (code, expected), "{text}");
    }
}

#[test]
fn a_plugin_in_a_filter_of_its_own_may_have_its_buffer_there() {
    let chain = format!(
        r#"{{ "http_filters": [{{ "name": "chain", "typed_config": {{ "filters": [{{ "typed_config": {{ "config": {{
            "failure_policy": "FAIL_RELOAD", "vm_config": {{ "environment_variables": {{ "host_env_keys": ["T"] }} }},
            "configuration": {{ "value": {:?} }} }} }} }}] }} }}] }}"#,
        AFTER
    );
    assert_eq!(faults(&chain), (0, vec![]));
}

#[test]
fn plugins_that_would_share_a_vm_without_sharing_its_variables_are_told() {
    let plugin = |name: &str, variable: &str| {
        format!(
            "- {{ name: {name}, failure_policy: FAIL_RELOAD, allow_on_headers_stop_iteration: true,\n    vm_config: {{ code: x, \
             environment_variables: {{ host_env_keys: [{variable}] }} }},\n    configuration: {{ value: '{{ \
             \"auth_tokens\": [{{ \"env\": \"{variable}\" }}] }}' }} }}\n"
        )
    };
    assert_eq!(faults(&[plugin("one", "A"), plugin("two", "A")].concat()), (0, vec![]));
    let expected = "warning: plugin two: the VM differs from that of \"plugin one\" in environment variables alone: before \
                    Envoy 1.39 both use one VM, and one of them misses its variables; list the same variables for both";
    assert_eq!(faults(&[plugin("one", "A"), plugin("two", "B")].concat()), (0, vec![expected.to_owned()]));
}

#[test]
fn what_is_wrong_or_weak_in_objects_of_control_planes_is_told() {
    let istio = |hold: &str, more: &str| {
        format!(
            "kind: WasmPlugin\nmetadata: {{ name: a }}\nspec:\n  {more}\n  vmConfig: {{ env: [{{ name: T, valueFrom: HOST }}] }}\n  \
             pluginConfig: {{ hold: {hold}, auth_tokens: [{{ env: T }}] }}\n"
        )
    };
    let gateway = |hold: &str, env: &str| {
        format!(
            "kind: EnvoyExtensionPolicy\nmetadata: {{ name: b }}\nspec:\n  wasm:\n  - env: {{ hostKeys: [{env}] }}\n    \
             config: {{ hold: {hold}, auth_tokens: [{{ env: T }}] }}\n"
        )
    };
    let cannot = |place: &str| {
        format!(
            "error: {place}: hold is self, but this control plane has no allow_on_headers_stop_iteration: every request with a \
             body is answered 500; set hold to buffer_after and put a buffer filter after this one"
        )
    };
    let no_buffer = |place: &str| {
        format!(
            "warning: {place}: hold is buffer_after, and no buffer is in what was read: see to it that an \
             envoy.filters.http.buffer stands after this filter on every route that is verified"
        )
    };
    let open = "error: WasmPlugin a: the failure policy is FAIL_OPEN: while the VM is down, everything passes unverified; \
                set FAIL_RELOAD";
    let items = |text: String| format!("kind: List\nitems:\n- {}", text.trim_end().replace('\n', "\n  "));
    let buffered = "---\nkind: BackendTrafficPolicy\nspec:\n  requestBuffer:\n    limit: 264Ki\n";
    for (text, code, expected) in [
        (istio("self", "priority: 1"), 1, vec![cannot("WasmPlugin a")]),
        (items(istio("self", "priority: 1")), 1, vec![cannot("WasmPlugin a")]),
        (istio("buffer_after", "priority: 1"), 0, vec![no_buffer("WasmPlugin a")]),
        (
            istio("buffer_after", "failStrategy: FAIL_OPEN") + buffered,
            1,
            vec![open.to_owned()],
        ),
        (gateway("self", "T"), 1, vec![cannot("EnvoyExtensionPolicy b")]),
        (gateway("buffer_after", "T"), 0, vec![no_buffer("EnvoyExtensionPolicy b")]),
        (gateway("buffer_after", "T") + buffered, 0, vec![]),
        (
            gateway("buffer_after", ""),
            1,
            vec![
                "error: EnvoyExtensionPolicy b: auth_tokens[0].env: the variable T is not set in the plugin's environment; \
                 list it in vm_config.environment_variables and set it for the proxy"
                    .to_owned(),
            ],
        ),
    ] {
        assert_eq!(faults(&text), (code, expected), "{text}");
    }
}

#[test]
fn a_way_round_the_routes_is_told_unless_nothing_passes_it() {
    let routes = |unmatched: &str, matches: &str, more: &str| {
        format!(
            r#"{{ "unmatched": "{unmatched}", "auth_tokens": [{{ "env": "T" }}],
                 "routes": [{{ "name": "a", "match": {matches} }}{more}] }}"#
        )
    };
    let host = "warning: route a matches by host, and unmatched is allow: who reaches the application under another host is not \
                verified; set unmatched to deny, or let the proxy send it no other hosts";
    let path = "note: route a matches by path, and unmatched is allow: a path that the application alone takes for such a one \
                (an alias or a rewrite of its own) is not verified; give it a route, or set unmatched to deny";
    let name = "note: route a matches by the proxy's route alone, and unmatched is allow: where others change the routes, a new one \
                (of a canary controller, a delegate, or without a name) takes the same requests and is not verified; match by \
                hosts and path there";
    let by_host = r#"{ "hosts": ["a.example"], "path": { "exact": "/a" } }"#;
    let by_path = r#"{ "path": { "exact": "/a" } }"#;
    for (text, expected) in [
        (routes("allow", by_host, ""), vec![host]),
        (routes("allow", by_path, ""), vec![path]),
        (routes("allow", by_path, r#", { "name": "b" }"#), vec![]),
        (routes("allow", r#"{ "route_names": ["a"] }"#, ""), vec![name]),
        (routes("allow", r#"{ "route_names": ["a"], "hosts": ["a.example"] }"#, ""), vec![host]),
        (routes("deny", r#"{ "route_names": ["a"] }"#, ""), vec![]),
        (routes("deny", by_host, ""), vec![]),
        (TOKEN.to_owned(), vec![]),
    ] {
        let (code, faults) = faults(&text);
        assert_eq!((code, faults), (0, expected.into_iter().map(str::to_owned).collect()), "{text}");
    }
}

/// Where the proxy sends the application no other hosts than those that the routes name, nothing goes round by one.
#[test]
fn hosts_that_the_proxy_limits_need_no_other_limit() {
    let plugin = r#"{ "auth_tokens": [{ "env": "T" }], "unmatched": "allow", "routes": [{ "name": "a", "match":
        { "hosts": ["hooks.example.com", "*.eu.example.com"] } }] }"#;
    let file = |domains: &str, others: &str| {
        let filter = json!({ "name": "twilio", "typed_config": { "config": {
            "name": "twilio", "configuration": { "value": plugin }, "vm_config": { "environment_variables": { "host_env_keys": ["T"] } } } } });
        let route = json!([{ "match": { "prefix": "/" }, "route": { "cluster": "application" } }]);
        let hosts = json!([
            { "name": "hooks", "domains": domains.split(' ').collect::<Vec<_>>(), "routes": route },
            { "name": "others", "domains": [others], "routes": [
                { "match": { "prefix": "/" }, "direct_response": { "status": 404 } } ] } ]);
        let manager = json!({ "http_filters": [filter], "route_config": { "virtual_hosts": hosts } });
        json!({ "listeners": [{ "name": "main", "filter_chains": [{ "filters": [{ "typed_config": manager }] }] }] })
    };
    let warns = |domains: &str, others: &str| {
        let (_, stdout, _) = check(&["-"], &file(domains, others).to_string());
        stdout.contains("under another host is not verified")
    };
    for domains in [
        "hooks.example.com",
        "hooks.example.com HOOKS.example.com:* hooks.example.com:443",
        "*.eu.example.com a.eu.example.com",
    ] {
        assert!(!warns(domains, "*"), "{domains}");
    }
    for domains in
        ["*", "hooks.example.com *", "example.com", "*.example.com", "eu.example.com", "hooks.example.com:x"]
    {
        assert!(warns(domains, "other.example.com"), "{domains}");
    }
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
fn what_is_no_name_of_a_variable_is_told_and_not_shown() {
    let unlikely = |at: &str| {
        format!(
            "warning: {at}.env does not look like a variable's name: write NAME without $, in upper case, and no token here"
        )
    };
    let upper = CANARY.to_uppercase();
    let base64 = format!("{CANARY}c0ffee55/+A=");
    for (name, is_name) in [
        ("TWILIO_AUTH_TOKEN", true),
        ("_T1", true),
        ("ABCDEF", true),
        ("$c0ffee", false),
        ("$C0FFEE", false),
        ("${C0FFEE}", false),
        ("'C0FFEE'", false),
        ("c0ffee", false),
        ("0C0FFEE", false),
        (CANARY, false),
        (&upper, false),
        (&base64, false),
    ] {
        for (list, more) in
            [("auth_tokens", ""), ("shared_keys", r#""id": "i", "algorithm": "HMAC_SHA256","#)]
        {
            let key = format!(r#"[{{ {more} "env": "{name}" }}]"#);
            let expected = |at: &str| if is_name { vec![] } else { vec![unlikely(at)] };
            let top = format!(r#"{{ "{list}": {key} }}"#);
            assert_eq!(faults(&top), (0, expected(&format!("{list}[0]"))), "{top}");
            let route = format!(r#"{{ "routes": [{{ "name": "r", "{list}": {key} }}] }}"#);
            assert_eq!(faults(&route), (0, expected(&format!("routes[0].{list}[0]"))), "{route}");
            let (_, stdout, _) = check(&["-"], &top);
            assert!(is_name || !stdout.contains(name), "{stdout}");
        }
    }
}

#[test]
fn a_value_that_is_meant_to_be_filled_in_is_told() {
    let secret = "warning: auth_tokens[0].value is a secret in the configuration, which Envoy shows in its config dump; use env";
    let literal = "warning: auth_tokens[0].value begins with a $ or a quote, which the filter takes for a part of the secret: \
                   write the secret alone, or the NAME of its variable as env";
    for (value, expected) in [
        ("test-token", &[secret][..]),
        ("c0ffee$", &[secret]),
        ("$c0ffee", &[secret, literal]),
        ("\"c0ffee", &[secret, literal]),
    ] {
        let text = serde_json::json!({ "auth_tokens": [{ "value": value }] }).to_string();
        let (code, faults) = faults(&text);
        assert_eq!((code, faults), (0, expected.iter().map(|line| (*line).to_owned()).collect()), "{text}");
    }
    let variable = "is the name of a variable that nothing has put its value in the place of; give the value";
    let quotes = "has quotes around it, which would count as a part of it; remove them";
    for (value, problem) in [("${C0FFEE}", variable), ("'c0ffee'", quotes), ("\"c0ffee\"", quotes)] {
        let text = serde_json::json!({ "auth_tokens": [{ "value": value }] }).to_string();
        assert_eq!(faults(&text), (1, vec![format!("error: auth_tokens[0].value: {problem}")]), "{text}");
    }
}

#[test]
fn a_rotation_that_forgot_its_second_variable_is_told() {
    let again = |at: &str, index: usize, first: usize| {
        format!(
            "warning: {at}auth_tokens[{index}].env is the variable of auth_tokens[{first}] again: while a token is rotated, the \
             other has a variable of its own"
        )
    };
    let sids = ["0", "1"].map(|digit| format!("AC{}", digit.repeat(32)));
    let one = |digit: usize| format!(r#"{{ "env": "A", "account_sid": "{}" }}"#, sids[digit]);
    let (a, b, inline) = (r#"{ "env": "A" }"#, r#"{ "env": "B" }"#, r#"{ "value": "t" }"#);
    for (tokens, expected) in [
        ([a, b].join(","), vec![]),
        ([a, a].join(","), vec![(1, 0)]),
        ([b, a, b, a, a].join(","), vec![(2, 0), (3, 1), (4, 1)]),
        ([one(0), one(1)].join(","), vec![(1, 0)]),
    ] {
        for (at, text) in [
            ("", format!(r#"{{ "auth_tokens": [{tokens}] }}"#)),
            // Another list may name it too.
            (
                "routes[0].",
                format!(
                    r#"{{ "auth_tokens": [{a}], "routes": [{{ "name": "r", "auth_tokens": [{tokens}] }}] }}"#
                ),
            ),
        ] {
            let expected = expected.iter().map(|(index, first)| again(at, *index, *first)).collect();
            assert_eq!(faults(&text), (0, expected), "{text}");
        }
    }
    let (_, faults) = faults(&format!(r#"{{ "auth_tokens": [{inline}, {inline}] }}"#));
    assert!(faults.iter().all(|fault| fault.contains("].value is a secret")), "{faults:?}");
}

#[test]
fn what_holds_no_configuration_is_one_clear_line() {
    for (text, said) in [
        ("kind: ConfigMap\ndata: {}\n", "no configuration of the filter is in standard input"),
        ("static_resources: { listeners: [] }\n", "no configuration of the filter is in standard input"),
        (
            r#"{ "dynamicResources": { "ldsConfig": {} } }"#,
            "no configuration of the filter is in standard input",
        ),
        (
            r#"{ "resources": [], "version_info": "1" }"#,
            "no configuration of the filter is in standard input",
        ),
        ("a: b\n---\na: b\n", "no configuration of the filter is in standard input"),
        (
            "kind: WasmPlugin\nspec:\n  url: oci://x/other:1\n",
            "no configuration of the filter is in standard input",
        ),
        ("[1, 2]", "no configuration of the filter is in standard input"),
        ("a: [b\n", "standard input is not YAML: look at line 2, column 1"),
        (&format!("{CANARY}: 1\n{CANARY}: 2\n"), "standard input is not YAML: look at line 1, column 1"),
        (&format!("a: *{CANARY}\n"), "standard input is not YAML: look at line 1, column 4"),
    ] {
        let (code, stdout, stderr) = check(&["-"], text);
        assert_eq!((code, stdout.as_str()), (7, ""), "{text}");
        assert_eq!(stderr.trim_end(), format!("error: {said}"), "{text}");
    }
    // Each of these alone tells that a file is not the plugin's own configuration.
    for name in [
        "@type",
        "access_log",
        "admin",
        "apiVersion",
        "clusters",
        "configs",
        "configuration",
        "dynamicResources",
        "dynamic_resources",
        "filterChains",
        "filter_chains",
        "filters",
        "http_filters",
        "items",
        "kind",
        "layered_runtime",
        "listeners",
        "load_assignment",
        "metadata",
        "node",
        "resources",
        "route_config",
        "spec",
        "static_resources",
        "typed_config",
        "virtual_hosts",
        "vm_config",
    ] {
        let (code, stdout, stderr) = check(&["-"], &format!(r#"{{ "{name}": {{}}, "b": 1 }}"#));
        assert_eq!((code, stdout.as_str()), (7, ""), "{name}");
        assert_eq!(stderr, "error: no configuration of the filter is in standard input\n", "{name}");
    }
    let (code, _, stderr) = check(&["no/such/file.yaml"], "");
    assert_eq!(code, 7);
    assert!(stderr.starts_with("error: cannot read no/such/file.yaml: "), "{stderr}");
    // A plugin without a configuration is known by its code.
    let (code, faults) =
        faults("kind: WasmPlugin\nmetadata: { name: a }\nspec:\n  url: oci://x/twilio-proxy-wasm:1\n");
    let said = "error: WasmPlugin a: configuration: is empty; give at least auth_tokens, beside Envoy's vm_config and not in it";
    assert_eq!((code, faults), (1, vec![said.to_owned()]));
}

#[test]
fn a_configuration_with_a_misspelt_field_alone_is_named_by_the_filter() {
    let known = "is not a field here; the fields are auth_tokens, shared_keys, url, mode, max_body_bytes, \
                 clear_route_cache, hold, unmatched, verified_header, explain, routes";
    let hidden = "(a name that is not repeated here)";
    for (text, name) in [
        (r#"{ "auth_token": [{ "env": "T" }] }"#, "auth_token"),
        (r#"{ "authTokens": [{ "env": "T" }] }"#, hidden),
        (&format!(r#"{{ "{CANARY}": 1 }}"#), hidden),
    ] {
        assert_eq!(faults(text), (1, vec![format!("error: {name}: {known}")]), "{text}");
    }
    // YAML may be of any program.
    assert_eq!(check(&["-"], "auth_token: [{ env: T }]\n").0, 7);
}

#[test]
fn a_file_with_a_field_of_the_configuration_is_one() {
    let schema = twilio_proxy_wasm::config::schema();
    for field in schema["properties"].as_object().unwrap().keys() {
        let (code, _, stderr) = check(&["-"], &format!("{field}:\n"));
        assert!(code <= 1 && stderr.is_empty(), "{field}: {code} {stderr}");
    }
    let (code, _, stderr) = check(&["-"], "field:\n");
    assert_eq!((code, stderr.as_str()), (7, "error: no configuration of the filter is in standard input\n"));
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

/// A fault without the names in it that may be hidden.
fn hidden(fault: &str) -> String {
    ["voice", "rest.of-it_1", "webhooks_sharedkey_02h"]
        .iter()
        .fold(fault.to_owned(), |fault, name| fault.replace(name, "(hidden: it looks like a token)"))
}

#[test]
fn a_token_in_the_place_of_a_name_is_hidden() {
    let upper = "ABCDEF0123456789ABCDEF0123456789";
    let text = format!(
        r#"{{ "auth_tokens": [{{ "env": "T" }}], "shared_keys": [{{ "id": "{CANARY}", "algorithm": "HMAC_SHA1", "env": "T" }}],
             "url": {{ "original_path_header": "{CANARY}" }}, "mode": "report",
             "unmatched": "allow", "routes": [{{ "name": "{CANARY}", "match": {{ "hosts": ["{CANARY}", "a.example"], "route_names": ["{CANARY}"] }} }},
                        {{ "name": "b", "auth_tokens": [{{ "env": "{upper}" }}], "shared_keys": [] }}] }}"#
    );
    let (code, stdout, stderr) = check(&["-"], &text);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let shown: Vec<&str> =
        stdout.lines().filter(|line| line.contains("(hidden: it looks like a token)")).collect();
    let url = "  url: path of (hidden: it looks like a token)";
    assert_eq!(
        shown,
        [
            "route (hidden: it looks like a token)",
            "  match: host (hidden: it looks like a token) or a.example, the proxy's route (hidden: it looks like a token)",
            "  keys: auth token T; shared key (hidden: it looks like a token) (HMAC_SHA1)",
            url,
            url,
            "note: route (hidden: it looks like a token) is in mode report: nothing is denied there",
            "note: shared key (hidden: it looks like a token) is of HMAC_SHA1; Twilio makes keys of HMAC_SHA256 as well",
        ]
    );
    assert!(!stdout.contains(upper), "{stdout}");
    let open = format!(
        r#"{{ "auth_tokens": [{{ "env": "T" }}], "unmatched": "allow", "routes": [{{ "name": "{CANARY}", "match": {{ "path": {{ "exact": "/" }} }} }}] }}"#
    );
    let (_, faults) = faults(&open);
    assert!(
        faults[1].starts_with("note: route (hidden: it looks like a token) matches by path, "),
        "{faults:?}"
    );
    let variable = envoy(&TOKEN.replace('T', upper), STOPS, "", "")
        .replace(r#""host_env_keys": ["T"]"#, &format!(r#""key_values": {{ "{upper}": "t" }}"#));
    let (_, stdout, _) = check(&["-"], &variable);
    assert!(
        stdout.contains("the value of the variable (hidden: it looks like a token) stands in the file"),
        "{stdout}"
    );
    assert!(!stdout.contains(upper), "{stdout}");
}

#[test]
fn no_secret_is_shown_wherever_it_stands() {
    let tree: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(repository("tests/config/good/everything.json")).unwrap())
            .unwrap();
    // What is told of each place beside what is told without the canary; of the secrets' own places nothing more.
    let variable =
        "env does not look like a variable's name: write NAME without $, in upper case, and no token here";
    let name = "looks like a token where a name belongs, and Envoy shows it in its config dump; write the name, and replace \
                the token if it is one";
    let (_, usual) = faults(&tree.to_string());
    for (pointer, told) in [
        ("/auth_tokens/0/env", format!("auth_tokens[0].{variable}")),
        ("/auth_tokens/1/value", String::new()),
        ("/shared_keys/0/env", format!("shared_keys[0].{variable}")),
        ("/shared_keys/1/value", String::new()),
        ("/shared_keys/0/id", format!("shared_keys[0].id {name}")),
        ("/shared_keys/1/id", format!("shared_keys[1].id {name}")),
        ("/url/original_path_header", format!("url.original_path_header {name}")),
        ("/routes/0/name", format!("routes[0].name {name}")),
        ("/routes/0/match/hosts/1", format!("routes[0].match.hosts[1] {name}")),
        ("/routes/0/match/route_names/0", format!("routes[0].match.route_names[0] {name}")),
        ("/routes/1/auth_tokens/0/env", format!("routes[1].auth_tokens[0].{variable}")),
        ("/routes/1/name", format!("routes[1].name {name}")),
        ("/routes/2/name", format!("routes[2].name {name}")),
    ] {
        let mut tree = tree.clone();
        *tree.pointer_mut(pointer).unwrap() = CANARY.into();
        // `check` itself sees to it that the canary is in no output.
        let (code, mut told_now) = faults(&tree.to_string());
        assert_eq!(code, 0, "{pointer}");
        told_now.retain(|fault| !usual.iter().any(|usual| hidden(usual) == hidden(fault)));
        let expected: Vec<String> = [told].into_iter().filter(|told| !told.is_empty()).collect();
        assert_eq!(
            told_now,
            expected.iter().map(|told| format!("warning: {told}")).collect::<Vec<_>>(),
            "{pointer}"
        );
        let wrapped = envoy(&tree.to_string(), STOPS, "", "").replace("\"T\"", "\"TWILIO_AUTH_TOKEN\"");
        assert_eq!(check(&["-"], &wrapped).0, 1, "{pointer}");
        let cut = tree.to_string();
        for end in (0..cut.len()).step_by(97) {
            check(&["-"], &cut[..end]);
        }
    }
}
