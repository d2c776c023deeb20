//! A request that ends while it waits for its body leaves a trace, and is no denial.

use std::time::Duration;

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Request, h1, h2};
use twilio_proxy_wasm_harness::envoy::versions;

use crate::faults::soon;
use crate::site::{HOST, Layout, Site};
use crate::webhook::{FORM_BODY, form, signed_form, still_serves};

fn layouts() -> [Layout; 3] {
    let report = Layout::default().with_route(json!({ "mode": "report" }));
    [Layout::default(), Layout::buffer_after(), report]
}

/// All that the filter counts of the route, but what passed.
fn others(site: &Site) -> Vec<String> {
    let text = site.envoy.prometheus();
    let counted = text.lines().filter(|line| {
        line.starts_with("twilio_webhook_requests_total{")
            && !line.ends_with(" 0")
            && !line.contains(r#"verdict="allowed""#)
    });
    counted.map(str::to_owned).collect()
}

#[track_caller]
fn is_told(site: &Site, count: u64, details: &str, case: &str) {
    soon("a count", || site.count("incomplete", "none") == count);
    assert_eq!(others(site).len(), 1, "{:#?}", others(site));
    let line = format!("details={details} ");
    let rest = format!(" webhook=[verdict=incomplete route=hook reason=none] case={case}\n");
    soon("a line", || site.envoy.output().contains(&format!(" case={case}\n")));
    let output = site.envoy.output();
    assert!(
        output.lines().any(|found| format!("{found}\n").ends_with(&rest) && found.starts_with(&line)),
        "{line}{rest}{output}"
    );
}

#[test]
fn a_client_that_leaves_while_it_is_held_is_counted() {
    for binary in versions() {
        for layout in layouts() {
            let site = Site::start(&binary, &layout);
            let is_held = layout.plugin["routes"][0]["mode"] != "report";
            let mark = site.upstream.mark();
            let whole = signed_form("/hook/a").header("x-case", "h1");
            let (bytes, head) = (whole.h1_bytes(), whole.h1_head().len());
            let mut connection = h1::Connection::open(&site.target()).expect("a connection");
            connection.send(&bytes[..head + 5]).expect("to send");
            soon("a request", || site.envoy.counter("http.main.downstream_rq_active") == 1);
            connection.abort();
            is_told(&site, 1, "downstream_remote_disconnect", "h1");

            let request = signed_form("/hook/a").header("x-case", "h2").frames([&FORM_BODY.as_bytes()[..9]]);
            let mut connection = h2::Connection::open(&site.target()).expect("a connection");
            let stream = connection.start(&request.unfinished()).expect("a stream");
            soon("a request", || site.envoy.counter("http.main.downstream_rq_active") == 1);
            stream.reset();
            is_told(&site, 2, "http2.remote_reset", "h2");
            if is_held {
                assert_eq!(site.upstream.bytes_since(mark), b"");
            }

            // What ends before its headers are here is no request, and what is judged has its verdict.
            let mut connection = h1::Connection::open(&site.target()).expect("a connection");
            connection.send(&bytes[..head - 1]).expect("to send");
            connection.abort();
            let mut connection = h1::Connection::open(&site.target()).expect("a connection");
            connection.send(&form("/free").h1_bytes()[..60]).expect("to send");
            connection.abort();
            soon("rest", || site.envoy.counter("http.main.downstream_rq_active") == 0);
            still_serves(&site);
            assert_eq!(
                (site.count("incomplete", "none"), others(&site).len()),
                (2, 1),
                "{:#?}",
                others(&site)
            );
        }
    }
}

#[test]
fn what_the_proxy_ends_by_itself_is_counted_so_too() {
    for binary in versions() {
        for mut layout in layouts() {
            layout.manager = json!({ "request_timeout": "0.3s" });
            let site = Site::start(&binary, &layout);
            let whole = signed_form("/hook/a").header("x-case", "slow");
            let mut connection = h1::Connection::open(&site.target()).expect("a connection");
            connection.send(&whole.h1_bytes()[..whole.h1_head().len() + 5]).expect("to send");
            assert_eq!(connection.read_response().map(|response| response.status), Ok(408));
            is_told(&site, 1, "request_overall_timeout", "slow");
        }
    }
}

/// A socket that was let in ends some day, and that is nothing to tell.
#[test]
fn the_end_of_what_was_judged_is_not_counted() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let forged = Request::new("POST", HOST, "/hook/a").frames(["x"]);
        let mut connection = h2::Connection::open(&site.target()).expect("a connection");
        let mut stream = connection.start(&forged.unfinished()).expect("a stream");
        assert_eq!(stream.read_response().expect("an answer").status, 403);
        stream.reset();
        drop(connection);
        soon("rest", || site.envoy.counter("http.main.downstream_rq_active") == 0);
        assert_eq!((site.count("incomplete", "none"), site.count("denied", "missing_signature")), (0, 1));
    }
}

/// The proxy's log says nothing of it: it is no failure of anybody's but the client's.
#[test]
fn nothing_is_written_to_the_log() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let whole = signed_form("/hook/a");
        let mut connection = h1::Connection::open(&site.target()).expect("a connection");
        connection.send(&whole.h1_bytes()[..whole.h1_head().len() + 5]).expect("to send");
        soon("a request", || site.envoy.counter("http.main.downstream_rq_active") == 1);
        connection.abort();
        soon("a count", || site.count("incomplete", "none") == 1);
        assert!(site.envoy.wait_for_output("verdict=incomplete", Duration::from_secs(5)));
        assert!(!site.envoy.log().contains("incomplete"), "{}", site.envoy.log());
    }
}
