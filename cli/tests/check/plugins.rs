//! What stands around a plugin of Envoy, in its chain and in its VM.

use crate::{AFTER, BUFFER, CANARY, RELOAD, STOPS, TOKEN, envoy, faults};

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
                "error: {at}auth_tokens[0].env: the variable OTHER is not set in the plugin's environment: set it for the \
                 proxy (where that comes from a Secret, under this key), and list it in vm_config.environment_variables"
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
