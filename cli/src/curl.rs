//! A request as a curl command to paste into a POSIX shell.

use crate::request::Request;

/// The command, one option a line.
#[must_use]
pub fn command(request: &Request) -> String {
    // curl resolves dot segments and expands [] and {} in URLs unless told not to; --include shows the status.
    let mut words = vec!["curl --include --path-as-is --globoff".to_owned()];
    let mut option = |name: &str, value: &str| words.push(format!("{name} {}", quote(value)));
    option("--request", &request.method);
    let mut url = request.url.clone();
    if request.websocket {
        // Without the options of its own WebSocket support, which would drop the user's headers in older versions.
        url.scheme = if url.is_tls() { "https" } else { "http" }.to_owned();
        words.push("--http1.1".to_owned());
        for header in ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"] {
            words.push(format!("--header {}", quote(header)));
        }
        words.push(format!("--header {}", quote("Sec-WebSocket-Key: dHdpbGlvLXdlYmhvb2tzIQ==")));
    }
    for (name, value) in &request.headers {
        // curl sends a header without a value only when it ends in a semicolon.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        words.push(format!("--header {}", quote(&header)));
    }
    match request.body.as_deref() {
        None => {}
        Some([]) => words.push("--header 'Content-Length: 0'".to_owned()),
        // --data-raw, as --data would take a body that begins with @ for a file's name.
        Some(body) => words.push(format!("--data-raw {}", quote(&String::from_utf8_lossy(body)))),
    }
    words.push(format!("--url {}", quote(&url.to_string())));
    words.join(" \\\n  ")
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
