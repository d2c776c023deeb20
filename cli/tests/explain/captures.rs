//! How captures are written: what a shell, curl, a browser or a wire makes of the same request.

use serde_json::{Value, json};

use crate::{Sent, explain};

const URL: &str = "https://hooks.example.com/twilio/sms";
const BODY: &str = "Body=it%27s&From=%2B15005550001";

fn form() -> Sent {
    Sent::new("POST", URL).form(BODY).signed("TOKEN", URL, &[("Body", "it's"), ("From", "+15005550001")])
}

fn signature() -> String {
    form().headers.iter().find(|(name, _)| name == "X-Twilio-Signature").unwrap().1.clone()
}

/// The capture is read, and verified.
#[track_caller]
fn fits(capture: impl AsRef<[u8]>) -> String {
    let capture = capture.as_ref();
    let (code, stdout, stderr) = explain(&[], capture);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}\n{}", String::from_utf8_lossy(capture));
    stdout
}

#[test]
fn curl_commands_are_read_as_curl_would() {
    let signature = signature();
    let header = format!("X-Twilio-Signature: {signature}");
    for command in [
        format!("curl -H '{header}' -d '{BODY}' {URL}"),
        format!("$ curl -H \"{header}\" --data \"{BODY}\" \"{URL}\""),
        format!("/usr/bin/curl -sSki -XPOST -H'{header}' -d'{BODY}' --url {URL} # a comment"),
        format!("curl '{URL}' \\\n  -H '{header}' \\\n  --data-raw '{BODY}' \\\n  --compressed"),
        format!("curl '{URL}' \\\r\n  -H '{header}' \\\r\n  --data-raw '{BODY}'\r\n"),
        format!("curl {URL} -H '{header}' -d 'Body=it%27s' -d From=%2B15005550001"),
        format!("curl {URL} -H '{header}' --data-urlencode \"Body=it's\" --data-urlencode From=+15005550001"),
        format!("curl {URL} -H '{header}' --data-binary $'Body=it\\x2527s&From=\\u00252B15005550001' | jq ."),
        format!("curl {URL} -H '{header}' --data-ascii Body=it%27s\\&From=%2B15005550001 > /dev/null 2>&1"),
        format!("curl https://user:secret@hooks.example.com/twilio/sms#part -H '{header}' -d '{BODY}'"),
        format!("curl https://hooks.example.com/x/../twilio/./sms -H '{header}' -d '{BODY}'"),
        format!(
            "curl https://127.0.0.1:8443/twilio/sms -H 'Host: hooks.example.com' -H '{header}' -d '{BODY}'"
        ),
        format!(
            "curl {URL} -u user:pass -m 5 -o out --resolve a:1:b -H '{header}' -H 'Empty;' -H Accept: -d '{BODY}'"
        ),
    ] {
        let said = fits(&command);
        assert!(!said.contains("user:"), "{said}");
        assert!(
            said.starts_with("request: POST https://hooks.example.com/twilio/sms, a form of 31 bytes\n"),
            "{said}"
        );
    }
    let get = format!("{URL}?Body=Hi");
    let signed = Sent::new("GET", &get).signed("TOKEN", &get, &[]);
    let header = &signed.headers[0].1;
    fits(format!("curl -G {URL} -d Body=Hi -H 'X-Twilio-Signature: {header}'"));
    let root = Sent::new("GET", "").signed("TOKEN", "http://hooks.example.com/?a=1", &[]);
    fits(format!("curl 'hooks.example.com?a=1' -H 'X-Twilio-Signature: {}'", root.headers[0].1));
    let socket = Sent::new("GET", "").signed("TOKEN", "wss://hooks.example.com/media", &[]);
    fits(format!("curl wss://hooks.example.com/media -H 'X-Twilio-Signature: {}'", socket.headers[0].1));
}

