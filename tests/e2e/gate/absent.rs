//! The filter is not there, or does not do what it is there for.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Request};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::sample::trapping_module;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::{both_holds, does_not_pass, gated, in_both, is_shut, start_without_filter};
use crate::site::{HOST, Layout, Site, TOKEN, merge};
use crate::webhook::{FORM_BODY, PARAMS, denied, form, passes, signature, signature_with, signed_form};

/// Requests that a missing filter is no help to: signed, forged, and without a signature.
fn requests() -> Vec<Request> {
    let get = Request::new("GET", HOST, "/hook/a");
    let socket = Request::websocket(HOST, "/hook/ws");
    let signature = signature_with(TOKEN, &format!("ws://{HOST}/hook/ws"), &[]);
    vec![
        signed_form("/hook/a"),
        form("/hook/a"),
        get,
        socket.clone().header("x-twilio-signature", signature),
        socket,
    ]
}

#[test]
fn without_the_filter_nothing_reaches_the_application() {
    for binary in versions() {
        for layout in both_holds() {
            let site = start_without_filter(&binary, &layout);
            in_both(&requests(), |protocol, request| is_shut(&site, protocol, request));
            passes(&site, Protocol::Http1, &form("/free/a"), FORM_BODY.as_bytes());
        }
    }
}

/// Whether a route asks the filter by its own name, or the filter a route by its: a slip of the pen shuts the gate.
#[test]
fn a_name_that_is_misspelt_shuts_the_gate() {
    let by_route = |names: Value| {
        let mut layout = gated(Layout::default());
        layout.plugin["routes"][0]["match"] = json!({ "route_names": names });
        layout
    };
    let mut key = gated(Layout::default());
    key.routes[0]["match"]["filter_state"][0]["key"] = json!("wasm.twilio_webhok.twilio_webhook");
    let mut value = gated(Layout::default());
    value.routes[0]["match"]["filter_state"][0]["string_match"] =
        json!({ "exact": "verdict=allowed route=hok" });
    let mut field = gated(Layout::default());
    field.plugin["clear_route_cache"] = json!(false);
    let mut path = gated(Layout::default());
    path.plugin["routes"][0]["match"] = json!({ "path": { "prefix": "/hok" } });
    let off = gated(Layout::default()).with_route(json!({ "mode": "off" }));
    let disabled = {
        let mut layout = gated(Layout::default());
        layout.routes[1]["typed_per_filter_config"] = json!({ "twilio_webhook": {
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true } });
        layout
    };
    for binary in versions() {
        let right = Site::start(&binary, &by_route(json!(["shut"])));
        passes(&right, Protocol::Http1, &signed_form("/hook/a"), FORM_BODY.as_bytes());
        for wrong in [
            by_route(json!(["shutt"])),
            by_route(json!(["open"])),
            key.clone(),
            value.clone(),
            field.clone(),
            path.clone(),
            off.clone(),
            disabled.clone(),
        ] {
            let site = Site::start(&binary, &wrong);
            is_shut(&site, Protocol::Http1, &signed_form("/hook/a"));
            in_both(&requests(), |protocol, request| does_not_pass(&site, protocol, request));
        }
    }
}

/// Even `FAIL_OPEN`, which has every request pass by a machine that has failed.
#[test]
fn nothing_passes_a_machine_that_has_failed() {
    for binary in versions() {
        for layout in both_holds() {
            for policy in ["FAIL_CLOSED", "FAIL_RELOAD", "FAIL_OPEN"] {
                let vm = json!({ "runtime": "envoy.wasm.runtime.v8",
                                 "code": { "local": { "filename": trapping_module() } } });
                let mut layout = layout.clone();
                merge(&mut layout.wasm, json!({ "vm_config": vm, "failure_policy": policy }));
                let site = Site::start(&binary, &layout);
                passes(&site, Protocol::Http1, &signed_form("/hook/a"), FORM_BODY.as_bytes());
                let trap = signed_form("/hook/a").header("x-trap-for-tests", "body");
                does_not_pass(&site, Protocol::Http1, &trap);
                let forged = [
                    form("/hook/a"),
                    form("/hook/a").header("x-twilio-signature", "forged"),
                    Request::new("GET", HOST, "/hook/a"),
                ];
                in_both(&forged, |protocol, request| does_not_pass(&site, protocol, request));
                if policy == "FAIL_OPEN" {
                    let answer = client::send(&site.target(), Protocol::Http2, &form("/free/a"));
                    assert_eq!(answer.map(|answer| answer.status), Ok(200), "Envoy {}", binary.version);
                    is_shut(&site, Protocol::Http1, &form("/hook/a"));
                }
            }
        }
    }
}

/// A filter that cannot hold a request has it answered by the gate before it has a verdict. It notices, and says so in place of
/// that answer, which would tell nobody why every webhook is refused.
#[test]
fn nothing_passes_a_filter_that_cannot_hold_and_it_says_why() {
    for binary in versions() {
        let no_flag = Layout { stop_flag: None, ..gated(Layout::default()) };
        let no_buffer = Layout { buffer_after: false, ..gated(Layout::buffer_after()) };
        for layout in [no_flag, no_buffer] {
            let site = Site::start(&binary, &layout);
            in_both(
                &[
                    signed_form("/hook/a"),
                    form("/hook/a").header("x-twilio-signature", signature("/hook/b", &PARAMS)),
                ],
                |protocol, request| {
                    denied(&site, protocol, request, 500, "misplaced_filter");
                },
            );
            in_both(&[form("/hook/a")], |protocol, request| does_not_pass(&site, protocol, request));
        }
    }
}
