//! The requests that the benchmarks verify, and a proxy that hands them out.

use std::hint::black_box;
use std::rc::Rc;

use twilio_proxy_wasm::exchange::{Exchange, Memory, Step};
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::proxy::Proxy;
use twilio_webhook::fixtures::Kind;
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;
use twilio_webhook::url::Url;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Where [`Workload::changing_sms`] has its token from.
const FILTER_STATE: &str = "twilio.auth_tokens";

/// A request as the proxy holds it.
pub struct Workload {
    headers: Vec<u8>,
    body: Vec<u8>,
    policy: Rc<Policy>,
    memory: Rc<Memory>,
}

impl Workload {
    fn new(
        method: &str,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
        params: &[(String, String)],
    ) -> Workload {
        Workload::signed_for(Some(url), method, url, content_type, body, params)
    }

    /// Returns a request for one URL that was signed for another, or for none.
    fn signed_for(
        signed: Option<&str>,
        method: &str,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
        params: &[(String, String)],
    ) -> Workload {
        let (authority, path) =
            url.strip_prefix("https://").and_then(|rest| rest.split_once('/')).expect("a URL");
        let sign = |url: &str| sign::signature(Algorithm::HmacSha1, TOKEN.as_bytes(), url, params);
        let signature = signed.map(sign);
        let length = body.len().to_string();
        let path = format!("/{path}");
        // What Envoy adds to a webhook on its way in stands there too.
        let mut headers = vec![
            (":authority", authority),
            (":path", &path),
            (":method", method),
            (":scheme", "https"),
            ("user-agent", "TwilioProxy/1.1"),
            ("content-type", content_type),
            ("content-length", &length),
            ("accept", "*/*"),
            ("i-twilio-idempotency-token", "3e0c1b2a-1111-4222-8333-444455556666"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-envoy-internal", "true"),
            ("x-request-id", "5b1a2c3d-1111-4222-8333-444455556666"),
        ];
        headers.extend(signature.as_deref().map(|signature| ("x-twilio-signature", signature)));
        let policy = policy(&token(TOKEN));
        Workload { headers: serialised(&headers), body, policy, memory: Rc::default() }
    }

    /// Returns a form with these parameters.
    pub fn form(params: &[(String, String)]) -> Workload {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish().into_bytes();
        let content_type = "application/x-www-form-urlencoded; charset=UTF-8";
        Workload::new("POST", "https://hooks.example.com/twilio/sms", content_type, body, params)
    }

    /// Returns a real SMS webhook: some 20 parameters, some 550 bytes.
    pub fn sms() -> Workload {
        let url = Url::parse("https://hooks.example.com/twilio/sms").expect("a URL");
        let webhook = Kind::Sms
            .webhook(url)
            .sign(&twilio_webhook::key::Key::AuthToken(twilio_webhook::key::Secret::new(TOKEN)));
        let params: Vec<_> =
            form_urlencoded::parse(webhook.body.as_deref().expect("a body")).into_owned().collect();
        Workload::form(&params)
    }

    /// Returns [`Workload::sms`] with a token that may change while the proxy serves.
    pub fn changing_sms() -> Workload {
        Workload { policy: policy(&format!(r#"{{ "filter_state": "{FILTER_STATE}" }}"#)), ..Workload::sms() }
    }

    /// Returns [`Workload::sms`] on the last of twenty routes.
    pub fn twenty_routes() -> Workload {
        let route = |number: usize| {
            let path = if number == 20 { "/twilio/sms".to_owned() } else { format!("/team-{number}/sms") };
            route(&format!("r{number}"), &path, &token(TOKEN))
        };
        Workload { policy: policy_of(&(1..=20).map(route).collect::<Vec<_>>()), ..Workload::sms() }
    }

    /// Returns [`Workload::sms`] signed with the last of five tokens.
    pub fn five_tokens() -> Workload {
        let others = (1..5).map(|number| token(&TOKEN.replace('0', &number.to_string())));
        let tokens = others.chain([token(TOKEN)]).collect::<Vec<_>>().join(", ");
        Workload { policy: policy(&tokens), ..Workload::sms() }
    }

    /// Returns a GET of which the URL was signed that is tried first, or the one that is tried tenth: with its query encoded
    /// anew.
    pub fn tried(is_tenth: bool) -> Workload {
        let url = |query: &str| format!("https://hooks.example.com/twilio/sms?{query}");
        let received = "Body=It's+%40home&From=%2B14158675309";
        let signed = if is_tenth { "Body=It's%20%40home&From=%2B14158675309" } else { received };
        Workload::signed_for(Some(&url(signed)), "GET", &url(received), "", Vec::new(), &[])
    }

    /// Returns a request of no route that asks for nothing special.
    pub fn other() -> Workload {
        Workload::signed_for(None, "GET", "https://hooks.example.com/api/orders/17", "", Vec::new(), &[])
    }

    /// Returns the same with a signature that does not fit.
    pub fn forged_sms() -> Workload {
        let sms = Workload::sms();
        let body = sms.body.strip_suffix(b"0").map_or_else(|| [&sms.body[..], b"0"].concat(), <[u8]>::to_vec);
        Workload { body, ..sms }
    }

    /// Returns a forged GET whose query has to be put together anew for whatever may have gone wrong, on the first of many routes.
    pub fn forged_query() -> Workload {
        let letter = |number: u32| char::from_digit(10 + number % 26, 36).expect("a letter");
        let pairs = (0..5_400).map(|number| format!("&{}{}", letter(number * 7), letter(number * number)));
        let url = format!("https://hooks.example.com/twilio/sms?q='%40{}", pairs.collect::<String>());
        let routes: Vec<_> = (0..30)
            .map(|number| {
                let path = if number == 0 { "/twilio/sms".to_owned() } else { format!("/{number}") };
                format!(
                    r#"{{ "name": "r{number}", "match": {{ "path": {{ "prefix": "{path}" }} }},
                         "auth_tokens": [{{ "value": "another-token-{number}" }}] }}"#
                )
            })
            .collect();
        let policy =
            format!(r#"{{ "explain": true, "unmatched": "allow", "routes": [{}] }}"#, routes.join(", "));
        let policy = Rc::new(Policy::parse(policy.as_bytes(), &|_| None).expect("a policy"));
        Workload { policy, ..Workload::new("GET", &url, "", Vec::new(), &[]) }
    }

    /// Returns a request of no route, of whose path these are the beginning and what is repeated up to some size.
    pub fn other_path(begin: &str, repeated: &str, size: usize) -> Workload {
        let count = size.saturating_sub(begin.len()) / repeated.len();
        let url = format!("https://hooks.example.com{begin}{}", repeated.repeat(count));
        Workload::new("GET", &url, "", Vec::new(), &[])
    }

    /// Returns a form of some 60 KB in so many parameters, with names that come in descending order.
    pub fn large_form(count: usize) -> Workload {
        let size = 60_000 / count;
        let params: Vec<_> =
            (0..count).rev().map(|at| (format!("p{at:06}"), "x".repeat(size.saturating_sub(9)))).collect();
        Workload::form(&params)
    }

    /// Returns a batch of events of 64 KB in JSON.
    pub fn events() -> Workload {
        let body = format!("[\"{}\"]", "e".repeat(65_532)).into_bytes();
        let url =
            format!("https://hooks.example.com/twilio/sms/events?bodySHA256={}", sign::body_hash(&body));
        Workload::new("POST", &url, "application/json", body, &[])
    }

    /// Returns a GET with some parameters.
    pub fn get() -> Workload {
        let url = "https://hooks.example.com/twilio/sms?From=%2B14158675309&Body=Hi+there&To=%2B18005551212";
        Workload::new("GET", url, "", Vec::new(), &[])
    }

    /// Sends the request through the core, and has a denial explained where the policy wants that. Returns whether it was allowed.
    /// The answer says whether it may go on.
    pub fn verify(&self) -> bool {
        let mut exchange = Exchange::new(Rc::clone(&self.policy), Rc::clone(&self.memory), false);
        let step = exchange.on_headers(self.body.is_empty(), self);
        let step = if self.body.is_empty() { step } else { exchange.on_body(self.body.len(), true, self) };
        exchange.on_end(self);
        let (_, evidence) = exchange.take_verdict().expect("a verdict");
        black_box(evidence.and_then(|evidence| evidence.explain(&self.policy, self)));
        step == Step::Continue
    }
}

impl Proxy for Workload {
    fn headers(&self) -> Option<Vec<u8>> {
        Some(self.headers.clone())
    }

    fn remove_header(&self, _: &str) {}

    fn set_header(&self, _: &str, _: &str) {}

    fn route_name(&self) -> Vec<u8> {
        Vec::new()
    }

    fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        (key == FILTER_STATE).then(|| format!("{TOKEN}\n").into_bytes())
    }

    fn own_state(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn set_own_state(&self, _: &str, _: &str) {}

    fn listener_port(&self) -> Option<u16> {
        Some(8443)
    }

    fn body(&self, _: usize) -> Option<Vec<u8>> {
        Some(self.body.clone())
    }

    fn has_upstream(&self) -> bool {
        false
    }

    fn bytes_received(&self) -> Option<u64> {
        None
    }

    fn response_code_details(&self) -> Vec<u8> {
        Vec::new()
    }

    fn response_status(&self) -> Option<u16> {
        None
    }
}

fn token(value: &str) -> String {
    format!(r#"{{ "value": "{value}" }}"#)
}

/// Returns a policy of one route with these tokens.
fn policy(tokens: &str) -> Rc<Policy> {
    policy_of(&[route("sms", "/twilio/sms", tokens)])
}

fn route(name: &str, path: &str, tokens: &str) -> String {
    format!(
        r#"{{ "name": "{name}", "match": {{ "path": {{ "prefix": "{path}" }} }}, "auth_tokens": [{tokens}] }}"#
    )
}

fn policy_of(routes: &[String]) -> Rc<Policy> {
    let policy =
        format!(r#"{{ "explain": false, "unmatched": "allow", "routes": [{}] }}"#, routes.join(", "));
    Rc::new(Policy::parse(policy.as_bytes(), &|_| None).expect("a policy"))
}

/// Writes the headers as proxy-wasm serialises a map.
fn serialised(headers: &[(&str, &str)]) -> Vec<u8> {
    let size = |text: &str| u32::try_from(text.len()).expect("a length").to_le_bytes();
    let mut bytes = u32::try_from(headers.len()).expect("a count").to_le_bytes().to_vec();
    for (name, value) in headers {
        bytes.extend([size(name), size(value)].concat());
    }
    for (name, value) in headers {
        bytes.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    bytes
}
