//! A route of a proxy, whoever has made it.

use super::name::Name;
use super::path::PathRule;

/// Who makes a proxy's routes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// Nobody: Envoy reads it.
    Envoy,
    /// istiod.
    Istio,
    /// Envoy Gateway.
    EnvoyGateway,
}

/// A route of a proxy.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who makes it.
    pub maker: Maker,
    /// What the proxy calls it; `None` if it has no name.
    pub name: Option<Name>,
    /// The name that stands in the file, if that is not what the proxy calls it.
    pub written: Option<String>,
    /// The listener, the table or the object that it is in, in words.
    pub table: String,
    /// Its hosts; empty for all.
    pub hosts: Vec<String>,
    /// Its paths.
    pub path: PathRule,
    /// Whether it asks for more than a host and a path.
    pub is_conditional: bool,
    /// Whether it is for handshakes of WebSockets.
    pub is_upgrade: bool,
    /// Whether it leads to an application, and not to an answer of the proxy's own.
    pub leads: bool,
    /// Whether it is open to what the filter has verified alone, or to nothing.
    pub is_shut: bool,
    /// The filters that are switched on there.
    pub enables: Vec<String>,
}

impl Entry {
    /// Returns whether it is in the same table as another one, for the same hosts.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.maker == other.maker && self.table == other.table && self.hosts == other.hosts
    }

    /// Returns whether the file that it comes of is ordered by how exact routes are, and not by their places.
    #[must_use]
    pub fn is_of_gateway_api(&self) -> bool {
        self.table.starts_with("HTTPRoute")
    }
}

/// What the keys of all gates begin with.
pub(super) const GATES: &str = "wasm.twilio_webhook.";
