//! Which route a request is on, and which URL was dialled there.

use std::rc::Rc;

use crate::support::{FakeProxy, Request, TOKEN, policy, words};
use crate::verdicts;
use twilio_proxy_wasm::config::Policy;
use twilio_proxy_wasm::exchange::Exchange;
use twilio_proxy_wasm::record::route_label;

fn routes(routes: &str, more: &str) -> Rc<Policy> {
    policy(&format!(r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "routes": [{routes}]{more} }}"#))
}

/// The route of a request that nobody signed, and what became of it.
fn route_of(policy: &Rc<Policy>, authority: &str, path: &str, name: &'static str) -> String {
    let request = Request::new("GET", "https://a/").with(":authority", authority).with(":path", path);
    let proxy = FakeProxy { route_name: name, ..FakeProxy::of(&request) };
    let mut exchange = Exchange::new(Rc::clone(policy), Rc::default(), false);
    exchange.on_headers(true, &proxy);
    let outcome = exchange.outcome().unwrap();
    format!("{} {}", route_label(policy, outcome), words(Some(outcome)))
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
    let unverifiable = "unmatched denied unverifiable".to_owned();
    let reported = "unmatched reported no_route".to_owned();
    let (passed, ambiguous) = ("unmatched passed".to_owned(), "unmatched denied no_route".to_owned());
    let table = [
        ("a", "/sms/in", "", denied("exact")),
        ("a", "/sms/in?/other", "", denied("exact")),
        ("a", "//sms/./%69n", "", denied("exact")),
        ("a", "/sms", "", "prefix reported missing_signature".to_owned()),
        ("a", "/sms/in/x", "", "prefix reported missing_signature".to_owned()),
        ("a", "/smsx", "", passed.clone()),
        ("a", "/", "", passed.clone()),
        ("a", "/x/sms/in", "", passed.clone()),
        ("a", "/voice/x", "", denied("either")),
        ("a", "/VOICE", "", denied("either")),
        ("a", "/voices", "", passed.clone()),
        ("a", "/", "twilio-eu", denied("named")),
        ("a", "/", "twilio-e", passed.clone()),
        ("HOOKS.example.com:8443", "/", "", denied("host")),
        ("hooks.example.com.", "/", "", denied("host")),
        ("hooks.example.com:x", "/", "", denied("host")),
        ("x.hooks.example.com", "/", "", passed.clone()),
        ("x.y.example.org", "/", "", denied("host")),
        ("example.org", "/", "", passed.clone()),
        (".example.org", "/", "", passed.clone()),
        ("xexample.org", "/", "", passed.clone()),
        ("[2001:db8::1]:443", "/", "", denied("host")),
        ("b.example.com", "/b", "", "both passed".to_owned()),
        ("b.example.com", "/c", "", passed.clone()),
        // Hosts that are two, on a route or on none.
        ("hooks.example.com,x", "/", "", unverifiable.clone()),
        ("x,hooks.example.com", "/", "", unverifiable),
        ("x@hooks.example.com", "/", "", denied("host")),
        // Paths that an application may read as one of a route that denies.
        ("a", "/sms/IN", "", ambiguous.clone()),
        ("a", "/sms%2fin", "", ambiguous.clone()),
        ("a", "/sms/in/", "", ambiguous.clone()),
        ("a", "/x/..%2fsms/in", "", ambiguous.clone()),
        ("a", "/x/..;/sms/in", "", ambiguous.clone()),
        ("a", "/voice;x", "", ambiguous.clone()),
        ("a", "/sms/in%0A", "", ambiguous.clone()),
        ("a", "/sms/in%20//", "", ambiguous.clone()),
        ("a", "/sms/%FFin%C0", "", ambiguous.clone()),
        ("a", "/sms/\u{e9}in", "", ambiguous.clone()),
        // A `;` may end the path, or begin what ends at a `/` alone.
        ("a", "/sms/in;/x", "", ambiguous.clone()),
        ("a", "/sms/in;x\\y", "", ambiguous.clone()),
        ("a", "/sms;x\\y/in", "", ambiguous.clone()),
        // An end may be behind another one, and a letter another character.
        ("a", "/sms/in%0A/.", "", ambiguous.clone()),
        ("a", "/sms/in%20//./", "", ambiguous.clone()),
        ("a", "/sm%C5%BF/in", "", ambiguous.clone()),
        ("a", "/sms/%C4%B1n", "", ambiguous.clone()),
        ("a", "/sms/%C4%B0n", "", ambiguous.clone()),
        ("a", "/sms/in%3Bx", "", ambiguous.clone()),
        ("a", "/sms%3Bx/in", "", ambiguous.clone()),
        ("a", "/x/%3b", "", passed.clone()),
        // Two of what readers take in any order: a host, a `;`, an escaped one, an escaped slash.
        ("a", "/x;y/%3b", "", ambiguous.clone()),
        ("a", "/x;y%2Fz", "", passed.clone()),
        ("a", "/sms;y%2Fin", "", ambiguous.clone()),
        ("a", "/sms/in;x\\y/z", "", ambiguous.clone()),
        ("a", "/x/y\\z;", "", ambiguous.clone()),
        ("a", "/x/y\\z%3B", "", ambiguous.clone()),
        ("a", "/x/y\\z", "", passed.clone()),
        ("a", "/sms/in%C2%A0", "", ambiguous.clone()),
        ("a", "/x%3By%5cz", "", ambiguous.clone()),
        ("a", "//x/y;z", "", ambiguous.clone()),
        ("a", "//x/y%3Bz", "", ambiguous.clone()),
        // What stands behind two slashes may be a host.
        ("a", "//x/sms/in", "", ambiguous.clone()),
        ("a", "/\\x/sms/in", "", ambiguous.clone()),
        ("a", "\\/x\\sms/in", "", ambiguous.clone()),
        ("a", "///x:1/%73ms/in;y", "", ambiguous.clone()),
        ("a", "/%2Fx/y", "", ambiguous.clone()),
        ("a", "/%5cx/y", "", ambiguous.clone()),
        ("a", "//x%2Fy/z", "", ambiguous.clone()),
        ("a", "//x\\y%2Fz", "", ambiguous.clone()),
        ("a", "/.//x/y", "", ambiguous.clone()),
        ("a", "/.%2F/x/y", "", ambiguous.clone()),
        ("a", "/%3Bx/y", "", ambiguous.clone()),
        ("a", "/;x/y", "", ambiguous.clone()),
        ("a", "/%FF/y", "", ambiguous.clone()),
        ("a", "/;x", "", passed.clone()),
        ("a", "/%FF", "", passed.clone()),
        ("a", "/x%2Fy/z", "", passed.clone()),
        ("a", "//sms/in", "", denied("exact")),
        ("a", "/x/sms/in//", "", passed.clone()),
        // And with a `..`, which an application may keep, or take away with another segment than the next one does.
        ("a", "/sms/x/../in", "", denied("exact")),
        ("a", "/sms/in/..", "", ambiguous.clone()),
        ("a", "/SMS/in/%2e%2E/../x", "", ambiguous.clone()),
        ("a", "/sms/in/..%5cx", "", ambiguous.clone()),
        ("a", "/x/..%0A", "", ambiguous.clone()),
        ("a", "/x/.%FF./", "", ambiguous.clone()),
        ("a", "/x;%2f../y", "", ambiguous.clone()),
        ("a", "/x/..%3By/z", "", ambiguous.clone()),
        ("a", "/x/..;y/z", "", ambiguous.clone()),
        ("a", "/x/%252e%252e/y", "", passed.clone()),
        ("a", "/sms/..a", "", "prefix reported missing_signature".to_owned()),
        ("hooks.example.com", "/x/..", "", denied("host")),
        ("b.example.com", "/b/x/..;/", "", ambiguous),
        // And of one that does not.
        ("a", "/SMS", "", reported.clone()),
        ("a", "/sms;x/y", "", reported),
        ("b.example.com", "/B", "", passed),
    ];
    for (authority, path, name, expected) in table {
        assert_eq!(route_of(&policy, authority, path, name), expected, "{authority} {path} {name}");
    }
}

