//! Makes requests: every kind that Twilio sends, in every spelling, and some that nobody sends.

use twilio_webhook::sign::body_hash;

use crate::case::{
    BodyHash, Case, EmptyHash, Form, Port, Query, Settings, Shape, Signed, Signer, Spelling, View,
    order_matters,
};
use crate::forge;
use crate::ours::BASES;
use crate::random::Random;
use crate::spell;
use crate::text::{Pairs, Place, Text};
use crate::url::Url;

const FORM_TYPES: [&str; 4] = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=UTF-8",
    "application/x-www-form-urlencoded;charset=utf-8",
    "Application/X-WWW-Form-Urlencoded",
];
const JSON_TYPES: [&str; 2] = ["application/json", "application/json; charset=utf-8"];
const HOSTS: [&str; 9] = [
    "hooks.example.com",
    "hooks.example.com",
    "Hooks.Example.COM",
    "hooks.example.com.",
    "xn--bcher-kva.example",
    "192.0.2.7",
    "[2001:db8::1]",
    "[2001:DB8::1]",
    "a_b.example.com",
];
const SEGMENTS: [&str; 23] = [
    "twilio",
    "sms",
    "a",
    "",
    ".",
    "..",
    "%2F",
    "%2f",
    "a;v=1",
    "a;",
    "sms;",
    "a%20b",
    "a+b",
    "%7Euser",
    "%zz",
    "%3F",
    "a'b",
    "~!$&()*,=:@",
    "\"<>",
    "\\^`{|}",
    "%C3%A9",
    "Espa\u{f1}a",
    "index.php",
];

/// The request with this number of the run with this seed.
pub fn case(seed: u64, number: u64) -> Case {
    let random = &mut Random::new(seed, number);
    let shape = shape(random);
    let is_ordinary = is_ordinary(shape);
    let view = match random.below(10) {
        0 if is_ordinary => View::Base(random.below(BASES.len())),
        1 if is_ordinary => View::Forwarded,
        _ => View::Plain,
    };
    let mut url = url(random, shape, view);
    let (content_type, body, params) = content(random, shape, &mut url);
    let method = match shape {
        Shape::Socket(_) | Shape::Empty(EmptyHash::None) if content_type.is_none() => "GET",
        Shape::Empty(_) if !is_ordinary && random.percent(50) => "GET",
        _ if random.percent(10) => "PUT",
        _ => "POST",
    };
    let listener_port = random.pick(&[url.default_port(), 8443, 10_000]);
    let signed = Signed {
        url: url.clone(),
        params: Vec::new(),
        spelling: Spelling::AsGiven,
        port: Port::None,
        in_utf16_order: false,
        signer: Signer::AuthToken,
        settings: Settings::Right,
    };
    let delivery = random.next();
    let mut case = Case {
        number,
        shape,
        view,
        method,
        url,
        listener_port,
        content_type,
        body,
        params,
        signed,
        signature: None,
        forgery: None,
        delivery,
    };
    spell::sign(random, &mut case, is_ordinary);
    if case.is_genuine() && random.percent(35) {
        forge::forge(random, &mut case);
    }
    case
}

fn shape(random: &mut Random) -> Shape {
    let one_of_forms = [Form::BesideHash, Form::ByHash, Form::AddsNothing, Form::NotUtf8];
    let one_of_empties = [EmptyHash::OfNothing, EmptyHash::OfBraces, EmptyHash::Wrong, EmptyHash::Twice];
    let one_of_bodies = [
        BodyHash::EscapedName,
        BodyHash::OfBytes,
        BodyHash::Missing,
        BodyHash::Members,
        BodyHash::Wrong,
        BodyHash::UpperCase,
        BodyHash::Blank,
        BodyHash::TwiceRight,
        BodyHash::TwiceRightFirst,
        BodyHash::TwiceWrongFirst,
    ];
    match random.below(100) {
        0..43 => Shape::Form(Form::Plain),
        43..48 => Shape::Form(random.pick(&one_of_forms)),
        48..63 => Shape::Empty(EmptyHash::None),
        63..66 => Shape::Empty(random.pick(&one_of_empties)),
        66..80 => Shape::Body(BodyHash::Right),
        80..88 => Shape::Body(random.pick(&one_of_bodies)),
        88..93 => Shape::Socket(Query::InUrl),
        93..99 => Shape::Socket(Query::AsParams),
        _ => Shape::Socket(Query::FirstOfEach),
    }
}

