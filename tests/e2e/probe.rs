//! The probe against real Envoys: with the filter, without it, and with all that looks like it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::upstream::{Answer, Upstream};
use twilio_proxy_wasm_harness::world::express::Express;
use twilio_webhook::client::{self, Client, Dial, Version};
use twilio_webhook::key::{Key, Secret};
use twilio_webhook::probe::{Content, Finding, Kind, MARKER, Outcome, Plan, Probed, Target, Verdict, run};
use twilio_webhook::url::Url;

use crate::site::{HOST, Layout, Site, TOKEN, cluster};

/// A probe with the right key, unless it is told otherwise.
struct Probe {
    url: String,
    http: Version,
    behind_envoy: bool,
    token: Option<&'static str>,
    skip: Vec<Kind>,
}

impl Default for Probe {
    fn default() -> Probe {
        Probe {
            url: format!("http://{HOST}/hook/a"),
            http: Version::Http1,
            behind_envoy: false,
            token: Some(TOKEN),
            skip: Vec::new(),
        }
    }
}

impl Probe {
    /// Sends all of it to a listener.
    fn send(&self, envoy: &Envoy) -> Probed {
        let target = Target {
            url: Url::parse(&self.url).expect("a URL"),
            dial: Dial {
                connect: Some(format!("127.0.0.1:{}", envoy.listener_port("main"))),
                http: self.http,
            },
        };
        let plan = Plan {
            targets: vec![target],
            content: Content {
                key: self.token.map(|token| Key::AuthToken(Secret::new(token))),
                account_sid: None,
                kinds: Kind::ALL.into_iter().filter(|kind| !self.skip.contains(kind)).collect(),
                pause: Duration::from_millis(300),
            },
            every_address: false,
            behind_envoy: self.behind_envoy,
            is_strict: false,
            wait: Duration::ZERO,
        };
        let client = Client::new(&client::Options::default()).expect("a client");
        run(&plan, &client).expect("findings").remove(0)
    }
}

/// Without the filter, and with these before the router.
fn without_filter(others: &[Value]) -> Layout {
    let router = json!({ "name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" }});
    let filters: Vec<&Value> = others.iter().chain([&router]).collect();
    Layout { manager: json!({ "http_filters": filters }), ..Layout::default() }
}

fn with_routes(layout: Layout, routes: Value) -> Layout {
    Layout { routes, ..layout }
}

/// What each request came to, in the order sent: the outcome and the status.
fn found(probed: &Probed) -> Vec<(&str, Outcome, u16)> {
    let one = |finding: &'_ Finding| (finding.outcome, finding.status.unwrap_or_default());
    probed.findings.iter().map(|finding| (finding.request.as_str(), one(finding).0, one(finding).1)).collect()
}

const UNSIGNED: [&str; 5] =
    ["unsigned form", "unsigned GET", "unsigned JSON", "unsigned held body", "unsigned WebSocket"];
const FORGED: [&str; 5] =
    ["forged form", "forged GET", "forged JSON", "forged held body", "forged WebSocket"];
const SIGNED: [&str; 5] =
    ["signed form", "signed GET", "signed JSON", "signed held body", "signed WebSocket"];

