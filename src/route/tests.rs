//! Hosts and paths: which spellings are the same one.

use super::canonical_host;

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
