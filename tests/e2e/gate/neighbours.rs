//! Other filters with configuration per route: which of the gate's two routes they take it from.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Request};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::{both_holds, gated, received, with};
use crate::site::{HOST, Layout, Site};
use crate::webhook::{FORM, form, send, signature, signed_form};

const FILTERS: &str = "type.googleapis.com/envoy.extensions.filters.http";

/// A filter of Envoy's own.
fn filter(name: &str, kind: &str, config: Value) -> Value {
    let mut config = config;
    config["@type"] = json!(format!("{FILTERS}.{kind}"));
    json!({ "name": name, "typed_config": config })
}

/// The layout with filters at both sides of the plugin, and at the end.
fn surrounded(mut layout: Layout, before: &[Value], after: &[Value], last: &[Value]) -> Layout {
    let filters = layout.listener()["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"].take();
    let mut filters = filters.as_array().expect("filters").clone();
    let end = filters.len() - 1;
    filters.splice(end..end, last.iter().cloned());
    filters.splice(1..1, after.iter().cloned());
    filters.splice(..0, before.iter().cloned());
    layout.manager["http_filters"] = json!(filters);
    layout
}

fn signed_get() -> Request {
    Request::new("GET", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &[]))
}

/// Configuration per route that marks a request with the filter and the route that it came from.
fn marks(route: &str) -> Value {
    let mark = |name: &str| {
        let header = json!({ "header": { "key": format!("x-{name}"), "value": route } });
        json!({ "@type": format!("{FILTERS}.header_mutation.v3.HeaderMutationPerRoute"),
                "mutations": { "request_mutations": [{ "append": header }] } })
    };
    json!({ "before": mark("before"), "after": mark("after"), "last": mark("last") })
}

/// A filter with configuration per route takes that of the route of the moment: before the plugin it is where every webhook
/// is first, behind whatever holds the request it is the application's. Between the plugin and a buffer that holds the
/// request, it is the first for a request with a body, and the second for one without.
#[test]
fn filters_use_the_route_of_the_moment() {
    let marker = |name| filter(name, "header_mutation.v3.HeaderMutation", json!({ "mutations": {} }));
    let [held_by_itself, held_by_buffer] = both_holds();
    let table = [
        (held_by_itself.clone(), "enforce", ["shut", "open", "open"], ["shut", "open", "open"]),
        (held_by_itself, "report", ["shut", "open", "open"], ["shut", "open", "open"]),
        (held_by_buffer.clone(), "enforce", ["shut", "shut", "open"], ["shut", "open", "open"]),
        (held_by_buffer, "report", ["shut", "open", "open"], ["shut", "open", "open"]),
    ];
    for binary in versions() {
        for (layout, mode, of_form, of_get) in &table {
            let layout = layout.clone().with_route(json!({ "mode": mode }));
            let mut layout = surrounded(layout, &[marker("before")], &[marker("after")], &[marker("last")]);
            layout.routes[0]["match"]["filter_state"][0]["string_match"] =
                json!({ "safe_regex": { "regex": "verdict=(allowed|reported) route=hook" } });
            let layout = with(
                layout,
                json!({ "typed_per_filter_config": marks("open") }),
                json!({ "typed_per_filter_config": marks("shut") }),
            );
            let site = Site::start(&binary, &layout);
            for (request, expected) in [(signed_form("/hook/a"), of_form), (signed_get(), of_get)] {
                let received = received(&site, &request);
                let seen = ["x-before", "x-after", "x-last"]
                    .map(|name| received.headers.text(name).unwrap_or_default());
                assert_eq!(seen, *expected, "Envoy {} {mode} {request:?}", binary.version);
            }
        }
    }
}

