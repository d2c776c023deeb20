//! The filter's configuration, and the files of proxies and control planes that hold one.

mod entries;
mod filter_state;
mod find;
mod found;
mod objects;
mod place;
mod routes;
mod version;

pub use entries::{Entry, Maker, Name, PathRule};
pub(crate) use filter_state::written;
pub use filter_state::{Command, Made, Written};
pub use find::find;
pub use found::{Around, Environment, Found, Manager};
pub use objects::Object;
pub use routes::{Ask, Wanted, Way};

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::Deserialize as _;
use serde_json::Value;

use crate::failure::Failure;
pub use version::Release;

/// Reads the plugins of files that belong together: JSON or YAML, the plugin's own configuration or one of Envoy, Istio or Envoy
/// Gateway. `-` is standard input.
///
/// # Errors
/// [`Failure::File`] if one cannot be read or understood, or none holds a configuration of the filter.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Found>, Failure> {
    let (mut plugins, mut has_buffer, mut ways) = (Vec::new(), false, Vec::new());
    let (mut filter_states, mut envoy) = (Vec::new(), None::<Release>);
    let mut all = Vec::new();
    for path in paths {
        let text = text(path)?;
        has_buffer |= find::has_buffer(&text);
        let is_json = path.extension().is_some_and(|extension| extension == "json")
            || text.trim_start().starts_with('{');
        let documents = documents(&text, is_json, path)?;
        ways.extend(documents.iter().flat_map(routes::ways));
        filter_states.extend(documents.iter().flat_map(filter_state::written));
        envoy = documents.iter().filter_map(version::oldest).chain(envoy).min();
        let found = find(&documents, &text, is_json);
        plugins.extend(found.into_iter().map(|found| {
            let place = match (paths.len() > 1, found.place.is_empty()) {
                (false, _) => found.place.clone(),
                (true, true) => shown(path),
                (true, false) => format!("{}, {}", shown(path), found.place),
            };
            Found { place, ..found }
        }));
        all.extend(documents);
    }
    if plugins.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| shown(path)).collect();
        return Err(Failure::File(format!("no configuration of the filter is in {}", names.join(", "))));
    }
    let ways: Rc<[Way]> = ways.into();
    let objects = objects::objects(&all);
    let around = Rc::new(Around { entries: entries::entries(&all, &objects), objects });
    for found in &mut plugins {
        found.around = Rc::clone(&around);
        (found.has_buffer_somewhere, found.ways) = (has_buffer, Rc::clone(&ways));
        found.filter_states_somewhere.clone_from(&filter_states);
        found.envoy = envoy;
    }
    Ok(plugins)
}

/// Reads a file's text.
///
/// # Errors
/// [`Failure::File`] if it cannot be read.
fn text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Failure::File(format!("cannot read {}: {error}", shown(path))))?;
    Ok(text)
}

fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

fn documents(text: &str, is_json: bool, path: &Path) -> Result<Vec<Value>, Failure> {
    if is_json {
        // What is none after all is told by the filter.
        return Ok(vec![serde_json::from_str(text).unwrap_or_default()]);
    }
    let documents = serde_yaml_ng::Deserializer::from_str(text).map(|document| {
        let mut value = serde_yaml_ng::Value::deserialize(document)?;
        value.apply_merge()?;
        Value::deserialize(value)
    });
    documents.collect::<Result<_, _>>().map_err(|error: serde_yaml_ng::Error| {
        // Without the error's own words: they may quote a part of the file.
        let place = error
            .location()
            .map_or_else(String::new, |at| format!(": look at line {}, column {}", at.line(), at.column()));
        Failure::File(format!("{} is not YAML{place}", shown(path)))
    })
}
