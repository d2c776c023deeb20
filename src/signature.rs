//! Keys, signatures, and whether one made the other.
//!
//! A [`Key`] is what the configuration says: a secret that is known when the proxy starts, or a name by which each request
//! brings the text that holds one. A [`KeyRing`] is what a single request is verified with.

mod key;
mod keys;
mod mac;
mod ring;
mod tag;
mod text;

pub use key::{Key, Material};
pub use keys::{Account, Keys, Selected, key_id};
pub use ring::{Gap, KeyRing, Signer};
pub use tag::Tag;
pub use text::{Fault, MOST_LINES, MOST_TEXT};
