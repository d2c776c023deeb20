//! Each reason that a capture can show, verdicts that are none of a denial, and the whole of what is printed.

use twilio_proxy_wasm::reason::Reason;

use crate::{Sent, config, explain, said};

/// The causes that are no mistake of the signature's, and are shown here.
pub(crate) const CAUSES: [&str; 1] = ["no_match"];

const URL: &str = "https://hooks.example.com/twilio/sms";
const TOKEN: &str = r#"{ "auth_tokens": [{ "env": "TOKEN" }] }"#;

fn signed_get(url: &str) -> Sent {
    Sent::new("GET", url).signed("TOKEN", url, &[])
}

#[test]
fn a_verified_request_is_told_with_its_key_and_url() {
    let (code, text) = said(TOKEN, &signed_get(URL));
    assert_eq!(code, 0);
    assert_eq!(
        text,
        "\
request: GET https://hooks.example.com/twilio/sms, no body
verdict: allowed, the signature fits
route: default
key: TOKEN
signed for: https://hooks.example.com/twilio/sms
"
    );
    // Which of the URLs, and which of the keys.
    let ported = Sent::new("POST", URL).form("Body=Hi").signed(
        "OTHER",
        "https://hooks.example.com:443/twilio/sms",
        &[("Body", "Hi")],
    );
    let (code, text) = said(r#"{ "auth_tokens": [{ "env": "TOKEN" }, { "env": "OTHER" }] }"#, &ported);
    assert_eq!(code, 0);
    let expected = "\
request: POST https://hooks.example.com/twilio/sms, a form of 7 bytes
verdict: allowed, the signature fits
route: default
key: OTHER
signed for: https://hooks.example.com:443/twilio/sms
";
    assert_eq!(text, expected);
}

#[test]
fn a_denied_request_is_told_with_its_cause_and_all_that_was_tried() {
    let sent = Sent::new("POST", "http://hooks.example.com/twilio/sms?it's=1").form("Body=Hi").signed(
        "TOKEN",
        "https://hooks.example.com/twilio/sms?it's=1",
        &[("Body", "Hi")],
    );
    let (code, text) = said(TOKEN, &sent);
    assert_eq!(code, 1);
    assert_eq!(
        text,
        "\
request: POST http://hooks.example.com/twilio/sms?it's=1, a form of 7 bytes
verdict: denied, signature_mismatch: the client is answered 403
route: default
cause: scheme: the signature fits https, where http arrives
setting: url.base: if the proxy in front sends X-Forwarded-Proto, let Envoy trust it (use_remote_address: false, or xff_num_trusted_hops; numTrustedProxies in Istio, numTrustedHops in Envoy Gateway); if it sends none, set url.base to the URL that Twilio dials, with the scheme that it has there
key: TOKEN
signed for: https://hooks.example.com/twilio/sms?it's=1
tried: http://hooks.example.com/twilio/sms?it's=1
tried: http://hooks.example.com:80/twilio/sms?it's=1
tried: http://hooks.example.com/twilio/sms?it%27s=1
tried: http://hooks.example.com:80/twilio/sms?it%27s=1
"
    );
}

#[test]
fn every_reason_that_a_capture_can_show_is_told_with_what_to_look_at() {
    let routes = r#"{ "unmatched": "deny", "routes": [{ "name": "a", "match": { "path": { "prefix": "/a" } },
                      "auth_tokens": [{ "env": "TOKEN" }] }] }"#;
    let small = r#"{ "auth_tokens": [{ "env": "TOKEN" }], "max_body_bytes": 3 }"#;
    let hashed = format!("{URL}?bodySHA256={}", "0".repeat(64));
    let upgrade = |sent: Sent| sent.header("Connection", "Upgrade").header("Upgrade", "websocket");
    let twice = signed_get(URL).header("X-Twilio-Signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let mut shown = vec!["misplaced_filter", "signature_mismatch", "unknown_key"];
    for (config, sent, status, reason) in [
        (TOKEN, Sent::new("GET", URL), 403, Reason::MissingSignature),
        (TOKEN, Sent::new("GET", URL).header("X-Twilio-Signature", "none"), 403, Reason::MalformedSignature),
        (TOKEN, twice, 403, Reason::MalformedSignature),
        (
            TOKEN,
            Sent::new("POST", &hashed).signed("TOKEN", &hashed, &[]).header("Content-Type", "a/b").body("x"),
            403,
            Reason::BodyHashMismatch,
        ),
        (
            TOKEN,
            Sent::new("POST", URL).signed("OTHER", URL, &[]).header("Content-Type", "a/b").body("x"),
            403,
            Reason::UnsignedBody,
        ),
        (small, Sent::new("POST", URL).form("Body=Hi").signed("TOKEN", URL, &[]), 413, Reason::BodyTooLarge),
        (TOKEN, upgrade(Sent::new("POST", URL).signed("TOKEN", URL, &[])), 403, Reason::Unverifiable),
        (routes, Sent::new("GET", URL), 403, Reason::NoRoute),
    ] {
        let (code, text) = said(config, &sent);
        assert_eq!(code, 1, "{text}");
        let mut lines = text.lines().skip(1);
        let label = reason.label();
        assert_eq!(
            lines.next(),
            Some(format!("verdict: denied, {label}: the client is answered {status}").as_str())
        );
        let hint = format!("look at: {}", reason.hint());
        assert!(lines.any(|line| line == hint), "{text}");
        shown.push(label);
    }
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown, Reason::ALL.map(Reason::label));
}

