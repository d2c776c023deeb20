//! Two of these filters in one chain, of two teams: neither spoils what the other has said of a request or set on it, and what
//! a client sends in the header of either is gone. A request to the path of the one is first judged and then let by; to the path
//! of the other, the reverse.

use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::{EnvoyBinary, versions};
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::faults::soon;
use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, PARAMS, form, send, signature_with};

const TOKENS: [(&str, &str); 2] = [("/billing", "test-token-billing"), ("/support", "test-token-support")];

/// The chain: a filter of each of these configurations, in their order.
fn start(binary: &EnvoyBinary, layout: &Layout, [first, second]: [Value; 2]) -> Site {
    let with = |mut plugin: Value, name: &str| {
        plugin["hold"] = layout.plugin["hold"].clone();
        Layout { plugin, wasm: json!({ "name": name }), ..layout.clone() }
    };
    let before = with(first, "billing.twilio-webhook").filter();
    Site::start(binary, &Layout { before: vec![before], ..with(second, "support.twilio-webhook") })
}

fn holds() -> [Layout; 2] {
    let mut own = Layout::default();
    own.plugin["hold"] = json!("self");
    [own, Layout::buffer_after()]
}

/// A team's configuration.
fn team((path, token): (&str, &str), header: Option<&str>) -> Value {
    let mut plugin = json!({
        "unmatched": "allow",
        "routes": [{ "name": &path[1..], "match": { "path": { "prefix": path } }, "auth_tokens": [{ "value": token }] }],
    });
    if let Some(header) = header {
        plugin["verified_header"] = json!(header);
    }
    plugin
}

fn signed(path: &str, token: &str) -> Request {
    form(path).header("x-twilio-signature", signature_with(token, &format!("http://{HOST}{path}"), &PARAMS))
}

/// What the upstream gets in each of these headers.
fn received(site: &Site, protocol: Protocol, request: &Request, names: &[&str]) -> Vec<Vec<u8>> {
    let mark = site.upstream.mark();
    let response = send(site, protocol, request);
    assert_eq!(response.status, 200, "{request:?}\n{}", site.envoy.log());
    let requests = site.upstream.wait_for_requests_since(mark, 1, Duration::from_secs(5));
    assert_eq!(requests.len(), 1, "{request:?}");
    names.iter().flat_map(|name| requests[0].headers.get_all(name).map(<[u8]>::to_vec)).collect()
}

/// The lines of the access log that this request wrote, of which there is to be one.
#[track_caller]
fn is_logged(site: &Site, case: &str, state: &str) {
    let expected = format!(" webhook=[{state}] case={case}\n");
    soon(&format!("a line{expected}"), || site.envoy.output().contains(&format!(" case={case}\n")));
    assert!(site.envoy.output().contains(&expected), "{expected}\n{}", site.envoy.output());
}

