//! Where in a file the filter is configured, and what stands around it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::place::{at, field, is_type, list, strings, text};

/// A configuration of the filter, with what matters of its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Where it is, in words; empty if it is the whole file.
    pub place: String,
    /// The configuration as the filter would get it.
    pub configuration: Vec<u8>,
    /// `allow_on_headers_stop_iteration`; `None` where the control plane has no such switch.
    pub stop_flag: Option<bool>,
    /// What happens while the VM is down, by Envoy's names; `None` if nothing is said or known of it.
    pub failure_policy: Option<String>,
    /// The plugin's environment, if the file tells.
    pub environment: Option<Environment>,
    /// The connection manager that it is in, if it is in one here.
    pub manager: Option<Manager>,
    /// Whether some buffer for requests is configured anywhere in the files.
    pub has_buffer_somewhere: bool,
    /// Whether it is switched off where it stands, and no route of the files switches it on.
    pub is_never_enabled: bool,
    /// What plugins share a VM by.
    pub vm: String,
}

/// Variables that the plugin can read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Those that the proxy passes on from its own environment.
    pub host_keys: Vec<String>,
    /// Those that stand in the file.
    pub values: BTreeMap<String, String>,
}

/// What of an HTTP connection manager matters to the filter.
#[derive(Debug, Clone, Default)]
pub struct Manager {
    /// Its options that change a URL before the filter sees it.
    pub changes_url: Vec<&'static str>,
    /// Whether it takes the address, and so scheme and host, of the connection.
    pub is_edge: bool,
    /// The least `max_request_bytes` of the buffers after the filter; `None` if there is none.
    pub buffer_after: Option<u64>,
    /// How much of a request Envoy buffers on HTTP/1.1.
    pub connection_limit: u64,
    /// The port of its listener.
    pub port: Option<u16>,
}

/// What Envoy buffers unless a listener says otherwise.
const CONNECTION_LIMIT: u64 = 1_048_576;

const URL_OPTIONS: [&str; 3] = ["normalize_path", "merge_slashes", "strip_any_host_port"];

const FIELDS: [&str; 10] = [
    "auth_tokens",
    "shared_keys",
    "url",
    "mode",
    "max_body_bytes",
    "hold",
    "unmatched",
    "verified_header",
    "explain",
    "routes",
];

/// Fields by which files of Envoy and of Kubernetes are known, in snake case where they have two ways to be written.
const OTHERS: [&str; 25] = [
    "@type",
    "access_log",
    "admin",
    "apiVersion",
    "clusters",
    "configs",
    "configuration",
    "dynamic_resources",
    "filter_chains",
    "filters",
    "http_filters",
    "items",
    "kind",
    "layered_runtime",
    "listeners",
    "load_assignment",
    "metadata",
    "node",
    "resources",
    "route_config",
    "spec",
    "static_resources",
    "typed_config",
    "virtual_hosts",
    "vm_config",
];

/// The plugins in the documents of a file, of which `source` is the text; `is_json` says that it is meant to be JSON.
#[must_use]
pub fn find(documents: &[Value], source: &str, is_json: bool) -> Vec<Found> {
    let mut search =
        Search { found: Vec::new(), manager: None, limit: CONNECTION_LIMIT, port: None, place: Vec::new() };
    for document in documents {
        search.document(document);
    }
    if search.found.is_empty()
        && let [document] = documents
        && looks_like_ours(document, source, is_json)
    {
        // The file is the plugin's own configuration. As JSON it is taken byte for byte, with all its faults.
        let configuration =
            if is_json { source.as_bytes().to_vec() } else { document.to_string().into_bytes() };
        return vec![Found { configuration, ..Found::default() }];
    }
    search.found
}

/// Whether some buffer for requests is configured in a file.
pub(super) fn has_buffer(source: &str) -> bool {
    ["filters.http.buffer.v3.Buffer", "requestBuffer:", "\"requestBuffer\":"]
        .iter()
        .any(|name| source.contains(name))
}

/// What happens while the VM is down, by the name that Envoy's API has for it; it takes the number as well. The older
/// `fail_open` counts where that says nothing.
fn failure_policy(plugin: &Value) -> Option<String> {
    const NAMES: [&str; 4] = ["UNSPECIFIED", "FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"];
    let policy = field(plugin, "failure_policy");
    let number = policy.as_u64().and_then(|number| usize::try_from(number).ok());
    let name =
        number.and_then(|number| NAMES.get(number)).map(|name| (*name).to_owned()).or_else(|| text(policy));
    let older = || (*field(plugin, "fail_open") == true).then(|| "FAIL_OPEN".to_owned());
    name.filter(|name| name != "UNSPECIFIED").or_else(older)
}

