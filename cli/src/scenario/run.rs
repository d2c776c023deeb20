//! Sends a suite's requests one after the other, and compares what became of them.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::client::{self, Answer, Client};
use crate::failure::Failure;
use crate::request::Request;

use super::lookup::{Logged, Received};
use super::prepare::{Prepared, prepare};
use super::row::Row;
use super::suite::{Expect, Suite, Upstream};

/// Looks up an environment variable.
pub type Env<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;
/// Finds the verdict on the request with a token; `None`: not known yet, ask again.
pub type ReasonLookup<'a> = Box<dyn Fn(&str) -> Result<Option<Logged>, Failure> + 'a>;
/// Finds the requests with a token that reached the application so far.
pub type UpstreamLookup<'a> = Box<dyn Fn(&str) -> Result<Vec<Received>, Failure> + 'a>;

/// What a run needs to know. `Setup::default()` dials the URLs themselves, reads the process's environment, and looks
/// nothing up.
pub struct Setup<'a> {
    /// `HOST:PORT` by the name that scenarios call it.
    pub targets: BTreeMap<String, String>,
    /// Certificates to trust, and the deadline of each request.
    pub client: client::Options,
    /// Where tokens are found.
    pub env: Env<'a>,
    /// Without it reasons and verdicts are not checked.
    pub reason: Option<ReasonLookup<'a>>,
    /// Without it nobody checks what the application saw.
    pub upstream: Option<UpstreamLookup<'a>>,
    /// How long to wait, after the last request, for the lookups to find something. Envoy writes its access log every ten seconds unless told
    /// otherwise (`--file-flush-interval-msec`).
    pub patience: Duration,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            targets: BTreeMap::new(),
            client: client::Options::default(),
            env: Box::new(|name| std::env::var(name).ok()),
            reason: None,
            upstream: None,
            patience: Duration::from_secs(15),
        }
    }
}

impl fmt::Debug for Setup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("targets", &self.targets).finish_non_exhaustive()
    }
}

