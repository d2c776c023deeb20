//! Every call from the proxy: the exports of the proxy-wasm ABI 0.2.1, and what each of them is about.
//!
//! They are written here and not taken from the SDK. A proxy calls whatever a module exports, so that each needless
//! export costs every request a way into the sandbox and back; and the SDK's dispatcher, which knows of TCP, gRPC and
//! HTTP calls, was a quarter of the module.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::null_mut;

use super::http::Webhook;
use super::io::Action;
use super::root::Root;

/// Requests by the numbers that the proxy gave them.
type Requests = HashMap<u32, Webhook, BuildHasherDefault<Spread>>;

thread_local! {
    /// The plugin's configurations, with their numbers: one, and for a while two where it is updated.
    static ROOTS: RefCell<Vec<(u32, Root)>> = const { RefCell::new(Vec::new()) };
    static REQUESTS: RefCell<Requests> = const { RefCell::new(HashMap::with_hasher(BuildHasherDefault::new())) };
}

/// Spreads numbers that count up over the buckets of a table. The proxy chooses them, and no client can.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Called once, before anything else.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker writes this function, and nothing else calls it.
    unsafe { __wasm_call_ctors() };
}

/// Tells by its name which ABI this is.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Gives the proxy memory for what a call hands out: exactly so many bytes, which that call's caller frees.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        // SAFETY: the size is not zero. Where there is no memory the null pointer makes the proxy's call fail.
        Ok(layout) if size > 0 => unsafe { alloc(layout) },
        _ => null_mut(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context_id: u32, root_id: u32) {
    if root_id == 0 {
        ROOTS.with_borrow_mut(|roots| roots.push((context_id, Root::default())));
    } else if let Some(request) = root(root_id, |root| root.request(context_id)).flatten() {
        REQUESTS.with_borrow_mut(|requests| requests.insert(context_id, request));
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root_id: u32, _size: usize) -> bool {
    root(root_id, Root::on_configure).unwrap_or(false)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root_id: u32) {
    root(root_id, Root::on_tick);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context_id: u32, _count: usize, end_of_stream: u32) -> Action {
    request(context_id, |request| request.on_request_headers(end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context_id: u32, size: usize, end_of_stream: u32) -> Action {
    request(context_id, |request| request.on_request_body(size, end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context_id: u32, _count: usize) -> Action {
    request(context_id, Webhook::on_request_trailers)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context_id: u32, _count: usize, _end_of_stream: u32) -> Action {
    request(context_id, Webhook::on_response_headers)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context_id: u32) {
    let request = REQUESTS.with_borrow_mut(|requests| requests.remove(&context_id));
    if request.is_none() {
        ROOTS.with_borrow_mut(|roots| roots.retain(|(id, _)| *id != context_id));
    }
}

fn root<T>(root_id: u32, take: impl FnOnce(&mut Root) -> T) -> Option<T> {
    ROOTS.with_borrow_mut(|roots| roots.iter_mut().find(|(id, _)| *id == root_id).map(|(_, root)| take(root)))
}

/// A request that nobody told of has no configuration to be judged by. To end the virtual machine stops it and all
/// others, which is what a proxy does where a module fails.
fn request(context_id: u32, take: impl FnOnce(&mut Webhook) -> Action) -> Action {
    let taken = REQUESTS.with_borrow_mut(|requests| requests.get_mut(&context_id).map(take));
    taken.unwrap_or_else(|| std::process::abort())
}
