//! The script that Istio's proxies read the file with, as the manifest has it.

use std::fs;
use std::time::Duration;

use twilio_proxy_wasm_harness::envoy::versions;

use super::faults::{line, webhook};
use super::{Reader, Tokens, becomes, layout, new_enough, status};
use crate::site::{Layout, Site, TOKEN};
use crate::webhook::{BOTH, FORM_BODY, denied, passes};

const NEXT: &str = "test-token-next";

type Change = fn(&Tokens, &str);

#[test]
fn a_token_is_rotated_however_the_file_is_changed() {
    let ways: [(Change, Change); 2] =
        [(|_, _| (), |tokens, text| tokens.write(text)), (Tokens::mount, Tokens::publish)];
    for (binary, (prepare, change)) in new_enough().iter().flat_map(|binary| ways.map(|way| (binary, way))) {
        for base in [Layout::default(), Layout::buffer_after()] {
            let tokens = Tokens::new(TOKEN);
            prepare(&tokens, TOKEN);
            let site = Site::start(binary, &layout(base, tokens.filter(Reader::Script)));
            let target = site.target();
            let answers = |token, expected| assert_eq!(status(&target, &webhook(token)), expected, "{token}");
            answers(TOKEN, 200);
            answers(NEXT, 403);
            change(&tokens, &format!("{TOKEN}\n{NEXT}\n"));
            becomes(&target, &webhook(NEXT), 200);
            answers(TOKEN, 200);
            change(&tokens, &format!("{NEXT}\n"));
            becomes(&target, &webhook(TOKEN), 403);
            answers(NEXT, 200);
            for protocol in BOTH {
                passes(&site, protocol, &webhook(NEXT), FORM_BODY.as_bytes());
                denied(&site, protocol, &webhook(TOKEN), 403, "signature_mismatch");
            }
            // Neither a token nor a fault of the script's is to be read anywhere.
            let shown = site.envoy.log() + &site.envoy.admin("/config_dump") + &site.envoy.output();
            for text in [TOKEN, NEXT, "script log", "[error][lua]"] {
                assert!(!shown.contains(text), "{text} on {}", binary.version);
            }
        }
    }
}

#[test]
fn a_file_that_is_not_there_denies_and_is_found_when_it_comes() {
    for binary in new_enough() {
        let tokens = Tokens::new("");
        fs::remove_file(tokens.file()).expect("a file");
        let site = Site::start(&binary, &layout(Layout::default(), tokens.filter(Reader::Script)));
        let nothing: [Change; 3] = [
            |_, _| (),
            |tokens, _| fs::create_dir(tokens.file()).expect("a directory in its place"),
            |tokens, text| tokens.write(text),
        ];
        for make in nothing {
            make(&tokens, "");
            becomes(&site.target(), &webhook(TOKEN), 403);
            for protocol in BOTH {
                denied(&site, protocol, &webhook(TOKEN), 403, "unknown_key");
                denied(&site, protocol, &webhook(""), 403, "unknown_key");
            }
            if tokens.file().is_dir() {
                fs::remove_dir(tokens.file()).expect("the directory");
            }
            tokens.write(TOKEN);
            becomes(&site.target(), &webhook(TOKEN), 200);
            fs::remove_file(tokens.file()).expect("a file");
            becomes(&site.target(), &webhook(TOKEN), 403);
        }
        assert!(site.envoy.wait_for_log(&line("key_missing", ""), Duration::from_secs(10)));
        assert!(!site.envoy.log().contains("[error][lua]"), "{}", site.envoy.log());
    }
}

/// Where a script cannot write filter state yet, nothing is let in, and the plugin says what it is for.
#[test]
fn an_envoy_that_is_too_old_denies_and_names_the_release() {
    for binary in versions().into_iter().filter(|binary| !binary.is_at_least((1, 38))) {
        for base in [Layout::default(), Layout::buffer_after()] {
            let tokens = Tokens::new(TOKEN);
            let site = Site::start(&binary, &layout(base, tokens.filter(Reader::Script)));
            for protocol in BOTH {
                denied(&site, protocol, &webhook(TOKEN), 403, "unknown_key");
                denied(&site, protocol, &webhook(""), 403, "unknown_key");
            }
            let line = line("key_missing", "");
            assert!(site.envoy.wait_for_log(&line, Duration::from_secs(10)), "{}", site.envoy.log());
            let log = site.envoy.log();
            let told = log.lines().find(|told| told.contains(&line)).expect("the line");
            assert!(told.contains("(Envoy 1.38 or newer)"), "{told}");
            assert!(!log.contains("[error][lua]"), "{log}");
        }
    }
}
