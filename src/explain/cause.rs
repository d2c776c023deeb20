//! The closed lists: what can have gone wrong, and which setting makes it right.

struct CauseRow {
    label: &'static str,
    setting: Setting,
    text: &'static str,
}

struct SettingRow {
    label: &'static str,
    remedy: &'static str,
}

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident = $label:literal, $setting:ident, $text:literal;)*) => {
        /// What went wrong with a webhook that was denied.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Cause { $($(#[$doc])* $cause,)* }

        impl Cause {
            /// Every cause.
            pub const ALL: &[Cause] = &[$(Cause::$cause),*];

            const fn row(self) -> &'static CauseRow {
                match self {
                    $(Cause::$cause => &CauseRow { label: $label, setting: Setting::$setting, text: $text },)*
                }
            }
        }
    };
}

causes! {
    /// The signature fits with `http` for `https`, or the reverse.
    Scheme = "scheme", Scheme, "the other scheme (http for https, or the reverse)";
    /// It fits with one of the ports that servers often listen on.
    Port = "port", Base, "with another port";
    /// It fits `X-Forwarded-Host` or `X-Forwarded-Port`, which are not trusted.
    ForwardedHost = "forwarded_host", ForwardedHost, "X-Forwarded-Host and X-Forwarded-Port";
    /// It fits without what `url` says.
    UrlRule = "url_rule", Url, "the URL as it arrived, not as url says";
    /// It fits without the path in `url.base`.
    BasePrefix = "base_prefix", Base, "without the path in url.base";
    /// It fits with `X-Forwarded-Prefix` before the path.
    ForwardedPrefix = "forwarded_prefix", Base, "with X-Forwarded-Prefix before the path";
    /// It fits the path in a header that proxies put the path before a rewrite in.
    OriginalPath = "original_path", OriginalPath, "the path in this header";
    /// It fits without the first segments of the path.
    PathPrefix = "path_prefix", Untouched, "without the first segments of the path";
    /// It fits with a `/` at the end of the path put or taken away.
    TrailingSlash = "trailing_slash", Untouched, "with the / at the end of the path put or taken away";
    /// It fits with the pairs of the query sorted.
    QueryOrder = "query_order", Untouched, "with the query sorted";
    /// It fits with the escapes of the query decoded.
    QueryDecoded = "query_decoded", Untouched, "with the query decoded";
    /// It fits without the query.
    QueryAbsent = "query_absent", Untouched, "without the query";
    /// It fits with white space taken from both ends of each parameter.
    ParamsTrimmed = "params_trimmed", Body, "with the parameters trimmed";
    /// It fits without the parameters that are empty.
    ParamsBlank = "params_blank", Body, "without the empty parameters";
    /// It fits the parameters of a body that is not declared as a form.
    ContentType = "content_type", ContentType, "the body as a form";
    /// It fits the URL alone, and nothing signed speaks for the body.
    UrlAlone = "url_alone", Body, "the URL alone, without the body";
    /// A key of another route fits, or all that it says.
    OtherRoute = "other_route", Routes, "another route";
    /// A key at the top of the configuration fits, which the route's own keys replace.
    ReplacedKey = "replaced_key", Keys, "a key at the top, which this route's own replace";
    /// A token fits that is tied to another account.
    OtherAccount = "other_account", Account, "a token that is tied to another AccountSid";
    /// A shared key fits, which the request does not name.
    UnnamedSharedKey = "unnamed_shared_key", SettingsHeader, "a shared key that is not named";
    /// Another shared key fits than the one that the request names.
    OtherSharedKey = "other_shared_key", SharedKeys, "another shared key than the named one";
    /// An auth token fits, and the request names a shared key.
    NamedSharedKey = "named_shared_key", SettingsHeader, "an auth token, not the shared key that is named";
    /// The request names no shared key, and the route has no auth token.
    NoAuthToken = "no_auth_token", Keys, "no shared key is named, and this route has no auth token";
    /// The request names a shared key that this route has not.
    UnknownSharedKey = "unknown_shared_key", SharedKeys, "a shared key is named that this route does not have";
    /// The request names a shared key with another algorithm than the configured one.
    SharedKeyAlgorithm = "shared_key_algorithm", Algorithm, "another algorithm is named for this shared key";
    /// No signature was looked at: some application may take the path for one of this route, where its verdict would be
    /// another.
    OtherReading = "other_reading", Path, "an application may take this path for one of that route (by its case, a / at its \
        end, escapes, ; or ..)";
    /// Nothing that was tried fits.
    Unknown = "unknown", Compare, "none of the usual causes: another host, path or key, changed parameters, or a \
        forged request";
    /// The body or the configuration is too large for a search.
    NotTried = "not_tried", None, "too large to try every known cause";
}

