//! Laws that hold for every request, tried on many.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect is to fail at once"
)]

mod support;

use std::collections::BTreeSet;
use std::rc::Rc;

use proptest::prelude::*;
use support::{End, Request, TOKEN, plain, sign, spelling, words};
use twilio_proxy_wasm::params::Params;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::request::Head;
use twilio_proxy_wasm::route::plain_host;
use twilio_proxy_wasm::url::split_port;

const URL: &str = "https://hooks.example.com/sms?x=1";

type Pairs = Vec<(String, String)>;

/// Names and values in which everything that matters is likely: equal names, prefixes of each other, empty
/// ones, delimiters, what is escaped, and characters that UTF-8 and UTF-16 sort differently.
fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => proptest::sample::select(vec!['a', 'b', 'A', '0', '_']),
        2 => proptest::sample::select(vec!['&', '=', '+', ' ', '%', ';', '\'', '/', '\0', '\n']),
        1 => proptest::sample::select(vec!['é', '\u{D7FF}', '\u{E000}', '\u{FF01}', '\u{FFFF}', '\u{10000}', '😀']),
        1 => any::<char>(),
    ];
    proptest::collection::vec(character, 0..6).prop_map(|characters| characters.into_iter().collect())
}

fn pairs() -> impl Strategy<Value = Pairs> {
    proptest::collection::vec((text(), text()), 0..10)
}

/// Pairs that add something to what is signed.
fn signing_pairs() -> impl Strategy<Value = Pairs> {
    pairs().prop_map(|pairs| [pairs, vec![("Body".to_owned(), "hi".to_owned())]].concat())
}

fn encode(pairs: &Pairs) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn form(pairs: &Pairs) -> Request {
    let body = encode(pairs);
    Request::form(URL, &body).signature(&sign::sha1(TOKEN, URL, pairs))
}

