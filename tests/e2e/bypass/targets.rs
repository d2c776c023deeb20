//! Request targets: which of them are on a protected path, and which the proxy refuses by itself.

use twilio_proxy_wasm_harness::upstream::Protocol;

use super::raw;
use super::row::End::{Cut, Denied, Refused, Unmatched, Verified};
use super::row::{Row, Wire, form_for, get, get_for, row, url};
use crate::site::{HOST, TOKEN};

/// An unsigned request on this path.
fn on(path: &'static str) -> Row {
    row(path, get(HOST, path), Denied("missing_signature"))
}

/// An unsigned request on a path that some reader may take for a guarded one.
fn between(path: &'static str) -> Row {
    row(path, get(HOST, path), Denied("unverifiable"))
}

/// An unsigned request on a path that no reader takes for a guarded one.
fn outside(path: &'static str) -> Row {
    row(path, get(HOST, path), Unmatched)
}

fn line(target: &str) -> Wire {
    Wire::Bytes(format!("GET {target} HTTP/1.1\r\nhost: {HOST}\r\n\r\n").into_bytes())
}

fn frames(path: &str) -> Wire {
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", HOST), (":path", path)];
    Wire::Frames(raw::headers(&fields, true))
}

pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        on("/hook"),
        on("/hook/"),
        on("/hook/a?x=/../../free"),
        between("//hook/a"),
        on("/hook//a"),
        between("/./hook/a"),
        on("/hook/./a"),
        on("/hook/%2e/a"),
        between("/%68ook/a"),
        between("/%68%6F%6f%6B"),
        on("/hook/a.json"),
        on("/hook/a%00"),
        between("/hook/%252e%252e/x"),
        between("/HOOK/a"),
        between("/hooK"),
        between("/hook%2Fa"),
        between("/hook%5Ca"),
        between("/hook;v=1"),
        between("/hook;v=1/a"),
        between("/hook%2Fa/b/.."),
        between("/x/..;/hook"),
        between("/hook/..;/x"),
        between("//x/hook/a"),
        between("///x:1//hook"),
        between("/hook/../x"),
        between("/hook/.."),
        between("/hook/%2e%2e/x"),
        between("/hook/.%2E/x"),
        between("/hook/..%2Fx"),
        between("/x/../hook"),
        between("/hook%0A"),
        between("/hook%20"),
        between("/hook.a"),
        outside("/hooks"),
        between("/hook%00/a"),
        outside("/free?/hook/a"),
        between("/free;/hook"),
        outside("/a..b/hook"),
        row("fragment", line("/hook/a#/../free"), Refused(400)),
        row("fragment alone", line("/free#/hook"), Refused(400)),
        row("space", line("/free /hook"), Refused(400)),
        row("control character", line("/hook\u{1}"), Refused(400)),
        row("not ASCII", line("/hook\u{e9}"), Refused(400)),
        row("no slash", line("hook"), Refused(400)),
        row("backslash", line("/hook\\a"), Denied("unverifiable")),
        row("backslash in front", line("\\hook"), Refused(400)),
        row("backslash and a host", line("/\\x/hook"), Denied("unverifiable")),
        row("asterisk", line("*"), Refused(400)),
        row("empty absolute form", line("http://"), Refused(400)),
        row("absolute form", line(&url("/hook/a")), Denied("missing_signature")),
        row("absolute form of the root", line(&format!("http://{HOST}")), Unmatched),
        row("absolute form of another scheme", line(&format!("https://{HOST}/hook/a")), Refused(403)),
        row("absolute form of a strange scheme", line(&format!("ftp://{HOST}/hook/a")), Refused(400)),
        row("absolute form, signed", signed_line(&url("/hook/a")), Verified),
        row(
            "absolute form of another host",
            signed_line("http://elsewhere.example.com/hook/a"),
            Denied("signature_mismatch"),
        ),
        row("HTTP/2 path without a slash", frames("hook/a"), Cut),
        row("HTTP/2 path in absolute form", frames(&url("/hook/a")), Cut),
        row("HTTP/2 path with a fragment", frames("/hook/a#b"), Refused(400)),
        row("HTTP/2 path that is not ASCII", frames("/hook\u{e9}"), Denied("unverifiable")),
        row("HTTP/2 path with what is not ASCII", frames("/ho\u{e9}ok/a"), Denied("unverifiable")),
        row("HTTP/2 path with a control character", frames("/hook\u{1}"), Cut),
        row("HTTP/2 path that is empty", frames(""), Cut),
        row("HTTP/2 path that is an asterisk", frames("*"), Cut),
        row("HTTP/2 without a path", no_path(), Cut),
        row("HTTP/2 with two paths", two_paths(), Cut),
    ];
    for path in ["//hook/a", "/hook/./a", "/%68ook/a", "/hook/a%20b?c%0Ad"] {
        let signed = get_for(HOST, path, TOKEN, &url(path));
        rows.push(row("signed as it is spelled", signed, Verified));
        let respelled = get_for(HOST, path, TOKEN, &url("/hook/a"));
        // Only some reader takes these two for the guarded path.
        let is_certain = !["//hook/a", "/%68ook/a"].contains(&path);
        let reason = if is_certain { "signature_mismatch" } else { "unverifiable" };
        rows.push(row("signed in another spelling", respelled, Denied(reason)));
    }
    let long = format!("/hook/{}", "a".repeat(50_000));
    rows.push(row("50,000 bytes", get(HOST, &long), Denied("missing_signature")));
    rows.push(row("50,000 bytes, signed", form_for(HOST, &long, TOKEN, &url(&long)), Verified));
    let slashes = format!("/free{}hook", "/..".repeat(10_000) + "/");
    rows.push(row("10,000 dot segments", get(HOST, &slashes), Denied("unverifiable")));
    let too_long = format!("/hook/{}", "a".repeat(70_000));
    rows.push(row("70,000 bytes", Wire::Over(Protocol::Http1, get(HOST, &too_long)), Refused(431)));
    rows
}

/// A request in absolute form that is signed for the path on the tests' host.
fn signed_line(target: &str) -> Wire {
    let signature = crate::webhook::signature("/hook/a", &[]);
    Wire::Bytes(
        format!("GET {target} HTTP/1.1\r\nhost: {HOST}\r\nx-twilio-signature: {signature}\r\n\r\n")
            .into_bytes(),
    )
}

fn no_path() -> Wire {
    Wire::Frames(raw::headers(&[(":method", "GET"), (":scheme", "http"), (":authority", HOST)], true))
}

fn two_paths() -> Wire {
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", HOST),
        (":path", "/free"),
        (":path", "/hook/a"),
    ];
    Wire::Frames(raw::headers(&fields, true))
}