/// Applications that take nothing away and decode nothing see less of an exception than the strict reading does.
#[test]
fn an_exception_is_not_taken_for_another_spelling_of_it() {
    let policy = routes(
        r#"{ "name": "health", "match": { "path": { "exact": "/hook/health" } }, "mode": "off" },
           { "name": "hook", "match": { "path": { "prefix": "/hook" } } }"#,
        "",
    );
    for (path, expected) in [
        ("/hook/health", "health passed"),
        ("/hook//health", "unmatched denied no_route"),
        ("/HOOK/./health", "unmatched denied no_route"),
        ("/hook/he%61lth", "unmatched denied no_route"),
        ("/hook\\health", "unmatched denied no_route"),
        ("/hook%2Fhealth/", "unmatched denied no_route"),
        ("/hook%2Fhealth;x", "unmatched denied no_route"),
        ("/HOOK/health", "unmatched denied no_route"),
        // Verified as one of the tree, which is more than the exception asks for.
        ("/hook/health/", "hook denied missing_signature"),
        ("/hook/health;x", "hook denied missing_signature"),
        ("/%68ook/x", "hook denied missing_signature"),
        ("//hook/x", "hook denied missing_signature"),
    ] {
        assert_eq!(route_of(&policy, "a", path, ""), expected, "{path}");
    }
}

