//! Words of a file as a report may show them.

use twilio_proxy_wasm::secret::is_like_a_token;

/// Returns text of a file on one line, with nothing in it that a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    let shown = |character: char| {
        if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(shown).collect()
}

/// Returns a name, or in its place that it is hidden, if it may be an auth token in the wrong place.
pub(crate) fn or_hidden(name: &str) -> &str {
    if is_like_a_token(name) { "(hidden: it looks like a token)" } else { name }
}

pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
