//! Keys that change while Envoy serves: from a file, a mounted Secret, SDS, or another filter.

mod faults;
mod samples;
mod script;
mod swaps;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twilio_proxy_wasm_harness::client::{self, Request, Target};
use twilio_proxy_wasm_harness::envoy::{EnvoyBinary, versions};
use twilio_proxy_wasm_harness::filter_state::filled_from_file;
use twilio_proxy_wasm_harness::manifests;
use twilio_proxy_wasm_harness::scratch::Scratch;
use twilio_proxy_wasm_harness::upstream::Protocol;

use crate::site::Layout;
use crate::webhook::{PARAMS, form, signature_with};

/// What the plugin's configuration and the filter before it agree on.
const KEY: &str = "twilio.auth_tokens";
const FILE: &str = "auth_tokens";
/// Envoy looks at a changed file about at once. Machines that are busy need longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The Envoys that can read a file or a secret while they serve.
fn new_enough() -> Vec<EnvoyBinary> {
    versions().into_iter().filter(|binary| binary.is_at_least((1, 38))).collect()
}

/// What reads the file, and leaves its text in filter state.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reader {
    /// Envoy's formatter.
    Formatter,
    /// The script for proxies that are built without it.
    Script,
}

const READERS: [Reader; 2] = [Reader::Formatter, Reader::Script];

/// Each of these Envoys with each of the readers.
fn with_readers(binaries: &[EnvoyBinary]) -> impl Iterator<Item = (&EnvoyBinary, Reader)> {
    binaries.iter().flat_map(|binary| READERS.map(|reader| (binary, reader)))
}

/// A directory with the file that holds the tokens, and beside it what is not watched.
struct Tokens {
    scratch: Scratch,
}

impl Tokens {
    fn new(text: impl AsRef<[u8]>) -> Tokens {
        let tokens = Tokens { scratch: Scratch::new("tokens") };
        fs::create_dir(tokens.directory()).expect("a directory");
        tokens.write(text);
        tokens
    }

    fn directory(&self) -> PathBuf {
        self.scratch.join("twilio")
    }

    fn file(&self) -> PathBuf {
        self.directory().join(FILE)
    }

    /// Puts a text in the place of the one that is there, at one stroke.
    fn write(&self, text: impl AsRef<[u8]>) {
        let next = self.scratch.write("next", text);
        fs::rename(next, self.file()).expect("to move the file into place");
    }

    /// Makes the file one of a Secret that the kubelet has mounted: a link to a link, as `publish` changes it.
    fn mount(&self, text: &str) {
        self.publish(text);
        fs::remove_file(self.file()).expect("a file");
        symlink(format!("..data/{FILE}"), self.file()).expect("a link");
    }

    /// Changes all files of a mounted Secret at one stroke, as the kubelet does.
    fn publish(&self, text: &str) {
        let version = (0..)
            .map(|number| format!("..version_{number}"))
            .find(|name| !self.directory().join(name).exists());
        let version = version.expect("a new name");
        fs::create_dir(self.directory().join(&version)).expect("a directory");
        fs::write(self.directory().join(&version).join(FILE), text).expect("a file");
        symlink(&version, self.directory().join("..data_tmp")).expect("a link");
        fs::rename(self.directory().join("..data_tmp"), self.directory().join("..data"))
            .expect("to move the link");
    }

    /// The filter that reads the file.
    fn filter(&self, reader: Reader) -> Value {
        match reader {
            Reader::Formatter => filled_from_file(KEY, &self.directory(), FILE),
            Reader::Script => self.script(),
        }
    }

    /// The script as it is in the manifest, but for the path.
    fn script(&self) -> Value {
        let object = manifests::read("deploy/istio/tokens-from-file/tokens.yaml").remove(0);
        let mut filter = object["spec"]["configPatches"][0]["patch"]["value"].clone();
        let script = &mut filter["typed_config"]["default_source_code"]["inline_string"];
        let parts: Vec<&str> =
            script.as_str().expect("a script").split("/etc/envoy/twilio/auth_tokens").collect();
        assert_eq!(parts.len(), 2, "{script}");
        *script = json!(parts.join(&self.file().display().to_string()));
        filter
    }
}

/// With this filter before the plugin, which takes its tokens from filter state.
fn layout(layout: Layout, before: Value) -> Layout {
    let layout = layout.with_route(json!({ "auth_tokens": [{ "filter_state": KEY }] }));
    Layout { before: vec![before], ..layout }
}

/// A form for this URL, signed with this token.
fn signed(url: &str, token: &str) -> Request {
    let path = url.splitn(4, '/').nth(3).expect("a path");
    form(&format!("/{path}")).header("x-twilio-signature", signature_with(token, url, &PARAMS))
}

fn status(target: &Target, request: &Request) -> u16 {
    client::send(target, Protocol::Http2, request).expect("an answer").status
}

/// Waits until the answer is this one.
#[track_caller]
fn becomes(target: &Target, request: &Request, expected: u16) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = status(target, request);
        if status == expected {
            return;
        }
        assert!(Instant::now() < deadline, "still {status} after {PATIENCE:?}, not {expected}");
    }
}
