//! A request that carries a signature and is on no route: it passes where the configuration says so, and not in silence.

use std::time::Duration;

use serde_json::json;
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::faults::soon;
use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, FORM_BODY, form, passes, signed_form};

/// As `src/host/plugin.rs` has it.
const LOG_BURST: usize = 20;

fn layouts() -> [Layout; 2] {
    [Layout::default(), Layout::buffer_after()].map(|layout| {
        layout.with_route(
            json!({ "match": { "hosts": [HOST], "path": { "prefix": "/hook" }, "route_names": ["al"] } }),
        )
    })
}

fn start(layout: &Layout, binary: &twilio_proxy_wasm_harness::envoy::EnvoyBinary) -> Site {
    Site { route: "unmatched", ..Site::start(binary, layout) }
}

#[test]
fn it_is_counted_and_told_of_with_what_does_not_fit() {
    for binary in versions() {
        for layout in layouts() {
            let site = start(&layout, &binary);
            for protocol in BOTH {
                let case =
                    |request: Request, name: &str| request.header("x-case", format!("{name}-{protocol:?}"));
                // The name of a route is misspelt.
                passes(
                    &site,
                    protocol,
                    &case(signed_form("/hook/a?From=%2B14158675309"), "name"),
                    FORM_BODY.as_bytes(),
                );
                passes(&site, protocol, &case(form("/hook/a"), "unsigned"), FORM_BODY.as_bytes());
                passes(&site, protocol, &case(signed_form("/hoook/a"), "both"), FORM_BODY.as_bytes());
            }
            soon("the count", || site.count("passed", "no_route") == 4);
            assert_eq!(site.count("passed", "none"), 2);
            let log = site.envoy.log();
            let told: Vec<_> = log.lines().filter(|line| line.contains("twilio_webhook: passed")).collect();
            let of = |misses: &str| {
                let line = format!(
                    "twilio_webhook: passed route=unmatched reason=no_route cause=no_match setting=routes.match \
                     proxy_route=\"all\" misses=hook:{misses}: "
                );
                told.iter().filter(|told| told.contains(&line)).count()
            };
            assert_eq!((of("route_names"), of("path,route_names"), told.len()), (2, 2, 4), "{log}");
            assert!(!log.contains("4158675309") && !log.contains("hoook"), "{log}");
            for protocol in BOTH {
                for (name, state) in [
                    ("name", "verdict=passed route=unmatched reason=no_route"),
                    ("both", "verdict=passed route=unmatched reason=no_route"),
                    ("unsigned", "-"),
                ] {
                    let line = format!(" webhook=[{state}] case={name}-{protocol:?}\n");
                    assert!(
                        site.envoy.wait_for_output(&line, Duration::from_secs(5)),
                        "{line}{}",
                        site.envoy.output()
                    );
                }
            }
        }
    }
}

/// Where nothing but webhooks comes in, the same line stands beside the denial.
#[test]
fn where_it_is_denied_the_log_says_what_does_not_fit_too() {
    for binary in versions() {
        let mut layout = layouts()[0].clone();
        layout.plugin["unmatched"] = json!("deny");
        let site = start(&layout, &binary);
        crate::webhook::denied(&site, Protocol::Http2, &signed_form("/hook/a"), 403, "no_route");
        let line = "twilio_webhook: denied route=unmatched reason=no_route cause=no_match setting=routes.match \
                    proxy_route=\"all\" misses=hook:route_names: ";
        assert!(site.envoy.wait_for_log(line, Duration::from_secs(5)), "{}", site.envoy.log());
    }
}

#[test]
fn many_of_them_write_no_more_lines_than_the_limit() {
    const MANY: u64 = 400;
    for binary in versions() {
        let site = start(&layouts()[0], &binary);
        let begin = std::time::Instant::now();
        let mut connection =
            twilio_proxy_wasm_harness::client::h1::Connection::open(&site.target()).expect("a connection");
        for _ in 0..MANY {
            assert_eq!(connection.request(&signed_form("/elsewhere")).expect("an answer").status, 200);
        }
        soon("the count", || site.count("passed", "no_route") == MANY);
        let most = LOG_BURST + usize::try_from(begin.elapsed().as_secs()).expect("a number") + 1;
        let log = site.envoy.log();
        let lines = log.lines().filter(|line| line.contains("twilio_webhook: passed")).count();
        assert!((LOG_BURST..=most).contains(&lines), "{lines} lines, not {LOG_BURST} to {most}");
    }
}
