//! The samples in `envoy/`, and the rotation that docs/tokens.md describes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use twilio_proxy_wasm_harness::certs::Certs;
use twilio_proxy_wasm_harness::client::Target;
use twilio_proxy_wasm_harness::envoy::{Envoy, EnvoyBinary, Options, versions};
use twilio_proxy_wasm_harness::sample::{Sample, repository};
use twilio_proxy_wasm_harness::upstream::Upstream;

use super::{Tokens, becomes, new_enough, signed, status};
use crate::site::{HOST, Layout, Site};

const OLD: &str = "test-token-old";
const NEXT: &str = "test-token-next";

#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    File,
    Sds,
}

const BOTH_WAYS: [From; 2] = [From::File, From::Sds];

/// A sample as its reader has it, but for the paths and ports of this machine.
fn adapted(from: From, tokens: &Tokens, certs: &Certs, upstream: &Upstream) -> String {
    let (file, directory) = (tokens.file().display().to_string(), tokens.directory().display().to_string());
    let on_this_machine = |name| Sample::read(name).on_this_machine(certs, 0, upstream.port());
    if from == From::File {
        return on_this_machine("envoy/tokens-from-file.yaml")
            .replace("/etc/envoy/twilio", &directory)
            .into_text();
    }
    let secret = Sample::read("envoy/sds.yaml").replace("/etc/envoy/twilio/auth_tokens", &file);
    let secret = secret.replace("/etc/envoy/twilio", &directory);
    let secret = tokens.scratch.write("sds.yaml", secret.text());
    on_this_machine("envoy/tokens-by-sds.yaml")
        .replace("/etc/envoy/sds.yaml", &secret.display().to_string())
        .into_text()
}

struct Running {
    envoy: Envoy,
    target: Target,
    upstream: Upstream,
    tokens: Tokens,
}

impl Running {
    fn start(binary: &EnvoyBinary, from: From, tokens: Tokens) -> Running {
        let certs = Certs::write(tokens.scratch.path(), &[HOST]);
        let upstream = Upstream::start();
        let text = adapted(from, &tokens, &certs, &upstream);
        let envoy = Envoy::start(binary, &text, &Options::default());
        let target = Target::tls(envoy.listener_port("https"), &certs, HOST);
        Running { envoy, target, upstream, tokens }
    }

    #[track_caller]
    fn becomes(&self, token: &str, expected: u16) {
        becomes(&self.target, &webhook(token), expected);
    }

    #[track_caller]
    fn answers(&self, token: &str, expected: u16) {
        assert_eq!(status(&self.target, &webhook(token)), expected, "{token}\n{}", self.envoy.log());
    }

    /// All that an operator can read of a running Envoy.
    fn all_that_is_shown(&self) -> String {
        let admin = ["/config_dump?include_eds", "/stats", "/server_info", "/init_dump", "/clusters"];
        let pages: Vec<String> = admin.iter().map(|path| self.envoy.admin(path)).collect();
        pages.join("\n") + &self.envoy.log() + &self.envoy.output()
    }
}

fn webhook(token: &str) -> twilio_proxy_wasm_harness::client::Request {
    signed(&format!("https://{HOST}/twilio/sms"), token)
}

#[test]
fn a_token_is_rotated_without_a_restart_and_without_a_webhook_that_fails() {
    for (binary, from) in new_enough().iter().flat_map(|binary| BOTH_WAYS.map(|from| (binary, from))) {
        let running = Running::start(binary, from, Tokens::new(format!("{OLD}\n")));
        running.answers(OLD, 200);
        running.answers(NEXT, 403);
        // Add a line.
        running.tokens.write(format!("{OLD}\n{NEXT}\n"));
        running.becomes(NEXT, 200);
        running.answers(OLD, 200);
        // The access log tells which line is in use.
        let line = "verdict=allowed route=twilio reason=none key=filter_state:twilio.auth_tokens:2";
        let is_told = running.envoy.wait_for_output(line, Duration::from_secs(20));
        assert!(is_told, "{from:?} on {}: {}", binary.version, running.envoy.output());
        // Promote it at Twilio, and remove the line.
        running.tokens.write(format!("{NEXT}\n"));
        running.becomes(OLD, 403);
        running.answers(NEXT, 200);
        assert!(running.upstream.requests().iter().all(|request| request.complete));
        for token in [OLD, NEXT] {
            let shown = running.all_that_is_shown();
            assert!(!shown.contains(token), "{from:?} on {} shows a token", binary.version);
        }
    }
}

