//! The requests have in them what the comparison is meant to cover.

use crate::case::{Case, Shape};
use crate::generate;

fn cases() -> impl Iterator<Item = Case> {
    (0..8_000).map(|number| generate::case(1, number))
}

/// Which ASCII characters never stand for themselves, and which are never escaped.
fn missing(texts: &[String]) -> (String, String) {
    let text = texts.concat();
    let upper = text.to_ascii_uppercase();
    let ascii = || (0u8..0x80).map(char::from);
    let raw = ascii().filter(|character| !text.contains(*character)).collect();
    let escaped =
        ascii().filter(|character| !upper.contains(&format!("%{:02X}", *character as u8))).collect();
    (raw, escaped)
}

#[test]
fn every_ascii_character_stands_in_queries_for_itself_and_escaped() {
    let queries: Vec<_> = cases().map(|case| case.url.query().to_owned()).collect();
    // What a request line cannot hold.
    let never_raw = (0u8..=0x20).chain([b'#', 0x7F]).map(char::from).collect();
    assert_eq!(missing(&queries), (never_raw, String::new()));
}

#[test]
fn every_ascii_character_stands_in_forms_for_itself_and_escaped() {
    let forms = cases().filter(|case| matches!(case.shape, Shape::Form(_)));
    let bodies: Vec<_> = forms.map(|case| String::from_utf8(case.body).expect("UTF-8")).collect();
    assert_eq!(missing(&bodies), (String::new(), String::new()));
}

#[test]
fn escapes_are_written_in_upper_and_in_lower_case_and_spaces_in_both_ways() {
    let bodies: Vec<_> = cases().filter_map(|case| String::from_utf8(case.body).ok()).collect();
    for written in ["%C3%A9", "%c3%a9", "+", "%20"] {
        assert!(bodies.iter().any(|body| body.contains(written)), "no {written}");
    }
}
