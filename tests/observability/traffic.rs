//! An Envoy with all that can go right and wrong, and the traffic that makes it so.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Request, Target, h1};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Answer, Protocol, Upstream};

use crate::site::{HOST, Layout, TOKEN};
use crate::webhook::{PARAMS, form, signature, signed_form};

/// Of all that Envoy takes for a filter, the one that fails at its first request.
const TRAP: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#;

pub struct Proxy {
    /// The name of its scrape job.
    pub job: String,
    pub envoy: Envoy,
    upstream: Upstream,
    _scratch: Scratch,
}

/// The filter as it should be, the same where it cannot hold requests, and a VM that fails.
fn listeners(trap: &str) -> [Value; 3] {
    let route = |name: &str, mode: &str| json!({ "name": name, "match": { "path": { "prefix": format!("/{name}") } }, "mode": mode });
    let keys = json!([{ "value": TOKEN }]);
    let main = Layout {
        plugin: json!({ "auth_tokens": keys, "unmatched": "allow", "routes": [
            route("sms", "enforce"), route("voice", "enforce"), route("tried", "report"), route("old", "off") ] }),
        ..Layout::default()
    };
    let misplaced = Layout {
        plugin: json!({ "auth_tokens": keys, "unmatched": "allow", "routes": [route("misplaced", "enforce")] }),
        stop_flag: None,
        wasm: json!({ "name": "twilio_webhook_misplaced" }),
        ..Layout::default()
    };
    let trap = Layout {
        wasm: json!({
            "name": "twilio_webhook_trap",
            "failure_policy": "FAIL_RELOAD",
            "reload_config": { "backoff": { "base_interval": "0.2s", "max_interval": "0.2s" } },
            "vm_config": { "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": trap } } },
        }),
        ..Layout::default()
    };
    let named = |layout: &Layout, name: &str| {
        let mut listener = layout.listener();
        listener["name"] = json!(name);
        listener
    };
    [named(&main, "main"), named(&misplaced, "misplaced"), named(&trap, "trap")]
}

impl Proxy {
    pub fn start(binary: &EnvoyBinary) -> Proxy {
        let scratch = Scratch::new("trap");
        let trap = scratch.write("trap.wasm", wat::parse_str(TRAP).expect("a module"));
        let upstream = Upstream::start();
        let mut bootstrap = Layout::default().bootstrap(upstream.port());
        bootstrap["static_resources"]["listeners"] = json!(listeners(&trap.display().to_string()));
        // The alerts know the clusters of webhooks by their names.
        let bootstrap = bootstrap.to_string().replace(r#""upstream""#, r#""webhooks""#);
        let envoy = Envoy::start(binary, &bootstrap, &Options::default().log_level("error"));
        Proxy { job: format!("envoy-{}", binary.version), envoy, upstream, _scratch: scratch }
    }

    fn target(&self, listener: &str) -> Target {
        Target::plain(self.envoy.listener_port(listener))
    }

    /// Makes every condition that an alert or a panel is for.
    pub fn send(&self) {
        let mut connection = h1::Connection::open(&self.target("main")).expect("a connection");
        let mut answered = |count: usize, request: &Request, status: u16| {
            for _ in 0..count {
                assert_eq!(connection.request(request).expect("an answer").status, status, "{request:?}");
            }
        };
        let forged = |path: &str| {
            Request::new("GET", HOST, path).header("x-twilio-signature", signature("/other", &PARAMS))
        };
        answered(30, &signed_form("/sms"), 200);
        answered(30, &Request::new("GET", HOST, "/sms"), 403);
        answered(10, &forged("/voice"), 403);
        answered(5, &forged("/tried"), 200);
        answered(5, &signed_form("/tried"), 200);
        answered(5, &form("/old"), 200);
        // Nobody has looked at these, and the proxy answers by itself, as a gate does. Without a body: it closes the
        // connection of a request that it has not read to its end.
        answered(10, &Request::new("GET", HOST, "/hook/direct"), 200);
        // On no route, and with Twilio's header: nobody verifies these.
        answered(5, &signed_form("/elsewhere"), 200);
        self.upstream.answer_with(Answer::reply(500, "the application's own"));
        answered(2, &form("/elsewhere"), 500);
        // Takes the filter a second to find out, in which the counters of the trap are scraped at zero.
        let misplaced = client::send(&self.target("misplaced"), Protocol::Http1, &signed_form("/misplaced"));
        assert_eq!(misplaced.expect("an answer").status, 500);
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.trap("vm_reload_success") == 0 || self.trap("vm_reload_backoff") == 0 {
            assert!(Instant::now() < deadline, "the VM is not loaded again\n{}", self.envoy.stats());
            let request = Request::new("GET", HOST, "/trap");
            let response = client::send(&self.target("trap"), Protocol::Http1, &request);
            assert_eq!(response.expect("an answer").status, 503);
        }
    }

    fn trap(&self, counter: &str) -> u64 {
        self.envoy.counter(&format!("wasm.twilio_webhook_trap.{counter}"))
    }

    /// All requests that the filter has counted.
    pub fn total(&self) -> u64 {
        let text = self.envoy.prometheus();
        let ours = text.lines().filter(|line| line.starts_with("twilio_webhook_requests_total{"));
        ours.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    }
}
