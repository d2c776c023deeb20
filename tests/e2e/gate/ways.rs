//! Each way to a verdict opens the gate for what is verified, and for nothing else.

use twilio_proxy_wasm_harness::client::{Request, h1, h2};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;
use twilio_webhook::sign::body_hash;

use super::both_holds;
use crate::site::{HOST, Site};
use crate::webhook::{
    BOTH, DENIED, FORM, FORM_BODY, PARAMS, denied, form, passes, signature, signature_with, signed_form,
};
use crate::websocket::echo;

#[test]
fn each_way_to_a_verdict_opens_the_gate() {
    const JSON: &[u8] = br#"{"event":"message.delivered"}"#;
    let sign = |request: Request, path: &str| request.header("x-twilio-signature", signature(path, &PARAMS));
    let frames = || Request::new("POST", HOST, "/hook/a").header("content-type", FORM);
    let chunks = || frames().frames(FORM_BODY.as_bytes().chunks(9));
    let hashed = format!("/hook/a?bodySHA256={}", body_hash(JSON));
    let table = [
        (signed_form("/hook/a"), FORM_BODY.as_bytes()),
        (sign(chunks(), "/hook/a"), FORM_BODY.as_bytes()),
        (sign(chunks().trailer("x-checksum", "1"), "/hook/a"), FORM_BODY.as_bytes()),
        (
            Request::new("POST", HOST, &hashed)
                .body(JSON)
                .header("x-twilio-signature", signature(&hashed, &[])),
            JSON,
        ),
        (
            Request::new("GET", HOST, "/hook/a?b=c")
                .header("x-twilio-signature", signature("/hook/a?b=c", &[])),
            b"",
        ),
    ];
    for binary in versions() {
        for layout in both_holds() {
            let site = Site::start(&binary, &layout);
            for protocol in BOTH {
                for (request, body) in &table {
                    passes(&site, protocol, request, body);
                }
                for request in [form("/hook/a"), chunks(), chunks().trailer("x-checksum", "1")] {
                    denied(&site, protocol, &request, 403, "missing_signature");
                    let forged = request.header("x-twilio-signature", signature("/hook/b", &PARAMS));
                    denied(&site, protocol, &forged, 403, "signature_mismatch");
                }
                passes(&site, protocol, &form("/free/a"), FORM_BODY.as_bytes());
            }
        }
    }
}

#[test]
fn a_verified_socket_goes_through_the_gate_and_a_forged_one_does_not() {
    for binary in versions() {
        for layout in both_holds() {
            for upstream in BOTH {
                let site = Site::start(&binary, &layout.clone().with_upstream(upstream));
                let socket = Request::websocket(HOST, "/hook/ws");
                let signature = signature_with(crate::site::TOKEN, &format!("ws://{HOST}/hook/ws"), &[]);
                for protocol in BOTH {
                    denied(&site, protocol, &socket, 403, "missing_signature");
                }
                let signed = socket.header("x-twilio-signature", &signature);
                for protocol in BOTH {
                    echo(&site, protocol, &signed)
                        .unwrap_or_else(|failure| panic!("{failure:?}\n{}", site.envoy.output()));
                }
            }
        }
    }
}

/// What a request is told about is told to it alone: not to the next one on its connection, nor to the one beside it.
#[test]
fn the_verdict_opens_the_gate_for_its_own_request_alone() {
    for binary in versions() {
        for layout in both_holds() {
            let site = Site::start(&binary, &layout);
            let mark = site.upstream.mark();
            let mut connection = h1::Connection::open(&site.target()).expect("a connection");
            let (good, bad) = (signed_form("/hook/a"), form("/hook/a"));
            let pipelined = [good.h1_bytes(), bad.h1_bytes()].concat();
            connection.send(&pipelined).expect("to send");
            let answers = [connection.read_response(), connection.read_response()].map(|answer| {
                let answer = answer.expect("an answer");
                (answer.status, answer.text())
            });
            assert_eq!(answers, [(200, "upstream\n".to_owned()), (403, DENIED.to_owned())]);
            let mut connection = h2::Connection::open(&site.target()).expect("a connection");
            let mut streams = [&good, &bad, &good, &bad].map(|it| connection.start(it).expect("a stream"));
            let answers = streams.each_mut().map(|it| it.read_response().expect("an answer").status);
            assert_eq!(answers, [200, 403, 200, 403]);
            assert_eq!(site.upstream.requests_since(mark).len(), 3, "Envoy {}", binary.version);
        }
    }
}

/// A CONNECT has no path, and is none of a webhook: it is refused before any route is asked.
#[test]
fn a_tunnel_is_refused() {
    for binary in versions() {
        for layout in both_holds() {
            let site = Site::start(&binary, &layout);
            let mark = site.upstream.mark();
            let mut connection = h1::Connection::open(&site.target()).expect("a connection");
            let signature = signature("/hook/a", &[]);
            let tunnel = format!(
                "CONNECT {HOST}:80 HTTP/1.1\r\nhost: {HOST}:80\r\nx-twilio-signature: {signature}\r\n\r\n"
            );
            connection.send(tunnel.as_bytes()).expect("to send");
            assert_eq!(connection.read_head().expect("an answer").status, 403);
            assert_eq!(site.upstream.bytes_since(mark), b"");
            passes(&site, Protocol::Http1, &signed_form("/hook/a"), FORM_BODY.as_bytes());
        }
    }
}