fn count(site: &Site, route: &str, verdict: &str, reason: &str) -> u64 {
    let line =
        format!(r#"twilio_webhook_requests_total{{route="{route}",verdict="{verdict}",reason="{reason}"}} "#);
    let text = site.envoy.prometheus();
    let value = text.lines().find_map(|candidate| candidate.strip_prefix(line.as_str()));
    value.unwrap_or_else(|| panic!("no counter {line} in:\n{text}")).parse().expect("a count")
}

#[test]
fn each_team_s_verdict_and_header_stay_and_what_clients_send_goes() {
    for binary in versions() {
        for headers in [["x-verified", "x-verified"], ["x-billing-ok", "x-support-ok"]] {
            let used = if headers[0] == headers[1] { &headers[..1] } else { &headers[..] };
            let spelled: Vec<String> =
                used.iter().flat_map(|name| [(*name).to_owned(), name.replace('-', "_")]).collect();
            let names: Vec<&str> = spelled.iter().map(String::as_str).collect();
            let teams = [team(TOKENS[0], Some(headers[0])), team(TOKENS[1], Some(headers[1]))];
            let site = start(&binary, &holds()[0], teams);
            for (number, ((path, token), header)) in TOKENS.into_iter().zip(headers).enumerate() {
                for (index, protocol) in BOTH.into_iter().enumerate() {
                    let plain = signed(&format!("{path}/a"), token);
                    let claims =
                        names.iter().fold(plain.clone(), |request, name| request.header(name, "forged"));
                    for (kind, request) in [("plain", plain), ("claims", claims)] {
                        let case = format!("{number}-{index}-{kind}");
                        let request = request.header("x-case", &case);
                        assert_eq!(received(&site, protocol, &request, &names), [b"true"], "{case}");
                        assert_eq!(received(&site, protocol, &request, &[header]), [b"true"], "{case}");
                        let key = "key=routes[0].auth_tokens[0]";
                        is_logged(
                            &site,
                            &case,
                            &format!("verdict=allowed route={} reason=none {key}", &path[1..]),
                        );
                    }
                }
                assert_eq!(count(&site, &path[1..], "allowed", "none"), 8);
            }
            // On nobody's path, signed or not, all of it is gone.
            for request in [Request::new("GET", HOST, "/free"), signed("/free", TOKENS[0].1)] {
                let claims = names.iter().fold(request, |request, name| request.header(name, "true"));
                for protocol in BOTH {
                    assert_eq!(
                        received(&site, protocol, &claims, &names),
                        Vec::<Vec<u8>>::new(),
                        "{claims:?}"
                    );
                }
            }
            // Each filter counts for itself what it lets by, and that it is signed and nobody's.
            soon("all of it", || count(&site, "unmatched", "passed", "no_route") == 4);
            soon("all of it", || count(&site, "unmatched", "passed", "none") == 16 + 4);
            let log = site.envoy.log();
            let told: Vec<_> = log.lines().filter(|line| line.contains("reason=no_route")).collect();
            assert_eq!(told.len(), 4, "{told:#?}");
            for team in ["billing", "support"] {
                assert_eq!(
                    told.iter().filter(|line| line.contains(&format!(" misses={team}:path: "))).count(),
                    2
                );
            }
        }
    }
}

/// Both look at all requests: what is told of one is the first verdict that it passed by, or the denial that ended it.
#[test]
fn of_two_verdicts_the_access_log_tells_the_one_that_counts() {
    let whole = |mode: &str, token: &str| json!({ "mode": mode, "auth_tokens": [{ "value": token }] });
    let (a, b) = ("test-token-a", "test-token-b");
    let table = [
        (
            whole("enforce", a),
            whole("report", b),
            200,
            "verdict=allowed route=default reason=none key=auth_tokens[0]",
        ),
        (
            whole("enforce", a),
            whole("off", b),
            200,
            "verdict=allowed route=default reason=none key=auth_tokens[0]",
        ),
        (
            whole("off", a),
            whole("report", b),
            200,
            "verdict=reported route=default reason=signature_mismatch",
        ),
        (
            whole("report", b),
            whole("enforce", a),
            200,
            "verdict=reported route=default reason=signature_mismatch",
        ),
        (
            whole("enforce", a),
            whole("enforce", b),
            403,
            "verdict=denied route=default reason=signature_mismatch",
        ),
        (whole("off", a), whole("off", b), 200, "verdict=passed route=default reason=none"),
    ];
    for binary in versions() {
        for layout in holds() {
            for (first, second, status, state) in table.clone() {
                let site = start(&binary, &layout, [first, second]);
                assert_eq!(
                    send(&site, Protocol::Http1, &signed("/a", a).header("x-case", "one")).status,
                    status
                );
                is_logged(&site, "one", state);
            }
        }
    }
}

/// Nothing is set there, but what another team's filter finds by the way has no say in the verdict either.
#[test]
fn a_buffer_behind_both_changes_nothing() {
    for binary in versions() {
        let site = start(
            &binary,
            &holds()[1],
            [team(TOKENS[0], Some("x-verified")), team(TOKENS[1], Some("x-verified"))],
        );
        for (path, token) in TOKENS {
            for protocol in BOTH {
                let case = format!("{}{}", &path[1..], protocol.name());
                let request = signed(path, token).header("x-verified", "true").header("x-case", &case);
                assert_eq!(received(&site, protocol, &request, &["x-verified"]), Vec::<Vec<u8>>::new());
                let state =
                    format!("verdict=allowed route={} reason=none key=routes[0].auth_tokens[0]", &path[1..]);
                is_logged(&site, &case, &state);
                let forged = form(path).header("x-verified", "true");
                assert_eq!(send(&site, protocol, &forged).status, 403);
            }
        }
        soon("all of it", || count(&site, "unmatched", "passed", "none") == 4 + 2);
        assert_eq!(count(&site, "unmatched", "passed", "no_route"), 0);
    }
}
