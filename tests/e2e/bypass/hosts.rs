//! Hosts: which of them are the one that a route names, and what two of them come to.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::h1;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::raw;
use super::row::End::{Cut, Denied, KeptOut, Refused, Unmatched, Verified};
use super::row::{Row, Wire, get, get_for, row, url};
use crate::site::{HOST, Layout, Site, TOKEN};

/// An unsigned request to a host that the route `hosted` names.
fn named(host: &'static str) -> Row {
    row(host, get(host, "/"), Denied("missing_signature"))
}

/// An unsigned request to a host that no route names.
fn unnamed(host: &'static str) -> Row {
    row(host, get(host, "/"), Unmatched)
}

fn head(lines: &str) -> Wire {
    Wire::Bytes(format!("GET /hook/a HTTP/1.1\r\n{lines}\r\n").into_bytes())
}

fn frames(fields: &[(&str, &str)]) -> Wire {
    let fixed = [(":method", "GET"), (":scheme", "http"), (":path", "/hook/a")];
    // Pseudo-headers come first.
    let (pseudo, rest): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| name.starts_with(':'));
    Wire::Frames(raw::headers(&[&fixed[..], &pseudo, &rest].concat(), true))
}

pub fn rows() -> Vec<Row> {
    let signature = crate::webhook::signature("/hook/a", &[]);
    let signed = ("x-twilio-signature", signature.as_str());
    let sign = format!("x-twilio-signature: {signature}\r\n");
    let elsewhere = "elsewhere.example.com";
    vec![
        named("hosted.example.com"),
        named("HOSTED.Example.COM"),
        named("hosted.example.com."),
        named("hosted.example.com:1"),
        named("hosted.example.com:00443"),
        named("hosted.example.com.:443"),
        named("under_score.example.com"),
        named("a.wild.example.com"),
        named("a.b.wild.example.com:80"),
        named("[2001:db8::1]"),
        named("[2001:DB8::1]:443"),
        unnamed("wild.example.com"),
        unnamed("underscore.example.com"),
        unnamed("xhosted.example.com"),
        unnamed("hosted.example.com.evil.example"),
        unnamed("[2001:db8::2]"),
        unnamed("192.0.2.1"),
        row("port that is none", head_to("hosted.example.com:"), Denied("unverifiable")),
        row("port that is no number", head_to("hosted.example.com:x"), Denied("unverifiable")),
        row("user", head_to("user@hosted.example.com"), Denied("unverifiable")),
        row("two in one", head_to("elsewhere.example.com, hosted.example.com"), Refused(400)),
        row("path", head_to("hosted.example.com/x"), Refused(400)),
        row("not ASCII", head_to("hosted.example.com\u{e9}"), Refused(400)),
        row("no host", head(&sign), Refused(400)),
        row("an empty host", head(&format!("host: \r\n{sign}")), Denied("unverifiable")),
        row(
            "two hosts",
            head(&format!("host: {HOST}\r\nhost: {elsewhere}\r\n{sign}")),
            Denied("unverifiable"),
        ),
        row(
            "two hosts, one of them named",
            two("elsewhere.example.com", "hosted.example.com"),
            Denied("unverifiable"),
        ),
        row(
            "two hosts, none of them named",
            two("elsewhere.example.com", "example.net"),
            Denied("unverifiable"),
        ),
        row(
            "two hosts, the same",
            head(&format!("host: {HOST}\r\nHost: {HOST}\r\n{sign}")),
            Denied("unverifiable"),
        ),
        row("spaces before the host", head(&format!("host:  \t {HOST} \r\n{sign}")), Verified),
        row("space before the colon", head(&format!("host : {HOST}\r\n{sign}")), Refused(400)),
        row(
            "HTTP/1.0",
            Wire::Bytes(format!("GET /hook/a HTTP/1.0\r\nhost: {HOST}\r\n{sign}\r\n").into()),
            Refused(426),
        ),
        row(
            "signed for another host",
            get_for(elsewhere, "/hook/a", TOKEN, &url("/hook/a")),
            Denied("signature_mismatch"),
        ),
        row(
            "another host in X-Forwarded-Host",
            get_for(elsewhere, "/hook/a", TOKEN, &url("/hook/a")).header("x-forwarded-host", HOST),
            Denied("signature_mismatch"),
        ),
        row(
            "another host in other headers",
            get_for(elsewhere, "/hook/a", TOKEN, &url("/hook/a"))
                .header("x-original-host", HOST)
                .header("x-host", HOST)
                .header("forwarded", format!("host={HOST}")),
            Denied("signature_mismatch"),
        ),
        row(
            "another scheme in X-Forwarded-Proto",
            get_for(HOST, "/hook/a", TOKEN, &format!("https://{HOST}/hook/a"))
                .header("x-forwarded-proto", "https"),
            Denied("signature_mismatch"),
        ),
        row(
            "another scheme in :scheme",
            Wire::Over(
                Protocol::Http2,
                get_for(HOST, "/hook/a", TOKEN, &format!("https://{HOST}/hook/a")).scheme("https"),
            ),
            Denied("signature_mismatch"),
        ),
        row("HTTP/2, signed", frames(&[(":authority", HOST), signed]), Verified),
        row("HTTP/2, Host alone", frames(&[("host", HOST), signed]), Verified),
        row(
            "HTTP/2, Host beside :authority",
            frames(&[(":authority", HOST), ("host", elsewhere), signed]),
            Verified,
        ),
        row(
            "HTTP/2, :authority beside Host",
            frames(&[(":authority", elsewhere), ("host", HOST), signed]),
            Denied("signature_mismatch"),
        ),
        row(
            "HTTP/2, two :authority",
            frames(&[(":authority", HOST), (":authority", elsewhere), signed]),
            Cut,
        ),
        row("HTTP/2, two Host", frames(&[("host", elsewhere), ("host", HOST), signed]), KeptOut),
        row("HTTP/2, no host at all", frames(&[signed]), Cut),
        row("HTTP/2, user", frames(&[(":authority", "user@hooks.example.com"), signed]), Cut),
    ]
}

