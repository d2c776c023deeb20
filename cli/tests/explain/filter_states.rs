//! Keys that come from filter state, for which the tool is given the file that the proxy reads.

use std::fs;

use crate::{Sent, config, explain, secret};

const URL: &str = "https://hooks.example.com/hook/a";
const CONFIG: &str = r#"{ "auth_tokens": [{ "filter_state": "twilio.auth_tokens" }] }"#;

/// The causes that are shown here.
pub(crate) const CAUSES: [&str; 3] = ["key_missing", "key_unusable", "keys_too_large"];

fn get(key: &str) -> Sent {
    Sent::new("GET", URL).signed(key, URL, &[])
}

/// What is said of a request if the file has this text.
fn said(configuration: &str, text: impl AsRef<[u8]>, sent: &Sent) -> (i32, String) {
    let text_file = config("");
    fs::write(&text_file, text).unwrap();
    let given = format!("twilio.auth_tokens={text_file}");
    let arguments = ["--config", &config(configuration), "--filter-state", &given];
    let (code, said, error) = explain(&arguments, &sent.raw());
    assert_eq!(error, "");
    (code, said)
}

#[test]
fn each_line_of_the_file_is_a_key() {
    let text = format!("{}\r\n{}\n", secret("OTHER"), secret("TOKEN"));
    for (key, line) in [("OTHER", 1), ("TOKEN", 2)] {
        let (code, said) = said(CONFIG, &text, &get(key));
        let key = format!("\nkey: filter_state:twilio.auth_tokens:{line}\nsigned for: {URL}\n");
        assert!(
            code == 0 && said.contains("\nverdict: allowed, the signature fits\n") && said.contains(&key),
            "{said}"
        );
    }
    let (code, said) = said(CONFIG, &text, &get("FIRST"));
    assert!(code == 1 && said.contains("\ncause: unknown: "), "{said}");
    // The key fits, and something else does not.
    let scheme = Sent::new("GET", URL).signed("TOKEN", "http://hooks.example.com/hook/a", &[]);
    let (code, said) = self::said(CONFIG, &text, &scheme);
    let key = "\nkey: filter_state:twilio.auth_tokens:2\n";
    assert!(code == 1 && said.contains("\ncause: http_at_twilio: ") && said.contains(key), "{said}");
}

#[test]
fn what_is_wrong_with_the_file_is_told() {
    let unusable = format!("{}\n{} \n", secret("OTHER"), secret("TOKEN"));
    let large = secret("TOKEN").repeat(10_000);
    for (text, cause, line) in [
        ("\n", CAUSES[0], None),
        (unusable.as_str(), CAUSES[1], Some("2")),
        (large.as_str(), CAUSES[2], None),
    ] {
        let (code, said) = said(CONFIG, text, &get("TOKEN"));
        let value = |name: &str| {
            let prefix = format!("{name}: ");
            said.lines().find_map(|line| line.strip_prefix(&prefix))
        };
        assert_eq!(
            (code, value("verdict")),
            (1, Some("denied, unknown_key: the client is answered 403")),
            "{said}"
        );
        assert_eq!(value("cause").and_then(|cause| cause.split(": ").next()), Some(cause), "{said}");
        assert_eq!((value("filter state"), value("line")), (Some("twilio.auth_tokens"), line), "{said}");
        assert!(value("setting").is_some_and(|setting| setting.starts_with("filter_state: ")), "{said}");
    }
}

#[test]
fn a_file_that_is_not_given_is_asked_for() {
    let (code, text, error) = explain(&["--config", &config(CONFIG)], &get("TOKEN").raw());
    assert_eq!((code, text.as_str()), (3, ""));
    assert_eq!(
        error,
        "error: no key of the configuration is known here: set --filter-state twilio.auth_tokens=FILE\n"
    );
    let both = r#"{ "auth_tokens": [{ "env": "TOKEN" }, { "filter_state": "twilio.auth_tokens" }] }"#;
    let (code, text, _) = explain(&["--config", &config(both)], &get("TOKEN").raw());
    let note =
        "note: not known here, so that nothing is verified with it: --filter-state twilio.auth_tokens=FILE\n";
    assert!(code == 0 && text.ends_with(note), "{text}");
    // As for a variable that is not set: it does not fit, and is not said to be missing in the proxy.
    let (code, text, _) = explain(&["--config", &config(both)], &get("OTHER").raw());
    assert!(code == 1 && text.contains("\ncause: unknown: ") && text.ends_with(note), "{text}");
    let missing = ["--config", &config(both), "--filter-state", "twilio.auth_tokens=/no/such/file"];
    let (code, text, error) = explain(&missing, &get("TOKEN").raw());
    assert_eq!((code, text.as_str()), (7, ""));
    assert!(error.starts_with("error: cannot read /no/such/file: "), "{error}");
}
