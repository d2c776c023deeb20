//! The filter as Istio and Envoy Gateway install it: what real ones made of the manifests in `deploy/` is in `recorded/`, and
//! is served to real Envoys by xDS.

mod bodies;
mod later;
mod misconfigured;
mod recorded;
mod report;
mod sidecar;
mod tokens;
mod update;
mod xds;

use std::time::Duration;

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Request, h1};
use twilio_proxy_wasm_harness::envoy::{EnvoyBinary, versions};
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::site::{HOST, Site, TOKEN};
use crate::spine::{check, check_what_has_no_upstream};
use crate::webhook::{BOTH, denied, passes, signature_with, signed_form, still_serves};
use recorded::read;
use xds::{Generated, Mesh, start};

/// How long something may take that is on its way.
const SOON: Duration = Duration::from_secs(10);

const WASM_PLUGIN: &str = "istio-wasm-plugin";
const TRAFFIC_EXTENSION: &str = "istio-traffic-extension";
const ENVOY_FILTER: &str = "istio-envoy-filter";
const GATEWAY_API: &str = "istio-gateway-api";
const SHARED_GATEWAY: &str = "istio-shared-gateway";
const SIDECAR: &str = "istio-sidecar";
const TOKENS_FROM_FILE: &str = "istio-tokens-from-file";
const ENVOY_FILTER_FROM_FILE: &str = "istio-envoy-filter-tokens-from-file";
const SHARED_GATEWAY_FROM_FILE: &str = "istio-shared-gateway-tokens-from-file";
const SIDECAR_FROM_FILE: &str = "istio-sidecar-tokens-from-file";
const ENVOY_GATEWAY: &str = "envoy-gateway";

/// Every shape of request, signed and forged, by both protocols, to an upstream that headers could be sent to at once.
fn verifies(binary: &EnvoyBinary, generated: &Generated) {
    let Mesh { site, control: _control } = start(binary, generated, Protocol::Http2);
    still_serves(&site);
    for protocol in BOTH {
        check(&site, protocol);
        check_what_has_no_upstream(&site, protocol);
    }
    let leftovers = site.upstream.requests().iter().filter(|request| !request.complete).count();
    assert_eq!(leftovers, 0, "Envoy {}", binary.version);
    expects_a_100(&site);
    takes_sockets(&site);
}

/// `proxy_100_continue` leaves the 100 to the upstream, which sees nothing before the body is verified. So a client gets
/// none, and sends its body when it has waited long enough.
fn expects_a_100(site: &Site) {
    let request = signed_form("/hook/a").header("expect", "100-continue");
    let mut connection = h1::Connection::open(&site.target()).expect("a connection");
    let mark = site.upstream.mark();
    connection.send(&request.h1_head()).expect("to send the headers");
    assert_eq!(site.upstream.bytes_since(mark), b"");
    connection.send(&request.h1_body()).expect("to send the body");
    assert_eq!(connection.read_response().expect("an answer").status, 200);
}

/// A signed handshake becomes a socket; another reaches nobody.
fn takes_sockets(site: &Site) {
    let request = Request::websocket(HOST, "/hook/ws");
    denied(site, Protocol::Http1, &request, 403, "missing_signature");
    let url = format!("ws://{HOST}/hook/ws");
    let signed = request.header("x-twilio-signature", signature_with(TOKEN, &url, &[]));
    let mut connection = h1::Connection::open(&site.target()).expect("a connection");
    connection.send(&signed.h1_bytes()).expect("to send the handshake");
    assert_eq!(connection.read_head().expect("an answer").status, 101, "{}", site.envoy.output());
    connection.send(b"frames, as they are").expect("an open socket");
    assert_eq!(connection.read_exact(19).expect("an echo"), b"frames, as they are");
}

/// Istio's own filters are those that every Envoy knows.
const ISTIO: [&str; 3] =
    ["envoy.filters.http.grpc_stats", "envoy.filters.http.fault", "envoy.filters.http.cors"];
const HELD: [&str; 2] = ["envoy.filters.http.buffer", "envoy.filters.http.router"];

#[test]
fn an_istio_gateway_verifies_with_a_wasm_plugin() {
    let generated = read(WASM_PLUGIN);
    let plugin =
        "extensions.istio.io/trafficextension/istio-ingress.twilio-webhook~istio-translated-wasmplugin";
    assert_eq!(generated.order(), [&[plugin][..], &ISTIO, &HELD].concat());
    versions().iter().for_each(|binary| verifies(binary, &generated));
}

