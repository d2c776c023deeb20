//! The gate: a route to the application that exists only for what the filter let go on. Whatever becomes of the filter,
//! nothing else reaches the application.

mod absent;
mod around;
mod delivery;
mod neighbours;
mod onward;
mod proof;
mod report;
mod teams;
mod ways;

use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Failure, Request};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options};
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use crate::site::{Layout, Site, merge};
use crate::webhook::{BOTH, send};

/// What the gate's own route answers.
const SHUT: &str = "shut";
/// What the plugins of these tests are called.
const PLUGIN: &str = "twilio_webhook";

/// A match on the filter's word that this plugin let a request go on, on this route of its own.
fn says(plugin: &str, route: &str) -> Value {
    json!([{
        "key": format!("wasm.twilio_webhook.{plugin}"),
        "string_match": { "exact": format!("verdict=allowed route={route}") },
    }])
}

/// The two routes of a gate for a path: to the application for what the match is true of, and 403 for all else.
fn gate(path: &str, filter_state: &Value) -> [Value; 2] {
    [
        json!({ "name": "open", "match": { "prefix": path, "filter_state": filter_state },
                "route": { "cluster": "upstream" } }),
        json!({ "name": "shut", "match": { "prefix": path },
                "direct_response": { "status": 403, "body": { "inline_string": SHUT } } }),
    ]
}

/// A layout whose `/hook` is behind a gate, and whose `/free` is not.
fn gated(layout: Layout) -> Layout {
    let mut layout = layout;
    layout.plugin["clear_route_cache"] = json!(true);
    let [open, shut] = gate("/hook", &says(PLUGIN, "hook"));
    let free = json!({ "name": "free", "match": { "prefix": "/free" }, "route": { "cluster": "upstream" } });
    layout.routes = json!([open, shut, free]);
    layout
}

/// Both ways to hold a request. Where a buffer does it, sockets are upgraded without it, which would wait for their end.
fn both_holds() -> [Layout; 2] {
    let mut buffered = gated(Layout::buffer_after());
    let router = json!({ "name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" }});
    let socket = json!({ "upgrade_type": "websocket", "filters": [buffered.filter(), router] });
    buffered.manager["upgrade_configs"] = json!([socket]);
    [gated(Layout::default()), buffered]
}

/// The same with members of the route to the application, or of the other one.
fn with(mut layout: Layout, open: Value, shut: Value) -> Layout {
    merge(&mut layout.routes[0], open);
    merge(&mut layout.routes[1], shut);
    layout
}

/// The same with members of the `route` of the route to the application.
fn with_action(mut layout: Layout, action: Value) -> Layout {
    merge(&mut layout.routes[0]["route"], action);
    layout
}

/// Starts it without the filter, as if nobody had put it there.
fn start_without_filter(binary: &EnvoyBinary, layout: &Layout) -> Site {
    let (upstream, mut layout) = (Upstream::start(), layout.clone());
    let mut filters =
        layout.listener()["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"].take();
    let is_wasm = |filter: &Value| filter["name"] == PLUGIN;
    filters.as_array_mut().expect("filters").retain(|filter| !is_wasm(filter));
    // No buffer for sockets here either.
    let router = filters.as_array().and_then(|filters| filters.last()).cloned();
    layout.manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket", "filters": [router] }]);
    layout.manager["http_filters"] = filters;
    let bootstrap = layout.bootstrap(upstream.port()).to_string();
    Site::of(Envoy::start(binary, &bootstrap, &Options::default()), upstream)
}

/// The request must be answered by the gate itself, and nothing of it may have reached the upstream.
#[track_caller]
fn is_shut(site: &Site, protocol: Protocol, request: &Request) {
    let mark = site.upstream.mark();
    let response = send(site, protocol, request);
    assert_eq!(
        (response.status, response.text()),
        (403, SHUT.to_owned()),
        "{request:?}\n{}",
        site.envoy.log()
    );
    assert_eq!(site.upstream.bytes_since(mark), b"", "{request:?}");
}

/// Whoever answers it, and however: nothing of the request may have reached the upstream, and its client must have got no
/// success.
#[track_caller]
fn does_not_pass(site: &Site, protocol: Protocol, request: &Request) {
    let mark = site.upstream.mark();
    let status = client::send(&site.target(), protocol, request).map(|response| response.status);
    assert!(
        matches!(status, Ok(400..) | Err(Failure::Reset | Failure::StreamReset(_) | Failure::Eof)),
        "{status:?} to {protocol:?} {request:?}"
    );
    assert_eq!(site.upstream.bytes_since(mark), b"", "{protocol:?} {request:?}");
}

/// What the upstream gets of a request that must pass.
#[track_caller]
fn received(site: &Site, request: &Request) -> twilio_proxy_wasm_harness::upstream::Request {
    let mark = site.upstream.mark();
    let response = send(site, Protocol::Http1, request);
    assert_eq!(response.status, 200, "{request:?} {}\n{}", response.text(), site.envoy.log());
    let mut received = site.upstream.wait_for_requests_since(mark, 1, Duration::from_secs(5));
    assert_eq!(received.len(), 1, "{request:?}");
    received.remove(0)
}

/// Every request of the list in both protocols.
fn in_both(requests: &[Request], check: impl Fn(Protocol, &Request)) {
    for protocol in BOTH {
        requests.iter().for_each(|request| check(protocol, request));
    }
}
