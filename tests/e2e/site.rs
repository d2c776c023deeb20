//! An Envoy with the filter, an upstream behind it, and a bootstrap that is put together for one test.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Target;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options};
use twilio_proxy_wasm_harness::sample::module;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

/// The host that Twilio dials in all tests.
pub const HOST: &str = "hooks.example.com";
/// The token of the route that tests use unless they say otherwise.
pub const TOKEN: &str = "test-token-0001";

/// What an Envoy is to look like. The default is the documented layout with `hold: self`.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The plugin's configuration.
    pub plugin: Value,
    /// `allow_on_headers_stop_iteration`, if it is set at all.
    pub stop_flag: Option<bool>,
    /// Whether a buffer filter stands before, or after, the filter.
    pub buffer_before: bool,
    /// Filters before the filter.
    pub before: Vec<Value>,
    pub buffer_after: bool,
    /// Whether the upstream is spoken to in HTTP/2.
    pub upstream: Protocol,
    /// Members of the HTTP connection manager that replace the test's own.
    pub manager: Value,
    /// Members of the plugin that replace the test's own.
    pub wasm: Value,
    /// Members of the listener that replace the test's own.
    pub listener: Value,
    pub routes: Value,
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            plugin: json!({
                "verified_header": "x-twilio-verified",
                "unmatched": "allow",
                "routes": [{
                    "name": "hook",
                    "match": { "path": { "prefix": "/hook" } },
                    "auth_tokens": [{ "value": TOKEN }]
                }]
            }),
            stop_flag: Some(true),
            buffer_before: false,
            before: Vec::new(),
            buffer_after: false,
            upstream: Protocol::Http1,
            manager: json!({}),
            wasm: json!({}),
            listener: json!({}),
            routes: default_routes(),
        }
    }
}

/// Returns routes by which Envoy itself answers `/hook/direct` and `/hook/redirect`, and the upstream all else.
pub fn default_routes() -> Value {
    json!([
        { "name": "direct", "match": { "path": "/hook/direct" },
          "direct_response": { "status": 200, "body": { "inline_string": "direct" } } },
        { "name": "redirect", "match": { "path": "/hook/redirect" },
          "redirect": { "host_redirect": "elsewhere.example.com" } },
        { "name": "all", "match": { "prefix": "/" }, "route": { "cluster": "upstream" } },
    ])
}

impl Layout {
    /// Returns the second safe layout: the filter lets headers go on, and a buffer filter after it holds them.
    pub fn buffer_after() -> Layout {
        let mut layout = Layout { stop_flag: None, buffer_after: true, ..Layout::default() };
        layout.plugin["hold"] = json!("buffer_after");
        layout
    }

    /// Returns the same with these members of the one route set anew.
    pub fn with_route(mut self, members: Value) -> Layout {
        merge(&mut self.plugin["routes"][0], members);
        self
    }

    /// Returns the same with an upstream of this protocol.
    pub fn with_upstream(self, upstream: Protocol) -> Layout {
        Layout { upstream, ..self }
    }

    pub fn bootstrap(&self, upstream_port: u16) -> Value {
        json!({
            "static_resources": {
                "listeners": [self.listener()],
                "clusters": [cluster(upstream_port, self.upstream)],
            },
            "stats_config": { "stats_tags": [
                { "tag_name": "route", "regex": r"^wasmcustom\.(route=\.=(.*?);\.;)" },
                { "tag_name": "verdict", "regex": r"^wasmcustom\..*?(verdict=\.=(.*?);\.;)" },
                { "tag_name": "reason", "regex": r"^wasmcustom\..*?(reason=\.=(.*?);\.;)" },
            ]},
        })
    }

