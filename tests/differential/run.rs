//! One run of all the judges, shared by the tests.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::case::Case;
use crate::classes::{CLASSES, Class};
use crate::generate;
use crate::oracles::{Judge, Opinion, Oracles};
use crate::ours::Filter;

/// A run of so many requests meets every class.
pub const FULL_RUN: u64 = 20_000;

/// So many requests are judged at once.
const AT_ONCE: u64 = 400;

/// What came of a run.
#[derive(Default)]
pub struct Outcome {
    pub seed: u64,
    pub requests: u64,
    /// How often each class explained a judge.
    classes: BTreeMap<(&'static str, Judge), u64>,
    /// How many requests each judge has denied and accepted.
    pub judged: BTreeMap<Judge, [u64; 2]>,
    ours: [u64; 2],
    /// By kind of failure: how many, and the first.
    pub failures: BTreeMap<String, (u64, String)>,
}

/// The run, made once.
pub fn run() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_micros();
        let seed = setting("DIFFERENTIAL_SEED").unwrap_or_else(|| now() as u64 % 1_000_000_000);
        let requests = setting("DIFFERENTIAL_REQUESTS").unwrap_or(FULL_RUN);
        say(&format!("differential: DIFFERENTIAL_SEED={seed} DIFFERENTIAL_REQUESTS={requests}"));
        let start = Instant::now();
        let outcome = Outcome::of(seed, requests);
        say(&outcome.summary());
        say(&format!("differential: {:.1} s", start.elapsed().as_secs_f64()));
        outcome
    })
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number: {text}")))
}

/// Past the test harness, which shows what a test prints only when it fails.
fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").expect("standard error");
}

impl Outcome {
    fn of(seed: u64, requests: u64) -> Outcome {
        let mut outcome = Outcome { seed, requests, ..Outcome::default() };
        let mut oracles = Oracles::start();
        let filter = Filter::new();
        let mut first = 0;
        while first < requests {
            let end = requests.min(first + AT_ONCE);
            let cases: Vec<Case> = (first..end).map(|number| generate::case(seed, number)).collect();
            let mut verdicts = Vec::new();
            let opinions =
                oracles.judge(&cases, || verdicts = cases.iter().map(|case| filter.accepts(case)).collect());
            for ((case, ours), opinions) in cases.iter().zip(verdicts).zip(opinions) {
                outcome.note(case, ours, &opinions);
            }
            first = end;
        }
        outcome
    }

    fn note(&mut self, case: &Case, ours: bool, opinions: &[Opinion]) {
        self.ours[usize::from(ours)] += 1;
        if ours != case.is_genuine() {
            self.fail(
                case,
                ours,
                if ours { "the filter accepts a forgery" } else { "the filter denies what is genuine" },
            );
        }
        for &(judge, theirs) in opinions {
            self.judged.entry(judge).or_default()[usize::from(theirs)] += 1;
            let explains = |class: &&Class| class.explains(case, ours, judge);
            let mut explanations = CLASSES.iter().filter(explains);
            if ours == theirs {
                if let Some(class) = explanations.find(|class| class.is_sure(case)) {
                    self.fail(case, ours, &format!("{judge:?} agrees, though {} says otherwise", class.id));
                }
            } else if let Some(class) = explanations.next() {
                *self.classes.entry((class.id, judge)).or_default() += 1;
            } else {
                self.fail(case, ours, &format!("{judge:?} {}", if theirs { "accepts" } else { "denies" }));
            }
        }
    }

    fn fail(&mut self, case: &Case, ours: bool, what: &str) {
        let Case { shape, signed, forgery, .. } = case;
        let kind = format!("{what}: {shape:?}, {:?}, port {:?}, {forgery:?}", signed.spelling, signed.port);
        let first = || {
            let body = String::from_utf8_lossy(&case.body);
            let verdict = if ours { "accepts" } else { "denies" };
            format!("request {}: the filter {verdict} {}\n{body:?}\n{case:?}", case.number, case.url)
        };
        self.failures.entry(kind).or_insert_with(|| (0, first())).0 += 1;
    }

    pub fn failed(&self) -> u64 {
        self.failures.values().map(|(count, _)| count).sum()
    }

    /// The kinds of failure, and of some of them the first.
    pub fn failures_by_kind(&self) -> String {
        let kinds = self.failures.iter().map(|(kind, (count, _))| format!("{count:7} {kind}\n"));
        let firsts = self.failures.iter().take(5).map(|(kind, (_, first))| format!("\n{kind}\n{first}\n"));
        kinds.take(60).chain(firsts).collect()
    }

    /// How often a class explained the opinion of a judge.
    pub fn explained(&self, class: &Class, judge: Judge) -> u64 {
        self.classes.get(&(class.id, judge)).copied().unwrap_or_default()
    }

    fn summary(&self) -> String {
        let mut text =
            format!("{:22} {:>7} accepted {:>7} denied\n", "the filter", self.ours[1], self.ours[0]);
        for (judge, [denied, accepted]) in &self.judged {
            text.push_str(&format!("{:22} {accepted:>7} accepted {denied:>7} denied\n", judge.name()));
        }
        for class in CLASSES {
            let count = |judge: &Judge| format!("{} {}", judge.name(), self.explained(class, *judge));
            let counts: Vec<_> = class.others.iter().map(count).collect();
            text.push_str(&format!("{:22} explains {}\n", class.id, counts.join(", ")));
        }
        text.push_str(&format!("{:22} {}", "unexplained", self.failed()));
        text
    }
}