/// As Chrome copies it for `cmd`, by hand for `cmd`, and in the PowerShell of Windows and in the newer one.
#[test]
fn curl_commands_are_read_as_windows_writes_them() {
    let signature = signature();
    let header = format!("X-Twilio-Signature: {signature}");
    let chrome = BODY.replace("%2", "^%^2").replace('&', "^&").replace('\'', "^'");
    for command in [
        format!("curl ^\"{URL}^\" ^\r\n  -H ^\"{header}^\" ^\r\n  --data-raw ^\"{chrome}^\"\r\n"),
        format!("curl.exe \"{URL}\" ^\n  -H \"{header}\" ^\n  --data \"{BODY}\" --compressed"),
        format!("curl.exe '{URL}' `\r\n  -H '{header}' `\r\n  --data-raw \"{BODY}\" | more"),
        format!("curl.exe \"{URL}\" `\n  -H \"{header}\" `\n  -d '{BODY}'; echo done"),
    ] {
        let said = fits(&command);
        assert!(
            said.starts_with("request: POST https://hooks.example.com/twilio/sms, a form of 31 bytes\n"),
            "{said}"
        );
    }
    // JSON, whose quotes each of them has a way of its own for.
    let body = r#"{"a":"x\"y","b":1}"#;
    let url = format!("{URL}?bodySHA256={}&x=1", twilio_webhook::sign::body_hash(body.as_bytes()));
    let sent = Sent::new("POST", &url).header("Content-Type", "application/json").signed("TOKEN", &url, &[]);
    let header = format!("X-Twilio-Signature: {}", sent.headers[1].1);
    let of_cmd = body.replace('\\', "\\\\").replace('"', "\\\"");
    let carets = of_cmd.replace('\\', "^\\").replace('"', "^\"").replace('{', "^{").replace('}', "^}");
    let target = url.replace('&', "^&").replace('?', "^?");
    for command in [
        format!(
            "curl ^\"{target}^\" ^\n  -H ^\"{header}^\" ^\n -H ^\"content-type: application/json^\" ^\n --data-raw ^\"{carets}^\""
        ),
        format!("curl.exe '{url}' `\n -H '{header}' -H 'Content-Type: application/json' `\n -d '{body}'"),
        format!("curl.exe \"{url}\" `\n -H \"{header}\" --json \"{}\"", body.replace('"', "`\"")),
    ] {
        fits(&command);
    }
    // The PowerShell of Windows takes quotes away that have no backslash.
    let plain = r#"{"a":1}"#;
    let url = format!("{URL}?bodySHA256={}", twilio_webhook::sign::body_hash(plain.as_bytes()));
    let sent = Sent::new("POST", &url).signed("TOKEN", &url, &[]);
    let header = &sent.headers[0].1;
    fits(format!(
        "curl.exe '{url}' `\n -H 'X-Twilio-Signature: {header}' --json '{}'",
        plain.replace('"', "\\\"")
    ));
}

/// What PowerShell's `>` writes.
#[test]
fn a_capture_may_be_utf_16() {
    let text = String::from_utf8(form().curl()).unwrap();
    for (mark, of) in
        [([0xFF, 0xFE], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xFE, 0xFF], u16::to_be_bytes)]
    {
        let bytes: Vec<u8> = mark.into_iter().chain(text.encode_utf16().flat_map(of)).collect();
        fits(bytes);
    }
}

/// An IPv4 packet as `tcpdump -X` prints it, with a header line.
fn packet(from: u16, to: u16, payload: &[u8]) -> String {
    let mut bytes = vec![0x45, 0];
    bytes.extend(u16::try_from(40 + payload.len()).unwrap().to_be_bytes());
    bytes.extend([0, 1, 0x40, 0, 0x40, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    bytes.extend(from.to_be_bytes());
    bytes.extend(to.to_be_bytes());
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 2, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    let mut text = format!(
        "12:00:00.000001 lo    In  IP 127.0.0.1.{from} > 127.0.0.1.{to}: Flags [P.], seq 1:2, ack 1, win 512, length {}: HTTP\n",
        payload.len()
    );
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let groups: Vec<String> =
            chunk.chunks(2).map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
        let shown: String =
            chunk.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        text += &format!("\t0x{:04x}:  {:<39}  {shown}\n", row * 16, groups.join(" "));
    }
    text
}

/// The same as `tcpdump -A` prints it: without carriage returns, and with dots for what is no text.
fn packet_as_text(from: u16, to: u16, payload: &str) -> String {
    format!(
        "12:00:00.000001 IP 127.0.0.1.{from} > 127.0.0.1.{to}: Flags [P.], seq 1:2, ack 1, win 512, length {}: HTTP\n\
         E..i..@.@..s.........P........P.......{}\n",
        payload.len(),
        payload.replace('\r', "")
    )
}

#[test]
fn what_tcpdump_prints_is_put_together() {
    let raw = form().raw();
    let end = raw.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    let (head, body) = raw.split_at(end);
    let other = b"GET /healthz HTTP/1.1\r\nHost: hooks.example.com\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let whole = [
        packet(4000, 8080, other),
        packet(8080, 4000, answer),
        packet(5000, 8080, head),
        packet(4000, 8080, b"noise"),
        packet(5000, 8080, &body[..9]),
        packet(5000, 8080, &body[9..]),
        packet(5000, 8080, other),
    ]
    .concat();
    let said = fits(&whole);
    assert!(!said.contains("note"), "{said}");
    assert!(
        said.starts_with("request: POST https://hooks.example.com/twilio/sms, a form of 31 bytes\n"),
        "{said}"
    );
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let printed = [
        packet_as_text(5000, 8080, &text(head)),
        packet_as_text(8080, 5000, &text(answer)),
        packet_as_text(5000, 8080, &text(body)),
    ]
    .concat();
    let said = fits(&printed);
    let note =
        "note: tcpdump -A writes a dot for each byte that is not ASCII: if there are such, capture with -X\n";
    assert!(said.ends_with(note), "{said}");
    fits([packet_as_text(5000, 8080, &text(&raw))].concat());
}

