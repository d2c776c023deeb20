//! The adapter to the proxy: the only place that knows proxy-wasm. It carries bytes in and out and takes no
//! decision about a request.

mod http;
mod io;
mod root;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
}}
