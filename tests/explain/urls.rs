//! The URL that arrives is not the one that was dialled.

use crate::support::{Request, plain};
use crate::{explain, finds, signed};

const MISMATCH: &str = "denied signature_mismatch";

/// A GET as it arrives, signed for the URL that was dialled.
fn get(arrives: &str, dialled: &str) -> Request {
    signed(Request::new("GET", arrives), dialled)
}

/// The same request passes with this member of the configuration.
#[track_caller]
fn is_set_right(config: &str, request: &Request, line: &str, remedy: &str) {
    finds(
        &plain(config),
        request,
        MISMATCH,
        &format!("{line} key=auth_tokens[0]"),
        (&plain(remedy), request),
    );
}

/// No setting: another request passes.
#[track_caller]
fn is_sent_right(request: &Request, line: &str, remedied: &Request) {
    let policy = plain("");
    finds(&policy, request, MISMATCH, &format!("{line} key=auth_tokens[0]"), (&policy, remedied));
}

#[test]
fn the_other_scheme() {
    let request = get("http://inbound.example.com/voice?x=1", "https://inbound.example.com/voice?x=1");
    let line = "cause=scheme setting=url.base";
    is_set_right("", &request, line, r#""url": { "base": "https://inbound.example.com" }"#);
    is_sent_right(&request, line, &request.clone().header("x-forwarded-proto", "https"));
    // With a port that is signed.
    let request = get("http://inbound.example.com/voice", "https://inbound.example.com:443/voice");
    is_set_right("", &request, line, r#""url": { "base": "https://inbound.example.com" }"#);
}

#[test]
fn http_that_is_written_at_twilio() {
    // Something redirects to https, and Twilio signs what it dialled first.
    let request = get("https://a.example/voice", "http://a.example/voice");
    let line = "cause=http_at_twilio setting=none";
    is_sent_right(&request, line, &Request::get("https://a.example/voice"));
    is_set_right("", &request, line, r#""url": { "base": "http://a.example" }"#);
}

#[test]
fn a_base_with_the_other_scheme() {
    let request = get("https://inbound.example.com/voice", "https://inbound.example.com/voice");
    let (http, https) = ("http://inbound.example.com", "https://inbound.example.com");
    let base = |url: &str| format!(r#""url": {{ "base": "{url}" }}"#);
    let line = "cause=base_scheme setting=url.base";
    is_set_right(&base(http), &request, line, &base(https));
    let request = get("http://inbound.example.com/voice", "http://inbound.example.com/voice");
    is_set_right(&base(https), &request, line, &base(http));
}

#[test]
fn a_port() {
    for port in [8443, 8080, 8000, 3000, 5000, 4433, 9443, 8888] {
        let url = format!("https://inbound.example.com:{port}/voice");
        let request = get("https://inbound.example.com/voice", &url);
        let remedy = format!(r#""url": {{ "base": "https://inbound.example.com:{port}" }}"#);
        is_set_right("", &request, "cause=port setting=url.base", &remedy);
    }
    let request = get("http://inbound.example.com/voice", "https://inbound.example.com:8443/voice");
    let remedy = r#""url": { "base": "https://inbound.example.com:8443" }"#;
    is_set_right("", &request, "cause=port setting=url.base", remedy);
}

#[test]
fn a_forwarded_host_that_is_not_trusted() {
    let line = "cause=forwarded_host setting=url.trust_forwarded_host";
    let trust = r#""url": { "trust_forwarded_host": true }"#;
    let request = get("https://internal.example/voice", "https://inbound.example.com/voice")
        .header("x-forwarded-host", "inbound.example.com, inner.example");
    is_set_right("", &request, line, trust);
    is_set_right("", &request, line, r#""url": { "base": "https://inbound.example.com" }"#);
    let request = get("https://inbound.example.com/voice", "https://inbound.example.com:7777/voice")
        .header("x-forwarded-port", "7777");
    is_set_right("", &request, line, trust);
}

#[test]
fn a_rule_that_does_not_hold() {
    let request = get("https://inbound.example.com/voice", "https://inbound.example.com/voice");
    let line = "cause=url_rule setting=url";
    is_set_right(r#""url": { "base": "https://wrong.example" }"#, &request, line, "");
    let request = request.header("x-forwarded-host", "wrong.example");
    is_set_right(r#""url": { "trust_forwarded_host": true }"#, &request, line, "");
    let request = request.header("x-original", "/elsewhere");
    is_set_right(r#""url": { "original_path_header": "x-original" }"#, &request, line, "");
}

#[test]
fn a_prefix_of_the_path() {
    let request = get("https://internal.example/eu/voice", "https://inbound.example.com/eu/voice");
    is_set_right(
        r#""url": { "base": "https://inbound.example.com/eu" }"#,
        &request,
        "cause=base_prefix setting=url.base",
        r#""url": { "base": "https://inbound.example.com" }"#,
    );
    let request =
        get("https://inbound.example.com/voice?x=1", "https://inbound.example.com/eu/outer/voice?x=1")
            .header("x-forwarded-prefix", "/eu/outer/");
    let remedy = plain(r#""url": { "base": "https://inbound.example.com/eu/outer" }"#);
    let line = "cause=forwarded_prefix setting=url.base key=auth_tokens[0] header=x-forwarded-prefix";
    finds(&plain(""), &request, MISMATCH, line, (&remedy, &request));
    for prefix in ["/one", "/one/two", "/one/two/three"] {
        let arrives = format!("https://inbound.example.com{prefix}/voice?x=1");
        let request = get(&arrives, "https://inbound.example.com/voice?x=1");
        let told = request.clone().header("x-original", "/voice?x=1");
        let remedy = plain(r#""url": { "original_path_header": "x-original" }"#);
        let line = "cause=path_prefix setting=url.original_path_header key=auth_tokens[0]";
        finds(&plain(""), &request, MISMATCH, line, (&remedy, &told));
    }
}

#[test]
fn a_slash_at_the_end() {
    let line = "cause=trailing_slash setting=url.original_path_header";
    for (arrives, dialled) in
        [("/voice/", "/voice"), ("/voice", "/voice/"), ("/", ""), ("/voice?x=1", "/voice/?x=1")]
    {
        let request = get(
            &format!("https://inbound.example.com{arrives}"),
            &format!("https://inbound.example.com{dialled}"),
        );
        is_sent_right(&request, line, &Request::get(&format!("https://inbound.example.com{arrives}")));
    }
}

#[test]
fn a_query_that_was_changed() {
    let setting = "setting=url.original_path_header";
    for (cause, arrives, dialled) in [
        ("query_absent", "/voice?tracking=abcd", "/voice"),
        ("query_spaces", "/voice?title=Anna%20Holm&code=1", "/voice?title=Anna+Holm&code=1"),
        ("query_decoded", "/voice?title=J%C3%BCrgen%20Holm", "/voice?title=Jürgen Holm"),
    ] {
        let request = get(
            &format!("https://inbound.example.com{arrives}"),
            &format!("https://inbound.example.com{dialled}"),
        );
        let told = request.clone().header("x-original", dialled);
        let remedy = plain(r#""url": { "original_path_header": "x-original" }"#);
        let line = format!("cause={cause} {setting} key=auth_tokens[0]");
        finds(&plain(""), &request, MISMATCH, &line, (&remedy, &told));
    }
}

#[test]
fn a_json_body_and_a_websocket_are_explained_like_the_others() {
    let (url, json) = ("https://inbound.example.com/events", r#"{"event": "delivered"}"#);
    let base = r#""url": { "base": "https://inbound.example.com" }"#;
    let mut request = Request::json(url, json);
    request = request.with(":scheme", "http");
    is_set_right("", &request, "cause=scheme setting=url.base", base);
    let params = [("name".to_owned(), "anna".to_owned())];
    let socket = Request::websocket(
        "https://inbound.example.com/media?name=anna",
        "wss://inbound.example.com/media",
        &params,
    );
    is_set_right("", &socket.clone().with(":scheme", "http"), "cause=scheme setting=url.base", base);
    let whole = Request::websocket(
        "https://inbound.example.com/media?name=anna",
        "wss://inbound.example.com:8443/media?name=anna",
        &[],
    );
    is_set_right(
        "",
        &whole,
        "cause=port setting=url.base",
        r#""url": { "base": "https://inbound.example.com:8443" }"#,
    );
}

#[test]
fn the_other_scheme_may_come_on_top() {
    let request = get("http://internal.example/voice", "https://inbound.example.com/voice")
        .header("x-forwarded-host", "inbound.example.com");
    let (_, explanation) = crate::explain(&plain(""), &request);
    let explanation = explanation.unwrap();
    assert!(explanation.other_scheme());
    assert_eq!(explanation.url(), Some(b"https://inbound.example.com/voice".as_slice()));
    assert_eq!(
        explanation.to_string(),
        "cause=forwarded_host setting=url.trust_forwarded_host key=auth_tokens[0]: the signature fits \
         X-Forwarded-Host and X-Forwarded-Port and the other scheme; set it to true if the proxy in front sets these \
         headers on every request, or set url.base"
    );
    assert_eq!(format!("{explanation:?}"), format!("Explanation({explanation})"));
}

#[test]
fn an_explanation_tells_whether_the_scheme_was_the_other_one_as_well() {
    let dialled = "https://inbound.example.com:8443/voice";
    for (arrives, other) in
        [("http://inbound.example.com/voice", true), ("https://inbound.example.com/voice", false)]
    {
        let (_, explanation) = explain(&plain(""), &get(arrives, dialled));
        assert_eq!(explanation.unwrap().other_scheme(), other, "{arrives}");
    }
}