/// What other filters are configured to do on one of the two routes, and what becomes of a signed and an unsigned form.
#[test]
fn limits_logins_and_cors_hold_on_the_route_of_the_moment() {
    let nothing_left = json!({
        "@type": format!("{FILTERS}.local_ratelimit.v3.LocalRateLimit"),
        "stat_prefix": "limit",
        "token_bucket": { "max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s" },
        "filter_enabled": { "default_value": { "numerator": 100 } },
        "filter_enforced": { "default_value": { "numerator": 100 } },
    });
    let limit = filter("limit", "local_ratelimit.v3.LocalRateLimit", json!({ "stat_prefix": "limit" }));
    // The public key of RFC 7517, A.1: nobody here has the other one.
    let key = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                                 "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "alg": "ES256" }] });
    let keys = json!({ "local_jwks": { "inline_string": key.to_string() }, "issuer": "test" });
    let login = filter(
        "login",
        "jwt_authn.v3.JwtAuthentication",
        json!({
        "providers": { "test": keys }, "requirement_map": { "login": { "provider_name": "test" } } }),
    );
    let needs_login =
        json!({ "@type": format!("{FILTERS}.jwt_authn.v3.PerRouteConfig"), "requirement_name": "login" });
    let cors = filter("cors", "cors.v3.Cors", json!({}));
    let allows = json!({ "@type": format!("{FILTERS}.cors.v3.CorsPolicy"),
                         "allow_origin_string_match": [{ "exact": "https://console.example.com" }] });
    let twice = |site: &Site, request: &Request| [1, 2].map(|_| send(site, Protocol::Http1, request).status);
    for binary in versions() {
        for layout in both_holds() {
            let on = |which: usize, name: &str, config: &Value, before: &[Value], last: &[Value]| {
                let mut layout = surrounded(layout.clone(), before, &[], last);
                layout.routes[which]["typed_per_filter_config"] = json!({ name: config });
                Site::start(&binary, &layout)
            };
            // Behind the plugin: the application's route. Of three webhooks two are let in, of which the one is too many.
            let site = on(0, "limit", &nothing_left, &[], std::slice::from_ref(&limit));
            assert_eq!(twice(&site, &form("/hook/a")), [403, 403]);
            assert_eq!(twice(&site, &signed_form("/hook/a")), [200, 429]);
            let site = on(1, "limit", &nothing_left, &[], std::slice::from_ref(&limit));
            assert_eq!(twice(&site, &signed_form("/hook/a")), [200, 200]);
            // Before it: the route where every webhook is first.
            let site = on(1, "limit", &nothing_left, std::slice::from_ref(&limit), &[]);
            assert_eq!(twice(&site, &form("/hook/a")), [403, 429]);
            assert_eq!(twice(&site, &signed_form("/hook/a")), [429, 429]);
            let site = on(0, "login", &needs_login, &[], std::slice::from_ref(&login));
            assert_eq!(twice(&site, &signed_form("/hook/a")), [401, 401]);
            let site = on(1, "login", &needs_login, &[], std::slice::from_ref(&login));
            assert_eq!(twice(&site, &signed_form("/hook/a")), [200, 200]);
            let with_origin = signed_form("/hook/a").header("origin", "https://console.example.com");
            for (which, allowed) in [(0, Some("https://console.example.com")), (1, None)] {
                let site = on(which, "cors", &allows, &[], std::slice::from_ref(&cors));
                let response = send(&site, Protocol::Http1, &with_origin);
                assert_eq!(response.headers.text("access-control-allow-origin").as_deref(), allowed);
            }
        }
    }
}

/// The buffer that holds a request takes its limit from the route where every webhook is first.
#[test]
fn a_buffer_that_holds_takes_its_limit_from_the_first_route() {
    let limit = |bytes: u32| {
        let kind = format!("{FILTERS}.buffer.v3.BufferPerRoute");
        json!({ "envoy.filters.http.buffer": { "@type": kind, "buffer": { "max_request_bytes": bytes } } })
    };
    let body: Vec<u8> = [b"Body=".as_slice(), &[b'a'; 100_000]].concat();
    let value = "a".repeat(100_000);
    let large = Request::new("POST", HOST, "/hook/a")
        .header("content-type", FORM)
        .header("x-twilio-signature", signature("/hook/a", &[("Body", &value)]))
        .frames(body.chunks(10_000));
    for binary in versions() {
        let layout = gated(Layout::buffer_after());
        for (open, shut, status) in [(10, 200_000, 200), (200_000, 10, 413)] {
            let members = |bytes| json!({ "typed_per_filter_config": limit(bytes) });
            let site = Site::start(&binary, &with(layout.clone(), members(open), members(shut)));
            let answer = client::send(&site.target(), Protocol::Http2, &large).map(|answer| answer.status);
            assert_eq!(answer, Ok(status), "Envoy {}", binary.version);
        }
    }
}

/// `request_body_buffer_limit` has no effect on a route that answers by itself, so that the listener's limit holds.
#[test]
fn a_request_that_is_held_is_bounded_by_the_listener() {
    let value = "a".repeat(120_000);
    let body = format!("Body={value}");
    let large = Request::new("POST", HOST, "/hook/a")
        .header("content-type", FORM)
        .header("x-twilio-signature", signature("/hook/a", &[("Body", &value)]))
        .frames(body.as_bytes().chunks(10_000));
    let more = json!({ "request_body_buffer_limit": 500_000 });
    for binary in versions() {
        let status = |listener: Value| {
            let layout = Layout { listener, ..gated(Layout::default()) };
            let site = Site::start(&binary, &with(layout, more.clone(), more.clone()));
            client::send(&site.target(), Protocol::Http1, &large).map(|answer| answer.status)
        };
        assert_eq!(
            status(json!({ "per_connection_buffer_limit_bytes": 65_536 })),
            Ok(413),
            "Envoy {}",
            binary.version
        );
        assert_eq!(status(json!({})), Ok(200), "Envoy {}", binary.version);
    }
}
