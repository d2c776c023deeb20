//! The rows of a run as a table for people, and as JSON and JUnit XML for machines.

use std::fmt::Write as _;

use serde_json::json;

use crate::scenario::Row;

/// Returns a table that a newcomer understands, without colour.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    render(rows, false)
}

/// Returns the same with what passed in green and what did not in red: for a terminal.
#[must_use]
pub fn coloured_table(rows: &[Row]) -> String {
    render(rows, true)
}

fn render(rows: &[Row], colour: bool) -> String {
    let head = ["request", "expected", "got", "reason", "ok"].map(str::to_owned);
    let lines: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            let ok = if row.passed { "yes" } else { "NO" };
            [row.name.clone(), row.expected.clone(), row.got.clone(), row.reason.clone(), ok.to_owned()]
        })
        .collect();
    let mut widths = [0; 5];
    for cells in std::iter::once(&head).chain(&lines) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    let mut line = |cells: &[String; 5]| {
        let padded: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out.push_str(padded.join(" | ").trim_end());
        out.push('\n');
    };
    line(&head);
    line(&widths.map(|width| "-".repeat(width)));
    for (cells, row) in lines.iter().zip(rows) {
        let mut cells = cells.clone();
        if colour {
            let code = if row.passed { 32 } else { 31 };
            cells[4] = format!("\u{1b}[{code}m{}\u{1b}[0m", cells[4]);
        }
        line(&cells);
    }
    let failed: Vec<_> = rows.iter().filter(|row| !row.passed).collect();
    let _ = writeln!(out, "\n{} of {} as expected", rows.len() - failed.len(), rows.len());
    for row in failed {
        let _ = writeln!(out, "\nNOT as expected: {}\n  {}\n  {}", row.name, row.request, row.detail);
        let _ = writeln!(out, "  idempotency token {}", row.token);
    }
    out
}

/// Returns one JSON object: `passed`, and the `rows`.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    format!("{:#}\n", json!({ "passed": rows.iter().all(|row| row.passed), "rows": rows }))
}

/// Returns JUnit XML, which continuous integration servers show.
#[must_use]
pub fn junit(rows: &[Row], suite: &str) -> String {
    let failures = rows.iter().filter(|row| !row.passed).count();
    let time = seconds(rows.iter().map(|row| row.milliseconds).sum());
    let (suite, tests) = (escape(suite), rows.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" time=\"{time}\"");
    let _ = writeln!(out, "<testsuites {counts}>\n  <testsuite name=\"{suite}\" {counts}>");
    for row in rows {
        let (name, time) = (escape(&row.name), seconds(row.milliseconds));
        let _ = write!(out, "    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{time}\"");
        if row.passed {
            out.push_str("/>\n");
        } else {
            let (detail, request) = (escape(&row.detail), escape(&row.request));
            let _ =
                writeln!(out, ">\n      <failure message=\"{detail}\">{request}</failure>\n    </testcase>");
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no way to write a control character.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
