//! The subcommands. Each returns whether everything was as expected.

mod check;
mod explain;
mod scenario;
mod send;
mod sign;

use std::fs;
use std::io::{self, Write as _};

use crate::args::{Cli, Command, Content};
use crate::failure::Failure;

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
        Command::Schema => {
            print(format!("{:#}\n", twilio_proxy_wasm::config::schema()).as_bytes()).map(|()| true)
        }
    }
}

/// Prints, and does not mind a reader that has gone (`| head`).
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::File(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}

/// The JSON body: the text itself, or the file's bytes.
fn json(content: &Content) -> Result<Option<Vec<u8>>, Failure> {
    content
        .json
        .as_deref()
        .map(|text| match text.strip_prefix('@') {
            Some(path) => {
                fs::read(path).map_err(|error| Failure::File(format!("cannot read {path}: {error}")))
            }
            None => Ok(text.as_bytes().to_vec()),
        })
        .transpose()
}
