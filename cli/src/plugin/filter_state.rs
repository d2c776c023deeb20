//! What filters leave in filter state, where the plugin's keys may come from.

use serde_json::Value;

use super::place::{at, field, is_type, list, text};

/// An object that some filter writes when a request's headers come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its key.
    pub key: String,
    /// What it is made of.
    pub made: Made,
}

/// What an object is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// The format string of a `set_filter_state`; empty if it has none.
    Format(String),
    /// Whatever a script in Lua makes.
    Script,
}

/// A command of a format string, as in `%FILE_CONTENT(/a/file:/a):16385%`.
#[derive(Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// `FILE_CONTENT`
    pub name: &'a str,
    /// What stands in the parentheses.
    pub argument: &'a str,
    /// After how many bytes it is cut off.
    pub limit: Option<u64>,
}

impl Written {
    /// The commands of its format string.
    #[must_use]
    pub fn commands(&self) -> Vec<Command<'_>> {
        let mut commands = Vec::new();
        let Made::Format(format) = &self.made else { return commands };
        let mut rest = format.as_str();
        while let Some((_, command)) = rest.split_once('%') {
            // `%%` is a percent sign.
            let end = match command.find(['(', '%']) {
                Some(at) if command.as_bytes().get(at) == Some(&b'(') => end_of_argument(command),
                other => other,
            };
            let Some((command, after)) = end.and_then(|end| command.split_at_checked(end)) else { break };
            if !command.is_empty() {
                commands.push(Command::of(command));
            }
            rest = after.get(1..).unwrap_or_default();
        }
        commands
    }
}

/// Where the `%` is that ends a command with an argument.
fn end_of_argument(command: &str) -> Option<usize> {
    let close = command.find(')')?;
    let after = command.get(close..)?;
    after.find('%')?.checked_add(close)
}

impl<'a> Command<'a> {
    /// Whether it reads a file or a secret, by a formatter that not every proxy has.
    #[must_use]
    pub fn reads_keys(&self) -> bool {
        matches!(self.name, "FILE_CONTENT" | "SECRET")
    }

    fn of(text: &'a str) -> Self {
        let (name, rest) = text.split_once('(').unwrap_or((text, ""));
        let (argument, limit) = rest.rsplit_once(')').unwrap_or((rest, ""));
        Self { name, argument, limit: limit.strip_prefix(':').and_then(|limit| limit.parse().ok()) }
    }
}

/// All that is written by filters anywhere in a tree.
pub(crate) fn written(value: &Value) -> Vec<Written> {
    match value {
        Value::Array(values) => values.iter().flat_map(written).collect(),
        Value::Object(_) if is_type(value, "filters.http.lua.v3.Lua") => by_scripts(value),
        Value::Object(fields) => {
            let own = list(field(value, "on_request_headers")).iter().filter_map(object);
            own.chain(fields.values().flat_map(written)).collect()
        }
        _ => Vec::new(),
    }
}

fn object(entry: &Value) -> Option<Written> {
    let format = at(entry, &["format_string", "text_format_source", "inline_string"]);
    let format = text(format).or_else(|| text(at(entry, &["format_string", "text_format"])));
    let made = Made::Format(format.unwrap_or_default());
    Some(Written { key: text(field(entry, "object_key"))?, made })
}

/// What the scripts of a filter write: `filterState():set("key", ...)`, in one step or in two.
fn by_scripts(filter: &Value) -> Vec<Written> {
    let scripts = [field(filter, "inline_code"), at(filter, &["default_source_code", "inline_string"])];
    let scripts = scripts.into_iter().filter_map(Value::as_str);
    scripts
        .filter(|script| script.contains(":filterState()"))
        .flat_map(str::lines)
        .flat_map(|line| line.split("--").next().unwrap_or_default().split(":set(").skip(1))
        .filter_map(|call| {
            let call = call.trim_start();
            let quote = call.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
            let key = call.split(quote).nth(1)?;
            Some(Written { key: key.to_owned(), made: Made::Script })
        })
        .collect()
}

/// Whether a filter is one that may write filter state by itself.
pub(super) fn may_write(filter: &Value) -> bool {
    let kinds = [
        "lua.v3",
        "wasm.v3",
        "golang.v3",
        "dynamic_modules.v3",
        "composite.v3",
        "filter_chain.v3",
        "ext_proc.v3",
    ];
    let kind = field(filter, "typed_config")["@type"].as_str().unwrap_or_default();
    // A filter that is discovered may be any.
    kinds.iter().any(|name| kind.contains(name)) || !field(filter, "config_discovery").is_null()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Command, Made, Written, written};

    fn commands(format: &str) -> Vec<(String, String, Option<u64>)> {
        let written = Written { key: String::new(), made: Made::Format(format.to_owned()) };
        let owned =
            |Command { name, argument, limit }: Command<'_>| (name.to_owned(), argument.to_owned(), limit);
        written.commands().into_iter().map(owned).collect()
    }

    #[test]
    fn a_format_string_is_taken_apart() {
        let is = |name: &str, argument: &str, limit| (name.to_owned(), argument.to_owned(), limit);
        for (format, expected) in [
            ("", vec![]),
            ("plain", vec![]),
            ("100%% plain", vec![]),
            ("100%", vec![]),
            ("%FILE_CONTENT(/a)%", vec![is("FILE_CONTENT", "/a", None)]),
            ("x%FILE_CONTENT(/a:/b):16385%y", vec![is("FILE_CONTENT", "/a:/b", Some(16_385))]),
            ("%SECRET(a)%\n%REQ(:PATH)%", vec![is("SECRET", "a", None), is("REQ", ":PATH", None)]),
            ("%PROTOCOL%%SECRET(a):1%", vec![is("PROTOCOL", "", None), is("SECRET", "a", Some(1))]),
            ("%SECRET(50%)%", vec![is("SECRET", "50%", None)]),
            ("%SECRET(a", vec![]),
        ] {
            assert_eq!(commands(format), expected, "{format}");
        }
    }

    #[test]
    fn a_script_writes_what_it_sets_in_filter_state() {
        for (script, expected) in [
            ("request:streamInfo():filterState():set(\"k\", \"envoy.string\", text)", vec!["k"]),
            ("local s = r:streamInfo():filterState()\n  s:set( 'k', 'envoy.string', text)", vec!["k"]),
            ("s:filterState():set(\"j\", f, t); s:filterState():set(\"k\", f, t)", vec!["j", "k"]),
            ("-- request:streamInfo():filterState():set(\"k\", f, t)", vec![]),
            ("request:streamInfo():dynamicMetadata():set(\"k\", f, t)", vec![]),
            ("request:streamInfo():filterState():get(\"k\")", vec![]),
            ("request:streamInfo():filterState():set(key, f, t)", vec![]),
            ("request:streamInfo():filterState():set(\"k", vec!["k"]),
            ("", vec![]),
        ] {
            let of = |lua| json!([{ "typed_config": lua }]);
            let kind = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";
            for filter in [
                json!({ "@type": kind, "inline_code": script }),
                json!({ "@type": kind, "default_source_code": { "inline_string": script } }),
            ] {
                let found = written(&of(filter));
                assert!(found.iter().all(|written| written.made == Made::Script), "{script}");
                let keys: Vec<&str> = found.iter().map(|written| written.key.as_str()).collect();
                assert_eq!(keys, expected, "{script}");
            }
        }
    }
}
