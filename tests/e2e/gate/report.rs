//! `mode: report` behind a gate: what would have been denied goes on where the gate lets it.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;

use super::{both_holds, in_both, is_shut};
use crate::site::{HOST, Layout, Site};
use crate::webhook::{FORM_BODY, denied, form, passes, signature, signed_form};

/// The match that lets both through, so that going from `report` to `enforce` changes no route.
fn either() -> Value {
    json!([{
        "key": "wasm.twilio_webhook.twilio_webhook",
        "string_match": { "safe_regex": { "regex": "verdict=(allowed|reported) route=hook" } },
    }])
}

fn report(mut layout: Layout, filter_state: Option<Value>) -> Layout {
    if let Some(filter_state) = filter_state {
        layout.routes[0]["match"]["filter_state"] = filter_state;
    }
    layout.with_route(json!({ "mode": "report" }))
}

fn get() -> Request {
    Request::new("GET", HOST, "/hook/a")
}

#[test]
fn what_is_reported_goes_through_a_gate_that_says_so() {
    for binary in versions() {
        for layout in both_holds() {
            let site = Site::start(&binary, &report(layout.clone(), Some(either())));
            let signed = get().header("x-twilio-signature", signature("/hook/a", &[]));
            in_both(&[signed_form("/hook/a"), form("/hook/a")], |protocol, request| {
                passes(&site, protocol, request, FORM_BODY.as_bytes());
            });
            in_both(&[signed, get()], |protocol, request| passes(&site, protocol, request, b""));
            assert_eq!(site.count("allowed", "none"), 4);
            assert_eq!(site.count("reported", "missing_signature"), 4);
            // Nothing but the mode is another.
            let mut enforced = report(layout, Some(either()));
            enforced.plugin["routes"][0]["mode"] = json!("enforce");
            let site = Site::start(&binary, &enforced);
            in_both(&[signed_form("/hook/a")], |protocol, request| {
                passes(&site, protocol, request, FORM_BODY.as_bytes());
            });
            in_both(&[form("/hook/a"), get()], |protocol, request| {
                denied(&site, protocol, request, 403, "missing_signature");
            });
        }
    }
}

/// A gate that asks for `allowed` lets nothing through that is not known to be when its route is chosen: that is at the
/// headers, as nothing is held in `report`.
#[test]
fn a_gate_that_asks_for_allowed_stays_shut_for_what_is_reported() {
    for binary in versions() {
        for layout in both_holds() {
            let site = Site::start(&binary, &report(layout, None));
            let requests = [form("/hook/a"), signed_form("/hook/a"), get()];
            in_both(&requests, |protocol, request| is_shut(&site, protocol, request));
            let signed = get().header("x-twilio-signature", signature("/hook/a", &[]));
            in_both(&[signed], |protocol, request| passes(&site, protocol, request, b""));
        }
    }
}