    pub fn listener(&self) -> Value {
        let manager_type = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
        let mut manager = json!({
            "@type": manager_type,
            "stat_prefix": "main",
            "use_remote_address": true,
            "http_protocol_options": { "enable_trailers": true },
            "http2_protocol_options": { "allow_connect": true },
            "upgrade_configs": [{ "upgrade_type": "websocket" }],
            "access_log": [access_log()],
            "http_filters": self.filters(),
            "route_config": {
                "name": "main",
                "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": self.routes }],
            },
        });
        merge(&mut manager, self.manager.clone());
        let mut listener = json!({
            "name": "main",
            "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager,
            }]}],
        });
        merge(&mut listener, self.listener.clone());
        listener
    }

    pub fn filters(&self) -> Vec<Value> {
        let buffer = || {
            json!({ "name": "envoy.filters.http.buffer", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": 1_048_576,
            }})
        };
        let mut filters = Vec::new();
        filters.extend(self.buffer_before.then(buffer));
        filters.extend(self.before.iter().cloned());
        filters.push(self.filter());
        filters.extend(self.buffer_after.then(buffer));
        filters.push(json!({ "name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" }}));
        filters
    }

    pub fn filter(&self) -> Value {
        let mut config = json!({
            "name": "twilio_webhook",
            "failure_policy": "FAIL_CLOSED",
            "vm_config": {
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": module() } },
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": self.plugin.to_string(),
            },
        });
        if let Some(flag) = self.stop_flag {
            config["allow_on_headers_stop_iteration"] = json!(flag);
        }
        merge(&mut config, self.wasm.clone());
        json!({ "name": "twilio_webhook", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": config,
        }})
    }
}

/// Returns the cluster `upstream`: this port of 127.0.0.1, spoken to in one protocol.
pub fn cluster(port: u16, protocol: Protocol) -> Value {
    let options = match protocol {
        Protocol::Http1 => json!({ "http_protocol_options": { "enable_trailers": true } }),
        Protocol::Http2 => json!({ "http2_protocol_options": { "allow_connect": true } }),
    };
    json!({
        "name": "upstream",
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": { "cluster_name": "upstream", "endpoints": [{ "lb_endpoints": [
            { "endpoint": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } } } }
        ]}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": options,
            }
        },
    })
}

pub fn access_log() -> Value {
    let text = "details=%RESPONSE_CODE_DETAILS% status=%RESPONSE_CODE% \
                webhook=[%FILTER_STATE(wasm.twilio_webhook:PLAIN)%] case=%REQ(X-CASE)%\n";
    json!({ "name": "stdout", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": { "text_format_source": { "inline_string": text } },
    }})
}

pub fn merge(into: &mut Value, members: Value) {
    let Value::Object(members) = members else { panic!("expected an object to merge") };
    for (name, value) in members {
        into[name] = value;
    }
}

/// A running Envoy and its upstream.
pub struct Site {
    pub envoy: Envoy,
    pub upstream: Upstream,
    /// A proxy in front of this one, if clients are to dial that.
    pub front: Option<Envoy>,
    /// The plugin's route that tests count on.
    pub route: &'static str,
}

impl Site {
    pub fn start(binary: &EnvoyBinary, layout: &Layout) -> Site {
        Site::start_with(binary, layout, &Options::default())
    }

    pub fn start_with(binary: &EnvoyBinary, layout: &Layout, options: &Options) -> Site {
        let upstream = Upstream::start();
        let bootstrap = layout.bootstrap(upstream.port()).to_string();
        Site::of(Envoy::start(binary, &bootstrap, options), upstream)
    }

    pub fn of(envoy: Envoy, upstream: Upstream) -> Site {
        Site { envoy, upstream, front: None, route: "hook" }
    }

    pub fn target(&self) -> Target {
        Target::plain(self.front.as_ref().unwrap_or(&self.envoy).listener_port("main"))
    }

    /// Returns the value of the filter's counter for a verdict on the route.
    pub fn count(&self, verdict: &str, reason: &str) -> u64 {
        let route = self.route;
        let line = format!(
            "twilio_webhook_requests_total{{route=\"{route}\",verdict=\"{verdict}\",reason=\"{reason}\"}} "
        );
        let text = self.envoy.prometheus();
        let value = text.lines().find_map(|candidate| candidate.strip_prefix(line.as_str()));
        value.unwrap_or_else(|| panic!("no counter {line} in:\n{text}")).parse().expect("a count")
    }
}
