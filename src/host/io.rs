//! Every call into the proxy.
//!
//! They are declared here and not taken from the SDK, because the SDK's wrappers panic on a status that they do not
//! expect and on text that is not UTF-8, and a panic ends a worker's VM. Here a call that fails is `None`, and the
//! core makes a denial of it.
#![allow(unsafe_code)]

use std::ptr::{null, null_mut};

use crate::exchange::{Proxy, Step};
use crate::reply::Reply;

/// Numbers of the proxy-wasm ABI 0.2.1.
const OK: u32 = 0;
const REQUEST_HEADERS: u32 = 0;
const REQUEST_BODY: u32 = 0;
const PLUGIN_CONFIGURATION: u32 = 7;
const COUNTER: u32 = 0;
const NO_GRPC_STATUS: i32 = -1;

/// What the proxy is to do with the request, once a callback has returned.
#[repr(u32)]
pub(super) enum Action {
    Continue = 0,
    Pause = 1,
}

/// How much a line of the log matters.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: Level, line: *const u8, line_size: usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        most: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_set_effective_context(context_id: u32) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
}

/// The request that the proxy is calling about, or that [`set_effective_context`] chose.
pub(super) struct Stream;

impl Proxy for Stream {
    fn headers(&self) -> Option<Vec<u8>> {
        // SAFETY: the proxy writes a pointer to memory that it had our allocator give it, and its size.
        taken(|data, size| unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, data, size) })
    }

    fn remove_header(&self, name: &str) {
        // SAFETY: the name is ours for the length of the call. A header that is not there is removed already.
        unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) };
    }

    fn set_header(&self, name: &str, value: &str) {
        // SAFETY: as above. If it fails the upstream lacks a hint, and no more.
        unsafe {
            proxy_replace_header_map_value(
                REQUEST_HEADERS,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        };
    }

    fn route_name(&self) -> Vec<u8> {
        property(b"xds\0route_name").unwrap_or_default()
    }

    fn listener_port(&self) -> Option<u16> {
        u16::try_from(number(b"destination\0port")?).ok()
    }

    fn body(&self, size: usize) -> Option<Vec<u8>> {
        buffer(REQUEST_BODY, size)
    }

    fn has_upstream(&self) -> bool {
        property(b"upstream\0address").is_some_and(|address| !address.is_empty())
    }

    fn bytes_received(&self) -> Option<u64> {
        number(b"request\0total_size")
    }

    fn response_code_details(&self) -> Vec<u8> {
        property(b"response\0code_details").unwrap_or_default()
    }
}

/// Does what the core says, and tells the proxy how to go on.
pub(super) fn perform(step: Step) -> Action {
    match step {
        Step::Continue => Action::Continue,
        Step::Hold => Action::Pause,
        Step::Reply(reply) => {
            send(reply);
            Action::Pause
        }
    }
}

fn send(Reply { status, body, details }: Reply) {
    // SAFETY: all pointers are to constants. No headers are added: a null pointer with size 0.
    let sent = unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            null(),
            0,
            NO_GRPC_STATUS,
        )
    };
    if sent != OK {
        log(Level::Error, "twilio_webhook: the proxy refused to send a reply; the request stays stopped");
    }
}

pub(super) fn log(level: Level, line: &str) {
    // SAFETY: the line is ours for the length of the call. Where a line that cannot be logged goes, nobody can tell.
    unsafe { proxy_log(level, line.as_ptr(), line.len()) };
}

pub(super) fn plugin_configuration() -> Option<Vec<u8>> {
    buffer(PLUGIN_CONFIGURATION, usize::MAX)
}

pub(super) fn define_counter(name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the proxy writes the one number that `id` holds.
    let status = unsafe { proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

pub(super) fn increment(counter: u32) {
    // SAFETY: no memory is passed. A count that fails must not stop a request.
    unsafe { proxy_increment_metric(counter, 1) };
}

pub(super) fn set_filter_state(key: &str, value: &str) {
    // SAFETY: both are ours for the length of the call. If it fails the access log lacks a field, and no more.
    unsafe { proxy_set_property(key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
}

/// A period of 0 stops the ticks.
pub(super) fn set_tick_period(milliseconds: u32) {
    // SAFETY: no memory is passed.
    unsafe { proxy_set_tick_period_milliseconds(milliseconds) };
}

/// Whether the stream exists still.
pub(super) fn set_effective_context(context_id: u32) -> bool {
    // SAFETY: no memory is passed.
    unsafe { proxy_set_effective_context(context_id) == OK }
}

pub(super) fn now_ns() -> u64 {
    let mut time = 0;
    // SAFETY: the proxy writes the one number that `time` holds.
    unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    time
}

fn property(path: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: the path is ours for the length of the call; for the rest see `taken`.
    taken(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

fn number(path: &[u8]) -> Option<u64> {
    property(path)?.try_into().ok().map(u64::from_le_bytes)
}

fn buffer(kind: u32, most: usize) -> Option<Vec<u8>> {
    // SAFETY: see `taken`.
    taken(|data, size| unsafe { proxy_get_buffer_bytes(kind, 0, most, data, size) })
}

/// Takes over the bytes that a call hands out.
fn taken(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    if call(&raw mut data, &raw mut size) != OK {
        return None;
    }
    if data.is_null() || size == 0 {
        return Some(Vec::new());
    }
    // SAFETY: on success the proxy has put `size` bytes into memory that `proxy_on_memory_allocate` gave out,
    // which is a boxed slice of exactly that size; nobody else frees it.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}
