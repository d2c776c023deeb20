//! What is no capture: one line that says so, and nothing of what was read.

use serde_json::{Value, json};

use crate::{Sent, config, explain};

const URL: &str = "https://hooks.example.com/hook";
const CANARY: &str = "c0ffee11";

/// One line, which holds nothing of the capture.
#[track_caller]
fn fails(capture: impl AsRef<[u8]>, says: &str) {
    let (code, stdout, stderr) = explain(&[], capture.as_ref());
    let shown = String::from_utf8_lossy(capture.as_ref()).into_owned();
    assert_eq!((code, stdout.as_str()), (7, ""), "{shown}: {stderr}");
    assert_eq!(stderr, format!("error: the capture {says}\n"), "{shown}");
    assert!(!stderr.contains(CANARY), "{stderr}");
}

#[test]
fn what_is_none_of_the_four_is_said_to_be_none() {
    let none =
        "is neither a curl command, nor a HAR file, nor an HTTP request with its headers, nor of tcpdump";
    fails("", "is empty");
    fails(" \r\n", "is empty");
    for text in [
        CANARY.as_bytes(),
        b"wget https://a.example",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\xFF\xFE\0",
        b"curl",
        b"[]",
    ] {
        fails(text, none);
    }
}

#[test]
fn what_holds_a_request_in_another_form_is_said_to() {
    fails(
        b"\xD4\xC3\xB2\xA1\x02\0",
        "is a file of packets: print it with tcpdump -X -r FILE, and give what that prints",
    );
    fails(
        format!("Invoke-WebRequest -UseBasicParsing -Uri \"{URL}\" `\n-Method \"POST\" -Body \"{CANARY}\""),
        "is a command of PowerShell's own: copy it as cURL, or all as HAR",
    );
    fails(
        format!(
            "12:00:00.1 IP a.1 > b.2: Flags [S], seq 1, length 0\n12:00:00.2 IP a.1 > b.2: Flags [P.], seq 1, length 8\n{CANARY}\n"
        ),
        "is of tcpdump and has no request in it: capture where TLS has ended, with -X -s 0, and from the beginning of the \
         connection",
    );
}

#[test]
fn commands_of_windows_that_cannot_be_understood_are_refused() {
    let expands = "has a variable or a command in it that a shell would expand; put what it stands for there";
    let other = "has an & outside quotes, where a shell ends the command: put the URL in quotes";
    for (command, says) in [
        (format!("curl ^\"{URL}/{CANARY}"), "has a quote that is not closed: it is cut off"),
        (format!("curl '{URL}' `\n -d '{CANARY}"), "has a quote that is not closed: it is cut off"),
        (format!("curl '{URL}' `\n -d \"$env:{CANARY}\""), expands),
        (format!("curl '{URL}' `\n -d $({CANARY})"), expands),
        (format!("curl {URL}?a=1&b={CANARY} ^\n -d a"), other),
        (format!("curl {URL}?a=1&b={CANARY} `\n -d a"), other),
    ] {
        fails(&command, says);
    }
}

