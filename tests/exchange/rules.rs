//! What must be signed, and by what a body must be bound.

use std::rc::Rc;

use crate::support::sign::{self, sha1, sha256_hex};
use crate::support::{FakeProxy, Request, TOKEN, plain, words};
use crate::verdicts;
use twilio_proxy_wasm::exchange::{Exchange, Step};

const URL: &str = "https://hooks.example.com/sms?x=1";

fn get() -> Request {
    Request::get(URL)
}

#[test]
fn there_is_one_signature_in_standard_base64() {
    let signature = sha1(TOKEN, URL, &[]);
    let signed = |text: &str| get().signature(text);
    let of_32_bytes = sign::base64(&[7; 32]);
    let table = [
        ("as it should be", get(), "allowed 0"),
        ("none", get().without("x-twilio-signature"), "denied missing_signature"),
        ("two", get().header("x-twilio-signature", signature.as_str()), "denied malformed_signature"),
        ("two, in two cases", get().header("X-TWILIO-SIGNATURE", "x"), "denied malformed_signature"),
        ("two in one", signed(&format!("{signature},{signature}")), "denied malformed_signature"),
        ("empty", signed(""), "denied malformed_signature"),
        ("a space before", signed(&format!(" {signature}")), "denied malformed_signature"),
        ("a space behind", signed(&format!("{signature} ")), "denied malformed_signature"),
        ("without padding", signed(signature.trim_end_matches('=')), "denied malformed_signature"),
        ("more padding", signed(&format!("{signature}=")), "denied malformed_signature"),
        ("19 bytes", signed(&sign::base64(&[7; 19])), "denied malformed_signature"),
        ("21 bytes", signed(&sign::base64(&[7; 21])), "denied malformed_signature"),
        ("the URL's alphabet", signed("-_-_-_-_-_-_-_-_-_-_-_-_-_8="), "denied malformed_signature"),
        // The last character but one holds two bits that no byte has.
        ("bits too many", signed("AAAAAAAAAAAAAAAAAAAAAAAAAAB="), "denied malformed_signature"),
        ("no text", get().with("x-twilio-signature", [0xFF; 28]), "denied malformed_signature"),
        ("another", signed("AAAAAAAAAAAAAAAAAAAAAAAAAAA="), "denied signature_mismatch"),
        ("of another hash", signed(&of_32_bytes), "denied signature_mismatch"),
        (
            "upper case name",
            get().without("x-twilio-signature").header("X-Twilio-Signature", signature.as_str()),
            "allowed 0",
        ),
    ];
    verdicts(&plain(""), &table);
}

#[test]
fn a_form_is_one_by_its_content_type() {
    let form = Request::form(URL, "Body=hi");
    let typed = |text: &str| form.clone().with("content-type", text);
    let unsigned = "denied unsigned_body";
    let table = [
        ("plain", form.clone(), "allowed 0"),
        ("a charset", typed("application/x-www-form-urlencoded; charset=UTF-8"), "allowed 0"),
        (
            "a charset by its other name",
            typed("application/x-www-form-urlencoded; charset=utf8"),
            "allowed 0",
        ),
        ("and quoted", typed("application/x-www-form-urlencoded;Charset=\"UTF8\""), "allowed 0"),
        ("a name that only begins so", typed("application/x-www-form-urlencoded; charset=utf81"), unsigned),
        ("a quoted charset", typed("application/x-www-form-urlencoded;charset=\"utf-8\""), "allowed 0"),
        ("upper case", typed("Application/X-WWW-Form-UrlEncoded ; a=b"), "allowed 0"),
        ("a semicolon at the end", typed("application/x-www-form-urlencoded;"), "allowed 0"),
        (
            "another charset",
            typed("application/x-www-form-urlencoded; charset=utf-7"),
            "denied unsigned_body",
        ),
        (
            "a charset behind a comma",
            typed("application/x-www-form-urlencoded; a=b, charset=utf-7"),
            unsigned,
        ),
        (
            "a charset in other letters",
            typed("application/x-www-form-urlencoded; charset*=utf-8''utf-7"),
            unsigned,
        ),
        ("a charset in pieces", typed("application/x-www-form-urlencoded; Charset*0=utf-7"), unsigned),
        ("a charset without a value", typed("application/x-www-form-urlencoded; charset"), unsigned),
        ("an encoding", form.clone().header("content-encoding", "gzip"), unsigned),
        ("no encoding", form.clone().header("content-encoding", "Identity"), "allowed 0"),
        (
            "two encodings",
            form.clone().header("content-encoding", "identity").header("content-encoding", "identity"),
            unsigned,
        ),
        (
            "two charsets",
            typed("application/x-www-form-urlencoded; charset=utf-8; charset=utf-16"),
            "denied unsigned_body",
        ),
        (
            "two types",
            form.clone().header("content-type", "application/x-www-form-urlencoded"),
            "denied unsigned_body",
        ),
        ("none", form.clone().without("content-type"), "denied unsigned_body"),
        ("another", typed("application/json"), "denied unsigned_body"),
        ("a list", typed("application/x-www-form-urlencoded, text/plain"), "denied unsigned_body"),
    ];
    verdicts(&plain(""), &table);
}

