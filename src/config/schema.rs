//! The JSON Schema of the configuration, for editors: made from the types that it is read into. Not in the module.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::raw::Config;

/// The schema, in draft 7, which is what editors know best.
///
/// It takes everything that the filter takes, and refuses what can be seen without looking at the environment or at two
/// routes at once.
pub fn schema() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<Config>().to_value()
}

/// Exactly one of two fields is written; `null` is the same as not written.
pub(super) fn either(one: &str, other: &str) -> Value {
    let alone = |own: &str, other: &str| json!({ "required": [own], "properties": { own: { "type": "string" }, other: { "type": "null" } } });
    json!([alone(one, other), alone(other, one)])
}

/// What requests without a route are counted as.
pub(super) fn taken_name() -> Value {
    json!({ "const": crate::metrics::UNMATCHED })
}

/// Twilio's headers and the proxy's own.
pub(super) fn taken_header() -> Value {
    let pattern =
        "^[Xx]-(([Ff]orwarded|[Ee]nvoy)-|[Tt]wilio-([Ww]ebhooks-[Ss]ignature-[Ss]ettings|[Ss]ignature)$)";
    json!({ "type": "string", "pattern": pattern })
}

/// `base` names the host already.
pub(super) fn idle_forwarded_host() -> Value {
    json!({
        "required": ["base", "trust_forwarded_host"],
        "properties": { "base": { "type": "string" }, "trust_forwarded_host": { "const": true } },
    })
}

/// An escaped slash, which no path holds.
pub(super) fn escaped_slash() -> Value {
    json!({ "type": "string", "pattern": "%(2[Ff]|5[Cc])" })
}
