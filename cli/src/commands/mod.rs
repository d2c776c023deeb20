//! The subcommands. Each returns whether everything was as expected.

mod check;
mod explain;
mod output;
mod probe;
mod scenario;
mod send;
mod sign;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use output::print;

/// Runs what the command line asks for.
///
/// # Errors
/// Whatever keeps it from being done.
pub fn run(cli: &Cli) -> Result<bool, Failure> {
    match &cli.command {
        Command::Sign(args) => sign::run(args),
        Command::Send(args) => send::run(args),
        Command::Scenario(args) => scenario::run(args),
        Command::Check(args) => check::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Probe(args) => probe::run(args),
        Command::Schema => {
            print(format!("{:#}\n", twilio_proxy_wasm::config::schema()).as_bytes()).map(|()| true)
        }
    }
}
