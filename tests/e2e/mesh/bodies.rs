//! Bodies that are larger than what a hardened proxy buffers of a connection: 32 KiB, and on HTTP/2 a window of 64 KiB.

use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::xds::{Generated, Mesh, start};
use super::{ENVOY_FILTER, ENVOY_GATEWAY, ModuleServer, SOON, WASM_PLUGIN, istio};
use crate::site::{HOST, Site};
use crate::webhook::{BOTH, FORM, denied, passes, send, signature};

/// `max_body_bytes` of the manifests.
const LIMIT: usize = 262_144;

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
    for protocol in BOTH {
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
    let line = format!("details=request_payload_too_large status=413 webhook=[-] case={size}");
    let (request, body) = form_of(size);
    assert_eq!(send(site, protocol, &request.header("x-case", size.to_string()).body(&body)).status, 413);
    assert!(site.envoy.wait_for_output(&line, SOON), "{}", site.envoy.output());
    assert_eq!(site.upstream.bytes_since(mark), b"");
}

#[test]
fn a_buffer_after_the_plugin_sets_the_limit_by_itself() {
    let server = ModuleServer::start();
    let gateways = [istio::at_the_edge(istio(WASM_PLUGIN)), server.gateway(&istio::objects(ENVOY_GATEWAY))];
    for generated in gateways {
        for binary in versions() {
            let Mesh { site, control: _control } = start(&binary, &generated, Protocol::Http2);
            takes_all_up_to_the_limit(&site);
        }
    }
}

#[test]
fn hold_self_needs_room_that_a_hardened_gateway_gives_a_route_since_envoy_1_37() {
    let unpatched = |mut generated: Generated| {
        for route in &mut generated.routes {
            route.as_object_mut().expect("a route").remove("request_body_buffer_limit");
        }
        generated
    };
    for binary in versions() {
        let Mesh { site, control: _control } = start(&binary, &istio(ENVOY_FILTER), Protocol::Http2);
        takes_all_up_to_the_limit(&site);
        let hardened = istio::at_the_edge(istio(ENVOY_FILTER));
        if binary.is_at_least((1, 37)) {
            let Mesh { site, control: _control } = start(&binary, &hardened, Protocol::Http2);
            takes_all_up_to_the_limit(&site);
        }
        let Mesh { site, control: _control } = start(&binary, &unpatched(hardened), Protocol::Http2);
        refused_by_envoy(&site, Protocol::Http1, 40_000);
        refused_by_envoy(&site, Protocol::Http2, 100_000);
    }
}