/// The same outcome and status for all of these, and these for the WebSocket.
fn all(
    names: [&'static str; 5],
    outcome: Outcome,
    [plain, socket]: [u16; 2],
) -> Vec<(&'static str, Outcome, u16)> {
    let status = |name: &str| if name.ends_with("WebSocket") { socket } else { plain };
    names.iter().map(|name| (*name, outcome, status(name))).collect()
}

#[track_caller]
fn comes_to(probed: &Probed, verdict: Verdict, expected: &[Vec<(&str, Outcome, u16)>]) {
    assert_eq!(found(probed), expected.concat(), "{probed:#?}");
    assert_eq!(probed.verdict(), verdict);
}

fn each_version(layout: &Layout, check: impl Fn(&EnvoyBinary, &Site)) {
    for binary in versions() {
        check(&binary, &Site::start(&binary, layout));
    }
}

#[test]
fn the_filter_is_told_by_its_denials_and_only_what_is_signed_reaches_the_application() {
    each_version(&Layout::default(), |_, site| {
        for (http, status) in [(Version::Http1, [200, 101]), (Version::Http2, [200, 200])] {
            let mark = site.upstream.mark();
            let expected = [
                all(UNSIGNED, Outcome::Denied, [403, 403]),
                all(FORGED, Outcome::Denied, [403, 403]),
                all(SIGNED, Outcome::CameThrough, status),
            ];
            comes_to(&Probe { http, ..Probe::default() }.send(&site.envoy), Verdict::Verified, &expected);
            let received = site.upstream.wait_for_requests_since(mark, 5, Duration::from_secs(5));
            assert_eq!(received.len(), 5);
            for request in received {
                assert_eq!(request.headers.text(MARKER).as_deref(), Some("1"), "{request:?}");
            }
        }
    });
}

#[test]
fn a_buffer_after_the_filter_is_as_good() {
    each_version(&Layout::buffer_after(), |_, site| {
        let skip = vec![Kind::Websocket];
        let probed = Probe { skip, ..Probe::default() }.send(&site.envoy);
        let expected = [
            all(UNSIGNED, Outcome::Denied, [403, 403])[..4].to_vec(),
            all(FORGED, Outcome::Denied, [403, 403])[..4].to_vec(),
            all(SIGNED, Outcome::CameThrough, [200, 200])[..4].to_vec(),
        ];
        comes_to(&probed, Verdict::Verified, &expected);
    });
}

#[test]
fn a_websocket_that_the_proxy_refuses_itself_does_not_hide_the_filter() {
    let layout = Layout { manager: json!({ "upgrade_configs": [] }), ..Layout::default() };
    each_version(&layout, |_, site| {
        let probed = Probe { token: None, ..Probe::default() }.send(&site.envoy);
        let mut expected =
            [all(UNSIGNED, Outcome::Denied, [403, 403]), all(FORGED, Outcome::Denied, [403, 403])];
        for findings in &mut expected {
            findings[4].1 = Outcome::DeniedByProxy;
        }
        comes_to(&probed, Verdict::Verified, &expected);
    });
}

/// As Envoy Gateway has it: no names, no marks.
#[test]
fn a_proxy_without_a_name_is_told_by_the_filters_words() {
    let router = json!({ "name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        "suppress_envoy_headers": true }});
    let mut layout = Layout::default();
    let mut filters = layout.filters();
    *filters.last_mut().expect("the router") = router.clone();
    layout.manager = json!({
        "http_filters": filters,
        "server_header_transformation": "PASS_THROUGH",
        "upgrade_configs": [],
    });
    each_version(&layout, |_, site| {
        let probed = Probe { token: None, ..Probe::default() }.send(&site.envoy);
        let mut expected =
            [all(UNSIGNED, Outcome::Denied, [403, 403]), all(FORGED, Outcome::Denied, [403, 403])];
        for findings in &mut expected {
            findings[4].1 = Outcome::DeniedByProxy;
        }
        comes_to(&probed, Verdict::Verified, &expected);
    });
    // The gate without the filter: it is closed, but an application could have said the same.
    layout.manager["http_filters"] = json!([router]);
    layout.routes = json!([{ "match": { "prefix": "/hook" }, "direct_response": { "status": 403 } }]);
    each_version(&layout, |_, site| {
        let expected = [UNSIGNED, FORGED].map(|names| all(names, Outcome::DeniedByProxy, [403, 403]));
        comes_to(&Probe { token: None, ..Probe::default() }.send(&site.envoy), Verdict::Unclear, &expected);
    });
}

/// An application that refuses everything with an empty 403, handshakes too. It runs until the test ends.
fn refusing() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = BufReader::new(stream.try_clone().expect("the stream")).lines();
            while head.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let answer = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    port
}

/// Envoy marks no answer to a handshake, so that one is not taken for its own where nothing else is denied.
#[test]
fn an_application_that_refuses_a_handshake_is_not_taken_for_the_proxy() {
    let port = refusing();
    for binary in versions() {
        let bootstrap = without_filter(&[]).bootstrap(port).to_string();
        let envoy = Envoy::start(&binary, &bootstrap, &Options::default());
        let url = format!("ws://{HOST}/hook/a");
        let refused = |name| (name, Outcome::DeniedByProxy, 403);
        let expected = vec![refused(UNSIGNED[4]), refused(FORGED[4])];
        let sockets = Probe { url, token: None, ..Probe::default() };
        comes_to(&sockets.send(&envoy), Verdict::Unclear, &[expected]);
        let probed = Probe { token: None, ..Probe::default() }.send(&envoy);
        assert_eq!((probed.findings[0].outcome, probed.verdict()), (Outcome::CameThrough, Verdict::Open));
    }
}

#[test]
fn a_token_that_is_not_the_filters_is_told() {
    each_version(&Layout::default(), |_, site| {
        let probed = Probe { token: Some("test-token-of-another"), ..Probe::default() }.send(&site.envoy);
        let expected = [UNSIGNED, FORGED, SIGNED].map(|names| all(names, Outcome::Denied, [403, 403]));
        comes_to(&probed, Verdict::SignedDenied, &expected);
    });
}

#[test]
fn without_the_filter_and_in_report_mode_everything_comes_through() {
    for layout in [without_filter(&[]), Layout::default().with_route(json!({ "mode": "report" }))] {
        each_version(&layout, |_, site| {
            let probed = Probe::default().send(&site.envoy);
            let expected =
                [UNSIGNED, FORGED, SIGNED].map(|names| all(names, Outcome::CameThrough, [200, 101]));
            comes_to(&probed, Verdict::Open, &expected);
            assert_eq!(site.upstream.wait_for_requests(15, Duration::from_secs(5)).len(), 15);
        });
    }
}

#[test]
fn a_filter_that_cannot_hold_is_told_by_what_it_would_have_to_hold() {
    each_version(&Layout { stop_flag: None, ..Layout::default() }, |_, site| {
        let probed = Probe { token: None, ..Probe::default() }.send(&site.envoy);
        let mut forged = all(FORGED, Outcome::Misplaced, [500, 500]);
        for index in [1, 4] {
            (forged[index].1, forged[index].2) = (Outcome::Denied, 403);
        }
        comes_to(&probed, Verdict::Misplaced, &[all(UNSIGNED, Outcome::Denied, [403, 403]), forged]);
    });
}

/// What denies, and is not the filter: the gate's second route where the filter is missing, and rules of access.
#[test]
fn what_is_closed_by_the_proxy_alone_is_closed_and_no_proof() {
    let gate = json!([
        { "match": { "prefix": "/hook", "filter_state": [{
            "key": "wasm.twilio_webhook", "string_match": { "prefix": "verdict=allowed" } }] },
          "route": { "cluster": "upstream" } },
        { "match": { "prefix": "/hook" }, "direct_response": { "status": 403 } },
    ]);
    let rbac = json!({ "name": "envoy.filters.http.rbac", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        "rules": { "action": "ALLOW" } }});
    for layout in [with_routes(without_filter(&[]), gate), without_filter(&[rbac])] {
        each_version(&layout, |_, site| {
            let [unsigned, forged, signed] =
                [UNSIGNED, FORGED, SIGNED].map(|names| all(names, Outcome::DeniedByProxy, [403, 403]));
            let unable = Probe { token: None, ..Probe::default() }.send(&site.envoy);
            comes_to(&unable, Verdict::Closed, &[unsigned.clone(), forged.clone()]);
            comes_to(&Probe::default().send(&site.envoy), Verdict::SignedDenied, &[unsigned, forged, signed]);
        });
    }
}

#[test]
fn what_the_proxy_answers_for_another_reason_is_unclear() {
    let nothing = json!([]);
    let redirect = json!([{ "match": { "prefix": "/" }, "redirect": { "https_redirect": true } }]);
    let error = json!([{ "match": { "prefix": "/" }, "direct_response": { "status": 500 } }]);
    for (routes, status) in [(nothing, 404), (redirect, 301), (error, 500)] {
        each_version(&with_routes(without_filter(&[]), routes.clone()), |_, site| {
            let probed =
                Probe { token: None, skip: vec![Kind::Websocket], ..Probe::default() }.send(&site.envoy);
            let expected =
                [UNSIGNED, FORGED].map(|names| all(names, Outcome::Unclear, [status, status])[..4].to_vec());
            comes_to(&probed, Verdict::Unclear, &expected);
            let location = probed.findings[0].location.as_deref();
            assert_eq!(location, (status == 301).then_some("https://hooks.example.com/hook/a"));
        });
    }
}

#[test]
fn an_application_that_is_away_does_not_make_a_gateway_closed() {
    for binary in versions() {
        // The port of one that has gone.
        let port = Upstream::start().port();
        let bootstrap = without_filter(&[]).bootstrap(port).to_string();
        let envoy = Envoy::start(&binary, &bootstrap, &Options::default());
        let probed = Probe { token: None, ..Probe::default() }.send(&envoy);
        let expected = [UNSIGNED, FORGED].map(|names| all(names, Outcome::CameThrough, [503, 503]));
        comes_to(&probed, Verdict::Open, &expected);
    }
}

/// Twilio's libraries answer with the same words, in the application.
#[test]
fn twilios_library_in_the_application_is_not_taken_for_the_filter() {
    let express = Express::start(TOKEN);
    for binary in versions() {
        let bootstrap = without_filter(&[]).bootstrap(express.port()).to_string();
        let envoy = Envoy::start(&binary, &bootstrap, &Options::default());
        let skip = vec![Kind::Get, Kind::Json, Kind::Websocket];
        let url = format!("http://{HOST}/express/middleware");
        let probed = Probe { url, token: None, skip, ..Probe::default() }.send(&envoy);
        let through = |name, status| (name, Outcome::CameThrough, status);
        let expected = vec![
            through("unsigned form", 400),
            through("unsigned held body", 400),
            through("forged form", 403),
            through("forged held body", 403),
        ];
        comes_to(&probed, Verdict::Open, &[expected]);
    }
    // Ruby's even in the filter's own type.
    each_version(&without_filter(&[]), |_, site| {
        site.upstream.answer_with(Answer::reply(403, "Twilio Request Validation Failed."));
        let probed = Probe { token: None, skip: vec![Kind::Websocket], ..Probe::default() }.send(&site.envoy);
        let expected = [UNSIGNED, FORGED].map(|names| all(names, Outcome::Unclear, [403, 403])[..4].to_vec());
        comes_to(&probed, Verdict::Unclear, &expected);
    });
}

#[test]
fn the_filter_in_a_sidecar_is_told_from_such_a_library_on_demand_alone() {
    each_version(&Layout::default(), |binary, sidecar| {
        let mut front = without_filter(&[]).bootstrap(sidecar.envoy.listener_port("main"));
        front["static_resources"]["clusters"] = json!([cluster(
            sidecar.envoy.listener_port("main"),
            twilio_proxy_wasm_harness::upstream::Protocol::Http1
        )]);
        let gateway = Envoy::start(binary, &front.to_string(), &Options::default());
        let unsure = Probe { token: None, ..Probe::default() };
        let expected = |outcome| [UNSIGNED, FORGED].map(|names| all(names, outcome, [403, 403]));
        let mut unclear = expected(Outcome::Unclear);
        // The gateway marks no answer that comes before it has the whole request.
        for (list, index) in [(0, 3), (0, 4), (1, 4)] {
            unclear[list][index].1 = Outcome::Denied;
        }
        comes_to(&unsure.send(&gateway), Verdict::Unclear, &unclear);
        let told = Probe { behind_envoy: true, ..unsure };
        comes_to(&told.send(&gateway), Verdict::Verified, &expected(Outcome::Denied));
    });
}
