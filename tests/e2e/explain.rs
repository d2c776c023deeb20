//! Each known cause of a denial: the mistake on real Envoy, the line in its log that names cause and setting, and the
//! remedy that the line names, with which the request passes.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::{EnvoyBinary, versions};
use twilio_proxy_wasm_harness::upstream::Protocol;
use twilio_webhook::key::Algorithm;
use twilio_webhook::{capture, explain, plugin, sign};

use crate::site::{HOST, Layout, Site, TOKEN};
use crate::webhook::{BOTH, FORM, FORM_BODY, PARAMS, denied, form, passes, send, signature, signature_with};

const WAIT: Duration = Duration::from_secs(5);
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// A mistake, what the log is to say of it, and the remedy.
struct Case {
    /// `cause=… setting=…`
    line: &'static str,
    reason: &'static str,
    /// Members of the route: as they were, and as they should have been.
    mistaken: Value,
    remedied: Value,
    request: Request,
    /// Where the remedy is not in the configuration.
    resent: Option<Request>,
    body: Vec<u8>,
}

/// A GET that arrives as `path` and was signed for `url`.
fn get(path: &str, url: &str) -> Request {
    Request::new("GET", HOST, path).header("x-twilio-signature", signature_with(TOKEN, url, &[]))
}

impl Case {
    fn new(line: &'static str, request: Request) -> Case {
        Case {
            line,
            reason: "signature_mismatch",
            mistaken: json!({}),
            remedied: json!({}),
            request,
            resent: None,
            body: Vec::new(),
        }
    }

    fn remedied(self, remedied: Value) -> Case {
        Case { remedied, ..self }
    }

    fn mistaken(self, mistaken: Value) -> Case {
        Case { mistaken, ..self }
    }

    fn resent(self, request: Request) -> Case {
        Case { resent: Some(request), ..self }
    }

    fn body(self, body: impl Into<Vec<u8>>) -> Case {
        Case { body: body.into(), ..self }
    }

    fn reason(self, reason: &'static str) -> Case {
        Case { reason, ..self }
    }
}

/// The default layout, behind a proxy that it trusts, with these members of the route.
fn layout(members: &Value) -> Layout {
    Layout { manager: json!({ "use_remote_address": false }), ..Layout::default() }
        .with_route(members.clone())
}

/// The mistakes are made on every Envoy; that the settings do what they say on each is shown elsewhere, so that the
/// remedies are tried on the newest one.
#[track_caller]
fn check(cases: &[Case]) {
    cases.iter().for_each(is_explained_offline);
    for binary in versions() {
        on_each(&binary, cases, |case| &case.mistaken, is_explained);
    }
    let newest = versions().pop().expect("an Envoy");
    on_each(
        &newest,
        cases,
        |case| &case.remedied,
        |site, case| {
            let request = case.resent.as_ref().unwrap_or(&case.request);
            BOTH.into_iter().for_each(|protocol| passes(site, protocol, request, &case.body));
        },
    );
}

/// On a terminal the same is found out from the bytes that go over the wire, and the bootstrap of that Envoy.
#[track_caller]
fn is_explained_offline(case: &Case) {
    let bootstrap = layout(&case.mistaken).bootstrap(0).to_string();
    let documents = [serde_json::from_str(&bootstrap).expect("JSON")];
    let found = plugin::find(&documents, &bootstrap, true);
    assert_eq!(found.len(), 1, "{bootstrap}");
    let (policy, missing) = explain::policy(&found[0], &|_| None, &mut BTreeMap::new()).expect("a policy");
    assert_eq!(missing, [""; 0]);
    let captured = capture::read(&case.request.h1_bytes(), capture::Choice::default()).expect("a capture");
    let text = explain::Explanation::of(&captured, &Rc::new(policy), &explain::Setting::default()).text();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(|line| line.split(": ").next().expect("a word").to_owned()).unwrap_or_default()
    };
    assert_eq!(value("verdict"), format!("denied, {}", case.reason), "{text}");
    let found = format!("cause={} setting={}", value("cause"), value("setting"));
    let key = if value("key").is_empty() { String::new() } else { format!(" key={}", value("key")) };
    let header =
        if value("header").is_empty() { String::new() } else { format!(" header={}", value("header")) };
    let line = format!("{found}{key}{header}: ");
    assert!(line.starts_with(case.line) || case.line.starts_with(&line), "{line}\n{}\n{text}", case.line);
}

