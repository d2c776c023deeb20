//! Keys, from what is written or from the variables that it names.

use crate::config::{Algorithm, AuthToken, ConfigError, NO_VARIABLE, SharedKey, Source};
use crate::secret::{Secret, is_variable_name};
use crate::signature::{Key, Material};

/// Looks up an environment variable of the proxy.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// Returns the auth tokens. A warning is added for each that does not look like one of Twilio's.
pub(super) fn auth_tokens(
    at: &str,
    written: &[AuthToken],
    environment: Environment<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Key>, ConfigError> {
    let key = |(index, AuthToken { source, account_sid }): (usize, &AuthToken)| {
        let at = format!("{at}[{index}]");
        let Found { material, name, odd_field } = find(&at, Algorithm::HmacSha1, source, environment)?;
        warnings.extend(odd_field.map(|field| {
            format!(
                "{field}: is not 32 hexadecimal digits, as every auth token of Twilio's is; unless it is a test token, \
                 compare it with the one in the Twilio console"
            )
        }));
        let account_sid = account_sid.as_ref().map(|sid| sid.as_str().to_owned());
        Ok(Key::auth_token(name.unwrap_or(at), material, account_sid))
    };
    written.iter().enumerate().map(key).collect()
}

pub(super) fn shared_keys(
    at: &str,
    written: &[SharedKey],
    environment: Environment<'_>,
) -> Result<Vec<Key>, ConfigError> {
    let key = |(index, SharedKey { id, algorithm, source }): (usize, &SharedKey)| {
        let at = format!("{at}[{index}]");
        if written.iter().position(|other| other.id == *id) != Some(index) {
            return Err(ConfigError::new(format!("{at}.id"), "is the id of an earlier shared key already"));
        }
        let Found { material, .. } = find(&at, *algorithm, source, environment)?;
        Ok(Key::shared_key(id.as_str().to_owned(), material))
    };
    written.iter().enumerate().map(key).collect()
}

/// What a source holds.
struct Found {
    /// What a key signs with.
    material: Material,
    /// Where that comes from, if it may be shown.
    name: Option<String>,
    /// The field, if what it holds does not look like an auth token.
    odd_field: Option<String>,
}

fn find(
    at: &str,
    algorithm: Algorithm,
    source: &Source,
    environment: Environment<'_>,
) -> Result<Found, ConfigError> {
    let (field, (secret, name)) = match source {
        Source::FilterState(key) => {
            let name = Some(format!("filter_state:{}", key.as_str()));
            return Ok(Found {
                material: Material::changing(algorithm, key.as_str()),
                name,
                odd_field: None,
            });
        }
        Source::Env(variable) => {
            let field = format!("{at}.env");
            let (secret, name) = from_variable(field.clone(), variable.as_str(), environment)?;
            let field = name.as_ref().map_or_else(|| field.clone(), |name| format!("{field} ({name})"));
            (field, (secret, name))
        }
        Source::Value(value) => {
            let field = format!("{at}.value");
            let secret = Secret::new(value.as_str().as_bytes().to_vec())
                .map_err(|problem| ConfigError::new(field.clone(), problem))?;
            (field, (secret, None))
        }
    };
    let material = Material::fixed(algorithm, &secret)
        .ok_or_else(|| ConfigError::new(at.to_owned(), "cannot be used as a key"))?;
    Ok(Found { material, name, odd_field: (!secret.is_like_a_token()).then_some(field) })
}

fn from_variable(
    field: String,
    variable: &str,
    environment: Environment<'_>,
) -> Result<(Secret, Option<String>), ConfigError> {
    // A name that is not written like one may be a token in the wrong field: it is not repeated.
    let name = Some(variable.to_owned()).filter(|name| is_variable_name(name));
    let Some(text) = environment(variable) else {
        let problem = match name {
            Some(name) => format!(
                "the variable {name} is not set in the plugin's environment: set it for the proxy \
                 (where that comes from a Secret, under this key), and list it in vm_config.environment_variables"
            ),
            None => NO_VARIABLE.to_owned(),
        };
        return Err(ConfigError::new(field, problem));
    };
    let shown = name.as_deref().unwrap_or("of this name");
    let secret = Secret::new(text)
        .map_err(|problem| ConfigError::new(field, format!("the variable {shown} {problem}")))?;
    Ok((secret, name))
}
