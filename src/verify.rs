//! The rules of what Twilio signs, applied to a request that is whole.

use std::borrow::Cow;

use crate::body_hash::{self, Claim};
use crate::params::{self, Params};
use crate::policy::Route;
use crate::proxy::Proxy;
use crate::reason::Reason;
use crate::request::Head;
use crate::signature::{Account, KeyRing, Keys, Selected, Signer, Tag};
use crate::url::{Dialled, Pieces, Scheme};

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
    /// The keys of the route, with what those of them are now that change.
    pub ring: &'a KeyRing,
    /// Whom to ask for the port that it came in by, if no other URL matches.
    pub port: &'a dyn Proxy,
}

/// Verifies a request with its whole body. Returns the key that signed it.
///
/// | body | signed | bound by |
/// |---|---|---|
/// | a form | URL and parameters | the parameters |
/// | any other | URL with one value of `bodySHA256` | that hash |
/// | none, with GET or HEAD | URL; no `bodySHA256` in it is looked at | being empty |
/// | none | URL; a `bodySHA256` in it is that of no bytes | being empty |
///
/// A form with a `bodySHA256` passes by either of the first two rows. No row vouches for a body that only the
/// URL is signed for; a form like `&` or `=`, which adds nothing to what is signed, is such a body. A form of more
/// than [`params::MOST`] parameters is not read, and passes by its hash alone.
///
/// # Errors
/// Returns the reason for which the request is denied.
pub fn request(request: &Request<'_>, body: &[u8]) -> Result<Signer, Reason> {
    let dialled = request.route.url().dialled(request.head)?;
    let is_form = request.head.is_form();
    let has_too_many = is_form && params::are_too_many(body);
    let form = if is_form && !has_too_many { Params::parse(body) } else { Params::default() };
    let keys = request.keys(&dialled, &form)?;
    let signed_with = |params: &Params| request.signer(&dialled, &keys, params);
    let is_bound_by_parameters = form.sign_anything();
    if is_bound_by_parameters && let Some(signer) = signed_with(&form) {
        return Ok(signer);
    }
    match body_hash::claim(dialled.query(), body) {
        Claim::None | Claim::Contradictory if !body.is_empty() => Err(match is_bound_by_parameters {
            true => request.mismatch(&keys),
            false if has_too_many => Reason::BodyTooLarge,
            false => Reason::UnsignedBody,
        }),
        claim => match signed_with(&Params::default()) {
            None => Err(request.mismatch(&keys)),
            Some(signer) if matches!(claim, Claim::None | Claim::Right) => Ok(signer),
            // Callbacks about bundles and batches are GETs whose URL has a hash, or two, of what is not sent.
            Some(signer) if body.is_empty() && request.head.has_bodyless_method() => Ok(signer),
            Some(_) => Err(Reason::BodyHashMismatch),
        },
    }
}

/// Returns how many bytes a verification may ask for while it is done, at most and all together: with headers and a body
/// of these sizes, and with what is found out if it fails.
///
/// The body is read, decoded, and put together in each of two orders; a query, which is within the headers, is rewritten
/// a few times, with places for each of its parameters.
pub fn memory_needed(headers: usize, body: usize) -> usize {
    const FIXED: usize = 8_388_608;
    body.saturating_mul(4).saturating_add(headers.saturating_mul(64)).saturating_add(FIXED)
}

/// Verifies a WebSocket handshake, and returns the key that signed it. Signed is `wss://host/path` with the query's parameters as
/// parameters, or with the query in the URL, and either with and without a `/` at the end of the path.
///
/// # Errors
/// Returns the reason for which the handshake is denied.
pub fn websocket(request: &Request<'_>) -> Result<Signer, Reason> {
    let dialled = request.route.url().dialled(request.head)?;
    let query = Params::parse(dialled.query());
    let keys = request.keys(&dialled, &Params::default())?;
    let find = |signed: &Signed| request.made_by(&keys, &dialled, signed);
    let as_params = |params| find(&Signed { params, query_in_url: false });
    as_params(query.signed())
        .or_else(|| as_params(query.signed_in_utf16_order()?))
        .or_else(|| find(&Signed::after_query(Vec::new())))
        .ok_or_else(|| request.mismatch(&keys))
}