#[test]
fn every_body_is_bound_by_what_is_signed() {
    let hash = |body: &str| sha256_hex(body.as_bytes());
    // Signed as a URL alone, whatever comes with it.
    let signed = |query: &str, kind: &str, body: &str| {
        let url = format!("https://hooks.example.com/sms?{query}");
        Request::get(&url).header("content-type", kind).body(body)
    };
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    let (ours, empty) = (format!("bodySHA256={}", hash("a=1")), format!("bodySHA256={}", hash("")));
    let upper = ours.to_uppercase().replace("BODYSHA256", "bodySHA256");
    let table = [
        ("a form by its parameters", Request::form(URL, "a=1"), "allowed 0"),
        (
            "a form with a hash, by its parameters",
            Request::form(&format!("{URL}&bodySHA256=x"), "a=1"),
            "allowed 0",
        ),
        ("a form by its hash", signed(&ours, form, "a=1"), "allowed 0"),
        ("another form", signed(&ours, form, "a=2"), "denied body_hash_mismatch"),
        ("a form by nothing", signed("x=1", form, "a=1"), "denied signature_mismatch"),
        ("a form that signs nothing", signed("x=1", form, "&"), "denied unsigned_body"),
        ("a form of an empty pair", signed("x=1", form, "="), "denied unsigned_body"),
        (
            "a form that signs nothing, by its hash",
            signed(&format!("bodySHA256={}", hash("&")), form, "&"),
            "allowed 0",
        ),
        ("other bytes by their hash", signed(&ours, json, "a=1"), "allowed 0"),
        ("other bytes by nothing", signed("x=1", json, "a=1"), "denied unsigned_body"),
        ("of another body", signed(&ours, json, "a=2"), "denied body_hash_mismatch"),
        ("in upper case", signed(&upper, json, "a=1"), "denied body_hash_mismatch"),
        (
            "cut off",
            signed(ours.strip_suffix(char::is_alphanumeric).unwrap(), json, "a=1"),
            "denied body_hash_mismatch",
        ),
        ("longer", signed(&format!("{ours}0"), json, "a=1"), "denied body_hash_mismatch"),
        ("empty", signed("bodySHA256=", json, "a=1"), "denied body_hash_mismatch"),
        ("twice the right one", signed(&format!("{ours}&{ours}"), json, "a=1"), "allowed 0"),
        ("thrice the right one", signed(&format!("{ours}&{ours}&{ours}"), json, "a=1"), "allowed 0"),
        (
            "twice the right one, and another",
            signed(&format!("{ours}&{ours}&bodySHA256=x"), json, "a=1"),
            "denied unsigned_body",
        ),
        ("twice the wrong one", signed(&format!("{ours}&{ours}"), json, "a=2"), "denied body_hash_mismatch"),
        (
            "twice the right one, once escaped",
            signed(&format!("{ours}&{}", ours.replace('S', "%53")), json, "a=1"),
            "allowed 0",
        ),
        ("the right one first", signed(&format!("{ours}&bodySHA256=x"), json, "a=1"), "denied unsigned_body"),
        ("the right one last", signed(&format!("bodySHA256=x&{ours}"), json, "a=1"), "denied unsigned_body"),
        ("by another name", signed(&ours.replace("SHA", "sha"), json, "a=1"), "denied unsigned_body"),
        ("with its name escaped", signed(&ours.replace('S', "%53"), json, "a=1"), "allowed 0"),
        ("no body", signed("x=1", json, ""), "allowed 0"),
        ("no body by its hash", signed(&empty, json, ""), "allowed 0"),
        ("no body, but the hash of one", signed(&ours, json, ""), "allowed 0"),
        ("no body, two hashes", signed(&format!("{empty}&{ours}"), json, ""), "allowed 0"),
        ("HEAD", signed(&format!("{empty}&{ours}"), json, "").with(":method", "HEAD"), "allowed 0"),
        ("GET and a body", signed(&ours, json, "a=2"), "denied body_hash_mismatch"),
        ("POST by its hash", signed(&empty, json, "").with(":method", "POST"), "allowed 0"),
        (
            "POST by it twice",
            signed(&format!("{empty}&{empty}"), json, "").with(":method", "POST"),
            "allowed 0",
        ),
        (
            "POST, the hash of a body",
            signed(&ours, json, "").with(":method", "POST"),
            "denied body_hash_mismatch",
        ),
        (
            "POST, two hashes",
            signed(&format!("{empty}&{ours}"), json, "").with(":method", "POST"),
            "denied body_hash_mismatch",
        ),
        ("DELETE", signed(&ours, json, "").with(":method", "DELETE"), "denied body_hash_mismatch"),
        ("get", signed(&ours, json, "").with(":method", "get"), "denied body_hash_mismatch"),
    ];
    verdicts(&plain(""), &table);
    // What is not signed at all is told from what is signed for another body.
    let forged = |request: Request| request.signature("AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let table = [
        ("a form", forged(Request::form(URL, "a=1")), "denied signature_mismatch"),
        ("a wrong hash", forged(signed(&ours, json, "a=2")), "denied signature_mismatch"),
        ("the right hash", forged(signed(&ours, json, "a=1")), "denied signature_mismatch"),
        ("no hash", forged(signed("x=1", json, "a=1")), "denied unsigned_body"),
        ("no body", forged(get()), "denied signature_mismatch"),
    ];
    verdicts(&plain(""), &table);
}

