//! Tokens from a file: what reads it is the first filter of each layout.

use std::time::Instant;

use serde_json::json;
use twilio_proxy_wasm_harness::envoy::{EnvoyBinary, versions};
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::recorded::{as_written, read};
use super::xds::{Generated, Mesh, NEXT_TOKEN, start};
use super::{
    ENVOY_FILTER, ENVOY_FILTER_FROM_FILE, SHARED_GATEWAY, SHARED_GATEWAY_FROM_FILE, SIDECAR,
    SIDECAR_FROM_FILE, SOON, TOKENS_FROM_FILE, TRAFFIC_EXTENSION, sidecar, verifies,
};
use crate::site::{HOST, Site, TOKEN};
use crate::webhook::{BOTH, PARAMS, denied, form, send, signature_with};

/// The overlays, and those that they are variants of.
const ALL: [(&str, &str); 4] = [
    (TOKENS_FROM_FILE, TRAFFIC_EXTENSION),
    (ENVOY_FILTER_FROM_FILE, ENVOY_FILTER),
    (SHARED_GATEWAY_FROM_FILE, SHARED_GATEWAY),
    (SIDECAR_FROM_FILE, SIDECAR),
];

/// Whether a script of this Envoy can write filter state.
fn can(binary: &EnvoyBinary) -> bool {
    binary.is_at_least((1, 38))
}

#[test]
fn what_reads_the_tokens_stands_before_the_plugin_and_all_else_is_the_same() {
    for (name, base) in ALL {
        let (mut with, mut without) = (as_written(name), as_written(base));
        assert_eq!(with.order()[0], "twilio-webhook-tokens", "{name}");
        assert_eq!(with.order()[1..], without.order()[..], "{name}");
        assert_eq!(with.filters[1..], without.filters[..], "{name}");
        let mut configuration = without.configuration();
        configuration["auth_tokens"] = json!([{ "filter_state": "twilio.auth_tokens" }]);
        assert_eq!(with.configuration(), configuration, "{name}");
        let parts =
            |of: &Generated| (of.listener.clone(), of.manager.clone(), of.routes.clone(), of.stats.clone());
        assert_eq!(parts(&with), parts(&without), "{name}");
    }
}

/// A webhook to the application, with this token.
fn status(site: &Site, token: &str) -> u16 {
    let signature = signature_with(token, &format!("http://{HOST}/hook/a"), &PARAMS);
    send(site, Protocol::Http1, &form("/hook/a").header("x-twilio-signature", signature)).status
}

fn becomes(site: &Site, token: &str, expected: u16) {
    let started = Instant::now();
    while status(site, token) != expected {
        assert!(started.elapsed() < SOON, "expected {expected} for {token}\n{}", site.envoy.log());
    }
}

/// Both tokens are there. Then the old one is taken out, and put back.
fn rotates(mesh: &Mesh) {
    assert_eq!(status(&mesh.site, NEXT_TOKEN), 200);
    mesh.control.write_tokens(NEXT_TOKEN);
    becomes(&mesh.site, TOKEN, 403);
    assert_eq!(status(&mesh.site, NEXT_TOKEN), 200);
    mesh.control.write_tokens("");
    becomes(&mesh.site, NEXT_TOKEN, 403);
    mesh.control.write_tokens(TOKEN);
    becomes(&mesh.site, TOKEN, 200);
}

/// Nobody is let in.
fn shut(site: &Site) {
    let signature = signature_with(TOKEN, &format!("http://{HOST}/hook/a"), &PARAMS);
    for protocol in BOTH {
        denied(site, protocol, &form("/hook/a").header("x-twilio-signature", &signature), 403, "unknown_key");
    }
}

#[test]
fn a_gateway_verifies_with_the_tokens_of_a_file() {
    for (name, binary) in ALL[..3].iter().flat_map(|(name, _)| versions().into_iter().map(move |v| (name, v)))
    {
        let generated = read(name);
        if can(&binary) {
            verifies(&binary, &generated);
            rotates(&start(&binary, &generated, Protocol::Http2));
        } else {
            let mesh = start(&binary, &generated, Protocol::Http2);
            shut(&mesh.site);
        }
    }
}

#[test]
fn a_sidecar_verifies_with_the_tokens_of_a_file() {
    for binary in versions() {
        let mesh = sidecar::behind_a_gateway(&binary, SIDECAR_FROM_FILE);
        if can(&binary) {
            sidecar::verifies(&mesh.site);
            rotates(&mesh);
        } else {
            shut(&mesh.site);
        }
    }
}
