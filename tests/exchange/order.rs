//! Callbacks that come too early, too late or twice: none of them changes a verdict or lets anything through.

use crate::play;
use crate::support::{Request, plain};

const URL: &str = "https://hooks.example.com/sms";

#[test]
fn nothing_follows_a_denial() {
    let forged = Request::form(URL, "Body=hi").body("Body=ho");
    let after = "body x: hold\n body y end: hold\n trailers: hold\n tick: hold\n headers: hold\n headers end: hold\n \
                 response direct_response: continue\n verdict: denied signature_mismatch";
    play(&plain(""), &forged, &format!("headers: hold\n body Body=ho end: 403 signature_mismatch\n {after}"));
    let forged = Request::get(URL).with(":path", "/other");
    play(&plain(""), &forged, &format!("headers end: 403 signature_mismatch\n {after}"));
}

#[test]
fn everything_follows_a_release() {
    let after = "body x: continue\n body y end: continue\n trailers: continue\n tick: continue\n \
                 headers: continue\n headers end: continue\n response via_upstream: continue\n verdict: allowed 0";
    play(&plain(""), &Request::get(URL), &format!("headers end: continue\n {after}"));
    let form = Request::form(URL, "Body=hi");
    play(&plain(""), &form, &format!("headers: hold\n body Body=hi end: continue\n {after}"));
}

#[test]
fn nothing_passes_before_the_headers() {
    for early in ["body x", "body x end", "size 0 end", "trailers", "tick"] {
        let script = format!("{early}: 403 unverifiable\n headers end: hold\n verdict: denied unverifiable");
        play(&plain(""), &Request::get(URL), &script);
    }
    // A response to a request that never came this far is none of the filter's business.
    play(&plain(""), &Request::get(URL), "response via_upstream: continue\n verdict: none");
}

#[test]
fn headers_that_come_again_change_nothing() {
    let form = Request::form(URL, "Body=hi");
    play(
        &plain(""),
        &form,
        "headers: hold\n headers end: hold\n body Body=hi end: continue\n verdict: allowed 0",
    );
    let report = plain(r#""mode": "report""#);
    play(&report, &form, "headers: continue\n headers end: continue\n verdict: none");
}
