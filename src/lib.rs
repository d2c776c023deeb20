//! Verifies Twilio webhooks inside Envoy.
//!
//! A request that the configuration covers reaches the upstream only if all of this holds:
//!
//! 1. Exactly one `X-Twilio-Signature`, in standard padded base64, came with it ([`signature`]).
//! 2. Some URL that Twilio may have dialled ([`url`]), followed by the request's sorted parameters
//!    ([`params`]), has that signature under one of the route's own keys ([`route`], [`config`]).
//! 3. Its body is vouched for: by the parameters (a form), by the one `bodySHA256` in the signed URL (any
//!    other body), or by being empty.
//!
//! Everything else is a denial with one [`verdict::Reason`]. The modules stand in the order of a request's
//! way. [`exchange`] is the thread through them: a state machine that sees headers, body and trailers, and
//! answers each with a [`exchange::Step`].
//!
//! The crate is a pure core and a thin adapter. The core names no proxy, reads no clock and no environment,
//! and logs nothing; the adapter (`host`, compiled for WebAssembly alone) carries bytes in and out.
//!
//! # Deployment caveat
//!
//! What is verified is the URL as *this* proxy sees it. A proxy in front that rewrites host, path or query
//! changes it; `url` in the configuration says how to undo that.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod config;
pub mod secret;

pub mod exchange;
pub mod request;
pub mod route;
pub mod url;

pub mod body_hash;
pub mod params;
pub mod signature;
pub mod verify;

pub mod reply;
pub mod verdict;

pub mod explain;
pub mod limit;
pub mod metrics;
pub mod record;

#[cfg(target_arch = "wasm32")]
mod host;
