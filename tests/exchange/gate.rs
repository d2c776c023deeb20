//! What the proxy's routes are told, and when: once, with a verdict that lets a judged request go on.

use crate::play;
use crate::support::{Request, TOKEN, plain, policy};

const URL: &str = "https://hooks.example.com/sms";
const ON: &str = r#""clear_route_cache": true"#;

#[test]
fn every_way_to_a_verdict_opens_the_gate_once() {
    let ways = [
        "headers: hold\n gate: shut\n body Body=hi end: continue",
        "headers: hold\n gate: shut\n body Bod: hold\n gate: shut\n body y=hi: hold\n body - end: continue",
        "headers: hold\n gate: shut\n body Body=hi: hold\n gate: shut\n trailers: continue",
    ];
    let form = Request::form(URL, "Body=hi");
    for way in ways {
        let after = "gate: verdict=allowed route=default\n gate: shut";
        play(&plain(ON), &form, &format!("{way}\n {after}"));
        let buffered = plain(&format!(r#"{ON}, "hold": "buffer_after""#));
        let first_goes_on = way.replacen("hold", "continue", 1);
        play(&buffered, &form, &format!("{first_goes_on}\n {after}"));
    }
    let at_headers = "headers end: continue\n gate: verdict=allowed route=default\n gate: shut";
    play(&plain(ON), &Request::get(URL), at_headers);
    let url = "wss://hooks.example.com/stream";
    let socket = Request::websocket(url, url, &[]);
    let frames = "headers: continue\n gate: verdict=allowed route=default\n body abc: continue\n gate: shut";
    play(&plain(ON), &socket, frames);
}

#[test]
fn what_is_denied_or_not_judged_opens_no_gate() {
    let form = Request::form(URL, "Body=hi");
    let denied = "headers: hold\n body Body=ho end: 403 signature_mismatch\n gate: shut";
    play(&plain(ON), &form, denied);
    play(
        &plain(ON),
        &form.clone().without("x-twilio-signature"),
        "headers: 403 missing_signature\n gate: shut",
    );
    play(
        &plain(&format!(r#"{ON}, "mode": "off""#)),
        &form,
        "headers: continue\n verdict: passed\n gate: shut",
    );
    let elsewhere = policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], {ON},
             "unmatched": "allow", "routes": [{{ "name": "other", "match": {{ "path": {{ "exact": "/other" }} }} }}] }}"#
    ));
    play(
        &elsewhere,
        &form,
        "headers: continue\n verdict: passed no_route\n gate: shut\n over: continue\n gate: shut",
    );
    // Where nothing holds it, the gate's own answer comes first. In its place there is one that says why.
    let unheld = plain(&format!(r#"{ON}, "hold": "buffer_after""#));
    play(&unheld, &form, "headers: continue\n response direct_response: 500 misplaced_filter\n gate: shut");
    // It has gone on already where nothing held it; the reply is all that can be done.
    let misplaced = plain(&format!(r#"{ON}, "hold": "buffer_after""#));
    play(
        &misplaced,
        &form,
        "headers: continue\n upstream\n body Body=hi end: 500 misplaced_filter\n gate: shut",
    );
}

/// In `report` a request is not held, so that its route is chosen before the verdict: it goes on whatever that will be.
#[test]
fn report_mode_opens_the_gate_at_the_headers() {
    let form = Request::form(URL, "Body=hi");
    for hold in ["self", "buffer_after"] {
        let report = plain(&format!(r#"{ON}, "mode": "report", "hold": "{hold}""#));
        let told = "gate: verdict=reported route=default";
        let all = format!(
            "headers: continue\n {told}\n body Body=hi end: continue\n verdict: allowed 0\n gate: shut"
        );
        play(&report, &form, &all);
        let forged =
            format!("headers: continue\n {told}\n body Body=ho: continue\n trailers: continue\n gate: shut");
        play(&report, &form, &forged);
        play(&report, &Request::get(URL), "headers end: continue\n gate: verdict=allowed route=default");
        let unsigned = form.clone().without("x-twilio-signature");
        let at_once = format!(
            "headers: continue\n verdict: reported missing_signature\n {told}\n body x: continue\n gate: shut"
        );
        play(&report, &unsigned, &at_once);
        let two_paths = form.clone().header(":path", "/other");
        play(&report, &two_paths, "headers: continue\n gate: verdict=reported route=unmatched");
    }
}

#[test]
fn a_route_has_a_word_of_its_own_on_its_gate() {
    let with = |top: &str, own: &str| {
        policy(&format!(
            r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}]{top}, "unmatched": "allow", "routes": [
                {{ "name": "sms", "match": {{ "path": {{ "prefix": "/sms" }} }}{own} }},
                {{ "name": "rest" }}] }}"#
        ))
    };
    let (on, off) = (format!(", {ON}"), r#", "clear_route_cache": false"#.to_owned());
    let open = |route: &str| format!("gate: verdict=allowed route={route}");
    let shut = "gate: shut".to_owned();
    let table = [
        ("", "", shut.clone(), shut.clone()),
        (&*on, "", open("sms"), open("rest")),
        ("", &*on, open("sms"), shut.clone()),
        (&*on, &*off, shut.clone(), open("rest")),
        (&*off, &*on, open("sms"), shut),
    ];
    for (top, own, sms, rest) in table {
        let policy = with(top, own);
        let other = "https://hooks.example.com/voice";
        play(&policy, &Request::get(URL), &format!("headers end: continue\n {sms}"));
        play(&policy, &Request::get(other), &format!("headers end: continue\n {rest}"));
    }
}
