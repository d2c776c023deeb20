//! The filter's own verdict: the core, shown the request as a proxy shows it.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::json;
use twilio_proxy_wasm::exchange::{Exchange, Step};
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::verdict::Decision;

use crate::case::{Case, SHARED_1, SHARED_256, TOKEN, View};
use crate::support::{self, FakeProxy, serialise};

/// A `url.base`.
#[derive(Clone, Copy)]
pub struct Base {
    pub scheme: &'static str,
    pub host: &'static str,
    pub port: Option<u16>,
    pub prefix: &'static str,
}

pub const BASES: [Base; 4] = [
    Base { scheme: "https", host: "hooks.example.com", port: None, prefix: "/eu" },
    Base { scheme: "http", host: "Hooks.Example.COM", port: Some(8080), prefix: "" },
    Base { scheme: "https", host: "[2001:db8::1]", port: Some(443), prefix: "/a%2Fb/c" },
    Base { scheme: "https", host: "hooks.example.com", port: Some(8443), prefix: "/a//b" },
];

/// The filter under each of the configurations that a case may ask for.
pub struct Filter {
    plain: Rc<Policy>,
    forwarded: Rc<Policy>,
    bases: Vec<Rc<Policy>>,
}

impl Filter {
    pub fn new() -> Filter {
        let bases = BASES.iter().map(|base| {
            let port = base.port.map(|port| format!(":{port}")).unwrap_or_default();
            policy(&json!({ "base": format!("{}://{}{port}{}", base.scheme, base.host, base.prefix) }))
        });
        Filter {
            plain: policy(&json!({})),
            forwarded: policy(&json!({ "trust_forwarded_host": true })),
            bases: bases.collect(),
        }
    }

    /// Whether the request is let through.
    pub fn accepts(&self, case: &Case) -> bool {
        let policy = match case.view {
            View::Plain => &self.plain,
            View::Forwarded => &self.forwarded,
            View::Base(position) => &self.bases[position],
        };
        let proxy = FakeProxy {
            headers: Some(serialise(&headers(case))),
            port: Some(case.listener_port),
            body: RefCell::new(case.body.clone()),
            ..FakeProxy::default()
        };
        let mut exchange = Exchange::new(Rc::clone(policy), Rc::default(), false);
        let last = deliver(&mut exchange, case, &proxy);
        match exchange.verdict().expect("a verdict").decision {
            Decision::Allowed { .. } => {
                assert_eq!(last, Step::Continue);
                true
            }
            Decision::Denied(_) => {
                assert!(matches!(last, Step::Reply(reply) if reply.status == 403), "{last:?}");
                false
            }
            other => panic!("{other:?} for {case:?}"),
        }
    }
}

fn policy(url: &serde_json::Value) -> Rc<Policy> {
    let configuration = json!({
        "auth_tokens": [{ "value": TOKEN }],
        "shared_keys": [
            { "id": SHARED_256.0, "algorithm": "HMAC_SHA256", "value": SHARED_256.1 },
            { "id": SHARED_1.0, "algorithm": "HMAC_SHA1", "value": SHARED_1.1 },
        ],
        "url": url,
    });
    support::policy(&configuration.to_string())
}

/// Hands over the request in one of the ways that a proxy may: with trailers or without, in one piece or in two.
fn deliver(exchange: &mut Exchange, case: &Case, proxy: &FakeProxy) -> Step {
    let size = case.body.len();
    let has_trailers = case.delivery.is_multiple_of(5);
    let ends_at_headers = size == 0 && !has_trailers;
    let step = exchange.on_headers(ends_at_headers, proxy);
    // A handshake is decided at its headers, though its stream goes on.
    if step != Step::Hold {
        return step;
    }
    if case.delivery.is_multiple_of(3) && size > 1 {
        let held = exchange.on_body(size / 2, false, proxy);
        if held != Step::Hold {
            return held;
        }
    }
    if size > 0 {
        let step = exchange.on_body(size, !has_trailers, proxy);
        if !has_trailers || step != Step::Hold {
            return step;
        }
    }
    exchange.on_trailers(proxy)
}

fn headers(case: &Case) -> Vec<(String, Vec<u8>)> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.as_bytes().to_vec()));
    add(":method", case.method);
    let url = &case.url;
    let scheme = if url.is_tls() { "https" } else { "http" };
    let target = url.target();
    match case.view {
        View::Plain => add(":authority", &url.authority()),
        View::Base(_) => add(":authority", "internal.example:9000"),
        View::Forwarded => {
            add(":authority", "internal.example:9000");
            match url.port {
                Some(port) if case.delivery % 7 < 3 => {
                    add("x-forwarded-host", &url.host);
                    add("x-forwarded-port", &port.to_string());
                }
                _ => add("x-forwarded-host", &url.authority()),
            }
        }
    }
    add(
        ":path",
        match case.view {
            View::Base(position) => {
                target.strip_prefix(BASES[position].prefix).expect("the prefix of the base")
            }
            View::Plain | View::Forwarded => &target,
        },
    );
    if matches!(case.view, View::Base(_)) || case.delivery.is_multiple_of(2) {
        add(":scheme", if matches!(case.view, View::Base(_)) { "http" } else { scheme });
    } else {
        add(":scheme", "http");
        add("x-forwarded-proto", scheme);
    }
    if let Some(content_type) = case.content_type {
        add("content-type", content_type);
    }
    if !case.body.is_empty() && case.delivery % 11 < 6 {
        add("content-length", &case.body.len().to_string());
    }
    if case.is_socket() {
        add("connection", "Upgrade");
        add("upgrade", "websocket");
    }
    if let Some(signature) = &case.signature {
        add("x-twilio-signature", signature);
    }
    if let Some(settings) = case.settings() {
        add("x-twilio-webhooks-signature-settings", &settings);
    }
    headers
}
