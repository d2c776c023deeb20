//! Hosts and paths: which spellings are the same one.

use super::Reading::{Lenient, Strict};
use super::{canonical_host, canonical_path};

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
    ];
    for (path, strict, lenient) in table {
        let read = |reading| String::from_utf8(canonical_path(path.as_bytes(), reading)).unwrap();
        assert_eq!((read(Strict).as_str(), read(Lenient).as_str()), (*strict, *lenient), "{path}");
    }
}
