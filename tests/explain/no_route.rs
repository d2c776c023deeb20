//! A signed request that is on no route: which part of which match it is not, and nothing of the request.

use twilio_proxy_wasm::record::log_line;

use super::holds_nothing_of;
use crate::support::{FakeProxy, Request, TOKEN, policy};

const ROUTES: &str = r#"
    { "name": "sms", "match": { "path": { "prefix": "/twilio/sms" } } },
    { "name": "voice", "match": { "hosts": ["voice.example.com"], "path": { "exact": "/twilio/voice" } } },
    { "name": "eu", "match": { "hosts": ["hooks.example.com"], "route_names": ["twilio-eu"] } }"#;

/// The line about a request that comes by this route of the proxy.
fn line(unmatched: &str, routes: &str, request: &Request, route_name: &'static str) -> String {
    let policy = policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "explain": false, "unmatched": "{unmatched}",
             "routes": [{routes}] }}"#
    ));
    let proxy = FakeProxy { route_name, ..FakeProxy::of(request) };
    let mut exchange = twilio_proxy_wasm::exchange::Exchange::new(
        std::rc::Rc::clone(&policy),
        std::rc::Rc::default(),
        false,
    );
    exchange.on_headers(true, &proxy);
    exchange.on_end(&proxy);
    let (verdict, evidence) = exchange.take_verdict().unwrap();
    let explanation = evidence.and_then(|evidence| evidence.explain(&policy, &proxy));
    log_line(&policy, verdict, explanation.as_ref(), 0).unwrap()
}

#[test]
fn each_route_is_told_with_the_parts_that_the_request_is_not() {
    let to = |url: &str| Request::get(url);
    let table = [
        (
            to("https://hooks.example.com/twilio/smss?From=1"),
            "twilio-eus",
            "sms:path;voice:hosts,path;eu:route_names",
        ),
        (to("https://other.example.org/twilio/voice"), "", "sms:path;voice:hosts;eu:hosts,route_names"),
        (to("https://voice.example.com/checkout"), "twilio-eu", "sms:path;voice:path;eu:hosts"),
    ];
    for (request, route_name, misses) in table {
        for (unmatched, verdict) in [("allow", "passed"), ("deny", "denied")] {
            let line = line(unmatched, ROUTES, &request, route_name);
            let expected = format!(
                "twilio_webhook: {verdict} route=unmatched reason=no_route cause=no_match setting=routes.match \
                 proxy_route=\"{route_name}\" misses={misses}: "
            );
            assert!(line.starts_with(&expected), "{line}\nnot {expected}");
            let (_, said) = line.split_once(&expected).unwrap();
            assert!(said.contains("if Twilio sends this, correct the part"), "{said}");
            holds_nothing_of(&request, said);
        }
    }
}

/// Whoever may write routes for a proxy that others share chooses their names.
#[test]
fn a_name_of_the_proxy_s_is_escaped_and_cut() {
    let request = Request::get("https://hooks.example.com/x");
    let told = line("allow", ROUTES, &request, "a\"b\nverdict=allowed");
    assert!(told.contains(r#"proxy_route="a\"b\nverdict=allowed" misses="#), "{told}");
    let long = line("allow", ROUTES, &request, "n".repeat(10_000).leak());
    assert!(long.contains(&format!("proxy_route=\"{}\" misses=", "n".repeat(200))), "{long}");
}

#[test]
fn of_many_routes_the_first_are_told() {
    let routes: Vec<_> = (0..20)
        .map(|number| {
            format!(r#"{{ "name": "r{number}", "match": {{ "path": {{ "exact": "/r{number}" }} }} }}"#)
        })
        .collect();
    let told = line("allow", &routes.join(","), &Request::get("https://hooks.example.com/x"), "");
    assert!(
        told.contains(
            " misses=r0:path;r1:path;r2:path;r3:path;r4:path;r5:path;r6:path;r7:path;and_12_more: "
        ),
        "{told}"
    );
}

#[test]
fn an_unsigned_request_on_no_route_is_not_told_of_where_it_passes() {
    let request = Request::new("GET", "https://hooks.example.com/x");
    let denied = line("deny", ROUTES, &request, "checkout");
    assert!(
        denied.starts_with("twilio_webhook: denied route=unmatched reason=no_route: no route of"),
        "{denied}"
    );
}
