//! The Grafana dashboard: every query of it returns series, and it is one that Grafana can import.

use std::collections::BTreeSet;

use serde_json::Value;
use twilio_proxy_wasm_harness::sample::Sample;

use crate::prometheus::Prometheus;

fn dashboard() -> Value {
    serde_json::from_str(Sample::read("deploy/observability/dashboard.json").text()).expect("JSON")
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().expect("panels")
}

fn expressions(panel: &Value) -> Vec<&str> {
    let targets = panel["targets"].as_array().expect("targets");
    targets.iter().map(|target| target["expr"].as_str().expect("an expression")).collect()
}

/// What Grafana puts in the place of its variables.
fn interpolated(expression: &str, job: &str) -> String {
    let cluster = dashboard()["templating"]["list"][3]["query"].as_str().expect("a default").to_owned();
    let values = [
        ("$__rate_interval", "1m"),
        ("$__range", "1h"),
        ("$job", job),
        ("$route", ".+"),
        ("$cluster", &cluster),
    ];
    let text = values.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value));
    assert!(!text.contains('$'), "an unknown variable in {expression}");
    text
}

pub fn every_query_returns_series(prometheus: &Prometheus, job: &str) {
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        for expression in expressions(panel) {
            for (labels, value) in prometheus.wait_for(&interpolated(expression, job)) {
                assert!(value.is_finite(), "{}: {value} for {labels:?}", panel["title"]);
                let legend = panel["targets"][0]["legendFormat"].as_str().expect("a legend");
                for name in legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()) {
                    assert!(labels.contains_key(name), "{}: no {name} in {labels:?}", panel["title"]);
                }
            }
        }
    }
    for (name, query) in variables(&dashboard) {
        // label_values(SELECTOR, LABEL)
        let (selector, label) = query["label_values(".len()..query.len() - 1].rsplit_once(", ").unwrap();
        let values = prometheus.wait_for(&format!("count by ({label}) ({})", interpolated(selector, job)));
        assert!(values.iter().all(|(labels, _)| labels.contains_key(label)), "{name}");
    }
}

/// The variables that are asked of Prometheus.
fn variables(dashboard: &Value) -> Vec<(&str, &str)> {
    let list = dashboard["templating"]["list"].as_array().expect("variables");
    let queried = list.iter().filter(|variable| variable["type"] == "query");
    queried
        .map(|variable| (variable["name"].as_str().unwrap(), variable["query"]["query"].as_str().unwrap()))
        .collect()
}

#[test]
fn it_can_be_imported_with_any_data_source() {
    let dashboard = dashboard();
    let names: Vec<&str> = variables(&dashboard).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["job", "route"]);
    assert_eq!(dashboard["templating"]["list"][0]["name"], "datasource");
    assert!(dashboard["id"].is_null(), "an id belongs to one Grafana");
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().expect("a side"));
        assert!(w > 0 && h > 0 && x + w <= 24, "{title}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{title} covers another panel at {cell:?}");
        }
    }
}

#[test]
fn it_has_a_panel_for_each_question() {
    let dashboard = dashboard();
    let titles: Vec<&str> =
        panels(&dashboard).iter().map(|panel| panel["title"].as_str().expect("a title")).collect();
    let expected = [
        "Verified",
        "Denied",
        "Would be denied",
        "Share denied",
        "Misplaced filter",
        "Routes in use",
        "Requests by verdict",
        "Share denied by route",
        "Denials by route and reason",
        "Reported by route and reason",
        "Verified by route",
        "Misplaced filter by route",
        "Errors as clients see them, and the application's own",
        "VM failures and reloads",
        "Active VMs",
        "At the application, and let through by the filter",
        "Signed, on no route",
    ];
    assert_eq!(titles, expected);
}
