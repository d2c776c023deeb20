//! A long run: mixed requests behind the gate, exact counters, no 5xx, no growth of memory, and nothing in the application that
//! was not `allowed` on its own route. `make test` sends a few thousand, `make soak` a million.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets what it does not expect is to fail at once; it takes a part of what the others share"
)]

#[path = "e2e/site.rs"]
mod site;
#[path = "e2e/webhook.rs"]
mod webhook;

use std::time::Instant;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{Request, Target, h2};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::Upstream;
use twilio_webhook::sign::body_hash;

use site::{HOST, Layout, Site, TOKEN};
use webhook::{FORM, FORM_BODY, PARAMS, form, signature_with};

/// Unless told otherwise, by `SOAK_REQUESTS`.
const REQUESTS: usize = 12_000;
/// Of so many requests and more, memory is compared.
const MANY: usize = 1_000_000;
const CLIENTS: usize = 2;
/// The run is cut into so many legs. After the first of them nothing may grow.
const LEGS: usize = 10;
/// Each client has so many requests of every kind on their way at once.
const AT_ONCE: usize = 4;
/// The token of the other route.
const VOICE: &str = "test-token-voice";
/// The plugin's routes, by the first segment of their paths, and their tokens.
const ROUTES: [(&str, &str); 2] = [("hook", TOKEN), ("voice", VOICE)];

/// A request, the status that answers it, and the route, verdict and reason that count it.
struct Kind {
    request: Request,
    status: u16,
    route: &'static str,
    verdict: &'static str,
    reason: &'static str,
}

