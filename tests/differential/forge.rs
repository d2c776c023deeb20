//! Spoils one thing of a request that was in order.

use twilio_webhook::sign;

use crate::case::{BadSignature, Case, Forgery, Form, Shape, spoil};
use crate::random::Random;
use crate::reading::{is_dropped, same};

const ANY_REQUEST: [Forgery; 8] = [
    Forgery::Key,
    Forgery::Key,
    Forgery::Scheme,
    Forgery::Host,
    Forgery::Port,
    Forgery::Path,
    Forgery::Query,
    Forgery::Body,
];
const BAD_SIGNATURES: [BadSignature; 7] = [
    BadSignature::Missing,
    BadSignature::Empty,
    BadSignature::OneCharacter,
    BadSignature::Unpadded,
    BadSignature::Longer,
    BadSignature::Hex,
    BadSignature::SpareBits,
];

/// Makes a forgery of a genuine request.
pub fn forge(random: &mut Random, case: &mut Case) {
    let signs_params = !case.signed.params.is_empty();
    let has_dropped = case.signed.params.iter().any(|(name, _)| is_dropped(name));
    let forgery = match random.below(10) {
        _ if has_dropped && random.percent(40) => Forgery::ParamRemoved,
        0..2 => Forgery::Signature(random.pick(&BAD_SIGNATURES)),
        2..6 if signs_params => random.pick(&[
            Forgery::ParamChanged,
            Forgery::ParamAdded,
            Forgery::ParamRemoved,
            Forgery::ContentType,
        ]),
        _ => random.pick(&ANY_REQUEST),
    };
    case.forgery = Some(apply(random, case, forgery));
}

/// Applies the forgery, or another one where it cannot be or would change nothing.
fn apply(random: &mut Random, case: &mut Case, forgery: Forgery) -> Forgery {
    let before = case.signed.text();
    // There are no delimiters: a nameless parameter `/` is the same as one more slash at the end of the path.
    let mut with_other_slash = case.signed.clone();
    with_other_slash.url = with_other_slash.url.with_other_slash();
    let with_other_slash = with_other_slash.text();
    match forgery {
        Forgery::Key => {
            let secret = case.signed.signer.secret().to_owned() + "0";
            let algorithm = case.signed.signer.algorithm();
            case.signature = Some(sign::signature(algorithm, secret.as_bytes(), &before, &[]));
            return forgery;
        }
        Forgery::Signature(how) => {
            case.signature = case.signature.as_deref().and_then(|signature| spoil(signature, how));
            return forgery;
        }
        // A body where there was none, or another one: what was signed does not speak for it.
        Forgery::Body if !case.is_socket() && !case.is_form() => {
            case.method = "POST";
            if case.body.is_empty() {
                case.content_type = Some("application/json");
                case.body = b"{\"forged\":true}".to_vec();
            } else {
                case.body.push(b'\n');
            }
            return forgery;
        }
        Forgery::ContentType
            if matches!(case.shape, Shape::Form(_)) && !case.url.query().contains("bodySHA256=") =>
        {
            case.content_type = Some("text/plain");
            return forgery;
        }
        _ => {}
    }
    spoil_signed(random, case, forgery);
    // A form whose query has its hash is in order with no parameter signed at all.
    let is_bound_by_hash = same(&case.signed.params, &[]) && case.shape == Shape::Form(Form::BesideHash);
    let after = case.signed.text();
    if after == before || (case.is_socket() && after == with_other_slash) || is_bound_by_hash {
        return apply(random, case, Forgery::Key);
    }
    case.signature = Some(case.signed.signature());
    forgery
}

/// Changes what is signed, so that the request is not what was signed.
fn spoil_signed(random: &mut Random, case: &mut Case, forgery: Forgery) {
    let signed = &mut case.signed;
    let at = random.below(signed.params.len().max(1));
    match forgery {
        Forgery::Scheme => {
            signed.url.scheme = match signed.url.scheme {
                "https" => "http",
                "http" => "https",
                "wss" => "ws",
                _ => "wss",
            };
        }
        Forgery::Host => signed.url.host = "attacker.example".to_owned(),
        Forgery::Port => signed.url.port = Some(9),
        Forgery::Path => signed.url.path.push('x'),
        Forgery::Query => {
            signed.url.query = Some(match signed.url.query.take() {
                Some(query) => query + "&forged=1",
                None => "forged=1".to_owned(),
            });
        }
        Forgery::ParamChanged => {
            if let Some((_, value)) = signed.params.get_mut(at) {
                value.push('1');
            }
        }
        Forgery::ParamAdded => signed.params.push(("Forged".to_owned(), "1".to_owned())),
        Forgery::ParamRemoved => {
            if random.percent(50) && signed.params.iter().any(|(name, _)| !is_dropped(name)) {
                // Those that a form reader is known to drop, if there are any.
                signed.params.retain(|(name, _)| !is_dropped(name));
            } else if !signed.params.is_empty() {
                signed.params.remove(at);
            }
        }
        Forgery::Key | Forgery::Signature(_) | Forgery::Body | Forgery::ContentType => {}
    }
}