fn looks_like_ours(document: &Value, source: &str, is_json: bool) -> bool {
    match document {
        // One misspelt field alone is for the filter to name, unless the file is of another kind, as any YAML may be.
        Value::Object(fields) => {
            fields.keys().any(|field| FIELDS.contains(&field.as_str()))
                || (is_json && OTHERS.iter().all(|name| field(document, name).is_null()))
        }
        // Whatever it is, what the filter says of it is the answer.
        _ => is_json || source.trim().is_empty(),
    }
}

struct Search {
    found: Vec<Found>,
    manager: Option<Manager>,
    limit: u64,
    port: Option<u16>,
    place: Vec<String>,
}

impl Search {
    fn document(&mut self, document: &Value) {
        let kind = document["kind"].as_str().unwrap_or_default();
        let name = document["metadata"]["name"].as_str().unwrap_or_default();
        if !kind.is_empty() {
            self.place = vec![format!("{kind} {name}").trim_end().to_owned()];
        }
        match kind {
            "WasmPlugin" => self.istio(&document["spec"]),
            "TrafficExtension" => self.istio(&document["spec"]["wasm"]),
            "EnvoyExtensionPolicy" => {
                for plugin in list(&document["spec"]["wasm"]) {
                    self.envoy_gateway(plugin);
                }
            }
            _ if kind.ends_with("List") => {
                list(&document["items"]).iter().for_each(|item| self.document(item))
            }
            _ => self.walk(document),
        }
        self.place.clear();
    }

    fn istio(&mut self, wasm: &Value) {
        let mut environment = Environment::default();
        for variable in list(&wasm["vmConfig"]["env"]) {
            let name = variable["name"].as_str().unwrap_or_default().to_owned();
            match variable["value"].as_str() {
                Some(value) => {
                    environment.values.insert(name, value.to_owned());
                }
                None => environment.host_keys.push(name),
            }
        }
        let configuration = json(&wasm["pluginConfig"]);
        if !is_ours(&configuration, &[&wasm["url"]]) {
            return;
        }
        self.push(Found {
            configuration,
            // FAIL_CLOSE, Istio's default, is what Envoy calls FAIL_CLOSED.
            failure_policy: Some(text(&wasm["failStrategy"]).unwrap_or_else(|| "FAIL_CLOSE".to_owned())),
            environment: Some(environment),
            ..Found::default()
        });
    }

    fn envoy_gateway(&mut self, plugin: &Value) {
        let failure_policy = if plugin["failOpen"] == true { "FAIL_OPEN" } else { "FAIL_CLOSED" };
        let configuration = json(&plugin["config"]);
        if !is_ours(&configuration, &[&plugin["name"], &plugin["code"]]) {
            return;
        }
        self.push(Found {
            configuration,
            failure_policy: Some(failure_policy.to_owned()),
            environment: Some(Environment {
                host_keys: strings(&plugin["env"]["hostKeys"]),
                ..Environment::default()
            }),
            ..Found::default()
        });
    }

    fn push(&mut self, found: Found) {
        self.found.push(Found { place: self.place.join(", "), manager: self.manager.clone(), ..found });
    }

