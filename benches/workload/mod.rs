//! The requests that the benchmarks verify, and a proxy that hands them out.

use std::hint::black_box;
use std::rc::Rc;

use twilio_proxy_wasm::config::Policy;
use twilio_proxy_wasm::exchange::{Exchange, Memory, Proxy, Step};
use twilio_webhook::fixtures::Kind;
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;
use twilio_webhook::url::Url;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

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
        let (authority, path) =
            url.strip_prefix("https://").and_then(|rest| rest.split_once('/')).expect("a URL");
        let signature = sign::signature(Algorithm::HmacSha1, TOKEN.as_bytes(), url, params);
        let length = body.len().to_string();
        let path = format!("/{path}");
        // What Envoy adds to a webhook on its way in stands there too.
        let headers = [
            (":authority", authority),
            (":path", &path),
            (":method", method),
            (":scheme", "https"),
            ("user-agent", "TwilioProxy/1.1"),
            ("content-type", content_type),
            ("content-length", &length),
            ("accept", "*/*"),
            ("i-twilio-idempotency-token", "3e0c1b2a-1111-4222-8333-444455556666"),
            ("x-twilio-signature", &signature),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-envoy-internal", "true"),
            ("x-request-id", "5b1a2c3d-1111-4222-8333-444455556666"),
        ];
        let policy = format!(
            r#"{{ "explain": false, "routes": [{{ "name": "sms", "match": {{ "path": {{ "prefix": "/twilio/sms" }} }},
                 "auth_tokens": [{{ "value": "{TOKEN}" }}] }}] }}"#
        );
        let policy = Rc::new(Policy::parse(policy.as_bytes(), &|_| None).expect("a policy"));
        Workload { headers: serialised(&headers), body, policy, memory: Rc::default() }
    }

    /// A form with these parameters.
    pub fn form(params: &[(String, String)]) -> Workload {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish().into_bytes();
        let content_type = "application/x-www-form-urlencoded; charset=UTF-8";
        Workload::new("POST", "https://hooks.example.com/twilio/sms", content_type, body, params)
    }

    /// A real SMS webhook: some 20 parameters, some 550 bytes.
    pub fn sms() -> Workload {
        let url = Url::parse("https://hooks.example.com/twilio/sms").expect("a URL");
        let webhook = Kind::Sms
            .webhook(url)
            .sign(&twilio_webhook::key::Key::AuthToken(twilio_webhook::key::Secret::new(TOKEN)));
        let params: Vec<_> =
            form_urlencoded::parse(webhook.body.as_deref().expect("a body")).into_owned().collect();
        Workload::form(&params)
    }

    /// The same with a signature that does not fit.
    pub fn forged_sms() -> Workload {
        let sms = Workload::sms();
        let body = sms.body.strip_suffix(b"0").map_or_else(|| [&sms.body[..], b"0"].concat(), <[u8]>::to_vec);
        Workload { body, ..sms }
    }

    /// A forged GET whose query has to be put together anew for whatever may have gone wrong, on the first of many routes.
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
        let policy = format!(r#"{{ "explain": true, "routes": [{}] }}"#, routes.join(", "));
        let policy = Rc::new(Policy::parse(policy.as_bytes(), &|_| None).expect("a policy"));
        Workload { policy, ..Workload::new("GET", &url, "", Vec::new(), &[]) }
    }

    /// A form of some 60 KB in so many parameters, with names that come in descending order.
    pub fn large_form(count: usize) -> Workload {
        let size = 60_000 / count;
        let params: Vec<_> =
            (0..count).rev().map(|at| (format!("p{at:06}"), "x".repeat(size.saturating_sub(9)))).collect();
        Workload::form(&params)
    }

    /// A batch of events of 64 KB in JSON.
    pub fn events() -> Workload {
        let body = format!("[\"{}\"]", "e".repeat(65_532)).into_bytes();
        let url =
            format!("https://hooks.example.com/twilio/sms/events?bodySHA256={}", sign::body_hash(&body));
        Workload::new("POST", &url, "application/json", body, &[])
    }

    /// A GET with some parameters.
    pub fn get() -> Workload {
        let url = "https://hooks.example.com/twilio/sms?From=%2B14158675309&Body=Hi+there&To=%2B18005551212";
        Workload::new("GET", url, "", Vec::new(), &[])
    }

    /// The whole way of the request through the core, and what is found out about a denial where the policy wants that.
    /// The answer says whether it may go on.
    pub fn verify(&self) -> bool {
        let mut exchange = Exchange::new(Rc::clone(&self.policy), Rc::clone(&self.memory), false);
        let step = exchange.on_headers(self.body.is_empty(), self);
        let step = if self.body.is_empty() { step } else { exchange.on_body(self.body.len(), true, self) };
        let conclusion = exchange.take_conclusion().expect("a verdict");
        black_box(conclusion.explain(&self.policy, self));
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
}

/// As proxy-wasm serialises a map.
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
