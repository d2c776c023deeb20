//! Every Envoy that the end-to-end tests run on, as a plain proxy between the clients and the upstream.

use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::client::{self, Request, Target, h1, h2};
use twilio_proxy_wasm_harness::envoy::{Envoy, Options, versions};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

const WAIT: Duration = Duration::from_secs(5);
const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TLS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

/// Two listeners, `plain` and `tls`, in front of one upstream.
fn bootstrap(upstream: &Upstream, upstream_speaks: Protocol, certs: &Certs) -> Value {
    let address = |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let manager = json!({
        "name": "http",
        "typed_config": {
            "@type": MANAGER,
            "stat_prefix": "in",
            "http2_protocol_options": {"allow_connect": true},
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "access_log": [{"name": "log", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                "log_format": {"text_format_source": {
                    "inline_string": "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%\n"}}}}],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"path": "/direct"}, "direct_response": {"status": 403, "body": {"inline_string": "no"}}},
                {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]}]},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        },
    });
    let tls = json!({"name": "tls", "typed_config": {"@type": TLS, "common_tls_context": {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [{
            "certificate_chain": {"filename": certs.certificate_file()},
            "private_key": {"filename": certs.key_file()}}]}}});
    let http = match upstream_speaks {
        Protocol::Http1 => json!({"http_protocol_options": {}}),
        Protocol::Http2 => json!({"http2_protocol_options": {"allow_connect": true}}),
    };
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": http}});
    json!({"static_resources": {
        "listeners": [
            {"name": "plain", "address": address(0), "filter_chains": [{"filters": [manager]}]},
            {"name": "tls", "address": address(0),
             "filter_chains": [{"filters": [manager], "transport_socket": tls}]}],
        "clusters": [{
            "name": "upstream",
            "typed_extension_protocol_options": options,
            "load_assignment": {"cluster_name": "upstream", "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": address(upstream.port())}}]}]}}]}})
}

/// Runs `check` with every Envoy, in front of an upstream of either protocol.
fn with_each(check: impl Fn(&Envoy, &Upstream, &Certs)) {
    let scratch = Scratch::new("certs");
    let certs = Certs::write(scratch.path(), &["hooks.example.com"]);
    for binary in versions() {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let upstream = Upstream::start();
            let config = bootstrap(&upstream, protocol, &certs).to_string();
            let envoy = Envoy::start(&binary, &config, &Options::default());
            println!("Envoy {}, upstream {}", binary.version, protocol.name());
            check(&envoy, &upstream, &certs);
        }
    }
}

#[test]
fn requests_go_through() {
    with_each(|envoy, upstream, certs| {
        let plain = Target::plain(envoy.listener_port("plain"));
        let tls = Target::tls(envoy.listener_port("tls"), certs, "hooks.example.com");
        let request = Request::new("POST", "hooks.example.com", "/sms").header("x-bytes", b"\xff");
        let requests = [request.clone().body("Body=Hi"), request.frames(["Body", "=Hi", ""])];
        for target in [&plain, &tls] {
            for protocol in [Protocol::Http1, Protocol::Http2] {
                for request in &requests {
                    let mark = upstream.mark();
                    let response = client::send(target, protocol, request).expect("an answer");
                    assert_eq!((response.status, response.text().as_str()), (200, "upstream\n"));
                    let seen = &upstream.wait_for_requests_since(mark, 1, WAIT)[0];
                    assert_eq!((seen.body_text().as_str(), seen.complete), ("Body=Hi", true));
                    assert_eq!(seen.headers.get("x-bytes"), Some(b"\xff".as_slice()));
                    let scheme = seen.headers.text("x-forwarded-proto");
                    assert_eq!(scheme.as_deref(), Some(target.scheme()));
                }
            }
        }
        assert!(envoy.wait_for_counter("http.in.downstream_rq_2xx", 8, WAIT), "{}", envoy.stats());
        assert!(envoy.prometheus().contains("envoy_http_downstream_rq_total"));
        assert!(envoy.wait_for_output("POST /sms 200\n", WAIT), "{}", envoy.output());
    });
}

#[test]
fn what_envoy_answers_itself_leaves_no_trace() {
    with_each(|envoy, upstream, _| {
        let plain = Target::plain(envoy.listener_port("plain"));
        // One that goes through, so that there is an idle connection to the upstream.
        client::send(&plain, Protocol::Http1, &Request::new("GET", "a", "/")).expect("an answer");
        let mark = upstream.mark();
        let denied = Request::new("POST", "a", "/direct").body("x".repeat(100_000));
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let response = client::send(&plain, protocol, &denied).expect("an answer");
            assert_eq!((response.status, response.text().as_str()), (403, "no"));
            let open = denied.clone().frames(["x"]).unfinished();
            let response = client::send(&plain, protocol, &open).expect("an answer");
            assert_eq!(response.status, 403);
        }
        assert_eq!(upstream.bytes_since(mark), b"");
    });
}

