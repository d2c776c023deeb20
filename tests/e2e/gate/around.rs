//! Attempts to get round the gate: with the filter, and where it is missing.

use serde_json::json;
use twilio_proxy_wasm_harness::client::{self, Request, h1};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use super::{both_holds, does_not_pass, gate, gated, in_both, says, start_without_filter, with_action};
use crate::site::{HOST, Layout, Site, TOKEN};
use crate::webhook::{FORM_BODY, PARAMS, form, passes, signature, signature_with, signed_form};

/// What a client may claim of itself: the filter's word in every place that a proxy may look at, and what proxies tell each
/// other.
const CLAIMS: [(&str, &str); 24] = [
    ("wasm.twilio_webhook.twilio_webhook", "verdict=allowed route=hook"),
    ("twilio_webhook", "verdict=allowed route=hook"),
    ("x-twilio-verified", "true"),
    ("x-envoy-filter-state", "wasm.twilio_webhook.twilio_webhook=verdict=allowed route=hook"),
    ("x-envoy-peer-metadata", "verdict=allowed route=hook"),
    ("x-envoy-peer-metadata-id", "verdict=allowed route=hook"),
    ("baggage", "wasm.twilio_webhook.twilio_webhook=verdict%3Dallowed%20route%3Dhook"),
    ("x-envoy-original-path", "/free/a"),
    ("x-envoy-original-host", "free.example.com"),
    ("x-envoy-internal", "true"),
    ("x-envoy-external-address", "127.0.0.1"),
    ("x-envoy-decorator-operation", "open"),
    ("x-envoy-upstream-alt-stat-name", "open"),
    ("x-envoy-upstream-rq-timeout-ms", "1"),
    ("x-envoy-upstream-stream-duration-ms", "1"),
    ("x-envoy-retry-on", "5xx,gateway-error,reset,retriable-4xx,retriable-status-codes"),
    ("x-envoy-retriable-status-codes", "403"),
    ("x-envoy-max-retries", "5"),
    ("x-envoy-hedge-on-per-try-timeout", "true"),
    ("x-envoy-attempt-count", "3"),
    ("x-envoy-force-trace", "true"),
    ("x-original-url", "/free/a"),
    ("x-http-method-override", "GET"),
    ("x-forwarded-for", "127.0.0.1"),
];

#[test]
fn nothing_that_a_client_can_claim_opens_the_gate() {
    let mut requests: Vec<Request> =
        CLAIMS.iter().map(|(name, value)| form("/hook/a").header(name, value)).collect();
    requests.push(CLAIMS.iter().fold(form("/hook/a"), |request, (name, value)| request.header(name, value)));
    // A whole URL in the request line, another host in it, and what is signed for another path.
    requests.push(Request::new("POST", HOST, "http://hooks.example.com/hook/a").body("a"));
    requests.push(Request::new("POST", "free.example.com", "http://hooks.example.com/hook/a").body("a"));
    requests.push(form("/hook/a").header("x-twilio-signature", signature("/free/a", &PARAMS)));
    for binary in versions() {
        for layout in both_holds() {
            let with_filter = Site::start(&binary, &layout);
            for site in [&with_filter, &start_without_filter(&binary, &layout)] {
                for protocol in [Protocol::Http1, Protocol::Http2] {
                    // HTTP/2 has no such request line.
                    let in_http2 = requests.len() - if protocol == Protocol::Http2 { 3 } else { 0 };
                    requests[..in_http2].iter().for_each(|request| does_not_pass(site, protocol, request));
                }
            }
            passes(&with_filter, Protocol::Http1, &signed_form("/hook/a"), FORM_BODY.as_bytes());
        }
    }
}

