//! The requests that are sent, as bytes on the wire.

use twilio_webhook::fixtures::Kind;
use twilio_webhook::key::{Key, Secret};
use twilio_webhook::request::Request;
use twilio_webhook::url::Url;
use twilio_webhook::webhook::{BodyHash, Payload, Webhook};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const URL: &str = "https://hooks.example.com/twilio/sms";

/// One request, and the answer that shows that it was verified.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) what: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) forged: bool,
}

/// Returns all requests that are measured side by side.
pub(crate) fn all() -> Vec<Workload> {
    vec![sms(), forged(), get(), events(), form()]
}

/// Returns what most webhooks are: an SMS.
pub(crate) fn sms() -> Workload {
    let request = signed(&Kind::Sms.webhook(url()));
    let body = request.body.as_deref().map_or(0, <[u8]>::len);
    Workload::new("SMS", format!("a form of 20 parameters, {body} bytes"), &request)
}

/// Returns the same on a path that is none of ours, unsigned: what most requests to a shared gateway are.
pub(crate) fn other() -> Workload {
    let mut request =
        signed(&Kind::Sms.webhook(Url::parse("https://hooks.example.com/api/orders").expect("a URL")));
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-twilio-signature"));
    Workload::new("other", "the same on no route".into(), &request)
}

/// Returns the same with another body than the signed one.
pub(crate) fn forged() -> Workload {
    let mut request = signed(&Kind::Sms.webhook(url()));
    request.body = request.body.map(|body| [&body[..body.len() - 1], b"x"].concat());
    Workload {
        forged: true,
        ..Workload::new("forged SMS", "the same with one byte changed".into(), &request)
    }
}

fn get() -> Workload {
    Workload::new("GET", "18 parameters in the query".into(), &signed(&Kind::Get.webhook(url())))
}

/// Events as Event Streams sends them, so many that they are 64 KB.
fn events() -> Workload {
    let few = signed(&Kind::Events.webhook(url())).body.expect("events");
    let inner = &few[1..few.len() - 1];
    let body = [b"[", vec![inner; 65_536 / (inner.len() + 1)].join(&b","[..]).as_slice(), b"]"].concat();
    let what = format!("JSON with bodySHA256, {} bytes", body.len());
    let webhook = Webhook::new("POST", url(), Payload::Json(body, BodyHash::Once));
    Workload::new("JSON 64K", what, &signed(&webhook))
}

fn form() -> Workload {
    form_of(60_000)
}

/// Returns a form of about so many bytes, of long parameters.
pub(crate) fn form_of(size: usize) -> Workload {
    let text = "A long message, with spaces & signs; 100% of it. ".repeat(5);
    let params = (0..size / 300).map(|at| (format!("Field{at}"), text.clone())).collect();
    let request = signed_form(params);
    let body = request.body.as_deref().map_or(0, <[u8]>::len);
    Workload::new("form 60K", format!("{} parameters, {body} bytes", size / 300), &request)
}

/// Returns a form of so many parameters that come in descending order: all of one name, or each of its own.
pub(crate) fn descending(count: usize, one_name: bool) -> Workload {
    let name = |at: usize| if one_name { "p00000".to_owned() } else { format!("p{at:05}") };
    let params = (0..count).rev().map(|at| (name(at), format!("{at:05}"))).collect();
    Workload::new("form", format!("{count} parameters"), &signed_form(params))
}

fn signed_form(params: Vec<(String, String)>) -> Request {
    let mut webhook = Webhook::new("POST", url(), Payload::Form);
    webhook.params = params;
    signed(&webhook)
}

fn signed(webhook: &Webhook) -> Request {
    webhook.sign(&Key::AuthToken(Secret::new(TOKEN)))
}

fn url() -> Url {
    Url::parse(URL).expect("a URL")
}

impl Workload {
    fn new(name: &'static str, what: String, request: &Request) -> Workload {
        let target = request.url.to_string();
        let target = target.strip_prefix("https://hooks.example.com").expect("the host of all of them");
        let mut head = format!("{} {target} HTTP/1.1\r\nhost: hooks.example.com\r\n", request.method);
        // What the end of TLS adds; there is none here, because it would cost all of them the same.
        head.push_str("x-forwarded-proto: https\r\n");
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &request.body {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let bytes = [head.as_bytes(), request.body.as_deref().unwrap_or_default()].concat();
        Workload { name, what, bytes, forged: false }
    }
}
