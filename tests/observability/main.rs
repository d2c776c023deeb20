//! What `deploy/observability` asks of Prometheus, asked of a real one that scrapes real Envoys with real traffic.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod alerts;
mod dashboard;
mod istio;
mod prometheus;
mod traffic;

#[allow(dead_code, reason = "the other test crate takes all of it")]
#[path = "../e2e/site.rs"]
mod site;
#[allow(dead_code, reason = "the other test crate takes all of it")]
#[path = "../e2e/webhook.rs"]
mod webhook;

use std::thread;

use prometheus::Prometheus;
use traffic::Proxy;
use twilio_proxy_wasm_harness::envoy::versions;

/// One Prometheus, and an Envoy of each version as a job of its own. The counters are scraped before the first request
/// and after the last.
#[test]
fn every_query_and_every_alert_finds_what_it_is_for() {
    let starting: Vec<_> =
        versions().into_iter().map(|binary| thread::spawn(move || Proxy::start(&binary))).collect();
    let proxies: Vec<Proxy> = starting.into_iter().map(|proxy| proxy.join().expect("an Envoy")).collect();
    let targets: Vec<(String, u16)> =
        proxies.iter().map(|proxy| (proxy.job.clone(), proxy.envoy.admin_port())).collect();
    let prometheus = Prometheus::start(&targets);
    for proxy in &proxies {
        prometheus.wait_for(&format!(r#"sum(twilio_webhook_requests_total{{job="{}"}}) == 0"#, proxy.job));
    }
    thread::scope(|scope| {
        for proxy in &proxies {
            scope.spawn(|| proxy.send());
        }
    });
    for proxy in &proxies {
        let (job, total) = (&proxy.job, proxy.total());
        prometheus.wait_for(&format!(r#"sum(twilio_webhook_requests_total{{job="{job}"}}) == {total}"#));
        prometheus
            .wait_for(&format!(r#"envoy_wasm_twilio_webhook_trap_vm_reload_success{{job="{job}"}} > 0"#));
        dashboard::every_query_returns_series(&prometheus, job);
        alerts::every_expression_fires(&prometheus, job);
    }
    alerts::every_rule_is_complete(&prometheus);
}
