//! A policy with the keys that are known on this machine.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::BuildHasher as _;

use serde_json::Value;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::secret::is_variable_name;

use crate::check::holders;
use crate::failure::Failure;
use crate::plugin::Found;

/// Looks up a variable of this machine.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// What became of the variables that a configuration names.
#[derive(Default)]
struct Variables {
    missing: RefCell<BTreeSet<String>>,
    is_any_known: Cell<bool>,
}

/// The texts of filter state that hold keys, by their key.
pub type FilterStates = BTreeMap<String, Vec<u8>>;

/// Returns a policy that always explains, and the variables and filter states that are not known here: nothing is verified with those.
/// `given` is added to: what is not known gets a text that signed nothing.
///
/// # Errors
/// [`Failure::File`] if the filter would reject the configuration, [`Failure::Token`] if no key at all is known here.
pub fn policy(
    found: &Found,
    lookup: Lookup<'_>,
    given: &mut FilterStates,
) -> Result<(Policy, Vec<String>), Failure> {
    let variables = Variables::default();
    let environment = |name: &str| variables.value(found, lookup, name);
    let parse = |configuration: &[u8]| {
        Policy::parse(configuration, &environment)
            .map_err(|error| Failure::File(format!("the configuration is rejected: {error}")))
    };
    let policy = parse(&found.configuration)?;
    let mut written: Value = serde_json::from_slice(&found.configuration).unwrap_or_default();
    let is_inline = |key: &Value| key["value"].is_string();
    let has_inline = holders(&written).any(|(_, holder)| {
        ["auth_tokens", "shared_keys"]
            .iter()
            .any(|field| holder[field].as_array().into_iter().flatten().any(is_inline))
    });
    let mut missing: Vec<String> = variables.missing.take().into_iter().collect();
    let filter_states = filter_states(&policy);
    let is_any_given = filter_states.iter().any(|key| given.contains_key(key));
    for key in filter_states.into_iter().filter(|key| !given.contains_key(key)).collect::<Vec<_>>() {
        missing.push(format!("--filter-state {key}=FILE"));
        given.insert(key.clone(), random(&key));
    }
    if !missing.is_empty() && !variables.is_any_known.get() && !has_inline && !is_any_given {
        let text = format!("no key of the configuration is known here: set {}", missing.join(" or "));
        return Err(Failure::Token(text));
    }
    match &mut written {
        Value::Object(fields) if !policy.explain() => {
            fields.insert("explain".to_owned(), true.into());
            Ok((parse(written.to_string().as_bytes())?, missing))
        }
        _ => Ok((policy, missing)),
    }
}

impl Variables {
    /// Returns what the filter would find in a variable; where that is known to the proxy alone, a key that signed nothing.
    fn value(&self, found: &Found, lookup: Lookup<'_>, name: &str) -> Option<Vec<u8>> {
        let known = match &found.environment {
            Some(environment) => match environment.values.get(name) {
                Some(value) => Some(value.clone().into_bytes()),
                None if environment.host_keys.iter().any(|key| key == name) => lookup(name),
                None => return None,
            },
            None => lookup(name),
        };
        if known.is_some() {
            self.is_any_known.set(true);
            return known;
        }
        // A name that is not written like one may be a token in the wrong place.
        let is_name = is_variable_name(name);
        let shown = if is_name { name } else { "(a variable whose name is not repeated here)" };
        self.missing.borrow_mut().insert(shown.to_owned());
        (!name.is_empty()).then(|| random(name))
    }
}

/// The filter states that keys are taken from.
fn filter_states(policy: &Policy) -> BTreeSet<String> {
    let keys = policy.routes().iter().flat_map(|route| route.keys().iter()).chain(policy.top_keys().iter());
    keys.filter_map(|key| key.filter_state().map(str::to_owned)).collect()
}

/// A key that signed nothing.
fn random(name: &str) -> Vec<u8> {
    let random = || RandomState::new().hash_one(name);
    format!("{:016x}{:016x}", random(), random()).into_bytes()
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").field("missing", &self.missing).finish_non_exhaustive()
    }
}
