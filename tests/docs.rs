//! The documents keep their word: links and paths exist, configurations are read, commands are real.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test fails at once"
)]

use std::fs;
use std::path::{Path, PathBuf};

use twilio_proxy_wasm::explain::Cause;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::reason::Reason;
use twilio_proxy_wasm_harness::sample::repository;

/// All of the repository's own documents.
fn documents() -> Vec<(PathBuf, String)> {
    let markdown = |directory: &Path| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect::<Vec<_>>()
    };
    let root = repository();
    let mut paths = markdown(&root);
    paths.extend(markdown(&root.join("docs")));
    assert!(paths.len() > 5, "{paths:?}");
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("a document"))).collect()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_configuration_in_json_is_read() {
    let mut read = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "json") {
            Policy::parse(block.as_bytes(), &|_| Some(b"test-token".to_vec()))
                .unwrap_or_else(|error| panic!("{}: {error}\n{block}", path.display()));
            read += 1;
        }
    }
    assert!(read >= 2, "{read}");
}

/// The filter of the README, which has a configuration of its own: `tests/e2e/docs.rs` runs it.
const RUN_BY_ITSELF: &str = "- name: twilio_webhook\n";

#[test]
fn every_yaml_snippet_is_a_part_of_a_sample_that_is_run() {
    let lines = |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    let names = ["envoy", "per-route", "tokens-from-file", "tokens-by-sds", "sds"];
    let mut samples: Vec<_> =
        names.iter().map(|name| lines(&text_of(&format!("envoy/{name}.yaml")))).collect();
    samples.extend(manifests().iter().map(|name| lines(&text_of(name))));
    for (path, text) in documents() {
        let is_part_of_one = |block: &&String| !block.starts_with(RUN_BY_ITSELF);
        for block in blocks(&text, "yaml").iter().filter(is_part_of_one) {
            let wanted = lines(block);
            let is_part = |sample: &Vec<String>| sample.windows(wanted.len()).any(|part| part == wanted);
            assert!(samples.iter().any(is_part), "{}: in no sample:\n{block}", path.display());
        }
    }
}

fn text_of(name: &str) -> String {
    fs::read_to_string(repository().join(name)).expect("a file of the repository")
}

/// The files in `deploy/`, by their paths from the root of the repository.
fn manifests() -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec!["deploy".to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(repository().join(&directory)).expect("a directory").flatten() {
            let name = format!("{directory}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() { open.push(name) } else { found.push(name) }
        }
    }
    found
}

/// What the guide for Argo CD, Flux and Helm changes in an overlay is there to be changed.
#[test]
fn what_is_patched_from_another_repository_is_in_the_overlay() {
    let (guide, overlay) =
        (text_of("docs/gitops.md"), text_of("deploy/istio/overlays/wasm-plugin/kustomization.yaml"));
    let block = blocks(&guide, "text").into_iter().find(|block| block.contains("kind: Kustomization"));
    let block = block.expect("a kustomization");
    let lines: Vec<&str> = block
        .lines()
        .map(str::trim)
        .filter(|line| {
            ["- target:", "- op:", "path:", "value: hooks"].iter().any(|start| line.starts_with(start))
        })
        .collect();
    assert_eq!(lines.len(), 7, "{lines:?}");
    for line in lines {
        assert!(overlay.lines().any(|own| own.trim().starts_with(line)), "{line}");
    }
}

/// Commands for a cluster, which there is none of here. What they name is at least there: files and directories, make
/// targets, and objects of the manifests.
#[test]
fn every_command_for_a_cluster_names_what_there_is() {
    let makefile = text_of("Makefile");
    let manifests: String = manifests().iter().map(|name| text_of(name)).collect();
    let mut found = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "console") {
            for line in block.replace("\\\n", " ").lines() {
                let command = line.strip_prefix("$ ");
                let command = command.unwrap_or_else(|| panic!("{}: no command: {line}", path.display()));
                if let Some(target) = command.strip_prefix("make ") {
                    let target = target.split(' ').next().unwrap();
                    assert!(makefile.contains(&format!("\n{target}:")), "{}: {command}", path.display());
                }
                for word in command.split([' ', '=', '"']) {
                    if word.starts_with("deploy/") && !word.starts_with("deploy/twilio-") {
                        assert!(repository().join(word).exists(), "{}: {word}", path.display());
                    }
                    let name = word.rsplit('/').next().unwrap_or_default();
                    let is_object = name.starts_with("twilio-")
                        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
                    assert!(!is_object || manifests.contains(name), "{}: {word}", path.display());
                }
                // What a patch says, and what a release is called.
                for patch in command.split(" -p '").skip(1).map(|rest| rest.split('\'').next().unwrap()) {
                    let read = serde_json::from_str::<serde_json::Value>(patch);
                    assert!(read.is_ok(), "{}: {patch}", path.display());
                }
                for file in command.split("dist/").skip(1) {
                    let release = format!("twilio-proxy-wasm-{}.", env!("CARGO_PKG_VERSION"));
                    assert!(file.starts_with(&release), "{}: {command}", path.display());
                }
                found += 1;
            }
        }
    }
    assert!(found > 20, "{found}");
}

