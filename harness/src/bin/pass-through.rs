//! Writes a module that lets everything pass to the file named: see `tools/compose`.

use std::process::ExitCode;

use twilio_proxy_wasm_harness::sample::pass_through;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: pass-through FILE");
        return ExitCode::from(2);
    };
    match std::fs::write(&path, pass_through()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pass-through: cannot write {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
