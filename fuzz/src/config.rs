//! Configuration bytes: a policy or one error, and no secret in either.

use twilio_proxy_wasm::metrics;
use twilio_proxy_wasm::policy::Policy;

/// What every variable of the environment holds, and what the seeds hold inline.
const ENVIRONMENT: &str = "canary-of-the-environment";
const INLINE: &str = "canary-inline";

pub fn run(data: &[u8]) {
    let environment = |name: &str| (!name.starts_with('X')).then(|| ENVIRONMENT.as_bytes().to_vec());
    match Policy::parse(data, &environment) {
        Ok(policy) => {
            assert!(!format!("{policy:?}").contains(ENVIRONMENT));
            assert!(!policy.routes().is_empty());
            let verdicts = metrics::verdicts(&policy);
            let mut slots: Vec<_> = verdicts.iter().map(|verdict| metrics::slot(*verdict)).collect();
            slots.sort_unstable();
            slots.dedup();
            assert_eq!(slots.len(), verdicts.len());
            for route in policy.routes() {
                let name = route.name();
                assert!(!name.is_empty() && name.len() <= 64, "{name}");
                assert!((1..=67_108_864).contains(&route.max_body_bytes()));
            }
        }
        Err(error) => {
            let text = format!("{error} {error:?}");
            assert!(!text.contains(ENVIRONMENT) && !text.contains(INLINE), "{text}");
            assert!(text.len() < 4096, "{text}");
        }
    }
    // The same again: nothing of a policy may depend on anything but the bytes.
    let again = |text: &[u8]| Policy::parse(text, &environment).map_err(|error| error.to_string()).is_ok();
    assert_eq!(again(data), again(data));
}
