//! The options of curl: which have a value, and which change the request.

/// Options that change nothing of the request that matters here, without a value and with one.
const FLAGS: [&str; 31] = [
    "insecure",
    "silent",
    "show-error",
    "location",
    "verbose",
    "include",
    "compressed",
    "http1.0",
    "http1.1",
    "http2",
    "http2-prior-knowledge",
    "http3",
    "fail",
    "fail-with-body",
    "no-buffer",
    "ipv4",
    "ipv6",
    "tlsv1",
    "tlsv1.2",
    "tlsv1.3",
    "no-keepalive",
    "tcp-nodelay",
    "progress-bar",
    "remote-name",
    "path-as-is",
    "globoff",
    "ssl-no-revoke",
    "no-progress-meter",
    "location-trusted",
    "no-alpn",
    "raw",
];
const VALUED: [&str; 27] = [
    "output",
    "connect-timeout",
    "max-time",
    "resolve",
    "connect-to",
    "cacert",
    "capath",
    "cert",
    "key",
    "pass",
    "proxy",
    "retry",
    "retry-delay",
    "write-out",
    "user",
    "user-agent",
    "referer",
    "cookie",
    "cookie-jar",
    "interface",
    "dump-header",
    "ciphers",
    "limit-rate",
    "oauth2-bearer",
    "trace",
    "trace-ascii",
    "stderr",
];
/// Short options and their long names.
const SHORT: [(u8, &str); 32] = [
    (b'X', "request"),
    (b'H', "header"),
    (b'd', "data"),
    (b'G', "get"),
    (b'I', "head"),
    (b'F', "form"),
    (b'k', "insecure"),
    (b's', "silent"),
    (b'S', "show-error"),
    (b'L', "location"),
    (b'v', "verbose"),
    (b'i', "include"),
    (b'f', "fail"),
    (b'N', "no-buffer"),
    (b'4', "ipv4"),
    (b'6', "ipv6"),
    (b'#', "progress-bar"),
    (b'O', "remote-name"),
    (b'g', "globoff"),
    (b'o', "output"),
    (b'm', "max-time"),
    (b'E', "cert"),
    (b'x', "proxy"),
    (b'w', "write-out"),
    (b'u', "user"),
    (b'A', "user-agent"),
    (b'e', "referer"),
    (b'b', "cookie"),
    (b'c', "cookie-jar"),
    (b'D', "dump-header"),
    (b'0', "http1.0"),
    (b'1', "tlsv1"),
];

/// Returns the long name of a short option.
pub(super) fn long_name(letter: u8) -> Result<&'static str, String> {
    let known = SHORT.iter().find(|(own, _)| *own == letter).map(|(_, name)| *name);
    known.ok_or_else(|| "has a short option that is not known here; leave it out, or write it out".to_owned())
}

/// Returns whether an option has a value.
pub(super) fn takes_value(name: &str) -> Result<bool, String> {
    const KNOWN: [&str; 9] = [
        "request",
        "header",
        "data",
        "data-raw",
        "data-ascii",
        "data-binary",
        "data-urlencode",
        "json",
        "url",
    ];
    if KNOWN.contains(&name) || VALUED.contains(&name) {
        return Ok(true);
    }
    if FLAGS.contains(&name) || ["get", "head"].contains(&name) {
        return Ok(false);
    }
    if name == "form" || name == "form-string" {
        return Err("has a multipart body, of which curl makes other bytes each time: nothing that was signed fits it".to_owned());
    }
    if name == "next" {
        return Err("has several requests; leave one".to_owned());
    }
    // A name that is not written like one may be anything.
    let is_plain = name.len() <= 24
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"-.0123456789".contains(&byte));
    let shown = if is_plain { format!("--{name}") } else { "that is not repeated here".to_owned() };
    Err(format!(
        "has an option {shown} which is not known here; leave it out if it does not change the request"
    ))
}
