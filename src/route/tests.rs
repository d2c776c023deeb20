//! Hosts and paths: which spellings are the same one.

use std::borrow::Cow;

use proptest::prelude::*;

use super::Reading::{Lenient, Strict};
use super::{PathMatch, canonical_host, canonical_path};

#[test]
fn a_host_is_the_same_in_every_spelling() {
    let table: &[(&str, &str)] = &[
        ("hooks.example.com", "hooks.example.com"),
        ("HOOKS.Example.com", "hooks.example.com"),
        ("hooks.example.com.", "hooks.example.com"),
        ("hooks.example.com:443", "hooks.example.com"),
        ("hooks.example.com.:443", "hooks.example.com"),
        // Envoy with `ignore_port_in_host_matching` drops these too.
        ("hooks.example.com:", "hooks.example.com"),
        ("hooks.example.com:x", "hooks.example.com"),
        ("hooks.example.com:99999999", "hooks.example.com"),
        ("hooks.example.com:1:2", "hooks.example.com:1"),
        // Which the proxy hands on, though no client writes it.
        ("user@hooks.example.com", "hooks.example.com"),
        ("a@b:c@hooks.example.com:443", "hooks.example.com"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("[2001:db8::1]:443", "[2001:db8::1]"),
        ("[2001:db8::1]:", "[2001:db8::1]"),
        ("", ""),
        (":443", ""),
    ];
    for (authority, host) in table {
        assert_eq!(String::from_utf8_lossy(&canonical_host(authority.as_bytes())), *host, "{authority}");
    }
}

#[test]
fn a_path_is_the_same_in_every_spelling() {
    // path, as proxies read it, as some applications do
    let table: &[(&str, &str, &str)] = &[
        ("/a/b", "/a/b", "/a/b"),
        ("", "/", "/"),
        ("/", "/", "/"),
        ("//", "/", "/"),
        ("/a/b/", "/a/b/", "/a/b"),
        ("//a///b", "/a/b", "/a/b"),
        ("/a/./b", "/a/b", "/a/b"),
        ("/a/b/.", "/a/b/", "/a/b"),
        ("/a/x/../b", "/a/b", "/a/b"),
        ("/a/b/..", "/a/", "/a"),
        ("/../../a", "/a", "/a"),
        ("\\a\\.\\b", "/a/b", "/a/b"),
        ("a/b", "/a/b", "/a/b"),
        ("/%61/%7E", "/a/~", "/a/~"),
        ("/a/%2e%2E/b", "/b", "/b"),
        ("/a%2fb", "/a%2Fb", "/a/b"),
        ("/a%5cb", "/a%5Cb", "/a/b"),
        ("/a/x%2f..%2fb", "/a/x%2F..%2Fb", "/a/b"),
        ("/a;v=1/b;w", "/a;v=1/b;w", "/a/b"),
        ("/a/x/..;/b", "/a/x/..;/b", "/a/b"),
        ("/a%3Bv/b", "/a%3Bv/b", "/a;v/b"),
        ("/a%2", "/a%2", "/a%2"),
        ("/a%", "/a%", "/a%"),
        ("/a%zz", "/a%zz", "/a%zz"),
        ("/a%2561", "/a%2561", "/a%61"),
        ("/a%3Fb", "/a%3Fb", "/a?b"),
        ("/a%0A", "/a%0A", "/a"),
        ("/a%20/%0A%5C", "/a%20/%0A%5C", "/a"),
        ("/%0Aa%20b", "/%0Aa%20b", "/\na b"),
        ("/a/b \t", "/a/b \t", "/a/b"),
        ("/a b", "/a b", "/a b"),
    ];
    for (path, strict, lenient) in table {
        let read =
            |reading| String::from_utf8(canonical_path(path.as_bytes(), reading).into_owned()).unwrap();
        assert_eq!((read(Strict).as_str(), read(Lenient).as_str()), (*strict, *lenient), "{path}");
    }
}

#[test]
fn a_path_that_is_canonical_already_is_not_copied() {
    for reading in [Strict, Lenient] {
        for path in [&b"/"[..], b"/a", b"/a/b.c/d-e_f~", b"/a/b/"] {
            assert!(matches!(canonical_path(path, reading), Cow::Borrowed(_)), "{}", path.escape_ascii());
        }
    }
}

/// A segment, and some spelling of it: unreserved characters escaped or not, with detours before it.
fn spelled_segment() -> impl Strategy<Value = (String, String)> {
    let character = (proptest::sample::select(b"abZ09-._~".to_vec()), 0..3u8).prop_map(|(byte, how)| {
        let character = char::from(byte);
        let spelling = match how {
            0 => character.to_string(),
            1 => format!("%{byte:02x}"),
            _ => format!("%{byte:02X}"),
        };
        (character, spelling)
    });
    let detours = vec!["/", "\\", "//", "/./", "/x/../", "/%2e/", "/x/%2E%2e/", "\\y\\..\\", "/y/x/../../"];
    (proptest::collection::vec(character, 1..5), proptest::sample::select(detours))
        .prop_filter("a dot segment is none", |(characters, _)| {
            characters.iter().any(|(plain, _)| *plain != '.')
        })
        .prop_map(|(characters, detour)| {
            let (plain, spelling): (String, String) = characters.into_iter().unzip();
            (format!("/{plain}"), format!("{detour}{spelling}"))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_spelling_changes_a_path(segments in proptest::collection::vec(spelled_segment(), 1..5)) {
        let (plain, spelled): (String, String) = segments.into_iter().unzip();
        for reading in [Strict, Lenient] {
            let canonical = canonical_path(spelled.as_bytes(), reading);
            prop_assert_eq!(canonical.as_ref(), plain.as_bytes());
            prop_assert_eq!(&canonical_path(&canonical, reading), &canonical);
        }
    }

    #[test]
    fn a_path_that_is_read_strictly_stays_as_it_is(path in "([/\\\\.ab;~-]|%2[ef5F]|%4[01]|%C3){0,20}") {
        let canonical = canonical_path(path.as_bytes(), Strict);
        prop_assert!(canonical.starts_with(b"/"));
        prop_assert_eq!(&canonical_path(&canonical, Strict), &canonical);
    }

    #[test]
    fn what_hides_a_route_matches_all_that_it_would(
        own in "/[aB]?(/[ab]){0,2}/?", other in "/[aB]?(/[ab]){0,2}/?", prefixes: [bool; 2], cases: [bool; 2],
        path in "/[aAbB]?(/[ab]){0,3}/?",
    ) {
        let [own, other] = [(own, prefixes[0], cases[0]), (other, prefixes[1], cases[1])]
            .map(|(path, prefix, ignore_case)| PathMatch::new(path.as_bytes(), prefix, ignore_case));
        let matches = |matcher: &PathMatch, reading| {
            matcher.is_match(&canonical_path(path.as_bytes(), reading), reading)
        };
        if own.hides(&other) && matches(&other, Lenient) {
            prop_assert!(matches(&own, Lenient));
        }
        if matches(&own, Strict) {
            prop_assert!(matches(&own, Lenient));
        }
    }
}
