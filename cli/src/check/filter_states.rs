//! Whether the filter states that keys come from are filled, with what, and by an Envoy that can.

use std::collections::BTreeSet;

use twilio_proxy_wasm::config::Mode;
use twilio_proxy_wasm::policy::Policy;
use twilio_proxy_wasm::signature::{Key, MOST_TEXT};

use super::around::is_enforced;
use super::fault::Level::{Error, Warning};
use super::fault::Says;
use crate::plugin::{Command, Found, Made, Manager, Release, Written};

/// The first Envoy whose formatters can read a file or a secret, and whose scripts can write filter state.
const OLDEST: Release = (1, 38);

/// Commands that a client can choose the outcome of.
const OF_CLIENTS: [&str; 8] = [
    "REQ",
    "REQ_WITHOUT_QUERY",
    "REQUEST_HEADER",
    "REQUEST_HEADERS",
    "QUERY_PARAM",
    "QUERY_PARAMS",
    "PATH",
    "COOKIE",
];

pub(super) fn faults(found: &Found, policy: &Policy, says: Says<'_>) {
    if found.environment.is_none() {
        return;
    }
    for key in keys(policy) {
        let written =
            found.manager.as_ref().map_or(&found.filter_states_somewhere, |manager| &manager.filter_states);
        let written: Vec<&Written> = written.iter().filter(|written| written.key == key).collect();
        if written.is_empty() {
            nobody_writes(key, found.manager.as_ref(), policy, says);
        }
        age(key, found.envoy, &written, says);
        written.iter().for_each(|written| format(key, written, says));
    }
}

/// The filter states that keys come from.
pub(super) fn keys(policy: &Policy) -> BTreeSet<&str> {
    let routes = policy.routes().iter().filter(|route| route.mode() != Mode::Off);
    routes.flat_map(|route| route.keys().iter().filter_map(Key::filter_state)).collect()
}

fn nobody_writes(key: &str, manager: Option<&Manager>, policy: &Policy, says: Says<'_>) {
    let (level, whose, remedy) = match manager {
        None => (Warning, "in what was read", "see to it that one stands before this filter"),
        Some(manager) => {
            let is_sure = is_enforced(policy) && !manager.may_have_other_states;
            let remedy = "put envoy.filters.http.set_filter_state with this object_key before it";
            (if is_sure { Error } else { Warning }, "before this filter", remedy)
        }
    };
    says(
        level,
        format!(
            "keys come from filter_state {key}, and no set_filter_state and no script {whose} writes it: without it every \
             webhook is denied (unknown_key); {remedy}"
        ),
    );
}

fn age(key: &str, envoy: Option<Release>, written: &[&Written], says: Says<'_>) {
    let Some((major, minor)) = envoy.filter(|release| *release < OLDEST) else { return };
    let reads = |written: &&Written| {
        written.made == Made::Script || written.commands().iter().any(Command::reads_keys)
    };
    if written.is_empty() || written.iter().any(reads) {
        says(
            Error,
            format!(
                "Envoy {major}.{minor} is named, which cannot fill filter_state {key} from a file or a secret: that came with \
                 1.38; use env there"
            ),
        );
    }
}

fn format(key: &str, written: &Written, says: Says<'_>) {
    let commands = written.commands();
    if commands.is_empty() && written.made != Made::Script {
        says(
            Warning,
            format!(
                "the text of filter_state {key} stands in the file, and Envoy shows it in its config dump; take it from a \
                 file, %FILE_CONTENT(...)%, or from SDS, %SECRET(...)%"
            ),
        );
    }
    for command in commands {
        if OF_CLIENTS.contains(&command.name) {
            says(
                Error,
                format!(
                    "filter_state {key} is made of what a client sends (%{}%): who chooses the key can sign with it; take it \
                     from a file, %FILE_CONTENT(...)%, or from SDS, %SECRET(...)%",
                    command.name
                ),
            );
        }
        if command.name == "FILE_CONTENT" && !command.argument.contains(':') {
            says(
                Warning,
                format!(
                    "filter_state {key} is filled by a %FILE_CONTENT(...)% without a directory behind a colon: a file that is \
                     renamed into place, as that of a mounted Secret is, is not noticed; write \
                     %FILE_CONTENT(/directory/file:/directory)%"
                ),
            );
        }
        let most = u64::try_from(MOST_TEXT).unwrap_or(u64::MAX);
        if let Some(limit) = command.limit.filter(|limit| *limit <= most) {
            says(
                Warning,
                format!(
                    "filter_state {key} is cut off after {limit} bytes, and a key that is cut is another key; write :{}, by \
                     which the filter notices that there is more than it reads",
                    most.saturating_add(1)
                ),
            );
        }
    }
}
