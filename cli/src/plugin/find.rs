//! Where in a file the filter is configured, and what stands around it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use twilio_proxy_wasm::config::schema;

use super::entries::{self, Maker, Name};
use super::filter_state;
use super::found::{Environment, Found, Manager};
use super::place::{at, field, is_type, list, strings, text};

/// What Envoy buffers unless a listener says otherwise.
const CONNECTION_LIMIT: u64 = 1_048_576;

const URL_OPTIONS: [&str; 3] = ["normalize_path", "merge_slashes", "strip_any_host_port"];

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

/// Finds the plugins in the documents of a file, of which `source` is the text; `is_json` says that it is meant to be JSON.
#[must_use]
pub fn find(documents: &[Value], source: &str, is_json: bool) -> Vec<Found> {
    let mut search = Search {
        found: Vec::new(),
        object: Found::default(),
        manager: None,
        limit: CONNECTION_LIMIT,
        port: None,
        place: Vec::new(),
    };
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

/// Returns whether some buffer for requests is configured in a file.
pub(super) fn has_buffer(source: &str) -> bool {
    ["filters.http.buffer.v3.Buffer", "requestBuffer:", "\"requestBuffer\":"]
        .iter()
        .any(|name| source.contains(name))
}

/// Returns the domains of the virtual hosts that lead to a cluster; `None` if there are no virtual hosts in a table of routes.
fn domains(routes: &Value) -> Option<Vec<String>> {
    let hosts = field(routes, "virtual_hosts").as_array()?;
    let leads_somewhere = |host: &&Value| {
        list(field(host, "routes")).iter().any(|route| !field(route, "route").is_null())
            || !field(host, "matcher").is_null()
    };
    Some(hosts.iter().filter(leads_somewhere).flat_map(|host| strings(field(host, "domains"))).collect())
}

/// Returns what happens while the VM is down, by the name in Envoy's API, which takes its number as well. The older
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
            let ours = schema();
            fields.keys().any(|field| !ours["properties"][field].is_null())
                || (is_json && OTHERS.iter().all(|name| field(document, name).is_null()))
        }
        // Whatever it is, what the filter says of it is the answer.
        _ => is_json || source.trim().is_empty(),
    }
}

struct Search {
    found: Vec<Found>,
    /// What the object that is looked at says of all plugins in it.
    object: Found,
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
        self.object = Found {
            maker: Some(match kind {
                "WasmPlugin" | "TrafficExtension" | "EnvoyFilter" => Maker::Istio,
                "EnvoyExtensionPolicy" => Maker::EnvoyGateway,
                _ => Maker::Envoy,
            }),
            namespace: text(&document["metadata"]["namespace"]),
            targets: targets(&document["spec"]),
            gate: matches!(kind, "WasmPlugin" | "TrafficExtension")
                .then(|| Name::in_namespace(document["metadata"]["namespace"].as_str(), &format!(".{name}"))),
            ..Found::default()
        };
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
            gate: text(&plugin["name"]).map(Name::whole),
            environment: Some(Environment {
                host_keys: strings(&plugin["env"]["hostKeys"]),
                ..Environment::default()
            }),
            ..Found::default()
        });
    }

    fn push(&mut self, found: Found) {
        let Found { maker, namespace, targets, gate, .. } = self.object.clone();
        let gate = gate.or_else(|| found.gate.clone()).or_else(|| Some(Name::whole(found.name.clone()?)));
        let (place, manager) = (self.place.join(", "), self.manager.clone());
        self.found.push(Found { place, maker, namespace, targets, gate, manager, ..found });
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
            let before = filters.get(..index).unwrap_or_default();
            let enabled =
                before.iter().filter(|filter| !is_disabled(filter) || may_be_enabled(filter, routes));
            let limits = after.iter().filter_map(|filter| buffer_limit(filter, routes));
            let table = self.place.last().cloned().unwrap_or_default();
            self.manager = Some(Manager {
                changes_url: URL_OPTIONS.into_iter().filter(|name| *field(manager, name) == true).collect(),
                domains: domains(routes),
                entries: routes.is_object().then(|| entries::of_table(routes, &table).into()),
                buffer_before: before.iter().any(|filter| buffer_limit(filter, routes).is_some()),
                is_edge: *field(manager, "use_remote_address") == true
                    && field(manager, "xff_num_trusted_hops").as_u64().unwrap_or_default() == 0,
                filter_states: enabled.clone().flat_map(filter_state::written).collect(),
                may_have_other_states: enabled.clone().any(filter_state::may_write),
                buffer_after: limits.min(),
                connection_limit: self.limit,
                port: self.port,
            });
            self.place.push(format!("filter {}", filter["name"].as_str().unwrap_or("without a name")));
            let first = self.found.len();
            self.walk(filter);
            for found in self.found.iter_mut().skip(first) {
                found.is_behind_router = before.iter().any(is_router);
                found.switch = is_disabled(filter).then(|| text(&filter["name"]).unwrap_or_default());
                found.is_never_enabled = is_disabled(filter) && !may_be_enabled(filter, routes);
                // In a chain or a choice of filters of its own: what stands after it there is not looked at.
                if at(filter, &["typed_config", "config", "vm_config"]).is_null()
                    && let Some(manager) = &mut found.manager
                {
                    manager.buffer_after.get_or_insert(u64::MAX);
                    manager.may_have_other_states = true;
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
        let own = at(plugin, &["vm_config", "configuration"]);
        if !is_ours(&configuration, &[&plugin["name"], at(plugin, &["vm_config", "code"])])
            && !is_ours(own.to_string().as_bytes(), &[])
        {
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
            name: Some(text(&plugin["name"]).unwrap_or_default()),
            has_vm_configuration: field(plugin, "configuration").is_null()
                && !at(plugin, &["vm_config", "configuration"]).is_null(),
            ..Found::default()
        });
        self.place.truncate(name);
    }
}

/// Returns the bytes of an `Any` that Envoy hands to the plugin.
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

/// Writes an object as a control plane does: as JSON text.
fn json(value: &Value) -> Vec<u8> {
    if value.is_null() { Vec::new() } else { value.to_string().into_bytes() }
}

/// Returns whether a plugin is this filter: by what it is configured with, or by its name or code.
fn is_ours(configuration: &[u8], names: &[&Value]) -> bool {
    let text = String::from_utf8_lossy(configuration);
    ["auth_tokens", "shared_keys"].iter().any(|field| text.contains(field))
        || names.iter().any(|name| name.to_string().replace('-', "_").contains("twilio_proxy_wasm"))
}

/// Returns the objects that a policy is for, by kind and name.
fn targets(spec: &Value) -> Vec<(String, String)> {
    let several = list(&spec["targetRefs"]).iter();
    several
        .chain(std::iter::once(&spec["targetRef"]))
        .filter_map(|target| Some((text(&target["kind"])?, text(&target["name"])?)))
        .collect()
}

fn is_router(filter: &Value) -> bool {
    is_type(field(filter, "typed_config"), "filters.http.router.v3.Router")
        || filter["name"] == "envoy.filters.http.router"
}

fn is_disabled(filter: &Value) -> bool {
    filter["disabled"] == true
}

/// Returns whether some route enables a filter, as far as the routes are told.
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

/// Returns how much a filter takes, if it is a buffer that may be at work. What a route says of it is not looked at.
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
