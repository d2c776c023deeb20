//! A configuration of the filter, and its surroundings.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::entries::{Entry, Maker, Name};
use super::filter_state::Written;
use super::objects::Object;
use super::routes::Way;
use super::version::Release;

/// A configuration of the filter, with what matters of its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Where it is, in words; empty if it is the whole file.
    pub place: String,
    /// The configuration as the filter would get it.
    pub configuration: Vec<u8>,
    /// `allow_on_headers_stop_iteration`; `None` where the control plane has no such switch.
    pub stop_flag: Option<bool>,
    /// What happens while the VM is down, by Envoy's names; `None` if nothing is said or known of it.
    pub failure_policy: Option<String>,
    /// The plugin's environment, if the file tells.
    pub environment: Option<Environment>,
    /// The connection manager that it is in, if it is in one here.
    pub manager: Option<Manager>,
    /// Whether some buffer for requests is configured anywhere in the files.
    pub has_buffer_somewhere: bool,
    /// What is written to filter state anywhere in the files.
    pub filter_states_somewhere: Vec<Written>,
    /// The oldest Envoy that the files name.
    pub envoy: Option<Release>,
    /// Who makes the proxy's configuration of it, if the file tells.
    pub maker: Option<Maker>,
    /// The namespace of its object, if it is in one and the file tells.
    pub namespace: Option<String>,
    /// The objects that it is for, by kind and name; empty for all that there are.
    pub targets: Vec<(String, String)>,
    /// The filter by which routes switch it on, if it is off where it stands.
    pub switch: Option<String>,
    /// Whether it stands behind the router, which ends the chain.
    pub is_behind_router: bool,
    /// Whether a configuration stands in its VM's place.
    pub has_vm_configuration: bool,
    /// Whether it is switched off where it stands, and no route of the files switches it on.
    pub is_never_enabled: bool,
    /// What plugins share a VM by.
    pub vm: String,
    /// What the proxy calls the plugin, if the file tells.
    pub name: Option<String>,
    /// What its gates know it by, if the file tells.
    pub gate: Option<Name>,
    /// By what the proxies of the files reach their clusters.
    pub ways: Rc<[Way]>,
    /// What the files hold besides.
    pub around: Rc<Around>,
}

/// What files hold besides plugins.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The routes of proxies.
    pub entries: Vec<Entry>,
    /// The objects of Kubernetes.
    pub objects: Vec<Object>,
}

/// Variables that the plugin can read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Those that the proxy passes on from its own environment.
    pub host_keys: Vec<String>,
    /// Those that stand in the file.
    pub values: BTreeMap<String, String>,
}

/// What of an HTTP connection manager matters to the filter.
#[derive(Debug, Clone, Default)]
pub struct Manager {
    /// Its options that change a URL before the filter sees it.
    pub changes_url: Vec<&'static str>,
    /// The domains of its virtual hosts that lead to a cluster; `None` where its routes are not in the file.
    pub domains: Option<Vec<String>>,
    /// Its routes; `None` where they are not in the file.
    pub entries: Option<Rc<[Entry]>>,
    /// Whether it takes the address, and so scheme and host, of the connection.
    pub is_edge: bool,
    /// What filters before the filter write to filter state.
    pub filter_states: Vec<Written>,
    /// Whether a filter before it may write filter state without saying so here.
    pub may_have_other_states: bool,
    /// Whether a buffer stands before the filter.
    pub buffer_before: bool,
    /// The least `max_request_bytes` of the buffers after the filter; `None` if there is none.
    pub buffer_after: Option<u64>,
    /// How much of a request Envoy buffers on HTTP/1.1.
    pub connection_limit: u64,
    /// The port of its listener.
    pub port: Option<u16>,
}
