//! Which Envoy a file is for, where it says so.

use serde_json::Value;

use super::place::{at, field};

/// A release, as in `(1, 38)`.
pub type Release = (u64, u64);

/// The oldest Envoy that the documents of a file name: as an image, or as what a proxy says of itself in its config dump.
pub(super) fn oldest(value: &Value) -> Option<Release> {
    match value {
        Value::String(text) => of_image(text),
        Value::Array(values) => values.iter().filter_map(oldest).min(),
        Value::Object(fields) => {
            let version = at(value, &["user_agent_build_version", "version"]);
            let number = |name| field(version, name).as_u64();
            let own = number("major_number").zip(number("minor_number"));
            own.into_iter().chain(fields.values().filter_map(oldest)).min()
        }
        _ => None,
    }
}

/// `docker.io/envoyproxy/envoy:distroless-v1.37.0` and its like.
fn of_image(text: &str) -> Option<Release> {
    let (_, tag) = text.trim().split_once("envoyproxy/envoy:")?;
    let tag = tag.split('@').next()?;
    let (_, version) = tag.rsplit_once('v').unwrap_or(("", tag));
    let mut numbers = version.split(['.', '-']).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::oldest;
    use serde_json::json;

    #[test]
    fn the_oldest_envoy_that_is_named_counts() {
        for (value, expected) in [
            (json!({ "image": "envoyproxy/envoy:v1.37.0" }), Some((1, 37))),
            (json!({ "image": "docker.io/envoyproxy/envoy:distroless-v1.39.3" }), Some((1, 39))),
            (json!({ "image": "docker.io/envoyproxy/envoy:v1.36-latest" }), Some((1, 36))),
            (json!({ "image": "envoyproxy/envoy:v1.36.4@sha256:0123" }), Some((1, 36))),
            (json!({ "image": "envoyproxy/envoy:latest" }), None),
            (json!({ "image": "envoyproxy/gateway:v1.7.0" }), None),
            (
                json!([{ "image": "envoyproxy/envoy:v1.40.0" }, { "image": "envoyproxy/envoy:v1.37.0" }]),
                Some((1, 37)),
            ),
            (
                json!({ "node": { "user_agent_build_version": { "version": { "major_number": 1, "minor_number": 36, "patch": 4 } } } }),
                Some((1, 36)),
            ),
            (json!({ "pattern": ".*" }), None),
        ] {
            assert_eq!(oldest(&value), expected, "{value}");
        }
    }
}
