//! Bad configurations: Envoy does not start with one, and goes on with the last good one when it is updated.

use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Target;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use crate::site::{Layout, Site, TOKEN};
use crate::webhook::{FORM_BODY, PARAMS, form, passes, signature_with};

const SECRET: &str = "test-secret-that-must-not-be-seen";

/// A configuration that is wrong, the field that must be named, and a word of the remedy.
fn bad() -> Vec<(Value, &'static str, &'static str)> {
    let token = json!([{ "value": SECRET }]);
    let route = |name: &str| json!({ "name": name, "match": { "path": { "prefix": "/a" } } });
    vec![
        (json!({}), "auth_tokens", "no key to verify with"),
        (json!({ "auth_tokens": SECRET }), "auth_tokens", "must be an array"),
        (json!({ "auth_tokens": [SECRET] }), "auth_tokens[0]", "must be an object"),
        (json!({ "auth_tokens": [{ "value": "" }] }), "auth_tokens[0].value", "is empty"),
        (
            json!({ "auth_tokens": [{ "value": format!("{SECRET}\n") }] }),
            "auth_tokens[0].value",
            "white space",
        ),
        (json!({ "auth_tokens": [{ "env": "TWILIO_NOT_SET" }] }), "auth_tokens[0].env", "is not set"),
        (
            json!({ "auth_tokens": [{ "env": "A", "value": SECRET }] }),
            "auth_tokens[0]",
            "several of env, filter_state and value",
        ),
        (json!({ "auth_tokens": token, "modee": "report" }), "modee", "is not a field"),
        (json!({ "auth_tokens": token, "mode": SECRET }), "mode", "must be one of"),
        (json!({ "auth_tokens": token, "max_body_bytes": 0 }), "max_body_bytes", "must be from 1"),
        (
            json!({ "auth_tokens": token, "routes": [route("a"), route("a")] }),
            "routes[1].name",
            "is the name of",
        ),
        (
            json!({ "auth_tokens": token, "routes": [route("a"), route("b")] }),
            "routes[1].match",
            "never reached",
        ),
        (json!({ "auth_tokens": token, "url": { "base": "hooks.example.com" } }), "url.base", "https://"),
        (
            json!({ "shared_keys": [{ "id": "webhooks_sharedkey_01", "algorithm": "MD5", "value": SECRET }] }),
            "shared_keys[0].algorithm",
            "must be one of HMAC_SHA1, HMAC_SHA256",
        ),
    ]
}

fn with_plugin(plugin: &str) -> Layout {
    Layout {
        wasm: json!({ "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue", "value": plugin } }),
        ..Layout::default()
    }
}

#[track_caller]
fn refused(binary: &EnvoyBinary, plugin: &str, field: &str, remedy: &str) {
    let layout = with_plugin(plugin);
    let exit = Envoy::expect_refusal(binary, &layout.bootstrap(1).to_string(), &Options::default());
    let line = exit.log.lines().find(|line| line.contains("configuration rejected: "));
    let line = line.unwrap_or_else(|| panic!("no line about {plugin} in:\n{}", exit.log));
    assert!(line.contains(&format!("configuration rejected: {field}: ")), "{plugin}: {line}");
    assert!(line.contains(remedy), "{plugin}: {line}");
    assert!(!exit.log.contains(SECRET), "{plugin}: {}", exit.log);
}

#[test]
fn a_bad_configuration_keeps_envoy_from_starting_and_names_the_field() {
    // The filter says the same on every version; the oldest and the newest show that Envoy passes it on.
    let versions = versions();
    for binary in [versions.first(), versions.last()].into_iter().flatten() {
        for (plugin, field, remedy) in bad() {
            refused(binary, &plugin.to_string(), field, remedy);
        }
        refused(binary, "", "configuration", "is empty");
        refused(binary, "{", "configuration", "is not JSON");
        let doubled = format!(r#"{{"auth_tokens":[{{"value":"{SECRET}"}}],"mode":"off","mode":"off"}}"#);
        refused(binary, &doubled, "mode", "twice");
    }
}

#[test]
fn a_struct_is_read_like_json() {
    for binary in versions() {
        let mut layout = Layout::default();
        layout.wasm = json!({ "configuration": {
            "@type": "type.googleapis.com/google.protobuf.Struct", "value": layout.plugin } });
        let site = Site::start(&binary, &layout);
        crate::webhook::still_serves(&site);
        crate::webhook::denied(&site, Protocol::Http2, &form("/hook/a"), 403, "missing_signature");
    }
}

#[test]
fn a_bad_update_leaves_the_running_configuration_in_place() {
    for binary in versions() {
        let scratch = Scratch::new("lds");
        let upstream = Upstream::start();
        let good = Layout::default();
        let lds = |layout: &Layout, version: &str| {
            let mut listener = layout.listener();
            listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
            json!({ "version_info": version, "resources": [listener] }).to_string()
        };
        let file = scratch.write("lds.json", lds(&good, "1"));
        let mut bootstrap = good.bootstrap(upstream.port());
        bootstrap["static_resources"]["listeners"] = json!([]);
        bootstrap["dynamic_resources"] = json!({ "lds_config": {
            "resource_api_version": "V3", "path_config_source": { "path": file.display().to_string() } } });
        bootstrap["node"] = json!({ "id": "test", "cluster": "test" });
        let site = Site::of(Envoy::start(&binary, &bootstrap.to_string(), &Options::default()), upstream);
        let update = |layout: &Layout, version: &str| {
            let next = scratch.write("next.json", lds(layout, version));
            std::fs::rename(next, &file).expect("to move the update into place");
        };
        let signed = |token: &str| {
            let url = format!("http://{}/hook/a", crate::site::HOST);
            form("/hook/a").header("x-twilio-signature", signature_with(token, &url, &PARAMS))
        };
        passes(&site, Protocol::Http1, &signed(TOKEN), FORM_BODY.as_bytes());

        let bad = good.clone().with_route(json!({ "auth_tokens": [{ "value": "" }] }));
        update(&bad, "2");
        let line = "configuration rejected: routes[0].auth_tokens[0].value: is empty";
        assert!(site.envoy.wait_for_log(line, Duration::from_secs(10)), "{}", site.envoy.log());
        assert!(site.envoy.wait_for_counter(
            "listener_manager.lds.update_rejected",
            1,
            Duration::from_secs(10)
        ));
        passes(&site, Protocol::Http1, &signed(TOKEN), FORM_BODY.as_bytes());

        update(&good.clone().with_route(json!({ "auth_tokens": [{ "value": "test-token-0002" }] })), "3");
        assert!(site.envoy.wait_for_counter(
            "listener_manager.lds.update_success",
            2,
            Duration::from_secs(10)
        ));
        let port = || site.envoy.listener_port("main");
        let answers = |token: &str| {
            let target = Target::plain(port());
            twilio_proxy_wasm_harness::client::send(&target, Protocol::Http1, &signed(token))
                .map(|it| it.status)
        };
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while answers("test-token-0002") != Ok(200) {
            assert!(
                std::time::Instant::now() < deadline,
                "the update does not take effect\n{}",
                site.envoy.log()
            );
        }
        assert_eq!(answers(TOKEN), Ok(403));
    }
}
