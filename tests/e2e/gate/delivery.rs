//! What a control plane delivers comes in pieces: routes before filters, filters before their modules, or never.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use super::{does_not_pass, gated, in_both, is_shut};
use crate::faults::soon;
use crate::site::{HOST, Layout, Site, access_log};
use crate::webhook::{FORM_BODY, denied, form, passes, send, signed_form};

const EXTENSION: &str = "envoy.config.core.v3.TypedExtensionConfig";
const ROUTES: &str = "envoy.config.route.v3.RouteConfiguration";
const SOON: Duration = Duration::from_secs(10);

/// Files that a proxy watches in place of a control plane.
struct Files(Scratch);

impl Files {
    fn source(&self, name: &str) -> Value {
        let path = self.0.join(name).display().to_string();
        json!({ "path_config_source": { "path": path }, "resource_api_version": "V3",
                "initial_fetch_timeout": "0.2s" })
    }

    fn publish(&self, name: &str, kind: &str, mut resources: Vec<Value>) {
        for resource in &mut resources {
            resource["@type"] = json!(format!("type.googleapis.com/{kind}"));
        }
        let next = self.0.write(&format!("{name}.next"), json!({ "resources": resources }).to_string());
        // A file is watched for being replaced, never for being written to.
        fs::rename(next, self.0.join(name)).expect("to move an update into place");
    }
}

/// A proxy whose routes and whose one filter are delivered; `stand_in` is what Envoy runs until the filter has come.
fn start(binary: &EnvoyBinary, files: &Files, layout: &Layout, stand_in: Option<Value>) -> Site {
    let upstream = Upstream::start();
    let mut bootstrap = layout.bootstrap(upstream.port());
    let from_the_start = bootstrap["static_resources"]["listeners"][0].clone();
    let manager =
        &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let mut discovery = json!({
        "config_source": files.source("ecds"),
        "type_urls": [
            "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        ],
    });
    if let Some(stand_in) = stand_in {
        discovery["default_config"] = stand_in;
        discovery["apply_default_config_without_warming"] = json!(true);
    }
    manager["http_filters"][0] = json!({ "name": "twilio_webhook", "config_discovery": discovery });
    manager.as_object_mut().expect("a manager").remove("route_config");
    manager["rds"] = json!({ "route_config_name": "main", "config_source": files.source("rds") });
    manager["access_log"] = json!([access_log()]);
    files.publish("rds", ROUTES, vec![table(&layout.routes)]);
    if !binary.is_at_least((1, 39)) {
        // Where the first module comes to workers that serve already, these end on processors with memory protection keys: they
        // are not let at V8's memory. Another listener has a module from the start, in a VM of its own.
        let mut other = from_the_start;
        other["name"] = json!("other");
        let manager = &mut other["filter_chains"][0]["filters"][0]["typed_config"];
        manager["http_filters"][0]["typed_config"]["config"]["vm_config"]["vm_id"] = json!("other");
        bootstrap["static_resources"]["listeners"].as_array_mut().expect("listeners").push(other);
    }
    bootstrap["node"] = json!({ "id": "test", "cluster": "test" });
    Site::of(Envoy::start(binary, &bootstrap.to_string(), &Options::default()), upstream)
}

fn table(routes: &Value) -> Value {
    json!({ "name": "main", "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }] })
}

fn extension(layout: &Layout) -> Value {
    layout.filter()
}

fn requests() -> [Request; 3] {
    [signed_form("/hook/a"), form("/hook/a"), Request::new("GET", HOST, "/hook/a")]
}

/// What stands in for a plugin that could not be fetched, where it is told to fail open.
fn allow_all() -> Value {
    json!({ "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC" })
}

#[test]
fn nothing_passes_before_the_filter_has_come_nor_after_it_was_refused() {
    for binary in versions() {
        for layout in [gated(Layout::default()), gated(Layout::buffer_after())] {
            for stand_in in [None, Some(allow_all())] {
                let files = Files(Scratch::new("delivery"));
                files.publish("ecds", EXTENSION, Vec::new());
                let is_open = stand_in.is_some();
                let site = start(&binary, &files, &layout, stand_in);
                let nothing_passes =
                    || in_both(&requests(), |protocol, request| does_not_pass(&site, protocol, request));
                nothing_passes();
                if is_open {
                    is_shut(&site, Protocol::Http1, &form("/hook/a"));
                    assert_eq!(send(&site, Protocol::Http1, &form("/free/a")).status, 200);
                }
                let mut refused = layout.clone();
                refused.plugin["modus"] = json!("enforce");
                files.publish("ecds", EXTENSION, vec![extension(&refused)]);
                assert!(
                    site.envoy.wait_for_log("configuration rejected: modus", SOON),
                    "{}",
                    site.envoy.log()
                );
                nothing_passes();
                files.publish("ecds", EXTENSION, vec![extension(&layout)]);
                soon("the filter", || send(&site, Protocol::Http1, &signed_form("/hook/a")).status == 200);
                let opens = || {
                    in_both(&[signed_form("/hook/a")], |protocol, request| {
                        passes(&site, protocol, request, FORM_BODY.as_bytes());
                    });
                    in_both(&[form("/hook/a")], |protocol, request| {
                        denied(&site, protocol, request, 403, "missing_signature");
                    });
                };
                opens();
                // Refused while it serves: what was there goes on.
                let mark = site.envoy.log_mark();
                files.publish("ecds", EXTENSION, vec![extension(&refused)]);
                assert!(site.envoy.wait_for_log_since(mark, "configuration rejected: modus", SOON));
                opens();
            }
        }
    }
}

/// A route enables a filter that the listener does not have (yet, or for ever): Envoy ignores that.
#[test]
fn nothing_passes_where_routes_enable_a_filter_that_is_not_there() {
    for binary in versions() {
        let files = Files(Scratch::new("routes-first"));
        let mut layout = gated(Layout::default());
        let enabled = json!({ "another_webhook": {
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}, "is_optional": true } });
        layout.routes[1]["typed_per_filter_config"] = enabled;
        files.publish(
            "ecds",
            EXTENSION,
            vec![json!({ "name": "twilio_webhook", "typed_config": allow_all() })],
        );
        let site = start(&binary, &files, &layout, None);
        in_both(&requests(), |protocol, request| is_shut(&site, protocol, request));
        passes(&site, Protocol::Http1, &form("/free/a"), FORM_BODY.as_bytes());
    }
}
