//! What a probe found, for people and for programs.

use std::fmt::Write as _;

use serde_json::json;

use crate::probe::finding::{Finding, Grade};
use crate::probe::outcome::Outcome;
use crate::probe::verdict::{Probed, Verdict};

/// Writes a line for each URL, and one for each request to it.
#[must_use]
pub fn table(probed: &[Probed]) -> String {
    let mut out = String::new();
    for url in probed {
        let address = url.address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
        let _ = writeln!(out, "{}{address}: {}", url.url, url.verdict().text());
        for finding in &url.findings {
            let mark = match finding.grade() {
                Grade::Right if finding.is_hearsay() && url.verdict() == Verdict::Unclear => "?",
                Grade::Right => "ok",
                Grade::Wrong => "NO",
                Grade::Unclear => "?",
            };
            let status = finding.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let _ = writeln!(
                out,
                "  {mark:<2}  {:<18}  {status:<3}  {}{}",
                finding.request,
                finding.meaning,
                details(finding)
            );
        }
    }
    out
}

/// Writes who answered, where it was not the filter.
fn details(finding: &Finding) -> String {
    if finding.outcome == Outcome::Denied || finding.status.is_none() {
        return String::new();
    }
    let mut details = Vec::new();
    details.extend(finding.server.as_ref().map(|server| format!("server {}", server.escape_debug())));
    details.extend(finding.location.as_ref().map(|place| format!("to {}", place.escape_debug())));
    if !finding.body.is_empty() {
        // Escaped: whoever answered does not write to this terminal.
        details.push(format!("body {:?}", finding.body));
    }
    details.push(format!("idempotency token {}", finding.idempotency_token));
    format!(" ({})", details.join(", "))
}

/// Writes one JSON object: whether all `passed`, and the `urls` with their requests.
#[must_use]
pub fn json(probed: &[Probed], is_strict: bool) -> String {
    let urls = probed.iter().map(|url| {
        json!({
            "url": url.url,
            "address": url.address,
            "verdict": url.verdict(),
            "requests": url.findings,
        })
    });
    let passed = probed.iter().all(|url| url.is_enough(is_strict));
    format!("{:#}\n", json!({ "passed": passed, "urls": urls.collect::<Vec<_>>() }))
}
