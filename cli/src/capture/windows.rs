//! The words of a command as Windows writes it: for `cmd`, and for PowerShell. Nothing is run and nothing is expanded.

/// Which shell a command is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shell {
    /// `^"` for a quote, `^` before a line end.
    Cmd,
    /// A backtick before a quote or a line end.
    PowerShell,
}

/// Returns the shell of Windows that a command is written for, if it shows that it is for one.
pub(super) fn shell(text: &[u8]) -> Option<Shell> {
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    let ends_a_line = |mark: u8| {
        let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        lines.any(|line| line.ends_with(&[b' ', mark]))
    };
    if has(b"^\"") || ends_a_line(b'^') {
        Some(Shell::Cmd)
    } else if has(b"`\"") || ends_a_line(b'`') {
        Some(Shell::PowerShell)
    } else {
        None
    }
}

const OPEN: &str = "has a quote that is not closed: it is cut off";
const OTHER: &str = "has an & outside quotes, where a shell ends the command: put the URL in quotes";
const EXPANDED: &str =
    "has a variable or a command in it that a shell would expand; put what it stands for there";

/// Returns the words up to the end of the command.
///
/// # Errors
/// In words that do not repeat the command: a quote that is not closed, or something that only a shell can do.
pub(super) fn words(text: &[u8], shell: Shell) -> Result<Vec<Vec<u8>>, String> {
    match shell {
        Shell::Cmd => words_of_line(&line_of_cmd(text)?),
        Shell::PowerShell => words_of_powershell(text),
    }
}

/// Returns the line that `cmd` hands to a program, without its own escapes.
fn line_of_cmd(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut line = Vec::new();
    let mut is_quoted = false;
    let mut rest = text.iter().copied().filter(|byte| *byte != b'\r').peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'^' if !is_quoted => match rest.next() {
                // A line end that is meant is written twice.
                Some(b'\n') if rest.peek() == Some(&b'\n') => line.extend(rest.next()),
                Some(b'\n') | None => {}
                Some(escaped) => line.push(escaped),
            },
            b'\n' | b'|' | b'<' | b'>' if !is_quoted => break,
            b'&' if !is_quoted => return Err(OTHER.to_owned()),
            _ => {
                is_quoted ^= byte == b'"';
                line.push(byte);
            }
        }
    }
    Ok(line)
}

/// Returns the words of a line as programs of Windows take it apart. Browsers write two backslashes for one wherever it
/// stands, and so two are one here.
fn words_of_line(line: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let (mut words, mut word) = (Vec::new(), None::<Vec<u8>>);
    let mut is_quoted = false;
    let mut rest = line.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if matches!(rest.peek(), Some(b'"' | b'\\')) => {
                word.get_or_insert_with(Vec::new).extend(rest.next());
            }
            b'"' if is_quoted && rest.peek() == Some(&b'"') => {
                word.get_or_insert_with(Vec::new).extend(rest.next());
            }
            b'"' => {
                word.get_or_insert_with(Vec::new);
                is_quoted = !is_quoted;
            }
            b' ' | b'\t' if !is_quoted => words.extend(word.take()),
            _ => word.get_or_insert_with(Vec::new).push(byte),
        }
    }
    if is_quoted {
        return Err(OPEN.to_owned());
    }
    words.extend(word);
    Ok(words)
}

fn words_of_powershell(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let (mut words, mut word) = (Vec::new(), None::<Vec<u8>>);
    let mut quote = None;
    let mut rest = text.iter().copied().filter(|byte| *byte != b'\r').peekable();
    while let Some(byte) = rest.next() {
        let next = rest.peek().copied();
        match (quote, byte) {
            (Some(open), _) if byte == open && next == Some(open) => {
                word.get_or_insert_with(Vec::new).extend(rest.next());
            }
            (Some(open), _) if byte == open => quote = None,
            (Some(b'\''), _) => word.get_or_insert_with(Vec::new).push(byte),
            (_, b'`') => match rest.next() {
                Some(b'\n') | None => {}
                Some(escaped) => word.get_or_insert_with(Vec::new).push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                }),
            },
            (_, b'$')
                if next.is_some_and(|next| next.is_ascii_alphanumeric() || b"_{($?^:".contains(&next)) =>
            {
                return Err(EXPANDED.to_owned());
            }
            (Some(_), _) => word.get_or_insert_with(Vec::new).push(byte),
            (None, b'\'' | b'"') => {
                word.get_or_insert_with(Vec::new);
                quote = Some(byte);
            }
            (None, b' ' | b'\t') => words.extend(word.take()),
            (None, b'\n' | b';' | b'|' | b'>' | b'<') => break,
            (None, b'&') => return Err(OTHER.to_owned()),
            (None, _) => word.get_or_insert_with(Vec::new).push(byte),
        }
    }
    if quote.is_some() {
        return Err(OPEN.to_owned());
    }
    words.extend(word);
    Ok(words.into_iter().map(without_escaped_quotes).collect())
}

/// The PowerShell of Windows itself takes quotes away from what it hands to programs, so that each is written with a
/// backslash before it there.
fn without_escaped_quotes(word: Vec<u8>) -> Vec<u8> {
    let are_all_escaped = word.contains(&b'"')
        && word.iter().enumerate().all(|(at, byte)| {
            *byte != b'"' || at.checked_sub(1).and_then(|before| word.get(before)) == Some(&b'\\')
        });
    if !are_all_escaped {
        return word;
    }
    let mut rest = word.iter().copied().peekable();
    let mut plain = Vec::with_capacity(word.len());
    while let Some(byte) = rest.next() {
        if byte != b'\\' || rest.peek() != Some(&b'"') {
            plain.push(byte);
        }
    }
    plain
}
