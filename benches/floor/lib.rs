//! A filter that holds a request until its body is here, and decides nothing. What it costs is the floor of the sandbox:
//! no filter that looks at a request before it lets it go on can cost less. `make bench` runs it beside the real one.
//!
//! It is as little as Envoy loads: an SDK would add callbacks that it does not need, and their cost.

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Envoy loads no module without this. Nothing is asked of the proxy, so it never hands out memory.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(_size: usize) -> *mut u8 {
    std::ptr::null_mut()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(_context_id: u32, _root_id: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_context_id: u32, _count: u32, end_of_stream: u32) -> u32 {
    if end_of_stream == 0 { PAUSE } else { CONTINUE }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(_context_id: u32, _size: u32, end_of_stream: u32) -> u32 {
    if end_of_stream == 0 { PAUSE } else { CONTINUE }
}