/// Whether Twilio really sends this. The others come with a plain URL, so that one peculiarity stands alone.
fn is_ordinary(shape: Shape) -> bool {
    matches!(
        shape,
        Shape::Form(Form::Plain)
            | Shape::Empty(EmptyHash::None)
            | Shape::Body(BodyHash::Right)
            | Shape::Socket(Query::InUrl | Query::AsParams)
    )
}

fn url(random: &mut Random, shape: Shape, view: View) -> Url {
    let is_socket = matches!(shape, Shape::Socket(_));
    let schemes = if is_socket { ["wss", "ws"] } else { ["https", "http"] };
    let scheme = schemes[usize::from(random.percent(25))];
    if !is_ordinary(shape) {
        let (user, host) = ("", "hooks.example.com".to_owned());
        return Url { scheme, user, host, port: None, path: "/twilio/sms".to_owned(), query: None };
    }
    let query = Pairs::any(random, Place::Query, 4);
    let query = match random.below(40) {
        0 if !is_socket => Some(String::new()),
        1 => Some("SipDomain=sip%3aalice%40example.com".to_owned()),
        2 if !is_socket => Some("xbodySHA256=1".to_owned()),
        3 => Some("Foo=%61&10=b&2=%63".to_owned()),
        _ => (!query.written.is_empty()).then_some(query.written),
    };
    let path = path(random);
    if let View::Base(position) = view {
        let base = BASES[position];
        let scheme = schemes[usize::from(base.scheme == "http")];
        let path = format!("{}{path}", base.prefix);
        return Url { scheme, user: "", host: base.host.to_owned(), port: base.port, path, query };
    }
    let user = if view == View::Plain && random.percent(1) { "user:secret@" } else { "" };
    let host = random.pick(&HOSTS).to_owned();
    let mut url = Url { scheme, user, host, port: None, path, query };
    url.port = match random.below(10) {
        0 | 1 => Some(url.default_port()),
        2 | 3 => Some(8080),
        _ => None,
    };
    url
}

fn path(random: &mut Random) -> String {
    if random.percent(50) {
        return random.pick(&["/", "/twilio/sms", "/twilio/sms/", "/index.php"]).to_owned();
    }
    let mut path = String::new();
    for _ in 0..random.between(1, 4) {
        path.push('/');
        path.push_str(random.pick(&SEGMENTS));
    }
    path
}

