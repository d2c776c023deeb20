//! Where a request that was verified goes on to, and how: as the application's route says, and no other.

use std::time::Duration;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::upstream::{Answer, Protocol, Upstream};

use super::{both_holds, received, with_action};
use crate::site::{Layout, Site, cluster, merge};
use crate::webhook::{denied, form, send, signed_form};

#[test]
fn timeouts_retries_and_rewrites_are_those_of_the_application_s_route() {
    for binary in versions() {
        for layout in both_holds() {
            let start = |action: Value| Site::start(&binary, &with_action(layout.clone(), action));
            let status = |site: &Site, request: &Request| send(site, Protocol::Http1, request).status;

            let site = start(json!({ "timeout": "0.2s" }));
            site.upstream.answer_with(Answer::Silence);
            assert_eq!(status(&site, &signed_form("/hook/a")), 504);
            let site = start(json!({ "timeout": "0s", "idle_timeout": "0.2s" }));
            site.upstream.answer_with(Answer::Silence);
            assert_eq!(status(&site, &signed_form("/hook/a")), 504);
            denied(&site, Protocol::Http1, &form("/hook/a"), 403, "missing_signature");

            // Every attempt is of the one request that was verified.
            let retry = json!({ "retry_on": "5xx", "num_retries": 2, "per_try_timeout": "0.2s" });
            let site = start(json!({ "retry_policy": retry }));
            site.upstream.answer_with(Answer::reply(503, "no"));
            let mark = site.upstream.mark();
            assert_eq!(status(&site, &signed_form("/hook/a")), 503);
            assert_eq!(site.upstream.wait_for_requests_since(mark, 3, Duration::from_secs(5)).len(), 3);
            denied(&site, Protocol::Http1, &form("/hook/a"), 403, "missing_signature");
            let site =
                start(json!({ "retry_policy": retry, "hedge_policy": { "hedge_on_per_try_timeout": true } }));
            site.upstream.answer_with(Answer::slow(Duration::from_millis(500)));
            let mark = site.upstream.mark();
            assert_eq!(status(&site, &signed_form("/hook/a")), 200);
            assert!(site.upstream.requests_since(mark).len() > 1);
            denied(&site, Protocol::Http1, &form("/hook/a"), 403, "missing_signature");

            let site = start(json!({ "prefix_rewrite": "/in", "host_rewrite_literal": "in.example.com" }));
            let got = received(&site, &signed_form("/hook/a"));
            assert_eq!((got.path.as_str(), got.authority.as_str()), ("/in/a", "in.example.com"));
            denied(&site, Protocol::Http1, &form("/hook/a"), 403, "missing_signature");
        }
    }
}

/// Several upstreams behind one proxy, each with a cluster of its own: `upstream`, and these.
fn start_with_clusters(binary: &EnvoyBinary, layout: &Layout, names: &[&str]) -> (Site, Vec<Upstream>) {
    let upstream = Upstream::start();
    let others: Vec<Upstream> = names.iter().map(|_| Upstream::start()).collect();
    let mut bootstrap = layout.bootstrap(upstream.port());
    let clusters = bootstrap["static_resources"]["clusters"].as_array_mut().expect("clusters");
    for (name, other) in names.iter().zip(&others) {
        let mut cluster = cluster(other.port(), layout.upstream);
        merge(&mut cluster, json!({ "name": name }));
        cluster["load_assignment"]["cluster_name"] = json!(name);
        clusters.push(cluster);
    }
    (Site::of(Envoy::start(binary, &bootstrap.to_string(), &Options::default()), upstream), others)
}

#[test]
fn a_mirror_gets_what_is_verified_alone() {
    let mirrors = json!({ "request_mirror_policies": [{ "cluster": "mirror" }] });
    for binary in versions() {
        for layout in both_holds() {
            // Of the route, and of all routes, the one that answers by itself among them.
            let mut of_all = layout.clone();
            let mut table =
                layout.listener()["filter_chains"][0]["filters"][0]["typed_config"]["route_config"].take();
            merge(&mut table, mirrors.clone());
            of_all.manager["route_config"] = table;
            for layout in [with_action(layout.clone(), mirrors.clone()), of_all] {
                let (site, others) = start_with_clusters(&binary, &layout, &["mirror"]);
                denied(&site, Protocol::Http1, &form("/hook/a"), 403, "missing_signature");
                received(&site, &signed_form("/hook/a"));
                let mirrored = others[0].wait_for_requests(1, Duration::from_secs(5));
                assert!(
                    mirrored.iter().all(|it| it.headers.text("x-twilio-signature").is_some()),
                    "{mirrored:?}"
                );
                assert_eq!(mirrored.len(), 1, "Envoy {}", binary.version);
            }
        }
    }
}

