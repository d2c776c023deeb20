//! The adapter to the proxy: the only place that knows proxy-wasm. It carries bytes in and out and takes no
//! decision about a request.

mod abi;
mod http;
mod io;
mod root;
mod waiting;
