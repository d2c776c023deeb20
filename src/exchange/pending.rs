//! A request that is not whole yet.

use super::Proxy;
use super::memory::Share;
use crate::config::{Hold, Policy};
use crate::request::Head;
use crate::route::{Mode, Route};
use crate::signature::{Selected, Tag};
use crate::verdict::Reason;
use crate::verify;

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) route: usize,
    head: Head,
    tag: Tag,
    selected: Selected,
    body: Body,
    share: Share,
    stall: Option<Stall>,
}

/// What is known of a body that is on its way.
#[derive(Debug)]
enum Body {
    /// The proxy keeps it; so many bytes have come.
    Held(usize),
    /// It passes, and this is a copy.
    Copied(Vec<u8>),
}

/// Watches a request that is stopped at its headers, for the sign that the proxy will never hand on its body.
#[derive(Debug)]
struct Stall {
    received_at_headers: u64,
    ticks_with_growth: u8,
}

/// After so many ticks with a body that came in but was not handed on, the filter is misplaced. One could be
/// another filter before this one that is slow.
const TICKS_TO_STALL: u8 = 2;

impl Pending {
    /// A request on a route, whose headers were [checked](check).
    pub(super) fn new(
        position: usize,
        route: &Route,
        head: Head,
        (tag, selected): Checked,
        share: Share,
    ) -> Pending {
        let body = if route.mode() == Mode::Report { Body::Copied(Vec::new()) } else { Body::Held(0) };
        Pending { route: position, head, tag, selected, body, share, stall: None }
    }

    /// Whether there is memory for the headers, which are kept until the verdict, and for that verdict.
    #[must_use]
    pub(super) fn may_wait(&mut self, route: &Route) -> bool {
        let needed = verify::memory_needed(self.head.size(), route.max_body_bytes());
        self.share.take(self.head.size().saturating_add(OVERHEAD), needed)
    }

    /// Whether there is memory to verify the request with a body of this size.
    pub(super) fn can_be_verified(&self, body: usize) -> bool {
        self.share.has_spare(verify::memory_needed(self.head.size(), body))
    }

    /// How many bytes of the body have come.
    pub(super) fn size(&self) -> usize {
        match &self.body {
            Body::Held(size) => *size,
            Body::Copied(copy) => copy.len(),
        }
    }

    /// The headers, when the rest is no longer needed.
    pub(super) fn into_head(self) -> Head {
        self.head
    }

    /// Whether the proxy keeps the body until the verdict, and does not let it pass meanwhile.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.body, Body::Held(_))
    }

    /// Whether the headers ask for a protocol upgrade.
    pub(super) fn is_upgrade(&self) -> bool {
        self.head.is_upgrade()
    }

    /// Begins to watch for a stall: so many bytes of the request have come in up to its headers.
    pub(super) fn watch(&mut self, bytes_received: Option<u64>) {
        let received_at_headers = bytes_received.unwrap_or(u64::MAX);
        self.stall = Some(Stall { received_at_headers, ticks_with_growth: 0 });
    }

    /// Whether a stall is watched for, and no piece of the body has been handed on.
    pub(super) fn is_watched(&self) -> bool {
        self.stall.is_some()
    }

    /// Takes another look: whether the body has come in, and was not handed on, for too long.
    pub(super) fn has_stalled(&mut self, bytes_received: Option<u64>) -> bool {
        let Some(stall) = &mut self.stall else { return false };
        if bytes_received.is_some_and(|received| received > stall.received_at_headers) {
            stall.ticks_with_growth = stall.ticks_with_growth.saturating_add(1);
        }
        stall.ticks_with_growth >= TICKS_TO_STALL
    }

    /// The body, now that it is whole. It is read once.
    pub(super) fn whole_body(&mut self, proxy: &dyn Proxy) -> Option<Vec<u8>> {
        match &mut self.body {
            Body::Copied(copy) => Some(std::mem::take(copy)),
            Body::Held(0) => Some(Vec::new()),
            Body::Held(size) => read(proxy, *size),
        }
    }

    /// Sees to it that a request that another filter is to hold has not gone on to the upstream all the same.
    pub(super) fn check_kept_back(&self, policy: &Policy, proxy: &dyn Proxy) -> Result<(), Reason> {
        let leaks = self.is_held() && policy.hold() == Hold::BufferAfter && proxy.has_upstream();
        if leaks { Err(Reason::MisplacedFilter) } else { Ok(()) }
    }

    /// Accounts for a piece of the body.
    pub(super) fn take_in(&mut self, policy: &Policy, size: usize, proxy: &dyn Proxy) -> Result<(), Reason> {
        self.stall = None;
        self.check_kept_back(policy, proxy)?;
        let limit = policy.route(self.route).map_or(0, Route::max_body_bytes);
        match &mut self.body {
            Body::Held(_) if size > limit => return Err(Reason::BodyTooLarge),
            // What is kept never shrinks: a size that does is no reason to read less than has come.
            Body::Held(held) => *held = size.max(*held),
            Body::Copied(copy) if copy.len().saturating_add(size) > limit => {
                return Err(Reason::BodyTooLarge);
            }
            Body::Copied(_) if size == 0 => {}
            Body::Copied(copy) => {
                make_room(copy, size, limit, &mut self.share).ok_or(Reason::Unverifiable)?;
                copy.extend(read(proxy, size).ok_or(Reason::Unverifiable)?);
            }
        }
        Ok(())
    }

    pub(super) fn request<'a>(&'a self, route: &'a Route, proxy: &'a dyn Proxy) -> verify::Request<'a> {
        let Pending { head, tag, selected, .. } = self;
        verify::Request { head, route, tag, selected: *selected, port: proxy }
    }
}

/// The signature, and the keys that may have made it.
type Checked = (Tag, Selected);

/// Checks all that the headers alone can tell.
pub(super) fn check(route: &Route, head: &Head) -> Result<Checked, Reason> {
    route.url().dialled(head)?;
    let is_connect = head.method().one().is_none_or(|method| method == b"CONNECT");
    if is_connect || (head.is_upgrade() && !head.is_websocket_handshake()) {
        return Err(Reason::Unverifiable);
    }
    let tag = Tag::parse(head.signature())?;
    let selected = route.keys().select(head.settings())?;
    let limit = u64::try_from(route.max_body_bytes()).unwrap_or(u64::MAX);
    if head.announced_length().is_some_and(|length| length > limit) {
        return Err(Reason::BodyTooLarge);
    }
    Ok((tag, selected))
}

/// What a request that waits needs beside its headers: its state here, and its places in the tables of the adapter.
const OVERHEAD: usize = 1_024;

/// Makes room for a piece: for twice what there is, so that a copy is not moved for each piece, but for no more than `limit`.
fn make_room(copy: &mut Vec<u8>, size: usize, limit: usize, share: &mut Share) -> Option<()> {
    let (room, needed) = (copy.capacity(), copy.len().saturating_add(size));
    if needed > room {
        let wanted = room.saturating_mul(2).min(limit).max(needed);
        // A copy that grows may have to move.
        let needed = verify::memory_needed(0, limit).saturating_add(wanted);
        share.take(wanted.saturating_sub(room), needed).then_some(())?;
        copy.reserve_exact(wanted.saturating_sub(copy.len()));
    }
    Some(())
}

/// So many bytes of the body, and not fewer.
fn read(proxy: &dyn Proxy, size: usize) -> Option<Vec<u8>> {
    proxy.body(size).filter(|body| body.len() == size)
}