/// What CI and the end-to-end tests run. A command of a document that is not among them may not work.
const RUN: [&str; 11] = [
    "ENVOY_VERSIONS=1.40.0 cargo test --locked --features e2e --test e2e ",
    "cargo test --locked",
    "RECORD=1 cargo test --locked --test docs",
    "RECORD=1 make instructions",
    "make ",
    "export TWILIO_AUTH_TOKEN=",
    "cargo run -q --locked -p twilio-webhook -- send ",
    "cargo run -q --locked -p twilio-webhook -- sign ",
    "cargo run -q --locked -p twilio-webhook -- check ",
    "cargo run -q --locked -p twilio-webhook -- schema ",
    "cargo run -q --locked -p twilio-webhook -- probe ",
];

#[test]
fn every_command_is_one_that_is_run() {
    let makefile = fs::read_to_string(repository().join("Makefile")).expect("the Makefile");
    for (path, text) in documents() {
        for block in blocks(&text, "sh") {
            for command in block.replace("\\\n", " ").lines().map(str::trim).filter(|line| !line.is_empty()) {
                let command = command.split(" #").next().unwrap().trim();
                assert!(RUN.iter().any(|run| command.starts_with(run)), "{}: {command}", path.display());
                if let Some(target) = command.strip_prefix("make ") {
                    let target = target.split(' ').next().unwrap();
                    assert!(makefile.contains(&format!("\n{target}:")), "{}: {command}", path.display());
                }
            }
        }
    }
}

/// Compares the table of a document that has these columns with what the code says. `RECORD=1` writes it anew instead.
#[track_caller]
fn holds_table(document: &str, columns: &[&str], rows: &[Vec<String>]) {
    let row = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    let head = row(columns) + "|" + &"---|".repeat(columns.len()) + "\n";
    let expected: String =
        rows.iter().map(|cells| row(&cells.iter().map(String::as_str).collect::<Vec<_>>())).collect();
    let text = text_of(document);
    let (before, rest) = text.split_once(&head).unwrap_or_else(|| panic!("{document} has no table {head}"));
    let length = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    let (written, after) = rest.split_at(length);
    if std::env::var_os("RECORD").is_some() {
        fs::write(repository().join(document), [before, &head, &expected, after].concat())
            .expect("a document");
    } else {
        assert_eq!(written, expected, "{document} is not what the code says; RECORD=1 writes the table anew");
    }
}

#[test]
fn the_tables_of_reasons_and_causes_are_those_of_the_code() {
    let code = |text: &str| format!("`{text}`");
    let reasons = |cells: fn(Reason) -> Vec<String>| Reason::ALL.map(cells);
    holds_table(
        "README.md",
        &["reason", "status", "what it means"],
        &reasons(|reason| {
            vec![format!("`{reason}`"), reason.status().to_string(), reason.means().to_owned()]
        }),
    );
    holds_table(
        "docs/troubleshooting.md",
        &["reason", "what it means", "what to look at", "which setting"],
        &reasons(|reason| {
            let texts = [reason.means(), reason.look_at(), reason.setting()].map(str::to_owned);
            [vec![format!("`{reason}`")], texts.to_vec()].concat()
        }),
    );
    let causes = Cause::ALL.iter().map(|cause| {
        let setting = format!("{}: {}", code(cause.setting().label()), cause.setting().remedy());
        vec![code(cause.label()), cause.text().to_owned(), setting]
    });
    holds_table(
        "docs/troubleshooting.md",
        &["cause", "what was found", "setting: what to do"],
        &causes.collect::<Vec<_>>(),
    );
}

#[test]
fn the_readme_names_the_rust_that_is_needed() {
    let rust = format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"));
    assert!(text_of("README.md").contains(&rust), "{rust}");
}

#[test]
fn make_help_lists_every_target_that_says_what_it_does() {
    let output = std::process::Command::new("make").arg("help").current_dir(repository()).output();
    let listed = String::from_utf8(output.expect("make").stdout).expect("text");
    let makefile = text_of("Makefile");
    let described: Vec<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#']))
        .filter_map(|line| line.split_once(" ## ")?.0.split_once(':').map(|(target, _)| target))
        .collect();
    assert!(described.contains(&"bench-memory"), "{described:?}");
    for target in described {
        assert!(listed.contains(&format!("make {target} ")), "{target} is not in:\n{listed}");
    }
}

#[test]
fn every_link_and_path_leads_somewhere() {
    let root = repository();
    for (path, text) in documents() {
        let directory = path.parent().expect("a directory");
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let target = link.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(directory.join(target).exists(), "{}: {link}", path.display());
            }
        }
        // Code spans that are written like paths of the repository. Blocks are taken out first.
        let prose: String = text.split("\n```").step_by(2).collect();
        for span in prose.split('`').skip(1).step_by(2) {
            let roots =
                ["src/", "tests/", "envoy/", "docs/", "cli/", "harness/", "tools/", "scenarios/", "deploy/"];
            if roots.iter().any(|start| span.starts_with(start)) && !span.contains(['*', ' ', '…']) {
                assert!(root.join(span).exists(), "{}: {span}", path.display());
            }
        }
    }
}