#[test]
fn weighted_clusters_share_what_is_verified() {
    let weighted = json!({ "weighted_clusters": { "clusters": [
        { "name": "upstream", "weight": 1 }, { "name": "canary", "weight": 1 } ]}});
    for binary in versions() {
        for mut layout in both_holds() {
            layout.routes[0]["route"] = weighted.clone();
            let (site, others) = start_with_clusters(&binary, &layout, &["canary"]);
            // That one of them gets none of 64 has a chance of one in 2^63.
            for _ in 0..64 {
                assert_eq!(send(&site, Protocol::Http1, &signed_form("/hook/a")).status, 200);
                assert_eq!(send(&site, Protocol::Http1, &form("/hook/a")).status, 403);
            }
            let both = [&site.upstream, &others[0]].map(|it| it.requests().len());
            assert_eq!(both.iter().sum::<usize>(), 64, "{both:?}");
            assert!(!both.contains(&0), "{both:?}");
        }
    }
}

/// The route that was asked for the plugin's `route_names`, and the one that the request goes by in the end.
#[test]
fn the_access_log_names_the_route_that_a_request_went_by() {
    let log = json!({ "name": "stdout", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": { "text_format_source": { "inline_string":
            "%ROUTE_NAME% %UPSTREAM_CLUSTER% %FILTER_STATE(wasm.twilio_webhook.twilio_webhook:PLAIN)%\n" } },
    }});
    for binary in versions() {
        for mut layout in both_holds() {
            layout.manager["access_log"] = json!([log]);
            layout.plugin["routes"][0]["match"] = json!({ "route_names": ["shut"] });
            let site = Site::start(&binary, &layout);
            send(&site, Protocol::Http1, &signed_form("/hook/a"));
            send(&site, Protocol::Http1, &form("/hook/a"));
            let expected = "open upstream verdict=allowed route=hook\nshut - -\n";
            assert!(site.envoy.wait_for_output(expected, Duration::from_secs(10)), "{}", site.envoy.output());
        }
    }
}

/// The plugin matches by the name of the route where every webhook is first. Which of the routes behind the gate a request
/// goes by, and to which cluster, these say among themselves: by path, or by a header that any client can send.
#[test]
fn routes_behind_the_gate_share_what_is_verified() {
    for binary in versions() {
        for mut layout in both_holds() {
            layout.plugin["routes"][0]["match"] = json!({ "route_names": ["shut"] });
            let open = layout.routes[0].clone();
            let more = |name: &str, matches: Value| {
                let mut route = open.clone();
                merge(&mut route["match"], matches);
                merge(&mut route, json!({ "name": name, "route": { "cluster": name } }));
                route
            };
            let by_path = more("by_path", json!({ "prefix": "/hook/special" }));
            let header = json!([{ "name": "x-canary", "string_match": { "exact": "1" } }]);
            let by_header = more("by_header", json!({ "headers": header }));
            layout.routes.as_array_mut().expect("routes").splice(..0, [by_path, by_header]);
            let (site, others) = start_with_clusters(&binary, &layout, &["by_path", "by_header"]);
            for path in ["/hook/special", "/hook/a"] {
                for canary in ["0", "1"] {
                    let unsigned = form(path).header("x-canary", canary);
                    denied(&site, Protocol::Http1, &unsigned, 403, "missing_signature");
                    let signed = signed_form(path).header("x-canary", canary);
                    assert_eq!(send(&site, Protocol::Http1, &signed).status, 200);
                }
            }
            let counts = [&site.upstream, &others[0], &others[1]].map(|it| it.requests().len());
            assert_eq!(counts, [1, 2, 1], "Envoy {}", binary.version);
        }
    }
}
