//! The tables, as they are printed and as they stand in docs/benchmarks.md.

use std::fmt::Write as _;
use std::process::Command;

use twilio_proxy_wasm_harness::sample::repository;

use crate::explain::Flood;
use crate::figures::{Measured, Sample};
use crate::load::CONNECTIONS;
use crate::process::machine;
use crate::startup::Startup;
use crate::tokens::Tokens;
use crate::{memory, scaling};

/// All that is measured but the memory after many requests.
pub(crate) struct All {
    pub(crate) measured: Measured,
    pub(crate) floor: String,
    pub(crate) flood: Flood,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) scaling: Vec<scaling::Row>,
    pub(crate) startup: Startup,
    pub(crate) plugins: String,
    pub(crate) tail: String,
}

/// Returns the tables of the contenders side by side.
pub(crate) fn side_by_side(envoy: &str, all: &All) -> String {
    let measured = &all.measured;
    let mut text = format!(
        "Measured on {} UTC with Envoy {envoy}: {} rounds of each, {CONNECTIONS} connections.\n{}.\n\n",
        date(),
        measured.rounds(),
        machine(),
    );
    text += "![Processor time per SMS webhook](benchmarks.svg)\n\n";
    for workload in &measured.workloads {
        let _ = writeln!(text, "**{}**: {}\n", workload.name, workload.what);
        text += "| | requests/s | p50 µs | p99 µs | Envoy CPU µs | Node.js CPU µs | CPU least – median – upper quartile |\n";
        text += "|---|---:|---:|---:|---:|---:|---:|\n";
        for (letter, name) in &measured.contenders {
            let series = measured.series(*letter, workload.name);
            let _ = writeln!(
                text,
                "| ({letter}) {name} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} – {:.1} – {:.1} |",
                series.median(|sample| sample.per_second),
                series.median(|sample| sample.p50),
                series.median(|sample| sample.p99),
                series.median(|sample| sample.proxy),
                series.median(|sample| sample.validator),
                series.least(Sample::cpu),
                series.median(Sample::cpu),
                series.upper_quartile(Sample::cpu),
            );
        }
        text.push('\n');
    }
    text += &ratios(measured, &all.flood);
    text += &all.floor;
    text += &tokens(&all.tokens);
    text += &scaling_table(&all.scaling);
    text += &startup_table(&all.startup);
    text += &all.plugins;
    text += &all.tail;
    insert("side by side", &text);
    text
}

fn ratios(measured: &Measured, flood: &Flood) -> String {
    let mut text =
        String::from("| CPU per request | by the least | by the medians | aim |\n|---|---:|---:|---:|\n");
    let mut row = |what: &str, (least, median): (f64, f64), aim: &str| {
        let _ = writeln!(text, "| {what} | {least:.2} | {median:.2} | {aim} |");
    };
    row("SMS: (d) / (a)", measured.ratio(('d', "SMS"), ('a', "SMS")), "≤ 1.30");
    row("SMS: (d) − (c), µs", measured.added('d', 'c', "SMS"), "≤ 12");
    row("SMS: (d) / (f)", measured.ratio(('d', "SMS"), ('f', "SMS")), "≤ 0.33");
    row("SMS: (d) / (e)", measured.ratio(('d', "SMS"), ('e', "SMS")), "≤ 0.17");
    row("form 60K: (d) / (b)", measured.ratio(('d', "form 60K"), ('b', "form 60K")), "≤ 5");
    row("(d): forged SMS / SMS", measured.ratio(('d', "forged SMS"), ('d', "SMS")), "≤ 1.2");
    row("(d): forged SMS with `explain` / without", (flood.least, flood.median), "≤ 1.5");
    text + "\n"
}

