//! WebSocket handshakes: verified at the headers, then frames go both ways untouched.

use twilio_proxy_wasm_harness::client::{Failure, Request, h1, h2};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::site::{HOST, Layout, Site, TOKEN};
use crate::webhook::{BOTH, denied, signature, signature_with, still_serves};

fn signed(path: &str, url: &str, params: &[(&str, &str)]) -> Request {
    Request::websocket(HOST, path).header("x-twilio-signature", signature_with(TOKEN, url, params))
}

/// The echo of some bytes sent over the verified socket.
pub fn echo(site: &Site, protocol: Protocol, request: &Request) -> Result<Vec<u8>, Failure> {
    const FRAMES: &[u8] = b"\x81\x85\x01\x02\x03\x04iglhn after the handshake, untouched";
    match protocol {
        Protocol::Http1 => {
            let mut connection = h1::Connection::open(&site.target())?;
            connection.send(&request.h1_bytes())?;
            assert_eq!(connection.read_head()?.status, 101);
            connection.send(FRAMES)?;
            connection.read_exact(FRAMES.len()).inspect(|echoed| assert_eq!(echoed, FRAMES))
        }
        Protocol::Http2 => {
            let mut connection = h2::Connection::open(&site.target())?;
            let mut stream = connection.start(request)?;
            assert_eq!(stream.read_head()?.status, 200);
            stream.send_data(FRAMES, false)?;
            stream.read_exact(FRAMES.len()).inspect(|echoed| assert_eq!(echoed, FRAMES))
        }
    }
}

#[test]
fn a_verified_socket_carries_frames_both_ways() {
    for binary in versions() {
        for upstream in BOTH {
            let site = Site::start(&binary, &Layout::default().with_upstream(upstream));
            let base = format!("ws://{HOST}");
            let query = [("a", "1"), ("b", "two words")];
            let cases = [
                signed("/hook/ws", &format!("{base}/hook/ws"), &[]),
                signed("/hook/ws", &format!("{base}/hook/ws/"), &[]),
                signed("/hook/ws?b=two+words&a=1", &format!("{base}/hook/ws"), &query),
                signed("/hook/ws?b=two+words&a=1", &format!("{base}/hook/ws?b=two+words&a=1"), &[]),
            ];
            for request in &cases {
                for protocol in BOTH {
                    echo(&site, protocol, request)
                        .unwrap_or_else(|failure| panic!("{failure:?} {request:?}\n{}", site.envoy.output()));
                }
            }
            still_serves(&site);
        }
    }
}

#[test]
fn a_forged_handshake_reaches_nobody() {
    for binary in versions() {
        for upstream in BOTH {
            let site = Site::start(&binary, &Layout::default().with_upstream(upstream));
            still_serves(&site);
            for protocol in BOTH {
                let request = Request::websocket(HOST, "/hook/ws");
                denied(&site, protocol, &request, 403, "missing_signature");
                let as_http = request.header("x-twilio-signature", signature("/hook/ws", &[]));
                denied(&site, protocol, &as_http, 403, "signature_mismatch");
            }
            let post = Request::new("POST", HOST, "/hook/ws")
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("x-twilio-signature", signature_with(TOKEN, &format!("ws://{HOST}/hook/ws"), &[]))
                .body("smuggled");
            denied(&site, Protocol::Http1, &post, 403, "unverifiable");
            still_serves(&site);
        }
    }
}
