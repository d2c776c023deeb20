//! What a configuration means, route by route, and what is wrong or weak in it and around it.

mod around;
mod describe;
mod weak;

use std::fmt::Write as _;

use serde_json::Value;
use twilio_proxy_wasm::config::{ConfigError, Policy};
use twilio_proxy_wasm::secret::is_like_a_token;

use crate::plugin::Found;
pub(crate) use weak::holders;

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
    fn label(self) -> &'static str {
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
type Says<'a> = &'a mut dyn FnMut(Level, String);

/// All that there is to say of a file.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What the plugins mean, as text for people.
    pub meaning: String,
    /// What is wrong or weak, the worst first.
    pub faults: Vec<Fault>,
    plugins: usize,
}

impl Report {
    /// Looks at the plugins of a file.
    #[must_use]
    pub fn of(plugins: &[Found]) -> Self {
        let mut report = Self { plugins: plugins.len(), ..Self::default() };
        for (index, found) in plugins.iter().enumerate() {
            let faults = &mut report.faults;
            let mut says = |level, text: String| {
                faults.push(Fault { level, place: plain(&found.place), text: plain(&text) });
            };
            match policy(found) {
                Err(error) => says(Level::Error, error.to_string()),
                Ok(policy) => {
                    let written = written(found);
                    describe::plugin(&mut report.meaning, found, &policy, &written);
                    weak::faults(&policy, &written, &mut says);
                    around::faults(found, &policy, &written, &mut says);
                }
            }
            around::twins(found, plugins.get(..index).unwrap_or_default(), &mut says);
        }
        report.faults.sort_by_key(|fault| fault.level);
        report
    }

    /// How many faults are of a level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.faults.iter().filter(|fault| fault.level == level).count()
    }

    /// The whole of it as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.meaning.clone();
        for Fault { level, place, text: fault } in &self.faults {
            let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
            let _ = writeln!(text, "{}: {place}{fault}", level.label());
        }
        let counts = [Level::Error, Level::Warning, Level::Note]
            .map(|level| counted(self.count(level), level.label()))
            .join(", ");
        let _ = writeln!(text, "{}: {counts}", counted(self.plugins, "plugin"));
        text
    }
}

/// Text of a file as a terminal may be given it, on one line.
fn plain(text: &str) -> String {
    let shown = |character: char| {
        if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(shown).collect()
}

/// A name of a file, unless it may be an auth token in the wrong place.
pub(crate) fn or_hidden(name: &str) -> &str {
    if is_like_a_token(name) { "(hidden: it looks like a token)" } else { name }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The policy as the filter would read it. A variable that the plugin is given counts as set: what it holds is known
/// only where the proxy runs.
///
/// # Errors
/// As the filter would say it.
pub fn policy(found: &Found) -> Result<Policy, ConfigError> {
    let environment = |name: &str| match &found.environment {
        None => (!name.is_empty()).then(|| b"set".to_vec()),
        Some(environment) => match environment.values.get(name) {
            Some(value) => Some(value.clone().into_bytes()),
            None => environment.host_keys.iter().any(|key| key == name).then(|| b"set".to_vec()),
        },
    };
    Policy::parse(&found.configuration, &environment)
}

/// The configuration as it is written.
fn written(found: &Found) -> Value {
    serde_json::from_slice(&found.configuration).unwrap_or_default()
}
