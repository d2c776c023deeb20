//! `application/x-www-form-urlencoded`, as Twilio writes it.

use crate::sign::Param;

/// Encodes parameters in the order given.
#[must_use]
pub fn encode(params: &[Param]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

/// Decodes a query or a form. What is not valid UTF-8 becomes U+FFFD: Twilio sends none.
#[must_use]
pub fn decode(text: &str) -> Vec<Param> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
