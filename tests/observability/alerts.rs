//! The alert rules: promtool takes them, each fires on real traffic of its kind, and each tells what to do.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use twilio_proxy_wasm_harness::sample::repository;

use crate::prometheus::{INTERVAL, Prometheus, poll, program};

/// An alert, how much later it is looked at, and the labels that it then has beside `job`.
type Expected = (&'static str, Duration, &'static [(&'static str, &'static str)]);

const NOW: Duration = Duration::ZERO;
/// A day later nothing has been verified any more.
const TOMORROW: Duration = Duration::from_secs(24 * 60 * 60);

/// In the order of the file.
const ALERTS: [Expected; 10] = [
    ("TwilioWebhookMisplacedFilter", NOW, &[("route", "misplaced")]),
    ("TwilioWebhookAllDenied", NOW, &[("route", "voice")]),
    ("TwilioWebhookDenialsRising", NOW, &[("route", "sms")]),
    ("TwilioWebhookNoneVerified", TOMORROW, &[("route", "sms")]),
    ("TwilioWebhookVmFailing", NOW, &[("counter", "envoy_wasm_twilio_webhook_trap_vm_reload_backoff")]),
    ("TwilioWebhookVmReloaded", NOW, &[("counter", "envoy_wasm_twilio_webhook_trap_vm_reload_success")]),
    ("TwilioWebhookProxyErrors", NOW, &[]),
    ("TwilioWebhookPastTheFilter", NOW, &[]),
    ("TwilioWebhookSignedOnNoRoute", NOW, &[]),
    ("TwilioWebhookGateShut", NOW, &[]),
];

fn rules(prometheus: &Prometheus) -> Vec<Value> {
    let groups = prometheus.api("rules?type=alert")["groups"].clone();
    let groups = groups.as_array().expect("groups");
    groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

pub fn every_expression_fires(prometheus: &Prometheus, job: &str) {
    for (rule, (name, later, expected)) in rules(prometheus).iter().zip(ALERTS) {
        assert_eq!(rule["name"], name);
        // The steps of subqueries are those of the scrapes here.
        let expression =
            rule["query"].as_str().expect("an expression").replace(":15s]", &format!(":{INTERVAL}]"));
        let only = format!(r#"({expression}) and on (job) up{{job="{job}"}}"#);
        let only = if later == NOW { only } else { expression };
        let samples = prometheus.wait_for_later(&only, later);
        let ours = samples.into_iter().filter(|(labels, _)| labels["job"] == job);
        let found: Vec<BTreeMap<_, _>> = ours.map(|(labels, _)| labels).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        for (label, value) in expected {
            assert_eq!(found[0][*label], *value, "{name}");
        }
    }
}

pub fn every_rule_is_complete(prometheus: &Prometheus) {
    let rules = rules(prometheus);
    assert_eq!(rules.len(), ALERTS.len());
    for rule in &rules {
        let name = rule["name"].as_str().expect("a name");
        assert_eq!(rule["health"], "ok", "{rule}");
        assert!(rule["duration"].as_f64().is_some_and(|seconds| seconds >= 60.0), "{name}");
        assert!(
            rule["labels"]["severity"] == "critical" || rule["labels"]["severity"] == "warning",
            "{name}"
        );
        let text =
            |annotation: &str| rule["annotations"][annotation].as_str().expect("an annotation").to_owned();
        assert!(text("summary").contains("{{ $labels."), "{name}");
        assert!(
            text("description").contains(" First ") || text("description").starts_with("First "),
            "{name}"
        );
    }
    // What an alert says of itself has all its labels.
    for (name, later, _) in ALERTS {
        let alerts = || {
            let alerts = prometheus.api("alerts")["alerts"].clone();
            let alerts = alerts.as_array().expect("alerts").clone();
            let of_name = alerts.into_iter().filter(|alert| alert["labels"]["alertname"] == name);
            Some(of_name.collect::<Vec<_>>()).filter(|alerts| !alerts.is_empty())
        };
        // Tomorrow's has not come, and subqueries of these seconds fall between two steps.
        let may_be_silent = later != NOW || name.contains("Vm");
        let found = if may_be_silent { alerts() } else { poll(alerts) };
        assert!(found.is_some() || may_be_silent, "{name} is not pending");
        for alert in found.unwrap_or_default() {
            let summary = alert["annotations"]["summary"].as_str().expect("a summary");
            assert!(!summary.contains("  ") && !summary.contains("no value"), "{summary}");
        }
    }
}

#[test]
fn promtool_finds_them_right_and_each_fires_when_it_should() {
    for arguments in [
        ["check", "config", "deploy/observability/prometheus.yaml"],
        ["check", "rules", "deploy/observability/alerts.yaml"],
        ["test", "rules", "tests/observability/alerts.test.yaml"],
    ] {
        let mut command = Command::new(program("promtool"));
        let output = command.args(arguments).current_dir(repository()).output().expect("promtool");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "promtool {arguments:?}:\n{}", text.concat());
    }
}