/// An Envoy with each configuration is started once, for all of the cases that need it.
fn on_each(binary: &EnvoyBinary, cases: &[Case], members: fn(&Case) -> &Value, each: impl Fn(&Site, &Case)) {
    let mut rest: Vec<&Case> = cases.iter().collect();
    while let Some(first) = rest.first().map(|case| members(case)) {
        let site = Site::start(binary, &layout(first));
        let (same, others): (Vec<&Case>, _) = rest.into_iter().partition(|case| members(case) == first);
        same.into_iter().for_each(|case| each(&site, case));
        rest = others;
    }
}

#[track_caller]
fn is_explained(site: &Site, case: &Case) {
    let mark = site.envoy.log_mark();
    denied(site, Protocol::Http1, &case.request, 403, case.reason);
    let line = format!("twilio_webhook: denied route=hook reason={} {}", case.reason, case.line);
    assert!(site.envoy.wait_for_log_since(mark, &line, WAIT), "no {line} in\n{}", site.envoy.log_since(mark));
    let log = site.envoy.log_since(mark);
    for secret in [TOKEN, HOST, "/hook", "Hi there", "+14158675309", "outer.example"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

/// What a proxy in front would say of the path before it changed it.
const ORIGINAL: &str = "x-original";

fn original() -> Value {
    json!({ "url": { "original_path_header": ORIGINAL } })
}

fn base(url: &str) -> Value {
    json!({ "url": { "base": url } })
}

#[test]
fn a_url_whose_scheme_host_or_port_is_another() {
    let scheme = || get("/hook/a", "https://hooks.example.com/hook/a");
    let forwarded = get("/hook/a", "http://outer.example/hook/a").header("x-forwarded-host", "outer.example");
    let both = get("/hook/a", "https://outer.example/hook/a").header("x-forwarded-host", "outer.example");
    check(&[
        Case::new("cause=scheme setting=url.base key=routes[0].auth_tokens[0]: ", scheme())
            .remedied(base("https://hooks.example.com")),
        Case::new("cause=scheme setting=url.base", scheme())
            .resent(scheme().header("x-forwarded-proto", "https")),
        Case::new("cause=port setting=url.base", get("/hook/a", "http://hooks.example.com:8443/hook/a"))
            .remedied(base("http://hooks.example.com:8443")),
        Case::new("cause=forwarded_host setting=url.trust_forwarded_host", forwarded.clone())
            .remedied(json!({ "url": { "trust_forwarded_host": true } })),
        Case::new("cause=forwarded_host setting=url.trust_forwarded_host", both)
            .remedied(base("https://outer.example")),
        Case::new(
            "cause=original_host setting=url.base key=routes[0].auth_tokens[0] header=x-original-host",
            get("/hook/a", "http://outer.example/hook/a").header("x-original-host", "outer.example"),
        )
        .remedied(base("http://outer.example")),
        Case::new("cause=host_case setting=url.base", get("/hook/a", "http://Hooks.Example.Com/hook/a"))
            .remedied(base("http://Hooks.Example.Com")),
        Case::new("cause=base_scheme setting=url.base", get("/hook/a", "https://hooks.example.com/hook/a"))
            .mistaken(base("http://hooks.example.com"))
            .remedied(base("https://hooks.example.com")),
        Case::new(
            "cause=http_at_twilio setting=none",
            get("/hook/a", "http://hooks.example.com/hook/a").header("x-forwarded-proto", "https"),
        )
        .remedied(base("http://hooks.example.com")),
        Case::new("cause=url_rule setting=url", get("/hook/a", "http://hooks.example.com/hook/a"))
            .mistaken(base("https://wrong.example")),
    ]);
}

#[test]
fn a_path_or_query_that_is_another() {
    let arrives = |path, dialled: &str| get(path, &format!("http://{HOST}{dialled}"));
    let original_path = arrives("/hook/a", "/outer/a?x=1").header("x-envoy-original-path", "/outer/a?x=1");
    // The proxy in front is told to send the original in a header.
    let changed = |line, path, dialled: &str| {
        let request = arrives(path, dialled);
        Case::new(line, request.clone()).remedied(original()).resent(request.header(ORIGINAL, dialled))
    };
    check(&[
        Case::new(
            "cause=original_path setting=url.original_path_header key=routes[0].auth_tokens[0] \
             header=x-envoy-original-path",
            original_path,
        )
        .remedied(json!({ "url": { "original_path_header": "x-envoy-original-path" } })),
        Case::new(
            "cause=forwarded_prefix setting=url.base key=routes[0].auth_tokens[0] header=x-forwarded-prefix",
            arrives("/hook/a", "/eu/hook/a").header("x-forwarded-prefix", "/eu"),
        )
        .remedied(base("http://hooks.example.com/eu")),
        Case::new("cause=base_prefix setting=url.base", get("/hook/a", "https://outer.example/hook/a"))
            .mistaken(base("https://outer.example/hook"))
            .remedied(base("https://outer.example")),
        changed("cause=path_prefix setting=url.original_path_header", "/hook/v1/a", "/a"),
        changed("cause=trailing_slash setting=url.original_path_header", "/hook/a/", "/hook/a"),
        changed("cause=query_absent setting=url.original_path_header", "/hook/a?added=1", "/hook/a"),
        Case::new("cause=query_order setting=none", arrives("/hook/a?a=1&b=2", "/hook/a?b=2&a=1"))
            .resent(arrives("/hook/a?a=1&b=2", "/hook/a?a=1&b=2")),
        changed("cause=query_spaces setting=url.original_path_header", "/hook/a?q=a%20b", "/hook/a?q=a+b"),
        changed("cause=query_extra setting=url.original_path_header", "/hook/a?a=1&__cf=2", "/hook/a?a=1"),
        changed("cause=path_absent setting=url.original_path_header", "/hook/a", "/"),
        Case::new(
            "cause=original_url setting=url.original_path_header key=routes[0].auth_tokens[0] header=x-original-url",
            arrives("/hook/a", "/outer/a?x=1").header("x-original-url", format!("http://{HOST}/outer/a?x=1")),
        )
        .remedied(json!({ "url": { "original_path_header": "x-original-url" } })),
        Case::new(
            "cause=original_path_alone setting=url.original_path_header key=routes[0].auth_tokens[0] \
             header=x-replaced-path",
            arrives("/hook/a?x=1", "/outer/a?x=1").header("x-replaced-path", "/outer/a"),
        )
        .remedied(base("http://hooks.example.com"))
        .resent(get("/hook/a?x=1", "http://hooks.example.com/hook/a?x=1")),
        Case::new("cause=missing_prefix setting=url.base", arrives("/hook/a", "/api/hook/a"))
            .remedied(base("http://hooks.example.com/api")),
        changed("cause=query_decoded setting=url.original_path_header", "/hook/a?q=a%2Fb", "/hook/a?q=a/b"),
        // Or Twilio is given the URL that arrives.
        Case::new("cause=trailing_slash setting=url.original_path_header", arrives("/hook/b", "/hook/b/"))
            .resent(arrives("/hook/b", "/hook/b")),
    ]);
}

#[test]
fn parameters_and_bodies_that_are_signed_otherwise() {
    let right = || form("/hook/a").header("x-twilio-signature", signature("/hook/a", &PARAMS));
    let signed =
        |params: &[(&str, &str)]| form("/hook/a").header("x-twilio-signature", signature("/hook/a", params));
    let padded = |value: &str| {
        Request::new("POST", HOST, "/hook/a")
            .header("content-type", FORM)
            .header("x-twilio-signature", signature("/hook/a", &[("Body", value)]))
            .body("Body=+Hi+there+")
    };
    let spaced = signed(&[("Body", "Hi there "), PARAMS[1], PARAMS[2]]);
    let typed = Request::new("POST", HOST, "/hook/a")
        .header("content-type", "text/plain")
        .header("x-twilio-signature", signature("/hook/a", &PARAMS))
        .body(FORM_BODY);
    let event = r#"{"event": "delivered"}"#;
    let json = |path: &str| {
        Request::new("POST", HOST, path)
            .header("content-type", "application/json")
            .header("x-twilio-signature", signature(path, &[]))
            .body(event)
    };
    let hashed = format!("/hook/a?bodySHA256={}", sign::body_hash(event.as_bytes()));
    check(&[
        Case::new("cause=params_trimmed setting=none", padded("Hi there"))
            .resent(padded(" Hi there "))
            .body("Body=+Hi+there+"),
        Case::new("cause=params_untrimmed setting=none", spaced.clone()).resent(right()).body(FORM_BODY),
        Case::new("cause=content_encoding setting=none", right().header("content-encoding", "gzip"))
            .reason("unsigned_body")
            .resent(right())
            .body(FORM_BODY),
        Case::new("cause=params_blank setting=none", signed(&[PARAMS[0], PARAMS[2]]))
            .resent(right())
            .body(FORM_BODY),
        Case::new("cause=url_alone setting=none", signed(&[])).resent(right()).body(FORM_BODY),
        Case::new("cause=content_type setting=none", typed)
            .reason("unsigned_body")
            .resent(right())
            .body(FORM_BODY),
        Case::new("cause=url_alone setting=none", json("/hook/a"))
            .reason("unsigned_body")
            .resent(json(&hashed))
            .body(event),
    ]);
}

/// A form post with `Body` and perhaps an `AccountSid`, signed with this key.
fn post(algorithm: Algorithm, key: &str, account: Option<&str>) -> (Request, String) {
    let mut params = vec![("Body".to_owned(), "Hi".to_owned())];
    params.extend(account.map(|sid| ("AccountSid".to_owned(), sid.to_owned())));
    let body: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let body = body.join("&");
    let signature = sign::signature(algorithm, key.as_bytes(), &format!("http://{HOST}/hook/a"), &params);
    let request = Request::new("POST", HOST, "/hook/a").header("content-type", FORM).body(&body);
    (request.header("x-twilio-signature", signature), body)
}

#[test]
fn keys_that_are_not_tried() {
    let shared = |secret: &str, algorithm: &str| {
        json!({ "auth_tokens": [{ "value": TOKEN }],
                "shared_keys": [{ "id": "key-1", "algorithm": algorithm, "value": secret },
                                { "id": "key-2", "algorithm": "HMAC_SHA256", "value": "second" }] })
    };
    let (first, weak, wrong) =
        (shared("first", "HMAC_SHA256"), shared("first", "HMAC_SHA1"), shared("another", "HMAC_SHA256"));
    let alone = json!({ "auth_tokens": [], "shared_keys": first["shared_keys"] });
    let tied =
        json!({ "auth_tokens": [{ "value": "sub", "account_sid": "AC00000000000000000000000000000002" }] });
    let (account, account_body) = post(Algorithm::HmacSha1, "sub", Some(ACCOUNT));
    let (signed_first, body) = post(Algorithm::HmacSha256, "first", None);
    let (signed_second, _) = post(Algorithm::HmacSha256, "second", None);
    let (with_token, _) = post(Algorithm::HmacSha1, TOKEN, None);
    let names = |request: &Request, id: &str| {
        request.clone().header(SETTINGS, format!("key={id},algorithm=HMAC_SHA256"))
    };
    let case = |line, request: Request| Case::new(line, request).body(body.clone());
    check(&[
        case("cause=other_account setting=auth_tokens.account_sid", account)
            .reason("unknown_key")
            .mistaken(tied)
            .remedied(json!({ "auth_tokens": [{ "value": "sub", "account_sid": ACCOUNT }] }))
            .body(account_body),
        case("cause=unnamed_shared_key setting=none key=key-1", signed_first.clone())
            .mistaken(first.clone())
            .remedied(first.clone())
            .resent(names(&signed_first, "key-1")),
        case("cause=named_shared_key setting=none", names(&with_token, "key-1"))
            .mistaken(first.clone())
            .remedied(first.clone())
            .resent(with_token.clone()),
        case("cause=other_shared_key setting=shared_keys key=key-2", names(&signed_second, "key-1"))
            .mistaken(wrong)
            .remedied(shared("second", "HMAC_SHA256")),
        case("cause=unknown_shared_key setting=shared_keys", names(&signed_first, "key-1"))
            .reason("unknown_key")
            .remedied(first.clone()),
        case("cause=shared_key_algorithm setting=shared_keys.algorithm", names(&signed_first, "key-1"))
            .reason("unknown_key")
            .mistaken(weak)
            .remedied(first),
        case("cause=no_auth_token setting=auth_tokens", with_token.clone())
            .reason("unknown_key")
            .mistaken(alone),
        case("cause=wrong_shared_key setting=shared_keys", names(&signed_first, "key-1"))
            .mistaken(shared("another", "HMAC_SHA256"))
            .remedied(shared("first", "HMAC_SHA256")),
        case("cause=unknown setting=auth_tokens: none of the usual causes", with_token)
            .mistaken(json!({ "auth_tokens": [{ "value": "demoted" }] }))
            .remedied(json!({ "auth_tokens": [{ "value": "demoted" }, { "value": TOKEN }] })),
    ]);
}

/// A layout whose plugin has this configuration.
fn plugin(plugin: Value) -> Layout {
    Layout { plugin, ..Layout::default() }
}

#[test]
fn keys_of_another_route_and_of_the_top() {
    let hook = |tokens: Value| json!({ "name": "hook", "match": { "hosts": [HOST] }, "auth_tokens": tokens });
    let voice = json!({ "name": "voice", "match": { "path": { "prefix": "/hook" } }, "auth_tokens": [{ "value": TOKEN }] });
    let own = json!([{ "value": "another" }]);
    let routes = |routes: Value| plugin(json!({ "unmatched": "allow", "routes": routes }));
    let top = |tokens: Value| {
        plugin(json!({ "auth_tokens": [{ "value": TOKEN }], "unmatched": "allow", "routes": [hook(tokens)] }))
    };
    let request = get("/hook/a", "http://hooks.example.com/hook/a");
    for binary in versions() {
        for (line, mistaken, remedied) in [
            (
                "cause=other_route setting=routes key=routes[1].auth_tokens[0]",
                routes(json!([hook(own.clone()), voice])),
                routes(json!([voice, hook(own.clone())])),
            ),
            (
                "cause=replaced_key setting=auth_tokens key=auth_tokens[0]",
                top(own.clone()),
                top(json!([{ "value": "another" }, { "value": TOKEN }])),
            ),
        ] {
            is_explained(&Site::start(&binary, &mistaken), &Case::new(line, request.clone()));
            passes(&Site::start(&binary, &remedied), Protocol::Http2, &request, b"");
        }
    }
}

#[test]
fn it_works_in_report_mode_for_websockets_and_can_be_switched_off() {
    let request = get("/hook/a", "https://hooks.example.com/hook/a");
    let url = format!("wss://{HOST}:8443/hook/a");
    let socket = Request::websocket(HOST, "/hook/a")
        .header("x-twilio-signature", signature_with(TOKEN, &url, &[]))
        .header("x-forwarded-proto", "https");
    for binary in versions() {
        let site = Site::start(&binary, &layout(&json!({ "mode": "report" })));
        assert_eq!(send(&site, Protocol::Http1, &request).status, 200);
        let line =
            "twilio_webhook: reported route=hook reason=signature_mismatch cause=scheme setting=url.base";
        assert!(site.envoy.wait_for_log(line, WAIT), "{}", site.envoy.log());
        let site = Site::start(&binary, &layout(&json!({})));
        denied(&site, Protocol::Http1, &socket, 403, "signature_mismatch");
        let line = "twilio_webhook: denied route=hook reason=signature_mismatch cause=port setting=url.base";
        assert!(site.envoy.wait_for_log(line, WAIT), "{}", site.envoy.log());
        let mut off = layout(&json!({}));
        off.plugin["explain"] = json!(false);
        let site = Site::start(&binary, &off);
        denied(&site, Protocol::Http1, &request, 403, "signature_mismatch");
        let line = "twilio_webhook: denied route=hook reason=signature_mismatch: either the key";
        assert!(site.envoy.wait_for_log(line, WAIT), "{}", site.envoy.log());
    }
}
