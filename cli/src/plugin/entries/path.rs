//! Paths of routes, and whether two of them can be those of one request.

use serde_json::Value;

use crate::plugin::place::{field, text};

/// Which paths a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// All of them.
    Any,
    /// This one.
    Exact(String),
    /// Those that begin so.
    Prefix(String),
    /// This one and what is below it.
    Segments(String),
    /// Those of a pattern that is not looked into.
    Pattern,
}

impl PathRule {
    /// Returns the rule for a prefix of whole segments.
    #[must_use]
    pub fn segments(path: &str) -> Self {
        match path.trim_end_matches('/') {
            "" => Self::Any,
            path => Self::Segments(path.to_owned()),
        }
    }

    /// Returns the rule of a `match` of Envoy's.
    #[must_use]
    pub fn of_envoy(matches: &Value) -> Self {
        let named = |name: &str| text(field(matches, name));
        if let Some(path) = named("path") {
            return Self::Exact(path);
        }
        match named("prefix") {
            Some(prefix) if prefix == "/" => Self::Any,
            Some(prefix) => Self::Prefix(prefix),
            None => named("path_separated_prefix").map_or(Self::Pattern, |prefix| Self::segments(&prefix)),
        }
    }

    /// Returns the path that is written in it.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        match self {
            Self::Exact(path) | Self::Prefix(path) | Self::Segments(path) => Some(path),
            Self::Any | Self::Pattern => None,
        }
    }

    /// Returns whether some path is on both. Where that cannot be told, it is.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any | Self::Pattern, _) | (_, Self::Any | Self::Pattern) => true,
            (Self::Exact(one), Self::Exact(two)) => one.trim_end_matches('/') == two.trim_end_matches('/'),
            (Self::Exact(path), Self::Prefix(prefix)) | (Self::Prefix(prefix), Self::Exact(path)) => {
                path.starts_with(prefix.as_str())
            }
            (Self::Exact(path), Self::Segments(prefix)) | (Self::Segments(prefix), Self::Exact(path)) => {
                is_below(path, prefix)
            }
            (Self::Prefix(one), Self::Prefix(two)) => one.starts_with(two) || two.starts_with(one),
            (Self::Prefix(prefix), Self::Segments(segments))
            | (Self::Segments(segments), Self::Prefix(prefix)) => {
                is_below(prefix, segments) || format!("{segments}/").starts_with(prefix.as_str())
            }
            (Self::Segments(one), Self::Segments(two)) => is_below(one, two) || is_below(two, one),
        }
    }

    /// Returns whether a router that takes the most exact route would not prefer the other one.
    #[must_use]
    pub fn is_as_exact_as(&self, other: &Self) -> bool {
        let rank = |rule: &Self| match rule {
            Self::Exact(path) => (2, path.len()),
            Self::Pattern => (1, 0),
            Self::Prefix(path) | Self::Segments(path) => (0, path.trim_end_matches('/').len()),
            Self::Any => (0, 0),
        };
        rank(self) >= rank(other)
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::PathRule::{self, Any, Exact, Pattern, Prefix, Segments};

    #[test]
    fn two_rules_meet_where_one_path_is_on_both() {
        let exact = |path: &str| Exact(path.to_owned());
        let prefix = |path: &str| Prefix(path.to_owned());
        let segments = |path: &str| Segments(path.to_owned());
        let cases: [(PathRule, PathRule, bool); 16] = [
            (Any, exact("/a"), true),
            (Pattern, prefix("/a"), true),
            (exact("/a"), exact("/a/"), true),
            (exact("/a"), exact("/b"), false),
            (exact("/a/b"), prefix("/a/"), true),
            (exact("/a"), prefix("/a/"), false),
            (exact("/a/b"), segments("/a"), true),
            (exact("/ab"), segments("/a"), false),
            (prefix("/a/"), prefix("/a/b"), true),
            (prefix("/a/c"), prefix("/a/b"), false),
            (prefix("/a/"), segments("/a"), true),
            (prefix("/"), segments("/a"), true),
            (prefix("/ab"), segments("/a"), false),
            (segments("/a"), segments("/a/b"), true),
            (segments("/a"), segments("/ab"), false),
            (PathRule::segments("/"), segments("/a"), true),
        ];
        for (one, two, expected) in cases {
            assert_eq!(one.meets(&two), expected, "{one:?} {two:?}");
            assert_eq!(two.meets(&one), expected, "{two:?} {one:?}");
        }
    }
}
