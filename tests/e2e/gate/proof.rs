//! What the gate is for: what becomes of a forged webhook where the filter fails, without the gate and with it. The table in
//! docs/gate.md is this one.

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::sample::{repository, trapping_module};
use twilio_proxy_wasm_harness::upstream::Protocol;

use super::gated;
use crate::site::{Layout, Site, default_routes, merge};
use crate::webhook::{FORM_BODY, form, passes, signed_form};

/// What fails, how to have it fail, and the status that a forged webhook is answered with.
struct Failure {
    what: &'static str,
    fail: fn(Layout) -> Layout,
    without: u16,
    with: u16,
}

const FAILURES: [Failure; 11] = [
    Failure { what: "nothing", fail: |layout| layout, without: 403, with: 403 },
    Failure { what: "the filter is not in the chain", fail: without_filter, without: 200, with: 403 },
    Failure {
        what: "a filter that allows everything stands in its place: a module could not be fetched, and the host is set to fail open",
        fail: |layout| {
            in_its_place(
                layout,
                json!({ "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC" }),
            )
        },
        without: 200,
        with: 403,
    },
    Failure { what: "the filter is switched off on the route", fail: switched_off, without: 200, with: 403 },
    Failure {
        what: "its VM has failed, under `FAIL_OPEN`",
        fail: |layout| trapping(layout, "FAIL_OPEN"),
        without: 200,
        with: 403,
    },
    Failure {
        what: "its VM has failed, under `FAIL_CLOSED`",
        fail: |layout| trapping(layout, "FAIL_CLOSED"),
        without: 503,
        with: 503,
    },
    Failure {
        what: "the path in its `match` is misspelt, and `unmatched` is `allow`",
        fail: misspelt_path,
        without: 200,
        with: 403,
    },
    Failure {
        what: "a name in its `route_names` is misspelt, and `unmatched` is `allow`",
        fail: misspelt_name,
        without: 200,
        with: 403,
    },
    Failure {
        what: "its route is left in `off`",
        fail: |layout| in_mode(layout, "off"),
        without: 200,
        with: 403,
    },
    Failure {
        what: "its route is left in `report`",
        fail: |layout| in_mode(layout, "report"),
        without: 200,
        with: 403,
    },
    Failure {
        what: "another team's plugin is there alone, and the request is signed with that team's token",
        fail: another_team,
        without: 200,
        with: 403,
    },
];

fn in_its_place(mut layout: Layout, typed_config: Value) -> Layout {
    let mut filters =
        layout.listener()["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"].take();
    filters[0] = json!({ "name": "stand_in", "typed_config": typed_config });
    layout.manager["http_filters"] = filters;
    layout
}

fn without_filter(mut layout: Layout) -> Layout {
    let mut filters =
        layout.listener()["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"].take();
    filters.as_array_mut().expect("filters").remove(0);
    layout.manager["http_filters"] = filters;
    layout
}

fn switched_off(mut layout: Layout) -> Layout {
    let off = json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true });
    for route in layout.routes.as_array_mut().expect("routes") {
        route["typed_per_filter_config"] = json!({ "twilio_webhook": off });
    }
    layout
}

fn trapping(mut layout: Layout, policy: &str) -> Layout {
    let vm =
        json!({ "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": trapping_module() } } });
    merge(&mut layout.wasm, json!({ "vm_config": vm, "failure_policy": policy }));
    layout
}

fn misspelt_path(mut layout: Layout) -> Layout {
    layout.plugin["unmatched"] = json!("allow");
    layout.with_route(json!({ "match": { "path": { "prefix": "/hok" } } }))
}

fn misspelt_name(mut layout: Layout) -> Layout {
    layout.plugin["unmatched"] = json!("allow");
    layout.with_route(json!({ "match": { "route_names": ["shutt"] } }))
}

fn in_mode(layout: Layout, mode: &str) -> Layout {
    layout.with_route(json!({ "mode": mode }))
}

/// With the other's name, and the same name of its route, copied from the same guide. Its token is the one that this test
/// signs with.
fn another_team(mut layout: Layout) -> Layout {
    layout.wasm["name"] = json!("another_team");
    layout
}

/// The table between its heading and the next empty line.
fn table_of_the_document() -> String {
    let text = std::fs::read_to_string(repository().join("docs/gate.md")).expect("the document");
    let (_, rows) = text.split_once("|---|---|---|\n").expect("a table");
    rows.split("\n\n").next().expect("rows").trim().to_owned()
}

#[test]
fn a_forged_webhook_gets_what_the_table_of_the_document_says() {
    let row = |it: &Failure| {
        let said = |status: u16| {
            if status == 200 { "**reaches the application**".to_owned() } else { status.to_string() }
        };
        format!("| {} | {} | {} |", it.what, said(it.without), said(it.with))
    };
    let rows: Vec<String> = FAILURES.iter().map(row).collect();
    assert_eq!(table_of_the_document(), rows.join("\n"));
    for binary in versions() {
        for Failure { what, fail, without, with } in &FAILURES {
            for hold in [Layout::default(), Layout::buffer_after()] {
                let open = Layout { routes: default_routes(), ..hold.clone() };
                for (layout, expected) in [(open, *without), (gated(hold), *with)] {
                    let site = Site::start(&binary, &fail(layout));
                    if what.contains("VM") {
                        passes(&site, Protocol::Http1, &signed_form("/hook/a"), FORM_BODY.as_bytes());
                        let trap = signed_form("/hook/a").header("x-trap-for-tests", "body");
                        assert_eq!(
                            client::send(&site.target(), Protocol::Http1, &trap).map(|it| it.status),
                            Ok(503)
                        );
                    }
                    let forged =
                        if what.contains("that team's") { signed_form("/hook/a") } else { form("/hook/a") };
                    for protocol in [Protocol::Http1, Protocol::Http2] {
                        let mark = site.upstream.mark();
                        let status = client::send(&site.target(), protocol, &forged).map(|it| it.status);
                        assert_eq!(status, Ok(expected), "Envoy {}: {what}", binary.version);
                        assert_eq!(site.upstream.bytes_since(mark).is_empty(), expected != 200, "{what}");
                    }
                }
            }
        }
    }
}
