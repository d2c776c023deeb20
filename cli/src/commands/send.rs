//! `twilio-webhook send`

use crate::args::Send;
use crate::client::{Answer, Client, Dial, Options};
use crate::failure::Failure;
use crate::fixtures::Kind;
use crate::forge::{self, Forge};
use crate::key::{Key, Secret};
use crate::parts::Parts;
use crate::request::Request;
use crate::url::Url;
use crate::webhook::Webhook;

use super::output::print;

pub(super) fn run(args: &Send) -> Result<bool, Failure> {
    let request = request(args)?;
    let client =
        Client::new(&Options { cacert: args.network.cacert.clone(), timeout: args.network.timeout })?;
    let dial = args.reach.dial(&request.url);
    let answer = client.send(&request, &dial)?;
    print(&text(&answer, &request, &dial))?;
    Ok(verdict(&answer, &request, args))
}

fn request(args: &Send) -> Result<Request, Failure> {
    let content = &args.content;
    let bare = content.params.is_empty() && content.json.is_none() && content.method.is_none();
    let parts = Parts {
        kind: args.webhook.or(bare.then_some(Kind::Sms)),
        params: content.params.clone(),
        json: content.json_body()?,
        method: content.method.clone(),
        query_in_url: content.query_in_url,
    };
    let url = Url::parse(&args.url)?;
    args.reach.check(std::slice::from_ref(&url))?;
    let mut webhook = Webhook::build(url, parts)?;
    webhook.headers.clone_from(&args.headers);
    webhook.frames.clone_from(&args.frames);
    match args.forge {
        None => Ok(webhook.sign(&args.keys.read()?)),
        // Without a signature there is nothing to sign with either.
        Some(Forge::MissingSignature) => {
            let unused = Key::AuthToken(Secret::new("unused"));
            forge::sign(&webhook, &unused, Forge::MissingSignature, args.too_large_bytes)
        }
        Some(what) => {
            let key = args.keys.read()?;
            forge::sign(&webhook, &key, what, args.too_large_bytes)
                .map_err(|failure| with_remedy(failure, what))
        }
    }
}

/// Adds to why a forgery cannot be made the options that give it what it needs. A scenario has other names for them.
fn with_remedy(failure: Failure, forge: Forge) -> Failure {
    let options = match forge {
        Forge::Body | Forge::UnsignedBody | Forge::RepeatHash | Forge::UpperHash => {
            "--webhook events, or --json"
        }
        Forge::Algorithm | Forge::KeyId => "--shared-key ID",
        Forge::Parameter | Forge::ExtraParameter => "--webhook sms, or --param",
        Forge::TooLarge => "--webhook sms or events",
        _ => return failure,
    };
    match failure {
        Failure::Usage(text) => Failure::Usage(format!("{text}: give {options}")),
        other => other,
    }
}

fn text(answer: &Answer, request: &Request, dial: &Dial) -> Vec<u8> {
    let reason = http::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    let milliseconds = answer.elapsed.as_secs_f64() * 1000.0;
    let mut out = format!(
        "{} {} ({}, {milliseconds:.1} ms)\n",
        answer.status,
        reason.unwrap_or_default(),
        dial.http.name()
    )
    .into_bytes();
    for echo in &answer.echoes {
        out.extend(format!("echo: {echo}\n").into_bytes());
    }
    out.extend(&answer.body);
    if !answer.body.is_empty() && !answer.body.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.extend(format!("idempotency token {}\n", request.token()).into_bytes());
    out
}

fn verdict(answer: &Answer, request: &Request, args: &Send) -> bool {
    let expected = match (args.expect, args.forge) {
        (Some(status), _) => answer.status == status,
        (None, Some(_)) => (400..500).contains(&answer.status),
        (None, None) => (200..300).contains(&answer.status) || (request.websocket && answer.status == 101),
    };
    if !expected {
        eprintln!("error: the answer {} was not as expected", answer.status);
    }
    let opened = request.websocket && matches!(answer.status, 101 | 200);
    let echoed = !opened || answer.echoes == request.frames;
    if !echoed {
        eprintln!("error: the WebSocket did not send back what it was sent");
    }
    expected && echoed
}
