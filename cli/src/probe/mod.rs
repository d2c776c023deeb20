//! Asks a URL from outside whether requests that Twilio did not sign reach the application behind it.
//!
//! The control plane does not know: it says that a policy is accepted, and a proxy that has not got the filter yet, or has
//! refused it, serves the route unverified. What comes back tells. It is judged so that an error is on the safe side: an
//! answer is a denial only if nobody but the filter, or the proxy itself, could have given it.

mod finding;
mod message;
mod outcome;
mod report;
mod verdict;

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Dial};
use crate::failure::Failure;
use crate::url::Url;

pub use finding::{Finding, Grade};
pub use message::{Content, Kind, MARKER, Message, Signing, USER_AGENT};
pub use outcome::Outcome;
pub use report::{json, table};
pub use verdict::{Probed, Verdict, conclude};

/// From one round to the next while a roll-out is waited for.
const PACE: Duration = Duration::from_secs(2);

/// A URL, and how it is reached.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Target {
    pub url: Url,
    pub dial: Dial,
}

/// What to ask, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom to ask.
    pub targets: Vec<Target>,
    /// What to send.
    pub content: Content,
    /// Whether to ask every address that a host's name has, not the first that answers.
    pub every_address: bool,
    /// Whether another Envoy stands in front of the one with the filter.
    pub behind_envoy: bool,
    /// Whether a denial by the proxy alone is not enough.
    pub is_strict: bool,
    /// How long to ask again until all is as it should be.
    pub wait: Duration,
}

/// Sends all of it, again and again while the plan waits, and returns what became of the last round.
///
/// As long as it waits for something, a round gives a URL up at the first request that went wrong: an application that
/// is open gets one message each time, not all of them.
///
/// # Errors
/// [`Failure::Usage`] when there is nothing to send.
pub fn run(plan: &Plan, client: &Client) -> Result<Vec<Probed>, Failure> {
    let started = Instant::now();
    loop {
        let left = plan.wait.saturating_sub(started.elapsed());
        let mut round = Vec::new();
        for target in &plan.targets {
            for dial in plan.dials(target) {
                round.push(probe(plan, &target.url, &dial, client, left.is_zero())?);
            }
        }
        if left.is_zero() || round.iter().all(|probed| probed.is_enough(plan.is_strict)) {
            return Ok(round);
        }
        thread::sleep(PACE.min(left));
    }
}

impl Plan {
    /// Returns the ways to a target. They are looked up anew in each round: what is rolled out gets other addresses on the
    /// way. A name that is not found is left to the client, which says so.
    fn dials(&self, target: &Target) -> Vec<Dial> {
        let Target { url, dial } = target;
        let found = match &dial.connect {
            _ if !self.every_address => return vec![dial.clone()],
            Some(connect) => connect.to_socket_addrs(),
            None => (url.host(), url.port()).to_socket_addrs(),
        };
        let at = |address: SocketAddr| Dial { connect: Some(address.to_string()), ..dial.clone() };
        let dials: Vec<Dial> = found.into_iter().flatten().map(at).collect();
        if dials.is_empty() { vec![dial.clone()] } else { dials }
    }
}

fn probe(plan: &Plan, url: &Url, dial: &Dial, client: &Client, to_the_end: bool) -> Result<Probed, Failure> {
    let mut findings = Vec::new();
    for message in plan.content.messages(url)? {
        let answer = client.send(&message.request, dial);
        let finding = Finding::of(&message, answer, plan.behind_envoy);
        let is_right = finding.grade() == Grade::Right;
        findings.push(finding);
        if !is_right && !to_the_end {
            break;
        }
    }
    Ok(Probed { url: url.to_string(), address: dial.connect.clone(), findings })
}
