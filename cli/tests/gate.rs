//! `twilio-webhook check` on the gate: whether it opens at all, and what leads round it.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const KEY: &str = "wasm.twilio_webhook.hooks";
/// Stands in the wrong place, and may be in no output.
const TOKEN: &str = "c0ffee11c0ffee22c0ffee33c0ffee44";

/// What is said of a file about the gate, without the place that each line begins with, and the exit code.
#[track_caller]
fn said(file: &Value) -> (i32, Vec<String>) {
    let (code, mut lines) = all_said(file);
    // Not every one of the plugin's routes is in each of the tables here.
    lines.retain(|line| !line.starts_with("warning: no route asks for verdict="));
    (code, lines)
}

/// The same with what is said of routes that nothing asks for.
#[track_caller]
fn all_said(file: &Value) -> (i32, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twilio-webhook"));
    command.args(["check", "-"]).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), file.to_string().as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&stdout).contains(TOKEN));
    assert_eq!(String::from_utf8(stderr).unwrap(), "");
    let place = "listener https, filter twilio: ";
    let line = |line: &str| {
        let level = ["error: ", "warning: ", "note: "].into_iter().find(|level| line.starts_with(level))?;
        // Not every one of the plugin's routes is in each of the tables here, which is none of the gate's business.
        let is_of_gate = line.contains(place) && !line.contains(": no route of the files takes ");
        is_of_gate.then(|| format!("{level}{}", line.split_once(place).expect("a place").1))
    };
    (status.code().unwrap(), String::from_utf8(stdout).unwrap().lines().filter_map(line).collect())
}

/// An Envoy with the plugin, whose routes are `sms` and `voice` unless said otherwise.
fn proxy(members: Value, routes: Value) -> Value {
    let route = |name: &str, token: &str| json!({ "name": name, "match": { "path": { "prefix": format!("/{name}") } }, "auth_tokens": [{ "env": token }] });
    let mut plugin = json!({ "clear_route_cache": true, "unmatched": "deny", "routes": [route("sms", "SMS"), route("voice", "VOICE")] });
    for (name, value) in members.as_object().unwrap() {
        plugin[name] = value.clone();
    }
    let filter = json!({ "name": "twilio", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "hooks",
            "allow_on_headers_stop_iteration": true,
            "failure_policy": "FAIL_RELOAD",
            "vm_config": { "environment_variables": { "host_env_keys": ["SMS", "VOICE"] } },
            "configuration": { "@type": "type.googleapis.com/google.protobuf.StringValue", "value": plugin.to_string() },
        },
    }});
    json!({ "static_resources": { "listeners": [{ "name": "https", "filter_chains": [{ "filters": [{
        "name": "manager", "typed_config": {
            "http_filters": [filter],
            "route_config": { "name": "main", "virtual_hosts": [{ "name": "all", "routes": routes }] },
        },
    }]}]}]}})
}

fn asks(name: &str, text: Value) -> Value {
    json!({ "name": name, "route": { "cluster": "application" },
            "match": { "prefix": format!("/{name}"), "filter_state": [{ "key": KEY, "string_match": text }] } })
}

fn exact(name: &str) -> Value {
    asks(name, json!({ "exact": format!("verdict=allowed route={name}") }))
}

fn to(name: &str, matches: Value, cluster: &str) -> Value {
    json!({ "name": name, "match": matches, "route": { "cluster": cluster } })
}

/// Nothing to say of a gate that is as it should be; Envoy may have its names in camel case too.
#[test]
fn a_gate_without_a_way_round_it_is_left_alone() {
    let shut = json!({ "match": { "prefix": "/" }, "directResponse": { "status": 403 } });
    let other = to("site", json!({ "prefix": "/site" }), "site");
    let mut camel = exact("voice");
    let filter_state = camel["match"].as_object_mut().unwrap().remove("filter_state").unwrap();
    camel["match"]["filterState"] = filter_state;
    let file = proxy(json!({}), json!([exact("sms"), camel, shut, other]));
    assert_eq!(said(&file), (0, vec![]));
    // The same file after Envoy: a dump, with the table apart from the listener.
    let mut apart = proxy(json!({}), Value::Null);
    let table = json!({ "name": "main", "virtual_hosts": [{ "name": "all", "routes": [exact("sms"), exact("voice")] }] });
    apart["dynamic_route_configs"] = json!([{ "route_config": table }]);
    assert_eq!(said(&apart), (0, vec![]));
}