#[test]
fn curl_commands_that_cannot_be_understood_are_refused() {
    let open = "has a quote that is not closed: it is cut off, or not written for a POSIX shell (in Chrome choose \"Copy as \
                cURL (bash)\")";
    let expands = "has a variable or a command in it that a shell would expand; put what it stands for there";
    for (command, says) in [
        (format!("curl '{URL}/{CANARY}"), open),
        (format!("curl \"{URL}/{CANARY}\\\""), open),
        (format!("curl $'{URL}/{CANARY}"), open),
        (format!("curl {URL} -H \"X: ${CANARY}\""), expands),
        (format!("curl {URL} -d `cat {CANARY}`"), expands),
        (format!("curl {URL} -d $(cat {CANARY})"), expands),
        (format!("curl {URL} -d $'\\q{CANARY}'"), "has an escape in $'...' that is not known here"),
        (
            format!("curl {URL}?a=1&b={CANARY}"),
            "has an & outside quotes, where a shell ends the command: put the URL in quotes",
        ),
        (format!("curl -H 'X: {CANARY}'"), "has no URL"),
        (format!("curl {URL} {CANARY}"), "has several URLs, or words outside quotes; leave one URL"),
        (format!("curl {URL} -H {CANARY}"), "has a --header that is not NAME: VALUE"),
        (format!("curl {URL} -H $'X: {CANARY}\\nY: b'"), "has a header with a line end in it"),
        (format!("curl {URL} -H @{CANARY}"), "takes headers from a file; put them there"),
        (
            format!("curl {URL} -d @/{CANARY}/no"),
            "takes its body from a file that cannot be read: entity not found",
        ),
        (
            format!("curl {URL} -d @-"),
            "takes its body from standard input, which is the command itself; put the body in a file",
        ),
        (format!("curl {URL} -d"), "ends after --data, which needs a value"),
        (
            format!("curl {URL} --{CANARY}=x"),
            "has an option that is not repeated here which is not known here; leave it out if it \
            does not change the request",
        ),
        (
            format!("curl {URL} --parallel"),
            "has an option --parallel which is not known here; leave it out if it does not change \
            the request",
        ),
        (
            format!("curl {URL} -q{CANARY}"),
            "has a short option that is not known here; leave it out, or write it out",
        ),
        (
            format!("curl {URL} -F a={CANARY}"),
            "has a multipart body, of which curl makes other bytes each time: nothing that was \
            signed fits it",
        ),
        (format!("curl {URL} --next {URL}"), "has several requests; leave one"),
        (
            format!("curl '{URL}/[{CANARY}]'"),
            "has [] or {} in its URL, which curl expands; say --globoff if they are meant as they \
            are",
        ),
        (format!("curl 'ftp://{CANARY}/'"), "has a URL that is none of http, https, ws and wss"),
        (format!("curl 'https://hooks/ {CANARY}'"), "has a URL with a space or a control character in it"),
        ("curl https://".to_owned(), "has a URL without a host"),
        ("curl https://:80/".to_owned(), "has a URL without a host"),
    ] {
        fails(&command, says);
    }
}

