//! What became of a request: the proxy's access log tells the filter's verdict, a recorder behind the proxy tells
//! what the application saw.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::client::{Client, Dial};
use crate::failure::Failure;
use crate::key::{Key, Secret};
use crate::url::Url;
use crate::webhook::{Payload, Webhook};

/// The filter's verdict on one request, as the access log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// `allowed`, `denied`, `reported`, `passed` or `incomplete`; `-` when the filter has left nothing.
    pub verdict: String,
    /// The reason; `none` when there was nothing to object, `-` when the filter has left nothing.
    pub reason: String,
}

impl Logged {
    /// Reads the filter's own text (`verdict=denied route=sms reason=signature_mismatch`); where there is none, the
    /// response code details (`twilio_webhook_signature_mismatch`).
    #[must_use]
    pub fn parse(text: &str, response_code_details: &str) -> Self {
        let field = |name: &str| {
            text.split_whitespace()
                .filter_map(|word| word.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        };
        let details = response_code_details.strip_prefix("twilio_webhook_");
        let none = || "-".to_owned();
        Self {
            verdict: field("verdict").or(details.map(|_| "denied".to_owned())).unwrap_or_else(none),
            reason: field("reason").or(details.map(str::to_owned)).unwrap_or_else(none),
        }
    }
}

/// Looks a request up in an access log of JSON lines. `None`: not written yet.
///
/// # Errors
/// [`Failure::File`] when the log cannot be read. One that does not exist yet is not written yet.
pub fn access_log(path: &Path, token: &str) -> Result<Option<Logged>, Failure> {
    #[derive(Deserialize)]
    struct Line {
        idempotency_token: Option<String>,
        response_code_details: Option<String>,
        twilio_webhook: Option<String>,
    }
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::File(format!("cannot read {}: {error}", path.display()))),
    };
    // A line that is not yet whole, or is of something else, does not parse and is passed over.
    let line = text
        .lines()
        .filter(|line| line.contains(token))
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .find(|line| line.idempotency_token.as_deref() == Some(token));
    Ok(line.map(|line| {
        Logged::parse(
            line.twilio_webhook.as_deref().unwrap_or_default(),
            line.response_code_details.as_deref().unwrap_or_default(),
        )
    }))
}

/// A request that reached the application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Recorded")]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it came to its end.
    pub complete: bool,
}

/// The recorder's JSON.
#[derive(Deserialize)]
struct Recorded {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
    complete: bool,
}

impl TryFrom<Recorded> for Received {
    type Error = base64::DecodeError;

    fn try_from(recorded: Recorded) -> Result<Self, Self::Error> {
        let Recorded { method, path, headers, body, body_base64, complete } = recorded;
        let body = match body_base64 {
            Some(text) => STANDARD.decode(text)?,
            None => body.unwrap_or_default().into_bytes(),
        };
        Ok(Self { method, path, headers, body, complete })
    }
}

/// Asks a recorder at `base` for the requests with a token.
///
/// # Errors
/// As [`Client::send`]; [`Failure::Protocol`] when the answer is not what a recorder says.
pub fn recorder(client: &Client, base: &str, token: &str) -> Result<Vec<Received>, Failure> {
    let url = Url::parse(&format!("{}/requests/{token}", base.trim_end_matches('/')))?;
    let mut request = Webhook::new("GET", url, Payload::Query).sign(&Key::AuthToken(Secret::new("unused")));
    // The question is no webhook: it must not look like one, least of all to the recorder's own log.
    request.headers.clear();
    let answer = client.send(&request, &Dial::default())?;
    let unfit = |why: String| Failure::Protocol(format!("the recorder at {base} {why}"));
    match answer.status {
        200 => serde_json::from_slice(&answer.body)
            .map_err(|error| unfit(format!("says something else: {error}"))),
        status => Err(unfit(format!("answers {status}"))),
    }
}
