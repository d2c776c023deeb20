//! `twilio-webhook sign`

use crate::args::Sign;
use crate::curl;
use crate::failure::Failure;
use crate::fixtures::Kind;
use crate::parts::Parts;
use crate::request::SIGNATURE;
use crate::url::Url;
use crate::webhook::Webhook;

use super::output::print;

pub(super) fn run(args: &Sign) -> Result<bool, Failure> {
    let parts = Parts {
        kind: args.websocket.then_some(Kind::Websocket),
        params: args.content.params.clone(),
        json: args.content.json_body()?,
        method: args.content.method.clone(),
        query_in_url: args.content.query_in_url,
    };
    let request = Webhook::build(Url::parse(&args.url)?, parts)?.sign(&args.keys.read()?);
    if args.curl {
        print(&[curl::command(&request)?, b"\n".to_vec()].concat())?;
        return Ok(true);
    }
    print(format!("{}\n", request.header(SIGNATURE).unwrap_or_default()).as_bytes())?;
    // The signature alone is of no use when it is for a URL that the user has not seen.
    if request.url.to_string() != args.url {
        eprintln!("note: this is for the URL {}", request.url);
    }
    Ok(true)
}
