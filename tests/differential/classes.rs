//! The disagreements that are explained, each of them a row of the table in docs/compatibility.md.

use crate::case::{
    BodyHash, Case, EmptyHash, Form, Port, Query, Settings, Shape, Signer, Spelling, order_matters,
};
use crate::oracles::Judge::{self, Express, Node, NodeBody, Python, PythonForm};
use crate::reading::{self, FormQuirk, has_quirk, same};
use crate::spell::first_of_each;
use crate::url::{legacy, legacy_in_node_order, survives_urlparse};

/// A kind of request about which the filter and some of Twilio's libraries disagree.
pub struct Class {
    /// Its name in the table.
    pub id: &'static str,
    /// What the filter says.
    pub ours: bool,
    /// Who says otherwise; everyone else who is asked agrees.
    pub others: &'static [Judge],
    /// When those others say otherwise without exception, so that one who does not is a failure.
    pub surely: Surely,
    /// Which requests it is about.
    pub holds: fn(&Case) -> bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surely {
    Always,
    /// A forgery may be denied for more than one reason.
    UnlessForged,
    /// Something else about the request may lead to agreement.
    NotAlways,
}

use Surely::{Always, NotAlways, UnlessForged};

const ALL: &[Judge] = &[Node, NodeBody, Express, Python, PythonForm];
const NODE: &[Judge] = &[Node, NodeBody, Express];
const PYTHON: &[Judge] = &[Python, PythonForm];

pub const CLASSES: &[Class] = &[
    // What Twilio signs, and some library does not recognise.
    accepted("order-utf16", &[Python], |case| case.signed.in_utf16_order),
    accepted("order-bytes", &[Node, Express], |case| {
        !case.signed.in_utf16_order && order_matters(&case.signed.params)
    }),
    accepted("host-case", PYTHON, |case| spelled(case, Spelling::LowerHost)),
    accepted("apostrophe", PYTHON, |case| spelled(case, Spelling::Apostrophe)),
    accepted("re-encoded", PYTHON, |case| spelled(case, Spelling::Legacy)),
    accepted("re-encoded-numbers", NODE, |case| {
        let differs = legacy(case.url.query()) != legacy_in_node_order(case.url.query());
        spelled(case, Spelling::Legacy) && differs && !reading::node_finds_query(case)
    }),
    accepted("re-encoded-alone", NODE, |case| !reading::node_finds(case)),
    accepted("sip", ALL, |case| spelled(case, Spelling::Sip)),
    accepted("default-port", ALL, |case| {
        let has_another = case.url.port.is_some_and(|port| port != case.url.default_port());
        has_another && case.signed.port == Port::Default
    }),
    accepted("listener-port", ALL, |case| case.signed.port == Port::Listener),
    accepted("port-removed", PYTHON, |case| {
        let has_colon = case.url.host.starts_with('[') || !case.url.user.is_empty();
        has_colon && case.url.port.is_some() && case.signed.port == Port::None
    }),
    accepted("empty-parts-kept", PYTHON, |case| !survives_urlparse(&case.url)),
    accepted("wss-default-port", &[Node, Python], |case| {
        let is_lost = case.url.port.is_none() || case.signed.spelling == Spelling::LowerHost;
        case.url.scheme == "wss" && is_lost && case.signed.port == Port::Default
    }),
    accepted("socket-all-values", &[Python], |case| {
        case.shape == Shape::Socket(Query::AsParams) && !same(&first_of_each(&case.params), &case.params)
    }),
    accepted("form-beside-hash", &[Express, NodeBody], |case| case.shape == Shape::Form(Form::BesideHash)),
    accepted("form-by-hash", &[Node, Python], |case| case.shape == Shape::Form(Form::ByHash)),
    accepted("hash-mentioned", &[Express], |case| {
        let has_no_hash = matches!(case.shape, Shape::Form(Form::Plain) | Shape::Empty(EmptyHash::None));
        has_no_hash && case.url.target().contains("bodySHA256")
    }),
    accepted("hash-name-escaped", &[Express], |case| {
        case.shape == Shape::Body(BodyHash::EscapedName) && !reading::is_empty_object(&case.body)
    }),
    accepted("question-mark-escaped", &[Express], |case| !reading::express_finds(case)),
    accepted("hash-beside-get", &[Express], |case| {
        let is_of_no_object =
            |hash| matches!(hash, EmptyHash::OfNothing | EmptyHash::Wrong | EmptyHash::Twice);
        matches!(case.shape, Shape::Empty(hash) if is_of_no_object(hash)) && case.method == "GET"
    }),
    accepted("hash-of-another-get", &[NodeBody], |case| {
        matches!(case.shape, Shape::Empty(EmptyHash::OfBraces | EmptyHash::Wrong)) && case.method == "GET"
    }),
    accepted("hash-of-bytes", &[NodeBody, Python], |case| case.shape == Shape::Body(BodyHash::OfBytes)),
    accepted("algorithm-unsaid", PYTHON, |case| {
        case.signed.signer == Signer::Shared256 && case.signed.settings == Settings::Silent
    }),
    accepted("form-name-dropped", &[Express], |case| has_quirk(case, FormQuirk::Dropped)),
    accepted("form-undecoded", &[Express], |case| has_quirk(case, FormQuirk::Undecoded)),
    accepted("form-bracket", &[Express], |case| has_quirk(case, FormQuirk::Bracket)),
    accepted("form-mark", &[Express], reading::begins_with_mark),
    // What some library recognises, and Twilio does not sign.
    denied("normalised", &[Node, Express], Always, |case| spelled(case, Spelling::Normalised)),
    denied("empty-parts-dropped", PYTHON, Always, |case| spelled(case, Spelling::Parsed)),
    denied("wss-port-80", &[Node, Python], Always, |case| case.signed.port == Port::Insecure),
    denied("socket-first-value", &[Python], UnlessForged, |case| {
        // Of a query in the URL no value is signed by itself, the first of a name without one either.
        let by_value = case.is_socket() && case.shape != Shape::Socket(Query::InUrl);
        let first = first_of_each(&case.params);
        by_value && same(&case.signed.params, &first) && !same(&first, &case.params)
    }),
    denied("form-of-nothing", &[Node, Express, Python], Always, |case| {
        case.shape == Shape::Form(Form::AddsNothing)
    }),
    denied("form-name-unsigned", &[Express], NotAlways, reading::signs_only_what_express_keeps),
    denied("form-not-utf8", &[Node, Python], Always, |case| case.shape == Shape::Form(Form::NotUtf8)),
    denied("hash-unread", &[Node, Python], Always, |case| {
        matches!(case.shape, Shape::Empty(EmptyHash::OfBraces | EmptyHash::Wrong | EmptyHash::Twice))
            && is_post_of_nothing(case)
    }),
    denied("hash-repeated", &[NodeBody, Express, Python, PythonForm], Always, |case| {
        case.shape == Shape::Body(BodyHash::TwiceRightFirst)
            || (case.shape == Shape::Empty(EmptyHash::Twice) && is_post_of_nothing(case))
    }),
    denied("body-unread", &[PythonForm], UnlessForged, reading::signs_url_but_not_body),
    denied("json-as-params", &[Express], UnlessForged, reading::json_members_are_signed),
    denied("algorithm-by-header", PYTHON, NotAlways, |case| case.signed.settings == Settings::Other),
];

const fn accepted(id: &'static str, others: &'static [Judge], holds: fn(&Case) -> bool) -> Class {
    Class { id, ours: true, others, surely: Always, holds }
}

const fn denied(
    id: &'static str,
    others: &'static [Judge],
    surely: Surely,
    holds: fn(&Case) -> bool,
) -> Class {
    Class { id, ours: false, others, surely, holds }
}

impl Class {
    /// Whether the class explains that this judge contradicts the filter's verdict on this case.
    pub fn explains(&self, case: &Case, ours: bool, judge: Judge) -> bool {
        ours == self.ours && self.others.contains(&judge) && (self.holds)(case)
    }

    /// Whether it says so without exception.
    pub fn is_sure(&self, case: &Case) -> bool {
        match self.surely {
            Always => true,
            UnlessForged => case.is_honest(),
            NotAlways => false,
        }
    }
}

/// Whether there is no body where there could be one.
fn is_post_of_nothing(case: &Case) -> bool {
    case.method != "GET" && case.body.is_empty()
}

fn spelled(case: &Case, spelling: Spelling) -> bool {
    case.signed.spelling == spelling
}