impl Cause {
    /// The name by which logs know it.
    pub const fn label(self) -> &'static str {
        self.row().label
    }

    /// The setting that makes it right.
    pub const fn setting(self) -> Setting {
        self.row().setting
    }

    /// What was found; where a key fits, behind `the signature fits`.
    pub const fn text(self) -> &'static str {
        self.row().text
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $setting:ident = $label:literal, $remedy:literal;)*) => {
        /// A field of the configuration, or another thing to set right.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Setting { $($(#[$doc])* $setting,)* }

        impl Setting {
            const fn row(self) -> &'static SettingRow {
                match self { $(Setting::$setting => &SettingRow { label: $label, remedy: $remedy },)* }
            }
        }
    };
}

settings! {
    /// The scheme: the proxy's own settings, or `url.base`.
    Scheme = "url.base", "let Envoy trust the X-Forwarded-Proto of the proxy in front (xff_num_trusted_hops), or set \
        url.base to the URL that Twilio dials, with the scheme that it has there";
    /// `url.base`
    Base = "url.base", "set it to the URL that Twilio dials, without what the request's path says";
    /// `url.trust_forwarded_host`
    ForwardedHost = "url.trust_forwarded_host", "set it to true if the proxy in front sets these headers on every \
        request, or set url.base";
    /// `url`
    Url = "url", "correct url or take it out";
    /// `url.original_path_header`, with the header that was found.
    OriginalPath = "url.original_path_header", "set it to this header if the proxy in front sets that on every request";
    /// `url.original_path_header`, with a header that does not come yet.
    Untouched = "url.original_path_header", "something in front changes path or query: have it send the original in a \
        header and name that here, or give Twilio the URL that arrives";
    /// The route's keys.
    Keys = "auth_tokens", "give this route the key that Twilio signs with now (after a rotation the promoted token)";
    /// `url.base`, or the route's keys.
    Compare = "url.base", "compare the URL at Twilio with the host and path that arrive, then this route's keys with \
        the one that Twilio signs with now";
    /// `match.path`
    Path = "routes.match.path", "give Twilio the path as it is written there";
    /// `account_sid` beside a token.
    Account = "auth_tokens.account_sid", "correct it or take it out";
    /// The route's shared keys.
    SharedKeys = "shared_keys", "compare id and secret with those at Twilio";
    /// `algorithm` beside a shared key.
    Algorithm = "shared_keys.algorithm", "set it to the one that Twilio shows";
    /// Which route a request is on.
    Routes = "routes", "look at order and match, or give this route the keys and url of the other";
    /// No setting: the settings header.
    SettingsHeader = "none", "something in front changes X-Twilio-Webhooks-Signature-Settings";
    /// No setting: the content type.
    ContentType = "none", "something in front changes content-type";
    /// No setting: the body.
    Body = "none", "something in front changes the body or bodySHA256, or the sender does not sign as Twilio does";
    /// Nothing can be set right.
    None = "none", "";
}

impl Setting {
    /// The field by its path in the configuration; `none` where the remedy is not in it.
    pub const fn label(self) -> &'static str {
        self.row().label
    }

    /// What to do.
    pub const fn remedy(self) -> &'static str {
        self.row().remedy
    }
}

#[cfg(test)]
mod tests {
    use super::Cause;

    #[test]
    fn labels_are_words_and_each_stands_for_one_cause() {
        let mut labels: Vec<_> = Cause::ALL.iter().map(|cause| cause.label()).collect();
        assert!(
            labels.iter().all(|label| label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        );
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Cause::ALL.len());
    }
}
