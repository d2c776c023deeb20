//! What a verdict does: `mode`, `unmatched`.

use crate::play;
use crate::support::{Request, TOKEN, plain, policy};

const URL: &str = "https://hooks.example.com/sms";

#[test]
fn report_mode_holds_nothing_and_denies_nothing() {
    let report = plain(r#""mode": "report", "max_body_bytes": 8"#);
    let form = Request::form(URL, "Body=hi");
    let forged = Request::form(URL, "Body=ho").body("Body=hi");
    play(&report, &Request::get(URL), "headers end: continue\n verdict: allowed 0");
    for (request, verdict) in [(&form, "allowed 0"), (&forged, "reported signature_mismatch")] {
        let ways = [
            "headers: continue\n body Body=hi end: continue",
            "headers: continue\n body Bod: continue\n body y=hi: continue\n body - end: continue",
            "headers: continue\n body Bod: continue\n body -: continue\n body y=hi: continue\n trailers: continue",
        ];
        for way in ways {
            play(&report, request, &format!("{way}\n verdict: {verdict}"));
        }
    }
    let full = Request::form(URL, "Body=hi!");
    play(
        &report,
        &full,
        "headers: continue\n body Body: continue\n body =hi! end: continue\n verdict: allowed 0",
    );
    // One more than 8 bytes pass too, and so does what follows.
    let long = "headers: continue\n body Body=: continue\n body long: continue\n \
                verdict: reported body_too_large\n body er end: continue\n verdict: reported body_too_large";
    play(&report, &form, long);
    let announced = form.clone().header("content-length", "9");
    play(
        &report,
        &announced,
        "headers: continue\n verdict: reported body_too_large\n body Body=hi end: continue",
    );
    let unsigned = form.clone().without("x-twilio-signature");
    play(
        &report,
        &unsigned,
        "headers: continue\n verdict: reported missing_signature\n body Body=hi end: continue",
    );
    play(&report, &form, "headers: continue\n size 7 end: continue\n verdict: reported unverifiable");
    let connect = form.with(":method", "CONNECT");
    play(&report, &connect, "headers: continue\n verdict: reported unverifiable\n body x: continue");
}

#[test]
fn report_mode_leaves_other_requests_alone() {
    let report = plain(r#""mode": "report", "hold": "buffer_after""#);
    let form = Request::form(URL, "Body=hi");
    play(&report, &form, "headers: continue\n upstream\n body Body=hi end: continue\n verdict: allowed 0");
    play(&report, &form, "headers: continue\n response via_upstream: continue\n verdict: none");
    play(&report, &form, "headers: continue\n received 9\n tick: continue\n tick: continue\n tick: continue");
}

#[test]
fn off_verifies_nothing() {
    let off = policy(r#"{ "mode": "off" }"#);
    let anything = Request::new("POST", URL).header("upgrade", "h2c").header("connection", "upgrade");
    play(&off, &anything, "headers: continue\n verdict: passed\n body x: continue\n body y end: continue");
    play(&off, &anything.with(":method", "CONNECT"), "headers end: continue\n verdict: passed");
}

#[test]
fn what_no_route_matches_passes_or_is_denied() {
    let routes = format!(
        r#""auth_tokens": [{{ "value": "{TOKEN}" }}],
           "routes": [{{ "name": "sms", "match": {{ "path": {{ "prefix": "/sms" }} }} }}]"#
    );
    let other = Request::new("POST", "https://hooks.example.com/other");
    let allow = policy(&format!(r#"{{ {routes}, "unmatched": "allow" }}"#));
    play(&allow, &other, "headers: continue\n verdict: passed\n body x: continue\n trailers: continue");
    let deny = policy(&format!(r#"{{ {routes}, "unmatched": "deny" }}"#));
    play(&deny, &other, "headers: 403 no_route\n body x: hold\n trailers: hold\n verdict: denied no_route");
    for policy in [allow, deny] {
        play(&policy, &Request::get(URL), "headers end: continue\n verdict: allowed 0");
        play(&policy, &Request::get(URL).with(":path", "/sms/x"), "headers end: 403 signature_mismatch");
    }
}

/// The guide's routes for what must pass unsigned where all else is denied. On real Envoy it is in `tests/e2e/unsigned.rs`.
#[test]
fn what_the_guide_lets_pass_unsigned_passes_and_nothing_else() {
    let (_, section) =
        include_str!("../../docs/envoy.md").split_once("\n## What must pass unsigned\n").unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    let block = block
        .split("```")
        .next()
        .unwrap()
        .replace(r#""env": "TWILIO_AUTH_TOKEN""#, &format!(r#""value": "{TOKEN}""#));
    let guide = policy(&block);
    for (path, outcome) in [
        ("/.well-known/acme-challenge/tok123", "continue\n verdict: passed"),
        ("/healthz", "continue\n verdict: passed"),
        ("/healthz?full=1", "continue\n verdict: passed"),
        ("/healthz/", "403 no_route"),
        ("/healthz/x", "403 no_route"),
        ("/.well-known/security.txt", "403 no_route"),
        ("/twilio/sms", "403 missing_signature"),
    ] {
        let request = Request::new("GET", &format!("https://hooks.example.com{path}"));
        play(&guide, &request, &format!("headers end: {outcome}"));
    }
}
