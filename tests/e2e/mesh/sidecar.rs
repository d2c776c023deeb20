//! The filter in the application's sidecar, behind a gateway that rewrites paths.

use serde_json::json;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::recorded::as_written;
use super::xds::{Mesh, start};
use super::{SIDECAR, takes_sockets};
use crate::site::{Site, access_log, cluster};
use crate::spine::check;
use crate::webhook::{BOTH, FORM_BODY, PARAMS, denied, form, passes, signature, signed_form, still_serves};

/// A gateway that makes `/twilio/` of `/hook/`, and lets `/twilio/` be.
fn gateway(binary: &EnvoyBinary, sidecar: u16) -> Envoy {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "use_remote_address": true,
        "normalize_path": true,
        "proxy_100_continue": true,
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{ "upgrade_type": "websocket" }],
        "access_log": [access_log()],
        "http_filters": [{ "name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" }}],
        "route_config": { "name": "gateway", "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
            { "match": { "prefix": "/hook/" }, "route": { "cluster": "upstream", "prefix_rewrite": "/twilio/" } },
            { "match": { "prefix": "/" }, "route": { "cluster": "upstream" } },
        ]}]},
    });
    let bootstrap = json!({ "static_resources": {
        "listeners": [{
            "name": "main",
            "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }]}],
        }],
        "clusters": [cluster(sidecar, Protocol::Http1)],
    }});
    Envoy::start(binary, &bootstrap.to_string(), &Options::default())
}

pub fn behind_a_gateway(binary: &EnvoyBinary, name: &str) -> Mesh {
    let generated = as_written(name);
    let mut mesh = start(binary, &generated, Protocol::Http2);
    mesh.site.front = Some(gateway(binary, mesh.site.envoy.listener_port("main")));
    mesh
}

#[test]
fn a_sidecar_verifies_what_was_dialled_before_the_gateway_rewrote_it() {
    for binary in versions() {
        let mesh = behind_a_gateway(&binary, SIDECAR);
        verifies(&mesh.site);
    }
}

pub fn verifies(site: &Site) {
    still_serves(site);
    for protocol in BOTH {
        check(site, protocol);
    }
    let paths = site.upstream.requests().into_iter().map(|request| request.path);
    assert!(paths.into_iter().all(|path| path.starts_with("/twilio/")));
    takes_sockets(site);
}

#[test]
fn a_client_has_no_say_in_what_was_dialled() {
    for binary in versions() {
        let Mesh { site, control: _control } = behind_a_gateway(&binary, SIDECAR);
        for protocol in BOTH {
            for path in ["/hook/a", "/twilio/a"] {
                let of_another = form(path)
                    .header("x-envoy-original-path", "/hook/other")
                    .header("x-twilio-signature", signature("/hook/other", &PARAMS));
                denied(&site, protocol, &of_another, 403, "signature_mismatch");
            }
            passes(&site, protocol, &signed_form("/twilio/a"), FORM_BODY.as_bytes());
        }
    }
}
