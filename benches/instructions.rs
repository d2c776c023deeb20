//! How many instructions a request costs the core, compared with the budget in benches/instructions.txt: `make instructions`.
//!
//! Unlike time, the count does not depend on the machine's mood. It is that of callgrind, whose processor has no
//! instructions for hashes: they count as they would in the sandbox. `RECORD=1` writes the budget anew.
//!
//! Without valgrind, or on another architecture than that of the budget, nothing is compared, and a line says so.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark that meets what it does not expect is to fail at once"
)]

mod workload;

use std::hint::black_box;
use std::process::{Command, ExitCode};

use workload::Workload;

const BUDGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");
/// What a count may exceed its budget by, in percent: with the compiler that the budget was recorded with (the rest is
/// the C library's), and with another, whose inlining differs.
const TOLERANCE: (u64, u64) = (5, 15);
/// So that the C library copies memory in the same way on every processor.
const PLAIN_COPIES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-Prefer_No_VZEROUPPER";

/// A request by its name, and whether it is to be allowed.
type Case = (&'static str, fn() -> Workload, bool);

const WORKLOADS: [Case; 12] = [
    ("sms", Workload::sms, true),
    ("changing_sms", Workload::changing_sms, true),
    ("forged_sms", Workload::forged_sms, false),
    ("get", Workload::get, true),
    ("events_64k", Workload::events, true),
    ("forged_query", Workload::forged_query, false),
    ("other", Workload::other, true),
    ("twenty_routes", Workload::twenty_routes, true),
    ("five_tokens", Workload::five_tokens, true),
    ("first_url", || Workload::tried(false), true),
    ("tenth_url", || Workload::tried(true), true),
    ("form_60k", || Workload::large_form(200), true),
];

/// A path that is plain, and those that cost the most to read: by their names, what they begin with, and what is repeated.
const PATHS: [(&str, &str, &str); 22] = [
    ("plain", "/", "a"),
    ("segments", "/a;", "/.%20"),
    ("escapes", "/;%", "25"),
    ("units", "/;", "%u0073"),
    ("full width", "/..", "%EF%BD%93"),
    ("not ASCII", "/caf", "%C3%A9"),
    ("near", "/..", ".t.w.i.l.i"),
    ("nothing lost", "/", "a%20/"),
    ("interrupted", "/", "%\\"),
    ("other digits", "/", "a%6="),
    ("other digits, folded", "/", "%%%uff05%4`_next/data/"),
    ("folded", "/", "%uff05_next/data/"),
    ("cut scripts", "/", ".phpx/"),
    ("cut in a row", "/", ".php"),
    ("cut, other digits", "/a%<<", ".phpt"),
    ("short", "/", "a/"),
    ("short scripts", "/", "t.pl/"),
    ("others", "/", "twilio/x.cfc/"),
    ("index", "/", "index/"),
    ("scripts", "/", "twilio.php/"),
    ("dots", "/", "a.b.c.php/"),
    ("Next.js", "/", "_next/data/"),
];
/// What a path may cost in the place of a plain one of its size, of which every byte is looked at once and little more is done. Next to
/// what the proxy itself does to a path of that size, each of them is little.
const MOST_TIMES_PLAIN: u64 = 6;
const SIZES: [usize; 2] = [4_000, 50_000];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "run") {
        Some(at) => run(arguments.get(at + 1).expect("the name of a request")),
        None if !can_count() => ExitCode::SUCCESS,
        None if std::env::var_os("RECORD").is_some() => record(),
        None => compare(),
    }
}

fn can_count() -> bool {
    let has_valgrind = Command::new("valgrind").arg("--version").output().is_ok();
    let can = has_valgrind && cfg!(target_arch = "x86_64");
    if !can {
        println!("instructions: no valgrind here, or no x86-64: the instructions were NOT counted");
    }
    can
}

/// Runs in the process that callgrind watches, which counts the second time: what is done only once is done by then.
fn run(name: &str) -> ExitCode {
    let (workload, allowed) = match name.split_once(' ') {
        Some((size, name)) => {
            let (_, begin, repeated) = PATHS.iter().find(|(own, ..)| *own == name).expect("a path");
            (Workload::other_path(begin, repeated, size.parse().expect("a size")), true)
        }
        None => {
            let (_, workload, allowed) = WORKLOADS.iter().find(|(own, ..)| *own == name).expect("a request");
            (workload(), *allowed)
        }
    };
    assert_eq!(workload.verify(), allowed);
    assert_eq!(black_box(measured_request(black_box(&workload))), allowed);
    ExitCode::SUCCESS
}

/// Verifies one request. Callgrind counts from its beginning to its end, and finds it by its name.
#[inline(never)]
fn measured_request(workload: &Workload) -> bool {
    workload.verify()
}

fn count(name: &str) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured_request*"])
        .arg(std::env::current_exe().expect("the path of this program"))
        .args(["run", name])
        .env("GLIBC_TUNABLES", PLAIN_COPIES)
        .output()
        .unwrap_or_else(|error| panic!("expected to run valgrind: {error}"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok()).filter(|count| *count > 0);
    count.unwrap_or_else(|| panic!("expected callgrind to count instructions\n{text}"))
}

fn record() -> ExitCode {
    let mut text = format!("# {}\n", compiler());
    for (name, ..) in WORKLOADS {
        text += &format!("{name} {}\n", count(name));
    }
    std::fs::write(BUDGET, &text).expect("a place for the budget");
    print!("{text}");
    ExitCode::SUCCESS
}

fn compare() -> ExitCode {
    let budget = std::fs::read_to_string(BUDGET).expect("the budget");
    let recorded_with = budget.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a compiler");
    let tolerance = if recorded_with == compiler() {
        TOLERANCE.0
    } else {
        println!("the budget was recorded with {recorded_with}, this is {}", compiler());
        TOLERANCE.1
    };
    let mut status = ExitCode::SUCCESS;
    for (name, ..) in WORKLOADS {
        let own = budget.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        let (budget, count): (u64, u64) = (own.expect("a count for each request"), count(name));
        let percent = count * 1_000 / budget;
        let verdict = if count * 100 > budget * (100 + tolerance) {
            status = ExitCode::FAILURE;
            "TOO MANY"
        } else {
            "ok"
        };
        println!(
            "{name:12} {count:>10} instructions, {:>3}.{} % of the budget: {verdict}",
            percent / 10,
            percent % 10
        );
    }
    if compare_paths() { status } else { ExitCode::FAILURE }
}

/// Says what paths cost in the place of plain ones, and whether none is too much.
fn compare_paths() -> bool {
    let mut all_right = true;
    for size in SIZES {
        let [plain, costs @ ..] = PATHS.map(|(name, ..)| (name, count(&format!("{size} {name}"))));
        for (name, cost) in costs {
            let is_right = cost <= plain.1 * MOST_TIMES_PLAIN;
            let verdict = if is_right { "ok" } else { "TOO MANY" };
            let tenths = cost * 10 / plain.1;
            println!(
                "{size:6} bytes of {name:14} {cost:>9} instructions, {}.{} of a plain path's: {verdict}",
                tenths / 10,
                tenths % 10
            );
            all_right &= is_right;
        }
    }
    all_right
}

/// Returns the compiler that would build this now, which is the one that did.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("the version of rustc");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ").trim().to_owned()
}
