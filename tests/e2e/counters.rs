//! The counters as Prometheus gets them: real labels, a closed set of series, exact counts.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::client::{self, Failure, Request};
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::sample::{Sample, TOKENS};
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::{Protocol, Upstream};

use crate::faults::soon;
use crate::site::{HOST, Layout, Site, TOKEN};
use crate::webhook::{BOTH, FORM, PARAMS, form, signature, signature_with, signed_form};

/// Values by `route verdict reason`.
type Series = BTreeMap<String, u64>;

/// What may befall a request on a route that is enforced.
const ENFORCED: [&str; 11] = [
    "allowed none",
    "denied body_hash_mismatch",
    "denied body_too_large",
    "denied malformed_signature",
    "denied misplaced_filter",
    "denied missing_signature",
    "denied signature_mismatch",
    "denied unknown_key",
    "denied unsigned_body",
    "denied unverifiable",
    "incomplete none",
];
const REPORTED: [&str; 10] = [
    "allowed none",
    "reported body_hash_mismatch",
    "reported body_too_large",
    "reported malformed_signature",
    "reported missing_signature",
    "reported signature_mismatch",
    "reported unknown_key",
    "reported unsigned_body",
    "reported unverifiable",
    "incomplete none",
];
const UNMATCHED: [&str; 4] = ["passed none", "passed no_route", "denied no_route", "denied unverifiable"];
/// Where a route is in `report`.
const TOLD: [&str; 2] = ["reported no_route", "reported unverifiable"];

/// All at zero, for each of these routes.
fn zeros(routes: &[(&str, &[&str])]) -> Series {
    let of_route = |(route, outcomes): &(&str, &[&str])| {
        outcomes.iter().map(|outcome| (format!("{route} {outcome}"), 0)).collect::<Vec<_>>()
    };
    routes.iter().flat_map(of_route).collect()
}

/// The filter's series in Prometheus' format. Each has the three labels and no other.
#[track_caller]
fn scrape(envoy: &Envoy) -> Series {
    let text = envoy.prometheus();
    let family = "twilio_webhook_requests_total";
    // Whatever a tag does not take out of a name stays in it.
    let ours = text.lines().filter(|line| line.contains("webhook_requests"));
    let (types, samples): (Vec<&str>, Vec<&str>) = ours.partition(|line| line.starts_with('#'));
    assert_eq!(types, [format!("# TYPE {family} counter")]);
    let series: Vec<(String, u64)> = samples.iter().map(|line| sample(line, family)).collect();
    let count = series.len();
    let series: Series = series.into_iter().collect();
    assert_eq!(series.len(), count, "a series came twice");
    series
}

fn sample(line: &str, family: &str) -> (String, u64) {
    let (name, value) = line.rsplit_once(' ').expect("a value");
    let labels = name.strip_prefix(family).and_then(|labels| labels.strip_prefix('{')?.strip_suffix('}'));
    let labels = labels.unwrap_or_else(|| panic!("expected labels in {line}"));
    let mut values: BTreeMap<&str, &str> =
        labels.split(',').map(|label| label.split_once('=').expect("a label")).collect();
    let mut value_of = |label| values.remove(label).expect("the label").trim_matches('"').to_owned();
    let words = ["route", "verdict", "reason"].map(&mut value_of).join(" ");
    assert!(values.is_empty(), "other labels in {line}");
    (words, value.parse().expect("a count"))
}

/// What the sample bootstrap has, and what Istio's has once `extraStatTags` lists these three: no tags of Envoy's
/// own, and only what is listed is kept at all.
fn stats_configs() -> [Option<Value>; 2] {
    let tag = |name: &str| json!({ "tag_name": name, "regex": format!(r"({name}=\.=(.*?);\.;)") });
    let istio = json!({
        "use_all_default_tags": false,
        "stats_tags": [tag("route"), tag("verdict"), tag("reason")],
        "stats_matcher": { "inclusion_list": { "patterns": [{ "prefix": "server" }, { "prefix": "wasm" }] } },
    });
    [None, Some(istio)]
}

/// An enforced route, one that reports, and one that is off, with all letters that a name may have.
fn layout() -> Layout {
    let mut layout = Layout::default().with_route(json!({ "max_body_bytes": 1000 }));
    let more = json!([
        { "name": "eu.v1-2_X", "match": { "path": { "prefix": "/eu" } }, "mode": "report" },
        { "name": "legacy", "match": { "path": { "prefix": "/legacy" } }, "mode": "off" },
    ]);
    layout.plugin["auth_tokens"] = json!([{ "value": TOKEN }]);
    layout.plugin["routes"].as_array_mut().unwrap().extend(more.as_array().unwrap().clone());
    layout
}

