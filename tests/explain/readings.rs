//! Requests that some reader may find on another route: the log names it.

use std::rc::Rc;

use crate::explain;
use crate::support::{Request, TOKEN, policy};
use twilio_proxy_wasm::explain::Explanation;
use twilio_proxy_wasm::policy::Policy;

/// An unsigned request to a host and a path, both as they are.
fn to(host: &str, path: &str) -> Request {
    Request::new("GET", "https://a/").with(":authority", host).with(":path", path)
}

/// The verdict, and what the line says before its text.
fn found(policy: &Rc<Policy>, request: &Request) -> (String, String) {
    let (words, explanation) = explain(policy, request);
    let begin = |explanation: Explanation| explanation.to_string().split(": ").next().unwrap().to_owned();
    (words, explanation.map(begin).unwrap_or_default())
}

fn line(route: &str) -> String {
    format!("cause=other_reading setting=routes.match reads_as={route}")
}

/// Paths that real software was seen to take for a guarded one.
const PATHS: &[(&str, &[&str])] = &[
    (
        "/twilio/sms",
        &[
            // Jetty 9.4 decodes `%uXXXX`.
            "/twilio/%u0073ms",
            "/twilio%u002fsms",
            "/x/%u002e%u002e/twilio/sms",
            // Apache's front-controller rewrite decodes, and PHP decodes again.
            "/twilio/%2573ms",
            "/twilio%252fsms",
            // The same rewrite puts the path into a query.
            "/twilio/sms%26a",
            "/twilio/sms&a",
            // An application decodes and then takes the path apart as a URL.
            "/twilio/sms%3Fx",
            "/twilio/sms%23x",
            "/twilio/sms%09",
            "/twilio/sms%00.jpg",
            // A format behind the last segment, or a script before the first.
            "/twilio/sms.json",
            "/index.php/twilio/sms",
            // A front controller in a directory (Apache with PHP, Symfony).
            "/twilio/index.php/sms",
            "/public/index.php/twilio/sms",
            // Laminas and Zend write names without their punctuation, Moleculer dots for slashes.
            "/twilio/s-m-s",
            "/twi!lio/s~ms",
            "/twilio/%2Dsms",
            "/twilio.sms",
        ],
    ),
    ("/sms.php", &["/sms.php/x", "/sms%2Ephp", "/SMS.php"]),
    ("/twilio/index.php/sms", &["/twilio/sms", "/twilio/%73ms"]),
    // CakePHP.
    ("/twilio/sms-reply", &["/twilio/smsReply", "/twilio/sms_reply"]),
];

#[test]
fn a_path_that_software_takes_for_a_guarded_one_is_denied_and_its_route_is_named() {
    for (guarded, paths) in PATHS {
        for kind in ["exact", "prefix"] {
            let policy = policy(&format!(
                r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "unmatched": "allow",
                     "routes": [{{ "name": "sms", "match": {{ "path": {{ "{kind}": "{guarded}" }} }} }}] }}"#
            ));
            // What is below a prefix is on it for certain.
            let maybe = |path: &&&str| kind == "exact" || !path.starts_with(&format!("{guarded}/"));
            for path in paths.iter().filter(maybe) {
                let expected = ("denied unverifiable".to_owned(), line("sms"));
                assert_eq!(
                    found(&policy, &to("hooks.example.com", path)),
                    expected,
                    "{kind} {guarded} {path}"
                );
            }
        }
    }
}

/// Hosts that Envoy hands on, and takes for the guarded one where a virtual host has the domains `h` and `h:*`.
#[test]
fn a_host_that_may_be_any_is_denied_and_its_route_is_named() {
    let policy = policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "unmatched": "allow",
             "routes": [{{ "name": "hook", "match": {{ "hosts": ["hooks.example.com"] }} }}] }}"#
    ));
    let others = ["x@hooks.example.com", "hooks%2eexample.com", "elsewhere.example.com:1:2"];
    for host in [":1:2", ":443:", ":80]", ":x@y", ":"].map(|port| format!("hooks.example.com{port}")) {
        assert_eq!(
            found(&policy, &to(&host, "/")),
            ("denied unverifiable".to_owned(), line("hook")),
            "{host}"
        );
    }
    for host in others {
        assert_eq!(
            found(&policy, &to(host, "/")),
            ("denied unverifiable".to_owned(), line("hook")),
            "{host}"
        );
    }
    assert_eq!(found(&policy, &to("elsewhere.example.com:1", "/")), ("passed".to_owned(), String::new()));
}

/// An exception is found by its plain path alone.
#[test]
fn no_spelling_of_an_exception_leads_out_of_it() {
    let policy = |guard: &str| {
        policy(&format!(
            r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "unmatched": "deny", "routes": [{guard}
                {{ "name": "public", "match": {{ "path": {{ "prefix": "/public" }} }}, "mode": "off" }}] }}"#
        ))
    };
    let guarded = policy(r#"{ "name": "sms", "match": { "path": { "exact": "/twilio/sms" } } },"#);
    let denied = |reason: &str| format!("denied {reason}");
    for path in [
        "/public/%u002e%u002e/twilio/sms",
        "/public/..;/twilio/sms",
        "/public/%252e%252e/twilio/sms",
        "/public/index.php/twilio/sms",
    ] {
        let request = to("hooks.example.com", path);
        assert_eq!(found(&guarded, &request), (denied("unverifiable"), line("sms")), "{path}");
        // With nothing else to be on, it is on no route.
        assert_eq!(found(&policy(""), &request), (denied("no_route"), String::new()), "{path}");
    }
    assert_eq!(found(&guarded, &to("hooks.example.com", "/public/x")), ("passed".to_owned(), String::new()));
}

#[test]
fn where_two_routes_may_be_meant_the_other_one_is_named() {
    let policy = |explain: bool, unmatched: &str| {
        policy(&format!(
            r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "explain": {explain}, "unmatched": "{unmatched}", "routes": [
                {{ "name": "free", "match": {{ "path": {{ "prefix": "/free" }} }}, "mode": "off" }},
                {{ "name": "sms", "match": {{ "path": {{ "prefix": "/sms" }} }} }},
                {{ "name": "voice", "match": {{ "path": {{ "prefix": "/voice" }} }}, "mode": "report" }}] }}"#
        ))
    };
    let found = |policy: &Rc<Policy>, path: &str| found(policy, &to("hooks.example.com", path));
    let [denied, reported, none] =
        ["denied unverifiable", "reported unverifiable", "denied no_route"].map(str::to_owned);
    let shown = policy(true, "allow");
    assert_eq!(found(&shown, "/SMS"), (denied.clone(), line("sms")));
    assert_eq!(found(&shown, "/VOICE"), (reported, line("voice")));
    assert_eq!(found(&shown, "/free/../sms"), (denied.clone(), line("sms")));
    assert_eq!(found(&policy(false, "allow"), "/SMS"), (denied.clone(), String::new()));
    assert_eq!(found(&policy(true, "deny"), "/SMS"), (denied, line("sms")));
    // On no route, or perhaps on one that verifies nothing.
    assert_eq!(found(&policy(true, "deny"), "/else"), (none.clone(), String::new()));
    assert_eq!(found(&policy(true, "deny"), "/%66ree"), (none, String::new()));
}
