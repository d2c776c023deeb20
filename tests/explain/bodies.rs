//! The parameters or the body that arrive are not what was signed.

use crate::support::sign::{sha1, sha256_hex};
use crate::support::{Request, TOKEN, plain};
use crate::{finds, signed};

/// No setting: another request passes.
#[track_caller]
fn is_sent_right(request: &Request, line: &str, remedied: &Request) {
    let policy = plain("");
    let line = format!("{line} key=auth_tokens[0]");
    finds(&policy, request, "denied signature_mismatch", &line, (&policy, remedied));
}

#[test]
fn parameters_that_are_signed_otherwise() {
    let url = "https://inbound.example.com/voice";
    let sign = |params: &[(&str, &str)]| {
        let params: Vec<_> =
            params.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        sha1(TOKEN, url, &params)
    };
    let form = |body: &str| Request::form(url, body);
    let request =
        form("Body=+hello+there+&From=anna").signature(&sign(&[("Body", "hello there"), ("From", "anna")]));
    is_sent_right(&request, "cause=params_trimmed setting=none", &form("Body=+hello+there+&From=anna"));
    for (arrives, signed) in [
        ("hello", "hello "),
        ("hello", " hello"),
        ("hello", "hello\n"),
        ("hello", "hello\r\n"),
        ("hello+there%21", "hello there! "),
    ] {
        let body = format!("From=anna&Body={arrives}&To=otto");
        let params = [("From", "anna"), ("Body", signed), ("To", "otto")];
        let escaped = signed.replace(' ', "+").replace('\n', "%0A").replace('\r', "%0D");
        let whole = form(&format!("From=anna&Body={escaped}&To=otto"));
        is_sent_right(&form(&body).signature(&sign(&params)), "cause=params_untrimmed setting=none", &whole);
    }
    let request = form("Body=hello&Empty=").signature(&sign(&[("Body", "hello")]));
    is_sent_right(&request, "cause=params_blank setting=none", &form("Body=hello&Empty="));
    let request = form("Body=hello").signature(&sign(&[]));
    is_sent_right(&request, "cause=url_alone setting=none", &form("Body=hello"));
}

#[test]
fn a_body_that_is_not_what_its_type_says() {
    let (policy, url) = (plain(""), "https://inbound.example.com/voice");
    let form = Request::form(url, "Body=hello&From=anna");
    for content_type in
        ["application/json", "application/x-www-form-urlencoded; charset=utf-16", "text/plain"]
    {
        let retyped = form.clone().with("content-type", content_type);
        let line = "cause=content_type setting=none key=auth_tokens[0]";
        finds(&policy, &retyped, "denied unsigned_body", line, (&policy, &form));
    }
    let json = r#"{"event": "delivered"}"#;
    let request =
        signed(Request::new("POST", url), url).header("content-type", "application/json").body(json);
    let line = "cause=url_alone setting=none key=auth_tokens[0]";
    finds(&policy, &request, "denied unsigned_body", line, (&policy, &Request::json(url, json)));
    for (arrives, mark) in [(url.to_owned(), '?'), (format!("{url}?a=b"), '&')] {
        let whole = Request::json(&arrives, json);
        let hash = sha256_hex(json.as_bytes());
        let signature = sha1(TOKEN, &format!("{arrives}{mark}bodySHA256={hash}"), &[]);
        let dropped = Request::new("POST", &arrives)
            .header("content-type", "application/json")
            .body(json)
            .signature(&signature);
        let line = "cause=hash_dropped setting=url.original_path_header key=auth_tokens[0]";
        finds(&policy, &dropped, "denied unsigned_body", line, (&policy, &whole));
    }
    let twice = format!("{url}?bodySHA256={}&bodySHA256=0", sha256_hex(json.as_bytes()));
    let request = signed(Request::new("POST", &twice), &twice).body(json);
    finds(&policy, &request, "denied unsigned_body", line, (&policy, &Request::json(url, json)));
}

#[test]
fn a_body_that_is_compressed() {
    let (policy, url) = (plain(""), "https://inbound.example.com/voice");
    let form = Request::form(url, "Body=hello&From=anna");
    let line = "cause=content_encoding setting=none";
    for encoding in ["gzip", "deflate", "br"] {
        let compressed = form.clone().header("content-encoding", encoding).body([0x1F, 0x8B, 8, 0, 1]);
        finds(&policy, &compressed, "denied unsigned_body", line, (&policy, &form));
    }
    // The header alone.
    let named = form.clone().header("content-encoding", "gzip");
    finds(&policy, &named, "denied unsigned_body", line, (&policy, &form));
    let json = Request::json(url, r#"{"event": "delivered"}"#);
    let compressed = json.clone().header("content-encoding", "gzip").body([0x1F, 0x8B, 8, 0, 1]);
    finds(&policy, &compressed, "denied body_hash_mismatch", line, (&policy, &json));
}
