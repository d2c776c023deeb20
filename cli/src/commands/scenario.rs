//! `twilio-webhook scenario`

use std::fs;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use crate::args::{Format, Scenario};
use crate::client::{Client, Options};
use crate::failure::Failure;
use crate::report;
use crate::scenario::{ReasonLookup, Row, Setup, Suite, UpstreamLookup, lookup, run as run_suite};

use super::output::print;

pub(super) fn run(args: &Scenario) -> Result<bool, Failure> {
    let suite = Suite::read(&args.file)?;
    let rows = run_suite(&suite, &setup(args)?)?;
    let report = report(args, &rows);
    match &args.output {
        None => print(report.as_bytes())?,
        Some(path) => fs::write(path, report)
            .map_err(|error| Failure::File(format!("cannot write {}: {error}", path.display())))?,
    }
    // Where nobody answered at all, what is wrong is the way there and not the filter.
    match rows
        .iter()
        .map(|row| row.failure.clone())
        .collect::<Option<Vec<_>>>()
        .and_then(|all| all.into_iter().next())
    {
        Some(failure) => Err(failure),
        None => Ok(rows.iter().all(|row| row.passed)),
    }
}

fn setup(args: &Scenario) -> Result<Setup<'_>, Failure> {
    let reason = args
        .access_log
        .as_ref()
        .map(|path| -> ReasonLookup<'_> { Box::new(move |token| lookup::access_log(path, token)) });
    let upstream = match &args.upstream {
        None => None,
        Some(url) => {
            let client = Client::new(&Options { cacert: None, timeout: Duration::from_secs(5) })?;
            let ask: UpstreamLookup<'_> = Box::new(move |token| lookup::recorder(&client, url, token));
            Some(ask)
        }
    };
    Ok(Setup {
        targets: args.targets.iter().cloned().collect(),
        client: Options { cacert: args.network.cacert.clone(), timeout: args.network.timeout },
        reason,
        upstream,
        patience: args.patience,
        ..Setup::default()
    })
}

fn report(args: &Scenario, rows: &[Row]) -> String {
    // NO_COLOR: https://no-color.org
    let colour = args.output.is_none()
        && io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match args.format {
        Format::Table if colour => report::coloured_table(rows),
        Format::Table => report::table(rows),
        Format::Json => report::json(rows),
        Format::Junit => report::junit(rows, &args.file.display().to_string()),
    }
}