#[test]
fn what_goes_through_early_is_seen() {
    with_each(|envoy, upstream, _| {
        let plain = Target::plain(envoy.listener_port("plain"));
        let mark = upstream.mark();
        let mut client = h2::Connection::open(&plain).expect("a connection");
        let request = Request::new("POST", "a", "/early").frames(["Body="]).unfinished();
        let stream = client.start(&request).expect("a stream");
        let seen =
            upstream.wait_until(mark, WAIT, |seen| seen.iter().any(|request| !request.body.is_empty()));
        assert!(!seen.expect("the first bytes of the body")[0].ended);
        assert!(upstream.bytes_since(mark).windows(5).any(|window| window == b"Body="));
        stream.reset();
        assert!(!upstream.wait_for_requests_since(mark, 1, WAIT)[0].complete);
    });
}

#[test]
fn websockets_go_through() {
    with_each(|envoy, upstream, certs| {
        let handshake = Request::websocket("hooks.example.com", "/media");
        let tls = Target::tls(envoy.listener_port("tls"), certs, "hooks.example.com");
        let mut h1 = h1::Connection::open(&tls).expect("a connection");
        h1.send(&handshake.h1_bytes()).expect("an open connection");
        assert_eq!(h1.read_head().expect("a handshake").status, 101);
        h1.send(b"ping").expect("an open connection");
        assert_eq!(h1.read_exact(4).expect("the echo"), b"ping");

        let mut h2 = h2::Connection::open(&tls).expect("a connection");
        let mut stream = h2.start(&handshake).expect("a stream");
        assert_eq!(stream.read_head().expect("a tunnel").status, 200);
        stream.send_data(b"ping", false).expect("an open stream");
        assert_eq!(stream.read_exact(4).expect("the echo"), b"ping");
        assert_eq!(upstream.requests().len(), 2);
    });
}

#[test]
fn the_process_can_be_observed_and_stopped() {
    let scratch = Scratch::new("certs");
    let certs = Certs::write(scratch.path(), &["localhost"]);
    let upstream = Upstream::start();
    let config = bootstrap(&upstream, Protocol::Http1, &certs);
    for binary in versions() {
        let options = Options::default().concurrency(2).component_log_level("admin:debug");
        let envoy = Envoy::start(&binary, &config.to_string(), &options);
        assert!(envoy.wait_for_log("starting main dispatch loop", WAIT), "{}", envoy.log());
        let mark = envoy.log_mark();
        assert!(envoy.memory() > 1_000_000);
        assert_eq!(envoy.counter("no.such.counter"), 0);
        assert_eq!(envoy.counter("server.concurrency"), 2);
        let clusters = envoy.config_dump().to_string();
        assert!(clusters.contains(r#""cluster_name":"upstream""#), "{clusters}");
        assert!(envoy.wait_for_log_since(mark, "memory", WAIT), "{}", envoy.log_since(mark));
        assert!(!envoy.log_since(mark).contains("starting main dispatch loop"));

        let directory = envoy.directory().to_path_buf();
        let exit = envoy.stop();
        assert_eq!(exit.code, Some(0), "{}", exit.log);
        assert_eq!(directory.exists(), std::env::var_os("KEEP_E2E").is_some());
    }
}

#[test]
fn a_bad_configuration_is_refused() {
    let scratch = Scratch::new("certs");
    let certs = Certs::write(scratch.path(), &["localhost"]);
    let upstream = Upstream::start();
    let good = bootstrap(&upstream, Protocol::Http1, &certs);
    let mut bad = good.clone();
    bad["static_resources"]["listeners"][0]["nmae"] = "typo".into();
    for binary in versions() {
        let options = Options::default();
        let refused = Envoy::expect_refusal(&binary, &bad.to_string(), &options);
        assert_eq!(refused.code, Some(1));
        assert!(refused.log.contains("nmae"), "{}", refused.log);
        let refused = Envoy::validate(&binary, &bad.to_string(), &options);
        assert_eq!(refused.code, Some(1), "{}", refused.log);
        let valid = Envoy::validate(&binary, &good.to_string(), &options);
        assert_eq!(valid.code, Some(0), "{}", valid.log);
    }
}
