//! The roll-out that the guides describe: report first, enforce later, while requests are served.

use std::time::Instant;

use serde_json::json;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::xds::{Generated, Mesh, start};
use super::{ENVOY_FILTER, ENVOY_GATEWAY, SOON, WASM_PLUGIN, read};
use crate::site::Site;
use crate::webhook::{FORM_BODY, PARAMS, denied, form, passes, send, signature, still_serves};

fn with_mode(generated: &Generated, mode: &str) -> Generated {
    let mut generated = generated.clone();
    let mut plugin = generated.configuration();
    plugin["mode"] = json!(mode);
    generated.configure(&plugin);
    generated
}

/// Sends this until an update has come through.
fn until(site: &Site, signature: &str, status: u16) {
    let started = Instant::now();
    let request = form("/hook/a").header("x-twilio-signature", signature);
    while send(site, Protocol::Http1, &request).status != status {
        assert!(started.elapsed() < SOON, "expected {status}\n{}", site.envoy.log());
    }
}

fn rolls_out(generated: &Generated) {
    let binary = versions().pop().expect("an Envoy");
    let Mesh { site, control } = start(&binary, generated, Protocol::Http2);
    let of_another = signature("/hook/other", &PARAMS);
    let forged = form("/hook/a").header("x-twilio-signature", &of_another);
    denied(&site, Protocol::Http1, &forged, 403, "signature_mismatch");
    control.publish_plugin(&with_mode(generated, "report"));
    until(&site, &of_another, 200);
    // The gate lets it through, and it is counted.
    let before = site.count("reported", "signature_mismatch");
    passes(&site, Protocol::Http2, &forged, FORM_BODY.as_bytes());
    assert_eq!(site.count("reported", "signature_mismatch"), before + 1);
    still_serves(&site);
    control.publish_plugin(&with_mode(generated, "enforce"));
    until(&site, &of_another, 403);
    denied(&site, Protocol::Http2, &forged, 403, "signature_mismatch");
    still_serves(&site);
}

#[test]
fn the_roll_out_on_istio() {
    rolls_out(&read(WASM_PLUGIN));
    rolls_out(&read(ENVOY_FILTER));
}

#[test]
fn the_roll_out_on_envoy_gateway() {
    rolls_out(&read(ENVOY_GATEWAY));
}
