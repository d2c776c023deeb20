//! The URL as Twilio dialled it, where proxies have changed what is seen of it.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::site::{HOST, Layout, Site, TOKEN};
use crate::webhook::{BOTH, denied, passes, signature_with};

/// An Envoy behind another proxy that it trusts.
fn behind_a_proxy() -> Layout {
    Layout { manager: json!({ "use_remote_address": false }), ..Layout::default() }
}

fn with_manager(members: Value) -> Layout {
    Layout { manager: members, ..Layout::default() }
}

/// A GET of `path` on `authority`, signed for `url`, with more headers.
fn get(authority: &str, path: &str, url: &str, headers: &[(&str, &str)]) -> Request {
    let signed =
        Request::new("GET", authority, path).header("x-twilio-signature", signature_with(TOKEN, url, &[]));
    headers.iter().fold(signed, |request, (name, value)| request.header(name, value))
}

#[track_caller]
fn all_pass(layout: &Layout, requests: &[Request]) {
    for binary in versions() {
        let site = Site::start(&binary, layout);
        for request in requests {
            for protocol in BOTH {
                passes(&site, protocol, request, b"");
            }
        }
    }
}

#[track_caller]
fn all_mismatch(layout: &Layout, requests: &[Request]) {
    for binary in versions() {
        let site = Site::start(&binary, layout);
        for request in requests {
            for protocol in BOTH {
                denied(&site, protocol, request, 403, "signature_mismatch");
            }
        }
    }
}

#[test]
fn tls_may_end_before_a_trusted_proxy_but_a_client_cannot_say_so() {
    let https = get(HOST, "/hook/a", "https://hooks.example.com/hook/a", &[("x-forwarded-proto", "https")]);
    all_pass(&behind_a_proxy(), std::slice::from_ref(&https));
    all_mismatch(&Layout::default(), &[https]);
}

#[test]
fn a_port_may_be_signed_left_out_or_be_the_default() {
    let authority = "hooks.example.com:8443";
    let signed = |url: &str| get(authority, "/hook/a", url, &[]);
    all_pass(
        &Layout::default(),
        &[
            signed("http://hooks.example.com/hook/a"),
            signed("http://hooks.example.com:80/hook/a"),
            signed("http://hooks.example.com:8443/hook/a"),
        ],
    );
    all_mismatch(&Layout::default(), &[signed("http://hooks.example.com:8444/hook/a")]);
}

#[test]
fn the_listeners_port_is_tried_where_the_host_has_none() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let port = site.envoy.listener_port("main");
        let url = format!("http://{HOST}:{port}/hook/a");
        for protocol in BOTH {
            passes(&site, protocol, &get(HOST, "/hook/a", &url, &[]), b"");
        }
    }
}

#[test]
fn hosts_may_be_addresses_and_in_any_case() {
    all_pass(
        &Layout::default(),
        &[
            get("[2001:db8::1]:8443", "/hook/a", "http://[2001:db8::1]/hook/a", &[]),
            get("[2001:db8::1]:8443", "/hook/a", "http://[2001:db8::1]:8443/hook/a", &[]),
            get("[2001:db8::1]", "/hook/a", "http://[2001:db8::1]:80/hook/a", &[]),
            get("Hooks.Example.COM", "/hook/a", "http://Hooks.Example.COM/hook/a", &[]),
            get("Hooks.Example.COM", "/hook/a", "http://hooks.example.com/hook/a", &[]),
        ],
    );
}

#[test]
fn a_base_stands_in_for_what_was_dialled() {
    let layout =
        Layout::default().with_route(json!({ "url": { "base": "https://public.example.com:444/eu" } }));
    let signed = |url: &str| get("internal", "/hook/a?x=1", url, &[]);
    all_pass(
        &layout,
        &[
            signed("https://public.example.com:444/eu/hook/a?x=1"),
            signed("https://public.example.com/eu/hook/a?x=1"),
            signed("https://public.example.com:443/eu/hook/a?x=1"),
        ],
    );
    all_mismatch(
        &layout,
        &[signed("http://internal/hook/a?x=1"), signed("https://public.example.com/hook/a?x=1")],
    );
}

