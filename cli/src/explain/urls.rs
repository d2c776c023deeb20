//! The URLs that the filter tries for a request, and the one that was signed.

use std::borrow::Cow;
use std::cell::RefCell;

use twilio_proxy_wasm::params::Params;
use twilio_proxy_wasm::policy::Route;
use twilio_proxy_wasm::proxy::Proxy as _;
use twilio_proxy_wasm::request::Head;
use twilio_proxy_wasm::signature::{KeyRing, Tag};
use twilio_proxy_wasm::url::{Dialled, Pieces, Scheme};

use super::proxy::Replay;
use super::shown::shown;

/// Returns the URLs that are tried, and the one that the signature fits under any of the route's keys.
pub(super) fn of(
    route: &Route,
    head: &Head,
    body: &[u8],
    proxy: &Replay<'_>,
) -> (Vec<String>, Option<String>) {
    let (tried, signed) = (RefCell::new(Vec::new()), RefCell::new(None));
    let Ok(dialled) = route.url().dialled(head) else { return (Vec::new(), None) };
    let Ok(tag) = Tag::parse(head.signature()) else { return (Vec::new(), None) };
    let positions = route.keys().all();
    let ring = KeyRing::of(route.keys(), &positions, proxy);
    for (targets, params) in rows(&dialled, head, body) {
        let scheme = if head.is_upgrade() { Scheme::WebSocket } else { Scheme::Http };
        let mut test = |message: &Pieces<'_>| -> Option<()> {
            let [url @ .., _] = message;
            let url = shown(&url.concat());
            if !tried.borrow().contains(&url) {
                tried.borrow_mut().push(url.clone());
            }
            if signed.borrow().is_none() && ring.signer(&positions, &tag, message).is_some() {
                *signed.borrow_mut() = Some(url);
            }
            None
        };
        dialled.find(scheme, &mut targets.into_iter(), &params, &|| proxy.listener_port(), &mut test);
    }
    (tried.into_inner(), signed.into_inner())
}

type Row<'a> = (Vec<Cow<'a, [u8]>>, Vec<u8>);

/// Returns what may follow scheme, host and port in a signed URL, each with the parameters that follow it.
fn rows<'a>(dialled: &Dialled<'a>, head: &Head, body: &[u8]) -> Vec<Row<'a>> {
    if head.is_upgrade() {
        let query = Params::parse(dialled.query());
        let paths = dialled.websocket_paths();
        let whole = paths.iter().map(|path| Cow::Owned([path, dialled.query_with_mark()].concat())).collect();
        let by_params = std::iter::once(query.signed()).chain(query.signed_in_utf16_order());
        return by_params.map(|params| (paths.to_vec(), params)).chain([(whole, Vec::new())]).collect();
    }
    let form = if head.is_form() { Params::parse(body) } else { Params::default() };
    let mut params = vec![form.signed()];
    params.extend(form.signed_in_utf16_order());
    params.push(Vec::new());
    params.dedup();
    params.into_iter().map(|params| (dialled.targets().collect(), params)).collect()
}