#[test]
fn http_that_is_cut_off_or_that_no_proxy_takes_is_refused() {
    let bad = "and a proxy answers such a request with 400 itself";
    let line = "has a request line that is not METHOD PATH HTTP/1.1";
    let head = "POST / HTTP/1.1\r\nHost: a\r\n";
    for (capture, says) in [
        (format!("GET / {CANARY} HTTP/1.1\r\n\r\n"), line.to_owned()),
        (
            format!("{CANARY}\u{e9} / HTTP/1.1\r\nHost: a\r\n\r\n"),
            "has a method that is no word, such as POST".to_owned(),
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: a {CANARY}\r\n\r\n"),
            "has a host or a path with a space or a control character, which a proxy answers with 400 itself"
                .to_owned(),
        ),
        (
            "GET /#a HTTP/1.1\r\n\r\n".to_owned(),
            "has a path with a fragment, which a proxy answers with 400 itself".to_owned(),
        ),
        (
            "GET / HTTP/1.1\r\nA: b\r\n\r\n".to_owned(),
            "has no Host header, and a proxy answers such a request with 400 itself".to_owned(),
        ),
        (
            "GET / HTTP/1.1".to_owned(),
            "has no Host header, and a proxy answers such a request with 400 itself".to_owned(),
        ),
        (
            format!("GET / HTTP/1.1\nHost: a\n{CANARY}"),
            "has something in line 3 that is no header; are the headers whole?".to_owned(),
        ),
        (
            format!("GET / HTTP/1.1\nHost: a\n folded: {CANARY}\n\n"),
            "has something in line 3 that is no header; are the headers whole?".to_owned(),
        ),
        (
            format!("GET / HTTP/1.1\nHost: a\nA: {CANARY}\rb\n\n"),
            "has something in line 3 that is no header; are the headers whole?".to_owned(),
        ),
        (
            format!("{head}Content-Length: 9\r\n\r\n{CANARY}"),
            "has 8 bytes of body, and its Content-Length says 9: it is cut off".to_owned(),
        ),
        (
            format!("{head}Content-Length: 9"),
            "has 0 bytes of body, and its Content-Length says 9: it is cut off".to_owned(),
        ),
        (
            format!("{head}Content-Length: 18446744073709551616\r\n\r\n{CANARY}"),
            format!("has a Content-Length that is no number, {bad}"),
        ),
        (
            format!("{head}Content-Length: +8\r\n\r\n{CANARY}"),
            format!("has a Content-Length that is no number, {bad}"),
        ),
        (
            format!("{head}Content-Length: 8\r\nContent-Length: 8\r\n\r\n{CANARY}"),
            format!("says the length of its body twice, {bad}"),
        ),
        (
            format!("{head}Content-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}"),
            format!("says the length of its body twice, {bad}"),
        ),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n9\r\n{CANARY}"),
            "ends before the last chunk of its body".to_owned(),
        ),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n8\r\n{CANARY}\r\n"),
            "ends before the last chunk of its body".to_owned(),
        ),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n7\r\n{CANARY}\r\n0\r\n\r\n"),
            "ends before the last chunk of its body".to_owned(),
        ),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n8\r\n{CANARY}\r\nffffffff\r\n"),
            "ends before the last chunk of its body".to_owned(),
        ),
    ] {
        fails(&capture, &says);
    }
}

#[test]
fn har_files_with_anything_missing_are_refused() {
    fails(format!("{{ \"log\": \"{CANARY}"), "is not JSON: look at line 1, column 18");
    fails(format!("{{ \"{CANARY}\": 1 }}"), "is JSON and no HAR file: it has no log.entries");
    fails("{ \"log\": { \"entries\": [] } }", "has no entries");
    fails("{ \"log\": { \"entries\": [1] } }", "has no log.entries[0].request");
    let whole: Value =
        serde_json::from_slice(&Sent::new("POST", URL).form("a=b").signed("TOKEN", URL, &[]).har()).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut har = whole.clone();
        *har.pointer_mut(&format!("/log/entries/0/request{pointer}")).unwrap() = value;
        har.to_string()
    };
    let at = |field: &str| format!("has no log.entries[0].request{field}");
    for value in [Value::Null, json!(1), json!([CANARY])] {
        for field in ["", "/url", "/method", "/headers/1/name", "/headers/1/value"] {
            let shown = field.replacen("/headers/1/", ".headers[1].", 1).replace('/', ".");
            fails(with(field, value.clone()), &at(&shown));
        }
    }
    fails(with("/headers", json!({ "a": CANARY })), &at(".headers"));
    fails(with("/url", json!(CANARY)), "has a URL without http:// or https://");
    let unread = json!({ "text": format!("{CANARY}!"), "encoding": "base64" });
    fails(with("/postData", unread), "has a body that is said to be base64 and is not");
    for absent in [Value::Null, json!({}), json!({ "text": 1, "params": CANARY }), json!(CANARY)] {
        fails(with("/postData", absent), "was made without the request's body of 3 bytes");
    }
    let mut several = whole.clone();
    let entry = several["log"]["entries"][0].clone();
    several["log"]["entries"].as_array_mut().unwrap().extend([json!({}), entry]);
    let text = several.to_string();
    fails(&text, "has several entries with X-Twilio-Signature (1, 3); choose one with --entry");
    for number in ["0", "4"] {
        let (code, _, stderr) = explain(&["--entry", number], text.as_bytes());
        let says = format!("error: the capture has 3 entries, and none of the number {number}\n");
        assert_eq!((code, stderr), (7, says));
    }
    let unsigned = json!({ "log": { "entries": [{}, {}] } }).to_string();
    fails(unsigned, "has 2 entries, none with X-Twilio-Signature; choose one with --entry");
}

