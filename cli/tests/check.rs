//! `twilio-webhook check`: what it says of configurations, of the files that hold them, and of what is no such file.

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
route voice
  match: path /voice/ and below
  mode: report (denies nothing)
  keys: auth token TWILIO_EU_TOKEN
  url: https://hooks.example.com:8443/eu/ and the request's path
  body: up to 1 byte
route rest.of-it_1
  match: every request
  mode: off (verifies nothing)
  keys: auth token TWILIO_AUTH_TOKEN; auth token auth_tokens[1] for AC0123456789abcdef0123456789ABCDEF alone; shared key webhooks_sharedkey_01h (HMAC_SHA256); shared key webhooks_sharedkey_02h (HMAC_SHA1)
  url: http://[2001:db8::1] and the request's path
  body: up to 67108864 bytes
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
                for such a one (/hook.json for /hook) is not verified; match by route_names, or set unmatched to deny";
    let one = path.replace("routes sms, voice match", "route webhook matches");
    let header = "note: PLACE: url.original_path_header trusts a header: who can send it can have a webhook accepted here that \
                  was signed for another of your URLs; see to it that something in front sets or removes it on every request";
    let at = |line: &str, place: &str| line.replace("PLACE", place);
    let sidecar = "EnvoyFilter twilio-webhook, plugin twilio-webhook";
    let cases: [(&[&str], Vec<String>, &str); 8] = [
        (
            &["envoy/envoy.yaml"],
            vec![at(path, "listener https, filter twilio_webhook")],
            "1 plugin: 0 errors, 0 warnings, 1 note",
        ),
        (&["envoy/per-route.yaml"], vec![], "2 plugins: 0 errors, 0 warnings, 0 notes"),
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
        (&["deploy/envoy-gateway/base/plugin.yaml"], vec![], "1 plugin: 0 errors, 0 warnings, 0 notes"),
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
    for entry in fs::read_dir(repository("tests/config/bad")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        // Here a variable counts as set, and what it holds is not known. Bytes that are no text are no file to be read.
        if !is_json
            || name.starts_with("key_unset")
            || name.starts_with("key_variable")
            || name.ends_with("not_utf8")
        {
            continue;
        }
        let said = fs::read_to_string(path.with_extension("txt")).unwrap();
        let (code, stdout, stderr) = check(&[path.to_str().unwrap()], "");
        assert_eq!((code, stderr.as_str()), (1, ""), "{name}");
        assert_eq!(stdout, format!("error: {said}1 plugin: 1 error, 0 warnings, 0 notes\n"), "{name}");
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
                verified; match by route_names, or set unmatched to deny";
    let path = "note: route a matches by path, and unmatched is allow: a path that the application alone takes for such a one \
                (/hook.json for /hook) is not verified; match by route_names, or set unmatched to deny";
    let by_host = r#"{ "hosts": ["a.example"], "path": { "exact": "/a" } }"#;
    let by_path = r#"{ "path": { "exact": "/a" } }"#;
    for (text, expected) in [
        (routes("allow", by_host, ""), vec![host]),
        (routes("allow", by_path, ""), vec![path]),
        (routes("allow", by_path, r#", { "name": "b" }"#), vec![]),
        (routes("allow", r#"{ "route_names": ["a"] }"#, ""), vec![]),
        (routes("deny", by_host, ""), vec![]),
        (TOKEN.to_owned(), vec![]),
    ] {
        let (code, faults) = faults(&text);
        assert_eq!((code, faults), (0, expected.into_iter().map(str::to_owned).collect()), "{text}");
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
        ("${c0ffee}", &[secret, literal]),
        ("'c0ffee'", &[secret, literal]),
        ("\"c0ffee\"", &[secret, literal]),
    ] {
        let text = serde_json::json!({ "auth_tokens": [{ "value": value }] }).to_string();
        let (code, faults) = faults(&text);
        assert_eq!((code, faults), (0, expected.iter().map(|line| (*line).to_owned()).collect()), "{text}");
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
    let said = "error: WasmPlugin a: configuration: is empty; give at least auth_tokens";
    assert_eq!((code, faults), (1, vec![said.to_owned()]));
}

#[test]
fn a_configuration_with_a_misspelt_field_alone_is_named_by_the_filter() {
    let known = "is not a field here; the fields are auth_tokens, shared_keys, url, mode, max_body_bytes, hold, unmatched, \
                 verified_header, explain, routes";
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
fn what_a_terminal_would_obey_is_not_printed() {
    let plugin = r#"{ "name": "a\u001b[2J\nerror: b", "vm_config": {}, "configuration": { "value":
        "{ \"auth_tokens\": [{ \"value\": \"t\" }], \"routes\": [{ \"name\": \"r\", \"match\": {
             \"path\": { \"exact\": \"/\\u001b[2J\\u000a\" }, \"route_names\": [\"\\u0007\"] } }] }" } }"#;
    let (_, stdout, _) = check(&["-"], &plugin.replace('\n', " "));
    assert!(stdout.starts_with("plugin a\\u{1b}[2J\\nerror: b\n"), "{stdout}");
    assert!(stdout.contains("  match: path /\\u{1b}[2J\\n, the proxy's route \\u{7}\n"), "{stdout}");
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
            || ["check", "explain"].iter().any(|name| path.parent().unwrap().ends_with(name))
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
             "routes": [{{ "name": "{CANARY}", "match": {{ "hosts": ["{CANARY}", "a.example"], "route_names": ["{CANARY}"] }} }},
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
        r#"{{ "auth_tokens": [{{ "env": "T" }}], "routes": [{{ "name": "{CANARY}", "match": {{ "path": {{ "exact": "/" }} }} }}] }}"#
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
