//! The filter's virtual machine traps: nothing passes until it runs again. The module is one that was built to trap where a
//! header asks for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Failure, Request, h1};
use twilio_proxy_wasm_harness::envoy::{EnvoyBinary, versions};
use twilio_proxy_wasm_harness::sample::trapping_module;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::soon;
use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, FORM_BODY, form, passes, signed_form, still_serves};

/// What the test module looks for, and the release module must not know.
const HEADER: &str = "x-trap-for-tests";

fn site(binary: &EnvoyBinary, layout: Layout, policy: &str) -> Site {
    let vm =
        json!({ "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": trapping_module() } } });
    let mut wasm = json!({ "vm_config": vm, "failure_policy": policy });
    if policy == "FAIL_RELOAD" {
        wasm["reload_config"] = json!({ "backoff": { "base_interval": "0.3s" } });
    }
    Site::start(binary, &Layout { wasm: merged(layout.wasm.clone(), wasm), ..layout })
}

fn merged(mut into: Value, members: Value) -> Value {
    for (name, value) in members.as_object().expect("members") {
        into[name] = value.clone();
    }
    into
}

fn status(site: &Site, protocol: Protocol, request: &Request) -> Result<u16, Failure> {
    client::send(&site.target(), protocol, request).map(|response| response.status)
}

/// Every stage at which the virtual machine is asked to trap.
const STAGES: [&str; 2] = ["headers", "body"];

#[test]
fn nothing_passes_while_the_machine_is_down_and_fail_closed_keeps_it_down() {
    for binary in versions() {
        for layout in [Layout::default(), Layout::buffer_after()] {
            for stage in STAGES {
                let site = site(&binary, layout.clone(), "FAIL_CLOSED");
                still_serves(&site);
                let mut held = held(&site);
                let mark = site.upstream.mark();
                assert_eq!(
                    status(&site, Protocol::Http1, &signed_form("/hook/a").header(HEADER, stage)),
                    Ok(503)
                );
                // What the machine held when it trapped is lost, and not let go.
                let _ = held.send(&FORM_BODY.as_bytes()[9..]);
                let answer = held.read_response().map(|it| it.status);
                assert!(!matches!(answer, Ok(..500) | Err(Failure::Timeout)), "{answer:?}");
                for protocol in BOTH {
                    for request in
                        [signed_form("/hook/a"), form("/hook/a"), Request::new("GET", HOST, "/free")]
                    {
                        assert_eq!(status(&site, protocol, &request), Ok(503), "Envoy {}", binary.version);
                    }
                }
                assert_eq!(site.upstream.bytes_since(mark), b"", "Envoy {}, {stage}", binary.version);
            }
        }
    }
}

#[test]
fn nothing_passes_while_the_machine_is_down_and_fail_reload_brings_it_back() {
    for binary in versions() {
        for layout in [Layout::default(), Layout::buffer_after()] {
            for stage in STAGES {
                let site = site(&binary, layout.clone(), "FAIL_RELOAD");
                still_serves(&site);
                let mut held = held(&site);
                let mark = site.upstream.mark();
                assert_eq!(
                    status(&site, Protocol::Http2, &signed_form("/hook/a").header(HEADER, stage)),
                    Ok(503)
                );
                let _ = held.send(&FORM_BODY.as_bytes()[9..]);
                let answer = held.read_response().map(|it| it.status);
                assert!(!matches!(answer, Ok(..500) | Err(Failure::Timeout)), "{answer:?}");
                // Down, coming back, and back: forgeries are refused in every state.
                let until = Instant::now() + Duration::from_millis(600);
                while Instant::now() < until {
                    for protocol in BOTH {
                        let answer = status(&site, protocol, &form("/hook/a"));
                        assert!(matches!(answer, Ok(403 | 503)), "{answer:?}");
                    }
                }
                assert_eq!(site.upstream.bytes_since(mark), b"", "Envoy {}, {stage}", binary.version);
                soon("a good request", || status(&site, Protocol::Http1, &signed_form("/hook/a")) == Ok(200));
                for protocol in BOTH {
                    passes(&site, protocol, &signed_form("/hook/a"), FORM_BODY.as_bytes());
                }
            }
        }
    }
}

/// A signed form of which the machine has seen the headers and nine bytes.
fn held(site: &Site) -> h1::Connection {
    let request = signed_form("/hook/held");
    let mut connection = h1::Connection::open(&site.target()).expect("a connection");
    connection.send(&[request.h1_head(), FORM_BODY.as_bytes()[..9].to_vec()].concat()).expect("to send");
    soon("a held request", || site.envoy.counter("http.main.downstream_rq_active") == 1);
    connection
}

/// The header that the other module looks for is one like any other.
#[test]
fn the_release_module_has_no_such_trap() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        for (protocol, stage) in BOTH.into_iter().flat_map(|protocol| STAGES.map(|stage| (protocol, stage))) {
            passes(&site, protocol, &signed_form("/hook/a").header(HEADER, stage), FORM_BODY.as_bytes());
        }
    }
}