/// The gate's 403 comes to a gRPC client as a status of gRPC; the request goes nowhere either way.
#[test]
fn nor_does_another_protocol_inside() {
    let grpc = Request::new("POST", HOST, "/hook/a").header("content-type", "application/grpc");
    let grpc = grpc.header("te", "trailers").body(b"\0\0\0\0\0");
    for binary in versions() {
        for layout in both_holds() {
            for site in [Site::start(&binary, &layout), start_without_filter(&binary, &layout)] {
                let mark = site.upstream.mark();
                let answer = client::send(&site.target(), Protocol::Http2, &grpc).expect("an answer");
                assert_eq!(answer.headers.text("grpc-status").as_deref(), Some("7"), "{answer:?}");
                // What follows a handshake that was refused is no part of anything.
                for upgrade in ["websocket", "h2c", "spdy/3.1"] {
                    let mut connection = h1::Connection::open(&site.target()).expect("a connection");
                    let head = format!(
                        "GET /hook/ws HTTP/1.1\r\nhost: {HOST}\r\nconnection: Upgrade\r\nupgrade: {upgrade}\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                    );
                    connection
                        .send(&[head.as_bytes(), b"smuggled", &form("/hook/a").h1_bytes()].concat())
                        .expect("to send");
                    assert_eq!(connection.read_head().map(|answer| answer.status), Ok(403), "{upgrade}");
                }
                assert_eq!(site.upstream.bytes_since(mark), b"", "Envoy {}", binary.version);
            }
        }
    }
}

/// Where a client's header names the cluster, it names it for what is verified.
#[test]
fn a_cluster_that_a_header_names_is_behind_the_gate_too() {
    for binary in versions() {
        for mut layout in both_holds() {
            layout.routes[0]["route"] = json!({ "cluster_header": "x-cluster" });
            let named = |request: Request| request.header("x-cluster", "upstream");
            let site = Site::start(&binary, &layout);
            passes(&site, Protocol::Http1, &named(signed_form("/hook/a")), FORM_BODY.as_bytes());
            in_both(&[named(form("/hook/a"))], |protocol, request| does_not_pass(&site, protocol, request));
            let site = start_without_filter(&binary, &layout);
            let both = [named(form("/hook/a")), named(signed_form("/hook/a"))];
            in_both(&both, |protocol, request| does_not_pass(&site, protocol, request));
        }
    }
}

/// Starts it with an application of which each path below `/hook/to` answers by a redirect to what follows, and which Envoy
/// follows by itself.
fn start_with_redirects(binary: &EnvoyBinary, layout: &Layout, status: &str, scratch: &Scratch) -> Site {
    let socket = json!({ "pipe": { "path": scratch.join("redirects.sock").display().to_string() } });
    let upstream = Upstream::start();
    let follows = json!({ "cluster": "redirects", "internal_redirect_policy": {
        "max_internal_redirects": 2, "redirect_response_codes": [302, 307] } });
    let layout = with_action(layout.clone(), follows);
    let mut bootstrap = layout.bootstrap(upstream.port());
    let away = json!({ "name": "away", "match": { "prefix": "/hook/to" },
                       "redirect": { "regex_rewrite": { "pattern": { "regex": "^/hook/to" }, "substitution": "" }, "response_code": status } });
    let mut manager = layout.listener()["filter_chains"][0]["filters"][0]["typed_config"].take();
    let router = manager["http_filters"].as_array().and_then(|filters| filters.last()).cloned();
    manager["stat_prefix"] = json!("redirects");
    manager["http_filters"] = json!([router]);
    manager["upgrade_configs"] = json!([]);
    manager["route_config"] = json!({ "name": "redirects", "virtual_hosts": [
        { "name": "all", "domains": ["*"], "routes": [away] }] });
    let resources = &mut bootstrap["static_resources"];
    let listener = json!({ "name": "redirects", "address": socket, "filter_chains": [{ "filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }]}]});
    resources["listeners"].as_array_mut().expect("listeners").push(listener);
    let cluster = json!({ "name": "redirects", "type": "STATIC", "load_assignment": {
        "cluster_name": "redirects", "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket } }] }] } });
    resources["clusters"].as_array_mut().expect("clusters").push(cluster);
    Site::of(Envoy::start(binary, &bootstrap.to_string(), &Options::default()), upstream)
}

/// An application answers a verified webhook by a redirect, and Envoy follows it by itself: that is another request, which the
/// first one's verdict opens nothing to.
#[test]
fn a_redirect_that_envoy_follows_needs_a_verdict_of_its_own() {
    let any = |key: &str| json!([{ "key": key, "string_match": { "prefix": "verdict=allowed" } }]);
    for binary in versions() {
        for layout in [gated(Layout::default()), gated(Layout::buffer_after())] {
            let mut layout = layout;
            let routes = layout.routes.as_array_mut().expect("routes");
            // The same word; that of any route of the plugin; and what is written for the access log.
            routes.extend(gate("/same", &says("twilio_webhook", "hook")));
            routes.extend(gate("/any", &any("wasm.twilio_webhook.twilio_webhook")));
            routes.extend(gate("/logged", &any("wasm.twilio_webhook")));
            for status in ["FOUND", "TEMPORARY_REDIRECT"] {
                let scratch = Scratch::new("redirects");
                let site = start_with_redirects(&binary, &layout, status, &scratch);
                for to in ["/same/a", "/any/a", "/logged/a", "/hook/a"] {
                    let path = format!("/hook/to{to}");
                    let get =
                        Request::new("GET", HOST, &path).header("x-twilio-signature", signature(&path, &[]));
                    in_both(&[signed_form(&path), get], |protocol, request| {
                        does_not_pass(&site, protocol, request)
                    });
                }
                // It did follow.
                let free = signed_form("/hook/to/free/a");
                let answer = client::send(&site.target(), Protocol::Http1, &free).map(|answer| answer.status);
                assert_eq!(answer, Ok(200), "Envoy {} {status}", binary.version);
            }
        }
    }
}

/// A request that is let go on for one reason is not let go on for another: a client chooses the path, and the gate's own match
/// is on the path as it is when the route is chosen anew.
#[test]
fn a_verified_request_goes_by_the_gate_of_its_own_path_alone() {
    let voice = "test-token-voice";
    for binary in versions() {
        for mut layout in both_holds() {
            layout.plugin["routes"].as_array_mut().expect("routes").push(json!({
                "name": "voice", "match": { "path": { "prefix": "/voice" } }, "auth_tokens": [{ "value": voice }] }));
            layout
                .routes
                .as_array_mut()
                .expect("routes")
                .extend(gate("/voice", &says("twilio_webhook", "voice")));
            let site = Site::start(&binary, &layout);
            let signed = |path: &str, token: &str| {
                form(path).header(
                    "x-twilio-signature",
                    signature_with(token, &format!("http://{HOST}{path}"), &PARAMS),
                )
            };
            passes(&site, Protocol::Http1, &signed("/voice/a", voice), FORM_BODY.as_bytes());
            passes(&site, Protocol::Http2, &signed("/hook/a", TOKEN), FORM_BODY.as_bytes());
            let crossed = [
                signed("/voice/a", TOKEN),
                signed("/hook/a", voice),
                signed("/hook/../voice/a", TOKEN),
                signed("/hook%2f..%2fvoice/a", TOKEN),
                signed("/voice/../hook/a", TOKEN),
            ];
            in_both(&crossed, |protocol, request| does_not_pass(&site, protocol, request));
        }
    }
}
