//! `twilio-webhook explain`

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::rc::Rc;

use serde_json::json;

use crate::args::{Explain, Scheme};
use crate::capture::{self, Captured, Choice};
use crate::explain::{Explanation, FilterStates, Setting, policy};
use crate::failure::Failure;
use crate::key::Key;
use crate::plugin::{self, Found};

use super::output::print;

pub(super) fn run(args: &Explain) -> Result<bool, Failure> {
    let (found, key) = match &args.config {
        Some(file) => (configured(file, args)?, None),
        None => {
            let key = args.keys.read()?;
            (alone(&key, args), Some(key))
        }
    };
    let lookup = |name: &str| match &key {
        Some(key) => Some(key.secret().bytes().to_vec()),
        None => std::env::var_os(name).map(std::os::unix::ffi::OsStringExt::into_vec),
    };
    let mut filter_states = filter_states(args)?;
    let (policy, missing) = policy(&found, &lookup, &mut filter_states)?;
    let mut notes = Vec::new();
    if !missing.is_empty() {
        notes.push(format!("not known here, so that nothing is verified with it: {}", missing.join(", ")));
    }
    let manager = found.manager.unwrap_or_default();
    for option in manager.changes_url {
        notes.push(format!("{option} changes URLs before the filter sees them, which was not done here: the proxy may find otherwise"));
    }
    if policy.needs_route_name() && args.route_name.is_none() {
        return Err(Failure::Usage(
            "the configuration matches by route_names: say with --route-name which route of the proxy the request is on"
                .to_owned(),
        ));
    }
    let setting = Setting {
        tls: args.scheme == Scheme::Https,
        is_edge: manager.is_edge,
        listener_port: args.listener_port.or(manager.port),
        route_name: args.route_name.clone().unwrap_or_default(),
        filter_states,
    };
    let mut explanation = Explanation::of(&captured(args)?, &Rc::new(policy), &setting);
    notes.into_iter().for_each(|note| explanation.note(note));
    print(explanation.text().as_bytes())?;
    Ok(explanation.is_verified())
}

/// What the proxy would put into filter state.
fn filter_states(args: &Explain) -> Result<FilterStates, Failure> {
    let read = |(key, file): &(String, String)| match fs::read(file) {
        Ok(text) => Ok((key.clone(), text)),
        Err(error) => Err(Failure::File(format!("cannot read {file}: {error}"))),
    };
    args.filter_states.iter().map(read).collect()
}

fn captured(args: &Explain) -> Result<Captured, Failure> {
    let is_stdin = args.file.as_os_str() == "-";
    let mut bytes = Vec::new();
    let read = if is_stdin {
        io::stdin().read_to_end(&mut bytes)
    } else {
        fs::File::open(&args.file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::File(format!("cannot read {}: {error}", args.file.display())))?;
    capture::read(&bytes, Choice { entry: args.entry, is_stdin })
}

/// Returns the one plugin of a file that is meant.
fn configured(file: &Path, args: &Explain) -> Result<Found, Failure> {
    if file.as_os_str() == "-" && args.file.as_os_str() == "-" {
        return Err(Failure::Usage(
            "the configuration and the capture cannot both be standard input".to_owned(),
        ));
    }
    let mut found = plugin::read(&[file.to_owned()])?;
    if let Some(text) = &args.plugin {
        found.retain(|plugin| plugin.place.contains(text.as_str()));
    }
    let places: Vec<String> = found.iter().map(|plugin| format!("{:?}", plugin.place)).collect();
    match (found.pop(), found.is_empty()) {
        (Some(plugin), true) => Ok(plugin),
        (None, _) => Err(Failure::Usage("no plugin in the file has a place with that text in it".to_owned())),
        _ => Err(Failure::Usage(format!(
            "the file holds several plugins: choose one with --plugin TEXT, of {}",
            places.join(", ")
        ))),
    }
}

/// Returns a configuration of one key for every request.
fn alone(key: &Key, args: &Explain) -> Found {
    let configuration = match key {
        Key::AuthToken(_) => {
            let name =
                if args.keys.auth_token_file.is_some() { "AUTH_TOKEN" } else { &args.keys.auth_token_env };
            json!({ "auth_tokens": [{ "env": name }] })
        }
        Key::Shared { id, algorithm, .. } => {
            json!({ "shared_keys": [{ "id": id, "algorithm": algorithm.name(), "env": "SHARED_KEY" }] })
        }
    };
    Found { configuration: configuration.to_string().into_bytes(), ..Found::default() }
}
