//! Which route a request is on, and which URL was dialled there.

use std::rc::Rc;

use crate::support::{FakeProxy, Request, TOKEN, policy, words};
use crate::{play, verdicts};
use twilio_proxy_wasm::exchange::Exchange;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::record::route_label;

fn routes(routes: &str, more: &str) -> Rc<Policy> {
    let unmatched = if more.contains("unmatched") { "" } else { r#", "unmatched": "allow""# };
    let tokens = format!(r#""auth_tokens": [{{ "value": "{TOKEN}" }}]"#);
    policy(&format!(r#"{{ {tokens}, "routes": [{routes}]{more}{unmatched} }}"#))
}

/// The route of a request that nobody signed, and what became of it.
fn route_of(policy: &Rc<Policy>, authority: &str, path: &str, name: &'static str) -> String {
    let request = Request::new("GET", "https://a/").with(":authority", authority).with(":path", path);
    let proxy = FakeProxy { route_name: name, ..FakeProxy::of(&request) };
    let mut exchange = Exchange::new(Rc::clone(policy), Rc::default(), false);
    exchange.on_headers(true, &proxy);
    let verdict = exchange.verdict().unwrap();
    format!("{} {}", route_label(policy, verdict), words(Some(verdict)))
}

#[test]
fn the_first_route_that_matches_is_taken() {
    let policy = routes(
        r#"{ "name": "exact", "match": { "path": { "exact": "/sms/in" } } },
           { "name": "prefix", "match": { "path": { "prefix": "/sms/" } }, "mode": "report" },
           { "name": "either", "match": { "path": { "prefix": "/Voice", "ignore_case": true } } },
           { "name": "named", "match": { "route_names": ["twilio", "twilio-eu"] } },
           { "name": "host", "match": { "hosts": ["hooks.example.com", "*.example.org", "[2001:DB8::1]"] } },
           { "name": "both", "match": { "hosts": ["b.example.com"], "path": { "exact": "/b" } }, "mode": "off" }"#,
        "",
    );
    let denied = |route: &str| format!("{route} denied missing_signature");
    let [passed, maybe] = ["unmatched passed", "unmatched denied unverifiable"].map(str::to_owned);
    let reported = "prefix reported missing_signature".to_owned();
    let table = [
        ("a", "/sms/in", "", denied("exact")),
        ("a", "/sms/in?/other", "", denied("exact")),
        ("a", "/sms", "", reported.clone()),
        ("a", "/sms/in/x", "", reported.clone()),
        ("a", "/sms/..a", "", reported),
        ("a", "/smsx", "", passed.clone()),
        ("a", "/", "", passed.clone()),
        ("a", "/x/sms/in", "", passed.clone()),
        ("a", "/voice/x", "", denied("either")),
        ("a", "/VOICE", "", denied("either")),
        ("a", "/voice/x%2fy/%20", "", denied("either")),
        ("a", "/voices", "", passed.clone()),
        ("a", "/", "twilio-eu", denied("named")),
        ("a", "/", "twilio-e", passed.clone()),
        ("HOOKS.example.com:8443", "/", "", denied("host")),
        ("hooks.example.com.", "/", "", denied("host")),
        ("x.hooks.example.com", "/", "", passed.clone()),
        ("x.y.example.org", "/", "", denied("host")),
        ("example.org", "/", "", passed.clone()),
        (".example.org", "/", "", maybe.clone()),
        ("b..example.com", "/b", "", maybe.clone()),
        ("[2001:db8::1]:443", "/", "", denied("host")),
        ("[2001:db8:0::1]", "/", "", denied("host")),
        ("b.example.com", "/b", "", "both passed".to_owned()),
        ("b.example.com", "/c", "", passed.clone()),
        // Hosts that may be any, on a route that names one.
        ("hooks.example.com:x", "/", "", maybe.clone()),
        ("hooks.example.com:1:2", "/", "", maybe.clone()),
        ("x@hooks.example.com", "/", "", maybe.clone()),
        ("", "/", "", maybe.clone()),
        ("hooks.example.com,x", "/", "", maybe.clone()),
        ("x,hooks.example.com", "/", "", maybe.clone()),
        ("x:1:2", "/voice", "", denied("either")),
        // And that may make another path of the one that is there.
        ("", "/x/voice", "", maybe.clone()),
        ("a@", "/x/voice", "", maybe.clone()),
        ("", "/b/voice", "", maybe.clone()),
        // Paths that some reader may find on a route that denies.
        ("a", "/sms/IN", "", maybe.clone()),
        ("a", "/sms/in/", "", maybe.clone()),
        ("a", "/sms/in.json", "", maybe.clone()),
        ("a", "/index.php/sms/in", "", maybe.clone()),
        ("a", "//sms/./%69n", "", maybe.clone()),
        ("a", "/sms%2fin", "", maybe.clone()),
        ("a", "/sms/%u0069n", "", maybe.clone()),
        ("a", "/sms/%252569n", "", maybe.clone()),
        ("a", "/sms\\in", "", maybe.clone()),
        ("a", "/sms/in%0A", "", maybe.clone()),
        ("a", "/sms/\u{e9}in", "", maybe.clone()),
        ("a", "/sm%C5%BF/in", "", maybe.clone()),
        ("a", "/x/..%2fsms/in", "", maybe.clone()),
        ("a", "/x/..;/sms/in", "", maybe.clone()),
        ("a", "/voice;x", "", maybe.clone()),
        ("a", "/sms/in/..", "", maybe.clone()),
        ("a", "//x/sms/in", "", maybe.clone()),
        ("a", "/x&q=sms/in", "", maybe.clone()),
        ("a", "/x/%C0%AE/y", "", maybe.clone()),
        ("a", "/x/%4%FF1/y", "", maybe.clone()),
        ("a", "*", "", maybe.clone()),
        ("hooks.example.com", "/x/..", "", denied("host")),
        ("b.example.com", "/b/x/..;/", "", passed.clone()),
        // And others, as odd as they are.
        ("a", "/x/..", "", passed.clone()),
        ("a", "/x/%2e%2E/../y;z", "", passed.clone()),
        ("a", "//x\\y%2Fz", "", passed.clone()),
        ("a", "/x/%3b/%FF", "", passed.clone()),
        ("a", "/in/..;/sms", "", "unmatched reported unverifiable".to_owned()),
        // Of a route that reports, and of one that does nothing.
        ("a", "/SMS", "", "unmatched reported unverifiable".to_owned()),
        ("a", "/sms%2Fx", "", "unmatched reported unverifiable".to_owned()),
        ("b.example.com", "/B", "", passed),
    ];
    for (authority, path, name, expected) in table {
        assert_eq!(route_of(&policy, authority, path, name), expected, "{authority} {path} {name}");
    }
}

/// Of an exception, a reader may see less than another does.
#[test]
fn an_exception_is_not_taken_for_another_spelling_of_it() {
    let policy = routes(
        r#"{ "name": "health", "match": { "path": { "exact": "/hook/health" } }, "mode": "off" },
           { "name": "hook", "match": { "path": { "prefix": "/hook" } } }"#,
        "",
    );
    for (path, expected) in [
        ("/hook/health", "health passed"),
        ("/hook//health", "hook denied missing_signature"),
        ("/HOOK/./health", "unmatched denied unverifiable"),
        ("/hook/he%61lth", "hook denied missing_signature"),
        ("/hook\\health", "unmatched denied unverifiable"),
        ("/hook%2Fhealth/", "unmatched denied unverifiable"),
        ("/hook%2Fhealth;x", "unmatched denied unverifiable"),
        ("/HOOK/health", "unmatched denied unverifiable"),
        ("/hook/health/", "hook denied missing_signature"),
        ("/hook/health;x", "unmatched denied unverifiable"),
        ("/%68ook/x", "unmatched denied unverifiable"),
        ("//hook/x", "unmatched denied unverifiable"),
    ] {
        assert_eq!(route_of(&policy, "a", path, ""), expected, "{path}");
    }
    let policy = routes(
        r#"{ "name": "public", "match": { "path": { "prefix": "/hook/public" } }, "mode": "off" },
           { "name": "hook", "match": { "path": { "prefix": "/hook" } } }"#,
        "",
    );
    assert_eq!(route_of(&policy, "a", "/hook/public/x", ""), "public passed");
    assert_eq!(route_of(&policy, "a", "/hook/public/%20", ""), "unmatched denied unverifiable");
}

/// A long path is one like any other.
#[test]
fn a_path_may_be_long() {
    let policy = routes(r#"{ "name": "hook", "match": { "path": { "prefix": "/hook" } } }"#, "");
    let long = |begin: &str, end: &str| format!("{begin}{}{end}", "x".repeat(50_000));
    for (path, expected) in [
        (long("/free/", ""), "unmatched passed"),
        (long("/free/%20", ""), "unmatched passed"),
        (long("/hook/%20", ""), "hook denied missing_signature"),
        (long("/free/%20", "/../hook"), "unmatched denied unverifiable"),
        (long("/free/", "/.."), "unmatched passed"),
    ] {
        assert_eq!(route_of(&policy, "a", &path, ""), expected, "{} bytes", path.len());
    }
}

/// Where no route asks for a path, none can be dodged by it.
#[test]
fn a_path_that_goes_up_is_verified_where_paths_choose_nothing() {
    let policy = routes(r#"{ "name": "host", "match": { "hosts": ["a"] } }"#, "");
    assert_eq!(route_of(&policy, "a", "/x/../y", ""), "host denied missing_signature");
    assert_eq!(route_of(&policy, "b", "/x/../y", ""), "unmatched passed");
    let policy = routes(r#"{ "name": "x", "match": { "path": { "prefix": "/x" } }, "mode": "report" }"#, "");
    assert_eq!(route_of(&policy, "a", "/y/../z", ""), "unmatched passed");
    assert_eq!(route_of(&policy, "a", "/y/../x", ""), "unmatched reported unverifiable");
    let policy = routes(r#"{ "name": "x", "match": { "path": { "prefix": "/x" } }, "mode": "off" }"#, "");
    assert_eq!(route_of(&policy, "a", "/x/../y", ""), "unmatched passed");
}

#[test]
fn where_nothing_may_pass_unmatched_two_readings_must_agree() {
    let off = r#"{ "name": "public", "match": { "path": { "prefix": "/public" } }, "mode": "off" }"#;
    let policy = routes(off, r#", "unmatched": "deny""#);
    for (path, expected) in [
        ("/public/x", "public passed"),
        ("/public/caf%C3%A9/x%20y", "public passed"),
        ("/public/..%2fadmin", "unmatched denied no_route"),
        ("/public/%u002e%u002e/twilio/sms", "unmatched denied no_route"),
        ("/PUBLIC/x", "unmatched denied no_route"),
        ("/public/../admin", "unmatched denied no_route"),
        ("/admin/../public", "unmatched denied no_route"),
        ("/%70ublic/x", "unmatched denied no_route"),
        ("/public/caf%C3%A9;x", "unmatched denied no_route"),
    ] {
        assert_eq!(route_of(&policy, "a", path, ""), expected, "{path}");
    }
}

/// A reader that finds a route which verifies nothing, or none, does no harm to what is verified, and neither does one
/// that finds a route with the same verdict.
#[test]
fn what_is_verified_anyway_need_not_be_read_alike() {
    let keys = format!(r#""auth_tokens": [{{ "value": "{TOKEN}" }}]"#);
    let policy = |other: &str, unmatched: &str| {
        routes(
            &format!(
                r#"{{ "name": "open", "match": {{ "path": {{ "exact": "/a/b" }} }}, {other} }},
                   {{ "name": "a", "match": {{ "path": {{ "prefix": "/a" }} }} }}"#
            ),
            &format!(r#", "unmatched": "{unmatched}""#),
        )
    };
    for unmatched in ["allow", "deny"] {
        for (other, expected) in [
            (r#""mode": "off""#, "a denied missing_signature"),
            (r#""mode": "report""#, "a denied missing_signature"),
            (r#""mode": "enforce""#, "a denied missing_signature"),
            (&keys, "unmatched denied unverifiable"),
            (r#""url": { "base": "https://x" }"#, "unmatched denied unverifiable"),
            (r#""max_body_bytes": 1"#, "unmatched denied unverifiable"),
        ] {
            let policy = policy(other, unmatched);
            assert_eq!(route_of(&policy, "a", "/a/b/", ""), expected, "{other} {unmatched}");
            assert_eq!(route_of(&policy, "a", "/a/c%20", ""), "a denied missing_signature");
        }
    }
}

/// Whom Twilio dials by another spelling, it has signed for: by the key of the route that it may be on.
#[test]
fn what_is_signed_passes_in_any_spelling() {
    let routes = r#"{ "name": "open", "match": { "path": { "exact": "/hook/open" } }, "mode": "off" },
                    { "name": "hook", "match": { "hosts": ["a"], "path": { "prefix": "/hook" } } }"#;
    let odd = ["/HOOK", "//hook/x", "/x/../hook", "/hook%2Fx;y", "/%2568ook", "/hook/open/", "/hook.json"];
    for unmatched in ["allow", "deny"] {
        let policy = self::routes(routes, &format!(r#", "unmatched": "{unmatched}""#));
        for path in odd {
            let signed = Request::get(&format!("https://a{path}"));
            assert_eq!(signed.verdict(&policy), "allowed 0", "{path} {unmatched}");
            let forged = signed.with(":scheme", "http");
            let expected = if path == "/hook/open/" { "signature_mismatch" } else { "unverifiable" };
            assert_eq!(forged.verdict(&policy), format!("denied {expected}"), "{path} {unmatched}");
        }
        // Nobody dials such a host.
        let signed = Request::get("https://a/hook").with(":authority", "a:443:");
        assert_eq!(signed.verdict(&policy), "denied unverifiable", "{unmatched}");
    }
}

/// A body makes no difference, nor how it comes.
#[test]
fn a_body_in_doubt_is_held_and_verified() {
    let policy = routes(r#"{ "name": "hook", "match": { "path": { "prefix": "/hook" } } }"#, "");
    let signed = Request::form("https://a/HOOK", "Body=hi");
    play(&policy, &signed, "headers: hold\n body Body=hi end: continue\n verdict: allowed 0");
    play(
        &policy,
        &signed,
        "headers: hold\n body Body=no end: 403 unverifiable\n verdict: denied unverifiable",
    );
    let policy =
        routes(r#"{ "name": "hook", "mode": "report", "match": { "path": { "prefix": "/hook" } } }"#, "");
    play(&policy, &signed, "headers: continue\n body Body=hi end: continue\n verdict: allowed 0");
    play(&policy, &signed, "headers: continue\n body Body=no end: continue\n verdict: reported unverifiable");
}

/// These make servers read another path than the one that is there.
#[test]
fn a_header_that_moves_the_root_may_lead_anywhere() {
    let policy = routes(
        r#"{ "name": "host", "match": { "hosts": ["host"] } },
           { "name": "hook", "match": { "path": { "prefix": "/hook" } } }"#,
        "",
    );
    for header in ["Daphne-Root-Path", "SCRIPT_NAME", "x-vhm-root", "script-name", "X-Script-Name"] {
        let free = Request::new("GET", "https://a/free");
        assert_eq!(free.verdict(&policy), "passed");
        assert_eq!(free.header(header, "/x").verdict(&policy), "denied unverifiable", "{header}");
        let signed = Request::get("https://a/hook").header(header, "/x");
        assert_eq!(signed.verdict(&policy), "allowed 0", "{header}");
        let hosted = Request::new("GET", "https://host/free").header(header, "/x");
        assert_eq!(hosted.verdict(&policy), "denied missing_signature", "{header}");
    }
}

/// Frameworks put a URL together of them and the path.
#[test]
fn forwarded_headers_with_a_path_in_them_or_an_odd_prefix_may_lead_anywhere() {
    let policy = routes(r#"{ "name": "hook", "match": { "path": { "prefix": "/hook" } } }"#, "");
    for (name, host, expected) in [
        ("x-forwarded-host", "h:80/hook?", "denied unverifiable"),
        ("X_Forwarded_Host", "h?", "denied unverifiable"),
        ("x-forwarded-host", "h\\hook", "denied unverifiable"),
        ("x-forwarded-host", "h#", "denied unverifiable"),
        ("x-forwarded-host", "a.example:80, b.example", "passed"),
        ("x-forwarded-host", "", "denied unverifiable"),
        ("x-forwarded-port", "1/hook?", "denied unverifiable"),
        ("x-forwarded-port", "443, 80", "passed"),
        ("x-forwarded-proto", "http://h/hook?", "denied unverifiable"),
        ("forwarded", "for=192.0.2.1;host=\"h/hook?\"", "denied unverifiable"),
        ("forwarded", "for=\"[2001:db8::1]:80\";proto=https;host=h:80", "passed"),
        ("x-forwarded-client-cert", "URI=spiffe://a/b", "passed"),
        ("x-forwarded-prefix", "/hook;x", "denied unverifiable"),
        ("X_Forwarded_Prefix", "//hook", "denied unverifiable"),
        ("x-forwarded-prefix", "/%68ook", "denied unverifiable"),
        ("x-forwarded-prefix", "/a,/hook", "denied unverifiable"),
        ("x-forwarded-prefix", "hook", "denied unverifiable"),
        ("x-forwarded-prefix", "/hook", "passed"),
        ("x-forwarded-prefix", "/", "passed"),
        ("x-forwarded-prefix", "", "passed"),
    ] {
        let free = Request::new("GET", "https://a/free").header(name, host);
        assert_eq!(free.verdict(&policy), expected, "{name}: {host}");
    }
}

/// Before a route in `report` is enforced, it is told of each request that this would deny.
#[test]
fn where_two_readings_would_have_to_agree_is_reported() {
    let [off, report, enforce] = ["off", "report", "enforce"].map(|mode| format!(r#""mode": "{mode}""#));
    let [off, report, enforce] = [off.as_str(), report.as_str(), enforce.as_str()];
    // `/a/b/` is on the second to proxies, and on the first to who does not mind the `/`.
    for (first, second, expected) in [
        (report, off, "unmatched reported unverifiable"),
        (off, report, "second reported missing_signature"),
        (report, report, "second reported missing_signature"),
        (report, r#""mode": "report", "max_body_bytes": 1"#, "unmatched reported unverifiable"),
        (off, off, "second passed"),
        (enforce, report, "unmatched denied unverifiable"),
        (enforce, off, "unmatched denied unverifiable"),
        (report, enforce, "second denied missing_signature"),
        (off, enforce, "second denied missing_signature"),
    ] {
        let policy = routes(
            &format!(
                r#"{{ "name": "first", "match": {{ "path": {{ "exact": "/a/b" }} }}, {first} }},
                   {{ "name": "second", "match": {{ "path": {{ "prefix": "/a" }} }}, {second} }}"#
            ),
            "",
        );
        assert_eq!(route_of(&policy, "a", "/a/b/", ""), expected, "{first} {second}");
    }
}

#[test]
fn a_route_says_what_twilio_dialled() {
    let policy = routes(
        r#"{ "name": "base", "match": { "hosts": ["base"] }, "url": { "base": "https://Hooks.example.com:8443/v1/" } },
           { "name": "forwarded", "match": { "hosts": ["forwarded"] }, "url": { "trust_forwarded_host": true } },
           { "name": "original", "match": { "hosts": ["original"] },
             "url": { "original_path_header": "X-Envoy-Original-Path" } },
           { "name": "plain" }"#,
        "",
    );
    // Signed for the first URL, received as the second.
    let sent = |dialled: &str, seen: &str| {
        let seen = Request::new("GET", seen);
        let signature = Request::get(dialled).headers.pop().unwrap().1;
        seen.header("x-twilio-signature", signature)
    };
    let forwarded = |dialled: &str, host: &str, port: &str| {
        sent(dialled, "http://forwarded/a").header("x-forwarded-host", host).header("x-forwarded-port", port)
    };
    let original = |dialled: &str| sent(dialled, "https://original/rewritten");
    let table = [
        ("base", sent("https://Hooks.example.com:8443/v1/a?b", "http://base:80/a?b"), "allowed 0"),
        ("base without its port", sent("https://Hooks.example.com/v1/a", "http://base/a"), "allowed 0"),
        (
            "base in lower case",
            sent("https://hooks.example.com/v1/a", "http://base/a"),
            "denied signature_mismatch",
        ),
        (
            "base over http",
            sent("http://Hooks.example.com/v1/a", "http://base/a"),
            "denied signature_mismatch",
        ),
        (
            "base without its prefix",
            sent("https://Hooks.example.com/a", "http://base/a"),
            "denied signature_mismatch",
        ),
        ("forwarded", forwarded("http://public:8080/a", "public", "8080"), "allowed 0"),
        ("forwarded, the first", forwarded("http://public/a", "public, other", "80"), "allowed 0"),
        ("forwarded with a port", forwarded("http://public:8080/a", "public:8080", ""), "allowed 0"),
        (
            "forwarded, twice",
            forwarded("http://forwarded/a", "public", "80").header("x-forwarded-host", "public"),
            "denied unverifiable",
        ),
        ("forwarded, but empty", forwarded("http://public/a", "", "80"), "denied unverifiable"),
        (
            "forwarded, not trusted",
            sent("http://public/a", "http://plain/a").header("x-forwarded-host", "public"),
            "denied signature_mismatch",
        ),
        (
            "forwarded twice, not trusted",
            sent("http://plain/a", "http://plain/a")
                .header("x-forwarded-host", "public")
                .header("x-forwarded-host", "public"),
            "allowed 0",
        ),
        (
            "forwarded port, not trusted",
            sent("http://plain:8080/a", "http://plain/a").header("x-forwarded-port", "8080"),
            "denied signature_mismatch",
        ),
        ("original", original("https://original/a?b").header("x-envoy-original-path", "/a?b"), "allowed 0"),
        ("original, unsaid", original("https://original/rewritten"), "allowed 0"),
        (
            "original, twice",
            original("https://original/a")
                .header("x-envoy-original-path", "/a")
                .header("x-envoy-original-path", "/a"),
            "denied unverifiable",
        ),
        (
            "original elsewhere",
            sent("https://plain/a", "https://plain/b").header("x-envoy-original-path", "/a"),
            "denied signature_mismatch",
        ),
        (
            "forwarded proto",
            sent("https://plain/a", "http://plain/a").header("x-forwarded-proto", "https, http"),
            "allowed 0",
        ),
        (
            "forwarded proto, unknown",
            sent("http://plain/a", "http://plain/a").header("x-forwarded-proto", "x"),
            "allowed 0",
        ),
        ("with the default port", sent("https://plain:443/a", "https://plain/a"), "allowed 0"),
        ("without the port", sent("https://plain/a", "https://plain:8443/a"), "allowed 0"),
        ("with the port", sent("https://plain:8443/a", "https://plain:8443/a"), "allowed 0"),
        ("host in lower case", sent("https://plain/a", "https://PLAIN/a"), "allowed 0"),
        ("IPv6", sent("https://[::1]:443/a", "https://[::1]/a"), "allowed 0"),
        ("apostrophe", sent("https://plain/a?b=%27%27", "https://plain/a?b=''"), "allowed 0"),
        ("@ and :", sent("https://plain/a?b=@:", "https://plain/a?b=%40%3a"), "allowed 0"),
        ("as Node did", sent("https://plain/a?b=x%20y&b=&c=", "https://plain/a?b=x+y&c&b="), "allowed 0"),
        ("path as received", sent("https://plain//a/../%61", "https://plain//a/../%61"), "allowed 0"),
        (
            "path in another spelling",
            sent("https://plain/a", "https://plain/%61"),
            "denied signature_mismatch",
        ),
    ];
    verdicts(&policy, &table);
}

#[test]
fn two_hosts_or_two_paths_are_on_no_route_and_pass_by_none() {
    let policy =
        routes(r#"{ "name": "sms", "match": { "hosts": ["hooks"], "path": { "exact": "/sms" } } }"#, "");
    let sent = || Request::new("GET", "https://hooks/sms");
    let table = [
        ("one of each", sent(), "denied missing_signature"),
        ("another host", sent().with(":authority", "other"), "passed"),
        ("no host", sent().without(":authority"), "denied unverifiable"),
        ("two hosts", sent().header(":authority", "other"), "denied unverifiable"),
        ("no path", sent().without(":path"), "denied unverifiable"),
        ("no path on another host", sent().without(":path").with(":authority", "other"), "passed"),
        ("two paths", sent().header(":path", "/other"), "denied unverifiable"),
    ];
    verdicts(&policy, &table);
}