#[test]
fn what_is_not_denied_and_not_verified_is_told_as_such() {
    let open = r#"{ "unmatched": "allow", "routes": [{ "name": "a", "match": { "path": { "prefix": "/a" } }, "auth_tokens": [{ "env": "TOKEN" }] }] }"#;
    let report = r#"{ "mode": "report", "auth_tokens": [{ "env": "TOKEN" }] }"#;
    let off = r#"{ "mode": "off", "auth_tokens": [{ "env": "TOKEN" }] }"#;
    for (config, sent, lines) in [
        (open, Sent::new("GET", URL), "verdict: passed, and not verified\nroute: unmatched\n"),
        (
            open,
            signed_get(URL),
            "verdict: passed, and not verified\nroute: unmatched\ncause: no_match: it is signed, and no route matches",
        ),
        (open, signed_get(URL), "\nproxy route: \"\"\nmisses: a:path\nsetting: routes.match: "),
        (off, signed_get(URL), "verdict: passed, and not verified\nroute: default\n"),
        (
            report,
            Sent::new("GET", URL),
            "verdict: reported, missing_signature: it goes on, and in mode enforce would be denied\nroute: default\n",
        ),
    ] {
        let (code, text) = said(config, &sent);
        assert!(code == 1 && text.contains(lines), "{text}");
    }
    let (code, text) = said(report, &signed_get(URL));
    assert!(code == 0 && text.contains("\nverdict: allowed, the signature fits\n"), "{text}");
}

#[test]
fn it_explains_where_the_configuration_has_that_switched_off() {
    let quiet = r#"{ "explain": false, "auth_tokens": [{ "env": "TOKEN" }] }"#;
    let sent =
        Sent::new("GET", "http://hooks.example.com/a").signed("TOKEN", "https://hooks.example.com/a", &[]);
    let (code, text) = said(quiet, &sent);
    assert!(code == 1 && text.contains("\ncause: scheme: "), "{text}");
}

#[test]
fn without_a_configuration_one_key_verifies_every_request() {
    let (code, text, _) = explain(&[], &signed_get(URL).curl());
    assert!(code == 0 && text.contains("\nkey: TWILIO_AUTH_TOKEN\n"), "{text}");
    let (code, text, _) = explain(&["--auth-token-env", "OTHER"], &signed_get(URL).har());
    assert!(code == 1 && text.contains("\ncause: unknown: "), "{text}");
    let shared = Sent::new("GET", URL)
        .signed_by(twilio_webhook::key::Algorithm::HmacSha256, "FIRST", URL, &[])
        .header("X-Twilio-Webhooks-Signature-Settings", "key=key-1");
    let (code, text, _) = explain(&["--shared-key", "key-1", "--shared-key-env", "FIRST"], &shared.raw());
    assert!(code == 0 && text.contains("\nkey: key-1\n"), "{text}");
    let (code, text, error) = explain(&["--auth-token-env", "UNSET"], &signed_get(URL).raw());
    assert_eq!((code, text.as_str()), (3, ""));
    assert_eq!(error, "error: the environment variable UNSET is not set\n");
}

