//! What a configuration means, route by route, and what is wrong or weak in it and around it.

mod around;
mod buffers;
mod coverage;
mod describe;
mod fault;
mod filter_states;
mod gate;
mod names;
mod near;
mod patches;
mod readers;
mod targets;
mod weak;
mod webhooks;
mod words;
mod written;

use std::fmt::Write as _;

use twilio_proxy_wasm::config::ConfigError;
use twilio_proxy_wasm::policy::Policy;

use crate::plugin::Found;
use coverage::Checked;
use words::{counted, plain};
use written::written;

pub use fault::{Fault, Level};
pub(crate) use words::or_hidden;
pub(crate) use written::holders;

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
        let mut checked: Vec<Checked<'_>> = Vec::new();
        for (index, found) in plugins.iter().enumerate() {
            let (faults, earlier) = (&mut report.faults, plugins.get(..index).unwrap_or_default());
            let mut says = |level, text: String| {
                faults.push(Fault { level, place: plain(&found.place), text: plain(&text) });
            };
            match policy(found) {
                Err(error) => {
                    says(Level::Error, error.to_string());
                    around::unread(found, &mut says);
                }
                Ok(policy) => {
                    let written = written(found);
                    describe::plugin(&mut report.meaning, found, &policy, &written);
                    let domains = domains(found);
                    weak::faults(&policy, &written, domains.as_deref(), &mut says);
                    around::faults(found, &policy, &written, &mut says);
                    gate::faults(found, earlier, &policy, &written, &mut says);
                    filter_states::faults(found, &policy, &mut says);
                    let plugin = Checked { found, policy, written };
                    names::faults(&plugin, &mut says);
                    buffers::faults(&plugin, &mut says);
                    checked.push(plugin);
                }
            }
            around::twins(found, earlier, &mut says);
        }
        webhooks::faults(&checked, &mut report.faults);
        if let Some(found) = plugins.first() {
            targets::faults(&found.around, &mut report.faults);
            patches::faults(&found.around, &checked, &mut report.faults);
            readers::faults(&found.around, &checked, &mut report.faults);
        }
        report.faults.sort_by_key(|fault| fault.level);
        report
    }

    /// Returns how many faults are of a level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.faults.iter().filter(|fault| fault.level == level).count()
    }

    /// Returns the whole report as text.
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

/// Returns the hosts that the proxy sends anywhere, where the files tell.
fn domains(found: &Found) -> Option<Vec<String>> {
    if let Some(manager) = &found.manager {
        return manager.domains.clone();
    }
    let entries = || found.around.entries.iter().filter(|entry| Some(entry.maker) == found.maker);
    let is_told = entries().next().is_some() && entries().all(|entry| !entry.hosts.is_empty());
    is_told.then(|| entries().flat_map(|entry| entry.hosts.clone()).collect())
}

/// Returns the policy as the filter would read it. A variable that the plugin is given counts as set: what it holds is known
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
