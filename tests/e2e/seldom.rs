//! What Twilio sends in forms that are seldom met, and what browsers and old proxies send to the same path.

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Request, h1};
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_webhook::sign;

use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, FORM_BODY, PARAMS, denied, form, passes, send, signature};

const EVENT: &str = r#"{"event": "delivered"}"#;

/// A request of this method, signed for the URL alone.
fn url_signed(method: &str, path: &str) -> Request {
    Request::new(method, HOST, path).header("x-twilio-signature", signature(path, &[]))
}

#[test]
fn a_hash_in_the_url_counts_where_there_can_be_a_body_and_as_one_if_it_is_repeated() {
    let hash = format!("bodySHA256={}", sign::body_hash(EVENT.as_bytes()));
    let (once, twice) = (format!("/hook/a?{hash}"), format!("/hook/a?x=1&{hash}&{hash}"));
    let other = format!("/hook/a?{hash}&bodySHA256={}", sign::body_hash(b""));
    let json = |path: &str| url_signed("POST", path).header("content-type", "application/json").body(EVENT);
    for binary in versions() {
        for layout in [Layout::default(), Layout::buffer_after()] {
            let site = Site::start(&binary, &layout);
            for protocol in BOTH {
                for path in [&once, &twice, &other] {
                    passes(&site, protocol, &url_signed("GET", path), b"");
                }
                passes(&site, protocol, &json(&once), EVENT.as_bytes());
                passes(&site, protocol, &json(&twice), EVENT.as_bytes());
                denied(&site, protocol, &json(&other), 403, "unsigned_body");
                denied(&site, protocol, &url_signed("POST", &once), 403, "body_hash_mismatch");
                let forged = json(&twice).body("{}");
                denied(&site, protocol, &forged, 403, "body_hash_mismatch");
            }
        }
    }
}

#[test]
fn a_charset_may_be_named_in_each_of_its_spellings() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        for charset in ["utf8", "UTF8", "\"UTF-8\"", "\"utf8\""] {
            let request = Request::new("POST", HOST, "/hook/a")
                .header("content-type", format!("application/x-www-form-urlencoded; charset={charset}"))
                .header("x-twilio-signature", signature("/hook/a", &PARAMS))
                .body(FORM_BODY);
            passes(&site, BOTH[0], &request, FORM_BODY.as_bytes());
        }
    }
}

/// A user and a password in the URL come as `Authorization`, a fragment does not come, and neither is signed.
#[test]
fn what_is_taken_out_of_a_url_before_it_is_signed_changes_nothing() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let signed = || form("/hook/a").header("x-twilio-signature", signature("/hook/a", &PARAMS));
        for protocol in BOTH {
            passes(&site, protocol, &signed(), FORM_BODY.as_bytes());
            let again = signed().header("authorization", "Basic dXNlcjpwYXNz");
            passes(&site, protocol, &again, FORM_BODY.as_bytes());
            assert_eq!(
                site.upstream
                    .requests()
                    .last()
                    .and_then(|last| last.headers.text("authorization"))
                    .as_deref(),
                Some("Basic dXNlcjpwYXNz")
            );
        }
    }
}

#[test]
fn a_preflight_is_denied_unless_the_filter_for_it_answers_before() {
    let origin = "https://app.example.com";
    let preflight = Request::new("OPTIONS", HOST, "/hook/a")
        .header("origin", origin)
        .header("access-control-request-method", "POST");
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let mut layout = Layout::default();
        let mut filters = layout.filters();
        filters.insert(
            0,
            json!({ "name": "envoy.filters.http.cors", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors" }}),
        );
        layout.manager = json!({ "http_filters": filters });
        layout.routes = json!([{ "match": { "prefix": "/" }, "route": { "cluster": "upstream" },
            "typed_per_filter_config": { "envoy.filters.http.cors": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
                "allow_origin_string_match": [{ "exact": origin }], "allow_methods": "POST" } } }]);
        let with_cors = Site::start(&binary, &layout);
        for protocol in BOTH {
            denied(&site, protocol, &preflight, 403, "missing_signature");
            let answer = send(&with_cors, protocol, &preflight);
            assert_eq!(answer.status, 200);
            assert_eq!(answer.headers.text("access-control-allow-methods").as_deref(), Some("POST"));
            // What it does not answer comes to the filter.
            let others = [
                form("/hook/a").header("origin", origin),
                Request::new("OPTIONS", HOST, "/hook/a"),
                Request::new("OPTIONS", HOST, "/hook/a").header("origin", "https://other.example.com"),
                form("/hook/a").header("x-http-method-override", "OPTIONS"),
            ];
            for request in others {
                denied(&with_cors, protocol, &request, 403, "missing_signature");
            }
        }
        assert_eq!(site.upstream.requests().len() + with_cors.upstream.requests().len(), 0);
    }
}

/// What the documents say of a proxy in front that speaks HTTP/1.0.
#[test]
fn http_1_0_is_answered_by_envoy_and_the_access_log_says_so() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let mut connection = h1::Connection::open(&site.target()).expect("a connection");
        let request = format!("GET /hook/a HTTP/1.0\r\nhost: {HOST}\r\n\r\n");
        connection.send(request.as_bytes()).expect("to send");
        assert_eq!(connection.read_head().map(|answer| answer.status), Ok(426));
        let line = "details=low_version status=426 webhook=[-]";
        assert!(
            site.envoy.wait_for_output(line, std::time::Duration::from_secs(5)),
            "{}",
            site.envoy.output()
        );
    }
}

/// As clients send it to a forward proxy. Envoy takes it apart, or answers by itself: the filter never has a URL for a path.
#[test]
fn a_whole_url_in_the_request_line_is_the_proxys_business() {
    let url = format!("http://{HOST}/hook/a");
    let signed = || Request::new("POST", HOST, &url).header("x-twilio-signature", signature("/hook/a", &[]));
    let manager = json!({ "http_protocol_options": { "allow_absolute_url": false } });
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        passes(&site, BOTH[0], &signed(), b"");
        let site = Site::start(&binary, &Layout { manager: manager.clone(), ..Layout::default() });
        assert_eq!(send(&site, BOTH[0], &signed()).status, 404);
        assert!(site.envoy.wait_for_output("absolute_path_rejected", std::time::Duration::from_secs(10)));
    }
}