/// The same bytes, one bit of one of them being another.
fn flip(bytes: &[u8], bit: proptest::sample::Index) -> Vec<u8> {
    let (mut flipped, bit) = (bytes.to_vec(), bit.index(bytes.len() * 8));
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

fn is_denied(request: &Request) -> bool {
    is_denied_by(request, &plain(""))
}

fn is_denied_by(request: &Request, policy: &Rc<Policy>) -> bool {
    request.verdict(policy).starts_with("denied ")
}

/// Pairs in the order of UTF-16 code units, each once, as JavaScript would put them together.
fn in_utf16_order(pairs: &Pairs) -> String {
    let mut units: Vec<_> = pairs
        .iter()
        .map(|pair| {
            (pair.0.encode_utf16().collect::<Vec<_>>(), pair.1.encode_utf16().collect::<Vec<_>>(), pair)
        })
        .collect();
    units.sort();
    units.dedup();
    units.into_iter().map(|(.., (name, value))| format!("{name}{value}")).collect()
}

/// Pairs with those of one name together where it first stood.
fn grouped(pairs: &Pairs) -> Pairs {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in pairs {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.iter().flat_map(|name| pairs.iter().filter(move |(own, _)| own == name).cloned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_is_verified(pairs in signing_pairs()) {
        prop_assert_eq!(form(&pairs).verdict(&plain("")), "allowed 0");
    }

    #[test]
    fn json_that_is_signed_is_verified(body in ".+", query in "[a-zA-Z0-9=&%+_.~-]{0,20}") {
        let json = Request::json(&format!("{URL}&{query}"), &body);
        prop_assert_eq!(json.verdict(&plain("")), "allowed 0");
        let url = format!("{URL}&{query}");
        prop_assert_eq!(Request::get(&url).verdict(&plain("")), "allowed 0");
    }

    #[test]
    fn a_signature_with_a_bit_flipped_is_denied(pairs in signing_pairs(), bit: proptest::sample::Index) {
        let request = form(&pairs);
        let (_, signature) = request.headers.last().unwrap().clone();
        prop_assert!(is_denied(&request.with("x-twilio-signature", flip(&signature, bit))));
    }

    #[test]
    fn a_url_with_a_bit_flipped_is_denied(pairs in signing_pairs(), bit: proptest::sample::Index) {
        let path = flip(b"/sms?x=1", bit);
        prop_assert!(is_denied(&form(&pairs).with(":path", path)));
    }

    #[test]
    fn a_parameter_with_a_bit_flipped_is_denied(
        pairs in signing_pairs(),
        which: proptest::sample::Index,
        bit: proptest::sample::Index,
    ) {
        // Of a value that is not empty, and bytes as they are, whether they still are UTF-8 or not.
        let which = (0..pairs.len()).cycle().skip(which.index(pairs.len())).find(|at| !pairs[*at].1.is_empty()).unwrap();
        let changed = flip(pairs[which].1.as_bytes(), bit);
        let mut body = String::new();
        for (at, (name, value)) in pairs.iter().enumerate() {
            let value = if at == which { changed.as_slice() } else { value.as_bytes() };
            let escape = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
            body.push_str(&format!("{}={}&", escape(name.as_bytes()), escape(value)));
        }
        let request = form(&pairs).body(body.as_str());
        let bytes = |pair: &(String, String)| (pair.0.clone().into_bytes(), pair.1.clone().into_bytes());
        let before: BTreeSet<_> = pairs.iter().map(bytes).collect();
        let mut after: Vec<_> = pairs.iter().map(bytes).collect();
        after[which].1 = changed;
        // Where one of two equal pairs becomes equal to a third, they are the same pairs still.
        let same = before == after.into_iter().collect();
        prop_assert_eq!(is_denied(&request), !same);
    }

    #[test]
    fn a_body_with_a_bit_flipped_is_denied(body in "[ -~]{1,40}", bit: proptest::sample::Index) {
        let json = Request::json(URL, &body);
        let flipped = flip(body.as_bytes(), bit);
        prop_assert_eq!(json.body(flipped).verdict(&plain("")), "denied body_hash_mismatch");
    }

    #[test]
    fn how_a_body_is_cut_does_not_matter(
        pairs in signing_pairs(),
        genuine: bool,
        cuts in proptest::collection::vec(0..12usize, 0..8),
        ends_with_trailers: bool,
        report: bool,
        limit in 1..120usize,
    ) {
        let mode = if report { "report" } else { "enforce" };
        let policy = plain(&format!(r#""mode": "{mode}", "max_body_bytes": {limit}"#));
        let request = form(&pairs);
        let request = if genuine { request } else { request.with(":path", "/sms?x=2") };
        let end = if ends_with_trailers { End::Trailers } else { End::Body };
        let (_, verdict) = request.send(&policy, &cuts, end);
        prop_assert_eq!(words(verdict), request.verdict(&policy));
    }

    #[test]
    fn the_order_of_parameters_and_their_repetition_do_not_matter(
        (pairs, shuffled) in signing_pairs()
            .prop_flat_map(|pairs| {
                let twice = [pairs.clone(), pairs.clone()].concat();
                (Just(pairs), Just(twice).prop_shuffle())
            }),
    ) {
        prop_assert_eq!(form(&pairs).body(encode(&shuffled)).verdict(&plain("")), "allowed 0");
    }

    #[test]
    fn forms_are_decoded_as_the_web_does(
        encoded in "([xy&=+%é]|%[0-7][0-9A-Fa-f]|%[g-z%]|%4|%C3%a9|%F0%9F%98%80){0,20}",
    ) {
        let decoded: Pairs = form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
        // What is not UTF-8 the web replaces.
        prop_assume!(decoded.iter().all(|(name, value)| !format!("{name}{value}").contains('\u{FFFD}')));
        let ours = Params::parse(encoded.as_bytes());
        let grouped: Vec<(&[u8], &[u8])> = ours.grouped();
        let expected = self::grouped(&decoded);
        let expected: Vec<_> = expected.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        prop_assert_eq!(grouped, expected);
    }

    #[test]
    fn parameters_are_sorted_by_byte_and_by_utf16_unit(pairs in pairs()) {
        let params = Params::parse(encode(&pairs).as_bytes());
        let by_byte = sign::message("", &pairs);
        let by_unit = in_utf16_order(&pairs);
        prop_assert_eq!(params.signed(), by_byte.as_bytes());
        match params.signed_in_utf16_order() {
            Some(signed) => prop_assert_eq!(signed, by_unit.as_bytes()),
            None => prop_assert_eq!(by_byte, by_unit),
        }
    }

    #[test]
    fn parameters_are_grouped_as_an_object_holds_them(pairs in pairs()) {
        let encoded = encode(&pairs);
        let grouped = self::grouped(&pairs);
        let expected: Vec<_> = grouped.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let params = Params::parse(encoded.as_bytes());
        prop_assert_eq!(params.grouped(), expected);
    }

    #[test]
    fn any_bytes_are_headers_or_none(bytes: Vec<u8>, cut: proptest::sample::Index, noise in any::<[u8; 12]>()) {
        Head::read(bytes, Some("x-a"), Some("x-b"));
        let whole = support::serialise(&Request::get(URL).headers);
        prop_assert!(Head::read(whole.clone(), None, None).is_some());
        Head::read(whole[..cut.index(whole.len())].to_vec(), None, None);
        let mut noisy = whole;
        noisy[..12].copy_from_slice(&noise);
        Head::read(noisy, None, None);
    }

    #[test]
    fn any_bytes_are_a_configuration_or_none(bytes: Vec<u8>) {
        let environment = |_: &str| None;
        prop_assert!(Policy::parse(&bytes, &environment).is_err());
        // What looks like the beginning of a Struct.
        let content = [&[0x0A, bytes.len() as u8, 0x0A][..], &bytes].concat();
        prop_assert!(Policy::parse(&content, &environment).is_err());
    }

    #[test]
    fn any_request_is_decided(
        headers in proptest::collection::vec((proptest::sample::select(vec![
            ":method", ":path", ":authority", ":scheme", "upgrade", "connection", "content-type", "content-length",
            "x-twilio-signature", "x-twilio-webhooks-signature-settings", "x-forwarded-proto", "x-forwarded-host",
            "x-forwarded-port",
        ]), any::<Vec<u8>>()), 0..6),
        body: Vec<u8>,
    ) {
        // On top of a request that is verified: what comes twice or otherwise never is.
        let request = Request::form(URL, "Body=hi").body(body.clone());
        let policy = plain(r#""url": { "trust_forwarded_host": true }"#);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value.as_slice()));
        let (_, verdict) = request.send(&policy, &[3], End::Body);
        let is_verified = words(verdict).starts_with("allowed ");
        prop_assert!(!is_verified || body == b"Body=hi");
        prop_assert!(verdict.is_some());
    }

    #[test]
    fn hosts_and_ports_are_split_and_not_lost(authority: Vec<u8>) {
        let (host, port) = split_port(&authority);
        let whole = port.map_or(host.to_vec(), |port| [host, b":", port].concat());
        prop_assert_eq!(whole, authority.clone());
        prop_assert!(plain_host(&authority).is_none_or(|plain| !plain.is_empty() && host.starts_with(b"[") == plain.starts_with(b"[")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Each of 16 spellings; `PROPTEST_CASES` says how many times.
    #[test]
    fn no_spelling_of_a_guarded_path_passes_unsigned(
        choices in proptest::collection::vec(proptest::collection::vec(any::<u32>(), 0..300), 16),
    ) {
        for choices in choices {
            let mut left = choices.into_iter();
            let mut choose = |bound: usize| left.next().unwrap_or(0) as usize % bound;
            let spelled = spelling::spelled(&mut choose);
            let kind = if spelled.is_prefix { "prefix" } else { "exact" };
            let policy = support::policy(&format!(
                r#"{{ "auth_tokens": [{{ "value": "{TOKEN}" }}], "unmatched": "allow",
                     "routes": [{{ "name": "guard", "match": {{ "path": {{ "{kind}": "{}" }} }} }}] }}"#,
                spelled.guard
            ));
            let request = Request::new("GET", "https://a/").with(":path", spelled.path.as_slice());
            let path = spelled.path.escape_ascii();
            prop_assert!(is_denied_by(&request, &policy), "{kind} {} by {path}: {:?}", spelled.guard, spelled.steps);
        }
    }
}

/// A form is read eight bytes at a time: whatever stands wherever in a word, it is read as the web does.
#[test]
fn short_forms_are_decoded_as_the_web_does_wherever_they_stand_in_a_word() {
    const LETTERS: &[u8; 6] = b"z4&=+%";
    for number in 0..LETTERS.len().pow(5) {
        let mut rest = number;
        let text: String = std::iter::repeat_with(|| {
            let letter = char::from(LETTERS[rest % LETTERS.len()]);
            rest /= LETTERS.len();
            letter
        })
        .take(5)
        .collect();
        for before in [0, 2, 3, 4, 5, 6, 7] {
            let encoded = format!("{}{text}", "p".repeat(before));
            let mut expected: Pairs = form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
            expected.sort();
            expected.dedup();
            let signed: String = expected.into_iter().map(|(name, value)| name + &value).collect();
            assert_eq!(Params::parse(encoded.as_bytes()).signed(), signed.as_bytes(), "{encoded}");
        }
    }
}
