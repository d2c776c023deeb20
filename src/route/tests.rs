//! Hosts and paths.

use super::plain_host;

#[test]
fn a_plain_host_is_a_name_or_an_address_with_one_port_at_most() {
    let table: &[(&str, Option<&str>)] = &[
        ("hooks.example.com", Some("hooks.example.com")),
        ("HOOKS.Example.com", Some("hooks.example.com")),
        ("hooks.example.com.", Some("hooks.example.com")),
        ("hooks.example.com..", Some("hooks.example.com")),
        ("under_score-1", Some("under_score-1")),
        ("hooks.example.com:443", Some("hooks.example.com")),
        ("hooks.example.com.:443", Some("hooks.example.com")),
        ("hooks.example.com:99999999", Some("hooks.example.com")),
        ("192.0.2.1:80", Some("192.0.2.1")),
        ("[2001:DB8::1]", Some("[2001:db8::1]")),
        ("[2001:db8:0:0::1]:443", Some("[2001:db8::1]")),
        (".example.com", None),
        (".example.com.:80", None),
        ("hooks..example.com", None),
        ("hooks.example.com:", None),
        ("hooks.example.com:x", None),
        ("hooks.example.com:1:2", None),
        ("hooks.example.com:443:", None),
        ("hooks.example.com:80]", None),
        ("hooks.example.com:x@y", None),
        ("user@hooks.example.com", None),
        ("hooks%2eexample.com", None),
        ("hooks.example.com/x", None),
        ("hooks.example.com\\x", None),
        ("hooks.example.com, x", None),
        ("hooks.\u{e9}xample.com", None),
        ("[2001:db8::1", None),
        ("[2001:db8::1]x", None),
        ("[2001:db8::1]:", None),
        ("[hooks.example.com]", None),
        ("2001:db8::1", None),
        (" hooks.example.com", None),
        (".", None),
        ("", None),
        (":443", None),
    ];
    for (authority, host) in table {
        let plain = plain_host(authority.as_bytes()).map(|host| String::from_utf8(host).unwrap());
        assert_eq!(plain.as_deref(), *host, "{authority}");
    }
}
