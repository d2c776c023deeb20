//! A proxy that gets everything from a control plane: listeners, routes, clusters and extensions come by xDS, here from
//! files, and can be replaced while it runs.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use crate::site::{Site, TOKEN, access_log, cluster, merge};

/// The other token that the manifests name, for a rotation.
pub const NEXT_TOKEN: &str = "test-token-next";

/// What a control plane makes of its manifests for one proxy.
#[derive(Clone, Debug, Default)]
pub struct Generated {
    /// Members of the listener.
    pub listener: Value,
    /// Members of the HTTP connection manager.
    pub manager: Value,
    pub filters: Vec<Value>,
    /// What filters discover, by their names.
    pub extensions: Vec<Value>,
    pub routes: Vec<Value>,
    pub clusters: Vec<Value>,
    pub stats: Value,
}

impl Generated {
    /// The configuration of the one plugin, wherever it is.
    pub fn plugin(&mut self) -> &mut Value {
        let all = self.extensions.iter_mut().chain(self.filters.iter_mut());
        let mut plugins = all.filter(|holder| holder["typed_config"]["config"]["vm_config"].is_object());
        &mut plugins.next().expect("a plugin")["typed_config"]["config"]
    }

    /// The plugin's own configuration, which some write as text.
    pub fn configuration(&mut self) -> Value {
        match &self.plugin()["configuration"]["value"] {
            Value::String(text) => serde_json::from_str(text).expect("JSON"),
            object => object.clone(),
        }
    }

    /// Gives the plugin this configuration.
    pub fn configure(&mut self, configuration: &Value) {
        let text = configuration.to_string();
        self.plugin()["configuration"] =
            json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": text });
    }

    /// The names of the filters, first to last.
    pub fn order(&self) -> Vec<&str> {
        self.filters.iter().map(|filter| filter["name"].as_str().expect("a name")).collect()
    }
}

/// The files that the proxy watches.
pub struct Control {
    scratch: Scratch,
    version: AtomicU64,
}

impl Control {
    fn new() -> Control {
        Control { scratch: Scratch::new("xds"), version: AtomicU64::new(0) }
    }

    fn source(&self, name: &str) -> Value {
        let path = self.scratch.join(&format!("{name}.json"));
        json!({ "path_config_source": { "path": path.display().to_string() }, "resource_api_version": "V3" })
    }

    /// Puts resources in the place of those that a file had; the proxy takes notice by itself.
    pub fn publish(&self, name: &str, type_of_all: &str, resources: &[Value]) {
        let typed = |resource: &Value| {
            let mut resource = resource.clone();
            resource["@type"] = json!(format!("type.googleapis.com/{type_of_all}"));
            resource
        };
        let version = self.version.fetch_add(1, Ordering::Relaxed).to_string();
        let resources: Vec<Value> = resources.iter().map(typed).collect();
        let response = json!({ "version_info": version, "resources": resources });
        let next = self.scratch.write(&format!("{name}.next"), response.to_string());
        // A file is watched for being replaced, never for being written to.
        fs::rename(next, self.scratch.join(&format!("{name}.json"))).expect("to move an update into place");
    }

    pub fn publish_extension(&self, extension: &Value) {
        self.publish("ecds", "envoy.config.core.v3.TypedExtensionConfig", std::slice::from_ref(extension));
    }

    /// Puts a text in the place of the tokens that are in a file.
    pub fn write_tokens(&self, text: &str) {
        let next = self.scratch.write("auth_tokens.next", text);
        fs::rename(next, self.scratch.join("auth_tokens")).expect("to move the tokens into place");
    }

    /// Puts a plugin in the place of the one that there is, wherever its control plane has it.
    pub fn publish_plugin(&self, generated: &Generated) {
        generated.extensions.iter().for_each(|extension| self.publish_extension(extension));
        if generated.extensions.is_empty() {
            self.publish_listener(generated);
        }
    }

    fn publish_listener(&self, generated: &Generated) {
        self.publish("lds", "envoy.config.listener.v3.Listener", &[listener(generated, self)]);
    }

