//! By what a proxy reaches its clusters: routes, mirrors and TCP proxies, wherever in a file they are.

use regex_lite::Regex;
use serde_json::Value;

use super::entries::PathRule;
use super::place::{at, field, is_type, list, text};

/// A way to clusters.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// The name of the route, or what it is for; none if it has neither, or is no route but a TCP proxy.
    pub route: Option<String>,
    /// The listener or the table of routes that it is in, in words.
    pub table: String,
    /// The one path that it is for, if it is for one alone.
    pub path: Option<String>,
    /// The paths that it is for; `None` for a TCP proxy.
    pub rule: Option<PathRule>,
    /// What it asks of filter state.
    pub asks: Vec<Ask>,
    /// Where it leads; `None` for a cluster that is chosen when the request is here.
    pub clusters: Vec<Option<String>>,
}

/// What a route asks of a text in filter state.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The key of the filter state.
    pub key: String,
    /// What the text must be; `None` if that is written in a way that is not looked into.
    pub text: Option<Wanted>,
}

/// What a text must be.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// This.
    Exact(String),
    /// What begins so.
    Prefix(String),
    /// What matches, from its beginning to its end.
    Matching(Regex),
}

impl Wanted {
    /// Whether a text is so.
    #[must_use]
    pub fn takes(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => text == exact,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Matching(pattern) => pattern.is_match(text),
        }
    }

    fn of(matcher: &Value) -> Option<Wanted> {
        if *field(matcher, "ignore_case") == true {
            return None;
        }
        let regex = || text(at(matcher, &["safe_regex", "regex"])).map(|regex| format!("^(?:{regex})$"));
        text(field(matcher, "exact"))
            .map(Wanted::Exact)
            .or_else(|| text(field(matcher, "prefix")).map(Wanted::Prefix))
            .or_else(|| Some(Wanted::Matching(Regex::new(&regex()?).ok()?)))
    }
}

/// The ways in a document.
#[must_use]
pub(super) fn ways(document: &Value) -> Vec<Way> {
    let mut search = Search { ways: Vec::new(), table: String::new(), mirrors: Vec::new() };
    search.walk(document);
    search.ways
}

struct Search {
    ways: Vec<Way>,
    table: String,
    /// Of the table and the virtual host, which all of their routes have.
    mirrors: Vec<Option<String>>,
}

impl Search {
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.walk(value)),
            Value::Object(_) if field(value, "route").is_object() && field(value, "match").is_object() => {
                self.route(value);
            }
            Value::Object(_) if is_type(value, "tcp_proxy.v3.TcpProxy") => {
                let clusters = clusters(value);
                self.push(Way { clusters, ..Way::default() });
            }
            Value::Object(fields) => {
                let (table, mirrors) = (self.table.clone(), self.mirrors.len());
                let name = value["name"].as_str().unwrap_or("without a name");
                if !field(value, "filter_chains").is_null() {
                    self.table = format!("listener {name}");
                } else if !field(value, "virtual_hosts").is_null() && self.table.is_empty() {
                    self.table = format!("routes {name}");
                }
                self.mirrors.extend(mirrored(value));
                fields.values().for_each(|value| self.walk(value));
                self.table = table;
                self.mirrors.truncate(mirrors);
            }
            _ => {}
        }
    }

    fn route(&mut self, route: &Value) {
        let (action, matches) = (field(route, "route"), field(route, "match"));
        let path = text(field(matches, "path"));
        let asks = list(field(matches, "filter_state")).iter().map(|ask| Ask {
            key: ask["key"].as_str().unwrap_or_default().to_owned(),
            text: Wanted::of(field(ask, "string_match")),
        });
        let name = text(&route["name"]).or_else(|| Some(format!("for {}", path_of(matches)?)));
        let clusters = [clusters(action), mirrored(action), self.mirrors.clone()].concat();
        let route = name.or_else(|| Some("without a name".to_owned()));
        let rule = Some(PathRule::of_envoy(matches));
        self.push(Way { route, path, rule, asks: asks.collect(), clusters, ..Way::default() });
    }

    fn push(&mut self, way: Way) {
        self.ways.push(Way { table: self.table.clone(), ..way });
    }
}

fn path_of(matches: &Value) -> Option<String> {
    ["path", "prefix", "path_separated_prefix"].iter().find_map(|name| text(field(matches, name)))
}

/// Where an action leads, its mirrors apart.
fn clusters(action: &Value) -> Vec<Option<String>> {
    let weighted = list(at(action, &["weighted_clusters", "clusters"]));
    let of_weighted = weighted.iter().map(|cluster| text(&cluster["name"]));
    match text(field(action, "cluster")) {
        Some(cluster) => vec![Some(cluster)],
        None if weighted.is_empty() => vec![None],
        None => of_weighted.collect(),
    }
}

fn mirrored(value: &Value) -> Vec<Option<String>> {
    list(field(value, "request_mirror_policies"))
        .iter()
        .map(|mirror| text(field(mirror, "cluster")))
        .collect()
}
