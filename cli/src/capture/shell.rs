//! The words of a command, as a POSIX shell takes them apart. Nothing is run and nothing is expanded.

/// The words up to the end of the command.
///
/// # Errors
/// In words that do not repeat the command: a quote that is not closed, or something that only a shell can do.
pub(super) fn words(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b' ' | b'\t' | b'\r' => words.extend(word.take()),
            b'\n' | b';' | b'|' | b'>' | b'<' => break,
            b'&' => {
                // What follows would be another command, and is most often the rest of a URL without quotes.
                if !rest.clone().all(|byte| byte.is_ascii_whitespace()) {
                    return Err(
                        "has an & outside quotes, where a shell ends the command: put the URL in quotes"
                            .to_owned(),
                    );
                }
                break;
            }
            b'#' if word.is_none() => break,
            b'\'' => quoted(word.get_or_insert_default(), &mut rest)?,
            b'"' => double_quoted(word.get_or_insert_default(), &mut rest)?,
            b'$' if rest.clone().next() == Some(b'\'') => {
                rest.next();
                ansi_quoted(word.get_or_insert_default(), &mut rest)?;
            }
            b'\\' => match next_escaped(&mut rest) {
                None | Some(b'\n') => {}
                Some(byte) => word.get_or_insert_default().push(byte),
            },
            _ => {
                refuse_expansion(byte, rest.clone().next())?;
                word.get_or_insert_default().push(byte);
            }
        }
    }
    words.extend(word);
    Ok(words)
}

/// What follows a `\`; a line end may have two characters.
fn next_escaped(rest: &mut (impl Iterator<Item = u8> + Clone)) -> Option<u8> {
    let byte = rest.next();
    if byte == Some(b'\r') && rest.clone().next() == Some(b'\n') {
        return rest.next();
    }
    byte
}

const OPEN: &str = "has a quote that is not closed: it is cut off, or not written for a POSIX shell (in Chrome choose \
                    \"Copy as cURL (bash)\")";

fn quoted(word: &mut Vec<u8>, rest: &mut impl Iterator<Item = u8>) -> Result<(), String> {
    loop {
        match rest.next() {
            Some(b'\'') => return Ok(()),
            Some(byte) => word.push(byte),
            None => return Err(OPEN.to_owned()),
        }
    }
}

fn double_quoted(word: &mut Vec<u8>, rest: &mut (impl Iterator<Item = u8> + Clone)) -> Result<(), String> {
    loop {
        match rest.next() {
            Some(b'"') => return Ok(()),
            Some(b'\\') => match next_escaped(rest) {
                Some(b'\n') => {}
                Some(byte @ (b'"' | b'\\' | b'$' | b'`')) => word.push(byte),
                Some(byte) => word.extend([b'\\', byte]),
                None => return Err(OPEN.to_owned()),
            },
            Some(byte) => {
                refuse_expansion(byte, rest.clone().next())?;
                word.push(byte);
            }
            None => return Err(OPEN.to_owned()),
        }
    }
}

/// `$'…'`, which browsers write where a body holds quotes or line ends.
fn ansi_quoted(word: &mut Vec<u8>, rest: &mut (impl Iterator<Item = u8> + Clone)) -> Result<(), String> {
    loop {
        match rest.next() {
            Some(b'\'') => return Ok(()),
            Some(b'\\') => match rest.next() {
                Some(b'n') => word.push(b'\n'),
                Some(b'r') => word.push(b'\r'),
                Some(b't') => word.push(b'\t'),
                Some(b'x') => word.push(u8::try_from(digits(rest, 2, 16)?).unwrap_or_default()),
                Some(b'u') => push_character(word, digits(rest, 4, 16)?),
                Some(b'U') => push_character(word, digits(rest, 8, 16)?),
                Some(byte @ (b'\\' | b'\'' | b'"' | b'?')) => word.push(byte),
                Some(_) => return Err("has an escape in $'...' that is not known here".to_owned()),
                None => return Err(OPEN.to_owned()),
            },
            Some(byte) => word.push(byte),
            None => return Err(OPEN.to_owned()),
        }
    }
}

/// Up to so many digits.
fn digits(rest: &mut (impl Iterator<Item = u8> + Clone), most: usize, base: u32) -> Result<u32, String> {
    let mut number = None;
    for _ in 0..most {
        let Some(digit) = rest.clone().next().and_then(|byte| char::from(byte).to_digit(base)) else { break };
        rest.next();
        number = Some(number.unwrap_or(0_u32).wrapping_mul(base).wrapping_add(digit));
    }
    number.ok_or_else(|| "has an escape in $'...' without digits".to_owned())
}

fn push_character(word: &mut Vec<u8>, code: u32) {
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    word.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A shell would put something else in its place; what, only that shell knows.
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
