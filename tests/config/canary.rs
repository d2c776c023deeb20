//! What stands in a configuration may be a secret in the wrong place: no error repeats it, and no output shows a
//! secret in the right one.

use serde_json::{Map, Value};

use super::encode::encode;
use super::files::good;
use twilio_proxy_wasm::policy::Policy;

/// As long as an auth token and of the same digits.
const CANARY: &str = "c0ffee11c0ffee22c0ffee33c0ffee44";

/// Every tree that differs from this one in having the canary in one place: for a value, for a name, or as one
/// more name; with the path of that place.
fn planted(tree: &Value) -> Vec<(String, Value)> {
    let mut all = vec![(String::new(), Value::String(CANARY.to_owned()))];
    match tree {
        Value::Object(fields) => {
            for (name, value) in fields {
                for (path, planted) in planted(value) {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), planted);
                    all.push((format!(".{name}{path}"), Value::Object(fields)));
                }
                let renamed = fields.iter().map(|(other, value)| {
                    (if other == name { CANARY.to_owned() } else { other.clone() }, value.clone())
                });
                all.push((format!(".{name} renamed"), Value::Object(renamed.collect())));
            }
            let more: Map<_, _> =
                fields.clone().into_iter().chain([(CANARY.to_owned(), Value::Null)]).collect();
            all.push((" one more".to_owned(), Value::Object(more)));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                for (path, planted) in planted(item) {
                    let mut items = items.clone();
                    items[index] = planted;
                    all.push((format!("[{index}]{path}"), Value::Array(items)));
                }
            }
        }
        _ => {}
    }
    all
}

#[test]
fn no_place_of_a_configuration_is_repeated_by_an_error() {
    let tree: Value = serde_json::from_slice(&good("everything")).unwrap();
    let (mut rejected, mut read) = (0, Vec::new());
    for (path, tree) in planted(&tree) {
        let mut configurations = vec![tree.to_string().into_bytes()];
        if tree.is_object() {
            configurations.push(encode(&tree));
        }
        for configuration in configurations {
            for variables in [&super::environment as &dyn Fn(&str) -> _, &|_: &str| Some(b"set".to_vec())] {
                match Policy::parse(&configuration, variables) {
                    Err(error) => {
                        let said = format!("{error} {error:?}");
                        assert!(!said.contains("c0ffee"), "{path}: {said}");
                        rejected += 1;
                    }
                    Ok(policy) => {
                        let is_secret = path.ends_with(".env") || path.ends_with(".value");
                        assert!(!is_secret || !format!("{policy:?}").contains("c0ffee"), "{path}");
                        read.push(path.clone());
                    }
                }
            }
        }
    }
    assert!(rejected > 250, "{rejected}");
    // What is read, and may be shown: names, hosts, and what else is no secret and has no form of its own.
    read.sort();
    read.dedup();
    let expected = [
        ".auth_tokens[0].env",
        ".auth_tokens[1].value",
        ".routes[0].match.hosts[0]",
        ".routes[0].match.hosts[1]",
        ".routes[0].match.hosts[2]",
        ".routes[0].match.route_names[0]",
        ".routes[0].match.route_names[1]",
        ".routes[0].name",
        ".routes[1].auth_tokens[0].env",
        ".routes[1].name",
        ".routes[2].name",
        ".shared_keys[0].env",
        ".shared_keys[0].id",
        ".shared_keys[1].id",
        ".shared_keys[1].value",
        ".url.original_path_header",
    ];
    assert_eq!(read, expected);
}

#[test]
fn no_value_of_a_variable_is_repeated() {
    let json = good("everything");
    for suffix in ["", "\n", " ", "\0", "\u{7f}", "\u{e9}"] {
        let variables = |_: &str| Some(format!("{CANARY}{suffix}").into_bytes());
        let said = match Policy::parse(&json, &variables) {
            Ok(policy) => format!("{policy:?} {policy:#?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!said.contains("c0ffee"), "{said}");
    }
    let raw = |_: &str| Some([CANARY.as_bytes(), &[0xFF, 0xFE]].concat());
    assert!(!format!("{:?}", Policy::parse(&json, &raw).unwrap()).contains("c0ffee"));
}

#[test]
fn text_that_is_no_json_is_not_repeated() {
    let json = String::from_utf8(good("everything")).unwrap();
    let mut inserted = 0;
    for (at, _) in json.char_indices() {
        // Bare, as a string too many, and behind a quote that is never closed.
        for planted in [CANARY.to_owned(), format!("\"{CANARY}\""), format!("\"{CANARY}")] {
            let (before, after) = json.split_at(at);
            let said =
                match Policy::parse(format!("{before}{planted}{after}").as_bytes(), &super::environment) {
                    Ok(_) => continue,
                    Err(error) => error.to_string(),
                };
            assert!(!said.contains("c0ffee"), "{said}");
            inserted += 1;
        }
    }
    assert!(inserted > 3_000, "{inserted}");
}
