//! What istiod, istio-agent and Envoy Gateway made of the manifests in `deploy/`, as `make mesh RECORD=1` wrote it down:
//! a listener, its routes, and what its filters discover. What is changed here is what a test's own proxy cannot have.

use std::fs;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::sample::{module, repository};

use super::xds::Generated;

/// Members of a listener that are about the machine and the network that it was on.
const OF_THE_MACHINE: [&str; 10] = [
    "name",
    "address",
    "filter_chains",
    "access_log",
    "bind_to_port",
    "use_original_dst",
    "listener_filters",
    "listener_filters_timeout",
    "enable_reuse_port",
    "connection_balance_config",
];
/// Members of an HTTP connection manager that the tests give it themselves.
const OF_THE_TESTS: [&str; 7] =
    ["@type", "stat_prefix", "http_filters", "rds", "access_log", "access_log_options", "tracing"];

/// The proxy of a layout, with the tests' own paths.
pub fn read(name: &str) -> Generated {
    generated(recording(name, &use_ours))
}

/// The proxy of a layout, with the paths that the manifests have.
pub fn as_written(name: &str) -> Generated {
    generated(recording(name, &|_| {}))
}

fn recording(name: &str, change: &dyn Fn(&mut Value)) -> Value {
    let path = repository().join(format!("tests/e2e/mesh/recorded/{name}.json"));
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("expected the recording {}: {error}", path.display()));
    let mut recording: Value = serde_json::from_str(&text).expect("JSON");
    change(&mut recording);
    recording
}

fn generated(mut recording: Value) -> Generated {
    let listener = &mut recording["listener"];
    let manager =
        listener["filter_chains"][0]["filters"].as_array_mut().and_then(Vec::pop).expect("a manager");
    let mut manager = manager["typed_config"].clone();
    let filters = manager["http_filters"].take();
    let mut generated = Generated {
        listener: without(listener.take(), &OF_THE_MACHINE),
        manager: without(manager, &OF_THE_TESTS),
        filters: filters.as_array().expect("filters").clone(),
        extensions: recording["extensions"].as_array().expect("extensions").clone(),
        routes: routes(&recording["routes"]),
        clusters: Vec::new(),
        stats: recording["stats"].take(),
    };
    generated.plugin()["vm_config"]["code"] = json!({ "local": { "filename": module() } });
    generated
}

/// The routes of the host that Twilio dials, or of all hosts.
fn routes(table: &Value) -> Vec<Value> {
    let hosts = table["virtual_hosts"].as_array().expect("virtual hosts");
    let is_ours = |host: &&Value| {
        host["routes"].as_array().is_some_and(|routes| {
            routes.iter().any(|route| route["match"].to_string().contains("wasm.twilio_webhook"))
        })
    };
    let routes = hosts.iter().find(is_ours).expect("a host with the gate")["routes"].clone();
    let mut routes = routes.as_array().expect("routes").clone();
    for action in routes.iter_mut().filter_map(|route| route.get_mut("route")) {
        action["cluster"] = json!("upstream");
    }
    routes
}

/// The tests' own paths and names, wherever they stand.
fn use_ours(value: &mut Value) {
    match value {
        Value::String(text) if text == "/twilio" || text == "/twilio/" => {
            *text = text.replace("twilio", "hook");
        }
        Value::String(text) if text.contains("\"/twilio\"") => {
            *text = text.replace("\"/twilio\"", "\"/hook\"");
        }
        Value::Array(values) => values.iter_mut().for_each(use_ours),
        Value::Object(members) => members.values_mut().for_each(use_ours),
        _ => {}
    }
}

fn without(mut object: Value, names: &[&str]) -> Value {
    let members = object.as_object_mut().expect("an object");
    for name in names {
        members.remove(*name);
    }
    object
}