/// Nobody dials a path that is so long and so spelled; a long one that is plain is one like any other.
#[test]
fn a_long_path_that_is_not_plain_may_be_any() {
    let policy = routes(r#"{ "name": "hook", "match": { "path": { "prefix": "/hook" } } }"#, "");
    let long = |begin: &str, size: usize| format!("{begin}{}", "x".repeat(size - begin.len()));
    for (path, expected) in [
        (long("/free/%20", 4_096), "unmatched passed"),
        (long("/free/%20", 4_097), "unmatched denied no_route"),
        (long("/free/", 50_000), "unmatched passed"),
        (long("/hook/%20", 50_000), "hook denied missing_signature"),
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
    assert_eq!(route_of(&policy, "a", "/x/../y", ""), "unmatched reported no_route");
    let policy = routes(r#"{ "name": "x", "match": { "path": { "prefix": "/x" } }, "mode": "off" }"#, "");
    assert_eq!(route_of(&policy, "a", "/x/../y", ""), "unmatched passed");
}

#[test]
fn where_nothing_may_pass_unmatched_two_readings_must_agree() {
    let off = r#"{ "name": "public", "match": { "path": { "prefix": "/public" } }, "mode": "off" }"#;
    let policy = routes(off, r#", "unmatched": "deny""#);
    for (path, expected) in [
        ("/public/x", "public passed"),
        ("/public/..%2fadmin", "unmatched denied no_route"),
        ("/PUBLIC/x", "unmatched denied no_route"),
        ("/public/../admin", "unmatched denied no_route"),
        ("/admin/../public", "unmatched denied no_route"),
        ("/%70ublic/x", "unmatched denied no_route"),
        ("/public/caf%C3%A9;x", "public passed"),
        ("/public/x%0A", "public passed"),
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
            (&keys, "unmatched denied no_route"),
            (r#""url": { "base": "https://x" }"#, "unmatched denied no_route"),
            (r#""max_body_bytes": 1"#, "unmatched denied no_route"),
        ] {
            let policy = policy(other, unmatched);
            assert_eq!(route_of(&policy, "a", "/a/b/", ""), expected, "{other} {unmatched}");
            assert_eq!(route_of(&policy, "a", "//a/c", ""), "a denied missing_signature");
        }
    }
}

/// Before a route in `report` is enforced, it is told of each request that this would deny.
#[test]
fn where_two_readings_would_have_to_agree_is_reported() {
    let [off, report, enforce] = ["off", "report", "enforce"].map(|mode| format!(r#""mode": "{mode}""#));
    let [off, report, enforce] = [off.as_str(), report.as_str(), enforce.as_str()];
    // `/a/b/` is on the second to proxies, and on the first to who does not mind the `/`.
    for (first, second, expected) in [
        (report, off, "unmatched reported no_route"),
        (off, report, "second reported missing_signature"),
        (report, report, "second reported missing_signature"),
        (report, r#""mode": "report", "max_body_bytes": 1"#, "unmatched reported no_route"),
        (off, off, "second passed"),
        (enforce, report, "unmatched denied no_route"),
        (enforce, off, "unmatched denied no_route"),
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
        ("no host", sent().without(":authority"), "passed"),
        ("two hosts", sent().header(":authority", "other"), "denied unverifiable"),
        ("no path", sent().without(":path"), "denied unverifiable"),
        ("no path on another host", sent().without(":path").with(":authority", "other"), "passed"),
        ("two paths", sent().header(":path", "/other"), "denied unverifiable"),
    ];
    verdicts(&policy, &table);
}