#[test]
fn what_curl_does_differently_from_version_to_version_is_told() {
    let note =
        "note: versions of curl differ in how they escape this URL: a signature may not fit for that alone\n";
    for (command, is_told) in [
        (format!("curl -G {URL} --data-urlencode 'a=b/c'"), true),
        (format!("curl -G {URL} --data-urlencode 'a=b c'"), false),
        (format!("curl {URL} --data-urlencode 'a=b/c'"), false),
        (format!("curl {URL}/\u{e9}"), true),
    ] {
        let (code, said, _) = explain(&[], command.as_bytes());
        assert_eq!((code, said.ends_with(note)), (1, is_told), "{said}");
    }
}

#[test]
fn a_body_of_bytes_is_read_from_every_kind_of_capture() {
    let body = [0x00, 0xFF, b'\r', b'\n', b'\'', b'"', 0xC3, 0x28];
    let url = format!("{URL}?bodySHA256={}", twilio_webhook::sign::body_hash(&body));
    let sent =
        Sent::new("POST", &url).header("Content-Type", "application/octet-stream").signed("TOKEN", &url, &[]);
    let file =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("body-{}.bin", std::process::id()));
    std::fs::write(&file, body).unwrap();
    let sent = sent.body(body);
    fits(sent.har());
    fits(sent.raw());
    let header = |name: &str| sent.headers.iter().find(|(own, _)| own == name).unwrap().1.clone();
    fits(format!(
        "curl '{url}' -H 'X-Twilio-Signature: {}' -H 'Content-Type: application/octet-stream' --data-binary @{}",
        header("X-Twilio-Signature"),
        file.display()
    ));
    // A shell cannot pass a NUL, so that no command holds one.
    let body = &body[1..];
    let url = format!("{URL}?bodySHA256={}", twilio_webhook::sign::body_hash(body));
    fits(Sent::new("POST", &url).header("Content-Type", "a/b").signed("TOKEN", &url, &[]).body(body).curl());
}

#[test]
fn http_is_read_with_any_line_end_and_framing() {
    let signature = signature();
    let head = format!(
        "POST /twilio/sms HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         X-TWILIO-SIGNATURE:{signature}\t\r\n"
    );
    let length = format!("{head}Content-Length: 31\r\n\r\n{BODY}");
    let (first, second) = BODY.split_at(10);
    for capture in [
        length.clone(),
        length.replace("\r\n", "\n"),
        format!("\r\n\n{length}"),
        format!("\u{FEFF}{length}"),
        format!("{length}\r\n"),
        length.replace("POST /", "POST https://hooks.example.com/").replace("host: hooks", "host: other"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\na\r\n{first}\r\n15;x=y\r\n{second}\r\n0\r\n\r\n"),
        format!("{head}Transfer-Encoding: gzip, Chunked\n\nA\n{first}\n15\n{second}\n0\nTrailer: x\n\n"),
    ] {
        let said = fits(&capture);
        assert!(!said.contains("note"), "{said}");
    }
    let notes = [
        (
            format!("{head}\r\n{BODY}\r\n"),
            "note: there is no Content-Length; everything after the headers, but for a line end at its end, was taken for the \
             body\n",
        ),
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{BODY}"),
            "note: the body is said to be chunked and is not; it was taken as it is, as if the chunks were taken apart \
             already\n",
        ),
        (format!("{length}GET / HTTP/1.1\r\n\r\n"), "note: 18 bytes after the body were not looked at\n"),
    ];
    for (capture, note) in notes {
        let said = fits(&capture);
        assert!(said.ends_with(note), "{said}");
    }
    // HTTP/2 needs no length.
    let said = fits(format!("{}\r\n{BODY}", head.replace("HTTP/1.1", "HTTP/2")));
    assert!(!said.contains("note"), "{said}");
    // A request without a body needs no blank line at its end.
    let get = Sent::new("GET", URL).signed("TOKEN", URL, &[]).raw();
    fits(&get[..get.len() - 4]);
}

