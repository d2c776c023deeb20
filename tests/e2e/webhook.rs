//! Signed and forged requests, and what must become of them.

use std::time::Duration;

use twilio_proxy_wasm_harness::client::{self, Failure, Request, Response};
use twilio_proxy_wasm_harness::upstream::Protocol;
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;

use crate::site::{HOST, Site, TOKEN};

pub const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
pub const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
pub const DENIED: &str = "Twilio Request Validation Failed.";

/// The signature that Twilio would send over plain HTTP to this path with these parameters.
pub fn signature(path: &str, params: &[(&str, &str)]) -> String {
    signature_with(TOKEN, &format!("http://{HOST}{path}"), params)
}

pub fn signature_with(token: &str, url: &str, params: &[(&str, &str)]) -> String {
    let params: Vec<_> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    sign::signature(Algorithm::HmacSha1, token.as_bytes(), url, &params)
}

/// A POST that is rightly signed as a form with `Body=Hi` and a few more parameters.
pub fn signed_form(path: &str) -> Request {
    form(path).header("x-twilio-signature", signature(path, &PARAMS))
}

pub const PARAMS: [(&str, &str); 3] = [("Body", "Hi there"), ("Empty", ""), ("From", "+14158675309")];
pub const FORM_BODY: &str = "From=%2B14158675309&Body=Hi+there&Empty=";

/// The same without a signature.
pub fn form(path: &str) -> Request {
    Request::new("POST", HOST, path).header("content-type", FORM).body(FORM_BODY)
}

/// Sends a request on a connection of its own.
pub fn send(site: &Site, protocol: Protocol, request: &Request) -> Response {
    client::send(&site.target(), protocol, request)
        .unwrap_or_else(|failure| panic!("expected an answer to {request:?}, not {failure:?}"))
}

/// The request must be answered by the upstream, which must have got it whole.
#[track_caller]
pub fn passes(site: &Site, protocol: Protocol, request: &Request, body: &[u8]) {
    let mark = site.upstream.mark();
    let response = send(site, protocol, request);
    assert_eq!(
        response.status,
        200,
        "{protocol:?} {request:?}: {}\n{}",
        response.text(),
        site.envoy.output()
    );
    let received = site.upstream.wait_for_requests_since(mark, 1, Duration::from_secs(5));
    assert_eq!(received.len(), 1, "{protocol:?} {request:?}");
    assert!(received[0].complete, "{protocol:?} {request:?}");
    assert_eq!(received[0].body, body, "{protocol:?} {request:?}");
}

/// The request must be answered with this status, and nothing of it may have reached the upstream.
#[track_caller]
pub fn denied(site: &Site, protocol: Protocol, request: &Request, status: u16, reason: &str) {
    let mark = site.upstream.mark();
    let before = site.count("denied", reason);
    match client::send(&site.target(), protocol, request) {
        Ok(response) => {
            assert_eq!(response.status, status, "{protocol:?} {request:?}\n{}", site.envoy.output());
            if status == 403 {
                assert_eq!(response.text(), DENIED);
            }
        }
        // A proxy that answers before it has read the body closes the connection, and the client may be cut off
        // before it reads the answer. The counter and the upstream tell what happened.
        Err(Failure::Reset) if protocol == Protocol::Http1 => {}
        Err(failure) => panic!("expected {status}, not {failure:?}, to {protocol:?} {request:?}"),
    }
    assert_eq!(
        site.count("denied", reason),
        before + 1,
        "{reason}: {protocol:?} {request:?}\n{}",
        site.envoy.output()
    );
    let leaked = site.upstream.bytes_since(mark);
    assert!(leaked.is_empty(), "{} bytes reached the upstream of {protocol:?} {request:?}", leaked.len());
}

/// A rightly signed request passes: the worker is well.
#[track_caller]
pub fn still_serves(site: &Site) {
    for protocol in BOTH {
        passes(site, protocol, &signed_form("/hook/good"), FORM_BODY.as_bytes());
    }
}
