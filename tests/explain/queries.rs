//! A query that is not the one that was signed.

use twilio_proxy_wasm::explain::Detail;

use crate::support::sign::sha1;
use crate::support::{Request, plain, policy};
use crate::{explain, finds, signed};

const MISMATCH: &str = "denied signature_mismatch";
const URL: &str = "https://inbound.example.com/voice";

fn get(arrives: &str, dialled: &str) -> Request {
    signed(Request::new("GET", &format!("{URL}?{arrives}")), &format!("{URL}?{dialled}"))
}

#[test]
fn a_query_in_another_order() {
    let policy = plain("");
    for (arrives, dialled) in [
        ("title=bbbb&code=cccc", "code=cccc&title=bbbb"),
        ("code=cccc&title=bbbb", "title=bbbb&code=cccc"),
        ("a=1&b=2&c=3&d=4&e=5", "e=5&a=1&b=2&c=3&d=4"),
        ("a=1&b=2&c=3&d=4&e=5", "c=3&e=5&b=2&d=4&a=1"),
        ("a=1&b=2&c=3&d=4&e=5", "e=5&d=4&c=3&b=2&a=1"),
        ("a=1&b=2&c=3&d=4&e=5&f=6", "b=2&c=3&d=4&e=5&a=1&f=6"),
        ("a=1&b=2&c=3&d=4&e=5&f=6", "a=1&f=6&b=2&c=3&d=4&e=5"),
        // However many there are, where it was in order when it was signed.
        ("h=8&g=7&f=6&e=5&d=4&c=3&b=2&a=1", "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8"),
    ] {
        let line = "cause=query_order setting=none key=auth_tokens[0]";
        // In alphabetical order there is nothing that could be sorted.
        let mut pieces: Vec<_> = dialled.split('&').collect();
        pieces.sort_unstable();
        let right = Request::get(&format!("{URL}?{}", pieces.join("&")));
        finds(&policy, &get(arrives, dialled), MISMATCH, line, (&policy, &right));
    }
}

#[test]
fn orders_are_tried_as_far_as_there_is_anything_left_to_try_with() {
    let last = get("a=1&b=2&c=3&d=4&e=5&f=6&g=7", "g=7&f=6&e=5&d=4&c=3&b=2&a=1");
    assert_eq!(explain(&plain(""), &last).1.unwrap().cause().label(), "unknown");
    // Too many keys for all orders: that there is too much to try is not said then.
    let tokens: Vec<_> = (0..6).map(|number| format!(r#"{{ "env": "K{number}" }}"#)).collect();
    let policy = policy(&format!(r#"{{ "auth_tokens": [{}] }}"#, tokens.join(", ")));
    let forged = get("a=1&b=2&c=3&d=4&e=5&f=6", "x=1").signature(&sha1("another key", URL, &[]));
    assert_eq!(explain(&policy, &forged).1.unwrap().cause().label(), "unknown");
}

#[test]
fn a_parameter_that_was_added() {
    let remedy = plain(r#""url": { "original_path_header": "x-original" }"#);
    let dialled = ["code=cccc", "title=bbbb", "kind=dddd"];
    for place in 1..=4 {
        let mut pieces = dialled.to_vec();
        pieces.insert(place - 1, "fbclid=eeee");
        let request = get(&pieces.join("&"), &dialled.join("&"));
        let told = request.clone().header("x-original", format!("/voice?{}", dialled.join("&")));
        let line =
            format!("cause=query_extra setting=url.original_path_header key=auth_tokens[0] place={place}");
        finds(&plain(""), &request, MISMATCH, &line, (&remedy, &told));
        assert_eq!(explain(&plain(""), &request).1.unwrap().detail(), Some(&Detail::Place(place)));
    }
}

#[test]
fn spaces_that_are_spelled_otherwise() {
    let remedy = plain(r#""url": { "original_path_header": "x-original" }"#);
    // The reverse needs no remedy, if nothing else is spelled otherwise: the filter tries it.
    for (arrives, dialled) in [("q=a%20b%20c", "q=a+b+c"), ("q=a+b*%2f", "q=a%20b*%2f")] {
        let request = get(arrives, dialled);
        let told = request.clone().header("x-original", format!("/voice?{dialled}"));
        let line = "cause=query_spaces setting=url.original_path_header key=auth_tokens[0]";
        finds(&plain(""), &request, MISMATCH, line, (&remedy, &told));
    }
}
