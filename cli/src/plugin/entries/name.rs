//! Names of a proxy's routes, of which a file may tell a part alone.

use std::fmt;

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// This text.
    Text(String),
    /// Something that the file does not tell, by what it is.
    Unknown(&'static str),
}

/// The name that a proxy knows a route by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(Vec<Part>);

impl Name {
    pub(crate) fn whole(text: String) -> Self {
        Self(vec![Part::Text(text)])
    }

    /// Returns a namespace, which the file may not tell, with text behind it.
    pub(crate) fn in_namespace(namespace: Option<&str>, text: &str) -> Self {
        Self(Vec::new()).then_maybe(namespace, "namespace").then(text)
    }

    /// Puts text behind the name.
    pub(super) fn then(mut self, text: &str) -> Self {
        self.0.push(Part::Text(text.to_owned()));
        self
    }

    /// Puts behind the name what is told, or that there is something.
    pub(super) fn then_maybe(mut self, told: Option<&str>, what: &'static str) -> Self {
        self.0.push(told.map_or(Part::Unknown(what), |told| Part::Text(told.to_owned())));
        self
    }

    /// Returns whether a name may be this one.
    #[must_use]
    pub fn may_be(&self, name: &str) -> bool {
        matches(&self.0, name)
    }
}

fn matches(parts: &[Part], name: &str) -> bool {
    match parts {
        [] => name.is_empty(),
        [Part::Text(text), rest @ ..] => {
            name.strip_prefix(text.as_str()).is_some_and(|name| matches(rest, name))
        }
        [Part::Unknown(_), rest @ ..] => {
            let ends = name.char_indices().map(|(at, character)| at.saturating_add(character.len_utf8()));
            ends.into_iter().any(|end| name.get(end..).is_some_and(|name| matches(rest, name)))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Unknown(what) => write!(f, "<{what}>")?,
            }
        }
        Ok(())
    }
}
