//! Upgrades and tunnels: verified at their headers, or not at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use twilio_proxy_wasm_harness::client::{Request, Target, h1};
use twilio_proxy_wasm_harness::envoy::{Envoy, Options, versions};
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::raw;
use super::row::End::{Cut, Denied, KeptOut, Refused, Verified};
use super::row::{Row, Wire, row};
use crate::site::{HOST, Layout, TOKEN};
use crate::webhook::{FORM, FORM_BODY, PARAMS, signature, signature_with, signed_form};

/// A request with these lines, signed as a socket or over HTTP.
fn lines(method: &str, lines: &str, signature: &str, body: &str) -> Wire {
    let fixed = format!("host: {HOST}\r\nx-twilio-signature: {signature}\r\ncontent-type: {FORM}\r\n");
    Wire::Bytes(format!("{method} /hook/a HTTP/1.1\r\n{fixed}{lines}\r\n{body}").into_bytes())
}

const WEBSOCKET: &str = "connection: upgrade\r\nupgrade: websocket\r\n";

pub fn rows() -> Vec<Row> {
    let socket = signature_with(TOKEN, &format!("ws://{HOST}/hook/a"), &[]);
    let plain = signature("/hook/a", &[]);
    let length = format!("content-length: {}\r\n", FORM_BODY.len());
    let unverifiable = Denied("unverifiable");
    vec![
        row("unsigned", Request::websocket(HOST, "/hook/a"), Denied("missing_signature")),
        row(
            "signed over HTTP",
            Request::websocket(HOST, "/hook/a").header("x-twilio-signature", &plain),
            Denied("signature_mismatch"),
        ),
        row("POST", lines("POST", &format!("{WEBSOCKET}{length}"), &socket, FORM_BODY), unverifiable),
        row("POST without a body", lines("POST", WEBSOCKET, &socket, ""), unverifiable),
        row(
            "POST, signed over HTTP",
            lines("POST", &format!("{WEBSOCKET}{length}"), &signature("/hook/a", &PARAMS), FORM_BODY),
            unverifiable,
        ),
        row(
            "GET with a body",
            lines("GET", &format!("{WEBSOCKET}{length}"), &socket, FORM_BODY),
            unverifiable,
        ),
        // Envoy takes the header that announces them away, and keeps what follows until the upstream has switched.
        row(
            "GET with chunks, unsigned",
            lines("GET", &format!("{WEBSOCKET}transfer-encoding: chunked\r\n"), "AAAA", "0\r\n\r\n"),
            Denied("malformed_signature"),
        ),
        row(
            "HEAD",
            Wire::Over(Protocol::Http1, upgrade("HEAD").header("x-twilio-signature", &socket)),
            unverifiable,
        ),
        row(
            "a list",
            lines("GET", "connection: upgrade\r\nupgrade: websocket, h2c\r\n", &socket, ""),
            Refused(403),
        ),
        row(
            "another protocol",
            lines("GET", "connection: upgrade\r\nupgrade: tcp\r\n", &plain, ""),
            Refused(403),
        ),
        row(
            "two protocols",
            lines("GET", &format!("{WEBSOCKET}upgrade: websocket\r\n"), &socket, ""),
            Refused(403),
        ),
        row("no connection", lines("GET", "upgrade: websocket\r\n", &plain, ""), Verified),
        row(
            "no connection, signed as a socket",
            lines("GET", "upgrade: websocket\r\n", &socket, ""),
            Denied("signature_mismatch"),
        ),
        row("no upgrade", lines("GET", "connection: upgrade\r\n", &plain, ""), Verified),
        row(
            "h2c",
            lines(
                "GET",
                "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
                &plain,
                "",
            ),
            Verified,
        ),
        row(
            "h2c, unsigned",
            lines(
                "GET",
                "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
                "",
                "",
            ),
            Denied("malformed_signature"),
        ),
        row(
            "CONNECT",
            Wire::Bytes(
                b"CONNECT hosted.example.com:80 HTTP/1.1\r\nhost: hosted.example.com:80\r\n\r\n".into(),
            ),
            unverifiable,
        ),
        row(
            "CONNECT to a path",
            Wire::Bytes(format!("CONNECT /hook/a HTTP/1.1\r\nhost: {HOST}\r\n\r\n").into()),
            Refused(400),
        ),
        row(
            "HTTP/2 CONNECT",
            Wire::Frames(raw::headers(
                &[(":method", "CONNECT"), (":authority", "hosted.example.com:80")],
                false,
            )),
            unverifiable,
        ),
        row("HTTP/2 CONNECT with a path", tunnel("CONNECT", None), Cut),
        row("HTTP/2 tunnel of another protocol", tunnel("CONNECT", Some("tcp")), KeptOut),
        row("HTTP/2 tunnel by GET", tunnel("GET", Some("websocket")), Cut),
        row(
            "HTTP/2 upgrade by header",
            Wire::Over(Protocol::Http2, signed_form("/hook/a").header("upgrade", "websocket")),
            Cut,
        ),
    ]
}

fn upgrade(method: &str) -> Request {
    Request::new(method, HOST, "/hook/a").header("connection", "upgrade").header("upgrade", "websocket")
}

fn tunnel(method: &str, protocol: Option<&str>) -> Wire {
    let mut fields =
        vec![(":method", method), (":scheme", "http"), (":authority", HOST), (":path", "/hook/a")];
    fields.extend(protocol.map(|protocol| (":protocol", protocol)));
    Wire::Frames(raw::headers(&fields, false))
}

/// A handshake on no route, for an application that does not take it up, and behind it what would be requests if the
/// application read it so. The proxy keeps it until the socket is open, which it never is.
#[test]
fn bytes_behind_an_upgrade_that_is_ignored_reach_nobody() {
    for binary in versions() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let application = std::thread::spawn(move || deaf(&listener));
        let envoy =
            Envoy::start(&binary, &Layout::default().bootstrap(port).to_string(), &Options::default());
        let mut connection =
            h1::Connection::open(&Target::plain(envoy.listener_port("main"))).expect("a connection");
        let smuggled = signed_form("/hook/a").h1_bytes();
        connection.send(&[Request::websocket(HOST, "/free").h1_bytes(), smuggled].concat()).expect("to send");
        assert_eq!(connection.read_response().expect("an answer").status, 200);
        drop(connection);
        let seen = application.join().expect("the application to end");
        assert!(seen.starts_with("GET /free HTTP/1.1\r\n") && !seen.contains("/hook"), "{seen}");
    }
}

/// An application that takes no upgrade up: answers the first connection with 200 and returns all that it reads there.
fn deaf(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().expect("a connection of the proxy");
    let mut seen = Vec::new();
    let mut read = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(150))).expect("to set a time-out");
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            seen.extend_from_slice(&piece[..count]);
        }
    };
    read(&mut stream);
    // The proxy may have gone, which is fine.
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    read(&mut stream);
    String::from_utf8_lossy(&seen).into_owned()
}
