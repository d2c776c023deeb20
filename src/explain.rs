//! Why a webhook was denied: what commonly goes wrong, tried after the verdict and outside it.
//!
//! The [`Evidence`] of a denial goes with its verdict until that has been recorded. An [`Explanation`] is asked for only
//! when a line about the denial will be written to the log. So a flood of forged requests buys no more searches than log
//! lines, and each search is bounded: at most [`MOST_HMACS`] HMACs over at most [`MOST_HASHED`] bytes, after which nothing
//! more is put together either, and none for a body above [`MOST_BODY`], which is not even read then.
//!
//! An explanation never changes a verdict, and nothing of the request is in its text: it names a cause from a closed
//! list, a setting, and a key by its configured name.

mod bodies;
mod cause;
mod evidence;
mod explanation;
mod find;
mod hosts;
mod keys;
mod orders;
mod paths;
mod queries;
mod search;
mod urls;

pub use cause::{Cause, Setting};
pub use evidence::Evidence;
pub use explanation::{Detail, Explanation};
pub use search::{MOST_BODY, MOST_HASHED, MOST_HMACS};
