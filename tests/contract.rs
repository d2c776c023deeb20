//! The contract of the built module with its host: what it imports, what it exports, and how large it is.
#![allow(clippy::expect_used, clippy::panic, missing_docs, reason = "a test fails at once")]

use std::collections::BTreeSet;

use twilio_proxy_wasm_harness::sample::{module, repository, trapping_module};
use wasmparser::{Parser, Payload};

/// What the SDK and the adapter may call. The SDK's dispatcher keeps calls alive that the filter never makes; Envoy has them
/// all. A further import is one that a host may not have: a file system or a socket, which a dependency brings in, keeps
/// the module from loading on older Envoys.
const IMPORTS: &str = include_str!("contract/imports.txt");

/// What the module can be called for: all that the SDK exports, for HTTP, TCP and gRPC, and nothing besides.
const EXPORTS: &str = include_str!("contract/exports.txt");

/// The most bytes that the module may have; the README says so too.
const SIZE: usize = 400_000;

fn bytes() -> Vec<u8> {
    std::fs::read(module()).expect("the module")
}

#[test]
fn the_module_imports_exactly_what_is_listed() {
    let bytes = bytes();
    let mut imports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        if let Payload::ImportSection(section) = payload.expect("a valid module") {
            for import in section {
                let import = import.expect("a valid import");
                imports.insert(format!("{}.{}", import.module, import.name));
            }
        }
    }
    let listed: BTreeSet<String> = IMPORTS.lines().map(str::to_owned).collect();
    assert_eq!(imports, listed);
}

#[test]
fn the_module_exports_exactly_what_is_listed() {
    let bytes = bytes();
    let mut exports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&bytes) {
        if let Payload::ExportSection(section) = payload.expect("a valid module") {
            exports.extend(section.into_iter().map(|export| export.expect("a valid export").name.to_owned()));
        }
    }
    let listed: BTreeSet<String> = EXPORTS.lines().map(str::to_owned).collect();
    assert_eq!(exports, listed);
}

#[test]
fn the_module_has_nothing_of_the_one_that_traps_for_tests() {
    let knows_the_header = |module: &[u8]| module.windows(16).any(|bytes| bytes == b"x-trap-for-tests");
    let trapping = std::fs::read(trapping_module()).expect("the module that traps");
    assert!(knows_the_header(&trapping));
    assert!(!knows_the_header(&bytes()));
}

#[test]
fn the_module_stays_small() {
    let size = bytes().len();
    assert!(size < SIZE, "{size} bytes");
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README");
    let says = format!("a WebAssembly module of under {} KB", SIZE / 1_000);
    assert!(readme.contains(&says), "the README does not say: {says}");
}
