//! Every byte and every escape at every place of a guarded path, and of a guarded host, sent to real applications directly and
//! through Envoy: what reaches the guarded handler directly does not do so through the filter, unsigned.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::envoy::{Envoy, versions};

use super::app::{App, Client, Program, cluster, envoy, host, packages, spellings};
use crate::site::TOKEN;

/// Applications, the path of their guarded handler, and some spellings that are sure to reach it: or the sweep would be none.
const READERS: [(&str, Program, &str, &[&str]); 15] = [
    ("express", Program::Node("express.js", &[]), "/hook/exact", &["/Hook/exact", "/hook/exact/"]),
    ("fastify", Program::Node("fastify.js", &[]), "/hook/exact", &["/hook/%65xact", "/hook/exact;"]),
    ("django", Program::Python("django_app.py"), "/hook/exact", &["/hook%2fexact"]),
    ("starlette", Program::Python("starlette_app.py"), "/hook/exact", &["/hook%2fexact", "/hook/exact%0a"]),
    ("bottle", Program::Python("bottle_app.py"), "/hook/exact", &["/hook%2fexact", "/hook/exact%ff"]),
    ("node", Program::Node("node.js", &[]), "/hook/exact", &["/hook\\exact", "/hook/exact#"]),
    (
        "parser",
        Program::Node("node.js", &["decoded"]),
        "/hook/exact",
        &["/hook/exact%3f", "/hook/exact%23", "/hook/ex%09act", "/hook/exact%20", "/hook/exact%3F"],
    ),
    (
        "jetty",
        Program::Java("Jetty"),
        "/hook/exact",
        &[
            "/hook/%u0065xact",
            "/hook%u002fexact",
            "/hook/exact;",
            "/x/%u002e%u002e/hook/exact",
            "/hoo%6;/exact",
        ],
    ),
    (
        "apache",
        Program::Python("apache.py"),
        "/hook/exact",
        &["/hook/%2565xact", "/hook%252Fexact", "/hook/exact%26", "/hook/exact&"],
    ),
    (
        "php",
        Program::Python("php.py"),
        "/hook/exact.php",
        &["/hook/exact.php/", "/hook/exact%2ephp", "/hook/exact.php/x"],
    ),
    (
        "directory",
        Program::Python("directory.py"),
        "/hook/exact",
        &["/hook/index.php/exact", "/hook/%65xact", "/hook/index%2ephp/exact"],
    ),
    (
        "upper",
        Program::Node("node.js", &["upper"]),
        "/hook/offices",
        &["/hook/o%ef%ac%83ces", "/hook/o%EF%AC%80ice%C5%BF", "/hook/of%ef%ac%81ces"],
    ),
    (
        "twice",
        Program::Java("Twice"),
        "/hook/exact",
        &["/hook/%2565xact", "/hook/%25%D9%A6%D9%A5xact", "/hook/%25%EF%BC%96%EF%BC%95xact"],
    ),
    (
        "length",
        Program::Python("length.py"),
        "/hook/exact",
        &["/hookexact", "/index.phphook/exact", "/index.php%68ookexact", "/hook%65xact"],
    ),
    ("port", Program::Python("port.py"), "/", &["/x:80", "/x/y:0", "/x:65536", "/x:80/y:99999"]),
];

/// An application, and what reaches its guarded handler directly.
struct Swept<'a> {
    name: &'a str,
    app: App,
    reaching: Vec<Vec<u8>>,
}

/// The name of an application, how it is run, and the requests to send to it.
type ToTry<'a> = (&'a str, Program, Vec<Vec<u8>>);

/// Starts each of these applications, and finds out which of the requests reach it: of all applications at the same time.
fn sweep<'a>(
    programs: impl Iterator<Item = ToTry<'a>>,
    reaches: fn(&mut Client, &str, &[u8]) -> bool,
) -> Vec<Swept<'a>> {
    let packages = &packages();
    std::thread::scope(|scope| {
        let start = |(name, program, mut requests): ToTry<'a>| {
            scope.spawn(move || {
                let app = App::start(packages, program);
                let mut client = Client::new(app.port);
                requests.retain(|request| reaches(&mut client, name, request));
                Swept { name, app, reaching: requests }
            })
        };
        let started: Vec<_> = programs.map(start).collect();
        started.into_iter().map(|thread| thread.join().expect("a sweep")).collect()
    })
}

impl Swept<'_> {
    fn cluster(&self) -> Value {
        cluster(self.name, self.app.port)
    }

    #[track_caller]
    fn is_reached_by(&self, request: &str) {
        assert!(self.reaching.iter().any(|it| it == request.as_bytes()), "{} {request}", self.name);
    }
}

