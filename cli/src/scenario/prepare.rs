//! From a scenario to a signed request, before anything is sent: a missing token or a misspelt URL in the last row
//! should not be found out after the first has gone out.

use std::collections::BTreeMap;

use crate::client::Dial;
use crate::failure::Failure;
use crate::forge::{self, Forge};
use crate::key::{Key, Secret, Source};
use crate::parts::Parts;
use crate::request::Request;
use crate::url::Url;
use crate::webhook::Webhook;

use super::suite::{Scenario, Values, default_target};

/// A row ready to be sent.
pub(super) struct Prepared {
    pub(super) request: Request,
    pub(super) dial: Dial,
}

pub(super) fn prepare(
    scenario: &Scenario,
    targets: &BTreeMap<String, String>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Prepared, Failure> {
    let key = key(scenario, env)?;
    let webhook = webhook(scenario)?;
    let request = match scenario.forge {
        None => webhook.sign(&key),
        Some(what) => {
            forge::sign(&webhook, &key, what, scenario.too_large_bytes.unwrap_or(forge::DEFAULT_LIMIT))?
        }
    };
    let connect = targets.get(&scenario.target).cloned();
    // The default target may be left to the URL; a name that the author of the file chose means a certain place.
    if connect.is_none() && scenario.target != default_target() {
        return Err(Failure::Usage(format!("no --target says where {:?} is", scenario.target)));
    }
    Ok(Prepared { request, dial: Dial { connect, http: scenario.http } })
}

fn webhook(scenario: &Scenario) -> Result<Webhook, Failure> {
    let mut params = Vec::new();
    for (name, values) in &scenario.params {
        match values {
            Values::One(value) => params.push((name.clone(), value.clone())),
            Values::Many(values) => params.extend(values.iter().map(|value| (name.clone(), value.clone()))),
        }
    }
    let parts = Parts {
        kind: scenario.webhook,
        params,
        json: scenario.json.clone().map(String::into_bytes),
        method: scenario.method.clone(),
        query_in_url: scenario.query_in_url,
    };
    let mut webhook = Webhook::build(Url::parse(&scenario.url)?, parts)?;
    webhook.sent_url = match (&scenario.request_url, &scenario.path) {
        (Some(_), Some(_)) => {
            return Err(Failure::Usage("`request_url` holds the path already; leave `path` out".into()));
        }
        (Some(url), None) => Some(Url::parse(url)?),
        (None, Some(path)) => {
            Some(Url::parse(&format!("{}://{}{path}", webhook.url.scheme, webhook.url.authority))?)
        }
        (None, None) => None,
    };
    webhook.headers = scenario.headers.clone().into_iter().collect();
    webhook.frames.clone_from(&scenario.frames);
    Ok(webhook)
}

fn key(scenario: &Scenario, env: &dyn Fn(&str) -> Option<String>) -> Result<Key, Failure> {
    // Without a signature there is nothing to sign with either.
    if scenario.forge == Some(Forge::MissingSignature) {
        return Ok(Key::AuthToken(Secret::new("unused")));
    }
    let source = |variable: Option<&String>, file: Option<&std::path::PathBuf>| match (variable, file) {
        (Some(variable), None) => Ok(Source::Env(variable.clone())),
        (None, Some(path)) => Ok(Source::File(path.clone())),
        _ => Err(Failure::Usage("a key needs one of `env` and `file`".into())),
    };
    match (&scenario.key, &scenario.shared_key) {
        (Some(_), Some(_)) => {
            Err(Failure::Usage("a request is signed with `key` or with `shared_key`, not with both".into()))
        }
        (None, Some(shared)) => Ok(Key::Shared {
            id: shared.id.clone(),
            algorithm: shared.algorithm,
            secret: source(shared.env.as_ref(), shared.file.as_ref())?.read(env)?,
        }),
        (Some(key), None) => Ok(Key::AuthToken(source(key.env.as_ref(), key.file.as_ref())?.read(env)?)),
        (None, None) => Ok(Key::AuthToken(Source::Env("TWILIO_AUTH_TOKEN".to_owned()).read(env)?)),
    }
}
