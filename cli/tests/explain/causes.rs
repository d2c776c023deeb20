//! Each cause: the mistake, what is said of it, and that the setting which is named makes it right.

use twilio_proxy_wasm::explain::Cause;
use twilio_webhook::key::Algorithm::HmacSha256;
use twilio_webhook::sign;

use crate::{Sent, said};

const URL: &str = "https://hooks.example.com/hook/a";
const TOKEN: &str = r#"{ "auth_tokens": [{ "env": "TOKEN" }] }"#;
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const SETTINGS: &str = "X-Twilio-Webhooks-Signature-Settings";

struct Case {
    cause: &'static str,
    reason: &'static str,
    config: String,
    sent: Sent,
    setting: &'static str,
    /// The key whose signature it is, and the URL that was signed.
    key: Option<&'static str>,
    signed: Option<String>,
    /// The header that has the path.
    header: Option<&'static str>,
    /// The route that the path may be read as one of.
    reads_as: Option<&'static str>,
    /// The configuration and the request with which it passes.
    remedy: Option<(String, Sent)>,
}

impl Case {
    fn new(cause: &'static str, setting: &'static str, sent: Sent) -> Case {
        Case {
            cause,
            reason: "signature_mismatch",
            config: TOKEN.to_owned(),
            sent,
            setting,
            key: Some("TOKEN"),
            signed: Some(URL.to_owned()),
            header: None,
            reads_as: None,
            remedy: None,
        }
    }

    fn config(self, config: impl Into<String>) -> Case {
        Case { config: config.into(), ..self }
    }

    fn reason(self, reason: &'static str) -> Case {
        Case { reason, ..self }
    }

    fn signed(self, url: &str) -> Case {
        Case { signed: Some(url.to_owned()), ..self }
    }

    fn key(self, key: &'static str) -> Case {
        Case { key: Some(key), ..self }
    }

    fn header(self, header: &'static str) -> Case {
        Case { header: Some(header), ..self }
    }

    /// A cause that no signature was made to fit for.
    fn unsigned(self) -> Case {
        Case { key: None, signed: None, ..self }
    }

    fn remedied(self, config: impl Into<String>) -> Case {
        let sent = self.sent.clone();
        Case { remedy: Some((config.into(), sent)), ..self }
    }

    fn resent(self, sent: Sent) -> Case {
        let config = self.config.clone();
        Case { remedy: Some((config, sent)), ..self }
    }

    #[track_caller]
    fn check(&self) {
        let (code, text) = said(&self.config, &self.sent);
        assert_eq!(code, 1, "{text}");
        let value = |name: &str| {
            let prefix = format!("{name}: ");
            text.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
        };
        let reason = format!("denied, {}: the client is answered 403", self.reason);
        assert_eq!(value("verdict"), Some(reason), "{text}");
        let label = |line: Option<String>| line.map(|line| line.split(": ").next().unwrap().to_owned());
        assert_eq!(label(value("cause")).as_deref(), Some(self.cause), "{text}");
        assert_eq!(label(value("setting")).as_deref(), Some(self.setting), "{text}");
        assert_eq!(value("key").as_deref(), self.key, "{text}");
        assert_eq!(value("signed for"), self.signed, "{text}");
        assert_eq!(value("header").as_deref(), self.header, "{text}");
        assert_eq!(value("reads as").as_deref(), self.reads_as, "{text}");
        if let Some((config, sent)) = &self.remedy {
            let (code, text) = said(config, sent);
            assert!(
                code == 0 && text.contains("\nverdict: allowed, the signature fits\n"),
                "{}: {text}",
                self.cause
            );
        }
    }
}

/// A GET that arrives at one URL and was signed for another.
fn get(arrives: &str, dialled: &str) -> Sent {
    Sent::new("GET", arrives).signed("TOKEN", dialled, &[])
}