#[test]
fn a_path_before_a_rewrite_is_taken_from_the_configured_header_alone() {
    let url = json!({ "url": { "original_path_header": "x-envoy-original-path" } });
    let original = [("x-envoy-original-path", "/public/a?x=1")];
    let request = get(HOST, "/hook/a", "http://hooks.example.com/public/a?x=1", &original);
    all_pass(&behind_a_proxy().with_route(url.clone()), std::slice::from_ref(&request));
    all_mismatch(&behind_a_proxy(), &[request]);
    // Without the header the path is the request's own.
    let plain = get(HOST, "/hook/a", "http://hooks.example.com/hook/a", &[]);
    all_pass(&behind_a_proxy().with_route(url), &[plain]);
}

#[test]
fn a_forwarded_host_is_taken_only_on_trust() {
    let trusting = json!({ "url": { "trust_forwarded_host": true } });
    let headers = [("x-forwarded-host", "public.example.com"), ("x-forwarded-port", "444")];
    let signed = |url: &str| get("internal", "/hook/a", url, &headers);
    let with_port = signed("http://public.example.com:444/hook/a");
    let without_port = signed("http://public.example.com/hook/a");
    all_pass(&behind_a_proxy().with_route(trusting), &[with_port.clone(), without_port.clone()]);
    all_mismatch(&behind_a_proxy(), &[with_port, without_port]);
}

#[test]
fn the_forms_of_the_query_that_libraries_sign_are_tried() {
    let signed = |path: &str, target: &str| get(HOST, path, &format!("http://{HOST}{target}"), &[]);
    all_pass(
        &Layout::default(),
        &[
            signed("/hook/a?q=it's", "/hook/a?q=it's"),
            signed("/hook/a?q=it's", "/hook/a?q=it%27s"),
            signed("/hook/a?to=sip%3Aa%40b", "/hook/a?to=sip:a@b"),
            signed("/hook/a?b=1+2&a&b=3", "/hook/a?b=1%202&b=3&a="),
        ],
    );
}

/// What `docs/urls.md` says of the options that change a URL before the filter sees it.
#[test]
fn normalize_path_changes_what_is_verified() {
    let escaped = get(HOST, "/hook/%7Eme", "http://hooks.example.com/hook/%7Eme", &[]);
    let plain = get(HOST, "/hook/~me", "http://hooks.example.com/hook/~me", &[]);
    all_pass(&Layout::default(), &[escaped.clone(), plain.clone()]);
    let normalizing = with_manager(json!({ "normalize_path": true }));
    all_mismatch(&normalizing, &[escaped]);
    // The remedy: give Twilio the URL in its normal form.
    all_pass(&normalizing, &[plain]);
}

#[test]
fn merge_slashes_changes_what_is_verified() {
    let doubled = get(HOST, "/hook//a", "http://hooks.example.com/hook//a", &[]);
    all_pass(&Layout::default(), std::slice::from_ref(&doubled));
    let merging = with_manager(json!({ "merge_slashes": true }));
    all_mismatch(&merging, &[doubled]);
    all_pass(&merging, &[get(HOST, "/hook/a", "http://hooks.example.com/hook/a", &[])]);
}

#[test]
fn stripping_the_hosts_port_hides_a_port_that_was_signed() {
    let with_port = get("hooks.example.com:8443", "/hook/a", "http://hooks.example.com:8443/hook/a", &[]);
    let without = get("hooks.example.com:8443", "/hook/a", "http://hooks.example.com/hook/a", &[]);
    let stripping = with_manager(json!({ "strip_any_host_port": true }));
    all_mismatch(&stripping, std::slice::from_ref(&with_port));
    all_pass(&stripping, std::slice::from_ref(&without));
    // The remedy: say what Twilio dials.
    let remedied = stripping.with_route(json!({ "url": { "base": "http://hooks.example.com:8443" } }));
    all_pass(&remedied, &[with_port, without]);
    // This one strips the listener's own port alone, which is tried all the same.
    for binary in versions() {
        let site = Site::start(&binary, &with_manager(json!({ "strip_matching_host_port": true })));
        let port = site.envoy.listener_port("main");
        let url = format!("http://{HOST}:{port}/hook/a");
        passes(&site, Protocol::Http1, &get(&format!("{HOST}:{port}"), "/hook/a", &url, &[]), b"");
    }
}
