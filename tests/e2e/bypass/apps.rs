//! Paths as real applications read them: no spelling that reaches a protected handler of Express, Fastify, Django, Starlette,
//! Bottle or a bare Node server gets there unverified.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, versions};

use super::app::{self, App, Client, Program, cluster, host, packages};
use crate::site::TOKEN;
use crate::webhook::signature_with;

const APPS: [(&str, Program); 6] = [
    ("express", Program::Node("express.js", &[])),
    ("fastify", Program::Node("fastify.js", &[])),
    ("django", Program::Python("django_app.py")),
    ("starlette", Program::Python("starlette_app.py")),
    ("bottle", Program::Python("bottle_app.py")),
    ("node", Program::Node("node.js", &[])),
];

/// Spellings, and the applications (by their first letters) whose protected handler each of them reaches when nothing is
/// in front. Those that reach none are here to show where the applications stop.
const SPELLINGS: &[(&str, &str)] = &[
    ("/hook/exact", "edsfbn"),
    ("/hook/exact?/../x", "edsfbn"),
    ("/HOOK/exact", "e"),
    ("/hook/exact/", "e"),
    ("/hook/EXACT/", "e"),
    ("/hook/exact//", ""),
    ("//hook/exact", "db"),
    ("/hook//exact", ""),
    ("/./hook/exact", "n"),
    ("/hook/./exact", "n"),
    ("/x/../hook/exact", "n"),
    ("/hook/%65xact", "dsfb"),
    ("/%68ook/exact", "dsfb"),
    ("/hook%2Fexact", "dsb"),
    ("/hook%2fexact", "dsb"),
    ("/%2Fhook/exact", ""),
    ("/hook\\exact", "n"),
    ("/hook%5Cexact", ""),
    ("/hook/exact;v=1", "f"),
    ("/hook;v=1/exact", ""),
    ("/hook/exact%3Bv", ""),
    ("/hook/exact.", ""),
    ("/hook/exact.json", ""),
    ("/hook/exact%20", ""),
    ("/hook/exact%0A", "s"),
    ("/hook/exact%0A%0A", ""),
    ("/hook/exact%0D", ""),
    ("/hook/exact%00", ""),
    ("/hook/exact%3Fx", ""),
    ("/hook/exact%23x", ""),
    ("/hook/%2565xact", ""),
    ("/hook/exact%C0%AF", "b"),
    ("/hoo%E2%84%AA/exact", ""),
    ("/hook/tree/x", "edsfbn"),
    ("/HOOK/Tree/x", "e"),
    ("/hook/tree", "e"),
    ("/hook/tree/", "esfn"),
    ("/hook/tree/..", "edsfb"),
    ("/hook/tree/../x", "edsfb"),
    ("/hook/tree/../../x", "edsfb"),
    ("/HOOK/tree/../../x", "e"),
    ("/hook/tree/%2e%2e/%2E%2E/x", "edsfb"),
    ("/hook/tree/..%2F..%2Fx", "edsfbn"),
    ("/hook/tree/..\\..\\x", "edsfb"),
    ("/hook/tree//../../x", "edsfb"),
    ("/hook/tree/..;/..;/x", "edsfbn"),
    ("/hook/%74ree/../../x", "dsfb"),
    ("/hook%2Ftree%2F..%2F..%2Fx", "dsb"),
    ("//hook/tree/../../x", "db"),
    ("/hook/x/../tree/x", "n"),
    ("/hook/tree;/../x", ""),
    ("/hook/exact%FF", "b"),
    ("/hook/exact;", "f"),
    ("/hook/exact;/x", "f"),
    ("/hook/exact;\\x", "f"),
    ("/hook/exact;x/../y", "f"),
    ("/hook/tree/x;/../../y", "edsfb"),
    ("/hook%2Ftree%2F..%0A", "sb"),
    ("/hook%2Ftree%2F..%20", "dsb"),
    ("/hook%2Ftree%2Fx;y", "dsb"),
    ("/hook%2Ftree%2F%FF..", "dsb"),
    ("//x/hook/exact", "n"),
    ("//x:1/hook/tree/x", "n"),
    ("/\\x/hook/exact", "n"),
    ("///x\\hook/exact?y", "n"),
    ("/hook/folded", "d"),
    ("/HOOK/folded", "d"),
    ("/hoo%E2%84%AA/folded", "d"),
    ("/hook/exact%0A/.", ""),
    ("/hook/exact%3Bx", ""),
    ("/%2Fx/hook/exact", ""),
    ("/free", ""),
];

fn start_all() -> Vec<App> {
    let packages = packages();
    APPS.iter().map(|(_, program)| App::start(&packages, *program)).collect()
}