fn url(member: &str) -> String {
    format!(r#"{{ "auth_tokens": [{{ "env": "TOKEN" }}], "url": {{ {member} }} }}"#)
}

fn base(url_base: &str) -> String {
    url(&format!(r#""base": "{url_base}""#))
}

fn urls() -> Vec<Case> {
    let setting = "url.original_path_header";
    let at = |path: &str| format!("https://hooks.example.com{path}");
    let changed = |cause, arrives: &str, dialled: &str| {
        let sent = get(&at(arrives), &at(dialled));
        let told =
            (url(r#""original_path_header": "x-original""#), sent.clone().header("X-Original", dialled));
        Case { remedy: Some(told), ..Case::new(cause, setting, sent).signed(&at(dialled)) }
    };
    let outer = |path: &str| format!("https://outer.example{path}");
    let hook = r#"{ "auth_tokens": [{ "env": "TOKEN" }], "unmatched": "allow", "routes": [
        { "name": "hook", "match": { "path": { "prefix": "/hook" } } }] }"#;
    let read_as_hook = Case {
        reads_as: Some("hook"),
        ..Case::new("other_reading", "routes.match", get(&at("/HOOK/a"), &at("/hook/a")))
    };
    vec![
        read_as_hook.reason("unverifiable").config(hook).unsigned().resent(get(URL, URL)),
        Case::new("scheme", "url.base", get(&URL.replace("https", "http"), URL))
            .remedied(base("https://hooks.example.com")),
        Case::new("port", "url.base", get(URL, &URL.replace(".com", ".com:8443")))
            .signed(&URL.replace(".com", ".com:8443"))
            .remedied(base("https://hooks.example.com:8443")),
        Case::new(
            "forwarded_host",
            "url.trust_forwarded_host",
            get(URL, &outer("/hook/a")).header("X-Forwarded-Host", "outer.example"),
        )
        .signed(&outer("/hook/a"))
        .remedied(url(r#""trust_forwarded_host": true"#)),
        Case::new("base_scheme", "url.base", get(URL, URL))
            .config(base("http://hooks.example.com"))
            .remedied(base("https://hooks.example.com")),
        Case::new("http_at_twilio", "none", get(URL, &URL.replace("https", "http")))
            .signed(&URL.replace("https", "http"))
            .resent(get(URL, URL)),
        Case::new(
            "original_host",
            "url.base",
            get(URL, &outer("/hook/a")).header("X-Original-Host", "outer.example"),
        )
        .header("x-original-host")
        .signed(&outer("/hook/a"))
        .remedied(base("https://outer.example")),
        Case::new("host_case", "url.base", get(URL, &URL.replace("hooks", "Hooks")))
            .signed(&URL.replace("hooks", "Hooks"))
            .remedied(base("https://Hooks.example.com")),
        Case::new("mirrored", "none", get(&URL.replace(".com", ".com-shadow"), URL)).resent(get(URL, URL)),
        Case::new("url_rule", "url", get(URL, URL)).config(base("https://wrong.example")).remedied(TOKEN),
        Case::new("base_prefix", "url.base", get(URL, &outer("/hook/a")))
            .config(base("https://outer.example/hook"))
            .signed(&outer("/hook/a"))
            .remedied(base("https://outer.example")),
        Case::new(
            "forwarded_prefix",
            "url.base",
            get(URL, &at("/eu/hook/a")).header("X-Forwarded-Prefix", "/eu"),
        )
        .header("x-forwarded-prefix")
        .signed(&at("/eu/hook/a"))
        .remedied(base("https://hooks.example.com/eu")),
        Case::new(
            "original_path",
            setting,
            get(URL, &at("/b?x=1")).header("X-Envoy-Original-Path", "/b?x=1"),
        )
        .header("x-envoy-original-path")
        .signed(&at("/b?x=1"))
        .remedied(url(r#""original_path_header": "x-envoy-original-path""#)),
        Case::new("original_url", setting, get(URL, &at("/b?x=1")).header("X-Original-URL", &at("/b?x=1")))
            .header("x-original-url")
            .signed(&at("/b?x=1"))
            .remedied(url(r#""original_path_header": "x-original-url""#)),
        Case::new(
            "original_path_alone",
            setting,
            get(&at("/hook/a?x=1"), &at("/b?x=1")).header("X-Replaced-Path", "/b"),
        )
        .header("x-replaced-path")
        .signed(&at("/b?x=1")),
        Case::new("missing_prefix", "url.base", get(URL, &at("/api/hook/a")))
            .signed(&at("/api/hook/a"))
            .remedied(base("https://hooks.example.com/api")),
        changed("path_absent", "/hook/a", "/"),
        changed("path_prefix", "/v1/hook/a", "/hook/a"),
        changed("trailing_slash", "/hook/a/", "/hook/a"),
        changed("query_absent", "/hook/a?added=1", "/hook/a"),
        Case::new("query_order", "none", get(&at("/hook/a?a=1&b=2"), &at("/hook/a?b=2&a=1")))
            .signed(&at("/hook/a?b=2&a=1"))
            .resent(get(&at("/hook/a?a=1&b=2"), &at("/hook/a?a=1&b=2"))),
        changed("query_extra", "/hook/a?a=1&fbclid=2", "/hook/a?a=1"),
        changed("query_spaces", "/hook/a?q=a%20b", "/hook/a?q=a+b"),
        changed("query_decoded", "/hook/a?q=a%2Fb", "/hook/a?q=a/b"),
    ]
}

fn bodies() -> Vec<Case> {
    let post = || Sent::new("POST", URL);
    let form = "From=%2B15005550001&Body=+it%27s+&Empty=";
    let all = [("From", "+15005550001"), ("Body", " it's "), ("Empty", "")];
    let right = || post().form(form).signed("TOKEN", URL, &all);
    let trimmed = [("From", "+15005550001"), ("Body", "it's"), ("Empty", "")];
    let event = br#"{"event": "it's delivered"}"#;
    let json =
        |url: &str| Sent::new("POST", url).header("Content-Type", "application/json").body(event.as_slice());
    let hashed = format!("{URL}?bodySHA256={}", sign::body_hash(event));
    vec![
        Case::new("params_trimmed", "none", post().form(form).signed("TOKEN", URL, &trimmed)).resent(right()),
        Case::new(
            "params_untrimmed",
            "none",
            post().form("Body=Hi").signed("TOKEN", URL, &[("Body", "Hi ")]),
        )
        .resent(post().form("Body=Hi+").signed("TOKEN", URL, &[("Body", "Hi ")])),
        Case::new("content_encoding", "none", right().header("Content-Encoding", "gzip"))
            .reason("unsigned_body")
            .unsigned()
            .resent(right()),
        Case::new("params_blank", "none", post().form(form).signed("TOKEN", URL, &all[..2])).resent(right()),
        Case::new("url_alone", "none", post().form(form).signed("TOKEN", URL, &[])).resent(right()),
        Case::new("url_alone", "none", json(URL).signed("TOKEN", URL, &[]))
            .reason("unsigned_body")
            .resent(json(&hashed).signed("TOKEN", &hashed, &[])),
        Case::new("hash_dropped", "url.original_path_header", json(URL).signed("TOKEN", &hashed, &[]))
            .reason("unsigned_body")
            .signed(&hashed)
            .resent(json(&hashed).signed("TOKEN", &hashed, &[])),
        Case::new(
            "content_type",
            "none",
            post().header("Content-Type", "text/plain").body(form).signed("TOKEN", URL, &all),
        )
        .reason("unsigned_body")
        .resent(right()),
    ]
}

fn keys() -> Vec<Case> {
    let post = |body: &str| Sent::new("POST", URL).form(body);
    let body = [("Body", "Hi")];
    let shared = |name: &str, settings: &str| {
        let sent = post("Body=Hi").signed_by(HmacSha256, name, URL, &body);
        if settings.is_empty() { sent } else { sent.header(SETTINGS, settings) }
    };
    let with_token = || post("Body=Hi").signed("TOKEN", URL, &body);
    let both = r#"{ "auth_tokens": [{ "env": "TOKEN" }], "shared_keys": [
        { "id": "key-1", "algorithm": "HMAC_SHA256", "env": "FIRST" },
        { "id": "key-2", "algorithm": "HMAC_SHA256", "env": "SECOND" }] }"#;
    let one = r#"{ "shared_keys": [{ "id": "key-1", "algorithm": "HMAC_SHA256", "env": "FIRST" }] }"#;
    let named = "key=key-1,algorithm=HMAC_SHA256";
    let swapped = both.replace("FIRST", "X").replace("SECOND", "FIRST").replace("\"X\"", "\"SECOND\"");
    let tied =
        |account: &str| format!(r#"{{ "auth_tokens": [{{ "env": "OTHER", "account_sid": "{account}" }}] }}"#);
    let of_account = post(&format!("AccountSid={ACCOUNT}")).signed("OTHER", URL, &[("AccountSid", ACCOUNT)]);
    let routes = |order: [&str; 2]| {
        let route = |name: &str| match name {
            "host" => {
                r#"{ "name": "host", "match": { "hosts": ["hooks.example.com"] }, "auth_tokens": [{ "env": "TOKEN" }] }"#
            }
            _ => {
                r#"{ "name": "path", "match": { "path": { "prefix": "/hook" } }, "auth_tokens": [{ "env": "OTHER" }] }"#
            }
        };
        format!(r#"{{ "unmatched": "allow", "routes": [{}] }}"#, order.map(route).join(", "))
    };
    let top = |tokens: &str| {
        format!(
            r#"{{ "auth_tokens": [{{ "env": "TOKEN" }}], "routes": [{{ "name": "a", "auth_tokens": [{tokens}] }}] }}"#
        )
    };
    vec![
        Case::new("other_account", "auth_tokens.account_sid", of_account)
            .config(tied("AC00000000000000000000000000000002"))
            .reason("unknown_key")
            .key("OTHER")
            .remedied(tied(ACCOUNT)),
        Case::new("unnamed_shared_key", "none", shared("FIRST", ""))
            .config(both)
            .key("key-1")
            .resent(shared("FIRST", named)),
        Case::new("named_shared_key", "none", with_token().header(SETTINGS, named))
            .config(both)
            .resent(with_token()),
        Case::new("other_shared_key", "shared_keys", shared("SECOND", named))
            .config(both)
            .key("key-2")
            .remedied(swapped),
        Case::new("wrong_shared_key", "shared_keys", shared("TOKEN", named))
            .config(both)
            .unsigned()
            .resent(shared("FIRST", named)),
        Case::new("unknown_shared_key", "shared_keys", shared("FIRST", named))
            .reason("unknown_key")
            .unsigned()
            .remedied(one),
        Case::new("shared_key_algorithm", "shared_keys.algorithm", shared("FIRST", named))
            .config(one.replace("SHA256", "SHA1"))
            .reason("unknown_key")
            .unsigned()
            .remedied(one),
        Case::new("no_auth_token", "auth_tokens", with_token())
            .config(one)
            .reason("unknown_key")
            .unsigned()
            .remedied(TOKEN),
        Case::new("other_route", "routes", post("Body=Hi").signed("OTHER", URL, &body))
            .config(routes(["host", "path"]))
            .key("OTHER")
            .remedied(routes(["path", "host"])),
        Case::new("replaced_key", "auth_tokens", with_token())
            .config(top(r#"{ "env": "OTHER" }"#))
            .remedied(top(r#"{ "env": "OTHER" }, { "env": "TOKEN" }"#)),
        Case::new("unknown", "auth_tokens", post("Body=Hi").signed("OTHER", URL, &body))
            .unsigned()
            .remedied(TOKEN.replace("TOKEN", "OTHER")),
        Case::new(
            "not_tried",
            "auth_tokens",
            post(&format!("Body={}", "x".repeat(70_000))).signed("OTHER", URL, &[]),
        )
        .unsigned(),
    ]
}

#[test]
fn a_url_that_is_another_is_explained() {
    urls().iter().for_each(Case::check);
}

#[test]
fn a_body_that_is_signed_otherwise_is_explained() {
    bodies().iter().for_each(Case::check);
}

#[test]
fn a_key_that_is_another_is_explained() {
    keys().iter().for_each(Case::check);
}

#[test]
fn every_cause_is_shown() {
    let cases = [urls(), bodies(), keys()];
    let mut shown: Vec<_> = cases.iter().flatten().map(|case| case.cause).collect();
    shown.extend(crate::filter_states::CAUSES);
    shown.extend(crate::reasons::CAUSES);
    shown.sort_unstable();
    shown.dedup();
    let mut all: Vec<_> = Cause::ALL.iter().map(|cause| cause.label()).collect();
    all.sort_unstable();
    assert_eq!(shown, all);
}
