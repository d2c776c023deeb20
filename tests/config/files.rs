//! `good/*.json` are read, and what stands in the tables of `bad/` is rejected with the message beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::encode::encode;
use super::parse;
use super::table::{Case, cases};
use twilio_proxy_wasm::config::{ConfigError, Hold, Mode, Unmatched};
use twilio_proxy_wasm::policy::Policy;

/// The JSON files of a directory beside this file.
pub(super) fn files(directory: &str) -> Vec<PathBuf> {
    // Cargo runs tests in the package's directory, wherever that has been moved to since they were built.
    let path = Path::new("tests/config").join(directory);
    let mut files: Vec<PathBuf> = path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

pub(super) fn good(name: &str) -> Vec<u8> {
    let file = files("good").into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
    std::fs::read(file.unwrap()).unwrap()
}

#[test]
fn every_good_configuration_is_read_as_json_and_as_a_struct() {
    let files = files("good");
    assert!(files.len() >= 8);
    for file in files {
        let json = std::fs::read(&file).unwrap();
        let policy = parse(&json).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let again = parse(&encode(&serde_json::from_slice(&json).unwrap()));
        let again = again.unwrap_or_else(|error| panic!("{} as a Struct: {error}", file.display()));
        assert_eq!(format!("{policy:?}"), format!("{again:?}"), "{}", file.display());
    }
}

#[test]
fn every_bad_configuration_is_rejected_with_its_message() {
    let cases = cases(Path::new("tests/config/bad"));
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!((cases.len(), names.len()), (207, 207));
    let mut wrong = Vec::new();
    for Case { name, configuration, message } in cases {
        let mut check = |kind: &str, policy: Result<Policy, ConfigError>| {
            let said = policy.map_or_else(|error| error.to_string(), |_| "nothing".to_owned());
            if said != message {
                wrong.push(format!("{name}{kind} says {said}"));
            }
        };
        check("", parse(&configuration));
        // A Struct holds no field twice, and does not tell 1.0 from 1; for all else it says the same.
        let tells = !name.starts_with("twice")
            && !["whole_fraction", "exponent"].iter().any(|end| name.ends_with(end));
        if let (true, Ok(tree @ serde_json::Value::Object(_))) =
            (tells, serde_json::from_slice(&configuration))
        {
            check(" as a Struct", parse(&encode(&tree)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_left_out_has_its_default() {
    for name in ["least", "nulls_are_defaults", "defaults_said", "white_space"] {
        let policy = parse(&good(name)).unwrap();
        assert_eq!((policy.hold(), policy.unmatched()), (Hold::OwnStop, Unmatched::Allow), "{name}");
        assert_eq!((policy.verified_header(), policy.explain()), (None, true), "{name}");
        assert_eq!([None, Some(0)].map(|route| policy.clear_route_cache(route)), [false; 2], "{name}");
        let [route] = policy.routes() else { panic!("{name}") };
        assert_eq!((route.name(), route.mode(), route.max_body_bytes()), ("default", Mode::Enforce, 262_144));
        assert_eq!(route.keys().get(0).unwrap().label(), "TWILIO_AUTH_TOKEN");
        assert!(route.keys().get(1).is_none());
    }
}

#[test]
fn what_a_route_says_replaces_what_stands_at_the_top() {
    let policy = parse(&good("everything")).unwrap();
    assert_eq!((policy.hold(), policy.unmatched()), (Hold::BufferAfter, Unmatched::Deny));
    assert_eq!((policy.verified_header(), policy.explain()), (Some("x-twilio-verified"), false));
    assert_eq!(policy.original_path_header(), Some("x-envoy-original-path"));
    assert!(policy.needs_route_name());
    let said: Vec<_> = policy
        .routes()
        .iter()
        .map(|route| {
            let labels: Vec<&str> =
                (0..).map_while(|at| route.keys().get(at)).map(|key| key.label()).collect();
            let limits = (route.max_body_bytes(), route.clear_route_cache());
            (route.name(), route.mode(), limits, labels.join(" "))
        })
        .collect();
    let top = "TWILIO_AUTH_TOKEN auth_tokens[1] webhooks_sharedkey_01h webhooks_sharedkey_02h".to_owned();
    let expected = [
        ("sms", Mode::Enforce, (67_108_864, true), top.clone()),
        ("voice", Mode::Report, (1, false), "TWILIO_EU_TOKEN filter_state:twilio.auth_tokens".to_owned()),
        ("rest.of-it_1", Mode::Off, (67_108_864, true), top),
    ];
    assert_eq!(said, expected);
    assert!(policy.clear_route_cache(None));
}

#[test]
fn a_key_tells_what_it_is_good_for() {
    let policy = parse(&good("everything")).unwrap();
    let said: Vec<_> = policy
        .top_keys()
        .iter()
        .map(|key| (key.algorithm().name(), key.account_sid(), key.shared_key_id()))
        .collect();
    let account = Some("AC0123456789abcdef0123456789ABCDEF");
    let expected = [
        ("HMAC_SHA1", None, None),
        ("HMAC_SHA1", account, None),
        ("HMAC_SHA256", None, Some("webhooks_sharedkey_01h")),
        ("HMAC_SHA1", None, Some("webhooks_sharedkey_02h")),
    ];
    assert_eq!(said, expected);
}

#[test]
fn the_id_of_a_shared_key_may_be_long_and_not_longer() {
    for (length, is_read) in [(1, true), (128, true), (129, false), (200, false)] {
        let id = "k".repeat(length);
        let json = format!(
            r#"{{ "shared_keys": [{{ "id": "{id}", "algorithm": "HMAC_SHA256", "value": "test-key" }}] }}"#
        );
        assert_eq!(parse(json.as_bytes()).is_ok(), is_read, "{length}");
    }
}
