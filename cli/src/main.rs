//! The tool: see `twilio-webhook --help`.

use std::process::ExitCode;

use clap::Parser as _;
use twilio_webhook::args::Cli;
use twilio_webhook::commands;

fn main() -> ExitCode {
    match commands::run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
