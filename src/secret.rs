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
    /// Returns what is wrong with it, in words that do not hold it: what cannot be a secret of Twilio's is a slip of who
    /// wrote it down, and would deny every webhook.
    pub fn new(text: Vec<u8>) -> Result<Secret, &'static str> {
        if text.is_empty() {
            return Err("is empty; give the key that Twilio signs with");
        }
        if text.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
            return Err("holds white space or a control character; remove it (often a newline at the end)");
        }
        match slip(&text) {
            Some(problem) => Err(problem),
            None => Ok(Secret(text)),
        }
    }

    /// Returns true if it looks like an auth token.
    pub fn is_like_a_token(&self) -> bool {
        is_token(&self.0)
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

/// What guides, Twilio's among them, write where a secret is to stand.
const PLACEHOLDERS: [&str; 11] = [
    "authtoken",
    "auth_token",
    "change-me",
    "change_me",
    "changeme",
    "replace-me",
    "replace_me",
    "replaceme",
    "todo",
    "your-auth-token",
    "your_auth_token",
];

/// Returns what a text is that stands where a secret should, and is none.
fn slip(text: &[u8]) -> Option<&'static str> {
    let is_within = |open: &[u8], close: &[u8]| text.starts_with(open) && text.ends_with(close);
    if [&b"\""[..], b"'", b"`"].iter().any(|quote| is_within(quote, quote)) {
        return Some("has quotes around it, which would count as a part of it; remove them");
    }
    let names_variable = text.strip_prefix(b"$").is_some_and(|name| {
        !name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    });
    if names_variable || is_within(b"${", b"}") || is_within(b"$(", b")") || is_within(b"{{", b"}}") {
        return Some(
            "is the name of a variable that nothing has put its value in the place of; give the value",
        );
    }
    let is_word = PLACEHOLDERS.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    let is_crossed_out = text.iter().all(|byte| matches!(byte, b'x' | b'X' | b'*' | b'.'));
    if is_within(b"<", b">") || is_within(b"[", b"]") || is_word || is_crossed_out {
        return Some("is a placeholder; give the key that Twilio signs with");
    }
    let (kind, digits) = text.split_at_checked(2)?;
    if digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit) {
        return match kind {
            b"AC" => Some("is the SID of an account; give the account's auth token"),
            b"SK" => Some(
                "is the SID of an API key, which Twilio signs no webhook with; give the account's auth token",
            ),
            kind if kind.iter().all(u8::is_ascii_uppercase) => {
                Some("is the SID of something at Twilio and no secret; give the account's auth token")
            }
            _ => None,
        };
    }
    None
}

/// Returns whether a text may be an auth token, which is 32 hex digits: in the place of a name it is not to be shown.
pub fn is_like_a_token(text: &str) -> bool {
    is_token(text.as_bytes())
}

fn is_token(text: &[u8]) -> bool {
    text.len() == 32 && text.iter().all(u8::is_ascii_hexdigit)
}

/// Returns whether a variable may be meant by a name, which may then be shown.
pub fn is_variable_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name.bytes().all(is_plain)
        && !is_like_a_token(name)
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn what_is_printed_of_a_secret_says_that_there_is_one_and_no_more() {
        let secret = Secret::new(b"test-token".to_vec()).expect("a secret");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn a_slip_of_the_pen_is_told_by_its_kind() {
        let sid = |kind: &str| format!("{kind}0123456789abcdef0123456789abcdef");
        let table = [
            (r#""test-token""#.to_owned(), "quotes"),
            ("'test-token'".to_owned(), "quotes"),
            ("`test-token`".to_owned(), "quotes"),
            (r#""test-token"#.to_owned(), ""),
            ("$TWILIO_AUTH_TOKEN".to_owned(), "variable"),
            ("${TWILIO_AUTH_TOKEN}".to_owned(), "variable"),
            ("{{token}}".to_owned(), "variable"),
            ("<token>".to_owned(), "placeholder"),
            ("ChangeMe".to_owned(), "placeholder"),
            ("YOUR_AUTH_TOKEN".to_owned(), "placeholder"),
            ("[AuthToken]".to_owned(), "placeholder"),
            ("x".repeat(32), "placeholder"),
            ("********".to_owned(), "placeholder"),
            ("xylophone".to_owned(), ""),
            (sid("AC"), "SID of an account"),
            (sid("SK"), "API key"),
            (sid("MG"), "no secret"),
            ("test-token".to_owned(), ""),
            ("0123456789abcdef0123456789abcdef".to_owned(), ""),
            ("ab0123456789abcdef0123456789abcdef".to_owned(), ""),
        ];
        for (text, words) in table {
            let said = Secret::new(text.clone().into_bytes()).map_or_else(|problem| problem, |_| "");
            assert_eq!(said.is_empty(), words.is_empty(), "{text}: {said}");
            assert!(said.contains(words), "{text}: {said}");
            assert!(!said.contains(&text), "{said}");
        }
    }
}
