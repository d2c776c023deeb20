//! WebSocket handshakes, and what only looks like one.

use crate::support::{End, Request, plain, words};
use crate::{play, verdicts};

const URL: &str = "wss://hooks.example.com/stream?token=abc&a=1";
const SIGNED: &str = "wss://hooks.example.com/stream";

fn params() -> Vec<(String, String)> {
    [("a", "1"), ("token", "abc")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn handshake() -> Request {
    Request::websocket(URL, SIGNED, &params())
}

#[test]
fn a_handshake_is_decided_at_its_headers_and_its_frames_pass() {
    let frames = "headers: continue\n verdict: allowed 0\n body -: continue\n body frame: continue";
    let forged = handshake().with(":path", "/stream?token=abd&a=1");
    for hold in ["self", "buffer_after"] {
        let policy = plain(&format!(r#""hold": "{hold}", "max_body_bytes": 1"#));
        play(&policy, &handshake(), frames);
        play(&policy, &handshake(), "headers end: continue\n verdict: allowed 0");
        play(&policy, &forged, "headers: 403 signature_mismatch\n body frame: hold");
    }
}

#[test]
fn a_handshake_is_signed_in_one_of_four_ways() {
    let base = "wss://hooks.example.com";
    let signed =
        |signed: &str, with: &[(String, String)]| Request::websocket(URL, &format!("{base}{signed}"), with);
    let slashed =
        |signed: &str| Request::websocket(&format!("{base}/stream/"), &format!("{base}{signed}"), &[]);
    let plain_url = URL.replace("wss", "ws");
    let table = [
        ("parameters", signed("/stream", &params()), "allowed 0"),
        ("parameters, / behind", signed("/stream/", &params()), "allowed 0"),
        ("query", signed("/stream?token=abc&a=1", &[]), "allowed 0"),
        ("query, / behind the path", signed("/stream/?token=abc&a=1", &[]), "allowed 0"),
        ("query sorted", signed("/stream?a=1&token=abc", &[]), "denied signature_mismatch"),
        ("query left out", signed("/stream", &[]), "denied signature_mismatch"),
        ("/ taken away", slashed("/stream"), "allowed 0"),
        ("/ kept", slashed("/stream/"), "allowed 0"),
        ("the default port", signed(":443/stream", &params()), "allowed 0"),
        ("ws for wss", Request::websocket(&plain_url, SIGNED, &params()), "denied signature_mismatch"),
        ("ws", Request::websocket(&plain_url, "ws://hooks.example.com/stream", &params()), "allowed 0"),
        (
            "https for wss",
            Request::websocket(URL, "https://hooks.example.com/stream", &params()),
            "denied signature_mismatch",
        ),
        (
            "a GET's signature",
            Request::websocket(URL, &URL.replace("wss", "https"), &[]),
            "denied signature_mismatch",
        ),
    ];
    verdicts(&plain(""), &table);
    // By UTF-16 unit an astral character stands before U+FF01.
    let url = "wss://hooks.example.com/stream?%EF%BC%81=1&%F0%9F%98%80=2";
    let swapped = Request::websocket(url, &format!("{SIGNED}\u{1F600}2\u{FF01}1"), &[]);
    verdicts(&plain(""), &[("UTF-16", swapped, "allowed 0")]);
}

#[test]
fn what_is_an_upgrade_but_no_handshake_is_unverifiable() {
    let get = || Request::get("https://hooks.example.com/stream");
    let upgrade = || handshake();
    let table = [
        ("POST", upgrade().with(":method", "POST"), "denied unverifiable"),
        ("CONNECT", upgrade().with(":method", "CONNECT"), "denied unverifiable"),
        ("lower-case method", upgrade().with(":method", "get"), "denied unverifiable"),
        ("h2c", upgrade().with("upgrade", "h2c"), "denied unverifiable"),
        ("a choice", upgrade().with("upgrade", "websocket, h2c"), "denied unverifiable"),
        ("upgrade twice", upgrade().header("upgrade", "websocket"), "denied unverifiable"),
        ("a body", upgrade().header("content-length", "1"), "denied unverifiable"),
        (
            "two lengths",
            upgrade().header("content-length", "0").header("content-length", "0"),
            "denied unverifiable",
        ),
        ("chunked", upgrade().header("transfer-encoding", "chunked"), "denied unverifiable"),
        ("an empty body", upgrade().header("content-length", "0"), "allowed 0"),
        ("upper case", upgrade().with("upgrade", "WebSocket").with("connection", "UPGRADE"), "allowed 0"),
        ("among others", upgrade().with("connection", "keep-alive , Upgrade"), "allowed 0"),
        ("connection twice", upgrade().header("connection", "keep-alive"), "allowed 0"),
        // No upgrade: a GET like any other, signed as https.
        ("upgrade alone", get().header("upgrade", "websocket"), "allowed 0"),
        ("connection alone", get().header("connection", "upgrade"), "allowed 0"),
        (
            "connection to something else",
            get().header("upgrade", "websocket").header("connection", "close"),
            "allowed 0",
        ),
        ("handshake with no connection", upgrade().without("connection"), "denied signature_mismatch"),
    ];
    for (name, request, expected) in table {
        let upgrades = request.headers.iter().any(|(header, _)| header == "upgrade");
        let (_, verdict) = request.send(&plain(""), &[], if upgrades { End::Body } else { End::Headers });
        assert_eq!(words(verdict), expected, "{name}");
    }
    let posted = handshake().with(":method", "POST").body("x");
    play(&plain(""), &posted, "headers: 403 unverifiable\n body x: hold");
}

#[test]
fn a_handshake_is_verified_by_the_same_rules_of_keys_and_headers() {
    let table = [
        ("unsigned", handshake().without("x-twilio-signature"), "denied missing_signature"),
        ("signed twice", handshake().header("x-twilio-signature", "x"), "denied malformed_signature"),
        (
            "an unknown key",
            handshake().header("x-twilio-webhooks-signature-settings", "key=k"),
            "denied unknown_key",
        ),
    ];
    verdicts(&plain(""), &table);
    let unsigned = handshake().without("x-twilio-signature");
    play(
        &plain(r#""mode": "report""#),
        &unsigned,
        "headers: continue\n verdict: reported missing_signature\n body x: continue",
    );
}
