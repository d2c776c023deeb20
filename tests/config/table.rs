//! The tables of `bad/`: configurations that are rejected, each with what is said of it.
//!
//! A case is its name, what is written, and below it the message. `within` gives what stands around what the cases after it
//! write: it takes the place of `HERE`, and the line's end follows. Behind `::`, `\n`, `\t` and `\xFF` are escapes, and nothing
//! follows.

use std::fs;
use std::path::Path;

/// A configuration that is rejected.
pub(crate) struct Case {
    /// Its name, which begins with its subject.
    pub(crate) name: String,
    /// What is written.
    pub(crate) configuration: Vec<u8>,
    /// What is said of it.
    pub(crate) message: String,
}

/// Returns the cases of all the tables in a directory.
pub(crate) fn cases(directory: &Path) -> Vec<Case> {
    let mut tables: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    tables.sort();
    tables.iter().flat_map(|path| table(&fs::read_to_string(path).unwrap())).collect()
}

fn table(text: &str) -> Vec<Case> {
    let (mut around, mut cases, mut written) = ("HERE", Vec::new(), None);
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        if let Some(message) = line.strip_prefix("    ") {
            let (name, configuration) = written.take().unwrap_or_else(|| panic!("nothing before: {line}"));
            cases.push(Case { name, configuration, message: message.to_owned() });
        } else if let Some(text) = line.strip_prefix("within ") {
            around = text;
        } else {
            let (name, text) = line.split_once(':').unwrap_or_else(|| panic!("no case: {line}"));
            let configuration = match text.strip_prefix(':') {
                Some(text) => unescaped(text.strip_prefix(' ').unwrap_or(text)),
                None => format!("{}\n", around.replace("HERE", text.trim_start())).into_bytes(),
            };
            assert!(written.replace((name.to_owned(), configuration)).is_none(), "no message before: {line}");
        }
    }
    assert!(written.is_none(), "no message at the end");
    cases
}

fn unescaped(text: &str) -> Vec<u8> {
    let parts: Vec<Vec<u8>> =
        text.split("\\xFF").map(|part| part.replace("\\n", "\n").replace("\\t", "\t").into_bytes()).collect();
    parts.join(&0xFF)
}
