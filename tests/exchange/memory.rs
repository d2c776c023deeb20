//! What requests keep while they wait, and what becomes of one that finds no room.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::support::{FakeProxy, Request, plain, words};
use twilio_proxy_wasm::exchange::{Exchange, Memory, Step};
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::reason::Reason;
use twilio_proxy_wasm::reply::Reply;

const URL: &str = "https://hooks.example.com/sms";
/// What each request that waits needs beside its headers.
const OVERHEAD: usize = 1_024;

/// With room for so many bytes, and never a doubt that there is a place for more.
fn room(bytes: usize) -> Rc<Memory> {
    Rc::new(Memory::of(bytes, usize::MAX, |bytes| panic!("asked for a place for {bytes} bytes")))
}

fn begin(policy: &Rc<Policy>, memory: &Rc<Memory>, proxy: &FakeProxy) -> (Step, Exchange) {
    let mut exchange = Exchange::new(Rc::clone(policy), Rc::clone(memory), false);
    let step = exchange.on_headers(false, proxy);
    (step, exchange)
}

/// A piece of the body that passes.
fn piece(exchange: &mut Exchange, proxy: &FakeProxy, size: usize, end: bool) -> Step {
    *proxy.body.borrow_mut() = vec![b'x'; size];
    exchange.on_body(size, end, proxy)
}

