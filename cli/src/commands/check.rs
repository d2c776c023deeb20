//! `twilio-webhook check`

use crate::args::Check;
use crate::check::{Level, Report};
use crate::failure::Failure;
use crate::plugin;

use super::output::print;

pub(super) fn run(args: &Check) -> Result<bool, Failure> {
    let report = Report::of(&plugin::read(&args.files)?);
    print(report.text().as_bytes())?;
    let is_clean = report.count(Level::Warning) == 0 || !args.strict;
    Ok(report.count(Level::Error) == 0 && is_clean)
}
