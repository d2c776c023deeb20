//! The rules of what Twilio signs, applied to a request that is whole.

use std::borrow::Cow;

use crate::body_hash::{self, Claim};
use crate::exchange::Proxy;
use crate::params::Params;
use crate::request::Head;
use crate::route::Route;
use crate::signature::{Account, Selected, Tag};
use crate::url::{Dialled, Pieces, Scheme};
use crate::verdict::Reason;

/// A request with all that speaks for it.
pub struct Request<'a> {
    /// Its headers.
    pub head: &'a Head,
    /// The route it is on.
    pub route: &'a Route,
    /// Its signature.
    pub tag: &'a Tag,
    /// The keys that its headers select.
    pub selected: Selected,
    /// Whom to ask for the port that it came in by, if no other URL matches.
    pub port: &'a dyn Proxy,
}

/// Verifies a request with its whole body. The answer is the position of the key that signed it.
///
/// | body | signed | bound by |
/// |---|---|---|
/// | a form | URL and parameters | the parameters |
/// | any other | URL with exactly one `bodySHA256` | that hash |
/// | none | URL; a `bodySHA256` in it is that of no bytes | being empty |
///
/// A form with a `bodySHA256` passes by either of the first two rows. No row vouches for a body that only the
/// URL is signed for; a form like `&` or `=`, which adds nothing to what is signed, is such a body.
///
/// # Errors
/// Why the request is denied.
pub fn request(request: &Request<'_>, body: &[u8]) -> Result<usize, Reason> {
    let dialled = request.route.url().dialled(request.head)?;
    let form = if request.head.is_form() { Params::parse(body) } else { Params::default() };
    let keys = request.keys(&dialled, &form)?;
    let signed_with = |params: &Params| request.signer(&dialled, &keys, params);
    let is_bound_by_parameters = form.sign_anything();
    if is_bound_by_parameters && let Some(signer) = signed_with(&form) {
        return Ok(signer);
    }
    match body_hash::claim(dialled.query(), body) {
        Claim::None | Claim::Repeated if !body.is_empty() => {
            Err(if is_bound_by_parameters { Reason::SignatureMismatch } else { Reason::UnsignedBody })
        }
        claim => match signed_with(&Params::default()) {
            None => Err(Reason::SignatureMismatch),
            Some(signer) if matches!(claim, Claim::None | Claim::Right) => Ok(signer),
            Some(_) => Err(Reason::BodyHashMismatch),
        },
    }
}

/// Verifies a WebSocket handshake: `wss://host/path` with the query's parameters as parameters, or with the
/// query in the URL, and either with and without a `/` at the end of the path.
///
/// # Errors
/// Why the handshake is denied.
pub fn websocket(request: &Request<'_>) -> Result<usize, Reason> {
    let dialled = request.route.url().dialled(request.head)?;
    let query = Params::parse(dialled.query());
    let keys = request.keys(&dialled, &Params::default())?;
    let mut signed = vec![query.signed()];
    signed.extend(query.signed_in_utf16_order());
    let paths = dialled.websocket_paths();
    let whole = paths.iter().map(|path| Cow::Owned([path, dialled.query_with_mark()].concat()));
    let find = |targets: Vec<Cow<'_, [u8]>>, params: &[u8]| {
        let listener_port = || request.port.listener_port();
        dialled.find(Scheme::WebSocket, targets, params, &listener_port, |message| {
            request.made_by(&keys, message)
        })
    };
    let by_params = signed.iter().find_map(|params| find(paths.to_vec(), params));
    by_params.or_else(|| find(whole.collect(), b"")).ok_or(Reason::SignatureMismatch)
}

impl Request<'_> {
    /// The keys to try: those that the headers select and the request's `AccountSid` allows.
    fn keys(&self, dialled: &Dialled<'_>, form: &Params) -> Result<Vec<usize>, Reason> {
        let keys = self.route.keys();
        if !keys.depend_on_account() {
            return keys.meant_for(self.selected, Account::Unnamed);
        }
        let query = Params::parse(dialled.query());
        let sids = form.values(b"AccountSid").chain(query.values(b"AccountSid"));
        keys.meant_for(self.selected, Account::of(sids))
    }

    fn signer(&self, dialled: &Dialled<'_>, keys: &[usize], params: &Params) -> Option<usize> {
        let find = |signed: Vec<u8>| {
            let most = if signed.len() > MOST_FOR_OTHER_TARGETS { 1 } else { usize::MAX };
            let targets = dialled.targets().take(most);
            let listener_port = || self.port.listener_port();
            dialled
                .find(Scheme::Http, targets, &signed, &listener_port, |message| self.made_by(keys, message))
        };
        find(params.signed()).or_else(|| find(params.signed_in_utf16_order()?))
    }

    fn made_by(&self, keys: &[usize], message: &Pieces<'_>) -> Option<usize> {
        self.route.keys().signer(keys, self.tag, message)
    }
}

/// Up to so many bytes of parameters the other forms of the query are tried as well. Twilio sends nothing that
/// large, and an attacker is not to have each large body hashed a dozen times.
const MOST_FOR_OTHER_TARGETS: usize = 16_384;

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("route", &self.route.name()).finish_non_exhaustive()
    }
}
