//! Right signatures in the wrong place: of another route, path, account, algorithm or key.

use twilio_proxy_wasm_harness::client::Request;
use twilio_webhook::key::Algorithm;
use twilio_webhook::sign;

use super::row::End::{Denied, Verified};
use super::row::{
    ACCOUNT, ACCOUNT_TOKEN, OTHER_TOKEN, Row, SHARED_1, SHARED_256, form_for, get_for, row, url,
};
use crate::site::{HOST, TOKEN};
use crate::webhook::{FORM, FORM_BODY, PARAMS, signature_with};

const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
const SHARED_HOST: &str = "shared.example.com";
const TIED_HOST: &str = "tied.example.com";

/// A form that is signed with a key and an algorithm.
fn shared(algorithm: Algorithm, key: &str) -> Request {
    let params = PARAMS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let signature = sign::signature(algorithm, key.as_bytes(), &format!("http://{SHARED_HOST}/a"), &params);
    Request::new("POST", SHARED_HOST, "/a")
        .header("content-type", FORM)
        .header("x-twilio-signature", signature)
        .body(FORM_BODY)
}

/// A form with these `AccountSid` parameters, signed with the account's token.
fn of_accounts(sids: &[&str], token: &str) -> Request {
    let pairs: Vec<_> = sids.iter().map(|sid| ("AccountSid", *sid)).collect();
    let body = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    Request::new("POST", TIED_HOST, "/a")
        .header("content-type", FORM)
        .header("x-twilio-signature", signature_with(token, &format!("http://{TIED_HOST}/a"), &pairs))
        .body(body)
}

pub fn rows() -> Vec<Row> {
    let (mismatch, unknown) = (Denied("signature_mismatch"), Denied("unknown_key"));
    let sha256 = || shared(Algorithm::HmacSha256, SHARED_256);
    let sha1 = || shared(Algorithm::HmacSha1, SHARED_1);
    let a = "key=webhooks_sharedkey_a,algorithm=HMAC_SHA256";
    let b = "key=webhooks_sharedkey_b,algorithm=HMAC_SHA1";
    vec![
        row("own route", form_for(HOST, "/hook/a", TOKEN, &url("/hook/a")), Verified),
        row("another path", form_for(HOST, "/hook/a", TOKEN, &url("/hook/b")), mismatch),
        row("another query", form_for(HOST, "/hook/a?x=1", TOKEN, &url("/hook/a")), mismatch),
        row("the other route", form_for(HOST, "/other/a", OTHER_TOKEN, &url("/other/a")), Verified),
        row("the other route's key", form_for(HOST, "/hook/a", OTHER_TOKEN, &url("/hook/a")), mismatch),
        row("this route's key on the other", form_for(HOST, "/other/a", TOKEN, &url("/other/a")), mismatch),
        row(
            "one route by way of the other",
            get_for(HOST, "/other/../hook/a", OTHER_TOKEN, &url("/other/../hook/a")),
            Denied("unverifiable"),
        ),
        row(
            "the same in escapes",
            get_for(HOST, "/hook/..%2Fother/a", TOKEN, &url("/hook/..%2Fother/a")),
            Denied("unverifiable"),
        ),
        row("an empty key", form_for(HOST, "/hook/a", "", &url("/hook/a")), mismatch),
        row("the account", of_accounts(&[ACCOUNT], ACCOUNT_TOKEN), Verified),
        row("the account twice", of_accounts(&[ACCOUNT, ACCOUNT], ACCOUNT_TOKEN), Verified),
        row("another account", of_accounts(&["AC00000000000000000000000000000002"], ACCOUNT_TOKEN), unknown),
        row(
            "another account besides",
            of_accounts(&[ACCOUNT, "AC00000000000000000000000000000002"], ACCOUNT_TOKEN),
            unknown,
        ),
        row(
            "another account before",
            of_accounts(&["AC00000000000000000000000000000002", ACCOUNT], ACCOUNT_TOKEN),
            unknown,
        ),
        row("the account in lower case", of_accounts(&[&ACCOUNT.to_lowercase()], ACCOUNT_TOKEN), unknown),
        row("no account", get_for(TIED_HOST, "/a", ACCOUNT_TOKEN, &format!("http://{TIED_HOST}/a")), unknown),
        row("the account, another token", of_accounts(&[ACCOUNT], TOKEN), mismatch),
        row(
            "two accounts, in form and query",
            Request::new("POST", TIED_HOST, "/a?AccountSid=AC00000000000000000000000000000002")
                .header("content-type", FORM)
                .header(
                    "x-twilio-signature",
                    signature_with(
                        ACCOUNT_TOKEN,
                        &format!("http://{TIED_HOST}/a?AccountSid=AC00000000000000000000000000000002"),
                        &[("AccountSid", ACCOUNT)],
                    ),
                )
                .body(format!("AccountSid={ACCOUNT}")),
            unknown,
        ),
        row("shared key, SHA-256", sha256().header(SETTINGS, a), Verified),
        row("shared key, SHA-1", sha1().header(SETTINGS, b), Verified),
        row("settings absent", sha256(), mismatch),
        row("settings empty", sha256().header(SETTINGS, ""), unknown),
        row("settings doubled", sha256().header(SETTINGS, a).header(SETTINGS, a), unknown),
        row("settings doubled, and different", sha256().header(SETTINGS, a).header(SETTINGS, b), unknown),
        row(
            "settings doubled, signed with the auth token",
            form_for(SHARED_HOST, "/a", TOKEN, &format!("http://{SHARED_HOST}/a"))
                .header(SETTINGS, a)
                .header(SETTINGS, a),
            unknown,
        ),
        row("settings of another key", sha256().header(SETTINGS, b), mismatch),
        row(
            "settings of no key",
            sha256().header(SETTINGS, "key=webhooks_sharedkey_c,algorithm=HMAC_SHA256"),
            unknown,
        ),
        row(
            "settings of another algorithm",
            sha256().header(SETTINGS, "key=webhooks_sharedkey_a,algorithm=HMAC_SHA1"),
            unknown,
        ),
        row("settings of no algorithm", sha256().header(SETTINGS, "key=webhooks_sharedkey_a"), Verified),
        row("settings of an algorithm alone", sha256().header(SETTINGS, "algorithm=HMAC_SHA256"), unknown),
        row(
            "settings of an empty algorithm",
            sha256().header(SETTINGS, "key=webhooks_sharedkey_a,algorithm=none"),
            unknown,
        ),
        row("settings that are no text", sha256().header(SETTINGS, b"\xff\xfe"), unknown),
        row(
            "the weaker algorithm with the stronger one's key",
            shared(Algorithm::HmacSha1, SHARED_256).header(SETTINGS, a),
            mismatch,
        ),
        row(
            "the key's id as the key",
            shared(Algorithm::HmacSha256, "webhooks_sharedkey_a").header(SETTINGS, a),
            mismatch,
        ),
        row(
            "an auth token under a shared key's name",
            shared(Algorithm::HmacSha256, TOKEN).header(SETTINGS, a),
            mismatch,
        ),
        row("an auth token beside shared keys", shared(Algorithm::HmacSha1, TOKEN), Verified),
        row("an auth token, and settings", shared(Algorithm::HmacSha1, TOKEN).header(SETTINGS, b), mismatch),
        row(
            "settings where there are no shared keys",
            form_for(HOST, "/hook/a", TOKEN, &url("/hook/a")).header(SETTINGS, a),
            unknown,
        ),
    ]
}
