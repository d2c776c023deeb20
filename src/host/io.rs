//! Every call into the proxy.
//!
//! They are the SDK's own, in their bytes forms, but for five that are declared here. The SDK's wrappers panic on a status
//! that they do not expect, and a panic ends the virtual machine with all requests of a worker. So a call that may fail
//! because of what a request is must not be made by them. Here a call that fails is `None`, and the core makes a denial of
//! it, or what it was to add is missing.
#![allow(unsafe_code)]

use std::ptr::{null, null_mut};
use std::time::{Duration, UNIX_EPOCH};

use proxy_wasm::hostcalls;
use proxy_wasm::types::{Action, BufferType, MapType, MetricType};

use crate::exchange::Step;
use crate::proxy::Proxy;
use crate::reply::Reply;

/// The status of a call that succeeded. The calls below return numbers and not the SDK's `Status`, which does not have all
/// that Envoy returns.
const OK: u32 = 0;
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    /// The SDK panics on a header's name that is not UTF-8. Envoy refuses one from a client, but what another filter made of
    /// a request is here too.
    fn proxy_get_header_map_pairs(map: MapType, data: *mut *mut u8, size: *mut usize) -> u32;

    /// The SDK panics where the headers have gone on, which depends on how the request arrives.
    fn proxy_remove_header_map_value(map: MapType, name: *const u8, name_size: usize) -> u32;

    /// As for removing.
    fn proxy_replace_header_map_value(
        map: MapType,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;

    /// The SDK panics where another filter that the request has passed holds the property and lets nobody change it.
    fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> u32;

    /// The SDK has no place for the details, and panics where the proxy refuses.
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
}

/// The request that the proxy is calling about, or that [`set_effective_context`] chose.
pub(super) struct Stream;

impl Proxy for Stream {
    fn headers(&self) -> Option<Vec<u8>> {
        let (mut data, mut size) = (null_mut(), 0);
        // SAFETY: the proxy writes a pointer to memory that it had the SDK's allocator give it, and its size.
        let status =
            unsafe { proxy_get_header_map_pairs(MapType::HttpRequestHeaders, &raw mut data, &raw mut size) };
        if status != OK {
            return None;
        }
        if data.is_null() {
            return Some(Vec::new());
        }
        // SAFETY: on success there are `size` bytes in that memory, which is a boxed slice of exactly that size; nobody
        // else frees it.
        Some(unsafe { Vec::from_raw_parts(data, size, size) })
    }

    fn remove_header(&self, name: &str) {
        // SAFETY: the name is ours for the length of the call. A header that is not there is removed already.
        unsafe { proxy_remove_header_map_value(MapType::HttpRequestHeaders, name.as_ptr(), name.len()) };
    }

    fn set_header(&self, name: &str, value: &str) {
        // SAFETY: as above. If it fails the upstream lacks a hint, and no more.
        unsafe {
            proxy_replace_header_map_value(
                MapType::HttpRequestHeaders,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        };
    }

    fn route_name(&self) -> Vec<u8> {
        property(&["xds", "route_name"]).unwrap_or_default()
    }

    fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        property(&["filter_state", key])
    }

    fn own_state(&self, key: &str) -> Option<Vec<u8>> {
        property(&[key])
    }

    fn set_own_state(&self, key: &str, value: &str) {
        // SAFETY: both are ours for the length of the call. If it fails the access log lacks a field, a gate stays shut, or
        // another filter removes a header: nothing passes by it.
        unsafe { proxy_set_property(key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
    }

    fn listener_port(&self) -> Option<u16> {
        u16::try_from(number(&["destination", "port"])?).ok()
    }

    fn body(&self, size: usize) -> Option<Vec<u8>> {
        hostcalls::get_buffer(BufferType::HttpRequestBody, 0, size).ok().flatten()
    }

    fn has_upstream(&self) -> bool {
        property(&["upstream", "address"]).is_some()
    }

    fn bytes_received(&self) -> Option<u64> {
        number(&["request", "total_size"])
    }

    fn response_code_details(&self) -> Vec<u8> {
        property(&["response", "code_details"]).unwrap_or_default()
    }

    fn response_status(&self) -> Option<u16> {
        let status =
            hostcalls::get_map_value_bytes(MapType::HttpResponseHeaders, ":status").ok().flatten()?;
        std::str::from_utf8(&status).ok()?.parse().ok()
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
        log::error!("twilio_webhook: the proxy refused to send a reply; the request stays stopped");
    }
}

pub(super) fn plugin_configuration() -> Option<Vec<u8>> {
    hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX).ok().flatten()
}

pub(super) fn define_counter(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricType::Counter, name).ok()
}

/// Adds one. A count that fails must not stop a request.
pub(super) fn increment(counter: u32) {
    let _ = hostcalls::increment_metric(counter, 1);
}

/// Makes the proxy choose the request's route anew, by what filter state says now. If it does not, the request stays on a
/// route that leads nowhere.
pub(super) fn clear_route_cache() {
    if hostcalls::call_foreign_function("clear_route_cache", None).is_err() {
        log::error!(
            "twilio_webhook: the proxy cannot clear_route_cache; the request stays on the route that it is on"
        );
    }
}

/// Returns the name that the proxy's configuration gives this plugin.
pub(super) fn plugin_name() -> String {
    property(&["plugin_name"]).and_then(|name| String::from_utf8(name).ok()).unwrap_or_default()
}

/// Asks for ticks. A period of zero stops them.
pub(super) fn set_tick_period(period: Duration) {
    let _ = hostcalls::set_tick_period(period);
}

/// Makes the calls that follow about this request. Returns whether it exists still.
pub(super) fn set_effective_context(context_id: u32) -> bool {
    hostcalls::set_effective_context(context_id).is_ok()
}

pub(super) fn now_ns() -> u64 {
    let since = |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).ok();
    let now = hostcalls::get_current_time().ok().and_then(since).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns a property of the request, unless it is empty.
fn property(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

fn number(path: &[&str]) -> Option<u64> {
    property(path)?.try_into().ok().map(u64::from_le_bytes)
}