/// One Envoy with a listener for each plugin configuration, and all applications behind each of them.
fn envoy(binary: &EnvoyBinary, apps: &[App], plugins: &[(&str, Value)]) -> Envoy {
    let clusters = apps.iter().zip(APPS).map(|(app, (name, _))| cluster(name, app.port)).collect();
    let sites = json!(APPS.map(|(name, _)| {
        json!({ "name": name, "domains": [host(name)],
                "routes": [{ "name": "app", "match": { "prefix": "/" }, "route": { "cluster": name } }] })
    }));
    let listeners: Vec<_> =
        plugins.iter().map(|(name, plugin)| (*name, plugin.clone(), sites.clone())).collect();
    app::envoy(binary, clusters, &listeners)
}

/// Status and body of the answer to a POST without a body, its target as it is.
fn post(port: u16, host: &str, target: &str, signature: &str) -> (u16, String) {
    let answer = Client::new(port).post(host.as_bytes(), target.as_bytes(), signature);
    answer.unwrap_or_else(|failure| panic!("{failure:?} to {target}"))
}

fn reaches(answer: &(u16, String)) -> bool {
    answer.1 == "protected"
}

fn plugin(members: Value) -> Value {
    let mut plugin = json!({ "auth_tokens": [{ "value": TOKEN }], "unmatched": "allow", "routes": [
        { "name": "exact", "match": { "path": { "exact": "/hook/exact" } } },
        { "name": "tree", "match": { "path": { "prefix": "/hook/tree" } } },
        { "name": "folded", "match": { "path": { "exact": "/hook/folded" } } } ] });
    for (name, value) in members.as_object().expect("members of a configuration") {
        plugin[name] = value.clone();
    }
    plugin
}

#[test]
fn no_spelling_of_a_path_reaches_a_protected_handler_unverified() {
    let apps = start_all();
    let folded = json!({ "routes": [
        { "name": "exact", "match": { "path": { "exact": "/hook/exact", "ignore_case": true } } },
        { "name": "tree", "match": { "path": { "prefix": "/hook/tree", "ignore_case": true } } },
        { "name": "folded", "match": { "path": { "exact": "/hook/folded", "ignore_case": true } } } ] });
    let named = json!({ "routes": [{ "name": "named", "match": { "route_names": ["app"] } }] });
    let plugins = [
        ("default", plugin(json!({}))),
        ("deny", plugin(json!({ "unmatched": "deny" }))),
        ("folded", plugin(folded)),
        ("named", plugin(named)),
    ];
    let direct = |app: &App, name: &str, spelling: &str| reaches(&post(app.port, &host(name), spelling, ""));
    for (app, (name, _)) in apps.iter().zip(APPS) {
        for (spelling, reached_by) in SPELLINGS {
            assert_eq!(direct(app, name, spelling), reached_by.contains(&name[..1]), "{name} {spelling}");
        }
    }
    for binary in versions() {
        let envoy = envoy(&binary, &apps, &plugins);
        let ports: Vec<u16> = plugins.iter().map(|(name, _)| envoy.listener_port(name)).collect();
        for (name, ..) in APPS {
            for (spelling, reached_by) in SPELLINGS {
                for (port, (plugin, _)) in ports.iter().zip(&plugins) {
                    let answer = post(*port, &host(name), spelling, "");
                    let context =
                        format!("Envoy {}, {plugin}, {name} {spelling}: {answer:?}", binary.version);
                    assert!(!reaches(&answer), "{context}");
                    let is_guarded = reached_by.contains(&name[..1]) || matches!(*plugin, "deny" | "named");
                    assert!(!is_guarded || answer.0 == 403, "{context}");
                }
            }
        }
        remedies(&ports);
    }
}

/// What the documentation says of each remedy, on the ports of the plugins above.
fn remedies(ports: &[u16]) {
    let [default, deny, folded, named] = ports else { panic!("four ports in {ports:?}") };
    let signed = |port: u16, app: &str, target: &str| {
        let url = format!("http://{}{target}", host(app));
        post(port, &host(app), target, &signature_with(TOKEN, &url, &[]))
    };
    let alias = |port: u16| reaches(&post(port, "express.example.com", "/alias", ""));
    // An alias of the application's own is no spelling: the filter cannot know it, unless nothing unmatched passes.
    assert_eq!([default, deny, folded, named].map(|port| alias(*port)), [true, false, true, false]);
    // Signed requests in another case, which only Express reads as the same: each route that they may be on verifies them.
    assert!(reaches(&signed(*default, "express", "/HOOK/exact")));
    assert!(reaches(&signed(*folded, "express", "/HOOK/exact")));
    assert!(reaches(&signed(*folded, "express", "/hook/TREE/x")));
    assert!(reaches(&signed(*named, "express", "/HOOK/tree/../x")));
    for (app, ..) in APPS {
        for port in ports {
            assert!(reaches(&signed(*port, app, "/hook/exact")), "{app}");
            assert!(reaches(&signed(*port, app, "/hook/tree/x")), "{app}");
        }
    }
}
