//! Several filters of this kind in one chain: none spoils what another has said of a request, or set on it.

use std::rc::Rc;

use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::reason::Reason;
use twilio_proxy_wasm::record::new_filter_state;
use twilio_proxy_wasm::verdict::{Decision, Verdict};

use crate::play_on;
use crate::support::{FakeProxy, Request, TOKEN, plain, policy};

const URL: &str = "https://hooks.example.com/sms";

/// A filter whose only route is not that of the requests here.
fn elsewhere(more: &str) -> Rc<Policy> {
    policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "unmatched": "allow", {more}
             "routes": [{{ "name": "other", "match": {{ "path": {{ "exact": "/other" }} }} }}] }}"#
    ))
}

#[test]
fn what_another_filter_has_said_stays_unless_the_request_ends_here() {
    let policy = plain("");
    let of_route = |decision| Verdict { route: Some(0), decision };
    let allowed = of_route(Decision::Allowed { key: 0.into() });
    let denied = of_route(Decision::Denied(Reason::SignatureMismatch));
    let reported = of_route(Decision::Reported(Reason::SignatureMismatch));
    let (incomplete, off) = (of_route(Decision::Incomplete), of_route(Decision::Passed));
    let unrouted = Verdict::without_route(Decision::PassedSigned);
    let unmatched = Verdict::without_route(Decision::Passed);
    let judged = ["allowed", "reported", "incomplete", "denied"];
    for said in ["", "verdict=passed route=old reason=none", "verdict"].into_iter().chain(judged) {
        let said = if judged.contains(&said) { format!("verdict={said} route=x") } else { said.to_owned() };
        let is_judged = judged.iter().any(|label| said.contains(label));
        for verdict in [allowed, denied, reported, incomplete, off, unrouted, unmatched] {
            let proxy = FakeProxy::default();
            proxy.own_states.borrow_mut().insert("twilio_webhook".to_owned(), said.clone().into_bytes());
            let is_written = verdict == denied || (verdict != unmatched && !is_judged);
            let written = new_filter_state(&policy, verdict, &proxy);
            assert_eq!(written.is_some(), is_written, "{verdict:?} after {said:?}");
            // What is none of our business costs nothing.
            assert_eq!(proxy.calls(&[""]).is_empty(), [denied, unmatched].contains(&verdict), "{verdict:?}");
        }
    }
}

#[test]
fn a_header_that_another_filter_has_set_stays_and_what_clients_send_goes() {
    let set = ("twilio_webhook_set.x-v".to_owned(), b"true".to_vec());
    let name = r#""verified_header": "x-v","#;
    let get = Request::get(URL);
    let claimed = get.clone().header("x-v", "true");
    let spelled = claimed.clone().header("x_v", "true");
    let table: [(&str, &Request, bool, &[&str]); 6] = [
        (name, &get, true, &[]),
        (name, &claimed, true, &[]),
        (name, &claimed, false, &["remove x-v"]),
        (name, &spelled, true, &["remove x_v"]),
        // Of another header it says nothing.
        (r#""verified_header": "x-w","#, &claimed.clone().header("x-w", "true"), true, &["remove x-w"]),
        ("", &claimed, false, &[]),
    ];
    for (more, request, is_set, expected) in table {
        let proxy = FakeProxy::of(request);
        proxy.own_states.borrow_mut().extend(is_set.then(|| set.clone()));
        play_on(&elsewhere(more), &proxy, false, "headers end: continue\n verdict: passed no_route");
        assert_eq!(proxy.calls(&["remove", "set", "leave"]), expected, "{more}");
        // Only who finds the header asks who has set it.
        let asks = request.headers.iter().any(|(own, _)| more.contains(own.as_str()));
        assert_eq!(!proxy.calls(&["own state"]).is_empty(), asks, "{more}");
    }
}

#[test]
fn who_sets_the_header_says_so_to_those_behind() {
    let get = Request::get(URL);
    let first = plain(r#""verified_header": "X-V""#);
    let proxy = FakeProxy::of(&get.clone().header("x-v", "forged"));
    play_on(&first, &proxy, false, "headers end: continue\n verdict: allowed 0");
    let expected = ["remove x-v", "set x-v: true", "leave twilio_webhook_set.x-v: true"];
    assert_eq!(proxy.calls(&["remove", "set", "leave"]), expected);
    // The next one finds it on the request, and lets it stand.
    let behind = FakeProxy { own_states: proxy.own_states, ..FakeProxy::of(&get.header("x-v", "true")) };
    play_on(&elsewhere(r#""verified_header": "x-v","#), &behind, false, "headers end: continue");
    assert_eq!(behind.calls(&["remove", "set"]), [""; 0]);
    // Nothing is said where none was set.
    for more in
        [r#""verified_header": "x-v", "mode": "report""#, r#""verified_header": "x-v", "mode": "off""#, ""]
    {
        let proxy = FakeProxy::of(&Request::get(URL));
        play_on(&plain(more), &proxy, false, "headers end: continue");
        assert_eq!(proxy.calls(&["leave"]), [""; 0], "{more}");
    }
}

/// Without the header the proxy would route anew; where another filter has set it, nothing is taken away.
#[test]
fn a_header_of_another_filter_does_not_make_the_route_s_name_doubtful() {
    let named = policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "verified_header": "x-v", "unmatched": "allow",
             "routes": [{{ "name": "named", "match": {{ "route_names": ["twilio"] }} }}] }}"#
    ));
    let claimed = Request::get(URL).header("x-v", "true");
    for (is_set, step) in [(true, "headers end: continue"), (false, "headers end: 403 no_route")] {
        let proxy = FakeProxy { route_name: "another", ..FakeProxy::of(&claimed) };
        let set = ("twilio_webhook_set.x-v".to_owned(), b"true".to_vec());
        proxy.own_states.borrow_mut().extend(is_set.then_some(set));
        play_on(&named, &proxy, false, step);
    }
}