#[test]
fn a_form_is_decoded_as_bytes() {
    // What is sent, and what is signed behind the URL.
    let table: &[(&str, &[u8])] = &[
        ("b=2&a=1", b"a1b2"),
        ("a=2&a=1&a=2", b"a1a2"),
        ("a=&b", b"ab"),
        ("=x&a=1", b"xa1"),
        ("&&a=1&", b"a1"),
        ("a=1=2", b"a1=2"),
        ("a+b=c+d", b"a bc d"),
        ("a%2Bb=%26%3d", b"a+b&="),
        ("a=%zz%4", b"a%zz%4"),
        ("a=%FF%00", b"a\xFF\0"),
        ("aB=1&aa=2&AZ=3", b"AZ3aB1aa2"),
        ("ab=1&a=2", b"a2ab1"),
        ("a;b=1;c=2", b"a;b1;c=2"),
        ("%C3%A9=1&z=2", b"z2\xC3\xA91"),
        // U+FF01 and an astral character: by byte, then by UTF-16 unit.
        ("%EF%BC%81=1&%F0%9F%98%80=2", b"\xEF\xBC\x811\xF0\x9F\x98\x802"),
        ("%EF%BC%81=1&%F0%9F%98%80=2", b"\xF0\x9F\x98\x802\xEF\xBC\x811"),
        ("a=%EF%BC%81&a=%F0%9F%98%80", b"a\xF0\x9F\x98\x80a\xEF\xBC\x81"),
        ("%EE%80%80=1&%F0%9F%98%80=2", b"\xF0\x9F\x98\x802\xEE\x80\x801"),
    ];
    for (body, signed) in table {
        let signature = sign::sha1_of(TOKEN, &[URL.as_bytes(), signed].concat());
        let request = Request::form(URL, body).signature(&signature);
        assert_eq!(request.verdict(&plain("")), "allowed 0", "{body}");
    }
}

