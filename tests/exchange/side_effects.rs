//! What the filter asks of the proxy, and what it changes of a request.

use crate::support::{FakeProxy, Request, TOKEN, plain, policy};
use crate::{play, play_on};
use twilio_proxy_wasm::policy::Policy;

use std::rc::Rc;

const URL: &str = "https://hooks.example.com/sms";

/// The calls of these kinds that the proxy gets while it plays a script.
fn calls(policy: &Rc<Policy>, proxy: &FakeProxy, script: &str, kinds: &[&str]) -> Vec<String> {
    play_on(policy, proxy, false, script);
    proxy.calls(kinds)
}

#[test]
fn the_verified_header_is_set_on_what_is_verified_and_taken_from_what_clients_send() {
    let form = Request::form(URL, "Body=hi");
    let forged = form.clone().body("Body=ho");
    let held = "headers: hold\n body Body=hi end: continue";
    let denied = "headers: hold\n body Body=ho end: 403 signature_mismatch";
    let copied = "headers: continue\n body Body=hi end: continue";
    let (removed, set) = ("remove x-twilio-verified", "set x-twilio-verified: true");
    let header = r#""verified_header": "X-Twilio-Verified""#;
    let table: &[(&str, &Request, &str, &[&str])] = &[
        ("", &form, held, &[set]),
        ("", &forged, denied, &[]),
        ("", &Request::get(URL), "headers end: continue", &[set]),
        (r#", "mode": "report""#, &form, copied, &[]),
        (r#", "mode": "report""#, &Request::get(URL), "headers end: continue", &[]),
        (r#", "mode": "off""#, &form, "headers: continue", &[]),
        // The headers have gone on when the verdict comes.
        (r#", "hold": "buffer_after""#, &form, copied, &[]),
    ];
    for (more, request, script, expected) in table {
        let policy = plain(&format!("{header}{more}"));
        assert_eq!(calls(&policy, &FakeProxy::of(request), script, &["set", "remove"]), *expected, "{more}");
        // Whatever becomes of it, what a client says of itself is gone.
        let claimed = (*request).clone().header("X-TWILIO-verified", "true").header("x-twilio-verified", "");
        let expected = [&[removed], *expected].concat();
        assert_eq!(calls(&policy, &FakeProxy::of(&claimed), script, &["set", "remove"]), expected, "{more}");
    }
    // Applications that read `_` as `-`, or whatever is no letter, take these for the same header; they are gone too.
    let spelled = form.clone().header("X_Twilio-VERIFIED", "true").header("x.twilio~verified", "true");
    let spelled = spelled.header("x-twilio-verified", "true").header("x-twilio-verified2", "true");
    let gone = ["remove x_twilio-verified", "remove x.twilio~verified", removed, set];
    assert_eq!(calls(&plain(header), &FakeProxy::of(&spelled), held, &["set", "remove"]), gone);
    let unmatched = policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], {header},
             "unmatched": "allow", "routes": [{{ "name": "other", "match": {{ "path": {{ "exact": "/other" }} }} }}] }}"#
    ));
    let claimed = form.header("x-twilio-verified", "true");
    let passed = "headers: continue\n verdict: passed no_route";
    assert_eq!(calls(&unmatched, &FakeProxy::of(&claimed), passed, &["set", "remove"]), [removed]);
}

/// What has no one host or path, or no headers that can be read, may pass where nothing is enforced; the claim does not.
#[test]
fn a_claim_is_taken_away_before_anything_is_asked() {
    let report = plain(r#""mode": "report", "verified_header": "x-twilio-verified""#);
    let claimed = Request::get(URL).header("x-twilio-verified", "true");
    let unreadable = FakeProxy { headers: None, ..FakeProxy::default() };
    for proxy in [
        FakeProxy::of(&claimed.clone().with(":authority", "a,b")),
        FakeProxy::of(&claimed.header(":path", "/other")),
        unreadable,
    ] {
        let script = "headers end: continue\n verdict: reported unverifiable";
        assert_eq!(calls(&report, &proxy, script, &["set", "remove"]), ["remove x-twilio-verified"]);
    }
}

#[test]
fn without_a_verified_header_no_header_is_touched() {
    let claimed = Request::get(URL).header("x-twilio-verified", "true");
    let proxy = FakeProxy::of(&claimed);
    assert_eq!(calls(&plain(""), &proxy, "headers end: continue", &["set", "remove"]), [""; 0]);
}

#[test]
fn the_route_is_asked_for_where_it_matters_and_not_once_a_header_is_gone() {
    let named = policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "verified_header": "x-v",
             "unmatched": "allow", "routes": [{{ "name": "named", "match": {{ "route_names": ["twilio"] }} }}] }}"#
    ));
    let get = Request::get(URL);
    let asked = |policy: &Rc<Policy>, request: &Request, script: &str| {
        let proxy = FakeProxy { route_name: "twilio", ..FakeProxy::of(request) };
        calls(policy, &proxy, script, &["set", "remove", "route"])
    };
    assert_eq!(asked(&named, &get, "headers end: continue"), ["route name", "set x-v: true"]);
    assert_eq!(asked(&plain(""), &get, "headers end: continue"), [""; 0]);
    // The proxy routes anew without the header, and tells the route before.
    for claim in ["x-v", "x_v"] {
        let claimed = get.clone().header(claim, "true");
        assert_eq!(asked(&named, &claimed, "headers end: 403 no_route"), [format!("remove {claim}")]);
    }
    // Where nothing may be denied, nothing is guarded that could be dodged.
    let reporting = policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "verified_header": "x-v", "mode": "report",
             "unmatched": "allow", "routes": [{{ "name": "named", "match": {{ "route_names": ["twilio"] }} }}] }}"#
    ));
    let claimed = get.header("x-v", "true");
    assert_eq!(asked(&reporting, &claimed, "headers end: continue"), ["remove x-v", "route name"]);
}

