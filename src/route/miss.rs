//! Which part of a [`Match`](super::Match) a request is not.

use std::fmt;

/// The parts of a match that a request does not fit as it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Miss {
    pub(super) hosts: bool,
    pub(super) path: bool,
    pub(super) route_names: bool,
}

/// Writes the fields of the configuration: `hosts,path`.
impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [(self.hosts, "hosts"), (self.path, "path"), (self.route_names, "route_names")];
        let missed: Vec<&str> = fields.iter().filter(|(misses, _)| *misses).map(|(_, name)| *name).collect();
        f.write_str(&missed.join(","))
    }
}