    pub fn publish_routes(&self, routes: &[Value]) {
        let table = json!({ "name": "main", "virtual_hosts": [
            { "name": "all", "domains": ["*"], "routes": routes } ]});
        self.publish("rds", "envoy.config.route.v3.RouteConfiguration", &[table]);
    }
}

/// A proxy, its upstream, and the files that it watches.
pub struct Mesh {
    pub site: Site,
    pub control: Control,
}

/// Starts a proxy as its control plane wants it. Paths are those of the tests' own requests: two of them are answered by
/// Envoy itself, once they are verified.
pub fn start(binary: &EnvoyBinary, generated: &Generated, upstream: Protocol) -> Mesh {
    let control = Control::new();
    let application = Upstream::start();
    control.write_tokens(&format!("{TOKEN}\n{NEXT_TOKEN}\n"));
    let clusters = [cluster(application.port(), upstream)].into_iter().chain(generated.clusters.clone());
    control.publish("cds", "envoy.config.cluster.v3.Cluster", &clusters.collect::<Vec<_>>());
    control.publish_routes(&with_own_answers(&generated.routes));
    assert!(generated.extensions.len() < 2, "one file holds one extension");
    generated.extensions.iter().for_each(|extension| control.publish_extension(extension));
    control.publish_listener(generated);
    let bootstrap = json!({
        "node": { "id": "test", "cluster": "test" },
        "dynamic_resources": {
            "lds_config": control.source("lds"),
            "cds_config": control.source("cds"),
        },
        "stats_config": generated.stats,
    });
    let options =
        Options::default().env("TWILIO_AUTH_TOKEN", TOKEN).env("TWILIO_AUTH_TOKEN_NEXT", NEXT_TOKEN);
    let envoy = Envoy::start(binary, &bootstrap.to_string(), &options);
    Mesh { site: Site { route: "webhook", ..Site::of(envoy, application) }, control }
}

fn listener(generated: &Generated, control: &Control) -> Value {
    let mut filters = generated.filters.clone();
    for discovery in filters.iter_mut().filter_map(|filter| filter.get_mut("config_discovery")) {
        // The one thing that is not as the control plane has it: from where the configuration comes.
        let source = &mut discovery["config_source"];
        let as_generated = json!({ "ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3" });
        assert_eq!(*source, as_generated);
        *source = control.source("ecds");
        source["initial_fetch_timeout"] = json!("0s");
    }
    let script = "/typed_config/default_source_code/inline_string";
    for script in filters.iter_mut().filter_map(|filter| filter.pointer_mut(script)) {
        let file = control.scratch.join("auth_tokens").display().to_string();
        let text = script.as_str().expect("a script").replace("/etc/envoy/twilio/auth_tokens", &file);
        *script = json!(text);
    }
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "main",
        "access_log": [access_log()],
        "http_filters": filters,
        "rds": { "route_config_name": "main", "config_source": control.source("rds") },
    });
    merge(&mut manager, generated.manager.clone());
    let mut listener = json!({
        "name": "main",
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }]}],
    });
    merge(&mut listener, generated.listener.clone());
    listener
}

/// The routes, and before that to the application one direct response and one redirect, for what was verified as well.
fn with_own_answers(routes: &[Value]) -> Vec<Value> {
    let own = |route: &Value, path: &str, action: &str, what: Value| {
        let mut own = route.clone();
        own.as_object_mut().expect("a route").remove("route");
        own["match"] = json!({ "path": path, "filter_state": route["match"]["filter_state"] });
        own[action] = what;
        own
    };
    let plain = routes.iter().filter(|route| route["match"]["filter_state"].is_array());
    let answers = plain.flat_map(|route| {
        let direct = json!({ "status": 200, "body": { "inline_string": "direct" } });
        [
            own(route, "/hook/direct", "direct_response", direct),
            own(route, "/hook/redirect", "redirect", json!({ "host_redirect": "elsewhere.example.com" })),
        ]
    });
    answers.chain(routes.iter().cloned()).collect()
}