/// What a token costs that may change while Envoy serves.
pub(crate) fn tokens(measured: &Option<Tokens>) -> String {
    let Some(Tokens { least, median }) = measured else {
        return "This Envoy is older than 1.38, and reads no token while it serves.\n\n".to_owned();
    };
    let mut text = String::from("| SMS, with the token from | CPU µs, least | median |\n|---|---:|---:|\n");
    let names = ["the configuration", "the configuration, `set_filter_state` in the chain", "`filter_state`"];
    for (at, name) in names.iter().enumerate() {
        let _ = writeln!(text, "| {name} | {:.1} | {:.1} |", least[at], median[at]);
    }
    let of_the_filter = (least[2] / least[1], median[2] / median[1]);
    let of_all = (least[2] / least[0], median[2] / median[0]);
    let _ = writeln!(
        text,
        "\nReading it costs the filter {:.3} times as much by the least ({:.3} by the medians; aim: 1.1), and with the filter \
         that fills it {:.3} times ({:.3}).\n",
        of_the_filter.0, of_the_filter.1, of_all.0, of_all.1
    );
    text
}

fn scaling_table(rows: &[scaling::Row]) -> String {
    let mut text = String::from(
        "| parameters | bytes | Envoy alone, CPU µs | sorted backwards | one name | added per parameter, ns |\n\
         |---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let added = (row.backwards.max(row.one_name) - row.alone) * 1e3 / row.parameters as f64;
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.0} | {:.0} | {added:.0} |",
            row.parameters, row.bytes, row.alone, row.backwards, row.one_name
        );
    }
    text + "\n"
}

fn startup_table(startup: &Startup) -> String {
    let [alone, floor, filter] = startup.milliseconds;
    let per_worker = startup.kilobytes_per_worker;
    let mut text = format!(
        "The module has {} bytes (aim: at most 400,000), and loads in {:.0} ms (aim: 150): so much later than Envoy \
         alone is Envoy ready with it.\n\n",
        startup.module_bytes,
        filter.0 - alone.0
    );
    text += "| | Envoy alone | a wasm filter that decides nothing | this filter |\n|---|---:|---:|---:|\n";
    let _ = writeln!(
        text,
        "| ready after, ms (least – median) | {:.0} – {:.0} | {:.0} – {:.0} | {:.0} – {:.0} |",
        alone.0, alone.1, floor.0, floor.1, filter.0, filter.1
    );
    let _ = writeln!(
        text,
        "| memory for each further worker, KB (aim: 2,000) | {:.0} | {:.0} | {:.0} |",
        per_worker[0], per_worker[1], per_worker[2]
    );
    text + "\n"
}

/// Returns the memory after many requests.
pub(crate) fn memory(envoy: &str, rows: &[memory::Row]) -> String {
    let mut text = format!("Measured on {} UTC with Envoy {envoy}.\n\n", date());
    text += "| requests | resident, KB | allocated by Envoy, KB |\n|---:|---:|---:|\n";
    for row in rows {
        let _ = writeln!(text, "| {} | {} | {} |", row.requests, row.resident_kb, row.allocated / 1_024);
    }
    let resident =
        |requests: usize| rows.iter().find(|row| row.requests == requests).map(|row| row.resident_kb as f64);
    if let (Some(early), Some(late)) = (resident(100_000), resident(1_000_000)) {
        let percent = (late / early - 1.0) * 100.0;
        let _ = writeln!(
            text,
            "\nResident after 1,000,000 requests: {percent:+.1} % of 100,000 (aim: within 2 %)."
        );
    }
    insert("memory", &text);
    text
}

fn date() -> String {
    let output = Command::new("date").args(["-u", "+%F %H:%M"]).output().expect("the date");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Puts a section between its marks in the document, in place of the last one.
fn insert(section: &str, text: &str) {
    let path = repository().join("docs/benchmarks.md");
    let page = std::fs::read_to_string(&path).expect("docs/benchmarks.md");
    let (begin, end) = (format!("<!-- measured: {section} -->\n"), "<!-- end -->");
    let (before, rest) = page.split_once(&begin).expect("the mark of the section");
    let (_, after) = rest.split_once(end).expect("the end of the section");
    std::fs::write(&path, format!("{before}{begin}\n{text}\n{end}{after}")).expect("a place for the figures");
}
