//! Asks a URL, and ends with 0 if the answer is 200. For images that have neither a shell nor curl.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(authority), Some(path), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: healthcheck HOST:PORT /PATH");
        return ExitCode::from(2);
    };
    match status_line(&authority, &path) {
        Ok(line) if line.split(' ').nth(1) == Some("200") => ExitCode::SUCCESS,
        Ok(line) => {
            println!("{authority}{path} answers {line:?}");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("{authority}{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn status_line(authority: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}