/// Requests and what each is to be counted as.
fn requests() -> Vec<(Request, &'static str)> {
    let json_path = "/hook/e?bodySHA256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let post = |path: &str, signature: &str| {
        Request::new("POST", HOST, path).header("x-twilio-signature", signature).body("{}")
    };
    let upgrade = Request::new("POST", HOST, "/hook/a")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("x-twilio-signature", signature("/hook/a", &[]));
    let forged = |path: &str| form(path).header("x-twilio-signature", signature("/other", &PARAMS));
    let settings = ("x-twilio-webhooks-signature-settings", "key=unknown,algorithm=HMAC_SHA256");
    let large = Request::new("POST", HOST, "/hook/a")
        .header("content-type", FORM)
        .header("x-twilio-signature", signature("/hook/a", &[]))
        .frames(vec![[b'x'; 600]; 2]);
    vec![
        (signed_form("/hook/a"), "hook allowed none"),
        (signed_form("/hook/b?x=1"), "hook allowed none"),
        (forged("/hook/a"), "hook denied signature_mismatch"),
        (form("/hook/a"), "hook denied missing_signature"),
        (form("/hook/a").header("x-twilio-signature", "x"), "hook denied malformed_signature"),
        (signed_form("/hook/a").header(settings.0, settings.1), "hook denied unknown_key"),
        (post(json_path, &signature(json_path, &[])), "hook denied body_hash_mismatch"),
        (post("/hook/a", &signature("/hook/a", &[])), "hook denied unsigned_body"),
        (large, "hook denied body_too_large"),
        (upgrade, "hook denied unverifiable"),
        (signed_form("/eu/a"), "eu.v1-2_X allowed none"),
        (forged("/eu/a"), "eu.v1-2_X reported signature_mismatch"),
        (form("/eu/a"), "eu.v1-2_X reported missing_signature"),
        (form("/legacy/a"), "legacy passed none"),
        (form("/elsewhere"), "unmatched passed none"),
        (signed_form("/elsewhere"), "unmatched passed no_route"),
        // On another route for applications that ignore case.
        (form("/HOOK/a"), "unmatched denied unverifiable"),
    ]
}

fn start(binary: &EnvoyBinary, stats_config: Option<Value>) -> Site {
    let upstream = Upstream::start();
    let mut bootstrap = layout().bootstrap(upstream.port());
    if let Some(stats_config) = stats_config {
        bootstrap["stats_config"] = stats_config;
    }
    // Two workers with a VM each count into one.
    let options = Options::default().concurrency(2);
    Site::of(Envoy::start(binary, &bootstrap.to_string(), &options), upstream)
}

#[test]
fn every_verdict_is_counted_once_under_its_labels() {
    for binary in versions() {
        for stats_config in stats_configs() {
            let site = start(&binary, stats_config);
            let mut expected = zeros(&[
                ("hook", &ENFORCED),
                ("eu.v1-2_X", &REPORTED),
                ("legacy", &["passed none"]),
                ("unmatched", &UNMATCHED),
                ("unmatched", &TOLD),
            ]);
            assert_eq!(scrape(&site.envoy), expected, "Envoy {} before any request", binary.version);
            for (index, (request, counter)) in requests().into_iter().enumerate() {
                // Over HTTP/2 an upgrade is another thing.
                let protocols = if counter.ends_with("unverifiable") { &BOTH[..1] } else { &BOTH };
                // Each another number of times, so that no two can be mistaken for each other.
                for protocol in protocols.iter().cycle().take(index + 1) {
                    match client::send(&site.target(), *protocol, &request) {
                        // Cut off after an early answer.
                        Ok(_) | Err(Failure::Reset) => *expected.get_mut(counter).expect(counter) += 1,
                        Err(failure) => panic!("{failure:?} for {request:?}"),
                    }
                }
            }
            // What is on no route is counted when it is over, which may be after its answer is here.
            let all = |series: &Series| series.values().sum::<u64>();
            soon("every count", || all(&scrape(&site.envoy)) == all(&expected));
            assert_eq!(scrape(&site.envoy), expected, "Envoy {}", binary.version);
        }
    }
}

#[test]
fn the_samples_define_these_series() {
    let scratch = Scratch::new("counters");
    let certs = Certs::write(scratch.path(), &[HOST]);
    let upstream = Upstream::start();
    let options = TOKENS.iter().fold(Options::default(), |options, (name, value)| options.env(name, value));
    let expected = zeros(&[("sms", &ENFORCED), ("voice", &ENFORCED), ("unmatched", &UNMATCHED)]);
    for binary in versions() {
        for name in ["envoy/envoy.yaml", "envoy/per-route.yaml"] {
            let sample = Sample::read(name).on_this_machine(&certs, 0, upstream.port());
            let envoy = Envoy::start(&binary, sample.text(), &options);
            assert_eq!(scrape(&envoy), expected, "Envoy {} with {name}", binary.version);
            let target = client::Target::tls(envoy.listener_port("https"), &certs, HOST);
            let url = format!("https://{HOST}/twilio/sms");
            let signed = form("/twilio/sms")
                .header("x-twilio-signature", signature_with("test-token-sms", &url, &PARAMS));
            client::send(&target, Protocol::Http1, &signed).expect("an answer");
            client::send(&target, Protocol::Http2, &form("/twilio/voice")).expect("an answer");
            let mut counted = expected.clone();
            counted.insert("sms allowed none".to_owned(), 1);
            counted.insert("voice denied missing_signature".to_owned(), 1);
            assert_eq!(scrape(&envoy), counted, "Envoy {} with {name}", binary.version);
        }
    }
}

#[test]
fn misplacement_is_counted_too() {
    for binary in versions() {
        let mut layout = Layout { stop_flag: None, ..layout() };
        layout.plugin["unmatched"] = json!("deny");
        let site = Site::start(&binary, &layout);
        for protocol in BOTH {
            client::send(&site.target(), protocol, &signed_form("/hook/a")).expect("an answer");
        }
        let mut expected = zeros(&[
            ("hook", &ENFORCED),
            ("eu.v1-2_X", &REPORTED),
            ("legacy", &["passed none"]),
            ("unmatched", &UNMATCHED[2..]),
            ("unmatched", &TOLD),
        ]);
        expected.insert("hook denied misplaced_filter".to_owned(), 2);
        assert_eq!(scrape(&site.envoy), expected, "Envoy {}", binary.version);
    }
}