/// None of these requests may reach the handler through a listener of Envoy's.
#[track_caller]
fn none_passes(
    envoy: &Envoy,
    listener: &str,
    requests: &[Vec<u8>],
    reaches: fn(&mut Client, &str, &[u8]) -> bool,
) {
    let mut client = Client::new(envoy.listener_port(listener));
    let passed = requests.iter().filter(|request| reaches(&mut client, listener, request));
    let passed: Vec<_> = passed.map(|it| it.escape_ascii().to_string()).collect();
    assert!(passed.is_empty(), "{listener}: {} of {} pass: {passed:#?}", passed.len(), requests.len());
}

fn by_path(client: &mut Client, name: &str, path: &[u8]) -> bool {
    client.reaches(host(name).as_bytes(), path)
}

#[test]
fn no_byte_and_no_escape_at_any_place_of_a_path_goes_round_the_filter() {
    let swept = sweep(
        READERS.into_iter().map(|(name, program, path, sure)| {
            let mut all = spellings(path);
            all.extend(sure.iter().map(|spelling| spelling.as_bytes().to_vec()));
            (name, program, all)
        }),
        by_path,
    );
    for (swept, (_, _, path, sure)) in swept.iter().zip(READERS) {
        swept.is_reached_by(path);
        sure.iter().for_each(|spelling| swept.is_reached_by(spelling));
    }
    for binary in versions() {
        let plugin = |kind: &str, path: &str| {
            json!({ "auth_tokens": [{ "value": TOKEN }], "unmatched": "allow",
                    "routes": [{ "name": "guard", "match": { "path": { kind: path } } }] })
        };
        for kind in ["exact", "prefix"] {
            let listener = |(name, _, path, _): &(&'static str, _, &str, _)| {
                (*name, plugin(kind, path), site("*", name))
            };
            let listeners: Vec<_> = READERS.iter().map(listener).collect();
            let envoy = envoy(&binary, swept.iter().map(Swept::cluster).collect(), &listeners);
            for swept in &swept {
                none_passes(&envoy, swept.name, &swept.reaching, by_path);
            }
        }
    }
}

/// What may stand before a path where a server puts a URL together: a host, or what is sent in its place.
const JOINED: [&str; 24] = [
    "", ".", "..", ":", ":80", "a:", "a:b", "@", "a@", "a:b@", "%", "%2f", "[", "[]", "[::", "]", "a]", "\\",
    "?", "#", "a?", "a#", "a b", "a,b",
];

/// A host, and the path behind it.
fn by_url(client: &mut Client, _: &str, url: &[u8]) -> bool {
    let path = url.iter().rposition(|byte| *byte == b' ').expect("a space before the path");
    client.reaches(&url[..path], &url[path + 1..])
}

#[test]
fn no_host_that_a_server_puts_before_a_path_makes_it_another_one() {
    let paths = ["/hook/exact", "/x/hook/exact", "//x/hook/exact", "/x/y/hook/exact", "/x"];
    let as_forwarded = |host: &str| format!("site.example.com\r\nx-forwarded-host: {host}");
    let forwarded = JOINED.iter().map(|host| as_forwarded(host));
    let whole = ["a/hook/exact?", "a:80/hook/exact#", "a\\hook\\exact?"].map(as_forwarded);
    let hosts: Vec<_> = JOINED.iter().map(ToString::to_string).chain(forwarded).chain(whole).collect();
    let urls = hosts.iter().flat_map(|host| paths.map(|path| format!("{host} {path}").into_bytes()));
    let swept =
        sweep([("joined", Program::Node("node.js", &["joined"]), urls.collect())].into_iter(), by_url);
    let [swept] = swept.as_slice() else { panic!("expected one application") };
    let sure = [" /x/hook/exact", ". /hook/exact", "a:80/hook/exact# /x"];
    sure.iter().for_each(|url| {
        assert!(swept.reaching.iter().any(|it| it.ends_with(url.as_bytes())), "{url}");
    });
    for binary in versions() {
        let guard = |rest: Value| {
            let mut plugin = json!({ "auth_tokens": [{ "value": TOKEN }] });
            plugin.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
            plugin
        };
        let guarded = guard(json!({ "unmatched": "allow",
            "routes": [{ "name": "guard", "match": { "path": { "exact": "/hook/exact" } } }] }));
        let excepted = guard(
            json!({ "routes": [{ "name": "x", "mode": "off", "match": { "path": { "prefix": "/x" } } },
            { "name": "guard" }] }),
        );
        let listeners =
            [("guarded", guarded, site("*", "joined")), ("excepted", excepted, site("*", "joined"))];
        let envoy = envoy(&binary, vec![swept.cluster()], &listeners);
        for listener in ["guarded", "excepted"] {
            none_passes(&envoy, listener, &swept.reaching, by_url);
        }
    }
}

