//! `twilio-webhook probe`

use std::time::Duration;

use crate::args::Probe;
use crate::client::{Client, Options};
use crate::failure::Failure;
use crate::key::{Key, Secret};
use crate::probe::{self, Content, Kind, Plan, Target};
use crate::url::Url;

use super::output::print;

/// How long a held body waits in its middle: long enough for an application that does not wait for its end to answer.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn run(args: &Probe) -> Result<bool, Failure> {
    let urls = args.urls.iter().map(|url| Url::parse(url)).collect::<Result<Vec<_>, _>>()?;
    args.reach.check(&urls)?;
    if args.dry_run {
        print(described(args, &urls)?.as_bytes())?;
        return Ok(true);
    }
    let plan = Plan {
        content: content(args, args.key()?),
        targets: urls.into_iter().map(|url| Target { dial: args.reach.dial(&url), url }).collect(),
        every_address: args.every_address,
        behind_envoy: args.behind_envoy,
        is_strict: args.strict,
        wait: args.wait,
    };
    let client =
        Client::new(&Options { cacert: args.network.cacert.clone(), timeout: args.network.timeout })?;
    let probed = probe::run(&plan, &client)?;
    let report = if args.json { probe::json(&probed, args.strict) } else { probe::table(&probed) };
    print(report.as_bytes())?;
    probe::conclude(&probed, args.strict)
}

fn content(args: &Probe, key: Option<Key>) -> Content {
    Content {
        key,
        account_sid: args.account_sid.clone(),
        kinds: Kind::ALL.into_iter().filter(|kind| !args.skip.contains(kind)).collect(),
        pause: PAUSE.min(args.network.timeout / 2),
    }
}

/// Writes what would be sent. A key is not read for that: what it would sign is not shown.
fn described(args: &Probe, urls: &[Url]) -> Result<String, Failure> {
    let key = args.source().map(|_| Key::AuthToken(Secret::new("not read")));
    let content = content(args, key);
    let mut text = String::new();
    for url in urls {
        text.push_str(&format!("{url}\n"));
        for message in content.messages(url)? {
            text.push_str(&message.described());
        }
    }
    Ok(text)
}
