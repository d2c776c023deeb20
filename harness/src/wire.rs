//! What both ends of HTTP/1.1 need: reading heads and bodies from a byte stream.
//!
//! Written here, on `httparse`, because a client or server library would hide what the tests are about: which
//! bytes arrived, whether the message was whole, and how the connection ended.

pub(crate) mod body;
pub(crate) mod head;
pub(crate) mod headers;
pub(crate) mod reader;
