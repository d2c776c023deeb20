//! A proxy that holds one captured request, as Envoy would hold it.

use twilio_proxy_wasm::proxy::Proxy;

use super::keys::FilterStates;
use crate::capture::Captured;

/// What of the proxy is not in the capture.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// Whether the request came over TLS, where the capture does not tell.
    pub tls: bool,
    /// Whether `X-Forwarded-Proto` is the proxy's own word and not the request's.
    pub is_edge: bool,
    /// The port that the request came in by.
    pub listener_port: Option<u16>,
    /// The name of the proxy's own route.
    pub route_name: String,
    /// What filters before this one leave in filter state, by its key.
    pub filter_states: FilterStates,
}

/// Headers that Envoy keeps in one value each: what comes twice is joined with a comma.
const JOINED: [&str; 9] = [
    "connection",
    "content-type",
    "transfer-encoding",
    "upgrade",
    "x-envoy-original-path",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "via",
];

/// The request, as the filter asks for it.
pub(super) struct Replay<'a> {
    headers: Vec<(String, Vec<u8>)>,
    body: &'a [u8],
    setting: &'a Setting,
}

impl<'a> Replay<'a> {
    pub(super) fn of(captured: &'a Captured, setting: &'a Setting) -> Self {
        let scheme = if captured.tls.unwrap_or(setting.tls) { "https" } else { "http" };
        let mut headers = vec![(":method".to_owned(), captured.method.clone())];
        headers.push((":scheme".to_owned(), scheme.as_bytes().to_vec()));
        headers.extend(captured.authority.clone().map(|authority| (":authority".to_owned(), authority)));
        if !captured.target.is_empty() {
            headers.push((":path".to_owned(), captured.target.clone()));
        }
        for (name, value) in &captured.headers {
            if setting.is_edge && name == "x-forwarded-proto" {
                continue;
            }
            let earlier = headers.iter_mut().find(|(own, _)| own == name && JOINED.contains(&own.as_str()));
            match earlier {
                Some((_, joined)) => joined.extend([b",", value.as_slice()].concat()),
                None => headers.push((name.clone(), value.clone())),
            }
        }
        Self { headers, body: &captured.body, setting }
    }

    /// Returns whether Envoy takes it for the beginning of another protocol, which has no end.
    pub(super) fn is_upgrade(&self) -> bool {
        ["connection", "upgrade"].iter().all(|name| self.headers.iter().any(|(own, _)| own == name))
    }

    /// Returns the headers as proxy-wasm serialises a map.
    pub(super) fn serialised(&self) -> Option<Vec<u8>> {
        let number = |size: usize| u32::try_from(size).ok().map(u32::to_le_bytes);
        let mut bytes = number(self.headers.len())?.to_vec();
        for (name, value) in &self.headers {
            bytes.extend(number(name.len())?);
            bytes.extend(number(value.len())?);
        }
        for (name, value) in &self.headers {
            bytes.extend(name.bytes().chain([0]).chain(value.iter().copied()).chain([0]));
        }
        Some(bytes)
    }
}

impl Proxy for Replay<'_> {
    fn headers(&self) -> Option<Vec<u8>> {
        self.serialised()
    }

    fn remove_header(&self, _: &str) {}

    fn set_header(&self, _: &str, _: &str) {}

    fn route_name(&self) -> Vec<u8> {
        self.setting.route_name.clone().into_bytes()
    }

    fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.setting.filter_states.get(key).cloned()
    }

    fn own_state(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn set_own_state(&self, _: &str, _: &str) {}

    fn listener_port(&self) -> Option<u16> {
        self.setting.listener_port
    }

    fn body(&self, size: usize) -> Option<Vec<u8>> {
        self.body.get(..size).map(<[u8]>::to_vec)
    }

    fn has_upstream(&self) -> bool {
        false
    }

    fn bytes_received(&self) -> Option<u64> {
        None
    }

    fn response_code_details(&self) -> Vec<u8> {
        Vec::new()
    }

    fn response_status(&self) -> Option<u16> {
        None
    }
}
