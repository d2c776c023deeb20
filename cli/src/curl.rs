//! A request as a curl command to paste into a POSIX shell.

use shlex::bytes::try_join;

use crate::failure::Failure;
use crate::request::Request;

/// Writes the command, one option a line.
///
/// # Errors
/// [`Failure::Usage`] when the request holds a zero byte, which no shell can pass on.
pub fn command(request: &Request) -> Result<Vec<u8>, Failure> {
    // curl resolves dot segments and expands [] and {} in URLs unless told not to; --include shows the status.
    let mut lines = vec![words(&["curl", "--include", "--path-as-is", "--globoff"])];
    lines.push(words(&["--request", &request.method]));
    let mut url = request.url.clone();
    if request.websocket {
        // Without the options of its own WebSocket support, which would drop the user's headers in older versions.
        url.scheme = if url.is_tls() { "https" } else { "http" }.to_owned();
        lines.push(words(&["--http1.1"]));
        for header in [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dHdpbGlvLXdlYmhvb2tzIQ==",
        ] {
            lines.push(words(&["--header", header]));
        }
    }
    for (name, value) in &request.headers {
        // curl sends a header without a value only when it ends in a semicolon.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        lines.push(words(&["--header", &header]));
    }
    match request.body.as_deref() {
        None => {}
        Some([]) => lines.push(words(&["--header", "Content-Length: 0"])),
        // --data-raw, as --data would take a body that begins with @ for a file's name.
        Some(body) => lines.push(vec![b"--data-raw".to_vec(), body.to_vec()]),
    }
    lines.push(words(&["--url", &url.to_string()]));
    let quoted = |line: &Vec<Vec<u8>>| try_join(line.iter().map(Vec::as_slice));
    let lines = lines.iter().map(quoted).collect::<Result<Vec<_>, _>>();
    let lines = lines.map_err(|_| {
        Failure::Usage("the request holds a zero byte, which a shell cannot pass on to curl".to_owned())
    })?;
    Ok(lines.join(b" \\\n  ".as_slice()))
}

fn words(line: &[&str]) -> Vec<Vec<u8>> {
    line.iter().map(|word| word.as_bytes().to_vec()).collect()
}
