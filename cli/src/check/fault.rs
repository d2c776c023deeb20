//! What is wrong or weak, and how bad it is.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The filter rejects the configuration, or cannot do its work where it stands.
    Error,
    /// It works, but not as it should, or not for long.
    Warning,
    /// It may be meant so, and is weaker than it could be.
    Note,
}

impl Level {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A thing that is wrong or weak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// How bad it is.
    pub level: Level,
    /// Where it is, in words; may be empty.
    pub place: String,
    /// What it is, and what to do.
    pub text: String,
}

/// Takes down what is found.
pub(super) type Says<'a> = &'a mut dyn FnMut(Level, String);
