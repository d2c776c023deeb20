//! What is a configuration or holds one, and what is not.

use std::fs;
use std::path::Path;

use crate::table::{Case, cases};
use crate::{CANARY, check, faults, repository};

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