#[test]
fn variables_that_only_the_proxy_has_are_left_out_and_told() {
    let file = config(r#"{ "auth_tokens": [{ "env": "TOKEN" }, { "env": "ELSEWHERE" }] }"#);
    let note = "note: not known here, so that nothing is verified with it: ELSEWHERE\n";
    let (code, text, _) = explain(&["--config", &file], &signed_get(URL).raw());
    assert!(code == 0 && text.ends_with(note), "{text}");
    // The last of them as auth tokens look, but for their case.
    for unlikely in ["c0ffee00c0ffee", "0C0FFEE", "C0FFEE11C0FFEE22C0FFEE33C0FFEE44"] {
        let file = config(&format!(
            r#"{{ "auth_tokens": [{{ "env": "NO_1" }}, {{ "env": "NO_2" }}, {{ "env": "{unlikely}" }}] }}"#
        ));
        let (code, text, error) = explain(&["--config", &file], &signed_get(URL).raw());
        assert_eq!((code, text.as_str()), (3, ""));
        let said = "error: no key of the configuration is known here: set (a variable whose name is not repeated here) or NO_1 \
                    or NO_2\n";
        assert_eq!(error, said);
    }
}

#[test]
fn what_the_filter_rejects_explains_nothing() {
    for (configuration, said) in [
        (
            r#"{ "auth_tokens": [{ "env": "TOKEN" }], "mode": "loud" }"#,
            "mode: must be one of enforce, report, off",
        ),
        (
            r#"{ "auth_token": [{ "env": "TOKEN" }] }"#,
            "auth_token: is not a field here; the fields are auth_tokens, shared_keys, url, mode, max_body_bytes, \
             clear_route_cache, hold, unmatched, verified_header, explain, routes",
        ),
    ] {
        let (code, text, error) = explain(&["--config", &config(configuration)], &signed_get(URL).raw());
        assert_eq!((code, text.as_str()), (7, ""));
        assert_eq!(error, format!("error: the configuration is rejected: {said}\n"));
    }
}

#[test]
fn a_route_of_the_proxy_has_to_be_named_where_it_matters() {
    let file = config(
        r#"{ "unmatched": "deny", "routes": [{ "name": "a", "match": { "route_names": ["own"] }, "auth_tokens": [{ "env": "TOKEN" }] }] }"#,
    );
    let capture = signed_get(URL).raw();
    let (code, _, error) = explain(&["--config", &file], &capture);
    let said = "error: the configuration matches by route_names: say with --route-name which route of the proxy the request is \
                on\n";
    assert_eq!((code, error.as_str()), (2, said));
    for (name, code, verdict) in [
        ("own", 0, "allowed, the signature fits"),
        ("another", 1, "denied, no_route: the client is answered 403"),
        ("", 1, "denied, no_route: the client is answered 403"),
    ] {
        let (got, text, _) = explain(&["--config", &file, "--route-name", name], &capture);
        assert_eq!(got, code, "{text}");
        assert!(text.contains(&format!("\nverdict: {verdict}\n")), "{text}");
    }
}

#[test]
fn the_proxy_around_a_plugin_counts() {
    let envoy = |manager: &str| {
        config(&format!(
            r#"{{ "name": "in", "address": {{ "socket_address": {{ "port_value": 8443 }} }}, "filter_chains": [{{ "filters": [{{
                "typed_config": {{ {manager} "http_filters": [
                    {{ "name": "one", "typed_config": {{ "config": {{
                        "vm_config": {{ "environment_variables": {{ "host_env_keys": ["TOKEN"] }} }},
                        "configuration": {{ "value": "{{ \"auth_tokens\": [{{ \"env\": \"TOKEN\" }}] }}" }} }} }} }},
                    {{ "name": "two", "typed_config": {{ "config": {{
                        "vm_config": {{ "environment_variables": {{ "host_env_keys": ["OTHER"] }} }},
                        "configuration": {{ "value": "{{ \"auth_tokens\": [{{ \"env\": \"OTHER\" }}] }}" }} }} }} }} ] }} }}] }}] }}"#
        ))
    };
    let plain = envoy("");
    let capture = signed_get(URL).raw();
    let (code, _, error) = explain(&["--config", &plain], &capture);
    let said = "error: the file holds several plugins: choose one with --plugin TEXT, of \"listener in, filter one\", \
                \"listener in, filter two\"\n";
    assert_eq!((code, error.as_str()), (2, said));
    let (code, _, error) = explain(&["--config", &plain, "--plugin", "three"], &capture);
    assert_eq!(
        (code, error.as_str()),
        (2, "error: no plugin in the file has a place with that text in it\n")
    );
    for (plugin, code) in [("one", 0), ("two", 1)] {
        assert_eq!(explain(&["--config", &plain, "--plugin", plugin], &capture).0, code);
    }
    // The listener's port is tried, as the proxy tries it.
    let ported = Sent::new("GET", URL).signed("TOKEN", "https://hooks.example.com:8443/twilio/sms", &[]);
    assert_eq!(explain(&["--config", &plain, "--plugin", "one"], &ported.curl()).0, 0);
    let more = ["--config", &plain, "--plugin", "one", "--listener-port", "9999"];
    assert_eq!(explain(&more, &ported.curl()).0, 1);
    // A proxy at the edge puts its own word in place of X-Forwarded-Proto; another one believes it.
    let forwarded = signed_get(URL).header("X-Forwarded-Proto", "http");
    for (manager, code) in [
        ("", 1),
        (r#""use_remote_address": true,"#, 0),
        (r#""use_remote_address": true, "xff_num_trusted_hops": 1,"#, 1),
    ] {
        let file = envoy(manager);
        assert_eq!(explain(&["--config", &file, "--plugin", "one"], &forwarded.har()).0, code, "{manager}");
    }
    let file = envoy(r#""normalize_path": true,"#);
    let (_, text, _) = explain(&["--config", &file, "--plugin", "one"], &capture);
    let note = "note: normalize_path changes URLs before the filter sees them, which was not done here: the proxy may find otherwise\n";
    assert!(text.ends_with(note), "{text}");
}
