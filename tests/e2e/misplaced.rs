//! Wrong installations: the filter notices, answers 500 within two seconds, and logs the line to add.

use std::time::{Duration, Instant};

use serde_json::json;
use twilio_proxy_wasm_harness::client::{Request, h1, h2};
use twilio_proxy_wasm_harness::envoy::{Options, versions};
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::faults::soon;
use crate::site::{HOST, Layout, Site};
use crate::webhook::{BOTH, FORM_BODY, PARAMS, form, passes, send, signature, signed_form, still_serves};

const SWITCH: &str = "allow_on_headers_stop_iteration: true";

/// The request must be answered 500, soon, and the log must say what to change.
#[track_caller]
pub fn diagnosed(site: &Site, protocol: Protocol, request: &Request) {
    let before = site.count("denied", "misplaced_filter");
    let started = Instant::now();
    let response = send(site, protocol, request);
    assert_eq!(
        (response.status, response.text().as_str()),
        (500, "Internal Server Error"),
        "{}",
        site.envoy.output()
    );
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(site.count("denied", "misplaced_filter"), before + 1);
    assert!(site.envoy.wait_for_log(SWITCH, Duration::from_secs(5)), "{}", site.envoy.log());
}

#[test]
fn hold_self_without_the_switch_is_answered_and_not_left_hanging() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout { stop_flag: None, ..Layout::default() });
        for protocol in BOTH {
            diagnosed(&site, protocol, &signed_form("/hook/a"));
            diagnosed(
                &site,
                protocol,
                &form("/hook/a").header("x-twilio-signature", signature("/hook/b", &PARAMS)),
            );
            diagnosed(&site, protocol, &signed_form("/hook/direct"));
            let frames = Request::new("POST", HOST, "/hook/a")
                .header("content-type", crate::webhook::FORM)
                .header("x-twilio-signature", signature("/hook/a", &PARAMS))
                .frames(FORM_BODY.as_bytes().chunks(3));
            diagnosed(&site, protocol, &frames);
            // What needs no body is served even so.
            let get =
                Request::new("GET", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &[]));
            passes(&site, protocol, &get, b"");
        }
        assert_eq!(site.upstream.requests().len(), BOTH.len());
    }
}

/// More than could be answered at once: the answers are given one within the other. All of them come within the time that is
/// promised, from the last request on.
#[test]
fn hundreds_that_stall_are_all_answered_in_time() {
    const MANY: u64 = 400;
    for (binary, is_held_by_itself) in versions().into_iter().flat_map(|it| [(it.clone(), true), (it, false)])
    {
        let layout = if is_held_by_itself {
            Layout { stop_flag: None, ..Layout::default() }
        } else {
            Layout { buffer_after: false, ..Layout::buffer_after() }
        };
        let site = Site::start(&binary, &layout);
        let begun = signed_form("/hook/a").frames(["x"]).unfinished();
        let (mut connections, mut streams) = (Vec::new(), Vec::new());
        // Nothing comes of these, and they are not to be looked at alone for that.
        let quiet: Vec<_> = (0..2).filter(|_| is_held_by_itself).map(|_| wait(&site)).collect();
        for _ in 0..MANY / 100 {
            let mut connection = h2::Connection::open(&site.target()).expect("a connection");
            connection.set_deadline(Duration::from_secs(30));
            streams.extend((0..100).map(|_| connection.start(&begun).expect("a stream")));
            connections.push(connection);
        }
        let begun = Instant::now();
        for mut stream in streams {
            assert_eq!(stream.read_response().map(|it| it.status), Ok(500), "Envoy {}", binary.version);
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "Envoy {}: {:?}", binary.version, begun.elapsed());
        assert_eq!(site.count("denied", "misplaced_filter"), MANY);
        drop(quiet);
        let get =
            Request::new("GET", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &[]));
        passes(&site, Protocol::Http1, &get, b"");
    }
}

/// A request whose body does not come.
fn wait(site: &Site) -> h1::Connection {
    let mut connection = h1::Connection::open(&site.target()).expect("a connection");
    connection.send(&signed_form("/hook/a").h1_head()).expect("to send");
    connection
}