#[test]
fn a_har_file_is_read_as_browsers_and_proxies_write_it() {
    let har = |edit: &dyn Fn(&mut Value)| {
        let mut har: Value = serde_json::from_slice(&form().har()).unwrap();
        edit(&mut har);
        har.to_string()
    };
    let request = "/log/entries/0/request";
    fits(har(&|_| {}));
    // The pseudo headers of HTTP/2, and a host of its own.
    fits(har(&|har| {
        let headers = har.pointer_mut("/log/entries/0/request/headers").unwrap().as_array_mut().unwrap();
        headers.insert(0, json!({ "name": ":authority", "value": "hooks.example.com" }));
        headers.push(json!({ "name": "Content-Length", "value": "31" }));
    }));
    let said = fits(har(&|har| {
        let post = json!({ "params": [{ "name": "Body", "value": "it's" }, { "name": "From", "value": "+15005550001" }] });
        har.pointer_mut(request).unwrap()["postData"] = post;
        har.pointer_mut(request).unwrap()["bodySize"] = json!(-1);
    }));
    assert!(said.ends_with("note: the body was put together anew from postData.params\n"), "{said}");
    let said = fits(har(&|har| har.pointer_mut(request).unwrap()["bodySize"] = json!(99)));
    let note = "note: the body has 31 bytes here and had 99 when it was sent: a signature over it may not fit for that alone\n";
    assert!(said.ends_with(note), "{said}");
    // Of several entries the only one that is signed, or the one that is asked for.
    let several = har(&|har| {
        let entries = har.pointer_mut("/log/entries").unwrap().as_array_mut().unwrap();
        let other = json!({ "request": { "method": "GET", "url": "https://a.example/", "headers": [] } });
        entries.insert(0, other);
    });
    fits(&several);
    assert!(explain(&["--entry", "2"], several.as_bytes()).1.contains("verdict: allowed"));
    assert!(explain(&["--entry", "1"], several.as_bytes()).1.contains("verdict: denied, missing_signature"));
}

#[test]
fn what_this_tool_writes_it_reads() {
    for (url, more) in [
        (URL, &["--param", "Body=it's \"here\" \\ $HOME `x` %&+=\u{e9}\u{1F600}\nnew"][..]),
        ("https://hooks.example.com/it's?a=b", &["--json", "{\"a\": \"it's\"}"]),
        ("https://hooks.example.com/a/../b/%2e%2e/[1]{2}?x=$y", &["--method", "GET", "--param", "a=b"]),
        ("wss://hooks.example.com:8443/media?name=anna", &["--websocket"]),
        ("http://[2001:db8::1]:8080/a", &["--param", "a=b"]),
        ("https://HOOKS.example.com", &["--param", "a=b"]),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_twilio-webhook"));
        command.args(["sign", url, "--curl"]).args(more).env_clear();
        let output = command.env("TWILIO_AUTH_TOKEN", crate::secret("TOKEN")).output().unwrap();
        assert!(output.status.success(), "{url}");
        // Of a URL without a path a `/` is sent, and the tool signs what the user typed.
        let (code, said, _) = explain(&[], &output.stdout);
        let is_bare = url == "https://HOOKS.example.com";
        assert_eq!(code, i32::from(is_bare), "{said}");
        assert!(!is_bare || said.contains("\ncause: trailing_slash: "), "{said}");
    }
}
