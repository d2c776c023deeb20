//! The routes that a request is on or may be on, and the one that judges it.

/// The routes of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The route that it is on as it is written; `None` if it is on none.
    pub as_written: Option<usize>,
    /// The other routes that some reader may find it on, in their order.
    pub may_be_on: Vec<usize>,
    /// Whether its host may be any. Twilio dials no such host.
    pub may_be_any_host: bool,
}

/// The route that a request is judged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judge {
    /// Its position.
    pub route: usize,
    /// Whether the request is on it as it is written, and not only to some reader.
    pub is_certain: bool,
    /// The route for whose sake the request is not even verified: it would have to be there as well, with other keys or
    /// another URL, or that route names hosts and the host may be any.
    pub refused_for: Option<usize>,
}