/// The periods that the filter set its clock to, as a trace of its calls has them.
fn periods(site: &Site) -> Vec<String> {
    let log = site.envoy.log();
    let set = log.split("[vm->host] env.proxy_set_tick_period_milliseconds(").skip(1);
    set.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

#[test]
fn the_clock_ticks_while_requests_wait_and_until_a_body_has_come() {
    for binary in versions() {
        let options = Options::default().component_log_level("wasm:trace");
        let site = Site::start_with(&binary, &Layout::default(), &options);
        let wait = || wait(&site);
        let ticks = || site.envoy.log().matches("[host->vm] proxy_on_tick").count();
        let active = |count: u64| {
            soon("so many requests", || site.envoy.counter("http.main.downstream_rq_active") == count);
        };
        let (first, second) = (wait(), wait());
        soon("a tick", || ticks() > 0);
        first.abort();
        active(1);
        assert_eq!(periods(&site), ["500"], "Envoy {}", binary.version);
        second.abort();
        active(0);
        soon("an end", || periods(&site) == ["500", "0"]);
        let (mut third, fourth) = (wait(), wait());
        active(2);
        third.send(FORM_BODY.as_bytes()).expect("to send");
        assert_eq!(third.read_response().map(|it| it.status), Ok(200));
        // From here on nothing has to be watched, neither what waits nor what will.
        still_serves(&site);
        let fifth = wait();
        active(2);
        drop((fourth, fifth));
        active(0);
        assert_eq!(periods(&site), ["500", "0", "500", "0"], "Envoy {}", binary.version);
    }
}

#[test]
fn buffer_after_without_a_buffer_is_noticed() {
    for binary in versions() {
        for upstream in BOTH {
            let layout = Layout { buffer_after: false, ..Layout::buffer_after() }.with_upstream(upstream);
            let site = Site::start(&binary, &layout);
            // Opens the connection that the pool then holds ready.
            let get =
                Request::new("GET", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &[]));
            passes(&site, Protocol::Http1, &get, b"");
            for protocol in BOTH {
                diagnosed(&site, protocol, &signed_form("/hook/a"));
            }
        }
    }
}

