//! What was dialled arrives, but in another place or other letters.

use twilio_proxy_wasm::explain::{Cause, Detail};

use crate::support::{Request, plain};
use crate::{explain, finds, signed};

const MISMATCH: &str = "denied signature_mismatch";

fn get(arrives: &str, dialled: &str) -> Request {
    signed(Request::new("GET", arrives), dialled)
}

/// The request passes with this member of `url`.
#[track_caller]
fn is_set_right(request: &Request, line: &str, remedy: &str) {
    is_set_right_from("", request, line, remedy);
}

#[track_caller]
fn is_set_right_from(config: &str, request: &Request, line: &str, remedy: &str) {
    let remedy = plain(&format!(r#""url": {{ {remedy} }}"#));
    finds(&plain(config), request, MISMATCH, line, (&remedy, request));
}

#[test]
fn a_host_in_a_header() {
    for (header, value) in [
        ("x-original-host", "inbound.example.com"),
        ("x-original-host", "inbound.example.com:443"),
        ("x-envoy-original-host", "inbound.example.com"),
        ("x-forwarded-server", "inbound.example.com, inner.example"),
        ("disguised-host", "inbound.example.com"),
        ("forwarded", "for=192.0.2.7;HOST=\"inbound.example.com\";proto=https, host=inner.example"),
        ("forwarded", "host=inbound.example.com"),
    ] {
        let request = get("https://internal.example/voice?q=1", "https://inbound.example.com/voice?q=1")
            .header(header, value);
        let line = format!("cause=original_host setting=url.base key=auth_tokens[0] header={header}");
        is_set_right(&request, &line, r#""base": "https://inbound.example.com""#);
    }
    // Headers without a host, and with what is none.
    for (header, value) in [("forwarded", "for=192.0.2.7;proto=https"), ("x-original-host", "")] {
        let request =
            get("https://internal.example/voice", "https://inbound.example.com/voice").header(header, value);
        assert_eq!(explain(&plain(""), &request).1.unwrap().cause().label(), "unknown", "{header}");
    }
}

#[test]
fn a_host_in_other_letters() {
    let line = "cause=host_case setting=url.base key=auth_tokens[0]";
    for host in ["Inbound.example.com", "Inbound.Example.Com", "INBOUND.EXAMPLE.COM"] {
        let request = get("https://inbound.example.com/voice", &format!("https://{host}/voice"));
        is_set_right(&request, line, &format!(r#""base": "https://{host}""#));
    }
    let request = get("https://internal.example/voice", "https://inbound.example.com/voice");
    let wrong = r#""url": { "base": "https://Inbound.Example.com" }"#;
    is_set_right_from(wrong, &request, line, r#""base": "https://inbound.example.com""#);
}

#[test]
fn a_request_that_is_mirrored() {
    let line = "cause=mirrored setting=none key=auth_tokens[0]";
    let dialled = "https://inbound.example.com/voice";
    let policy = plain("");
    let request = get("https://inbound.example.com-shadow/voice", dialled);
    finds(&policy, &request, MISMATCH, line, (&policy, &Request::get(dialled)));
    let request =
        get("https://inbound.example.com-shadow:8080/voice", "https://inbound.example.com:8080/voice");
    let right = Request::get("https://inbound.example.com:8080/voice");
    finds(&policy, &request, MISMATCH, line, (&policy, &right));
}

const HEADERS: [&str; 10] = [
    "x-envoy-original-path",
    "x-original-path",
    "x-original-uri",
    "x-original-url",
    "x-forwarded-path",
    "x-forwarded-uri",
    "x-replaced-path",
    "x-rewrite-url",
    "x-envoy-original-url",
    "x-waws-unencoded-url",
];

#[test]
fn a_path_in_a_header() {
    for header in HEADERS {
        let line = |cause: &str| {
            format!("cause={cause} setting=url.original_path_header key=auth_tokens[0] header={header}")
        };
        let remedy = format!(r#""original_path_header": "{header}""#);
        let request = get("https://inbound.example.com/inner", "https://inbound.example.com/outer/voice?q=1");
        is_set_right(&request.clone().header(header, "/outer/voice?q=1"), &line("original_path"), &remedy);
        // The whole URL: of the same host, of another one.
        let whole = request.header(header, "https://inbound.example.com/outer/voice?q=1");
        is_set_right(&whole, &line("original_url"), &remedy);
        let request = get("https://internal.example/inner", "https://inbound.example.com/outer/voice?q=1")
            .header(header, "https://inbound.example.com/outer/voice?q=1");
        let both = format!(r#"{remedy}, "base": "https://inbound.example.com""#);
        is_set_right(&request, &line("original_url"), &both);
        // The path without its query.
        let request =
            get("https://inbound.example.com/inner?q=1", "https://inbound.example.com/outer/voice?q=1");
        let told = plain(&format!(r#""url": {{ {remedy} }}"#));
        let right = request.clone().header(header, "/outer/voice?q=1");
        let request = request.header(header, "/outer/voice");
        finds(&plain(""), &request, MISMATCH, &line("original_path_alone"), (&told, &right));
    }
}

#[test]
fn a_whole_url_in_the_trusted_header_stands_for_its_path() {
    let policy = plain(r#""url": { "original_path_header": "x-original-url" }"#);
    for (value, verdict) in [
        ("https://inbound.example.com/voice?q=1", "allowed 0"),
        ("http://other.example:8080/voice?q=1", "allowed 0"),
        ("/voice?q=1", "allowed 0"),
        ("/voice", "denied signature_mismatch"),
        ("https://inbound.example.com", "denied unverifiable"),
        ("https://inbound.example.com?q=1", "denied unverifiable"),
        ("ftp://inbound.example.com/voice?q=1", "denied unverifiable"),
        ("//inbound.example.com/voice?q=1", "denied signature_mismatch"),
    ] {
        let request = get("https://inbound.example.com/inner", "https://inbound.example.com/voice?q=1");
        assert_eq!(request.header("x-original-url", value).verdict(&policy), verdict, "{value}");
    }
}

#[test]
fn a_prefix_and_tls_that_a_proxy_in_front_has_taken_away() {
    let dialled = "https://inbound.example.com/api/voice?q=1";
    let remedy = plain(r#""url": { "base": "https://inbound.example.com/api" }"#);
    let explanation = explain(&plain(""), &get("http://inbound.example.com/voice?q=1", dialled)).1.unwrap();
    assert_eq!((explanation.cause(), explanation.other_scheme()), (Cause::MissingPrefix, true));
    assert_eq!(explanation.detail(), Some(&Detail::Prefix("/api")));
    assert_eq!(get("http://inbound.example.com/voice?q=1", dialled).verdict(&remedy), "allowed 0");
    // What arrives by https has not lost it.
    let explanation = explain(
        &plain(""),
        &get("https://inbound.example.com/voice", "http://inbound.example.com/api/voice"),
    );
    assert_eq!(explanation.1.unwrap().cause(), Cause::Unknown);
}

#[test]
fn a_prefix_that_has_been_taken_away() {
    for prefix in ["/api", "/twilio", "/webhooks", "/webhook", "/hooks", "/api/v1", "/v1", "/api/twilio"] {
        let request = get(
            "https://inbound.example.com/voice?q=1",
            &format!("https://inbound.example.com{prefix}/voice?q=1"),
        );
        let line = format!("cause=missing_prefix setting=url.base key=auth_tokens[0] prefix={prefix}");
        let explanation = explain(&plain(""), &request).1.unwrap();
        assert!(explanation.to_string().starts_with(&format!("{line}: ")), "{explanation}");
        assert_eq!(explanation.detail(), Some(&Detail::Prefix(prefix)));
        let remedy = plain(&format!(r#""url": {{ "base": "https://inbound.example.com{prefix}" }}"#));
        assert_eq!(request.verdict(&remedy), "allowed 0");
    }
}

#[test]
fn a_path_where_there_was_none() {
    let line = "cause=path_absent setting=url.original_path_header key=auth_tokens[0]";
    for (arrives, dialled) in
        [("/voice", ""), ("/voice", "/"), ("/voice/in?q=1", "/?q=1"), ("/voice?q=1", "?q=1")]
    {
        let request = get(
            &format!("https://inbound.example.com{arrives}"),
            &format!("https://inbound.example.com{dialled}"),
        );
        let right = Request::get(&format!("https://inbound.example.com{arrives}"));
        finds(&plain(""), &request, MISMATCH, line, (&plain(""), &right));
    }
}
