//! Texts that hold no key, and filter states that nobody fills.

use std::time::Duration;

use serde_json::json;
use twilio_proxy_wasm_harness::client::Request;
use twilio_proxy_wasm_harness::envoy::versions;
use twilio_proxy_wasm_harness::filter_state::filled;

use super::{KEY, Tokens, becomes, layout, new_enough, signed, status, with_readers};
use crate::site::{HOST, Layout, Site, TOKEN};
use crate::webhook::{BOTH, FORM_BODY, denied, passes};

/// A webhook to the route, with this token.
pub fn webhook(token: &str) -> Request {
    signed(&format!("http://{HOST}/hook/a"), token)
}

/// A line about a denial for want of a key.
pub fn line(cause: &str, more: &str) -> String {
    format!(
        "twilio_webhook: denied route=hook reason=unknown_key cause={cause} setting=filter_state filter_state={KEY}{more}: "
    )
}

#[test]
fn a_text_without_a_key_denies_says_why_and_is_got_over() {
    for (binary, reader) in with_readers(&new_enough()) {
        let tokens = Tokens::new(TOKEN);
        let site = Site::start(binary, &layout(Layout::default(), tokens.filter(reader)));
        let table: [(&str, Vec<u8>, String); 6] = [
            ("empty", Vec::new(), line("key_missing", "")),
            ("a line end", b"\r\n".to_vec(), line("key_missing", "")),
            ("white space", format!("{TOKEN} \n").into_bytes(), line("key_unusable", " line=1")),
            ("no UTF-8", b"\n\xff\xfe\x80\n".to_vec(), line("key_unusable", " line=2")),
            ("a byte order mark", format!("\u{feff}{TOKEN}\n").into_bytes(), line("key_unusable", " line=1")),
            ("1 MB", TOKEN.repeat(70_000).into_bytes(), line("keys_too_large", "")),
        ];
        for (name, text, line) in table {
            let mark = site.envoy.log_mark();
            tokens.write(text);
            becomes(&site.target(), &webhook(TOKEN), 403);
            for protocol in BOTH {
                // With a key of no length neither.
                denied(&site, protocol, &webhook(""), 403, "unknown_key");
                denied(&site, protocol, &webhook(TOKEN), 403, "unknown_key");
            }
            // The lines are limited: there may be none for a second.
            while !site.envoy.wait_for_log_since(mark, &line, Duration::from_millis(100)) {
                assert_eq!(status(&site.target(), &webhook(TOKEN)), 403, "{reader:?}: {name}");
            }
            tokens.write(TOKEN);
            becomes(&site.target(), &webhook(TOKEN), 200);
        }
        let log = site.envoy.log();
        assert!(!log.contains(TOKEN), "{log}");
    }
}

#[test]
fn a_line_that_is_no_key_spoils_no_other() {
    for (binary, reader) in with_readers(&new_enough()) {
        let tokens = Tokens::new(format!("{TOKEN}\ntest token next\n"));
        let site = Site::start(binary, &layout(Layout::default(), tokens.filter(reader)));
        for protocol in BOTH {
            passes(&site, protocol, &webhook(TOKEN), FORM_BODY.as_bytes());
            denied(&site, protocol, &webhook("test token next"), 403, "unknown_key");
        }
        assert!(site.envoy.wait_for_log(&line("key_unusable", " line=2"), Duration::from_secs(10)));
    }
}

/// Whichever Envoy it is: a filter state that is not there is a denial.
#[test]
fn without_the_filter_before_it_everything_is_denied_and_the_log_says_what_to_add() {
    for binary in versions() {
        let route = json!({ "auth_tokens": [{ "filter_state": KEY }] });
        for layout in [Layout::default(), Layout::buffer_after()] {
            let site = Site::start(&binary, &layout.with_route(route.clone()));
            for protocol in BOTH {
                denied(&site, protocol, &webhook(TOKEN), 403, "unknown_key");
                denied(&site, protocol, &webhook(""), 403, "unknown_key");
                // What a client sends is no filter state.
                denied(&site, protocol, &webhook(TOKEN).header(KEY, TOKEN), 403, "unknown_key");
            }
            let line = line("key_missing", "")
                + "there is no key in this filter state; put what writes it \
                before this filter: envoy.filters.http.set_filter_state, or on Istio a script of envoy.filters.http.lua \
                (Envoy 1.38 or newer)";
            assert!(site.envoy.wait_for_log(&line, Duration::from_secs(10)), "{}", site.envoy.log());
        }
    }
}

#[test]
fn a_key_that_another_filter_sets_is_taken_and_explained_in_either_layout() {
    for binary in versions() {
        for base in [Layout::default(), Layout::buffer_after()] {
            let before = filled(KEY, &format!("test-token-other\n{TOKEN}"), json!([]));
            let site = Site::start(&binary, &layout(base, before));
            for protocol in BOTH {
                passes(&site, protocol, &webhook(TOKEN), FORM_BODY.as_bytes());
                passes(&site, protocol, &webhook("test-token-other"), FORM_BODY.as_bytes());
                denied(&site, protocol, &webhook("test-token"), 403, "signature_mismatch");
                denied(&site, protocol, &webhook(""), 403, "signature_mismatch");
            }
            // The text is there when the whole body is, too.
            let elsewhere = signed(&format!("https://{HOST}/hook/a"), TOKEN);
            denied(&site, BOTH[0], &elsewhere, 403, "signature_mismatch");
            let line = "cause=scheme setting=url.base key=filter_state:twilio.auth_tokens:2: ";
            assert!(site.envoy.wait_for_log(line, Duration::from_secs(10)), "{}", site.envoy.log());
        }
    }
}

#[test]
fn a_shared_key_comes_from_filter_state_as_well() {
    use twilio_webhook::key::Algorithm;
    use twilio_webhook::sign;
    let id = "webhooks_sharedkey_01test";
    for binary in versions() {
        let before = filled(KEY, "shared-old\nshared-new\n", json!([]));
        let mut layout = layout(Layout::default(), before);
        layout.plugin["routes"][0]["shared_keys"] =
            json!([{ "id": id, "algorithm": "HMAC_SHA256", "filter_state": KEY }]);
        let site = Site::start(&binary, &layout);
        let url = format!("http://{HOST}/hook/a");
        let get = |key: &str| {
            let signature = sign::signature(Algorithm::HmacSha256, key.as_bytes(), &url, &[]);
            Request::new("GET", HOST, "/hook/a")
                .header("x-twilio-signature", signature)
                .header("x-twilio-webhooks-signature-settings", format!("key={id},algorithm=HMAC_SHA256"))
        };
        for protocol in BOTH {
            passes(&site, protocol, &get("shared-old"), b"");
            passes(&site, protocol, &get("shared-new"), b"");
            denied(&site, protocol, &get("shared"), 403, "signature_mismatch");
        }
    }
}
