//! How surely a request is on a route.

/// Whether a request is what a part of a [`Match`](super::Match) asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It is not, whoever reads it.
    No,
    /// It is to some reader.
    Maybe,
    /// It is, as it is written.
    Yes,
}
