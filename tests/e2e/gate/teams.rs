//! Several plugins in one chain: each opens its own gate, and no other one.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use super::{gate, in_both, is_shut, says};
use crate::site::{HOST, Layout, Site, merge};
use crate::webhook::{FORM_BODY, PARAMS, form, passes, send, signature_with};

/// A team's webhooks: what its plugin is called, its path, and its token.
struct Team {
    plugin: &'static str,
    path: &'static str,
    token: &'static str,
}

const TEAMS: [Team; 2] = [
    Team {
        plugin: "billing.twilio-webhook~istio-translated-wasmplugin",
        path: "/billing",
        token: "test-token-billing",
    },
    Team { plugin: "support.twilio-webhook", path: "/support", token: "test-token-support" },
];

fn signed(path: &str, team: &Team) -> Request {
    form(path)
        .header("x-twilio-signature", signature_with(team.token, &format!("http://{HOST}{path}"), &PARAMS))
}

/// A plugin of the team. Both teams have copied the name of the route from the same guide.
fn filter(layout: &Layout, team: &Team, matcher: Value) -> Value {
    let mut filter = layout.filter();
    let plugin = json!({
        "hold": layout.plugin["hold"],
        "clear_route_cache": true,
        "unmatched": "allow",
        "verified_header": "x-twilio-verified",
        "routes": [{ "name": "webhook", "match": matcher, "auth_tokens": [{ "value": team.token }] }],
    });
    let members = json!({ "name": team.plugin, "configuration": {
        "@type": "type.googleapis.com/google.protobuf.StringValue", "value": plugin.to_string() } });
    merge(&mut filter["typed_config"]["config"], members);
    filter["name"] = json!(team.plugin);
    filter
}

fn start(binary: &EnvoyBinary, layout: &Layout, plugins: Vec<Value>, routes: Vec<Value>) -> Site {
    let (upstream, mut layout) = (Upstream::start(), layout.clone());
    let mut filters =
        layout.listener()["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"].take();
    filters.as_array_mut().expect("filters").splice(..1, plugins);
    layout.manager["http_filters"] = filters;
    layout.routes = Value::Array(routes);
    let bootstrap = layout.bootstrap(upstream.port()).to_string();
    Site::of(Envoy::start(binary, &bootstrap, &Options::default()), upstream)
}

/// The gates of both teams. Their names are those by which the plugins match.
fn routes() -> Vec<Value> {
    let of = |team: &Team| {
        let name = team.plugin.split('~').next().expect("a name");
        let [open, mut shut] = gate(team.path, &says(name, "webhook"));
        shut["name"] = json!(team.path);
        [open, shut]
    };
    TEAMS.iter().flat_map(of).collect()
}

#[test]
fn each_team_s_verdict_opens_its_own_gate() {
    let by_path = |team: &Team| json!({ "path": { "prefix": team.path } });
    let by_name = |team: &Team| json!({ "route_names": [team.path] });
    for binary in versions() {
        for layout in [Layout::default(), Layout::buffer_after()] {
            for matcher in [by_path, by_name] {
                let both =
                    |order: [&Team; 2]| order.map(|team| filter(&layout, team, matcher(team))).to_vec();
                let [one, other] = &TEAMS;
                for plugins in [both([one, other]), both([other, one])] {
                    let site = start(&binary, &layout, plugins, routes());
                    for (team, stranger) in [(one, other), (other, one)] {
                        let path = format!("{}/a", team.path);
                        passes(&site, Protocol::Http1, &signed(&path, team), FORM_BODY.as_bytes());
                        passes(&site, Protocol::Http2, &signed(&path, team), FORM_BODY.as_bytes());
                        let mark = site.upstream.mark();
                        for request in [signed(&path, stranger), form(&path)] {
                            assert_eq!(send(&site, Protocol::Http1, &request).status, 403, "{request:?}");
                        }
                        assert_eq!(site.upstream.bytes_since(mark), b"");
                    }
                }
            }
        }
    }
}

/// The one's plugin is there, with a route for everything and the other's token, and the other's is missing.
#[test]
fn another_team_s_verdict_opens_no_gate() {
    let [one, other] = &TEAMS;
    for binary in versions() {
        for layout in [Layout::default(), Layout::buffer_after()] {
            let impostor = Team { plugin: one.plugin, path: "/", token: other.token };
            let site = start(&binary, &layout, vec![filter(&layout, &impostor, json!({}))], routes());
            let path = format!("{}/a", other.path);
            in_both(&[signed(&path, other)], |protocol, request| is_shut(&site, protocol, request));
            let own = format!("{}/a", one.path);
            passes(&site, Protocol::Http1, &signed(&own, &impostor), FORM_BODY.as_bytes());
        }
    }
}

/// A verdict on one route of a plugin is none on another: what is signed for the one is no good on the other's path,
/// whatever the plugin takes it for.
#[test]
fn a_verdict_on_another_route_opens_no_gate() {
    let [team, _] = &TEAMS;
    let name = team.plugin.split('~').next().expect("a name");
    for binary in versions() {
        let layout = Layout::default();
        let [open, shut] = gate("/other", &says(name, "other"));
        let anything = filter(&layout, team, json!({}));
        let mut all = routes();
        all.extend([open, shut]);
        let site = start(&binary, &layout, vec![anything], all);
        passes(&site, Protocol::Http1, &signed("/billing/a", team), FORM_BODY.as_bytes());
        in_both(&[signed("/other/a", team)], |protocol, request| is_shut(&site, protocol, request));
    }
}
