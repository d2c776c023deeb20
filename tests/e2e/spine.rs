//! The main job: every shape of request, signed and forged, on every Envoy and in both safe layouts.

use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, FORM, FORM_BODY, PARAMS, denied, form, passes, send, signature, still_serves};

/// A shape of request without its signature, the parameters that are signed, and the body that is sent.
struct Shape {
    name: &'static str,
    request: Request,
    path: String,
    params: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
}

fn shapes() -> Vec<Shape> {
    let post = |path: &str| Request::new("POST", HOST, path).header("content-type", FORM);
    let body = FORM_BODY.as_bytes();
    let json = br#"{"event": "message.delivered", "n": 1}"#;
    let json_path = format!("/hook/events?bodySHA256={}", twilio_webhook::sign::body_hash(json));
    let shape = |name, path: &str, request, params: &[(&'static str, &'static str)], body: &[u8]| Shape {
        name,
        request,
        path: path.to_owned(),
        params: params.to_vec(),
        body: body.to_vec(),
    };
    vec![
        shape("form with a length", "/hook/a", form("/hook/a"), &PARAMS, body),
        shape("form in one frame", "/hook/b", post("/hook/b").frames([body]), &PARAMS, body),
        shape("form byte by byte", "/hook/c", post("/hook/c").frames(body.chunks(1)), &PARAMS, body),
        shape("form and an empty last frame", "/hook/d", post("/hook/d").frames([body, b""]), &PARAMS, body),
        shape(
            "form and trailers",
            "/hook/e",
            post("/hook/e").frames(body.chunks(7)).trailer("x-checksum", "1"),
            &PARAMS,
            body,
        ),
        shape(
            "POST without a body",
            "/hook/f?x=1",
            Request::new("POST", HOST, "/hook/f?x=1").body(""),
            &[],
            b"",
        ),
        shape(
            "an empty frame alone",
            "/hook/g",
            Request::new("POST", HOST, "/hook/g").frames([b""]),
            &[],
            b"",
        ),
        shape(
            "trailers alone",
            "/hook/h",
            Request::new("POST", HOST, "/hook/h").trailer("x-checksum", "1"),
            &[],
            b"",
        ),
        shape("GET", "/hook/i?From=%2B1&a=b", Request::new("GET", HOST, "/hook/i?From=%2B1&a=b"), &[], b""),
        shape(
            "JSON",
            &json_path,
            Request::new("POST", HOST, &json_path)
                .header("content-type", "application/json")
                .frames(json.chunks(10)),
            &[],
            json,
        ),
    ]
}

fn check_all(layout: &Layout) {
    for binary in versions() {
        for upstream in BOTH {
            let site = Site::start(&binary, &layout.clone().with_upstream(upstream));
            // A pooled connection stands ready, over which headers could leak at once.
            still_serves(&site);
            for protocol in BOTH {
                check(&site, protocol);
                check_what_has_no_upstream(&site, protocol);
            }
            let leftovers = site.upstream.requests().iter().filter(|request| !request.complete).count();
            assert_eq!(leftovers, 0, "Envoy {}", binary.version);
        }
    }
}

/// Every shape of request, signed and forged, on the route `/hook`.
pub fn check(site: &Site, protocol: Protocol) {
    for Shape { name, request, path, params, body } in shapes() {
        let case = |signature: String| {
            request.clone().header("x-twilio-signature", signature).header("x-case", name)
        };
        passes(site, protocol, &case(signature(&path, &params)), &body);
        denied(site, protocol, &case(signature("/hook/other", &params)), 403, "signature_mismatch");
        let mut altered = params.clone();
        altered.push(("Injected", "1"));
        denied(site, protocol, &case(signature(&path, &altered)), 403, "signature_mismatch");
    }
    denied(site, protocol, &form("/hook/a"), 403, "missing_signature");
}

/// What Envoy answers by itself is not to be had without a signature either.
pub fn check_what_has_no_upstream(site: &Site, protocol: Protocol) {
    for (path, status) in [("/hook/direct", 200), ("/hook/redirect", 301)] {
        let signed = form(path).header("x-twilio-signature", signature(path, &PARAMS));
        assert_eq!(send(site, protocol, &signed).status, status);
        let forged = form(path).header("x-twilio-signature", signature("/hook/other", &PARAMS));
        denied(site, protocol, &forged, 403, "signature_mismatch");
    }
}

#[test]
fn a_signed_webhook_passes_and_a_forged_one_is_denied_with_hold_self() {
    check_all(&Layout::default());
}

#[test]
fn a_signed_webhook_passes_and_a_forged_one_is_denied_with_a_buffer_after() {
    check_all(&Layout::buffer_after());
}

#[test]
fn a_buffer_before_does_no_harm_with_hold_self() {
    check_all(&Layout { buffer_before: true, ..Layout::default() });
}

#[test]
fn the_upstream_is_told_and_cannot_be_lied_to() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let seen = |request: &Request| {
            let mark = site.upstream.mark();
            assert_eq!(send(&site, Protocol::Http2, request).status, 200);
            let requests = site.upstream.requests_since(mark);
            requests[0].headers.get_all("x-twilio-verified").map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let signed = form("/hook/a").header("x-twilio-signature", signature("/hook/a", &PARAMS));
        assert_eq!(seen(&signed), [b"true".to_vec()]);
        assert_eq!(seen(&signed.header("x-twilio-verified", "spoofed")), [b"true".to_vec()]);
        let free = Request::new("GET", HOST, "/free").header("X-Twilio-Verified", "true");
        assert_eq!(seen(&free), Vec::<Vec<u8>>::new());
    }
}

#[test]
fn the_verdict_is_told_to_the_access_log_and_the_log_and_to_nobody_else() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let signed = form("/hook/a").header("x-twilio-signature", signature("/hook/a", &PARAMS));
        send(&site, Protocol::Http1, &signed);
        let denied = send(&site, Protocol::Http1, &form("/hook/a"));
        assert_eq!(denied.headers.text("content-type").as_deref(), Some("text/plain"));
        assert!(denied.headers.iter().all(|(_, value)| !value.windows(6).any(|word| word == b"twilio")));
        let wait = std::time::Duration::from_secs(5);
        let allowed = "webhook=[verdict=allowed route=hook reason=none key=routes[0].auth_tokens[0]]";
        assert!(site.envoy.wait_for_output(allowed, wait), "{}", site.envoy.output());
        let refused = "details=twilio_webhook_missing_signature status=403 \
                       webhook=[verdict=denied route=hook reason=missing_signature]";
        assert!(site.envoy.wait_for_output(refused, wait), "{}", site.envoy.output());
        assert!(site.envoy.wait_for_log("denied route=hook reason=missing_signature: ", wait));
        let everything = site.envoy.log() + &site.envoy.output();
        assert!(!everything.contains(crate::site::TOKEN));
    }
}
