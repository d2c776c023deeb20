//! Malformed requests: each gets its verdict, and the next good one passes on the same worker.

use serde_json::json;
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;

use crate::site::{HOST, Layout, Site};
use crate::webhook::{
    BOTH, FORM, FORM_BODY, PARAMS, denied, form, passes, signature, signed_form, still_serves,
};

#[test]
fn hostile_headers_get_their_verdict() {
    for binary in versions() {
        // Envoy itself would refuse more than 100 headers.
        let manager = json!({ "common_http_protocol_options": { "max_headers_count": 1000 } });
        let site = Site::start(&binary, &Layout { manager, ..Layout::default() });
        let right = signature("/hook/a", &PARAMS);
        let hundred =
            (0..100).fold(form("/hook/a"), |request, _| request.header("x-twilio-signature", &right));
        let long = format!("/hook/{}", "a".repeat(8_000));
        let cases: Vec<(Request, &str)> = vec![
            (form("/hook/a").header("x-twilio-signature", b"\xff\xfe\x80"), "malformed_signature"),
            (form("/hook/a").header("x-twilio-signature", ""), "malformed_signature"),
            (form("/hook/a").header("x-twilio-signature", format!("{right},{right}")), "malformed_signature"),
            (
                form("/hook/a").header("x-twilio-signature", right.trim_end_matches('=')),
                "malformed_signature",
            ),
            (
                form("/hook/a").header("x-twilio-signature", format!("-{}", &right[1..])),
                "malformed_signature",
            ),
            (signed_form("/hook/a").header("x-twilio-signature", &right), "malformed_signature"),
            (hundred, "malformed_signature"),
            (form(&long).header("x-twilio-signature", &right), "signature_mismatch"),
            (
                form("/hook/a")
                    .header("x-twilio-signature", &right)
                    .header("content-type", "application/json"),
                "unsigned_body",
            ),
        ];
        for (request, reason) in cases {
            for protocol in BOTH {
                denied(&site, protocol, &request, 403, reason);
                still_serves(&site);
            }
        }
        for protocol in BOTH {
            let odd =
                (0..100).fold(signed_form("/hook/a"), |request, _| request.header("x-odd", b"\xc3\x28\x80"));
            passes(&site, protocol, &odd, FORM_BODY.as_bytes());
            let params = [PARAMS.as_slice(), &[("Long", "v")]].concat();
            let signed = Request::new("POST", HOST, &long)
                .header("content-type", FORM)
                .header("x-twilio-signature", signature(&long, &params))
                .body(format!("{FORM_BODY}&Long=v"));
            passes(&site, protocol, &signed, format!("{FORM_BODY}&Long=v").as_bytes());
        }
    }
}
