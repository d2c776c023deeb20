//! The six ways to serve a webhook that are measured side by side.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options};
use twilio_proxy_wasm_harness::sample::{module, repository};
use twilio_proxy_wasm_harness::world::express::Express;

use crate::process::cpu_micros;
use crate::webhooks::{TOKEN, Workload};

/// A running set-up. Dropped, it ends.
pub(crate) struct Contender {
    pub(crate) letter: char,
    pub(crate) name: &'static str,
    envoy: Option<Envoy>,
    express: Option<Express>,
}

impl Contender {
    /// Returns the port that takes its requests.
    pub(crate) fn port(&self) -> u16 {
        match (&self.envoy, &self.express) {
            (Some(envoy), _) => envoy.listener_port("main"),
            (None, express) => express.as_ref().map_or(0, Express::port),
        }
    }

    /// Returns the processor time so far of the proxy and of the application that verifies for it, in microseconds.
    pub(crate) fn cpu_micros(&self) -> (f64, f64) {
        let proxy = self.envoy.as_ref().map_or(0.0, |envoy| cpu_micros(envoy.pid()));
        (proxy, self.express.as_ref().map_or(0.0, |express| cpu_micros(express.pid())))
    }

    /// Returns the status that it owes a request.
    pub(crate) fn status(&self, workload: &Workload) -> u16 {
        let verifies = matches!(self.letter, 'd'..='f');
        if verifies && workload.forged { 403 } else { 200 }
    }
}

/// Starts all of them, in the order of their letters.
pub(crate) fn all(binary: &EnvoyBinary, upstream: u16) -> Vec<Contender> {
    let envoy = |filter| Some(start(binary, upstream, filter, 1));
    let express = || Some(Express::run(&repository().join("benches/proxy/express.js"), TOKEN));
    let authorizer = express();
    let port = authorizer.as_ref().map_or(0, Express::port);
    vec![
        Contender { letter: 'a', name: "Envoy alone", envoy: envoy(None), express: None },
        Contender {
            letter: 'b',
            name: "Envoy, its buffer filter",
            envoy: envoy(Some(buffer())),
            express: None,
        },
        Contender {
            letter: 'c',
            name: "Envoy, a wasm filter that decides nothing",
            envoy: envoy(Some(floor_filter())),
            express: None,
        },
        Contender {
            letter: 'd',
            name: "Envoy, this filter",
            envoy: envoy(Some(this_filter())),
            express: None,
        },
        Contender {
            letter: 'e',
            name: "Envoy, ext_authz to Express",
            envoy: envoy(Some(authorization(port))),
            express: authorizer,
        },
        Contender { letter: 'f', name: "Express by itself", envoy: None, express: express() },
    ]
}

/// Starts an Envoy with one filter before the router, or none.
pub(crate) fn start(binary: &EnvoyBinary, upstream: u16, filter: Option<Value>, workers: u32) -> Envoy {
    start_chain(binary, upstream, filter.into_iter().collect(), workers)
}

/// An Envoy with these filters before the router.
pub(crate) fn start_chain(binary: &EnvoyBinary, upstream: u16, filters: Vec<Value>, workers: u32) -> Envoy {
    let options = Options::default().concurrency(workers).log_level("error");
    Envoy::start(binary, &bootstrap(upstream, filters).to_string(), &options)
}

pub(crate) fn this_filter() -> Value {
    filter(false, json!({ "value": TOKEN }))
}

pub(crate) fn explaining_filter() -> Value {
    filter(true, json!({ "value": TOKEN }))
}

/// This filter with a token from filter state, under this key.
pub(crate) fn changing_filter(key: &str) -> Value {
    filter(false, json!({ "filter_state": key }))
}

fn filter(explains: bool, token: Value) -> Value {
    let plugin = json!({
        "explain": explains,
        "unmatched": "allow",
        "routes": [{
            "name": "sms",
            "match": { "path": { "prefix": "/twilio/sms" } },
            "auth_tokens": [token],
        }],
    });
    self::plugin(&plugin)
}

/// This filter with this configuration.
pub(crate) fn plugin(configuration: &Value) -> Value {
    wasm("twilio_webhook", &module(), configuration)
}

pub(crate) fn floor_filter() -> Value {
    wasm("floor", &floor_module(), &json!({}))
}

fn floor_module() -> PathBuf {
    let path = module().with_file_name("floor.wasm");
    assert!(path.exists(), "expected the module at {}: run `make bench`", path.display());
    path
}

fn wasm(name: &str, module: &Path, plugin: &Value) -> Value {
    json!({ "name": name, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": name,
            "vm_config": {
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": module } },
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": plugin.to_string(),
            },
            "allow_on_headers_stop_iteration": true,
        },
    }})
}

pub(crate) fn buffer() -> Value {
    json!({ "name": "envoy.filters.http.buffer", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": 262_144,
    }})
}

fn authorization(port: u16) -> Value {
    json!({ "name": "envoy.filters.http.ext_authz", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "http_service": {
            "server_uri": {
                "uri": format!("http://127.0.0.1:{port}"),
                "cluster": "authorizer",
                "timeout": "5s",
            },
        },
        "allowed_headers": { "patterns": [{ "exact": "x-twilio-signature" }, { "exact": "content-type" }] },
        "with_request_body": { "max_request_bytes": 262_144 },
    }})
}

fn bootstrap(upstream: u16, mut filters: Vec<Value>) -> Value {
    let authorizer =
        filters.iter().find_map(|filter| filter["typed_config"].pointer("/http_service/server_uri/uri"));
    let authorizer = authorizer.and_then(Value::as_str).and_then(|uri| uri.rsplit(':').next()?.parse().ok());
    let mut clusters = vec![cluster("upstream", upstream)];
    clusters.extend(authorizer.map(|port| cluster("authorizer", port)));
    filters.push(json!({ "name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" }}));
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "main",
        "http_filters": filters,
        "route_config": { "name": "main", "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{ "name": "all", "match": { "prefix": "/" }, "route": { "cluster": "upstream" } }],
        }]},
    });
    json!({ "static_resources": { "clusters": clusters, "listeners": [{
        "name": "main",
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }]}],
    }]}})
}

fn cluster(name: &str, port: u16) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [
            { "endpoint": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } } } }
        ]}]},
    })
}