#[test]
fn a_mounted_secret_of_kubernetes_is_followed() {
    for (binary, from) in new_enough().iter().flat_map(|binary| BOTH_WAYS.map(|from| (binary, from))) {
        let tokens = Tokens::new("");
        tokens.mount(OLD);
        let running = Running::start(binary, from, tokens);
        running.answers(OLD, 200);
        running.tokens.publish(&format!("{OLD}\n{NEXT}"));
        running.becomes(NEXT, 200);
        running.answers(OLD, 200);
        running.tokens.publish(NEXT);
        running.becomes(OLD, 403);
        running.answers(NEXT, 200);
    }
}

#[test]
fn each_sample_is_valid_where_envoy_is_new_enough_and_refused_by_name_where_it_is_not() {
    let tokens = Tokens::new(OLD);
    let certs = Certs::write(tokens.scratch.path(), &[HOST]);
    let upstream = Upstream::start();
    for (binary, from) in versions().iter().flat_map(|binary| BOTH_WAYS.map(|from| (binary, from))) {
        let exit = Envoy::validate(binary, &adapted(from, &tokens, &certs, &upstream), &Options::default());
        let is_valid = exit.code == Some(0);
        assert_eq!(is_valid, binary.is_at_least((1, 38)), "{from:?} on {}:\n{}", binary.version, exit.log);
        let name = if from == From::File { "formatter.file_content" } else { "formatter.generic_secret" };
        assert!(is_valid || exit.log.contains(name), "{from:?} on {}:\n{}", binary.version, exit.log);
    }
}

/// What docs/tokens.md says of the admin interface: it tells the version, and what is in the build.
#[test]
fn a_proxy_tells_which_formatters_it_is_built_with() {
    for binary in versions() {
        let about = Site::start(&binary, &Layout::default()).envoy.admin("/server_info");
        let about: serde_json::Value = serde_json::from_str(&about).expect("JSON");
        let version = about["version"].as_str().expect("a version");
        assert!(version.contains(&format!("/{}/", binary.version)), "{version}");
        let extensions = about["node"]["extensions"].as_array().expect("extensions");
        let has = |name: &str| extensions.iter().any(|extension| extension["name"] == name);
        assert!(has("envoy.filters.http.lua"), "{version}");
        for name in ["envoy.formatter.file_content", "envoy.formatter.generic_secret"] {
            assert_eq!(has(name), binary.is_at_least((1, 38)), "{name}: {version}");
        }
    }
}

#[test]
fn envoy_does_not_start_without_the_file() {
    for binary in new_enough() {
        let tokens = Tokens::new(OLD);
        let certs = Certs::write(tokens.scratch.path(), &[HOST]);
        let upstream = Upstream::start();
        let text = adapted(From::File, &tokens, &certs, &upstream);
        fs::remove_file(tokens.file()).expect("a file");
        let exit = Envoy::expect_refusal(&binary, &text, &Options::default());
        let file = tokens.file().display().to_string();
        assert!(exit.log.contains(&file), "{}:\n{}", binary.version, exit.log);
    }
}

/// The commands of a section of docs/tokens.md, in their order.
fn commands(section: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join("docs/tokens.md")).expect("the document");
    let (_, section) = text.split_once(&format!("\n## {section}\n")).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    section.lines().filter_map(|line| line.trim().strip_prefix("$ ")).map(str::to_owned).collect()
}

#[test]
fn the_rotation_of_the_guide_works_as_it_is_typed() {
    for binary in new_enough() {
        let tokens = Tokens::new(format!("{OLD}\n"));
        let running = Running::start(&binary, From::File, tokens);
        let port = running.envoy.listener_port("https");
        let authority = running.tokens.scratch.path().join("ca.pem");
        let run = |command: &str| {
            let command = command
                .replace("/etc/envoy/twilio", &running.tokens.directory().display().to_string())
                .replace("twilio-webhook send", "cargo run -q --locked -p twilio-webhook -- send")
                .replace("127.0.0.1:8443", &format!("127.0.0.1:{port} --cacert {}", authority.display()));
            let mut bash = Command::new("bash");
            bash.args(["-ec", &command]).current_dir(repository()).envs([("TOKEN", OLD), ("NEXT", NEXT)]);
            let output = bash.output().expect("bash");
            assert!(output.status.success(), "{command}: {output:?}");
        };
        let all = commands("Rotate a token");
        let [copy, write, rename, send, copy_again, write_again, rename_again] = all.as_slice() else {
            panic!("{all:?}")
        };
        let set_mode = |mode| fs::set_permissions(running.tokens.file(), fs::Permissions::from_mode(mode));
        set_mode(0o640).expect("a mode of the file's own");
        run(copy);
        run(write);
        run(rename);
        running.becomes(NEXT, 200);
        running.answers(OLD, 200);
        run(send);
        run(copy_again);
        run(write_again);
        run(rename_again);
        running.becomes(OLD, 403);
        running.answers(NEXT, 200);
        let mode = fs::metadata(running.tokens.file()).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }
}
