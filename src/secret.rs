//! A secret that cannot be printed.

use std::fmt;

/// An auth token or the secret of a shared key, until a key is made of it.
///
/// It has no `Display`, its `Debug` shows nothing, and it cannot be cloned. Its memory is not wiped: the proxy
/// holds the same bytes in its own configuration or environment.
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes a secret.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not hold it: it must not be empty, and white space or a control
    /// character in it is nearly always a newline that a file left at its end.
    pub fn new(text: Vec<u8>) -> Result<Secret, &'static str> {
        if text.is_empty() {
            return Err("is empty; give the key that Twilio signs with");
        }
        if text.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
            return Err("holds white space or a control character; remove it (often a newline at the end)");
        }
        Ok(Secret(text))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Whether a text may be an auth token, which is 32 hex digits: in the place of a name it is not to be shown.
pub fn is_like_a_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn what_is_printed_of_a_secret_says_that_there_is_one_and_no_more() {
        let secret = Secret::new(b"test-token".to_vec()).expect("a secret");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
