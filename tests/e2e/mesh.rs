//! The filter as Istio and Envoy Gateway install it. The manifests in `deploy/` are read as a user applies them, made
//! into what those control planes make of them, and served to real Envoys by xDS.

mod bodies;
mod envoy_gateway;
mod gateway_api;
mod guide;
mod istio;
mod misconfigured;
mod sidecar;
mod update;
mod xds;

use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{Request, h1};
use twilio_proxy_wasm_harness::envoy::{EnvoyBinary, versions};
use twilio_proxy_wasm_harness::sample::module;
use twilio_proxy_wasm_harness::upstream::{Answer, Protocol, Upstream};

use crate::site::{HOST, Site, TOKEN};
use crate::spine::{check, check_what_has_no_upstream};
use crate::webhook::{BOTH, denied, passes, signature_with, signed_form, still_serves};
use xds::{Generated, Mesh, start};

/// How long something may take that is on its way.
const SOON: Duration = Duration::from_secs(10);

const WASM_PLUGIN: &str = "deploy/istio/overlays/wasm-plugin";
const TRAFFIC_EXTENSION: &str = "deploy/istio/overlays/traffic-extension";
const ENVOY_FILTER: &str = "deploy/istio/overlays/envoy-filter";
const GATEWAY_API: &str = "deploy/istio/overlays/gateway-api";
const SIDECAR: &str = "deploy/istio/overlays/sidecar";
const ENVOY_GATEWAY: &str = "deploy/envoy-gateway/overlay";

fn istio(overlay: &str) -> Generated {
    istio::gateway(&istio::objects(overlay))
}

/// A control plane that hands out the module by itself, for as long as this lives.
struct ModuleServer {
    module: Vec<u8>,
    server: Upstream,
}

impl ModuleServer {
    fn start() -> ModuleServer {
        let module = std::fs::read(module()).expect("the module");
        let server = Upstream::start_with(Answer::reply(200, module.clone()));
        ModuleServer { module, server }
    }

    fn gateway(&self, objects: &[Value]) -> Generated {
        envoy_gateway::gateway(objects, &self.module, self.server.port())
    }
}

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

#[test]
fn an_istio_gateway_verifies_with_a_wasm_plugin() {
    let generated = istio(WASM_PLUGIN);
    assert_eq!(
        generated.order(),
        [
            "extensions.istio.io/wasmplugin/istio-ingress.twilio-webhook",
            "envoy.filters.http.grpc_stats",
            "envoy.filters.http.fault",
            "envoy.filters.http.cors",
            "envoy.filters.http.buffer",
            "envoy.filters.http.router",
        ]
    );
    versions().iter().for_each(|binary| verifies(binary, &generated));
}

#[test]
fn an_istio_gateway_verifies_with_an_envoy_filter() {
    let generated = istio(ENVOY_FILTER);
    assert_eq!(generated.order()[0], "twilio-webhook");
    versions().iter().for_each(|binary| verifies(binary, &generated));
}

#[test]
fn envoy_gateway_verifies_with_its_policies() {
    let server = ModuleServer::start();
    let generated = server.gateway(&istio::objects(ENVOY_GATEWAY));
    assert_eq!(
        generated.order(),
        [
            "envoy.filters.http.wasm/envoyextensionpolicy/twilio-webhooks/twilio-webhook/wasm/0",
            "envoy.filters.http.buffer",
            "envoy.filters.http.router",
        ]
    );
    versions().iter().for_each(|binary| verifies(binary, &generated));
}

/// What supersedes WasmPlugin makes the same proxy.
#[test]
fn an_istio_gateway_verifies_with_a_traffic_extension() {
    let (mut old, mut new) = (istio(WASM_PLUGIN), istio(TRAFFIC_EXTENSION));
    assert_eq!(new.order()[0], "extensions.istio.io/trafficextension/istio-ingress.twilio-webhook");
    assert_eq!(new.order()[1..], old.order()[1..]);
    assert_eq!(new.plugin()["failure_policy"], "FAIL_RELOAD");
    old.plugin()["failure_policy"] = json!("FAIL_RELOAD");
    assert_eq!(new.plugin(), old.plugin());
    verifies(versions().last().expect("an Envoy"), &new);
}

#[test]
fn an_istio_gateway_verifies_by_the_names_of_http_routes() {
    let generated = istio(GATEWAY_API);
    assert_eq!(generated.order()[0], "extensions.istio.io/wasmplugin/twilio-webhooks.twilio-webhook");
    assert_eq!(generated.order()[1..], istio(WASM_PLUGIN).order()[1..]);
    assert_eq!(generated.stats, istio(WASM_PLUGIN).stats);
    let names: Vec<&Value> = generated.routes.iter().map(|route| &route["name"]).collect();
    assert_eq!(names, ["twilio-webhooks.twilio-websocket.0", "twilio-webhooks.twilio-webhook.0"]);
    versions().iter().for_each(|binary| verifies(binary, &generated));
}

/// A route that the plugin does not name: nobody gets through, instead of everybody.
#[test]
fn a_route_that_no_plugin_names_is_denied() {
    let mut generated = istio(WASM_PLUGIN);
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
    let mut generated = istio(ENVOY_FILTER);
    generated.filters[0]["disabled"] = json!(true);
    for route in &mut generated.routes {
        route["typed_per_filter_config"] = json!({ "twilio-webhook": {
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {} }});
    }
    let free = json!({ "name": "free", "match": { "prefix": "/free" }, "route": { "cluster": "upstream" } });
    generated.routes.push(free);
    let plugin = generated.plugin();
    let everything = json!({ "auth_tokens": [{ "value": TOKEN }], "routes": [{ "name": "webhook" }] });
    plugin["configuration"]["value"] = json!(everything.to_string());
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
    let server = ModuleServer::start();
    let generated = envoy_gateway::with_chains_of_routes(server.gateway(&istio::objects(ENVOY_GATEWAY)));
    assert_eq!(generated.order()[..2], ["envoy.filters.http.wasm", "envoy.filters.http.buffer"]);
    let known = versions().into_iter().filter(|binary| binary.is_at_least((1, 39)));
    known.for_each(|binary| verifies(&binary, &generated));
}
