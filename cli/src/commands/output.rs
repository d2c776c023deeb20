//! Standard output.

use std::io::{self, Write as _};

use crate::failure::Failure;

/// Prints, and does not mind a reader that has gone (`| head`).
pub(super) fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::File(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}