#[test]
fn a_capture_that_is_cut_off_or_damaged_anywhere_is_no_crash() {
    let sent = Sent::new("POST", "https://hooks.example.com/a%2?b=%&c").form("Body=%zz%2&=&x").signed(
        "TOKEN",
        URL,
        &[],
    );
    for (_, capture, _) in sent.captures() {
        // `explain` sees to it that there is no panic and no secret.
        for end in (0..capture.len()).step_by(7) {
            explain(&[], &capture[..end]);
            let mut damaged = capture.clone();
            damaged[end] = [0, b'\'', b'"', 0xFF, b'\n', b'\\'][end % 6];
            explain(&[], &damaged);
        }
    }
}

#[test]
fn what_a_terminal_would_obey_is_not_printed() {
    let har = json!({ "log": { "entries": [{ "request": {
        "method": "GET", "url": "https://hooks.example.com/\u{202e}\u{9b}a", "headers": [
            { "name": "host", "value": "a\u{200b}\u{e9}" }, { "name": "x-twilio-signature", "value": "\u{1b}" } ] } }] } });
    let (code, stdout, _) = explain(&[], har.to_string().as_bytes());
    assert_eq!(code, 1);
    assert!(
        stdout
            .starts_with("request: GET https://a\\xe2\\x80\\x8b\u{e9}/\\xe2\\x80\\xae\\xc2\\x9ba, no body\n"),
        "{stdout}"
    );
}

/// A quote in the wrong place makes one word of what should be several.
#[test]
fn a_signature_that_a_quote_made_part_of_something_else_is_not_printed() {
    let sent = Sent::new("POST", URL).form("a=b").signed("TOKEN", URL, &[]);
    let (_, signature) = &sent.headers[1];
    let word = "has a method that is no word, such as POST";
    let host =
        "has a host or a path with a space or a control character, which a proxy answers with 400 itself";
    // `explain` sees to it that the signature is in no output.
    fails(format!("curl {URL} '-XPOST -H X-Twilio-Signature: {signature}'"), word);
    fails(format!("curl {URL} -H 'Host: a -H X-Twilio-Signature: {signature}'"), host);
    fails(
        format!("curl '{URL} -H X-Twilio-Signature: {signature}'"),
        "has a URL with a space or a control character in it",
    );
    for (method, host_value, says) in [
        (format!("POST {signature}"), "a".to_owned(), word),
        ("POST".to_owned(), format!("a {signature}"), host),
    ] {
        let request =
            json!({ "method": method, "url": URL, "headers": [{ "name": "Host", "value": host_value }] });
        fails(json!({ "log": { "entries": [{ "request": request }] } }).to_string(), says);
    }
    fails(
        json!({ "log": { "entries": [{ "request": { "method": "", "url": URL, "headers": [] } }] } })
            .to_string(),
        word,
    );
}

#[test]
fn two_things_cannot_both_be_standard_input() {
    let (code, _, stderr) = explain(&["--config", "-"], b"");
    assert_eq!(
        (code, stderr.as_str()),
        (2, "error: the configuration and the capture cannot both be standard input\n")
    );
    let file = config("{}");
    let (code, _, stderr) = explain(&["--config", &file], b"");
    let says = "error: the configuration is rejected: auth_tokens: there is no key to verify with; give auth_tokens or \
                shared_keys here or at the top, or mode: off\n";
    assert_eq!((code, stderr.as_str()), (7, says));
    let (code, _, stderr) = explain(&["no/such/file"], b"");
    assert_eq!(code, 7);
    assert!(stderr.starts_with("error: cannot read no/such/file: "), "{stderr}");
}
