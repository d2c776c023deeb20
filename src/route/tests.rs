//! Hosts and paths: which spellings are the same one.

use std::borrow::Cow;

use proptest::prelude::*;

use super::canonical_host;
use super::path::{Fit, PathMatch, Spellings, lenient};

/// A path as proxies read it, and as lenient applications do.
fn readings(path: &str) -> (String, Vec<String>) {
    let spellings = Spellings::of(path.as_bytes());
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    (text(&spellings.canonical), lenient(path.as_bytes()).iter().map(|path| text(path)).collect())
}

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
        ("/%0Aa%20b", "/%0Aa%20b", "/ a b"),
        ("/a%0B%1C%C2%A0%E3%80%80", "/a%0B%1C%C2%A0%E3%80%80", "/a"),
        ("/a/b \t", "/a/b \t", "/a/b"),
        ("/a b", "/a b", "/a b"),
    ];
    for (path, strict, lenient) in table {
        let (canonical, others) = readings(path);
        assert_eq!((canonical.as_str(), others[0].as_str()), (*strict, *lenient), "{path}");
    }
}

/// What begins with a `;`, to those who end it at any slash, at `/`, or never, before they decode or afterwards. An escaped
/// one is none to some.
#[test]
fn a_semicolon_is_read_in_several_ways() {
    let table: &[(&str, &[&str])] = &[
        ("/a;x/b;y", &["/a/b", "/a/b", "/a/b", "/a/b", "/a", "/a"]),
        ("/a;x\\b/c", &["/a/b/c", "/a/b/c", "/a/c", "/a/c", "/a", "/a"]),
        ("/a;%2fb", &["/a", "/a/b", "/a", "/a/b", "/a", "/a"]),
        (";a/b", &["/b", "/b", "/b", "/b", "/", "/"]),
        ("/a%3Bx/b", &["/a;x/b", "/a/b", "/a/b", "/a"]),
    ];
    for (path, expected) in table {
        assert_eq!(readings(path).1, *expected, "{path}");
    }
}

/// What stands behind two slashes may be a host, which ends at any slash or at `/`.
#[test]
fn a_host_in_a_path_is_read_in_three_ways() {
    let table: &[(&str, &[&str])] = &[
        ("/a%20b/c", &["/a b/c"]),
        ("//a/b", &["/a/b", "/b", "/b"]),
        ("/\\a/b", &["/a/b", "/b", "/b"]),
        ("///a\\b/c", &["/a/b/c", "/b/c", "/c"]),
        ("//a", &["/a", "/", "/"]),
        ("//", &["/"]),
    ];
    for (path, expected) in table {
        assert_eq!(readings(path).1, *expected, "{path}");
    }
}

#[test]
fn a_path_fits_some_readers_or_all() {
    use Fit::{Everybody, Nobody, Proxies, Someone};
    // own path, is it a prefix, does case matter, path, fit
    let table: &[(&str, bool, bool, &str, Fit)] = &[
        ("/a", false, true, "/a", Everybody),
        ("/a", false, true, "/A", Someone),
        ("/a", false, false, "/A", Everybody),
        ("/a", false, true, "/a/", Someone),
        ("/a", false, true, "/%61", Proxies),
        ("/a", false, true, "/a/../a", Proxies),
        ("/a", false, true, "/a%20", Someone),
        ("/a", false, true, "/a/b", Nobody),
        ("/a", false, true, "/b/..", Someone),
        ("/a/", false, true, "/a/", Everybody),
        ("/a", true, true, "/a", Everybody),
        ("/a", true, true, "/a/b%20c;d//e", Everybody),
        ("/a", true, true, "/A/b", Someone),
        ("/a", true, true, "//a/b", Proxies),
        ("/a", true, true, "/a/..", Someone),
        ("/a", true, true, "/a/b/..", Proxies),
        ("/a", true, true, "/ab", Nobody),
        ("/a/", true, true, "/a", Everybody),
        ("/", true, true, "/x", Everybody),
        ("/caf%C3%A9", true, true, "/caf%C3%A9/x", Everybody),
        ("/caf%C3%A9", true, true, "/caf%c3%a9/x", Proxies),
        ("/a;v=1", false, true, "/a;v=1", Everybody),
        ("/a;v=1", false, true, "/a", Someone),
    ];
    for (own, prefix, minds_case, path, fit) in table {
        let matcher = PathMatch::new(own.as_bytes(), *prefix, !*minds_case);
        assert_eq!(matcher.fit(&Spellings::of(path.as_bytes())), *fit, "{own} {prefix} {minds_case} {path}");
    }
}

