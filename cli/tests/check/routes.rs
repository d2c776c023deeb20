//! Objects of control planes, and ways round the routes of a plugin.

use serde_json::json;

use crate::{TOKEN, check, faults};

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
                "error: EnvoyExtensionPolicy b: auth_tokens[0].env: the variable T is not set in the plugin's environment: \
                 set it for the proxy (where that comes from a Secret, under this key), and list it in \
                 vm_config.environment_variables"
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
