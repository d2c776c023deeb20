//! The adapter to the proxy: the only place that knows proxy-wasm. It stands on the `proxy-wasm` SDK, carries bytes in and
//! out, and takes no decision about a request.

mod http;
mod io;
mod plugin;
mod root;
mod waiting;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    // All that the filter logs; how much of it is written, the proxy's own level says.
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
}}
