//! A filter that is installed so that it cannot hold a request back finds that out.

use crate::support::{FakeProxy, Request, plain};
use crate::{play, play_on};

fn form() -> Request {
    Request::form("https://hooks.example.com/sms", "Body=hi")
}

#[track_caller]
fn play_from(received: Option<u64>, watches: bool, script: &str) {
    let proxy = FakeProxy::of(&form());
    proxy.received.set(received);
    play_on(&plain(""), &proxy, watches, script);
}

#[test]
fn a_body_that_comes_in_but_is_not_handed_on_is_noticed_at_the_second_tick() {
    play_from(
        Some(100),
        true,
        "watched: false
         headers: hold
         watched: true
         tick: hold
         received 107
         tick: hold
         watched: true
         tick: 500 misplaced_filter
         watched: false
         verdict: denied misplaced_filter
         tick: hold
         body Body=hi end: hold",
    );
    // Ticks between which nothing has come do not count, and do not start the count anew.
    play_from(
        Some(100),
        true,
        "headers: hold
         tick: hold
         tick: hold
         tick: hold
         received 101
         tick: hold
         received 100
         tick: hold
         received 102
         tick: 500 misplaced_filter",
    );
}

#[test]
fn a_slow_body_is_not_taken_for_one_that_is_kept() {
    let patient =
        "headers: hold\n tick: hold\n tick: hold\n tick: hold\n tick: hold\n tick: hold\n verdict: none";
    play_from(Some(100), true, patient);
    // The first piece, be it empty, ends the watch.
    for first in ["body B", "body -", "size 0"] {
        let script = format!(
            "headers: hold\n received 101\n tick: hold\n {first}: hold\n watched: false\n received 102\n tick: hold\n tick: hold\n \
             received 103\n tick: hold\n tick: hold\n verdict: none"
        );
        play_from(Some(100), true, &script);
    }
}

#[test]
fn nobody_watches_what_need_not_be_watched() {
    let ticks = "received 107\n tick: hold\n tick: hold\n tick: hold\n verdict: none";
    // The proxy is known to hand bodies on.
    play_from(Some(100), false, &format!("headers: hold\n watched: false\n {ticks}"));
    // The proxy does not say how much has come in.
    play_from(None, true, &format!("headers: hold\n {ticks}"));
    // The headers are not stopped, or nothing is held.
    for (fields, watched) in
        [(r#""hold": "buffer_after""#, true), (r#""hold": "buffer_after", "mode": "report""#, false)]
    {
        let proxy = FakeProxy::of(&form());
        proxy.received.set(Some(100));
        let ticks = if watched { ticks.to_owned() } else { ticks.replace("hold", "continue") };
        play_on(&plain(fields), &proxy, true, &format!("headers: continue\n watched: {watched}\n {ticks}"));
        assert_eq!(proxy.calls(&["bytes"]), [""; 0]);
    }
}

/// Where a buffer is switched off, a request goes on at its headers, and nothing more of it need ever come.
#[test]
fn a_request_that_an_upstream_has_is_noticed_though_nothing_more_of_it_comes() {
    let behind = plain(r#""hold": "buffer_after""#);
    for before in ["", "body Body: hold\n", "tick: hold\n body -: hold\n tick: hold\n"] {
        let noticed = "watched: true\n tick: hold\n upstream\n tick: 500 misplaced_filter\n watched: false\n tick: hold\n \
                       body x end: hold\n verdict: denied misplaced_filter";
        play(&behind, &form(), &format!("headers: continue\n {before}{noticed}"));
    }
    // Until the verdict, and no longer: from there on an upstream is to have it.
    let whole = "headers: continue\n body Body=hi end: continue\n watched: false\n upstream\n tick: continue\n verdict: allowed 0";
    play(&behind, &form(), whole);
}

#[test]
fn a_request_that_an_upstream_has_already_is_noticed() {
    let behind = plain(r#""hold": "buffer_after""#);
    let leaks = [
        "headers: continue\n upstream\n body Body=hi end: 500 misplaced_filter\n verdict: denied misplaced_filter",
        "headers: continue\n body Body: hold\n upstream\n body =hi: 500 misplaced_filter\n trailers: hold",
        "headers: continue\n body Body=hi: hold\n upstream\n body - end: 500 misplaced_filter",
        "headers: continue\n body Body=hi: hold\n upstream\n trailers: 500 misplaced_filter",
        "headers: continue\n upstream\n trailers: 500 misplaced_filter",
    ];
    for leak in leaks {
        play(&behind, &form(), leak);
        // Stopped at its headers no request gets to an upstream; nobody asks.
        let proxy = FakeProxy::of(&form());
        let held = leak.replace("headers: continue", "headers: hold").replace("500 misplaced_filter", "hold");
        if !held.contains("end") && !held.contains("trailers") {
            play_on(&plain(""), &proxy, false, &held);
        }
        assert_eq!(proxy.calls(&["upstream"]), [""; 0]);
    }
}

#[test]
fn an_upstream_that_answers_a_request_that_is_held_is_noticed() {
    for hold in ["self", "buffer_after"] {
        let policy = plain(&format!(r#""hold": "{hold}""#));
        let headers = if hold == "self" { "headers: hold" } else { "headers: continue" };
        let noticed = "response via_upstream: 500 misplaced_filter\n verdict: denied misplaced_filter";
        play(&policy, &form(), &format!("{headers}\n {noticed}\n body Body=hi end: hold"));
        play(&policy, &form(), &format!("{headers}\n body Body: hold\n {noticed}"));
        // What the proxy refuses by itself has not been acted upon.
        for details in
            ["request_timeout", "stream_idle_timeout", "request_payload_too_large", "route_not_found"]
        {
            let own = format!("{headers}\n response {details}: continue\n verdict: none");
            play(&policy, &form(), &own);
        }
    }
}

#[test]
fn what_the_proxy_answers_by_itself_goes_out_and_nothing_of_the_request_goes_on() {
    let after = "verdict: none\n body Body=hi: hold\n body - end: hold\n trailers: hold\n tick: hold\n \
                 response direct_response 301: continue\n verdict: none\n gate: shut";
    for (hold, headers) in [("self", "hold"), ("buffer_after", "continue")] {
        let (plainly, gated) = (
            plain(&format!(r#""hold": "{hold}""#)),
            plain(&format!(r#""hold": "{hold}", "clear_route_cache": true"#)),
        );
        for answer in ["direct_response", "direct_response 200", "direct_response 301", "direct_response 403"]
        {
            let script = format!("headers: {headers}\n response {answer}: continue\n {after}");
            play(&plainly, &form(), &script);
        }
        for status in [300, 301, 308, 399] {
            let script =
                format!("headers: {headers}\n response direct_response {status}: continue\n {after}");
            play(&gated, &form(), &script);
        }
        // The route of a gate that is shut answers what the filter was to hold.
        for answer in ["direct_response", "direct_response 200", "direct_response 299", "direct_response 403"]
        {
            let noticed =
                format!("response {answer}: 500 misplaced_filter\n verdict: denied misplaced_filter");
            play(&gated, &form(), &format!("headers: {headers}\n {noticed}\n body Body=hi end: hold"));
        }
    }
}