#[test]
fn a_path_that_is_canonical_already_is_not_copied() {
    for path in [&b"/"[..], b"/a", b"/a/b.c/d-e_f~", b"/a/b/"] {
        let Spellings { canonical, lenient, .. } = Spellings::of(path);
        let is_borrowed = |path: &Cow<'_, [u8]>| matches!(path, Cow::Borrowed(_));
        assert!(is_borrowed(&canonical) && lenient.iter().all(is_borrowed), "{}", path.escape_ascii());
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
        for spelling in [&spelled, &plain] {
            let (canonical, lenient) = readings(spelling);
            prop_assert_eq!(&canonical, &plain);
            prop_assert_eq!(&lenient[0], &plain);
        }
    }

    #[test]
    fn a_path_that_is_read_strictly_stays_as_it_is(path in "([/\\\\.ab;~-]|%2[ef5F]|%4[01]|%C3){0,20}") {
        let (canonical, _) = readings(&path);
        prop_assert!(canonical.starts_with('/'));
        prop_assert_eq!(&readings(&canonical).0, &canonical);
    }

    #[test]
    fn what_hides_a_route_matches_all_that_it_would(
        own in "/([aA](/[ab]){0,2}/?)?", other in "/([aA](/[ab]){0,2}/?)?", prefixes: [bool; 2], cases: [bool; 2],
        path in "/([aA](/[ab]){0,3}/?)?",
    ) {
        let [own, other] = [(own, prefixes[0], cases[0]), (other, prefixes[1], cases[1])]
            .map(|(path, prefix, ignore_case)| PathMatch::new(path.as_bytes(), prefix, ignore_case));
        let fit = |matcher: &PathMatch| matcher.fit(&Spellings::of(path.as_bytes()));
        if own.hides(&other, true) && fit(&other) >= Fit::Someone {
            prop_assert!(fit(&own) >= Fit::Someone);
        }
        if own.hides(&other, false) && fit(&other) >= Fit::Proxies {
            prop_assert!(fit(&own) >= Fit::Proxies);
        }
    }
}

#[test]
fn a_route_is_hidden_from_proxies_or_from_everybody() {
    // own path, is it a prefix, does case matter; the same of the other; is that hidden from everybody, from proxies
    type Side = (&'static str, bool, bool);
    let table: &[(Side, Side, bool, bool)] = &[
        (("/a", true, true), ("/a", true, true), true, true),
        (("/a", true, true), ("/a/b", false, true), true, true),
        (("/a", true, true), ("/ab", false, true), false, false),
        (("/a", false, true), ("/a", true, true), false, false),
        (("/a/b", true, true), ("/a", true, true), false, false),
        (("/a", true, true), ("/A", true, true), true, false),
        (("/a", true, false), ("/A", true, true), true, true),
        (("/a", true, false), ("/A", true, false), true, true),
        (("/a", true, true), ("/a", true, false), true, false),
        (("/", true, true), ("/a", true, false), true, true),
        (("/1", true, true), ("/1/a", true, false), true, true),
        (("/1", true, true), ("/1", true, false), true, true),
        (("/a", false, true), ("/a/", false, true), true, false),
        (("/a", false, true), ("/a;v=1", false, true), true, false),
        (("/a", true, true), ("/%61/b", true, true), true, true),
        (("/a%3Bx", false, true), ("/a", false, true), true, false),
        (("//h/a", true, true), ("/a/b", false, true), true, false),
    ];
    for (own, other, from_all, from_proxies) in table {
        let [a, b] =
            [own, other].map(|(path, prefix, minds)| PathMatch::new(path.as_bytes(), *prefix, !minds));
        assert_eq!((a.hides(&b, true), a.hides(&b, false)), (*from_all, *from_proxies), "{own:?} {other:?}");
    }
}
