//! Sizes: limits, memory, and many parameters.

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Request, h2};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, FORM, denied, passes, signature, signature_with, still_serves};

/// `max_body_bytes` unless the configuration says otherwise.
const LIMIT: usize = 262_144;

fn layouts() -> [Layout; 2] {
    [Layout::default(), Layout::buffer_after()]
}

#[test]
fn a_body_over_the_limit_is_denied_by_its_length_or_by_counting() {
    for binary in versions() {
        for layout in layouts() {
            let site = Site::start(&binary, &layout);
            for protocol in BOTH {
                for size in [LIMIT, LIMIT + 1] {
                    let value = "x".repeat(size - 2);
                    let body = format!("a={value}");
                    let request = Request::new("POST", HOST, "/hook/big")
                        .header("content-type", FORM)
                        .header("x-twilio-signature", signature("/hook/big", &[("a", &value)]));
                    let whole = request.clone().body(&body);
                    let cut = request.frames(body.as_bytes().chunks(10_000));
                    if size > LIMIT {
                        denied(&site, protocol, &whole, 413, "body_too_large");
                        denied(&site, protocol, &cut, 413, "body_too_large");
                    } else {
                        passes(&site, protocol, &whole, body.as_bytes());
                        passes(&site, protocol, &cut, body.as_bytes());
                    }
                }
            }
            still_serves(&site);
        }
    }
}

#[test]
fn memory_stays_bounded_while_endless_bodies_come_in_on_http2() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        still_serves(&site);
        let before = site.envoy.memory();
        for _ in 0..20 {
            let request = Request::new("POST", HOST, "/hook/endless")
                .header("content-type", FORM)
                .header("x-twilio-signature", signature("/hook/endless", &[]))
                .frames([vec![b'x'; 16_384]])
                .unfinished();
            let mut connection = h2::Connection::open(&site.target()).expect("a connection");
            let mut stream = connection.start(&request).expect("a stream");
            // Ten times the limit, or until the proxy has had enough.
            let sent = (0..160).take_while(|_| stream.send_data(&[b'x'; 16_384], false).is_ok()).count();
            assert!(
                sent < 160 || stream.read_head().is_ok_and(|head| head.status == 413),
                "{sent} frames were taken"
            );
        }
        assert_eq!(site.count("denied", "body_too_large"), 20);
        let grown = site.envoy.memory().saturating_sub(before);
        assert!(grown < 16 << 20, "Envoy {}: {grown} bytes more", binary.version);
        still_serves(&site);
    }
}

#[test]
fn a_form_of_20000_parameters_gets_its_verdict() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let names: Vec<String> = (0..20_000).map(|number| format!("p{number}")).collect();
        let params: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
        let body = names.iter().map(|name| format!("{name}=v")).collect::<Vec<_>>().join("&");
        let request = |signature: String| {
            let request = Request::new("POST", HOST, "/hook/many").header("content-type", FORM);
            request.header("x-twilio-signature", signature).body(&body)
        };
        for protocol in BOTH {
            passes(&site, protocol, &request(signature("/hook/many", &params)), body.as_bytes());
            denied(
                &site,
                protocol,
                &request(signature("/hook/many", &params[1..])),
                403,
                "signature_mismatch",
            );
        }
        still_serves(&site);
    }
}

#[test]
fn a_limit_above_the_default_holds_on_http2_too() {
    for binary in versions() {
        let layout = Layout::default().with_route(json!({ "max_body_bytes": 900_000 }));
        let site = Site::start(&binary, &layout);
        let value = "y".repeat(899_998);
        let body = format!("a={value}");
        let signature =
            signature_with(crate::site::TOKEN, &format!("http://{HOST}/hook/big"), &[("a", &value)]);
        let request = Request::new("POST", HOST, "/hook/big").header("content-type", FORM).body(&body);
        passes(&site, Protocol::Http2, &request.header("x-twilio-signature", signature), body.as_bytes());
    }
}