#[test]
fn a_request_that_waits_keeps_its_headers_and_gives_them_back() {
    let form = Request::form(URL, "Body=hi");
    let proxy = FakeProxy::of(&form);
    let size = proxy.headers.as_ref().unwrap().len() + OVERHEAD;
    for hold in ["self", "buffer_after"] {
        let policy = plain(&format!(r#""hold": "{hold}""#));
        let waits = if hold == "self" { Step::Hold } else { Step::Continue };
        let memory = room(2 * size);
        let (first, mut one) = begin(&policy, &memory, &proxy);
        let (second, two) = begin(&policy, &memory, &proxy);
        assert_eq!((first, second, memory.kept()), (waits, waits, 2 * size));
        let refused = Step::Reply(Reply::to(Reason::Unverifiable));
        let (third, three) = begin(&policy, &memory, &proxy);
        assert_eq!((third, words(three.verdict())), (refused, "denied unverifiable".to_owned()));
        assert_eq!(memory.kept(), 2 * size);
        // One gets its verdict, the other goes away.
        proxy.body.borrow_mut().extend_from_slice(&form.body);
        assert_eq!(one.on_body(form.body.len(), true, &proxy), Step::Continue);
        assert_eq!((words(one.verdict()), memory.kept()), ("allowed 0".to_owned(), size));
        drop(two);
        assert_eq!(memory.kept(), 0);
        let (again, _) = begin(&policy, &memory, &proxy);
        assert_eq!(again, waits);
    }
}

#[test]
fn a_request_that_does_not_wait_keeps_nothing() {
    let (memory, policy) = (room(0), plain(""));
    for (request, end) in [
        (Request::get(URL), true),
        (Request::websocket("wss://hooks.example.com/ws", "wss://hooks.example.com/ws", &[]), false),
    ] {
        let mut exchange = Exchange::new(Rc::clone(&policy), Rc::clone(&memory), false);
        assert_eq!(exchange.on_headers(end, &FakeProxy::of(&request)), Step::Continue);
        assert_eq!(words(exchange.verdict()), "allowed 0");
    }
    let (step, exchange) = begin(&plain(r#""mode": "off""#), &memory, &FakeProxy::of(&Request::get(URL)));
    assert_eq!((step, words(exchange.verdict())), (Step::Continue, "passed".to_owned()));
}

#[test]
fn a_copy_takes_room_as_it_grows_and_never_for_more_than_a_body_may_have() {
    let proxy = FakeProxy::of(&Request::form(URL, "x"));
    let head = proxy.headers.as_ref().unwrap().len() + OVERHEAD;
    let policy = plain(r#""mode": "report", "max_body_bytes": 1000"#);
    let memory = Rc::default();
    let (_, mut exchange) = begin(&policy, &memory, &proxy);
    for (size, kept) in [(0, 0), (300, 300), (1, 600), (299, 600), (1, 1000), (399, 1000)] {
        assert_eq!(piece(&mut exchange, &proxy, size, false), Step::Continue);
        assert_eq!(memory.kept(), head + kept, "after {size} more");
    }
    assert_eq!(piece(&mut exchange, &proxy, 1, false), Step::Continue);
    assert_eq!((words(exchange.verdict()), memory.kept()), ("reported body_too_large".to_owned(), 0));
}

#[test]
fn what_finds_no_room_for_its_copy_passes_unverified_where_nothing_is_enforced() {
    let proxy = FakeProxy::of(&Request::form(URL, "x"));
    let head = proxy.headers.as_ref().unwrap().len() + OVERHEAD;
    let policy = plain(r#""mode": "report""#);
    let memory = room(2 * head + 200);
    let (_, mut one) = begin(&policy, &memory, &proxy);
    let (_, mut two) = begin(&policy, &memory, &proxy);
    assert_eq!(piece(&mut one, &proxy, 150, false), Step::Continue);
    assert_eq!(piece(&mut two, &proxy, 51, false), Step::Continue);
    assert_eq!(words(two.verdict()), "reported unverifiable");
    assert_eq!(piece(&mut two, &proxy, 51, true), Step::Continue);
    assert_eq!(memory.kept(), head + 150);
    assert_eq!(piece(&mut one, &proxy, 51 + head, true), Step::Continue);
    assert_eq!(words(one.verdict()), "reported unverifiable");
    let (step, three) = begin(&policy, &room(head - 1), &proxy);
    assert_eq!((step, words(three.verdict())), (Step::Continue, "reported unverifiable".to_owned()));
    assert_eq!(memory.kept(), 0);
}

thread_local! {
    static ASKED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// A memory in which the largest place has so many bytes, and that has to be asked for each from here on.
fn with_holes(largest: usize) -> Rc<Memory> {
    LARGEST.set(largest);
    Rc::new(Memory::of(usize::MAX, 0, |bytes| {
        ASKED.with_borrow_mut(|asked| asked.push(bytes));
        bytes <= LARGEST.get()
    }))
}

/// The places that were asked for, in MiB.
fn asked() -> Vec<usize> {
    ASKED.take().into_iter().map(|bytes| bytes >> 20).collect()
}

#[test]
fn a_request_waits_only_where_there_is_a_place_to_verify_it() {
    const MIB: usize = 1 << 20;
    let form = Request::form(URL, "Body=hi");
    let proxy = FakeProxy::of(&form);
    proxy.body.borrow_mut().extend_from_slice(&form.body);
    // Four times the body, something for the headers, 8 MiB, and a margin of 64.
    let policy = plain(&format!(r#""max_body_bytes": {}"#, 10 * MIB));
    let refused = "denied unverifiable".to_owned();
    let (_, exchange) = begin(&policy, &with_holes(112 * MIB), &proxy);
    assert_eq!((words(exchange.verdict()), asked()), (refused.clone(), vec![112]));
    let memory = with_holes(113 * MIB);
    let (step, mut exchange) = begin(&policy, &memory, &proxy);
    assert_eq!((step, asked()), (Step::Hold, vec![112]));
    // The place may be gone when the body is whole, which is smaller than it might have been.
    LARGEST.set(8 * MIB);
    exchange.on_body(form.body.len(), true, &proxy);
    assert_eq!((words(exchange.verdict()), asked(), memory.kept()), (refused.clone(), vec![8], 0));
    for (largest, verdict) in [(9 * MIB, "allowed 0"), (8 * MIB, refused.as_str())] {
        let memory = with_holes(113 * MIB);
        let (_, mut waits) = begin(&policy, &memory, &proxy);
        LARGEST.set(largest);
        // So it is for a request that does not wait itself.
        let mut get = Exchange::new(Rc::clone(&policy), Rc::clone(&memory), false);
        get.on_headers(true, &FakeProxy::of(&Request::get(URL)));
        waits.on_body(form.body.len(), true, &proxy);
        assert_eq!((words(get.verdict()), words(waits.verdict())), (verdict.to_owned(), verdict.to_owned()));
    }
    // It is as large as the body is.
    let memory = with_holes(usize::MAX);
    let (_, mut exchange) = begin(&policy, &memory, &proxy);
    *proxy.body.borrow_mut() = vec![b'x'; 5 * MIB];
    exchange.on_body(5 * MIB, true, &proxy);
    assert_eq!(asked().last(), Some(&28));
    // A copy may have to move as it grows, beside the place for its verification.
    let report = plain(&format!(r#""mode": "report", "max_body_bytes": {}"#, 10 * MIB));
    let (_, mut exchange) = begin(&report, &with_holes(usize::MAX), &proxy);
    assert_eq!(piece(&mut exchange, &proxy, 3 * MIB, false), Step::Continue);
    assert_eq!(piece(&mut exchange, &proxy, 1, false), Step::Continue);
    assert_eq!(asked(), [112, 40 + 8 + 64 + 3, 40 + 8 + 64 + 6]);
}

#[test]
fn there_is_no_need_to_ask_until_much_has_been_kept() {
    let proxy = FakeProxy::of(&Request::form(URL, "Body=hi"));
    let memory = Rc::default();
    let policy = plain(r#""max_body_bytes": 67108864"#);
    let begun: Vec<_> = (0..100).map(|_| begin(&policy, &memory, &proxy)).collect();
    assert!(begun.iter().all(|(step, _)| *step == Step::Hold));
    drop(begun);
    assert_eq!(memory.kept(), 0);
    // Much that was kept leaves its holes behind.
    let head = proxy.headers.as_ref().unwrap().len() + OVERHEAD;
    let memory = Rc::new(Memory::of(usize::MAX, 2 * head, |bytes| {
        ASKED.with_borrow_mut(|asked| asked.push(bytes));
        true
    }));
    let waiting = [(); 2].map(|()| begin(&policy, &memory, &proxy));
    assert_eq!(asked(), [0usize; 0]);
    drop(begin(&policy, &memory, &proxy));
    drop(waiting);
    assert_eq!((memory.kept(), asked()), (0, vec![328]));
    let (_, mut last) = begin(&policy, &memory, &proxy);
    let body = proxy.body.borrow().len();
    last.on_body(body, true, &proxy);
    assert_eq!(asked(), [328, 8]);
}
