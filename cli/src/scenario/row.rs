//! What became of one request.

use serde::Serialize;

use crate::failure::Failure;

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The scenario's name.
    pub name: String,
    /// Method, host and path, and the HTTP version.
    pub request: String,
    /// The expected status, and whether the application should see the request.
    pub expected: String,
    /// The same as it happened.
    pub got: String,
    /// The reason in the access log, or `-` where it was not looked up.
    pub reason: String,
    /// Whether all of it was as expected.
    pub passed: bool,
    /// What was not, or nothing.
    pub detail: String,
    /// The idempotency token, which finds the request in logs.
    pub token: String,
    /// How long the answer took.
    pub milliseconds: u64,
    /// The failure, when there was no answer to judge.
    #[serde(skip)]
    pub failure: Option<Failure>,
}
