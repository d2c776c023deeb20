//! The configuration changes while webhooks come in: no good one is lost, and no bad one passes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Request, Target, h1};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::xds::{Generated, Mesh, start};
use super::{ENVOY_FILTER, SOON, WASM_PLUGIN, read};
use crate::site::HOST;
use crate::webhook::{DENIED, FORM_BODY, PARAMS, form, signature_with};

const OLD: &str = "test-token-old";
const NEW: &str = "test-token-new";
const ADDED: &str = "test-token-added";
/// How many requests there are to be at least, a third of them forged.
const REQUESTS: usize = 1_000;

fn signed(path: &str, token: &str) -> Request {
    let signature = signature_with(token, &format!("http://{HOST}{path}"), &PARAMS);
    form(path).header("x-twilio-signature", signature).header("x-case", token)
}

/// Webhooks that come in without end, signed with the token of the day, every third by somebody else.
struct Load {
    target: Target,
    token: Mutex<&'static str>,
    sent: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    fn run(&self, protocol: Protocol) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = self.sent.fetch_add(1, Ordering::Relaxed);
            let (token, expected) =
                if number % 3 == 2 { ("forged", 403) } else { (*self.token.lock().unwrap(), 200) };
            let response = client::send(&self.target, protocol, &signed("/hook/load", token));
            let response = response.unwrap_or_else(|failure| panic!("{token} was lost: {failure:?}"));
            assert_eq!(response.status, expected, "{token}: {}", response.text());
        }
    }

    /// Waits until so many requests have been sent.
    fn reach(&self, share: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.sent.load(Ordering::Relaxed) < REQUESTS * share / 5
            && !self.is_over.load(Ordering::Relaxed)
        {
            assert!(Instant::now() < deadline, "the load came to a halt");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn status(&self, path: &str, token: &str) -> u16 {
        client::send(&self.target, Protocol::Http1, &signed(path, token)).expect("an answer").status
    }

    /// Waits until an update has come through: until this request is answered so.
    fn until(&self, path: &str, token: &str, status: u16) {
        let deadline = Instant::now() + SOON;
        while self.status(path, token) != status {
            assert!(Instant::now() < deadline, "an update did not come through: {path} {token}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Requests that have been sent but for the end of their bodies.
    fn begin(&self, token: &str) -> Vec<h1::Connection> {
        let bytes = signed("/hook/load", token).h1_bytes();
        let begin = |_| {
            let mut connection = h1::Connection::open(&self.target).expect("a connection");
            connection.send(&bytes[..bytes.len() - 5]).expect("to send most of a request");
            connection
        };
        (0..10).map(begin).collect()
    }
}

fn end(begun: Vec<h1::Connection>) -> Vec<(u16, String)> {
    let end = |mut connection: h1::Connection| {
        connection.send(&FORM_BODY.as_bytes()[FORM_BODY.len() - 5..]).expect("to send the rest");
        let response = connection.read_response().expect("an answer");
        (response.status, response.text())
    };
    begun.into_iter().map(end).collect()
}

/// The plugin's configuration with these tokens in the place of the manifest's variables.
fn with_tokens(generated: &Generated, tokens: &[&str]) -> Value {
    let mut plugin = generated.clone().configuration();
    let tokens: Vec<Value> = tokens.iter().map(|token| json!({ "value": token })).collect();
    plugin["auth_tokens"] = json!(tokens);
    plugin
}

fn extension(generated: &Generated, plugin: &Value) -> Value {
    let mut generated = generated.clone();
    generated.configure(plugin);
    generated.extensions.remove(0)
}

fn survives(generated: &Generated) {
    for binary in versions() {
        let mut first = generated.clone();
        first.extensions[0] = extension(generated, &with_tokens(generated, &[OLD]));
        let Mesh { site, control } = start(&binary, &first, Protocol::Http2);
        let publish = |plugin: &Value| control.publish_extension(&extension(generated, plugin));
        let load = Load {
            target: site.target(),
            token: Mutex::new(OLD),
            sent: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        };
        thread::scope(|scope| {
            for protocol in [Protocol::Http1, Protocol::Http2, Protocol::Http1, Protocol::Http2] {
                let load = &load;
                scope.spawn(move || {
                    // A failure here is to end the test, not to have it wait for requests that do not come.
                    let _over = OnDrop(|| load.is_over.store(true, Ordering::Relaxed));
                    load.run(protocol);
                });
            }
            let _over = OnDrop(|| load.is_over.store(true, Ordering::Relaxed));
            // Tokens rotate: the next one comes in, Twilio promotes it, the old one goes.
            load.reach(1);
            assert_eq!(load.status("/hook/load", NEW), 403);
            publish(&with_tokens(generated, &[OLD, NEW]));
            load.until("/hook/load", NEW, 200);
            *load.token.lock().unwrap() = NEW;
            load.reach(2);
            let (good, bad) = (load.begin(OLD), load.begin("forged"));
            // Answered after them, so that they have been seen.
            assert_eq!(load.status("/hook/load", NEW), 200);
            publish(&with_tokens(generated, &[NEW]));
            load.until("/hook/load", OLD, 403);
            // What began before is judged by what held then.
            assert_eq!(end(good), vec![(200, "upstream\n".to_owned()); 10]);
            assert_eq!(end(bad), vec![(403, DENIED.to_owned()); 10]);

            // A route is added: first its guard, then the way to it.
            load.reach(3);
            assert_eq!(load.status("/added/a", ADDED), 403);
            let mut wider = with_tokens(generated, &[NEW]);
            wider["routes"].as_array_mut().expect("routes").push(json!({
                "name": "added",
                "match": { "route_names": ["twilio-added"] },
                "auth_tokens": [{ "value": ADDED }],
            }));
            publish(&wider);
            assert!(site.envoy.wait_for_log("is configured with 2 route(s)", SOON), "{}", site.envoy.log());
            let mut routes = generated.routes.clone();
            // The way to the application, and the route where requests are held.
            for (number, name) in [(0, "twilio-added-verified"), (routes.len() - 1, "twilio-added")] {
                let mut added = routes[number].clone();
                added["name"] = json!(name);
                added["match"]["prefix"] = json!("/added/");
                routes.push(added);
            }
            control.publish_routes(&routes);
            load.until("/added/a", ADDED, 200);
            assert_eq!(load.status("/added/a", NEW), 403);

            // A bad configuration: refused as a whole, and what was there goes on.
            load.reach(4);
            let mut bad = wider.clone();
            bad["routes"][0]["modus"] = json!("off");
            publish(&bad);
            let refusal = "configuration rejected: routes[0].modus: is not a field here";
            assert!(site.envoy.wait_for_log(refusal, SOON), "{}", site.envoy.log());
            assert_eq!(load.status("/added/a", ADDED), 200);
            assert_eq!(load.status("/hook/load", OLD), 403);
            load.reach(5);
        });
        let reached = site.upstream.requests();
        assert!(reached.iter().all(|request| request.complete && request.body == FORM_BODY.as_bytes()));
        let forged =
            reached.iter().filter(|request| request.headers.text("x-case").as_deref() == Some("forged"));
        assert_eq!(forged.count(), 0, "Envoy {}", binary.version);
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn updates_under_load_lose_no_good_request_and_pass_no_bad_one_with_hold_self() {
    survives(&read(ENVOY_FILTER));
}

#[test]
fn updates_under_load_lose_no_good_request_and_pass_no_bad_one_with_a_buffer_after() {
    survives(&read(WASM_PLUGIN));
}

#[test]
fn a_configuration_that_is_replaced_leaves_nothing_behind() {
    const UPDATES: usize = 24;
    const SETTLED: usize = 3;
    const KEYS: usize = 2_000;
    let generated = read(ENVOY_FILTER);
    let keys: Vec<Value> = (0..KEYS)
        .map(|number| json!({ "id": format!("webhooks_sharedkey_{number:026}"), "algorithm": "HMAC_SHA256", "value": "v" }))
        .collect();
    for binary in versions() {
        let Mesh { site, control } = start(&binary, &generated, Protocol::Http1);
        let mut resident = Vec::new();
        for number in 0..UPDATES {
            let token = format!("test-token-{number}");
            let mut plugin = with_tokens(&generated, &[&token]);
            plugin["shared_keys"] = json!(keys);
            control.publish_extension(&extension(&generated, &plugin));
            let is_there = || {
                let answer = client::send(&site.target(), Protocol::Http1, &signed("/hook/a", &token));
                answer.is_ok_and(|answer| answer.status == 200)
            };
            let deadline = Instant::now() + SOON;
            while !is_there() {
                assert!(Instant::now() < deadline, "an update did not come through: {}", site.envoy.log());
                thread::sleep(Duration::from_millis(2));
            }
            resident.push(site.envoy.resident());
        }
        // The first few make room for the rest. Kept, each would take some 2.5 MB.
        let grown = resident[UPDATES - 1].saturating_sub(resident[SETTLED]);
        assert!(grown < 16 << 20, "Envoy {}: {grown} bytes more, {resident:?}", binary.version);
    }
}
