//! A request whose body has not come, or not all of it.

use super::memory::Share;
use crate::config::{Hold, Mode};
use crate::policy::{Judge, Policy, Route};
use crate::proxy::Proxy;
use crate::reason::Reason;
use crate::request::Head;
use crate::signature::{KeyRing, Selected, Tag};
use crate::verify;

/// A request that waits for its body, or passes while its body is copied.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) judge: Judge,
    head: Head,
    tag: Tag,
    selected: Selected,
    ring: KeyRing,
    body: Body,
    share: Share,
    watch: Watch,
}

/// What is known of a body that is on its way.
#[derive(Debug)]
enum Body {
    /// The proxy keeps it; so many bytes have come.
    Held(usize),
    /// It passes, and this is a copy.
    Copied(Vec<u8>),
}

/// What a request is looked at for, now and then: a sign that the filter cannot hold it back.
#[derive(Debug)]
enum Watch {
    /// For nothing.
    Off,
    /// It is stopped at its headers: that its body comes in, but the proxy never hands it on.
    Stall { received_at_headers: u64, ticks_with_growth: u8 },
    /// Another filter is to hold it: that the proxy has chosen an upstream already.
    Upstream,
}

/// After so many ticks with a body that came in but was not handed on, the filter is misplaced. One could be
/// another filter before this one that is slow.
const TICKS_TO_STALL: u8 = 2;

impl Pending {
    /// Begins to wait for the rest of a request on a route, whose headers were [checked](check).
    pub(super) fn new(
        judge: Judge,
        route: &Route,
        head: Head,
        Checked { tag, selected, ring }: Checked,
        share: Share,
    ) -> Pending {
        let body = if route.mode() == Mode::Report { Body::Copied(Vec::new()) } else { Body::Held(0) };
        Pending { judge, head, tag, selected, ring, body, share, watch: Watch::Off }
    }

    /// Takes memory for the headers, which are kept until the verdict. Returns false if there is none for them, or for what
    /// the verdict will need.
    #[must_use]
    pub(super) fn reserve_memory(&mut self, route: &Route) -> bool {
        let needed = verify::memory_needed(self.head.size(), route.max_body_bytes());
        self.share.take(self.head.size().saturating_add(OVERHEAD), needed)
    }

    /// Returns true if there is memory to verify the request with a body of this size.
    pub(super) fn can_be_verified(&self, body: usize) -> bool {
        self.share.has_spare(verify::memory_needed(self.head.size(), body))
    }

    /// Returns how many bytes of the body have come.
    pub(super) fn size(&self) -> usize {
        match &self.body {
            Body::Held(size) => *size,
            Body::Copied(copy) => copy.len(),
        }
    }

    /// Returns the headers, when the rest is no longer needed.
    pub(super) fn into_head(self) -> Head {
        self.head
    }

    /// Returns true if the proxy keeps the body until the verdict, and does not let it pass meanwhile.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.body, Body::Held(_))
    }

    /// Returns true if the headers ask for a protocol upgrade.
    pub(super) fn is_upgrade(&self) -> bool {
        self.head.is_upgrade()
    }

    /// Begins to watch for a stall, until a piece of the body is handed on.
    pub(super) fn watch_for_stall(&mut self, proxy: &dyn Proxy) {
        // So many bytes of the request have come in up to its headers.
        let received_at_headers = proxy.bytes_received().unwrap_or(u64::MAX);
        self.watch = Watch::Stall { received_at_headers, ticks_with_growth: 0 };
    }

    /// Begins to watch for an upstream, until there is a verdict.
    pub(super) fn watch_for_upstream(&mut self) {
        self.watch = Watch::Upstream;
    }

    /// Returns true if the request is watched.
    pub(super) fn is_watched(&self) -> bool {
        !matches!(self.watch, Watch::Off)
    }

    /// Takes another look. Returns true if the filter cannot hold the request back.
    pub(super) fn is_misplaced(&mut self, proxy: &dyn Proxy) -> bool {
        match &mut self.watch {
            Watch::Off => false,
            Watch::Stall { received_at_headers, ticks_with_growth } => {
                if proxy.bytes_received().is_some_and(|received| received > *received_at_headers) {
                    *ticks_with_growth = ticks_with_growth.saturating_add(1);
                }
                *ticks_with_growth >= TICKS_TO_STALL
            }
            Watch::Upstream => proxy.has_upstream(),
        }
    }

    /// Returns the body, now that it is whole. It is read once.
    pub(super) fn whole_body(&mut self, proxy: &dyn Proxy) -> Option<Vec<u8>> {
        match &mut self.body {
            Body::Copied(copy) => Some(std::mem::take(copy)),
            Body::Held(0) => Some(Vec::new()),
            Body::Held(size) => read(proxy, *size),
        }
    }

    /// Checks that a request that another filter is to hold has not gone on to the upstream all the same.
    pub(super) fn check_not_sent(&self, policy: &Policy, proxy: &dyn Proxy) -> Result<(), Reason> {
        let leaks = self.is_held() && policy.hold() == Hold::BufferAfter && proxy.has_upstream();
        if leaks { Err(Reason::MisplacedFilter) } else { Ok(()) }
    }

    /// Takes account of a piece of the body, and copies it if it passes.
    pub(super) fn add_piece(
        &mut self,
        policy: &Policy,
        size: usize,
        proxy: &dyn Proxy,
    ) -> Result<(), Reason> {
        if matches!(self.watch, Watch::Stall { .. }) {
            self.watch = Watch::Off;
        }
        self.check_not_sent(policy, proxy)?;
        let limit = policy.route(self.judge.route).map_or(0, Route::max_body_bytes);
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

    /// Returns the request as [`verify`] takes it.
    pub(super) fn request<'a>(&'a self, route: &'a Route, proxy: &'a dyn Proxy) -> verify::Request<'a> {
        let Pending { head, tag, selected, ring, .. } = self;
        verify::Request { head, route, tag, selected: *selected, ring, port: proxy }
    }
}

/// The signature, and the keys that may have made it.
pub(super) struct Checked {
    tag: Tag,
    selected: Selected,
    ring: KeyRing,
}

/// Checks all that the headers alone can tell.
pub(super) fn check(route: &Route, head: &Head, proxy: &dyn Proxy) -> Result<Checked, Reason> {
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
    let ring = KeyRing::of_selected(route.keys(), selected, proxy);
    if ring.lacks_all(selected) {
        return Err(Reason::UnknownKey);
    }
    Ok(Checked { tag, selected, ring })
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

/// Returns so many bytes of the body, or `None` if there are fewer.
fn read(proxy: &dyn Proxy, size: usize) -> Option<Vec<u8>> {
    proxy.body(size).filter(|body| body.len() == size)
}
