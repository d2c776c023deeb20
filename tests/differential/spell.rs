//! Chooses how Twilio, or only one of its libraries, would spell what it signs, and signs it.

use crate::case::{
    Case, EmptyHash, Form, Port, Query, Settings, Shape, Signer, Spelling, View, order_matters,
};
use crate::random::Random;
use crate::url::{after_urlparse, apostrophes, legacy, sip, survives_urlparse};

/// Paths and queries that `new URL()` writes otherwise: on the wire, and as it writes them.
const NORMALISED: [[&str; 4]; 6] = [
    ["/a/../b", "x=1", "/b", "x=1"],
    ["/a/./b", "x=1", "/a/b", "x=1"],
    ["/a\\b", "x=1", "/a/b", "x=1"],
    ["/a\"b", "x=1", "/a%22b", "x=1"],
    ["/a", "x=\"1\"+1", "/a", "x=%221%22+1"],
    ["/a", "x=<1>+1", "/a", "x=%3C1%3E+1"],
];

/// Fills in what is signed, and the signature. What is not ordinary is signed as it is on the wire.
pub fn sign(random: &mut Random, case: &mut Case, is_ordinary: bool) {
    choose_key(random, case, is_ordinary);
    if is_ordinary {
        choose_spelling(random, case);
    }
    case.signed.url = case.url.clone();
    case.signed.url.port = None;
    apply_spelling(case);
    if is_ordinary {
        choose_port(random, case);
    }
    choose_params(random, case);
    case.signature = Some(case.signed.signature());
}

fn choose_key(random: &mut Random, case: &mut Case, is_ordinary: bool) {
    case.signed.signer = match random.below(20) {
        0 | 1 => Signer::Shared256,
        2 => Signer::Shared1,
        _ => Signer::AuthToken,
    };
    // The algorithm is a matter of the key alone, so the other peculiarities do without.
    let may_differ = case.signed.signer != Signer::AuthToken && is_ordinary;
    case.signed.settings = match random.below(12) {
        0..3 if may_differ => Settings::Silent,
        3..6 if may_differ && case.view == View::Plain => random.pick(&[Settings::Other, Settings::Misnamed]),
        _ => Settings::Right,
    };
}

fn choose_spelling(random: &mut Random, case: &mut Case) {
    let is_plain =
        case.view == View::Plain && case.url.user.is_empty() && case.signed.settings == Settings::Right;
    let (query, host) = (case.url.query(), &case.url.host);
    let mut spellings = vec![Spelling::AsGiven];
    if *host != host.to_ascii_lowercase() && !matches!(case.view, View::Base(_)) {
        spellings.push(Spelling::LowerHost);
    }
    if !case.is_socket() {
        let differing = [
            (Spelling::Apostrophe, apostrophes(query)),
            (Spelling::Sip, sip(query)),
            (Spelling::Legacy, legacy(query)),
        ];
        for (spelling, differing) in differing {
            if differing != query {
                spellings.push(spelling);
            }
        }
    }
    case.signed.spelling = random.pick(&spellings);
    if is_plain && case.shape == Shape::Empty(EmptyHash::None) && random.percent(10) {
        let [path, query, ..] = random.pick(&NORMALISED);
        case.url.path = path.to_owned();
        case.url.query = Some(query.to_owned());
        case.url.host = "hooks.example.com".to_owned();
        case.signed.spelling = Spelling::Normalised;
    } else if is_plain && !case.is_socket() && !survives_urlparse(&case.url) && random.percent(40) {
        case.url.host = "hooks.example.com".to_owned();
        case.signed.spelling = Spelling::Parsed;
    }
}

fn apply_spelling(case: &mut Case) {
    let url = &mut case.signed.url;
    let rewrite = |query: &Option<String>, how: fn(&str) -> String| query.as_deref().map(how);
    match case.signed.spelling {
        Spelling::AsGiven => {}
        Spelling::LowerHost => url.host = url.host.to_ascii_lowercase(),
        Spelling::Apostrophe => url.query = rewrite(&url.query, apostrophes),
        Spelling::Sip => url.query = rewrite(&url.query, sip),
        Spelling::Legacy => url.query = rewrite(&url.query, legacy),
        Spelling::Normalised => {
            let is_this =
                |row: &&[&str; 4]| row[0] == url.path && row[1] == url.query.as_deref().unwrap_or_default();
            let [.., path, query] = NORMALISED.iter().find(is_this).expect("one of the rows");
            (url.path, url.query) = ((*path).to_owned(), Some((*query).to_owned()));
        }
        Spelling::Parsed => *url = after_urlparse(url.clone()),
    }
}

fn choose_port(random: &mut Random, case: &mut Case) {
    let given = case.url.port;
    let default = case.url.default_port();
    let mut ports = vec![Port::None, Port::None, Port::Default];
    if given.is_some_and(|given| given != default) {
        ports.extend([Port::AsGiven, Port::AsGiven]);
    } else if given.is_none() && !matches!(case.view, View::Base(_)) && case.listener_port != default {
        ports.push(Port::Listener);
    }
    let is_plain =
        case.view == View::Plain && case.url.user.is_empty() && case.signed.settings == Settings::Right;
    if case.shape == Shape::Socket(Query::InUrl)
        && case.url.is_tls()
        && given.is_none()
        && is_plain
        && random.percent(10)
    {
        ports = vec![Port::Insecure];
        case.signed.spelling = Spelling::AsGiven;
        case.signed.url.host.clone_from(&case.url.host);
    }
    let only_libraries = matches!(case.signed.spelling, Spelling::Normalised | Spelling::Parsed);
    case.signed.port = if only_libraries { Port::None } else { random.pick(&ports) };
    case.signed.url.port = match case.signed.port {
        Port::None => None,
        Port::Default => Some(default),
        Port::AsGiven => given,
        Port::Listener => Some(case.listener_port),
        Port::Insecure => Some(80),
    };
}

fn choose_params(random: &mut Random, case: &mut Case) {
    let signed = &mut case.signed;
    signed.params = match case.shape {
        Shape::Form(Form::ByHash) | Shape::Empty(_) | Shape::Socket(Query::InUrl) => Vec::new(),
        Shape::Form(_) | Shape::Body(_) | Shape::Socket(Query::AsParams) => case.params.clone(),
        Shape::Socket(Query::FirstOfEach) => first_of_each(&case.params),
    };
    if let Shape::Socket(query) = case.shape {
        if query != Query::InUrl {
            signed.url = signed.url.clone().without_query();
        }
        if random.percent(25) && signed.port != Port::Insecure {
            signed.url = signed.url.clone().with_other_slash();
        }
    }
    let is_twilios = signed.spelling != Spelling::Parsed;
    signed.in_utf16_order = is_twilios && order_matters(&signed.params) && random.percent(50);
}

/// The first value of each name.
pub fn first_of_each(params: &[(String, String)]) -> Vec<(String, String)> {
    let is_first = |at: usize, name: &str| params[..at].iter().all(|(earlier, _)| earlier != name);
    let first = params.iter().enumerate().filter(|(at, (name, _))| is_first(*at, name));
    first.map(|(_, pair)| pair.clone()).collect()
}