#[test]
fn an_istio_gateway_verifies_with_an_envoy_filter() {
    let generated = read(ENVOY_FILTER);
    let plugin = "istio-ingress.twilio-webhook";
    assert_eq!(generated.order(), [&[plugin][..], &ISTIO, &HELD[1..]].concat());
    versions().iter().for_each(|binary| verifies(binary, &generated));
}

#[test]
fn envoy_gateway_verifies_with_its_policies() {
    let generated = read(ENVOY_GATEWAY);
    let plugin = "envoy.filters.http.wasm/envoyextensionpolicy/twilio-webhooks/twilio-webhook/wasm/0";
    assert_eq!(generated.order(), [&[plugin][..], &HELD].concat());
    versions().iter().for_each(|binary| verifies(binary, &generated));
}

/// What supersedes WasmPlugin makes the same proxy.
#[test]
fn an_istio_gateway_verifies_with_a_traffic_extension() {
    let (mut old, mut new) = (read(WASM_PLUGIN), read(TRAFFIC_EXTENSION));
    assert_eq!(new.order()[0], "extensions.istio.io/trafficextension/istio-ingress.twilio-webhook");
    assert_eq!(new.order()[1..], old.order()[1..]);
    assert_eq!(new.plugin()["failure_policy"], "FAIL_RELOAD");
    assert_eq!(new.plugin()["configuration"], old.plugin()["configuration"]);
    verifies(versions().last().expect("an Envoy"), &new);
}

#[test]
fn an_istio_gateway_verifies_by_the_names_of_http_routes() {
    let generated = read(GATEWAY_API);
    assert_eq!(generated.order()[1..], read(WASM_PLUGIN).order()[1..]);
    let names: Vec<&str> = generated.routes.iter().filter_map(|route| route["name"].as_str()).collect();
    let expected =
        ["verified", "websocket", "webhook"].map(|name| format!("twilio-webhooks.twilio-{name}.0"));
    assert_eq!(names, expected);
    versions().iter().for_each(|binary| verifies(binary, &generated));
}

#[test]
fn a_shared_istio_gateway_verifies_one_host() {
    let generated = read(SHARED_GATEWAY);
    assert_eq!(generated.order(), read(WASM_PLUGIN).order());
    verifies(versions().last().expect("an Envoy"), &generated);
}

/// A route that the plugin does not name: nobody gets through, instead of everybody.
#[test]
fn a_route_that_no_plugin_names_is_denied() {
    let mut generated = read(WASM_PLUGIN);
    for route in &mut generated.routes {
        route["name"] = json!("renamed");
    }
    for binary in versions() {
        let Mesh { mut site, control: _control } = start(&binary, &generated, Protocol::Http2);
        site.route = "unmatched";
        for protocol in BOTH {
            denied(&site, protocol, &signed_form("/hook/a"), 403, "no_route");
        }
    }
}

/// A filter that is discovered may stand in the chain switched off, and be switched on by single routes.
#[test]
fn a_plugin_may_be_off_but_for_its_routes() {
    let mut generated = read(ENVOY_FILTER);
    generated.filters[0]["disabled"] = json!(true);
    for route in &mut generated.routes {
        route["typed_per_filter_config"] = json!({ "istio-ingress.twilio-webhook": {
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {} }});
    }
    let free = json!({ "name": "free", "match": { "prefix": "/free" }, "route": { "cluster": "upstream" } });
    generated.routes.push(free);
    let everything = json!({ "clear_route_cache": true, "auth_tokens": [{ "value": TOKEN }], "routes": [{ "name": "webhook" }] });
    generated.configure(&everything);
    for binary in versions() {
        let Mesh { site, control: _control } = start(&binary, &generated, Protocol::Http2);
        still_serves(&site);
        for protocol in BOTH {
            check(&site, protocol);
            check_what_has_no_upstream(&site, protocol);
            passes(&site, protocol, &Request::new("POST", HOST, "/free").body("unsigned"), b"unsigned");
        }
    }
}

#[test]
fn a_plugin_may_be_in_a_chain_of_its_route() {
    let generated = later::with_chains_of_routes(read(ENVOY_GATEWAY));
    assert_eq!(generated.order()[..2], ["envoy.filters.http.wasm", "envoy.filters.http.buffer"]);
    let known = versions().into_iter().filter(|binary| binary.is_at_least((1, 39)));
    known.for_each(|binary| verifies(&binary, &generated));
}