    /// Looks for Envoy's own messages, wherever they are.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.walk(value)),
            Value::Object(_) if !field(value, "vm_config").is_null() => self.plugin(value),
            Value::Object(_) if field(value, "http_filters").is_array() => self.manager(value),
            Value::Object(fields) => {
                let depth = self.place.len();
                if !field(value, "filter_chains").is_null() {
                    self.limit = field(value, "per_connection_buffer_limit_bytes")
                        .as_u64()
                        .unwrap_or(CONNECTION_LIMIT);
                    let port = at(value, &["address", "socket_address", "port_value"]).as_u64();
                    self.port = port.and_then(|port| u16::try_from(port).ok());
                    self.place
                        .push(format!("listener {}", value["name"].as_str().unwrap_or("without a name")));
                }
                fields.values().for_each(|value| self.walk(value));
                self.place.truncate(depth);
            }
            _ => {}
        }
    }

    fn manager(&mut self, manager: &Value) {
        let filters = list(field(manager, "http_filters"));
        let routes = field(manager, "route_config");
        for (index, filter) in filters.iter().enumerate() {
            let after = filters.get(index.saturating_add(1)..).unwrap_or_default();
            let limits = after.iter().filter_map(|filter| buffer_limit(filter, routes));
            self.manager = Some(Manager {
                changes_url: URL_OPTIONS.into_iter().filter(|name| *field(manager, name) == true).collect(),
                is_edge: *field(manager, "use_remote_address") == true
                    && field(manager, "xff_num_trusted_hops").as_u64().unwrap_or_default() == 0,
                buffer_after: limits.min(),
                connection_limit: self.limit,
                port: self.port,
            });
            self.place.push(format!("filter {}", filter["name"].as_str().unwrap_or("without a name")));
            let first = self.found.len();
            self.walk(filter);
            for found in self.found.iter_mut().skip(first) {
                found.is_never_enabled = is_disabled(filter) && !may_be_enabled(filter, routes);
                // In a chain or a choice of filters of its own: what stands after it there is not looked at.
                if at(filter, &["typed_config", "config", "vm_config"]).is_null()
                    && let Some(manager) = &mut found.manager
                {
                    manager.buffer_after.get_or_insert(u64::MAX);
                }
            }
            self.place.pop();
        }
        self.manager = None;
    }

    fn plugin(&mut self, plugin: &Value) {
        let variables = at(plugin, &["vm_config", "environment_variables"]);
        let values = field(variables, "key_values").as_object().into_iter().flatten();
        let values = values.filter_map(|(name, value)| Some((name.clone(), text(value)?)));
        let configuration = configuration(field(plugin, "configuration"));
        if !is_ours(&configuration, &[&plugin["name"], at(plugin, &["vm_config", "code"])]) {
            return;
        }
        let mut vm = field(plugin, "vm_config").clone();
        if let Value::Object(fields) = &mut vm {
            fields.retain(|name, _| name != "environment_variables" && name != "environmentVariables");
        }
        let name = self.place.len();
        if self.manager.is_none()
            && let Some(own) = plugin["name"].as_str()
        {
            self.place.push(format!("plugin {own}"));
        }
        self.push(Found {
            configuration,
            stop_flag: Some(*field(plugin, "allow_on_headers_stop_iteration") == true),
            failure_policy: failure_policy(plugin),
            environment: Some(Environment {
                host_keys: strings(field(variables, "host_env_keys")),
                values: values.collect(),
            }),
            vm: vm.to_string(),
            ..Found::default()
        });
        self.place.truncate(name);
    }
}

/// What Envoy hands to the plugin of an `Any`.
fn configuration(any: &Value) -> Vec<u8> {
    let value = &any["value"];
    match value {
        Value::String(text) if is_type(any, "google.protobuf.BytesValue") => {
            STANDARD.decode(text).unwrap_or_default()
        }
        Value::String(text) => text.clone().into_bytes(),
        Value::Null => Vec::new(),
        other => other.to_string().into_bytes(),
    }
}

/// What a control plane makes of an object: JSON text.
fn json(value: &Value) -> Vec<u8> {
    if value.is_null() { Vec::new() } else { value.to_string().into_bytes() }
}

/// Whether a plugin is this filter: by what it is configured with, or by its name or code.
fn is_ours(configuration: &[u8], names: &[&Value]) -> bool {
    let text = String::from_utf8_lossy(configuration);
    ["auth_tokens", "shared_keys"].iter().any(|field| text.contains(field))
        || names.iter().any(|name| name.to_string().replace('-', "_").contains("twilio_proxy_wasm"))
}

fn is_disabled(filter: &Value) -> bool {
    filter["disabled"] == true
}

/// Whether some route enables a filter, as far as the routes are told.
fn may_be_enabled(filter: &Value, routes: &Value) -> bool {
    routes.is_null() || enables(routes, filter["name"].as_str().unwrap_or_default())
}

fn enables(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| enables(value, name)),
        Value::Object(fields) => {
            let own = &field(value, "typed_per_filter_config")[name];
            (!own.is_null() && own["disabled"] != true) || fields.values().any(|value| enables(value, name))
        }
        _ => false,
    }
}

/// How much a filter takes, if it is a buffer that may be at work. What a route says of it is not looked at.
fn buffer_limit(filter: &Value, routes: &Value) -> Option<u64> {
    let config = field(filter, "typed_config");
    if !is_type(config, "filters.http.buffer.v3.Buffer") {
        return None;
    }
    match (is_disabled(filter), may_be_enabled(filter, routes)) {
        (false, _) => Some(field(config, "max_request_bytes").as_u64().unwrap_or(u64::MAX)),
        (true, may) => may.then_some(u64::MAX),
    }
}