#[test]
fn the_listeners_port_is_asked_for_if_no_other_url_matches() {
    let seen = |dialled: &str, seen: &str| {
        let signature = Request::get(dialled).headers.pop().unwrap().1;
        let proxy = FakeProxy::of(&Request::new("GET", seen).header("x-twilio-signature", signature));
        FakeProxy { port: Some(8443), ..proxy }
    };
    let by_the_way = "https://hooks.example.com:8443/sms";
    let (allowed, denied) = ("headers end: continue", "headers end: 403 signature_mismatch");
    let table = [
        (seen(URL, URL), allowed, 0),
        (seen("https://hooks.example.com:443/sms", URL), allowed, 0),
        (seen(by_the_way, URL), allowed, 1),
        (seen("https://hooks.example.com:8080/sms", URL), denied, 1),
        (seen(by_the_way, "https://hooks.example.com:80/sms"), denied, 0),
    ];
    for (proxy, script, asked) in table {
        assert_eq!(calls(&plain(""), &proxy, script, &["port"]).len(), asked);
    }
    let base = plain(r#""url": { "base": "https://hooks.example.com" }"#);
    assert_eq!(calls(&base, &seen(by_the_way, URL), denied, &["port"]), [""; 0]);
}

#[test]
fn the_body_is_read_once_and_only_if_there_is_one() {
    let form = FakeProxy::of(&Request::form(URL, "Body=hi"));
    let script = "headers: hold\n body Bo: hold\n body dy: hold\n body =hi: hold\n body - end: continue";
    assert_eq!(calls(&plain(""), &form, script, &["body"]), ["body 7"]);
    let get = FakeProxy::of(&Request::get(URL));
    assert_eq!(calls(&plain(""), &get, "headers: hold\n body - end: continue", &["body"]), [""; 0]);
    // Copied piece by piece in report mode.
    let report = plain(r#""mode": "report""#);
    let form = FakeProxy::of(&Request::form(URL, "Body=hi"));
    let script = "headers: continue\n body Body: continue\n body -: continue\n body =hi end: continue";
    assert_eq!(calls(&report, &form, script, &["body"]), ["body 4", "body 3"]);
}

#[test]
fn a_body_that_is_too_large_is_never_read() {
    let form = Request::form(URL, "Body=hi");
    for mode in ["enforce", "report"] {
        let proxy = FakeProxy::of(&form);
        let limited = plain(&format!(r#""mode": "{mode}", "max_body_bytes": 6"#));
        let (first, step) =
            if mode == "enforce" { ("hold", "413 body_too_large") } else { ("continue", "continue") };
        let script = format!("headers: {first}\n body Body=hi end: {step}");
        assert_eq!(calls(&limited, &proxy, &script, &["body"]), [""; 0]);
    }
    play(&plain(r#""max_body_bytes": 7"#), &form, "headers: hold\n body Body=hi end: continue");
}

#[test]
fn what_is_not_verified_costs_one_look_at_the_headers() {
    let form = Request::form(URL, "Body=hi").without("x-twilio-signature");
    let script = "headers: continue\n upstream\n body Body=hi: continue\n tick: continue\n trailers: continue\n \
                  response via_upstream: continue";
    let routes = format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}],
             "unmatched": "allow", "routes": [{{ "name": "other", "match": {{ "path": {{ "exact": "/other" }} }} }}] }}"#
    );
    for hold in ["self", "buffer_after"] {
        let off = plain(&format!(r#""mode": "off", "hold": "{hold}""#));
        let report = plain(&format!(r#""mode": "report", "hold": "{hold}""#));
        for policy in [off, report, policy(&routes)] {
            assert_eq!(calls(&policy, &FakeProxy::of(&form), script, &[""]), ["headers"]);
        }
    }
}
