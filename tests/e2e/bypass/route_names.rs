//! Routes of the proxy that are chosen by the very header that the filter takes away and sets.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::site::{Layout, Site, TOKEN};
use crate::webhook::{BOTH, FORM_BODY, denied, form, passes, send, signed_form};

const HEADER: &str = "x-twilio-verified";

/// The proxy sends what bears the header by one route, and all else by another; each says its name to the upstream. The
/// filter verifies what is on the routes of these names.
fn layout(names: &Value) -> Layout {
    let says = |name: &str| json!([{ "header": { "key": "x-route", "value": name } }]);
    let claims = json!({ "name": HEADER, "present_match": true });
    Layout {
        routes: json!([
            { "name": "claims", "match": { "prefix": "/", "headers": [claims] },
              "route": { "cluster": "upstream" }, "request_headers_to_add": says("claims") },
            { "name": "plain", "match": { "prefix": "/" },
              "route": { "cluster": "upstream" }, "request_headers_to_add": says("plain") },
        ]),
        plugin: json!({ "verified_header": HEADER, "unmatched": "allow", "routes": [
            { "name": "hook", "match": { "route_names": names }, "auth_tokens": [{ "value": TOKEN }] },
        ]}),
        ..Layout::default()
    }
}

/// The route by which the proxy sent a request to the upstream, and what it said there of its being verified.
fn sent_by(site: &Site, protocol: Protocol, request: &Request) -> (String, Option<String>) {
    let mark = site.upstream.mark();
    assert_eq!(send(site, protocol, request).status, 200, "{}", site.envoy.output());
    let headers = &site.upstream.requests_since(mark)[0].headers;
    (headers.text("x-route").expect("the route's name"), headers.text(HEADER))
}

/// Envoy goes on telling `claims` when the header is gone and `plain` is what it will choose: matched by that name, the
/// request would pass unverified by a route that is to be verified.
#[test]
fn a_claim_to_be_verified_cannot_change_the_route_behind_the_filters_back() {
    for binary in versions() {
        for names in [json!(["plain"]), json!(["claims"]), json!(["plain", "claims"])] {
            let site = Site::start(&binary, &layout(&names));
            for protocol in BOTH {
                for claim in [HEADER, "x_twilio_verified"] {
                    for request in [form("/a"), signed_form("/a")] {
                        let mark = site.upstream.mark();
                        let response = send(&site, protocol, &request.header(claim, "true"));
                        assert_eq!(response.status, 403, "{names} {claim}");
                        assert_eq!(site.upstream.bytes_since(mark), b"", "{names} {claim}");
                    }
                }
                if names[0] == "plain" {
                    denied(&site, protocol, &form("/a"), 403, "missing_signature");
                    // Set by the filter, the header chooses the route as it is meant to.
                    let verified = ("claims".to_owned(), Some("true".to_owned()));
                    assert_eq!(sent_by(&site, protocol, &signed_form("/a")), verified);
                } else {
                    let unmatched = ("plain".to_owned(), None);
                    assert_eq!(sent_by(&site, protocol, &form("/a")), unmatched);
                }
            }
        }
    }
}

/// A client's word for it is taken away wherever the filter sees it, in the spelling that CGI does not tell apart, too.
#[test]
fn no_spelling_of_the_claim_reaches_the_upstream() {
    for binary in versions() {
        for layout in [Layout::default(), Layout::buffer_after()] {
            let site = Site::start(&binary, &layout);
            let own = if layout.buffer_after { None } else { Some("true") };
            for protocol in BOTH {
                for (path, expected) in [("/free", None), ("/hook/a", own)] {
                    let mark = site.upstream.mark();
                    let request = signed_form(path)
                        .header("x_twilio_verified", "1")
                        .header("X-Twilio_Verified", "2")
                        .header("x.twilio~verified", "4")
                        .header("X-TWILIO-VERIFIED", "3")
                        .header("connection", "x-twilio-verified");
                    let request =
                        if protocol == Protocol::Http2 { without_connection(path) } else { request };
                    passes(&site, protocol, &request, FORM_BODY.as_bytes());
                    let seen = &site.upstream.requests_since(mark)[0].headers;
                    let claims: Vec<_> = seen
                        .iter()
                        .filter(|(name, _)| as_cgi_reads(name) == as_cgi_reads(HEADER.as_bytes()))
                        .map(|(_, value)| value.escape_ascii().to_string())
                        .collect();
                    assert_eq!(claims, expected.into_iter().collect::<Vec<_>>(), "{path} {protocol:?}");
                }
            }
        }
    }
}

/// As lighttpd names the variable of a header for a CGI program.
fn as_cgi_reads(name: &[u8]) -> String {
    let read =
        |byte: &u8| if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_uppercase()) } else { '_' };
    name.iter().map(read).collect()
}

fn without_connection(path: &str) -> Request {
    let request = signed_form(path).header("x_twilio_verified", "1").header("x-twilio_verified", "2");
    request.header(HEADER, "3").header("x.twilio~verified", "4")
}