fn kinds() -> Vec<Kind> {
    let (params, none): (&[_], &[_]) = (&PARAMS, &[]);
    let sign = |request: Request, path: &str, token: &str, params| {
        let signature = signature_with(token, &format!("http://{HOST}{path}"), params);
        request.header("x-twilio-signature", signature)
    };
    let get = |path: &str| Request::new("GET", HOST, path);
    let frames = |path: &str| {
        let request = Request::new("POST", HOST, path).header("content-type", FORM);
        request.frames(FORM_BODY.as_bytes().chunks(9))
    };
    let hash = body_hash(br#"{"event":"message.delivered"}"#);
    let settings = "key=webhooks_sharedkey_none,algorithm=HMAC_SHA256";
    let mut kinds = Vec::new();
    for (route, token) in ROUTES {
        // What the application is told of itself, and believes: see `application`.
        let allowed = |request: Request| Kind {
            request: request.header("x-allowed", route),
            status: 200,
            route,
            verdict: "allowed",
            reason: "none",
        };
        let denied = |request, reason| Kind { request, status: 403, route, verdict: "denied", reason };
        let path = format!("/{route}/a");
        let other = ROUTES.iter().find(|(other, _)| *other != route).expect("another route").1;
        let json = format!("{path}?bodySHA256={hash}");
        let json = sign(Request::new("POST", HOST, &json), &json, token, none);
        let large = sign(form(&path).body(vec![b'a'; 300_000]), &path, token, none);
        let claims = form(&path)
            .header("wasm.twilio_webhook.twilio_webhook", format!("verdict=allowed route={route}"))
            .header("x-envoy-original-path", "/free");
        kinds.extend([
            allowed(sign(form(&path), &path, token, params)),
            allowed(sign(get(&path), &path, token, none)),
            allowed(sign(frames(&path), &path, token, params)),
            denied(get(&path), "missing_signature"),
            denied(claims, "missing_signature"),
            denied(get(&path).header("x-twilio-signature", "short"), "malformed_signature"),
            // Of the other route: a verdict there would be `allowed`.
            denied(sign(form(&path), &path, other, params), "signature_mismatch"),
            denied(sign(frames(&path), &path, other, params), "signature_mismatch"),
            denied(sign(Request::new("POST", HOST, &path).body("{}"), &path, token, none), "unsigned_body"),
            denied(json.body("{}"), "body_hash_mismatch"),
            denied(
                sign(get(&path), &path, token, none).header("x-twilio-webhooks-signature-settings", settings),
                "unknown_key",
            ),
            Kind { status: 413, ..denied(large, "body_too_large") },
        ]);
    }
    let free = form("/free/a");
    kinds.push(Kind { request: free, status: 404, route: "unmatched", verdict: "passed", reason: "none" });
    kinds
}

/// The layout with both routes behind gates. The application is another listener of the same Envoy, at `address`.
fn start(binary: &EnvoyBinary, layout: Layout, scratch: &Scratch) -> Site {
    let mut layout = Layout { manager: json!({ "access_log": [] }), ..layout };
    let route = |(name, token): (&str, &str)| {
        json!({ "name": name, "match": { "path": { "prefix": format!("/{name}") } },
                "auth_tokens": [{ "value": token }] })
    };
    layout.plugin["routes"] = json!(ROUTES.map(route));
    layout.plugin["clear_route_cache"] = json!(true);
    layout.plugin["unmatched"] = json!("allow");
    let gate = |(name, _): (&str, &str)| {
        let path = format!("/{name}");
        let state = json!([{ "key": "wasm.twilio_webhook.twilio_webhook",
                             "string_match": { "exact": format!("verdict=allowed route={name}") } }]);
        [
            json!({ "match": { "prefix": path, "filter_state": state }, "route": { "cluster": "application" } }),
            json!({ "match": { "prefix": path }, "direct_response": { "status": 403 } }),
        ]
    };
    layout.routes = json!(ROUTES.map(gate).concat());
    let upstream = Upstream::start();
    let mut bootstrap = layout.bootstrap(upstream.port());
    let address = json!({ "pipe": { "path": scratch.join("application.sock").display().to_string() } });
    let resources = &mut bootstrap["static_resources"];
    resources["listeners"].as_array_mut().expect("listeners").push(application(&layout, &address));
    resources["clusters"].as_array_mut().expect("clusters").push(json!({
        "name": "application",
        "type": "STATIC",
        "load_assignment": { "cluster_name": "application", "endpoints": [
            { "lb_endpoints": [{ "endpoint": { "address": address } }] } ]},
    }));
    Site::of(Envoy::start(binary, &bootstrap.to_string(), &Options::default().log_level("error")), upstream)
}

/// An application that answers 500 to what it should never have got. It costs no memory, unlike one that records.
fn application(layout: &Layout, address: &Value) -> Value {
    let mut manager = layout.listener()["filter_chains"][0]["filters"][0]["typed_config"].take();
    let router = manager["http_filters"].as_array().and_then(|filters| filters.last()).cloned();
    let rightly = |(name, _): (&str, &str)| {
        let allowed = json!([{ "name": "x-allowed", "string_match": { "exact": name } }]);
        json!({ "match": { "prefix": format!("/{name}/"), "headers": allowed }, "direct_response": { "status": 200 } })
    };
    let mut routes = ROUTES.map(rightly).to_vec();
    routes.push(json!({ "match": { "prefix": "/" }, "direct_response": { "status": 500 } }));
    manager["stat_prefix"] = json!("application");
    manager["upgrade_configs"] = json!([]);
    manager["http_filters"] = json!([router]);
    manager["route_config"] = json!({ "name": "application", "virtual_hosts": [
        { "name": "all", "domains": ["*"], "routes": routes } ]});
    json!({ "name": "application", "address": address, "filter_chains": [{ "filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }]}]})
}

/// Sends so many requests of each kind.
fn client(target: &Target, kinds: &[Kind], of_each: usize) {
    let mut connection = h2::Connection::open(target).expect("a connection");
    let mut left = of_each;
    while left > 0 {
        let count = left.min(AT_ONCE);
        left -= count;
        let batch: Vec<&Kind> = kinds.iter().cycle().take(kinds.len() * count).collect();
        let start = |kind: &&Kind| connection.start(&kind.request).expect("an open connection");
        let streams: Vec<_> = batch.iter().map(start).collect();
        for (mut stream, kind) in streams.into_iter().zip(batch) {
            assert_eq!(stream.read_response().map(|it| it.status), Ok(kind.status), "{}", kind.reason);
        }
    }
}

#[test]
fn a_long_run_counts_exactly_grows_by_nothing_and_lets_nothing_else_through_the_gate() {
    let requests = std::env::var("SOAK_REQUESTS")
        .map_or(REQUESTS, |text| text.parse().expect("SOAK_REQUESTS: a number"));
    for layout in [Layout::default(), Layout::buffer_after()] {
        let (binary, scratch) = (versions().pop().expect("an Envoy"), Scratch::new("soak"));
        soak(start(&binary, layout, &scratch), requests);
    }
}

fn soak(mut site: Site, requests: usize) {
    let (kinds, target) = (kinds(), site.target());
    let of_each = requests.div_ceil(kinds.len() * CLIENTS * LEGS);
    let mut measured = Vec::new();
    let started = Instant::now();
    for _ in 0..LEGS {
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| client(&target, &kinds, of_each));
            }
        });
        measured.push((site.envoy.memory(), site.envoy.resident()));
    }
    let each = (of_each * CLIENTS * LEGS) as u64;
    let sent = each * kinds.len() as u64;
    println!("{sent} requests, {:.0} a second", sent as f64 / started.elapsed().as_secs_f64());
    for (leg, (allocated, resident)) in (1..).zip(&measured) {
        println!("after leg {leg}: {allocated} bytes allocated, {resident} resident");
    }
    for Kind { route, verdict, reason, .. } in &kinds {
        let is_such = |kind: &&Kind| (kind.route, kind.verdict, kind.reason) == (*route, *verdict, *reason);
        let count = kinds.iter().filter(is_such).count();
        site.route = route;
        assert_eq!(site.count(verdict, reason), each * count as u64, "{route} {verdict} {reason}");
    }
    let of_status = |first: u16| each * kinds.iter().filter(|kind| kind.status / 100 == first).count() as u64;
    let counter = |name: &str| site.envoy.counter(name);
    assert_eq!(counter("http.main.downstream_rq_2xx"), of_status(2));
    assert_eq!(counter("http.main.downstream_rq_4xx"), of_status(4));
    assert_eq!(counter("http.main.downstream_rq_5xx"), 0);
    // What the application got is what was allowed, each on its own route, and nothing beside it.
    let received = counter("http.application.downstream_rq_total");
    println!("the application got {received} of them, all of them allowed");
    assert_eq!(received, of_status(2));
    assert_eq!(counter("http.application.downstream_rq_2xx"), of_status(2));
    assert_eq!(counter("http.application.downstream_rq_5xx"), 0);
    if requests >= MANY {
        // What is allocated for a moment is in some legs and not in others: the least of several tells what stays.
        let least = |of: fn(&(u64, u64)) -> u64| {
            let (earlier, later) = measured.split_at(LEGS / 2);
            (earlier.iter().map(of).min().expect("a leg"), later.iter().map(of).min().expect("a leg"))
        };
        for (earlier, later) in [least(|leg| leg.0), least(|leg| leg.1)] {
            assert!(later <= earlier + earlier / 50, "{earlier}, then {later}: {measured:?}");
        }
    }
}
