//! Verifies Twilio webhooks inside Envoy.
//!
//! A request that the configuration covers reaches the upstream only if all of this holds:
//!
//! 1. Exactly one `X-Twilio-Signature`, in standard padded base64, came with it ([`signature`]).
//! 2. Some URL that Twilio may have dialled ([`url`]), followed by the request's sorted parameters
//!    ([`params`]), has that signature under one of the route's own keys ([`route`], [`policy`]).
//! 3. Its body is vouched for: by the parameters (a form), by the one `bodySHA256` in the signed URL (any
//!    other body), or by being empty.
//!
//! Everything else is a denial with one [`reason::Reason`]. Begin with [`exchange`], which follows a request
//! from its headers to its verdict: a state machine that sees headers, body and trailers, and answers each
//! with a [`exchange::Step`]. The modules before it stand, as far as imports allow, in the order of that way.
//!
//! The crate is a pure core and a thin adapter. The core names no proxy, reads no clock and no environment,
//! and logs nothing; the adapter (`host`, compiled for WebAssembly alone) carries bytes in and out.
//!
//! # Deployment caveat
//!
//! What is verified is the URL as *this* proxy sees it. A proxy in front that rewrites host, path or query
//! changes it; `url` in the configuration says how to undo that.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

// A room imports only rooms above it, which `tests/rooms.rs` holds.

pub mod proxy;
pub mod reason;

pub mod secret;

pub mod config;

pub mod request;
pub mod route;

pub mod params;

pub mod body_hash;
pub mod signature;
pub mod url;

pub mod policy;
pub mod verify;

pub mod verdict;

pub mod explain;
pub mod reply;

pub mod record;

pub mod limit;
pub mod metrics;

pub mod exchange;

#[cfg(target_arch = "wasm32")]
mod host;