#[test]
fn a_request_needs_one_method_host_and_path() {
    let absolute = |path: &str| get().with(":path", path);
    let table = [
        ("no path", get().without(":path"), "denied unverifiable"),
        ("two paths", get().header(":path", "/sms?x=1"), "denied unverifiable"),
        ("not a path", absolute("sms?x=1"), "denied unverifiable"),
        ("an asterisk", absolute("*"), "denied unverifiable"),
        ("a URL", absolute("https://hooks.example.com/sms?x=1"), "denied unverifiable"),
        ("no host", get().without(":authority"), "denied unverifiable"),
        ("an empty host", get().with(":authority", ""), "denied unverifiable"),
        ("two hosts", get().header(":authority", "hooks.example.com"), "denied unverifiable"),
        (
            "two hosts in one",
            get().with(":authority", "hooks.example.com,other.example.com"),
            "denied unverifiable",
        ),
        ("a user", get().with(":authority", "user@hooks.example.com"), "denied signature_mismatch"),
        ("no scheme", get().without(":scheme"), "denied unverifiable"),
        ("another scheme", get().with(":scheme", "ftp"), "denied unverifiable"),
        ("no method", get().without(":method"), "denied unverifiable"),
        ("CONNECT", get().with(":method", "CONNECT"), "denied unverifiable"),
        (
            "CONNECT, unsigned",
            get().with(":method", "CONNECT").without("x-twilio-signature"),
            "denied unverifiable",
        ),
        ("any other method", get().with(":method", "PURGE"), "allowed 0"),
    ];
    verdicts(&plain(""), &table);
}

#[test]
fn headers_that_cannot_be_read_are_a_denial() {
    let right = FakeProxy::of(&get()).headers.unwrap();
    let huge = [[0xFF; 4].to_vec(), right[4..].to_vec()].concat();
    for headers in [None, Some(Vec::new()), Some(right[..right.len() - 9].to_vec()), Some(huge)] {
        let proxy = FakeProxy { headers, ..FakeProxy::default() };
        // Any route might be this request's own; where none is enforced, it passes like all others.
        let mixed = r#""routes": [{ "name": "a", "match": { "path": { "exact": "/a" } }, "mode": "report" },
                                  { "name": "b" }]"#;
        for (more, verdict) in [
            ("", "denied unverifiable"),
            (mixed, "denied unverifiable"),
            (r#""mode": "report""#, "reported unverifiable"),
            (r#""mode": "off""#, "reported unverifiable"),
            (r#""mode": "report", "unmatched": "deny""#, "denied unverifiable"),
        ] {
            let mut exchange = Exchange::new(plain(more), Rc::default(), false);
            let step = exchange.on_headers(true, &proxy);
            assert_eq!(words(exchange.verdict()), verdict, "{more}");
            assert_eq!(step == Step::Continue, verdict.starts_with("reported"), "{more}");
        }
    }
}

#[test]
fn the_other_forms_of_a_query_are_tried_for_forms_of_an_ordinary_size() {
    let (received, dialled) =
        ("https://hooks.example.com/sms?q=it's", "https://hooks.example.com/sms?q=it%27s");
    for (size, verdict) in [(16_384, "allowed 0"), (16_385, "denied signature_mismatch")] {
        // The name is signed too, and so is the query.
        let value = "x".repeat(size - 1 - "q=it's".len());
        let signature = sha1(TOKEN, dialled, &[("a".to_owned(), value.clone())]);
        let form = Request::form(received, &format!("a={value}"));
        assert_eq!(form.clone().signature(&signature).verdict(&plain("")), verdict, "{size}");
        assert_eq!(form.verdict(&plain("")), "allowed 0", "{size}");
    }
}

#[test]
fn a_form_has_no_more_parameters_than_are_read() {
    let most = 65_536;
    let policy = plain(r#""max_body_bytes": 1000000"#);
    let form = |count: usize| Request::form(URL, &vec!["a"; count].join("&"));
    assert_eq!(form(most).verdict(&policy), "allowed 0");
    assert_eq!(form(most + 1).verdict(&policy), "denied body_too_large");
    // What is not read says nothing of itself: not even that it is empty.
    let empty = |count: usize| Request::form(URL, &"&".repeat(count));
    assert_eq!(empty(most - 1).verdict(&policy), "denied unsigned_body");
    assert_eq!(empty(most).verdict(&policy), "denied body_too_large");
    // Its hash vouches for it all the same, and so it does for what is no form.
    let long = "a&".repeat(most);
    let form = Request::json(URL, &long).with("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.verdict(&policy), "allowed 0");
    assert_eq!(form.clone().body(long.clone() + "&").verdict(&policy), "denied body_hash_mismatch");
    let text = Request::get(URL).header("content-type", "text/plain").body(long);
    assert_eq!(text.verdict(&policy), "denied unsigned_body");
}
