//! The URLs that are tried, all of them and in their order.

use std::borrow::Cow;

use super::{Base, Dialled, Port, Scheme, UrlRule, split_port};
use crate::request::Head;

fn head(headers: &[(&str, &str)]) -> Head {
    let length = |text: &str| u32::try_from(text.len()).unwrap().to_le_bytes();
    let mut bytes = u32::try_from(headers.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(headers.iter().flat_map(|(name, value)| [length(name), length(value)].concat()));
    bytes.extend(headers.iter().flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes()));
    Head::read(bytes, None, None).unwrap()
}

/// Every URL that is tried for what was received, where the listener's port is 8443.
fn tried(rule: &UrlRule, scheme: &str, authority: &str, path: &str) -> Vec<String> {
    let head = head(&[(":scheme", scheme), (":authority", authority), (":path", path)]);
    all_of(&rule.dialled(&head).unwrap())
}

fn all_of(dialled: &Dialled<'_>) -> Vec<String> {
    let mut urls = Vec::new();
    let found = dialled.find(Scheme::Http, &mut dialled.targets(), b"", &|| Some(8443), &mut |pieces| {
        urls.push(String::from_utf8(pieces.concat()).unwrap());
        None::<()>
    });
    assert_eq!(found, None);
    urls
}

#[test]
fn the_url_as_received_comes_first_then_its_ports() {
    let none = UrlRule::default();
    let table: &[(&str, &str, &[&str])] = &[
        ("https", "a", &["https://a/p?q=1", "https://a:443/p?q=1", "https://a:8443/p?q=1"]),
        ("https", "a:443", &["https://a/p?q=1", "https://a:443/p?q=1"]),
        ("https", "a:80", &["https://a/p?q=1", "https://a:443/p?q=1", "https://a:80/p?q=1"]),
        ("http", "a:8080", &["http://a/p?q=1", "http://a:80/p?q=1", "http://a:8080/p?q=1"]),
        ("https", "a:x", &["https://a:x/p?q=1", "https://a:x:443/p?q=1", "https://a:x:8443/p?q=1"]),
        ("https", "[::1]:9", &["https://[::1]/p?q=1", "https://[::1]:443/p?q=1", "https://[::1]:9/p?q=1"]),
    ];
    for (scheme, authority, urls) in table {
        assert_eq!(tried(&none, scheme, authority, "/p?q=1"), *urls, "{scheme} {authority}");
    }
    let both_cases = ["https://A:1/p", "https://A:443/p", "https://A/p"].map(str::to_ascii_lowercase);
    let urls = tried(&none, "https", "A:1", "/p");
    assert_eq!(urls[..3], ["https://A/p", "https://A:443/p", "https://A:1/p"]);
    assert_eq!(urls[3..], [&both_cases[2], &both_cases[1], &both_cases[0]].map(String::as_str));
}

#[test]
fn a_port_that_is_guessed_is_the_only_one() {
    let head = head(&[(":scheme", "https"), (":authority", "A:1"), (":path", "/p")]);
    let none = UrlRule::default();
    let received = none.dialled(&head).unwrap();
    let guessed = Dialled { port: Port::Only(b"8080"), ..received };
    assert_eq!(all_of(&guessed), ["https://A:8080/p", "https://a:8080/p"]);
}

#[test]
fn a_base_stands_for_itself() {
    let rule = |base: &str| UrlRule { base: Some(Base::parse(base).unwrap()), ..UrlRule::default() };
    let table: &[(&str, &[&str])] = &[
        ("https://B", &["https://B/p", "https://B:443/p"]),
        ("https://B/", &["https://B/p", "https://B:443/p"]),
        ("http://b:80", &["http://b/p", "http://b:80/p"]),
        ("https://b:8080/x/y//", &["https://b/x/y/p", "https://b:443/x/y/p", "https://b:8080/x/y/p"]),
    ];
    for (base, urls) in table {
        assert_eq!(tried(&rule(base), "https", "a:1", "/p"), *urls, "{base}");
    }
}

#[test]
fn a_query_has_few_other_forms_each_once() {
    let table: &[(&str, &[&str])] = &[
        ("", &[]),
        ("?", &[]),
        ("?a=1&b=2", &[]),
        ("?a='", &["?a=%27"]),
        ("?a=%40%3A%3a", &["?a=@::", "?a=%40%3A%3A"]),
        ("?a=@:", &["?a=%40%3A"]),
        ("?a=b+c", &["?a=b%20c"]),
        ("?a=%c3%a9", &["?a=%C3%A9"]),
        ("?b=2&a=1&b=3", &["?b=2&b=3&a=1"]),
        ("?a&b=", &["?a=&b="]),
        ("?a=-_.!~*'()", &["?a=-_.!~*%27()"]),
        ("?a=';%40+x", &["?a=%27;%40+x", "?a=';@+x", "?a='%3B%40%20x"]),
    ];
    for (query, others) in table {
        let received =
            head(&[(":scheme", "https"), (":authority", "a"), (":path", &format!("/p'%40{query}"))]);
        let rule = UrlRule::default();
        let targets: Vec<Cow<'_, [u8]>> = rule.dialled(&received).unwrap().targets().collect();
        let targets: Vec<&str> = targets.iter().map(|target| std::str::from_utf8(target).unwrap()).collect();
        // The path stays as it is in all of them.
        let expected: Vec<String> =
            std::iter::once(query).chain(*others).map(|query| format!("/p'%40{query}")).collect();
        assert_eq!(targets, expected, "{query}");
    }
}

#[test]
fn a_host_and_its_port_are_told_apart() {
    let table: &[(&str, &str, Option<&str>)] = &[
        ("a", "a", None),
        ("a:1", "a", Some("1")),
        ("a:", "a:", None),
        ("a:x", "a:x", None),
        ("a:-1", "a:-1", None),
        ("a:1:2", "a:1", Some("2")),
        ("[::1]", "[::1]", None),
        ("[::1]:2", "[::1]", Some("2")),
        ("[::", "[::", None),
        (":1", "", Some("1")),
        ("", "", None),
    ];
    for (authority, host, port) in table {
        let expected = (host.as_bytes(), port.map(str::as_bytes));
        assert_eq!(split_port(authority.as_bytes()), expected, "{authority}");
    }
}
