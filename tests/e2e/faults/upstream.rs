//! Upstreams that are down, break off, or are slow: the client gets the proxy's answer, and the verdict is counted once.

use std::net::TcpListener;
use std::time::Duration;

use twilio_proxy_wasm_harness::client::{self, Target};
use twilio_proxy_wasm_harness::envoy::{Envoy, Options, versions};
use twilio_proxy_wasm_harness::upstream::Answer;

use crate::site::{Layout, Site};
use crate::webhook::{BOTH, denied, form, send, signed_form, still_serves};

#[test]
fn an_upstream_that_is_down_gets_a_503_from_the_proxy_and_none_from_the_filter() {
    for binary in versions() {
        // A port that was free a moment ago, and that nobody listens on.
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        let envoy =
            Envoy::start(&binary, &Layout::default().bootstrap(port).to_string(), &Options::default());
        let target = Target::plain(envoy.listener_port("main"));
        for protocol in BOTH {
            let status = |request| client::send(&target, protocol, &request).expect("an answer").status;
            assert_eq!(status(signed_form("/hook/a")), 503);
            assert_eq!(status(form("/hook/a")), 403);
        }
        assert_eq!(envoy.counter("http.main.downstream_rq_5xx"), 2);
        assert_eq!(envoy.counter("http.main.downstream_rq_4xx"), 2);
    }
}

#[test]
fn an_upstream_that_resets_or_is_slow_changes_no_verdict() {
    for binary in versions() {
        for layout in [Layout::default(), Layout::buffer_after()] {
            for protocol in BOTH {
                let site = Site::start(&binary, &layout.clone().with_upstream(protocol));
                site.upstream.answer_with(Answer::Reset);
                assert_eq!(send(&site, protocol, &signed_form("/hook/a")).status, 503);
                denied(&site, protocol, &form("/hook/a"), 403, "missing_signature");
                site.upstream.answer_with(Answer::slow(Duration::from_millis(100)));
                assert_eq!(send(&site, protocol, &signed_form("/hook/a")).status, 200);
                denied(&site, protocol, &form("/hook/a"), 403, "missing_signature");
                site.upstream.answer_with(Answer::default());
                still_serves(&site);
                assert_eq!(site.count("allowed", "none"), 4);
            }
        }
    }
}
