//! Bodies that are larger than what a hardened proxy buffers of a connection: 32 KiB, and on HTTP/2 a window of 64 KiB.

use serde_json::json;
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::xds::{Generated, Mesh, start};
use super::{ENVOY_FILTER, ENVOY_GATEWAY, SOON, WASM_PLUGIN, read};
use crate::site::{HOST, Site, merge};
use crate::webhook::{BOTH, FORM, denied, passes, send, signature};

/// `max_body_bytes` of the manifests.
const LIMIT: usize = 262_144;

/// The same gateway with `connectionSettings` of the profile `EDGE`.
fn at_the_edge(mut gateway: Generated) -> Generated {
    // An EnvoyFilter has the last word.
    if gateway.listener["per_connection_buffer_limit_bytes"].is_null() {
        gateway.listener["per_connection_buffer_limit_bytes"] = json!(32_768);
    }
    let edge = json!({
        "common_http_protocol_options": { "headers_with_underscores_action": "REJECT_REQUEST" },
        "http2_protocol_options": {
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
            "max_concurrent_streams": 100,
        },
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "stream_idle_timeout": "300s",
        "request_timeout": "300s",
        "request_headers_timeout": "60s",
    });
    merge(&mut gateway.manager, edge);
    gateway
}

/// A signed form of so many bytes, and its body.
fn form_of(size: usize) -> (Request, Vec<u8>) {
    let value = "x".repeat(size - 2);
    let body = format!("a={value}").into_bytes();
    let request = Request::new("POST", HOST, "/hook/big")
        .header("content-type", FORM)
        .header("x-twilio-signature", signature("/hook/big", &[("a", &value)]));
    (request, body)
}

/// Whatever the plugin would take fits, and what is too large is answered by the plugin.
fn takes_all_up_to_the_limit(site: &Site) {
    takes_all_by(site, &BOTH);
}

fn takes_all_by(site: &Site, protocols: &[Protocol]) {
    for &protocol in protocols {
        let (request, body) = form_of(100_000);
        passes(site, protocol, &request.frames(body.chunks(10_000)), &body);
        let (request, body) = form_of(LIMIT);
        passes(site, protocol, &request.body(&body), &body);
        let (request, body) = form_of(LIMIT + 1);
        denied(site, protocol, &request.frames(body.chunks(10_000)), 413, "body_too_large");
    }
}

fn refused_by_envoy(site: &Site, protocol: Protocol, size: usize) {
    let mark = site.upstream.mark();
    let line = format!(
        "details=request_payload_too_large status=413 webhook=[verdict=incomplete route=webhook reason=none] case={size}"
    );
    let (request, body) = form_of(size);
    assert_eq!(send(site, protocol, &request.header("x-case", size.to_string()).body(&body)).status, 413);
    assert!(site.envoy.wait_for_output(&line, SOON), "{}", site.envoy.output());
    assert_eq!(site.upstream.bytes_since(mark), b"");
}

#[test]
fn a_buffer_after_the_plugin_sets_the_limit_by_itself() {
    for generated in [at_the_edge(read(WASM_PLUGIN)), read(ENVOY_GATEWAY)] {
        for binary in versions() {
            let Mesh { site, control: _control } = start(&binary, &generated, Protocol::Http2);
            takes_all_up_to_the_limit(&site);
        }
    }
}

#[test]
fn hold_self_needs_room_that_a_hardened_gateway_gives_its_listener() {
    for binary in versions() {
        let Mesh { site, control: _control } = start(&binary, &read(ENVOY_FILTER), Protocol::Http2);
        takes_all_up_to_the_limit(&site);
        let hardened = at_the_edge(read(ENVOY_FILTER));
        let Mesh { site, control: _control } = start(&binary, &hardened, Protocol::Http2);
        takes_all_by(&site, &[Protocol::Http1]);
        // Of HTTP/2 no more is buffered than a stream's window, and a route that answers by itself has no limit of its own.
        refused_by_envoy(&site, Protocol::Http2, 100_000);
        let mut unpatched = read(ENVOY_FILTER);
        let members = unpatched.listener.as_object_mut().expect("a listener");
        assert!(members.remove("per_connection_buffer_limit_bytes").is_some());
        let Mesh { site, control: _control } = start(&binary, &at_the_edge(unpatched), Protocol::Http2);
        refused_by_envoy(&site, Protocol::Http1, 40_000);
        refused_by_envoy(&site, Protocol::Http2, 100_000);
    }
}
