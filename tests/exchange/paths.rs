//! What real software reads as a guarded path, and what it does not.
//!
//! `tests/paths/reached.tsv.gz` holds spellings that were sent to some 480 set-ups of web servers and frameworks, and reached
//! the handler of `/twilio/sms` there: whether the handler was one for this path or for those below it too, the spelling in
//! Latin-1, and who read it so. `tests/paths/harmless.txt` holds paths of other sites.

use std::io::Read;
use std::rc::Rc;

use crate::support::{End, Request, TOKEN, policy, words};
use twilio_proxy_wasm::policy::Policy;

const GUARDS: [&str; 5] = ["/twilio/sms", "/hook", "/voice", "/sms", "/webhooks/twilio"];

fn guard(kind: &str, path: &str) -> Rc<Policy> {
    policy(&format!(
        r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "unmatched": "allow",
             "routes": [{{ "name": "guard", "match": {{ "path": {{ "{kind}": "{path}" }} }} }}] }}"#
    ))
}

/// What becomes of a request on this path that nobody signed.
fn unsigned(policy: &Rc<Policy>, path: &[u8]) -> String {
    let request = Request::new("GET", "https://a/").with(":path", path);
    words(request.send(policy, &[], End::Headers).1)
}

#[test]
fn nothing_that_reached_a_handler_passes_unsigned() {
    let mut text = Vec::new();
    let packed = &include_bytes!("../paths/reached.tsv.gz")[..];
    flate2::read::GzDecoder::new(packed).read_to_end(&mut text).unwrap();
    let [exact, prefix] = ["exact", "prefix"].map(|kind| guard(kind, "/twilio/sms"));
    let mut rows = 0;
    let mut passed = Vec::new();
    for row in text.split(|byte| *byte == b'\n').filter(|row| !row.is_empty()) {
        let [kind, path, reader] = row.split(|byte| *byte == b'\t').collect::<Vec<_>>()[..] else { panic!() };
        let guard = if kind == b"exact" { &exact } else { &prefix };
        let verdict = unsigned(guard, path);
        rows += 1;
        if !matches!(verdict.as_str(), "denied missing_signature" | "denied unverifiable") {
            passed.push(format!("{} {}: {verdict}", reader.escape_ascii(), path.escape_ascii()));
        }
    }
    assert_eq!(rows, 30_000);
    assert!(passed.is_empty(), "{} of them:\n{}", passed.len(), passed.join("\n"));
}

/// Each is no guarded path, whichever of the guards stands beside it, but for those that are below one.
#[test]
fn paths_of_other_sites_pass() {
    let below = ["/sms%2Ftwilio", "/sms/twilio"];
    for path in GUARDS {
        for kind in ["exact", "prefix"] {
            let policy = guard(kind, path);
            let denied: Vec<_> = include_str!("../paths/harmless.txt")
                .lines()
                .filter(|harmless| unsigned(&policy, harmless.as_bytes()) != "passed")
                .collect();
            let expected: &[&str] = if (path, kind) == ("/sms", "prefix") { &below } else { &[] };
            assert_eq!(denied, expected, "{kind} {path}");
        }
    }
}
