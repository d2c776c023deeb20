//! What some library makes of a request, as far as the explanation of a disagreement needs it.

use crate::case::{BodyHash, Case, Forgery, Form, Shape, Spelling};
use crate::text::BYTE_ORDER_MARK;
use crate::url::{apostrophes, legacy_in_node_order};
use twilio_webhook::{form, sign};

/// Whether twilio-node tries the URL that was signed, if that is one of the forms of the query or the host that
/// only its candidates after `new URL()` have: that function rewrites other parts of the URL too.
pub fn node_finds(case: &Case) -> bool {
    match case.signed.spelling {
        Spelling::AsGiven | Spelling::Sip | Spelling::Normalised | Spelling::Parsed => true,
        Spelling::LowerHost | Spelling::Apostrophe | Spelling::Legacy => {
            let signed = &case.signed.url;
            signed.host == signed.host.to_ascii_lowercase()
                && is_plain_path(&signed.path)
                && node_finds_query(case)
        }
    }
}

/// Whether the signed query is among those that twilio-node has after `new URL()`.
pub fn node_finds_query(case: &Case) -> bool {
    // The query of a WebSocket that is signed as parameters is not part of the URL.
    let Some(signed) = &case.signed.url.query else { return true };
    let query = case.url.query();
    *signed == query_of_new_url(query) || *signed == legacy_in_node_order(query)
}

/// A query of visible ASCII characters as `new URL()` writes it.
fn query_of_new_url(query: &str) -> String {
    apostrophes(query).replace('"', "%22").replace('<', "%3C").replace('>', "%3E")
}

/// Whether `new URL()` leaves the path alone.
fn is_plain_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{}|".contains(&byte);
    path.starts_with('/')
        && path.bytes().all(is_plain)
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// Whether the URL is rightly signed, and the body is one that this does not speak for.
pub fn signs_url_but_not_body(case: &Case) -> bool {
    let is_unbound = match case.shape {
        Shape::Body(hash) => !hash.is_right(),
        Shape::Form(_) | Shape::Empty(_) | Shape::Socket(_) => false,
    };
    let is_unbound = if case.is_honest() { is_unbound } else { case.forgery == Some(Forgery::Body) };
    is_unbound && same(&case.signed.params, &[])
}

/// Whether a JSON body whose URL does not hold the text `bodySHA256` was signed as if its members were parameters;
/// `{}` has none.
pub fn json_members_are_signed(case: &Case) -> bool {
    let is_read = matches!(case.shape, Shape::Body(_)) && !case.url.target().contains("bodySHA256");
    is_read && (case.shape == Shape::Body(BodyHash::Members) || is_empty_object(&case.body))
}

/// Whether a body is a JSON object whose members, as parameters, add nothing to what is signed.
pub fn is_empty_object(body: &[u8]) -> bool {
    let is_empty = |(name, value): (&String, &serde_json::Value)| name.is_empty() && value == "";
    let object: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(body);
    object.is_ok_and(|object| object.iter().all(is_empty))
}

/// Whether the Express middleware tries the URL that was signed. It writes every `%3F` as `?` if there is a query,
/// and only its candidate with a re-encoded query undoes that.
pub fn express_finds(case: &Case) -> bool {
    let (url, signed) = (&case.url, &case.signed.url);
    let rewrites = url.query.is_some() && url.target().contains("%3F");
    let is_undone = !url.path.contains("%3F")
        && is_plain_path(&url.path)
        && signed.query() == legacy_in_node_order(url.query());
    !rewrites || (is_undone && signed.host == url.host.to_ascii_lowercase())
}

/// What the form reader of Express does otherwise than the WHATWG's. Each is a way in which it, and so the
/// middleware, comes to other parameters than Twilio signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormQuirk {
    /// A parameter without a name, or named `__proto__`, is dropped.
    Dropped,
    /// One invalid escape leaves all of a name or value undecoded.
    Undecoded,
    /// `]=` ends a name, wherever it stands, and brackets around a whole name are dropped.
    Bracket,
}

/// Whether the form has this.
pub fn has_quirk(case: &Case, quirk: FormQuirk) -> bool {
    if !matches!(case.shape, Shape::Form(Form::Plain)) {
        return false;
    }
    let body = String::from_utf8_lossy(&case.body);
    body.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match quirk {
            FormQuirk::Dropped => is_dropped(&decoded(name)) && !(name.is_empty() && value.is_empty()),
            FormQuirk::Undecoded => [name, value].into_iter().any(is_left_undecoded),
            FormQuirk::Bracket => {
                let (name, value) = (with_brackets(name), with_brackets(value));
                let is_wrapped = name.starts_with('[') && name.ends_with(']');
                is_wrapped || (value.contains("]=") && !name.ends_with(']'))
            }
        }
    })
}

/// Whether the form begins with a byte order mark, as it stands: Express drops it, and so reads another first name.
pub fn begins_with_mark(case: &Case) -> bool {
    let is_form = matches!(case.shape, Shape::Form(Form::Plain));
    is_form && case.body.starts_with(BYTE_ORDER_MARK.to_string().as_bytes())
}

/// Whether Express drops a parameter of this name.
pub fn is_dropped(name: &str) -> bool {
    name.is_empty() || name == "__proto__"
}

/// Whether what was signed is the request without the parameters that Express drops.
pub fn signs_only_what_express_keeps(case: &Case) -> bool {
    let kept = case.params.iter().filter(|(name, _)| !is_dropped(name)).cloned().collect::<Vec<_>>();
    case.forgery == Some(Forgery::ParamRemoved) && same(&kept, &case.signed.params)
}

/// Whether two lists of parameters come to the same signed text.
pub fn same(one: &[(String, String)], other: &[(String, String)]) -> bool {
    sign::signed_text("", one) == sign::signed_text("", other)
}

fn decoded(text: &str) -> String {
    form::decode(text).into_iter().map(|(name, _)| name).collect()
}

fn with_brackets(text: &str) -> String {
    text.replace("%5B", "[").replace("%5b", "[").replace("%5D", "]").replace("%5d", "]")
}

fn is_left_undecoded(text: &str) -> bool {
    let is_escape = |at: usize| {
        text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let percents: Vec<usize> = text.match_indices('%').map(|(at, _)| at).collect();
    let is_bracket = |at: usize| with_brackets(text.get(at..at + 3).unwrap_or_default()).len() == 1;
    percents.iter().any(|at| !is_escape(*at)) && percents.iter().any(|at| is_escape(*at) && !is_bracket(*at))
}