/// An unsigned request to the root of this host.
fn head_to(host: &str) -> Wire {
    Wire::Bytes(format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes())
}

/// An unsigned request to the root of two hosts.
fn two(first: &str, second: &str) -> Wire {
    Wire::Bytes(format!("GET / HTTP/1.1\r\nhost: {first}\r\nhost: {second}\r\n\r\n").into_bytes())
}

/// Ports as clients may spell them, and whether Envoy with `ignore_port_in_host_matching` takes them for one, and drops them.
const PORTS: [(&str, bool); 8] = [
    ("", true),
    (":80", true),
    (":00080", true),
    (":99999999", true),
    (":x", true),
    (":", true),
    (":1:2", false),
    (".", false),
];

/// A virtual host of the proxy, which is found without the port, guarded by a route of the same host.
#[test]
fn a_port_that_the_proxy_ignores_hides_no_host() {
    let host = "hosted.example.com";
    let to = |action: &str, what: Value| json!([{ "match": { "prefix": "/" }, action: what }]);
    let route_config = json!({ "name": "main", "ignore_port_in_host_matching": true, "virtual_hosts": [
        { "name": "hosted", "domains": [host], "routes": to("route", json!({ "cluster": "upstream" })) },
        { "name": "others", "domains": ["*"], "routes": to("direct_response", json!({ "status": 404 })) },
    ]});
    for binary in versions() {
        for mode in ["off", "enforce"] {
            let layout = Layout {
                manager: json!({ "route_config": route_config }),
                plugin: json!({ "auth_tokens": [{ "value": TOKEN }], "unmatched": "allow", "routes": [
                    { "name": "hook", "match": { "hosts": [host] }, "mode": mode } ] }),
                ..Layout::default()
            };
            let site = Site::start(&binary, &layout);
            for (port, is_ignored) in PORTS {
                let mark = site.upstream.mark();
                let mut connection = h1::Connection::open(&site.target()).expect("a connection");
                let request = format!("GET / HTTP/1.1\r\nhost: {host}{port}\r\n\r\n");
                connection.send(request.as_bytes()).expect("to send");
                let status = connection.read_response().map(|it| it.status);
                let expected = match (mode, is_ignored, port) {
                    ("off", true, _) => 200,
                    // What the filter takes for the host beyond that is denied as well.
                    ("enforce", true, _) | ("enforce", _, "." | ":1:2") => 403,
                    _ => 404,
                };
                assert_eq!(status, Ok(expected), "{mode} {port}\n{}", site.envoy.output());
                assert_eq!(site.upstream.requests_since(mark).len(), usize::from(expected == 200), "{port}");
            }
        }
    }
}