type Content = (Option<&'static str>, Vec<u8>, Vec<(String, String)>);

/// Content type, body and the parameters in it; puts a `bodySHA256` into the URL.
fn content(random: &mut Random, shape: Shape, url: &mut Url) -> Content {
    let form_type = Some(random.pick(&FORM_TYPES));
    match shape {
        Shape::Form(form) => {
            let pairs = form_pairs(random, form);
            let body = pairs.written.into_bytes();
            match form {
                Form::BesideHash if random.percent(50) => add_hash(random, url, &body_hash(b"another body")),
                Form::BesideHash | Form::ByHash => add_hash(random, url, &body_hash(&body)),
                Form::Plain | Form::AddsNothing | Form::NotUtf8 => {}
            }
            (form_type, body, pairs.meant)
        }
        Shape::Empty(hash) => {
            match hash {
                EmptyHash::None => {}
                EmptyHash::OfNothing => add_hash(random, url, &body_hash(b"")),
                EmptyHash::OfBraces => add_hash(random, url, &body_hash(b"{}")),
                EmptyHash::Wrong => add_hash(random, url, &body_hash(b"a body")),
                EmptyHash::Twice => {
                    add_query(url, &format!("bodySHA256={}", body_hash(b"")));
                    add_query(url, "bodySHA256=0");
                }
            }
            let content_type = random.percent(25).then_some(form_type).flatten();
            (content_type, Vec::new(), Vec::new())
        }
        Shape::Body(hash) => {
            let (content_type, body) = other_body(random, hash);
            let right = body_hash(&body);
            match hash {
                BodyHash::Right | BodyHash::OfBytes => add_hash(random, url, &right),
                BodyHash::EscapedName => add_query(url, &format!("body%53HA256={right}")),
                BodyHash::Missing | BodyHash::Members => {}
                BodyHash::Wrong => add_hash(random, url, &body_hash(b"another body")),
                BodyHash::UpperCase => add_hash(random, url, &right.to_ascii_uppercase()),
                BodyHash::Blank => add_hash(random, url, ""),
                BodyHash::TwiceRight => add_query(url, &format!("bodySHA256={right}&bodySHA256={right}")),
                BodyHash::TwiceRightFirst => add_query(url, &format!("bodySHA256={right}&bodySHA256=0")),
                BodyHash::TwiceWrongFirst => add_query(url, &format!("bodySHA256=0&bodySHA256={right}")),
            }
            let members = if hash == BodyHash::Members { members(&body) } else { Vec::new() };
            (content_type, body, members)
        }
        Shape::Socket(query) => {
            let mut pairs = pairs_in_one_order(random, Place::Query, 4, query != Query::FirstOfEach);
            if query == Query::FirstOfEach {
                for value in ["1", "2"] {
                    let (name, value) =
                        (Text::of(random, Place::Query, "twice"), Text::of(random, Place::Query, value));
                    pairs.push(random, &name, &value);
                }
            } else if random.percent(20) {
                pairs.push_clash(random, Place::Query);
            }
            url.query = (!pairs.written.is_empty()).then_some(pairs.written);
            (None, Vec::new(), pairs.meant)
        }
    }
}

fn form_pairs(random: &mut Random, form: Form) -> Pairs {
    if form == Form::AddsNothing {
        let written = random.pick(&["&", "=", "=&=", "&&="]).to_owned();
        return Pairs { meant: Vec::new(), written };
    }
    let is_plain = form == Form::Plain;
    let mut pairs = pairs_in_one_order(random, Place::Form, 7, is_plain);
    if is_plain && random.percent(10) {
        pairs.push_clash(random, Place::Form);
    }
    if form == Form::NotUtf8 {
        let (name, mut value) =
            (Text::of(random, Place::Form, "NotUtf8"), Text::of(random, Place::Form, "a"));
        value.push_invalid_utf8();
        pairs.push(random, &name, &value);
    }
    if pairs.meant.iter().all(|(name, value)| name.is_empty() && value.is_empty()) {
        let (name, value) = (Text::of(random, Place::Form, "Body"), Text::any(random, Place::Form, false));
        pairs.push(random, &name, &value);
    }
    if is_plain && random.percent(1) {
        pairs.push_mark();
    }
    if random.percent(5) {
        // Empty pairs are none.
        pairs.written = format!("&{}&&", pairs.written);
    }
    pairs
}

/// Parameters that are the same in both orders, unless any will do.
fn pairs_in_one_order(random: &mut Random, place: Place, most: usize, any_will_do: bool) -> Pairs {
    loop {
        let pairs = Pairs::any(random, place, most);
        if any_will_do || !order_matters(&pairs.meant) {
            return pairs;
        }
    }
}

fn other_body(random: &mut Random, hash: BodyHash) -> (Option<&'static str>, Vec<u8>) {
    let pairs = pairs_in_one_order(random, Place::Form, 3, false).meant;
    let json = |pairs: Vec<(String, String)>| {
        serde_json::Value::from_iter(
            pairs.into_iter().map(|(name, value)| (name, serde_json::Value::from(value))),
        )
    };
    match (hash, random.below(5)) {
        (BodyHash::OfBytes, _) => {
            let bytes: Vec<u8> = (0..20).map(|_| random.next().to_le_bytes()[0]).chain([0xFF]).collect();
            (Some("application/octet-stream"), bytes)
        }
        (BodyHash::Members, _) => (Some(random.pick(&JSON_TYPES)), json(pairs).to_string().into_bytes()),
        (_, 0) => (Some("text/plain"), format!("\u{feff}{pairs:?}\r\n").into_bytes()),
        (_, 1) => (None, b"<Event name=\"\xC3\xA9\"/>".to_vec()),
        (_, 2) => (Some(random.pick(&JSON_TYPES)), format!("[ {} ]\n", json(pairs)).into_bytes()),
        _ => (Some(random.pick(&JSON_TYPES)), format!("{:#}", json(pairs)).into_bytes()),
    }
}

/// The members of a JSON object of strings, as JavaScript has them.
fn members(json: &[u8]) -> Vec<(String, String)> {
    let object: std::collections::BTreeMap<String, String> = serde_json::from_slice(json).expect("JSON");
    object.into_iter().collect()
}

fn add_query(url: &mut Url, pair: &str) {
    url.query = Some(match url.query.take() {
        Some(query) if !query.is_empty() => format!("{query}&{pair}"),
        _ => pair.to_owned(),
    });
}

/// Adds `bodySHA256` at either end of the query.
fn add_hash(random: &mut Random, url: &mut Url, hash: &str) {
    let pair = format!("bodySHA256={hash}");
    if random.percent(30) && !url.query().is_empty() {
        url.query = Some(format!("{pair}&{}", url.query()));
    } else {
        add_query(url, &pair);
    }
}