/// What is signed after the URL's path.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) params: Vec<u8>,
    /// Whether the query is in the URL; of a WebSocket handshake it may be among the parameters instead.
    pub(crate) query_in_url: bool,
}

impl Signed {
    pub(crate) fn after_query(params: Vec<u8>) -> Signed {
        Signed { params, query_in_url: true }
    }

    /// Calls `test` with each message that this may make of a URL, until it answers. The other forms of the query are
    /// tried where query and parameters together have no more than `most` bytes.
    pub(crate) fn find(
        &self,
        dialled: &Dialled<'_>,
        is_upgrade: bool,
        most: usize,
        proxy: &dyn Proxy,
        test: &mut dyn FnMut(&Pieces<'_>) -> Option<Signer>,
    ) -> Option<Signer> {
        let query = if self.query_in_url { dialled.query_with_mark() } else { b"" };
        let signed = self.params.len().saturating_add(dialled.query().len());
        let mut http = dialled.targets().take(if signed > most { 1 } else { usize::MAX });
        let paths = is_upgrade.then(|| dialled.websocket_paths());
        let mut websocket = paths.iter().flatten().map(|path| Cow::Owned([path, query].concat()));
        let (scheme, targets): (_, &mut dyn Iterator<Item = Cow<'_, [u8]>>) =
            if is_upgrade { (Scheme::WebSocket, &mut websocket) } else { (Scheme::Http, &mut http) };
        dialled.find(scheme, targets, &self.params, &|| proxy.listener_port(), test)
    }
}

/// Returns the keys to try: those that the headers select and the request's `AccountSid` allows.
pub(crate) fn keys(
    keys: &Keys,
    selected: Selected,
    query: &[u8],
    form: &Params,
) -> Result<Vec<usize>, Reason> {
    if !keys.depend_on_account() {
        return keys.meant_for(selected, Account::Unnamed);
    }
    let query = Params::parse(query);
    let sids = form.values(b"AccountSid").chain(query.values(b"AccountSid"));
    keys.meant_for(selected, Account::of(sids))
}

impl Request<'_> {
    fn keys(&self, dialled: &Dialled<'_>, form: &Params) -> Result<Vec<usize>, Reason> {
        keys(self.route.keys(), self.selected, dialled.query(), form)
    }

    /// Returns why a request is denied that none of these keys signed: one that is not here might have.
    fn mismatch(&self, keys: &[usize]) -> Reason {
        let gap = self.ring.gap(keys.iter().copied());
        if gap.is_some() { Reason::UnknownKey } else { Reason::SignatureMismatch }
    }

    fn signer(&self, dialled: &Dialled<'_>, keys: &[usize], params: &Params) -> Option<Signer> {
        let find = |params| self.made_by(keys, dialled, &Signed::after_query(params));
        find(params.signed()).or_else(|| find(params.signed_in_utf16_order()?))
    }

    fn made_by(&self, keys: &[usize], dialled: &Dialled<'_>, signed: &Signed) -> Option<Signer> {
        signed.find(dialled, self.head.is_upgrade(), MOST_FOR_OTHER_TARGETS, self.port, &mut |message| {
            self.ring.signer(keys, self.tag, message)
        })
    }
}

/// Up to so many bytes of query and parameters, together, the other forms of the query are tried as well. Twilio sends
/// nothing that large, and an attacker is not to have it made and hashed four times over.
const MOST_FOR_OTHER_TARGETS: usize = 16_384;

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("route", &self.route.name()).finish_non_exhaustive()
    }
}
