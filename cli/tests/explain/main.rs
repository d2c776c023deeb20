//! `twilio-webhook explain`: each cause of a denial in each kind of capture, with the setting that makes it right; each
//! reason; and what is no capture.

mod captures;
mod causes;
mod filter_states;
mod malformed;
mod reasons;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;

/// Each key is the name of its variable in lower case, behind this: it may be in no output.
const SECRET: &str = "test-secret-of-";

const VARIABLES: [&str; 4] = ["TOKEN", "OTHER", "FIRST", "SECOND"];

fn secret(name: &str) -> String {
    format!("{SECRET}{}", name.to_lowercase())
}

/// A request as a client sends it.
#[derive(Clone)]
struct Sent {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn new(method: &str, url: &str) -> Sent {
        Sent { method: method.to_owned(), url: url.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    fn header(mut self, name: &str, value: &str) -> Sent {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn form(self, body: &str) -> Sent {
        self.header("Content-Type", "application/x-www-form-urlencoded").body(body)
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Sent {
        self.body = body.into();
        self
    }

    /// Signed with the key of this variable for a URL and parameters, which need not be its own.
    fn signed(self, key: &str, url: &str, params: &[(&str, &str)]) -> Sent {
        self.signed_by(Algorithm::HmacSha1, key, url, params)
    }

    fn signed_by(self, algorithm: Algorithm, key: &str, url: &str, params: &[(&str, &str)]) -> Sent {
        let params: Vec<_> =
            params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let signature = sign::signature(algorithm, secret(key).as_bytes(), url, &params);
        self.header("X-Twilio-Signature", &signature)
    }

    fn split(&self) -> (&str, &str, &str) {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let (authority, target) = rest.split_at(rest.find('/').unwrap());
        (scheme, authority, target)
    }

    fn curl(&self) -> Vec<u8> {
        let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let mut text = format!("curl --path-as-is -X {}", quote(&self.method)).into_bytes();
        for (name, value) in &self.headers {
            text.extend(format!(" \\\n  -H {}", quote(&format!("{name}: {value}"))).bytes());
        }
        if !self.body.is_empty() {
            let body = self.body.split(|byte| *byte == b'\'').collect::<Vec<_>>().join(br"'\''".as_slice());
            text.extend([b" --data-raw '".as_slice(), &body, b"'"].concat());
            if !self.headers.iter().any(|(name, _)| name == "Content-Type") {
                text.extend(b" -H Content-Type:");
            }
        }
        text.extend(format!(" {}\n", quote(&self.url)).bytes());
        text
    }

    fn har(&self) -> Vec<u8> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let mut request = json!({ "method": self.method, "url": self.url, "headers": headers,
                                  "bodySize": self.body.len() });
        match String::from_utf8(self.body.clone()) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => request["postData"] = json!({ "mimeType": "", "text": text }),
            Err(_) => {
                request["postData"] = json!({ "text": STANDARD.encode(&self.body), "encoding": "base64" })
            }
        }
        json!({ "log": { "version": "1.2", "entries": [{ "request": request }] } }).to_string().into_bytes()
    }

    fn raw(&self) -> Vec<u8> {
        let (_, authority, target) = self.split();
        let mut text = format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\n", self.method);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        [text.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// All three, with the arguments that tell what one of them cannot.
    fn captures(&self) -> [(&'static str, Vec<u8>, Vec<String>); 3] {
        let scheme = vec!["--scheme".to_owned(), self.split().0.to_owned()];
        [("curl", self.curl(), vec![]), ("HAR", self.har(), vec![]), ("raw", self.raw(), scheme)]
    }
}

/// Exit code, standard output, standard error. No key and no signature is ever in the output.
#[track_caller]
fn explain(arguments: &[&str], capture: &[u8]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twilio-webhook"));
    command.arg("explain").args(arguments).env_clear();
    for name in VARIABLES {
        command.env(name, secret(name));
    }
    command.env("TWILIO_AUTH_TOKEN", secret("TOKEN"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(capture);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    for text in [&stdout, &stderr] {
        assert!(!text.contains(SECRET) && !text.contains("panicked"), "{text}");
        assert!(!text.contains(signature_of(capture).as_deref().unwrap_or("\0")), "{text}");
        assert!(!text.bytes().any(|byte| byte < b' ' && byte != b'\n'), "{text:?}");
    }
    (status.code().unwrap(), stdout, stderr)
}

/// The first word of 28 characters or more that looks like one.
fn signature_of(capture: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(capture).into_owned();
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)));
    words.filter(|word| word.ends_with('=') && matches!(word.len(), 28 | 44)).map(str::to_owned).next()
}

/// A configuration in a file of its own.
fn config(text: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("explain-{}-{}.json", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What is said of a request under a configuration: the same of each kind of capture.
#[track_caller]
fn said(configuration: &str, sent: &Sent) -> (i32, String) {
    let file = config(configuration);
    let all = sent.captures().map(|(kind, capture, more)| {
        let mut arguments = vec!["--config", file.as_str()];
        arguments.extend(more.iter().map(String::as_str));
        let (code, stdout, stderr) = explain(&arguments, &capture);
        assert_eq!(stderr, "", "{kind}");
        (code, stdout)
    });
    assert_eq!(all[0], all[1], "curl and HAR");
    assert_eq!(all[0], all[2], "curl and raw");
    let [first, ..] = all;
    first
}
