//! Installations that cannot work: what the manifests have, with the one part that matters left out. The filter notices,
//! and nothing passes.

use serde_json::json;
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::xds::{Generated, Mesh, start};
use super::{ENVOY_FILTER, ENVOY_GATEWAY, WASM_PLUGIN, later, read};
use crate::misplaced::diagnosed;
use crate::site::HOST;
use crate::webhook::{BOTH, form, passes, send, signature, signed_form};

/// To an upstream that takes headers at once: a pooled HTTP/2 connection.
fn is_noticed(generated: &Generated) {
    is_noticed_since((0, 0), generated);
}

fn is_noticed_since(version: (u32, u32), generated: &Generated) {
    for binary in versions().into_iter().filter(|binary| binary.is_at_least(version)) {
        let Mesh { site, control: _control } = start(&binary, generated, Protocol::Http2);
        let get =
            Request::new("GET", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &[]));
        passes(&site, Protocol::Http1, &get, b"");
        diagnosed(&site, Protocol::Http1, &signed_form("/hook/a"));
        let forged = form("/hook/a").header("x-twilio-signature", signature("/hook/b", &[]));
        diagnosed(&site, Protocol::Http2, &forged);
    }
}

const BUFFER: &str = "envoy.filters.http.buffer";

#[test]
fn a_wasm_plugin_without_the_buffer() {
    let mut generated = read(WASM_PLUGIN);
    generated.filters.retain(|filter| filter["name"] != BUFFER);
    is_noticed(&without_its_place_on_routes(generated));
}

fn without_its_place_on_routes(mut generated: Generated) -> Generated {
    let mut found = 0;
    for route in &mut generated.routes {
        if let Some(filters) = route["typed_per_filter_config"].as_object_mut() {
            found += usize::from(filters.remove(BUFFER).is_some());
        }
    }
    assert_eq!(found, 1);
    generated
}

/// A route that the plugin names and the buffer does not.
#[test]
fn a_wasm_plugin_with_a_buffer_for_other_routes() {
    is_noticed(&without_its_place_on_routes(read(WASM_PLUGIN)));
}

#[test]
fn an_envoy_filter_without_the_switch() {
    let mut generated = read(ENVOY_FILTER);
    let plugin = generated.plugin().as_object_mut().expect("a plugin");
    assert_eq!(plugin.remove("allow_on_headers_stop_iteration"), Some(json!(true)));
    is_noticed(&generated);
}

#[test]
fn envoy_gateway_with_its_own_order_of_filters() {
    let mut generated = read(ENVOY_GATEWAY);
    let buffer = generated.filters.iter().position(|filter| filter["name"] == BUFFER).expect("the buffer");
    let buffer = generated.filters.remove(buffer);
    generated.filters.insert(0, buffer);
    is_noticed(&generated);
    is_noticed_since((1, 39), &later::with_chains_of_routes(generated));
}

#[test]
fn a_module_that_cannot_be_fetched_lets_nothing_pass() {
    let rbac =
        json!({ "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC", "rules": {} });
    for binary in versions() {
        // What istio-agent hands to Envoy in the plugin's place.
        let mut generated = read(ENVOY_FILTER);
        generated.extensions[0]["typed_config"] = rbac.clone();
        let Mesh { site, control: _control } = start(&binary, &generated, Protocol::Http2);
        let mark = site.upstream.mark();
        for protocol in BOTH {
            assert_eq!(send(&site, protocol, &signed_form("/hook/a")).status, 403);
        }
        assert_eq!(site.upstream.bytes_since(mark), b"");
    }
}
