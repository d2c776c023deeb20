//! Keys that come from filter state, and what fills it.

use std::fs;
use std::path::Path;

use crate::{STOPS, TOKEN, check, envoy};

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
