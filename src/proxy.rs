//! What the core asks of the proxy. The adapter answers it with calls of proxy-wasm, the tools and the tests with requests
//! that they hold themselves.

/// The request at hand, as the proxy holds it. The core calls nothing that it does not need for this request.
pub trait Proxy {
    /// Returns the request's headers, serialised as proxy-wasm does; see [`Head::read`](crate::request::Head::read).
    fn headers(&self) -> Option<Vec<u8>>;
    /// Removes a header from the request, in all its occurrences.
    fn remove_header(&self, name: &str);
    /// Sets a header of the request, in place of all that it has of that name.
    fn set_header(&self, name: &str, value: &str);
    /// Returns the name of the proxy's own route; empty if it has none.
    fn route_name(&self) -> Vec<u8>;
    /// Returns what another filter has left under this key in the request's filter state, which no client can write. Empty
    /// and absent are one.
    fn filter_state(&self, key: &str) -> Option<Vec<u8>>;
    /// Returns what this filter, or another of its kind in the same chain, has left for this request by
    /// [`Proxy::set_own_state`]. Empty and absent are one.
    fn own_state(&self, key: &str) -> Option<Vec<u8>>;
    /// Leaves something for this request, in place of what is there: for access logs, and for another filter of this kind.
    fn set_own_state(&self, key: &str, value: &str);
    /// Returns the port that the request came in by.
    fn listener_port(&self) -> Option<u16>;
    /// Returns the first `size` bytes of the body that the proxy holds now.
    fn body(&self, size: usize) -> Option<Vec<u8>>;
    /// Returns true if the proxy has chosen an upstream, and so has begun to send the request.
    fn has_upstream(&self) -> bool;
    /// Returns how many bytes of the request, headers and body, have come in so far.
    fn bytes_received(&self) -> Option<u64>;
    /// Returns why the response that is about to go out is what it is: the proxy's response code details.
    fn response_code_details(&self) -> Vec<u8>;
    /// Returns the status of the response that is about to go out.
    fn response_status(&self) -> Option<u16>;
}