/// How long requests that should reach nobody get to reach somebody.
const GRACE: Duration = Duration::from_millis(50);
/// More than anyone waits, and less than a clock can count.
const LONGEST_PATIENCE: Duration = Duration::from_secs(86_400);
/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends all rows in order, then looks up what became of each. It blocks: see [`Client`].
///
/// # Errors
/// Only for what makes the whole run pointless: a row that cannot be built or signed, certificates that cannot be
/// read. A row that gets no answer is a row that has not passed.
pub fn run(suite: &Suite, setup: &Setup<'_>) -> Result<Vec<Row>, Failure> {
    let mut prepared = Vec::new();
    for scenario in &suite.scenarios {
        let ready = prepare(scenario, &setup.targets, &*setup.env)
            .map_err(|failure| failure.context(&format!("scenario {:?}", scenario.name)))?;
        prepared.push((scenario, ready));
    }
    let client = Client::new(&setup.client)?;
    let mut rows: Vec<_> = prepared
        .iter()
        .map(|(scenario, ready)| send(&scenario.name, &scenario.expect, ready, &client))
        .collect();
    // Only now, and not after each: a proxy may take seconds to write its access log, for all rows the same seconds.
    let deadline = Instant::now() + setup.patience.min(LONGEST_PATIENCE);
    if setup.upstream.is_some() {
        sleep(GRACE);
    }
    for ((row, problems), (scenario, ready)) in rows.iter_mut().zip(&prepared) {
        // Without an answer there is nothing to look up: the row has failed already, and says why.
        if row.failure.is_none() {
            problems.extend(check_reason(row, &scenario.expect, setup, deadline));
            problems.extend(check_upstream(row, &ready.request, &scenario.expect, setup, deadline));
        }
        row.passed = problems.is_empty();
        row.detail = problems.join("; ");
    }
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// Sends one request and judges the answer alone.
fn send(name: &str, expect: &Expect, ready: &Prepared, client: &Client) -> (Row, Vec<String>) {
    let request = &ready.request;
    let mut row = Row {
        name: name.to_owned(),
        request: format!("{} {}", request.summary(), ready.dial.http.name()),
        expected: expect.status.to_string(),
        got: "no answer".to_owned(),
        reason: "-".to_owned(),
        passed: false,
        detail: String::new(),
        token: request.token().to_owned(),
        milliseconds: 0,
        failure: None,
    };
    let problem = match client.send(request, &ready.dial) {
        Ok(answer) => {
            row.got = answer.status.to_string();
            row.milliseconds = u64::try_from(answer.elapsed.as_millis()).unwrap_or(u64::MAX);
            check_answer(&answer, request, expect)
        }
        Err(failure) => {
            let problem = failure.to_string();
            row.failure = Some(failure);
            Some(problem)
        }
    };
    (row, problem.into_iter().collect())
}

fn check_answer(answer: &Answer, request: &Request, expect: &Expect) -> Option<String> {
    if answer.status != expect.status {
        return Some(format!("expected status {}, got {}", expect.status, answer.status));
    }
    // Frames are sent on an open WebSocket alone; a refused handshake has no echoes, and none to miss.
    let opened = matches!(answer.status, 101 | 200);
    (opened && answer.echoes != request.frames)
        .then(|| format!("sent the frames {:?}, got {:?} back", request.frames, answer.echoes))
}

fn check_reason(row: &mut Row, expect: &Expect, setup: &Setup<'_>, deadline: Instant) -> Option<String> {
    let lookup = setup.reason.as_ref()?;
    // Nothing expected: nothing to wait for, but what is known is worth showing.
    let wanted = expect.reason.is_some() || expect.verdict.is_some();
    let deadline = if wanted { deadline } else { Instant::now() };
    let logged = match poll(deadline, || lookup(&row.token)) {
        Ok(Some(logged)) => logged,
        Ok(None) => return wanted.then(|| "the access log has no line for the request".to_owned()),
        Err(failure) => return Some(failure.to_string()),
    };
    row.reason.clone_from(&logged.reason);
    let mut problems = Vec::new();
    for (what, expected, got) in
        [("reason", &expect.reason, &logged.reason), ("verdict", &expect.verdict, &logged.verdict)]
    {
        if let Some(expected) = expected.as_ref().filter(|expected| *expected != got) {
            problems.push(format!("expected {what} {expected}, the access log has {got}"));
        }
    }
    (!problems.is_empty()).then(|| problems.join("; "))
}

fn check_upstream(
    row: &mut Row,
    request: &Request,
    expect: &Expect,
    setup: &Setup<'_>,
    deadline: Instant,
) -> Option<String> {
    let (lookup, expected) = (setup.upstream.as_ref()?, expect.upstream?);
    let word = |forwarded: bool| if forwarded { "forwarded" } else { "blocked" };
    row.expected = format!("{} {}", row.expected, word(expected == Upstream::Received));
    let seen = match expected {
        Upstream::Nothing => lookup(&row.token),
        // Wait until it is there and whole; a WebSocket is recorded at its handshake, and ends whenever it ends.
        Upstream::Received => poll(deadline, || {
            let seen = lookup(&row.token)?;
            Ok(seen.first().is_some_and(|first| first.complete || request.websocket).then_some(seen))
        })
        .and_then(|seen| seen.map_or_else(|| lookup(&row.token), Ok)),
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(failure) => return Some(failure.to_string()),
    };
    row.got = format!("{} {}", row.got, word(!seen.is_empty()));
    match (expected, seen.as_slice()) {
        (Upstream::Nothing, []) => None,
        (Upstream::Nothing, _) => Some("the request reached the application".to_owned()),
        (Upstream::Received, []) => Some("the request did not reach the application".to_owned()),
        (Upstream::Received, [one]) => check_received(one, request),
        (Upstream::Received, more) => Some(format!("the application got the request {} times", more.len())),
    }
}

fn check_received(received: &Received, request: &Request) -> Option<String> {
    if request.websocket {
        return None;
    }
    let sent = request.body.as_deref().unwrap_or_default();
    if !received.complete {
        Some("the request reached the application and never ended".to_owned())
    } else if received.body != sent {
        let (got, sent) = (received.body.len(), sent.len());
        Some(format!("the application got another body: {got} bytes instead of {sent}, or others"))
    } else {
        None
    }
}

/// Asks until there is an answer or the deadline has passed, and once in any case.
fn poll<T>(
    deadline: Instant,
    mut ask: impl FnMut() -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    loop {
        let found = ask()?;
        if found.is_some() || Instant::now() >= deadline {
            return Ok(found);
        }
        sleep(PAUSE);
    }
}
