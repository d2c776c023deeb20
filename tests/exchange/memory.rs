//! What requests keep while they wait, and what becomes of one that finds no room.

use std::rc::Rc;

use crate::support::{FakeProxy, Request, plain, words};
use twilio_proxy_wasm::config::Policy;
use twilio_proxy_wasm::exchange::{Exchange, Memory, Step};
use twilio_proxy_wasm::reply::Reply;
use twilio_proxy_wasm::verdict::Reason;

const URL: &str = "https://hooks.example.com/sms";

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
    let size = proxy.headers.as_ref().unwrap().len();
    for hold in ["self", "buffer_after"] {
        let policy = plain(&format!(r#""hold": "{hold}""#));
        let waits = if hold == "self" { Step::Hold } else { Step::Continue };
        let memory = Rc::new(Memory::of(2 * size));
        let (first, mut one) = begin(&policy, &memory, &proxy);
        let (second, two) = begin(&policy, &memory, &proxy);
        assert_eq!((first, second, memory.kept()), (waits, waits, 2 * size));
        let refused = Step::Reply(Reply::to(Reason::Unverifiable));
        let (third, three) = begin(&policy, &memory, &proxy);
        assert_eq!((third, words(three.outcome())), (refused, "denied unverifiable".to_owned()));
        assert_eq!(memory.kept(), 2 * size);
        // One gets its verdict, the other goes away.
        proxy.body.borrow_mut().extend_from_slice(&form.body);
        assert_eq!(one.on_body(form.body.len(), true, &proxy), Step::Continue);
        assert_eq!((words(one.outcome()), memory.kept()), ("allowed 0".to_owned(), size));
        drop(two);
        assert_eq!(memory.kept(), 0);
        let (again, _) = begin(&policy, &memory, &proxy);
        assert_eq!(again, waits);
    }
}

#[test]
fn a_request_that_does_not_wait_keeps_nothing() {
    let (memory, policy) = (Rc::new(Memory::of(0)), plain(""));
    for (request, end) in [
        (Request::get(URL), true),
        (Request::websocket("wss://hooks.example.com/ws", "wss://hooks.example.com/ws", &[]), false),
    ] {
        let mut exchange = Exchange::new(Rc::clone(&policy), Rc::clone(&memory), false);
        assert_eq!(exchange.on_headers(end, &FakeProxy::of(&request)), Step::Continue);
        assert_eq!(words(exchange.outcome()), "allowed 0");
    }
    let (step, exchange) = begin(&plain(r#""mode": "off""#), &memory, &FakeProxy::of(&Request::get(URL)));
    assert_eq!((step, words(exchange.outcome())), (Step::Continue, "passed".to_owned()));
}

#[test]
fn a_copy_takes_room_as_it_grows_and_never_for_more_than_a_body_may_have() {
    let proxy = FakeProxy::of(&Request::form(URL, "x"));
    let head = proxy.headers.as_ref().unwrap().len();
    let policy = plain(r#""mode": "report", "max_body_bytes": 1000"#);
    let memory = Rc::default();
    let (_, mut exchange) = begin(&policy, &memory, &proxy);
    for (size, kept) in [(0, 0), (300, 300), (1, 600), (299, 600), (1, 1000), (399, 1000)] {
        assert_eq!(piece(&mut exchange, &proxy, size, false), Step::Continue);
        assert_eq!(memory.kept(), head + kept, "after {size} more");
    }
    assert_eq!(piece(&mut exchange, &proxy, 1, false), Step::Continue);
    assert_eq!((words(exchange.outcome()), memory.kept()), ("reported body_too_large".to_owned(), 0));
}

#[test]
fn what_finds_no_room_for_its_copy_passes_unverified_where_nothing_is_enforced() {
    let proxy = FakeProxy::of(&Request::form(URL, "x"));
    let head = proxy.headers.as_ref().unwrap().len();
    let policy = plain(r#""mode": "report""#);
    let memory = Rc::new(Memory::of(2 * head + 200));
    let (_, mut one) = begin(&policy, &memory, &proxy);
    let (_, mut two) = begin(&policy, &memory, &proxy);
    assert_eq!(piece(&mut one, &proxy, 150, false), Step::Continue);
    assert_eq!(piece(&mut two, &proxy, 51, false), Step::Continue);
    assert_eq!(words(two.outcome()), "reported unverifiable");
    assert_eq!(piece(&mut two, &proxy, 51, true), Step::Continue);
    assert_eq!(memory.kept(), head + 150);
    assert_eq!(piece(&mut one, &proxy, 51 + head, true), Step::Continue);
    assert_eq!(words(one.outcome()), "reported unverifiable");
    let (step, three) = begin(&policy, &Rc::new(Memory::of(head - 1)), &proxy);
    assert_eq!((step, words(three.outcome())), (Step::Continue, "reported unverifiable".to_owned()));
    assert_eq!(memory.kept(), 0);
}