#[test]
fn what_leads_round_the_gate_is_listed() {
    let around = |by: &str| {
        vec![format!(
            "warning: cluster application can be reached around the gate, by {by}: nothing verifies what the application reads \
             there as a webhook; give webhooks a cluster of their own, or put a gate there too"
        )]
    };
    let rest = |action: Value| json!({ "name": "rest", "match": { "prefix": "/" }, "route": action });
    let mirror = json!([{ "cluster": "application" }]);
    let table = [
        (rest(json!({ "cluster": "application" })), around("route rest of listener https")),
        (rest(json!({ "cluster_header": "x-cluster" })), around("route rest of listener https")),
        (rest(json!({ "inline_cluster_specifier_plugin": {} })), around("route rest of listener https")),
        (
            rest(json!({ "weighted_clusters": { "clusters": [{ "name": "site" }, { "name": "application" }] } })),
            around("route rest of listener https"),
        ),
        (
            rest(json!({ "cluster": "site", "request_mirror_policies": mirror })),
            around("route rest of listener https"),
        ),
        (
            json!({ "match": { "path_separated_prefix": "/a" }, "route": { "cluster": "application" } }),
            around("route for /a of listener https"),
        ),
        (
            to("health", json!({ "path": "/healthz" }), "application"),
            vec![
                "note: cluster application can be reached around the gate, by route health of listener https: see to it that \
                 /healthz is no webhook for the application"
                    .to_owned(),
            ],
        ),
        (to("site", json!({ "prefix": "/" }), "site"), vec![]),
    ];
    for (route, expected) in table {
        let file = proxy(json!({}), json!([exact("sms"), exact("voice"), route]));
        assert_eq!(said(&file), (0, expected), "{route}");
    }
    // Of all routes of a table, and of another listener.
    let mut mirrored =
        proxy(json!({}), json!([exact("sms"), exact("voice"), to("site", json!({ "prefix": "/" }), "site")]));
    let manager =
        &mut mirrored["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    manager["route_config"]["virtual_hosts"][0]["request_mirror_policies"] = mirror;
    assert_eq!(said(&mirrored), (0, around("route site of listener https")));
    let mut tunnel = proxy(json!({}), json!([exact("sms"), exact("voice")]));
    let proxied = json!({ "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "cluster": "application" });
    let other = json!({ "name": "tcp", "filter_chains": [{ "filters": [{ "name": "tcp", "typed_config": proxied }] }] });
    tunnel["static_resources"]["listeners"].as_array_mut().unwrap().push(other);
    assert_eq!(said(&tunnel), (0, around("a TCP proxy of listener tcp")));
}

#[test]
fn a_gate_that_never_opens_is_an_error() {
    let never = "error: route sms of listener https never exists";
    let no_verdict = format!(
        "{never}: it asks for a verdict that the plugin does not give; the texts are verdict=allowed route=NAME and \
         verdict=reported route=NAME, with the name of one of its routes"
    );
    let for_sms = |why: &str| format!("{never} for route sms{why}");
    let sms = |text: Value| json!([asks("sms", text)]);
    let right = json!({ "exact": "verdict=allowed route=sms" });
    let table = [
        (json!({}), sms(json!({ "exact": "verdict=allowed route=smss" })), no_verdict.clone()),
        (json!({}), sms(json!({ "exact": "verdict=allowed" })), no_verdict.clone()),
        (json!({}), sms(json!({ "safe_regex": { "regex": "verdict=allowed" } })), no_verdict.clone()),
        (json!({}), sms(json!({ "prefix": "verdict=denied" })), no_verdict),
        (
            json!({ "clear_route_cache": false }),
            sms(right.clone()),
            for_sms(": set clear_route_cache to true"),
        ),
        (
            json!({ "auth_tokens": [{ "env": "SMS" }], "routes": [{ "name": "sms", "mode": "off" }] }),
            sms(right),
            for_sms(", which is off; report is what lets everything through"),
        ),
    ];
    for (members, routes, expected) in table {
        let (code, mut lines) = said(&proxy(members, routes.clone()));
        lines.retain(|line| !line.starts_with("note: route sms is in mode off"));
        assert_eq!((code, lines), (1, vec![expected]), "{routes}");
    }
}

/// A path that is written in another way in the plugin than in the route that asks for it.
#[test]
fn a_gate_for_another_path_never_opens() {
    let route = json!({ "name": "sms", "match": { "path": { "prefix": "/smss" } }, "auth_tokens": [{ "env": "SMS" }] });
    let members = json!({ "routes": [route], "unmatched": "deny" });
    let said = |path: &str| {
        let asks = json!({ "name": "sms", "route": { "cluster": "application" }, "match": {
            "path_separated_prefix": path, "filter_state": [{ "key": KEY, "string_match": { "exact": "verdict=allowed route=sms" } }] } });
        said(&proxy(
            members.clone(),
            json!([asks, { "match": { "prefix": "/" }, "direct_response": { "status": 403 } }]),
        ))
    };
    let never = "warning: route sms of listener https is for /sms, and what it asks for is given on /smss alone: it never opens; \
                 write the same path in both";
    assert_eq!(said("/sms"), (0, vec![never.to_owned()]));
    assert_eq!(said("/smss"), (0, vec![]));
    assert_eq!(said("/smss/new"), (0, vec![]));
}

#[test]
fn what_is_weaker_than_it_could_be_is_told() {
    let is_mode = "note: route sms is in mode report: nothing is denied there";
    let any = "note: route sms of listener https exists for what is verified on any of the routes sms, voice: with exact it would \
               for the one whose path it is";
    let unread = format!(
        "note: route sms of listener https asks for filter state {KEY} in a way that is not looked into here; use exact"
    );
    let in_report = "warning: route sms of listener https exists for allowed alone, and in report a request with a body is never \
                     allowed before it goes on: as long as route sms is in report, ask for safe_regex \
                     verdict=(allowed|reported) route=sms";
    let report = json!({ "routes": [{ "name": "sms", "mode": "report", "auth_tokens": [{ "env": "SMS" }] }], "unmatched": "deny" });
    let table = [
        (json!({}), json!({ "prefix": "verdict=allowed" }), vec![any.to_owned()]),
        (json!({}), json!({ "contains": "verdict=allowed" }), vec![unread]),
        (
            report.clone(),
            json!({ "exact": "verdict=allowed route=sms" }),
            vec![in_report.to_owned(), is_mode.to_owned()],
        ),
        (
            report,
            json!({ "safe_regex": { "regex": "verdict=(allowed|reported) route=sms" } }),
            vec![is_mode.to_owned()],
        ),
    ];
    for (members, text, expected) in table {
        assert_eq!(said(&proxy(members, json!([asks("sms", text.clone())]))), (0, expected), "{text}");
    }
}

#[test]
fn a_plugin_without_a_gate_is_offered_one() {
    let routes = json!([to("sms", json!({ "prefix": "/sms" }), "application")]);
    let off = json!({ "clear_route_cache": false });
    let offered = "note: cluster application can be reached whether this filter is there or not: put a gate before what Twilio \
                   calls, docs/gate.md says how";
    assert_eq!(said(&proxy(off, routes.clone())), (0, vec![offered.to_owned()]));
    let idle = format!("warning: clear_route_cache is on, and no route asks for filter state {KEY}");
    assert_eq!(said(&proxy(json!({}), routes)), (0, vec![idle.clone()]));
    let mut other = exact("sms");
    other["match"]["filter_state"][0]["key"] = json!("wasm.twilio_webhook.hook");
    let other = said(&proxy(json!({}), json!([other])));
    let which = "; one asks for wasm.twilio_webhook.hook, which is another plugin's";
    assert_eq!(other, (0, vec![format!("{idle}{which}")]));
}

/// One key of two is misspelt: that gate never opens, and nothing else tells.
#[test]
fn a_route_that_nothing_asks_for_beside_others_is_told() {
    let mut misspelt = exact("voice");
    misspelt["match"]["filter_state"][0]["key"] = json!("wasm.twilio_webhook.hoks");
    let told = format!(
        "warning: no route asks for verdict=allowed route=voice of filter state {KEY}, so that what is verified there has no way \
         on by a gate: compare key and text of the routes"
    );
    assert_eq!(all_said(&proxy(json!({}), json!([exact("sms"), misspelt]))), (0, vec![told]));
    assert_eq!(all_said(&proxy(json!({}), json!([exact("sms"), exact("voice")]))), (0, vec![]));
}

#[test]
fn a_route_behind_the_gate_in_route_names_is_told() {
    let routes = json!({ "routes": [
        { "name": "sms", "match": { "route_names": ["sms"] }, "auth_tokens": [{ "env": "SMS" }] } ] });
    let told = "warning: routes[0].match.route_names has sms, which asks for a verdict, so that no request is on it before: name \
                the route of the gate that the request is on first";
    assert_eq!(said(&proxy(routes, json!([exact("sms")]))), (0, vec![told.to_owned()]));
}

#[test]
fn a_token_in_the_place_of_a_name_is_not_shown() {
    let hidden = "(hidden: it looks like a token)";
    let mut route = exact("sms");
    (route["name"], route["route"]["cluster"]) = (json!(TOKEN), json!(TOKEN));
    route["match"]["filter_state"][0]["string_match"] = json!({ "exact": TOKEN });
    let (code, lines) = said(&proxy(json!({}), json!([route, to(TOKEN, json!({ "prefix": "/" }), TOKEN)])));
    assert_eq!(code, 1);
    assert!(
        lines[0].starts_with(&format!("error: route {hidden} of listener https never exists")),
        "{lines:?}"
    );
    assert!(
        lines[1].contains(&format!("cluster {hidden} can be reached around the gate, by route {hidden} of ")),
        "{lines:?}"
    );
    let mut other = exact("sms");
    other["match"]["filter_state"][0]["key"] = json!(format!("wasm.twilio_webhook.{TOKEN}"));
    let (_, lines) = said(&proxy(json!({}), json!([other])));
    assert!(lines[0].contains(&format!("one asks for wasm.twilio_webhook.{hidden}, ")), "{lines:?}");
}

#[test]
fn two_plugins_of_one_name_are_told() {
    let mut file = proxy(json!({}), json!([exact("sms"), exact("voice")]));
    let filters = &mut file["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        ["http_filters"];
    let mut other = filters[0].clone();
    other["name"] = json!("twilio_too");
    filters.as_array_mut().unwrap().insert(0, other);
    let shared = "warning: has the name of the plugin of listener https, filter twilio_too, and so opens its gates, where their \
                  routes have the same names too: give each plugin a name of its own";
    assert_eq!(said(&file), (0, vec![shared.to_owned()]));
}
