//! The URLs that are tried for a request: exactly the documented ones, and few.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::request::Head;
use twilio_proxy_wasm::url::{Base, Pieces, Scheme, split_port};

use crate::input::Input;
use crate::naive;
use crate::support::{policy, serialise};

/// Four forms of the query, two hosts, three ports.
const MOST: usize = 24;

thread_local! {
    static POLICY: Rc<Policy> = policy(r#"{ "auth_tokens": [{ "value": "a" }] }"#);
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let scheme = ["https", "http"][input.below(2)];
    let listener_port = [None, Some(443), Some(80), Some(8443)][input.below(4)];
    let (authority, target) = (input.text().to_vec(), [b"/", input.text()].concat());
    if let Ok(text) = std::str::from_utf8(input.rest()) {
        // Whatever is read of it does not panic.
        let _ = Base::parse(text);
    }
    let (host, port) = split_port(&authority);
    let (naive_host, naive_port) = naive::split_port(&authority);
    assert_eq!((host, port.map(<[u8]>::to_vec)), (naive_host, naive_port));
    let fields = [(":scheme", scheme.as_bytes()), (":authority", &authority), (":path", &target)];
    let headers: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
    let head = Head::read(serialise(&headers), None, None).expect("headers as they are serialised");
    POLICY.with(|policy| {
        let Ok(dialled) = policy.routes()[0].url().dialled(&head) else {
            assert!(host.is_empty());
            return;
        };
        let (mut tried, asked) = (Vec::new(), Cell::new(0));
        let port = || {
            asked.set(asked.get() + 1);
            listener_port
        };
        let mut note = |pieces: &Pieces<'_>| -> Option<()> {
            tried.push(pieces.concat());
            None
        };
        let found: Option<()> = dialled.find(Scheme::Http, &mut dialled.targets(), b"", &port, &mut note);
        assert!(found.is_none() && asked.get() <= 1 && tried.len() <= MOST, "{} tried", tried.len());
        let first = [scheme.as_bytes(), b"://", host, &target].concat();
        assert_eq!(tried[0], first);
        let set: BTreeSet<_> = tried.iter().cloned().collect();
        assert_eq!(set.len(), tried.len(), "one is tried twice");
        assert_eq!(set, naive::urls(scheme, &authority, &target, listener_port));
    });
}
