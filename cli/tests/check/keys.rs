//! Keys: what cannot be one, and that none is shown.

use std::fs;

use crate::{CANARY, STOPS, TOKEN, check, envoy, faults, repository};

#[test]
fn what_is_no_name_of_a_variable_is_told_and_not_shown() {
    let unlikely = |at: &str| {
        format!(
            "warning: {at}.env does not look like a variable's name: write NAME without $, in upper case, and no token here"
        )
    };
    let upper = CANARY.to_uppercase();
    let base64 = format!("{CANARY}c0ffee55/+A=");
    for (name, is_name) in [
        ("TWILIO_AUTH_TOKEN", true),
        ("_T1", true),
        ("ABCDEF", true),
        ("$c0ffee", false),
        ("$C0FFEE", false),
        ("${C0FFEE}", false),
        ("'C0FFEE'", false),
        ("c0ffee", false),
        ("0C0FFEE", false),
        (CANARY, false),
        (&upper, false),
        (&base64, false),
    ] {
        for (list, more) in
            [("auth_tokens", ""), ("shared_keys", r#""id": "i", "algorithm": "HMAC_SHA256","#)]
        {
            let key = format!(r#"[{{ {more} "env": "{name}" }}]"#);
            let expected = |at: &str| if is_name { vec![] } else { vec![unlikely(at)] };
            let top = format!(r#"{{ "{list}": {key} }}"#);
            assert_eq!(faults(&top), (0, expected(&format!("{list}[0]"))), "{top}");
            let route = format!(r#"{{ "routes": [{{ "name": "r", "{list}": {key} }}] }}"#);
            assert_eq!(faults(&route), (0, expected(&format!("routes[0].{list}[0]"))), "{route}");
            let (_, stdout, _) = check(&["-"], &top);
            assert!(is_name || !stdout.contains(name), "{stdout}");
        }
    }
}

#[test]
fn a_value_that_is_meant_to_be_filled_in_is_told() {
    let secret = "warning: auth_tokens[0].value is a secret in the configuration, which Envoy shows in its config dump; use env";
    let literal = "warning: auth_tokens[0].value begins with a $ or a quote, which the filter takes for a part of the secret: \
                   write the secret alone, or the NAME of its variable as env";
    for (value, expected) in [
        ("test-token", &[secret][..]),
        ("c0ffee$", &[secret]),
        ("$c0ffee", &[secret, literal]),
        ("\"c0ffee", &[secret, literal]),
    ] {
        let text = serde_json::json!({ "auth_tokens": [{ "value": value }] }).to_string();
        let (code, faults) = faults(&text);
        assert_eq!((code, faults), (0, expected.iter().map(|line| (*line).to_owned()).collect()), "{text}");
    }
    let variable = "is the name of a variable that nothing has put its value in the place of; give the value";
    let quotes = "has quotes around it, which would count as a part of it; remove them";
    for (value, problem) in [("${C0FFEE}", variable), ("'c0ffee'", quotes), ("\"c0ffee\"", quotes)] {
        let text = serde_json::json!({ "auth_tokens": [{ "value": value }] }).to_string();
        assert_eq!(faults(&text), (1, vec![format!("error: auth_tokens[0].value: {problem}")]), "{text}");
    }
}

#[test]
fn a_rotation_that_forgot_its_second_variable_is_told() {
    let again = |at: &str, index: usize, first: usize| {
        format!(
            "warning: {at}auth_tokens[{index}].env is the variable of auth_tokens[{first}] again: while a token is rotated, the \
             other has a variable of its own"
        )
    };
    let sids = ["0", "1"].map(|digit| format!("AC{}", digit.repeat(32)));
    let one = |digit: usize| format!(r#"{{ "env": "A", "account_sid": "{}" }}"#, sids[digit]);
    let (a, b, inline) = (r#"{ "env": "A" }"#, r#"{ "env": "B" }"#, r#"{ "value": "t" }"#);
    for (tokens, expected) in [
        ([a, b].join(","), vec![]),
        ([a, a].join(","), vec![(1, 0)]),
        ([b, a, b, a, a].join(","), vec![(2, 0), (3, 1), (4, 1)]),
        ([one(0), one(1)].join(","), vec![(1, 0)]),
    ] {
        for (at, text) in [
            ("", format!(r#"{{ "auth_tokens": [{tokens}] }}"#)),
            // Another list may name it too.
            (
                "routes[0].",
                format!(
                    r#"{{ "auth_tokens": [{a}], "routes": [{{ "name": "r", "auth_tokens": [{tokens}] }}] }}"#
                ),
            ),
        ] {
            let expected = expected.iter().map(|(index, first)| again(at, *index, *first)).collect();
            assert_eq!(faults(&text), (0, expected), "{text}");
        }
    }
    let (_, faults) = faults(&format!(r#"{{ "auth_tokens": [{inline}, {inline}] }}"#));
    assert!(faults.iter().all(|fault| fault.contains("].value is a secret")), "{faults:?}");
}

/// A fault without the names in it that may be hidden.
fn hidden(fault: &str) -> String {
    ["voice", "rest.of-it_1", "webhooks_sharedkey_02h"]
        .iter()
        .fold(fault.to_owned(), |fault, name| fault.replace(name, "(hidden: it looks like a token)"))
}

#[test]
fn a_token_in_the_place_of_a_name_is_hidden() {
    let upper = "ABCDEF0123456789ABCDEF0123456789";
    let text = format!(
        r#"{{ "auth_tokens": [{{ "env": "T" }}], "shared_keys": [{{ "id": "{CANARY}", "algorithm": "HMAC_SHA1", "env": "T" }}],
             "url": {{ "original_path_header": "{CANARY}" }}, "mode": "report",
             "unmatched": "allow", "routes": [{{ "name": "{CANARY}", "match": {{ "hosts": ["{CANARY}", "a.example"], "route_names": ["{CANARY}"] }} }},
                        {{ "name": "b", "auth_tokens": [{{ "env": "{upper}" }}], "shared_keys": [] }}] }}"#
    );
    let (code, stdout, stderr) = check(&["-"], &text);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let shown: Vec<&str> =
        stdout.lines().filter(|line| line.contains("(hidden: it looks like a token)")).collect();
    let url = "  url: path of (hidden: it looks like a token)";
    assert_eq!(
        shown,
        [
            "route (hidden: it looks like a token)",
            "  match: host (hidden: it looks like a token) or a.example, the proxy's route (hidden: it looks like a token)",
            "  keys: auth token T; shared key (hidden: it looks like a token) (HMAC_SHA1)",
            url,
            url,
            "note: route (hidden: it looks like a token) is in mode report: nothing is denied there",
            "note: shared key (hidden: it looks like a token) is of HMAC_SHA1; Twilio makes keys of HMAC_SHA256 as well",
        ]
    );
    assert!(!stdout.contains(upper), "{stdout}");
    let open = format!(
        r#"{{ "auth_tokens": [{{ "env": "T" }}], "unmatched": "allow", "routes": [{{ "name": "{CANARY}", "match": {{ "path": {{ "exact": "/" }} }} }}] }}"#
    );
    let (_, faults) = faults(&open);
    assert!(
        faults[1].starts_with("note: route (hidden: it looks like a token) matches by path, "),
        "{faults:?}"
    );
    let variable = envoy(&TOKEN.replace('T', upper), STOPS, "", "")
        .replace(r#""host_env_keys": ["T"]"#, &format!(r#""key_values": {{ "{upper}": "t" }}"#));
    let (_, stdout, _) = check(&["-"], &variable);
    assert!(
        stdout.contains("the value of the variable (hidden: it looks like a token) stands in the file"),
        "{stdout}"
    );
    assert!(!stdout.contains(upper), "{stdout}");
}

#[test]
fn no_secret_is_shown_wherever_it_stands() {
    let tree: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(repository("tests/config/good/everything.json")).unwrap())
            .unwrap();
    // What is told of each place beside what is told without the canary; of the secrets' own places nothing more.
    let variable =
        "env does not look like a variable's name: write NAME without $, in upper case, and no token here";
    let name = "looks like a token where a name belongs, and Envoy shows it in its config dump; write the name, and replace \
                the token if it is one";
    let (_, usual) = faults(&tree.to_string());
    for (pointer, told) in [
        ("/auth_tokens/0/env", format!("auth_tokens[0].{variable}")),
        ("/auth_tokens/1/value", String::new()),
        ("/shared_keys/0/env", format!("shared_keys[0].{variable}")),
        ("/shared_keys/1/value", String::new()),
        ("/shared_keys/0/id", format!("shared_keys[0].id {name}")),
        ("/shared_keys/1/id", format!("shared_keys[1].id {name}")),
        ("/url/original_path_header", format!("url.original_path_header {name}")),
        ("/routes/0/name", format!("routes[0].name {name}")),
        ("/routes/0/match/hosts/1", format!("routes[0].match.hosts[1] {name}")),
        ("/routes/0/match/route_names/0", format!("routes[0].match.route_names[0] {name}")),
        ("/routes/1/auth_tokens/0/env", format!("routes[1].auth_tokens[0].{variable}")),
        ("/routes/1/name", format!("routes[1].name {name}")),
        ("/routes/2/name", format!("routes[2].name {name}")),
    ] {
        let mut tree = tree.clone();
        *tree.pointer_mut(pointer).unwrap() = CANARY.into();
        // `check` itself sees to it that the canary is in no output.
        let (code, mut told_now) = faults(&tree.to_string());
        assert_eq!(code, 0, "{pointer}");
        told_now.retain(|fault| !usual.iter().any(|usual| hidden(usual) == hidden(fault)));
        let expected: Vec<String> = [told].into_iter().filter(|told| !told.is_empty()).collect();
        assert_eq!(
            told_now,
            expected.iter().map(|told| format!("warning: {told}")).collect::<Vec<_>>(),
            "{pointer}"
        );
        let wrapped = envoy(&tree.to_string(), STOPS, "", "").replace("\"T\"", "\"TWILIO_AUTH_TOKEN\"");
        assert_eq!(check(&["-"], &wrapped).0, 1, "{pointer}");
        let cut = tree.to_string();
        for end in (0..cut.len()).step_by(97) {
            check(&["-"], &cut[..end]);
        }
    }
}