/// Where the buffer is switched off on a route, what is to be held there goes on at its headers, be it that its body never ends,
/// or that nothing of it comes.
#[test]
fn a_buffer_that_a_route_switches_off_is_noticed() {
    let off = json!({ "envoy.filters.http.buffer": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute", "disabled": true } });
    for binary in versions() {
        for upstream in BOTH {
            let mut layout = Layout::buffer_after().with_upstream(upstream);
            layout.routes = json!([
                { "match": { "prefix": "/hook/held" }, "route": { "cluster": "upstream" } },
                { "match": { "prefix": "/" }, "route": { "cluster": "upstream" }, "typed_per_filter_config": off },
            ]);
            let site = Site::start(&binary, &layout);
            let endless = signed_form("/hook/a").frames(["x"]).unfinished();
            let silent = signed_form("/hook/a").frames([""; 0]).unfinished();
            for protocol in BOTH {
                diagnosed(&site, protocol, &endless);
                diagnosed(&site, protocol, &silent);
                passes(&site, protocol, &signed_form("/hook/held"), FORM_BODY.as_bytes());
            }
            // A slow body that is held is none of that, however long it takes.
            let mut slow = h1::Connection::open(&site.target()).expect("a connection");
            let request = signed_form("/hook/held");
            slow.send(&request.h1_head()).expect("to send the headers");
            std::thread::sleep(Duration::from_millis(1_200));
            slow.send(&request.h1_body()).expect("to send the body");
            assert_eq!(slow.read_response().map(|it| it.status), Ok(200), "Envoy {}", binary.version);
        }
    }
}

/// The request is answered by Envoy itself, as if the filter were not there, and nobody is alarmed.
#[track_caller]
fn answered_by_envoy(site: &Site, protocol: Protocol, request: &Request, status: u16) {
    let (mark, before) = (site.upstream.mark(), site.count("denied", "misplaced_filter"));
    let response = send(site, protocol, request);
    assert_eq!(response.status, status, "{request:?}\n{}", site.envoy.log());
    let line = format!("details=direct_response status={status} webhook=[-]");
    assert!(site.envoy.wait_for_output(&line, Duration::from_secs(5)), "{}", site.envoy.output());
    assert_eq!(site.count("denied", "misplaced_filter"), before);
    assert_eq!(site.upstream.bytes_since(mark), b"");
}

/// A redirect to https on the port for http, where no buffer is: an answer of Envoy's own, which needs no verdict.
#[test]
fn what_envoy_answers_by_itself_is_let_be_what_it_is() {
    let forged = form("/hook/a").header("x-twilio-signature", signature("/hook/b", &PARAMS));
    for binary in versions() {
        let mut layout = Layout { buffer_after: false, ..Layout::buffer_after() };
        let site = Site::start(&binary, &layout);
        for protocol in BOTH {
            answered_by_envoy(&site, protocol, &signed_form("/hook/direct"), 200);
            answered_by_envoy(&site, protocol, &signed_form("/hook/redirect"), 301);
            diagnosed(&site, protocol, &signed_form("/hook/a"));
        }
        layout.manager["route_config"] = json!({ "name": "main", "virtual_hosts": [
            { "name": "all", "domains": ["*"], "routes": layout.routes, "require_tls": "ALL" }] });
        let endless = signed_form("/hook/a").frames(["x"]).unfinished();
        for gated in [false, true] {
            layout.plugin["clear_route_cache"] = json!(gated);
            let site = Site::start(&binary, &layout);
            for protocol in BOTH {
                for request in [&signed_form("/hook/a"), &forged, &endless] {
                    answered_by_envoy(&site, protocol, request, 301);
                }
            }
        }
        // Of what a gate's own route refuses at once, the filter was to hold it back.
        layout.manager = json!({});
        layout.routes = json!([{ "match": { "prefix": "/" }, "direct_response": { "status": 403 } }]);
        let site = Site::start(&binary, &layout);
        for protocol in BOTH {
            diagnosed(&site, protocol, &signed_form("/hook/a"));
        }
    }
}

#[test]
fn a_buffer_before_the_filter_alone_is_noticed() {
    for binary in versions() {
        let layout = Layout { buffer_before: true, buffer_after: false, ..Layout::buffer_after() };
        let site = Site::start(&binary, &layout.with_upstream(Protocol::Http2));
        let get =
            Request::new("GET", HOST, "/hook/a").header("x-twilio-signature", signature("/hook/a", &[]));
        passes(&site, Protocol::Http1, &get, b"");
        for protocol in BOTH {
            diagnosed(&site, protocol, &signed_form("/hook/a"));
        }
    }
}

#[test]
fn a_slow_body_is_not_taken_for_a_wrong_installation() {
    for binary in versions() {
        let site = Site::start(&binary, &Layout::default());
        let request = signed_form("/hook/a");
        let (head, body) = (request.h1_head(), request.h1_body());
        let mut connection =
            twilio_proxy_wasm_harness::client::h1::Connection::open(&site.target()).expect("a connection");
        connection.send(&head).expect("to send the headers");
        // The pause is the test: longer than the two ticks after which a stall is called one.
        std::thread::sleep(Duration::from_millis(1_700));
        connection.send(&body).expect("to send the body");
        assert_eq!(connection.read_response().expect("an answer").status, 200);
        assert_eq!(site.count("denied", "misplaced_filter"), 0);
    }
}

#[test]
fn report_mode_never_holds_so_that_a_missing_switch_does_no_harm() {
    for binary in versions() {
        let layout = Layout { stop_flag: None, ..Layout::default() }.with_route(json!({ "mode": "report" }));
        let site = Site::start(&binary, &layout);
        for protocol in BOTH {
            passes(&site, protocol, &signed_form("/hook/a"), FORM_BODY.as_bytes());
            passes(&site, protocol, &form("/hook/a"), FORM_BODY.as_bytes());
            let forged = form("/hook/a").header("x-twilio-signature", signature("/hook/b", &PARAMS));
            passes(&site, protocol, &forged, FORM_BODY.as_bytes());
        }
        assert_eq!(site.count("allowed", "none"), 2);
        assert_eq!(site.count("reported", "missing_signature"), 2);
        assert_eq!(site.count("reported", "signature_mismatch"), 2);
    }
}
