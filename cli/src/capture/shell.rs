//! The words of a command in a POSIX shell. Nothing is run and nothing is expanded.
//!
//! `shlex` takes the words apart. Here stands what it does not know: where the command ends, what only a shell can expand,
//! and `$'…'`, which browsers write where a body holds quotes or line ends.

use shlex::bytes::{Shlex, try_quote};

/// Returns the words up to the end of the command.
///
/// # Errors
/// In words that do not repeat the command: a quote that is not closed, or something that only a shell can do.
pub(super) fn words(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let command = command(text)?;
    let mut words = Shlex::new(&command);
    let found = words.by_ref().collect();
    if words.had_error { Err(OPEN.to_owned()) } else { Ok(found) }
}

const OPEN: &str = "has a quote that is not closed: it is cut off, or not written for a POSIX shell (in Chrome choose \
                    \"Copy as cURL (bash)\")";

/// Returns the command that a text begins with, on one line, and with each `$'…'` in quotes that `shlex` knows.
fn command(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut command = Vec::new();
    let mut quote = None;
    let mut is_between_words = true;
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        let next = rest.clone().next();
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(b'\''), _) => {}
            (_, b'\\') => {
                // Without the line ends: `shlex` would find an empty word between two of them.
                match next_escaped(&mut rest) {
                    None | Some(b'\n') => {}
                    Some(escaped) => {
                        command.extend([b'\\', escaped]);
                        is_between_words = false;
                    }
                }
                continue;
            }
            (Some(_), _) => refuse_expansion(byte, next)?,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b' ' | b'\t' | b'\r') => {
                command.push(b' ');
                is_between_words = true;
                continue;
            }
            (None, b'\n' | b';' | b'|' | b'>' | b'<') => break,
            (None, b'&') => {
                // What follows would be another command, and is most often the rest of a URL without quotes.
                if !rest.all(|byte| byte.is_ascii_whitespace()) {
                    return Err(
                        "has an & outside quotes, where a shell ends the command: put the URL in quotes"
                            .to_owned(),
                    );
                }
                break;
            }
            (None, b'#') if is_between_words => break,
            (None, b'$') if next == Some(b'\'') => {
                rest.next();
                let text = ansi_quoted(&mut rest)?;
                let quoted =
                    try_quote(&text).map_err(|_| "has a zero byte in $'...', where a shell ends the word")?;
                command.extend_from_slice(&quoted);
                is_between_words = false;
                continue;
            }
            (None, _) => refuse_expansion(byte, next)?,
        }
        command.push(byte);
        is_between_words = false;
    }
    Ok(command)
}

/// Reads what follows a `\`; a line end may have two characters.
fn next_escaped(rest: &mut (impl Iterator<Item = u8> + Clone)) -> Option<u8> {
    let byte = rest.next();
    if byte == Some(b'\r') && rest.clone().next() == Some(b'\n') {
        return rest.next();
    }
    byte
}

/// Reads the rest of `$'…'`, and returns what is in it.
fn ansi_quoted(rest: &mut (impl Iterator<Item = u8> + Clone)) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    loop {
        match rest.next() {
            Some(b'\'') => return Ok(text),
            Some(b'\\') => match rest.next() {
                Some(b'n') => text.push(b'\n'),
                Some(b'r') => text.push(b'\r'),
                Some(b't') => text.push(b'\t'),
                Some(b'x') => text.push(u8::try_from(digits(rest, 2, 16)?).unwrap_or_default()),
                Some(b'u') => push_character(&mut text, digits(rest, 4, 16)?),
                Some(b'U') => push_character(&mut text, digits(rest, 8, 16)?),
                Some(byte @ (b'\\' | b'\'' | b'"' | b'?')) => text.push(byte),
                Some(_) => return Err("has an escape in $'...' that is not known here".to_owned()),
                None => return Err(OPEN.to_owned()),
            },
            Some(byte) => text.push(byte),
            None => return Err(OPEN.to_owned()),
        }
    }
}

/// Reads a number of at most so many digits.
fn digits(rest: &mut (impl Iterator<Item = u8> + Clone), most: usize, base: u32) -> Result<u32, String> {
    let mut number = None;
    for _ in 0..most {
        let Some(digit) = rest.clone().next().and_then(|byte| char::from(byte).to_digit(base)) else { break };
        rest.next();
        number = Some(number.unwrap_or(0_u32).wrapping_mul(base).wrapping_add(digit));
    }
    number.ok_or_else(|| "has an escape in $'...' without digits".to_owned())
}

fn push_character(text: &mut Vec<u8>, code: u32) {
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Refuses what a shell would put something else in the place of; what, only that shell knows.
fn refuse_expansion(byte: u8, next: Option<u8>) -> Result<(), String> {
    let is_name = next.is_some_and(|next| next.is_ascii_alphanumeric() || b"_{(@*#?!-".contains(&next));
    if byte == b'`' || (byte == b'$' && is_name) {
        return Err(
            "has a variable or a command in it that a shell would expand; put what it stands for there"
                .to_owned(),
        );
    }
    Ok(())
}
