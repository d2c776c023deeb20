//! A request that ends before its verdict, and what is known only when a request is over.

use std::rc::Rc;

use twilio_proxy_wasm::exchange::{Exchange, Memory};

use crate::support::{FakeProxy, Request, TOKEN, plain, policy};
use crate::{play, play_on};

const URL: &str = "https://hooks.example.com/sms";

#[test]
fn a_request_that_ends_before_it_is_whole_is_incomplete() {
    let form = Request::form(URL, "Body=hi");
    let table = [
        ("", "headers: hold"),
        ("", "headers: hold\n body Body: hold\n body =hi: hold"),
        (r#""clear_route_cache": true"#, "headers: hold\n body Body=hi: hold\n tick: hold"),
        (r#""hold": "buffer_after""#, "headers: continue\n body Body: hold"),
        (r#""mode": "report""#, "headers: continue\n body Body: continue"),
        // The proxy has answered by itself.
        ("", "headers: hold\n response request_overall_timeout 408: continue"),
        (r#""mode": "report""#, "headers: continue\n response direct_response 200: continue"),
    ];
    for (more, way) in table {
        let end = "recorded: none\n over: continue\n verdict: incomplete\n gate: shut\n recorded: incomplete\n \
                   over: continue\n recorded: none";
        play(&plain(more), &form, &format!("{way}\n {end}"));
    }
}

#[test]
fn the_end_of_a_request_changes_no_verdict() {
    let form = Request::form(URL, "Body=hi");
    let end =
        |verdict: &str| format!("recorded: {verdict}\n over: continue\n verdict: {verdict}\n recorded: none");
    let table = [
        ("headers: hold\n body Body=hi end: continue", "allowed 0"),
        ("headers: hold\n body Body=ho end: 403 signature_mismatch", "denied signature_mismatch"),
        ("headers: hold\n response via_upstream: 500 misplaced_filter", "denied misplaced_filter"),
    ];
    for (way, verdict) in table {
        play(&plain(""), &form, &format!("{way}\n {}", end(verdict)));
    }
    play(&plain(r#""mode": "off""#), &form, &format!("headers: continue\n {}", end("passed")));
    // Before its headers came nobody knows what it was to be.
    play(&plain(""), &form, "over: continue\n verdict: none\n recorded: none");
    // The proxy's own answer, a redirect to https say, was the end of it before.
    let redirected =
        "headers: continue\n response direct_response 301: continue\n over: continue\n recorded: none";
    play(&plain(r#""hold": "buffer_after""#), &form, redirected);
}

#[test]
fn what_an_incomplete_request_kept_is_given_back() {
    let (form, memory) = (Request::form(URL, "Body=hi"), Rc::<Memory>::default());
    let proxy = FakeProxy::of(&form);
    let mut exchange = Exchange::new(plain(""), Rc::clone(&memory), false);
    exchange.on_headers(false, &proxy);
    assert!(memory.kept() > 0);
    exchange.on_end(&proxy);
    assert_eq!(memory.kept(), 0);
}

/// Whether another filter judges it is known only then, whichever of them comes first.
#[test]
fn a_signed_request_on_no_route_is_recorded_at_its_end() {
    let elsewhere = |unmatched: &str| {
        policy(&format!(
            r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "unmatched": "{unmatched}",
                 "routes": [{{ "name": "voice", "match": {{ "path": {{ "exact": "/voice" }} }} }}] }}"#
        ))
    };
    let form = Request::form(URL, "Body=hi");
    let unsigned = form.clone().without("x-twilio-signature");
    let twice = form.clone().header("x-twilio-signature", "x");
    let at_once =
        "headers: continue\n recorded: passed\n body Body=hi end: continue\n over: continue\n recorded: none";
    play(&elsewhere("allow"), &unsigned, at_once);
    let denied = "headers: 403 no_route\n recorded: denied no_route\n over: continue\n recorded: none";
    play(&elsewhere("deny"), &form, denied);
    let table = [
        ("", "passed no_route"),
        ("verdict=passed route=old reason=none", "passed no_route"),
        ("verdict=passed route=unmatched reason=no_route", "passed no_route"),
        ("of something else", "passed no_route"),
        ("verdict=allowed route=sms reason=none key=A", "passed"),
        ("verdict=denied route=sms reason=signature_mismatch", "passed"),
        ("verdict=reported route=sms reason=signature_mismatch", "passed"),
        ("verdict=incomplete route=sms reason=none", "passed"),
    ];
    for (state, recorded) in table {
        for request in [&form, &twice] {
            let proxy = FakeProxy::of(request);
            let left = [("twilio_webhook".to_owned(), state.as_bytes().to_vec())];
            proxy.own_states.borrow_mut().extend(left.into_iter().filter(|_| !state.is_empty()));
            let way =
                "headers: continue\n verdict: passed no_route\n recorded: none\n body Body=hi end: continue";
            let script =
                format!("{way}\n recorded: none\n over: continue\n recorded: {recorded}\n recorded: none");
            play_on(&elsewhere("allow"), &proxy, false, &script);
        }
    }
}
