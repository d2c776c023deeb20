//! What somebody may have meant who wrote a name that is not there.

/// Returns the name that is most like one: but for some letters, or with more before or behind it.
pub(super) fn near<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count() / 4).clamp(1, 3);
    let distance = |other: &str| {
        let is_part = name.len() >= 4 && other.len() >= 4 && (other.contains(name) || name.contains(other));
        let letters = strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
        if letters <= most { Some(letters) } else { is_part.then_some(usize::MAX) }
    };
    names.into_iter().filter_map(|other| Some((distance(other)?, other))).min().map(|(_, other)| other)
}

/// Says which name may be meant; empty if there is none like it.
pub(super) fn did_you_mean<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    near(name, names)
        .map(|near| format!("; did you mean {}?", super::words::or_hidden(near)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_name_that_is_alike_is_found() {
        for (name, names, expected) in [
            ("twilio-webook", &["twilio-webhook", "twilio-websocket"][..], Some("twilio-webhook")),
            ("Twilio-Webhook", &["twilio-webhook"], Some("twilio-webhook")),
            ("webhook", &["edge-webhook"], Some("edge-webhook")),
            ("sms", &["mms"], Some("mms")),
            ("sms", &["voice", "default-sms"], None),
            ("hooks.exmaple.com", &["hooks.example.com", "www.example.com"], Some("hooks.example.com")),
            ("shop", &["twilio-webhook"], None),
            ("a", &[], None),
        ] {
            assert_eq!(near(name, names.iter().copied()), expected, "{name}");
        }
    }
}