/// A virtual host of a domain, with all that it is sent going to a cluster.
fn site(domain: &str, cluster: &str) -> Value {
    json!([{ "name": "site", "domains": [domain],
             "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": cluster } }] }])
}

const GUARDED: &str = "hooks.example.com";

/// Hosts that readers take for the guarded one, beside those with a byte or an escape in some place.
const HOSTS: [&str; 18] = [
    "HOOKS.example.com",
    "hooks.example.com.",
    "hooks.example.com:80",
    "hooks.example.com:0080",
    "hooks.example.com:",
    "hooks.example.com:x",
    "hooks.example.com:1:2",
    "hooks.example.com:443:",
    "hooks.example.com::",
    "hooks.example.com:80]",
    "hooks.example.com:x@y",
    "hooks.example.com:99999999",
    "x@hooks.example.com",
    "x:y@hooks.example.com:80",
    "hooks%2eexample%2ecom",
    "hooks.example.com%3a80",
    "hooks.example.com%20",
    "[hooks.example.com]",
];

const HOST_READERS: [(&str, Program); 4] = [
    ("nginx", Program::Python("nginx.py")),
    ("express", Program::Node("hosts.js", &["express"])),
    ("koa", Program::Node("hosts.js", &["koa"])),
    ("fastify", Program::Node("hosts.js", &["fastify"])),
];

fn by_host(client: &mut Client, _: &str, host: &[u8]) -> bool {
    client.reaches(host, b"/")
}

/// Envoy's own virtual hosts, by their names, and their domains. Any of them sends to an application that minds no host.
const VIRTUAL_HOSTS: [(&str, &[&str]); 2] =
    [("alone", &[GUARDED]), ("with ports", &[GUARDED, "hooks.example.com:*"])];

/// The listener of the same virtual host where the filter is off.
fn unguarded(name: &str) -> String {
    format!("{name}, unguarded")
}

#[test]
fn no_byte_and_no_escape_at_any_place_of_a_host_goes_round_the_filter() {
    let mut hosts = spellings(GUARDED);
    hosts.extend(HOSTS.iter().map(|host| host.as_bytes().to_vec()));
    let swept =
        sweep(HOST_READERS.into_iter().map(|(name, program)| (name, program, hosts.clone())), by_host);
    for (swept, (name, _)) in swept.iter().zip(HOST_READERS) {
        swept.is_reached_by(GUARDED);
        // Its constraints are compared with the port.
        assert!(
            swept.reaching.iter().any(|host| host == b"hooks.example.com:80") || name == "fastify",
            "{name}"
        );
    }
    let open = App::start(&packages(), Program::Node("node.js", &[]));
    for binary in versions() {
        let plugin = |mode: &str| {
            json!({ "auth_tokens": [{ "value": TOKEN }], "unmatched": "allow",
                    "routes": [{ "name": "host", "match": { "hosts": [GUARDED] }, "mode": mode }] })
        };
        let own = |domains: &[&str]| {
            json!([
                { "name": "guarded", "domains": domains, "routes": [{ "match": { "prefix": "/" },
                    "route": { "cluster": "open", "prefix_rewrite": "/hook/exact" } }] },
                { "name": "others", "domains": ["*"], "routes": [{ "match": { "prefix": "/" },
                    "direct_response": { "status": 404 } }] },
            ])
        };
        let mut listeners: Vec<_> = HOST_READERS
            .iter()
            .map(|(name, _)| ((*name).to_owned(), plugin("enforce"), site("*", name)))
            .collect();
        for (name, domains) in VIRTUAL_HOSTS {
            listeners.push((name.to_owned(), plugin("enforce"), own(domains)));
            listeners.push((unguarded(name), plugin("off"), own(domains)));
        }
        let listeners: Vec<_> = listeners
            .iter()
            .map(|(name, plugin, hosts)| (name.as_str(), plugin.clone(), hosts.clone()))
            .collect();
        let mut clusters: Vec<_> = swept.iter().map(Swept::cluster).collect();
        clusters.push(cluster("open", open.port));
        let envoy = envoy(&binary, clusters, &listeners);
        for swept in &swept {
            none_passes(&envoy, swept.name, &swept.reaching, by_host);
        }
        for (name, domains) in VIRTUAL_HOSTS {
            let mut client = Client::new(envoy.listener_port(&unguarded(name)));
            let reaching: Vec<_> =
                hosts.iter().filter(|host| by_host(&mut client, name, host)).cloned().collect();
            let has = |host: &str| reaching.iter().any(|it| it == host.as_bytes());
            let ports = ["hooks.example.com:1:2", "hooks.example.com:443:", "hooks.example.com:80]"];
            assert!(has(GUARDED) && ports.iter().all(|host| has(host) == (domains.len() > 1)), "{name}");
            none_passes(&envoy, name, &reaching, by_host);
        }
    }
}
