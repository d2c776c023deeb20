//! Plays Twilio against a webhook: signs requests as Twilio does, sends them byte for byte, forges them, and runs
//! tables of them with what is expected of each.
//!
//! Nothing here calls the filter's own code: see [`sign`].

#![warn(missing_docs)]

pub mod args;
pub mod client;
pub mod commands;
pub mod curl;
pub mod failure;
pub mod fixtures;
pub mod forge;
pub mod form;
pub mod key;
pub mod report;
pub mod request;
pub mod scenario;
pub mod sign;
pub mod url;
pub mod webhook;
