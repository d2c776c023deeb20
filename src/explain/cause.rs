//! The closed lists: what can have gone wrong, and which setting makes it right.
//!
//! A new cause is a new row here, and a search that tries it. `tests/docs.rs` says that the table in
//! `docs/troubleshooting.md` lacks it, and writes that anew with `RECORD=1`.

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
    ($($cause:ident = $label:literal, $setting:ident, $text:literal;)*) => {
        /// What went wrong with a webhook that was denied. Where a key is known, what stands here is what the signature
        /// fits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Cause { $(#[doc = $text] $cause,)* }

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
    Scheme = "scheme", Scheme, "https, where http arrives";
    HttpAtTwilio = "http_at_twilio", HttpUrl, "http, where https arrives";
    BaseScheme = "base_scheme", Base, "the other scheme than that of url.base";
    Port = "port", Base, "with another port";
    ForwardedHost = "forwarded_host", ForwardedHost, "X-Forwarded-Host and X-Forwarded-Port";
    OriginalHost = "original_host", OriginalHost, "the host in this header";
    HostCase = "host_case", HostCase, "the host in other letters (upper or lower case)";
    Mirrored = "mirrored", Mirror, "the host without the -shadow that Envoy puts behind it on mirrored requests";
    UrlRule = "url_rule", Url, "the URL as it arrived, not as url says";
    BasePrefix = "base_prefix", Base, "without the path in url.base";
    ForwardedPrefix = "forwarded_prefix", Base, "with X-Forwarded-Prefix before the path";
    OriginalPath = "original_path", OriginalPath, "the path in this header";
    OriginalPathAlone = "original_path_alone", WholePath, "the path in this header, with the query that arrives";
    OriginalUrl = "original_url", OriginalUrl, "the URL in this header";
    MissingPrefix = "missing_prefix", Base, "this prefix before the path";
    PathAbsent = "path_absent", Untouched, "no path at all";
    PathPrefix = "path_prefix", Untouched, "without the first segments of the path";
    TrailingSlash = "trailing_slash", Untouched, "with the / at the end of the path put or taken away";
    QueryOrder = "query_order", QueryOrder, "the query in another order";
    QueryExtra = "query_extra", Untouched, "without the parameter at this place of the query";
    QuerySpaces = "query_spaces", Untouched, "with + for %20 in the query, or %20 for +";
    QueryDecoded = "query_decoded", Untouched, "with the query decoded";
    QueryAbsent = "query_absent", Untouched, "without the query";
    ParamsTrimmed = "params_trimmed", Body, "without the white space around parameters that arrives";
    ParamsUntrimmed = "params_untrimmed", Body, "with white space around Body, which arrives without";
    ParamsBlank = "params_blank", Body, "without the empty parameters";
    ContentType = "content_type", ContentType, "the body as a form";
    HashDropped = "hash_dropped", Untouched, "with the bodySHA256 of this body at the end of the query, which arrives without";
    ContentEncoding = "content_encoding", ContentEncoding, "content-encoding says that the body is compressed, and Twilio \
        signs what is not";
    UrlAlone = "url_alone", Body, "the URL alone, without the body";
    OtherRoute = "other_route", Routes, "another route";
    ReplacedKey = "replaced_key", Keys, "a key at the top, which this route's own replace";
    OtherAccount = "other_account", Account, "a token that is tied to another AccountSid";
    UnnamedSharedKey = "unnamed_shared_key", SettingsHeader, "a shared key that is not named";
    OtherSharedKey = "other_shared_key", SharedKeys, "another shared key than the named one";
    NamedSharedKey = "named_shared_key", SettingsHeader, "an auth token, not the shared key that is named";
    NoAuthToken = "no_auth_token", Keys, "no shared key is named, and this route has no auth token";
    WrongSharedKey = "wrong_shared_key", SharedKeys, "none of the usual causes: the secret of the shared key that is named, \
        another host or path, or a forged request";
    UnknownSharedKey = "unknown_shared_key", SharedKeys, "a shared key is named that this route does not have";
    SharedKeyAlgorithm = "shared_key_algorithm", Algorithm, "another algorithm is named for this shared key";
    KeyMissing = "key_missing", FilterState, "there is no key in this filter state";
    KeysTooLarge = "keys_too_large", KeyText, "this filter state has more than 16,384 bytes or 64 keys, and none of it counts";
    KeyUnusable = "key_unusable", KeyText, "this line of the filter state is no key: it has white space, quotes, a control \
        character, a byte order mark or what is not ASCII in it, or it is a SID, the name of a variable or a placeholder";
    OtherReading = "other_reading", Match, "some reader may take this path, or host, for that of this route (by its case, \
        a / at its end, escapes, ; or .., a host that is no plain name, or a header such as SCRIPT_NAME), and the request is not \
        signed for it";
    NoMatch = "no_match", Missed, "it is signed, and no route matches: proxy_route is the proxy's own route, and misses names for \
        each of the first routes the parts of match that it is not";
    Unknown = "unknown", Compare, "none of the usual causes: another key, a host or a part of the path that a proxy in front has \
        changed, a body that a filter before this one has changed, or a forged request";
    NotTried = "not_tried", Compare, "none of the causes that were tried; it is too large, or has too many forms and keys, for the others";
}

impl Cause {
    /// Returns the name by which logs know it.
    pub const fn label(self) -> &'static str {
        self.row().label
    }

    /// Returns the setting that makes it right.
    pub const fn setting(self) -> Setting {
        self.row().setting
    }

    /// Returns what was found; where a key is known, it stands behind `the signature fits`.
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
    Scheme = "url.base", "if the proxy in front sends X-Forwarded-Proto, let Envoy trust it (use_remote_address: false, or \
        xff_num_trusted_hops; numTrustedProxies in Istio, numTrustedHops in Envoy Gateway); if it sends none, set url.base to the \
        URL that Twilio dials, with the scheme that it has there";
    /// No setting: the URL at Twilio.
    HttpUrl = "none", "give Twilio the https URL: what it sends after a redirect to https is still signed for http. Where it \
        really dials http, set url.base to that URL";
    /// `url.base`
    Base = "url.base", "set it to the URL that Twilio dials, up to where the path that arrives begins";
    /// `url.base`, with a header that was found.
    OriginalHost = "url.base", "set it to the URL that Twilio dials, or have the proxy in front put the host in \
        X-Forwarded-Host and set url.trust_forwarded_host";
    /// `url.base`, in the letters of the URL at Twilio.
    HostCase = "url.base", "write it as the URL is written at Twilio, letter for letter";
    /// No setting: requests that a proxy copies.
    Mirror = "none", "this is a copy that something mirrors: set disable_shadow_host_suffix_append in its \
        request_mirror_policies, or do not verify copies";
    /// `url.trust_forwarded_host`
    ForwardedHost = "url.trust_forwarded_host", "set it to true if the proxy in front sets these headers on every \
        request, or set url.base";
    /// `url`
    Url = "url", "correct url or take it out";
    /// `url.original_path_header`, with the header that was found.
    OriginalPath = "url.original_path_header", "set it to this header if the proxy in front sets that on every request";
    /// `url.original_path_header`, with a header that lacks the query.
    WholePath = "url.original_path_header", "have the proxy in front put the query behind the path in this header, and name it \
        here";
    /// `url.original_path_header`, with a header that has the whole URL.
    OriginalUrl = "url.original_path_header", "set it to this header if the proxy in front sets that on every request; where \
        the host is another too, set url.base";
    /// `url.original_path_header`, with a header that does not come yet.
    Untouched = "url.original_path_header", "something in front changes path or query: have it send the original in a \
        header and name that here, or give Twilio the URL that arrives";
    /// No setting: the order of the query at Twilio.
    QueryOrder = "none", "give Twilio the URL with the parameters of its query in alphabetical order: something sorts them \
        after they are signed, Twilio itself perhaps";
    /// The route's keys.
    Keys = "auth_tokens", "give this route the key that Twilio signs with now (after a rotation the promoted token)";
    /// The route's keys, then `url.base`.
    Compare = "auth_tokens", "compare this route's token with the primary auth token of the account that sends this: a \
        subaccount signs with its own, the old one is gone after a rotation, and the secret of an API key is none; then compare \
        the URL at Twilio with the host and path that arrive (url.base), or give the request to `twilio-webhook explain`";
    /// `match`
    Match = "routes.match", "give Twilio host and path as they are written there";
    /// `match`, of a signed request that is on no route.
    Missed = "routes.match", "if Twilio sends this, correct the part that misses names, or give it a route";
    /// `account_sid` beside a token.
    Account = "auth_tokens.account_sid", "correct it or take it out";
    /// The route's shared keys.
    SharedKeys = "shared_keys", "compare id and secret with those at Twilio";
    /// `algorithm` beside a shared key.
    Algorithm = "shared_keys.algorithm", "set it to the one that Twilio shows";
    /// `filter_state`: what fills it.
    FilterState = "filter_state", "put what writes it before this filter: envoy.filters.http.set_filter_state, or on Istio a \
        script of envoy.filters.http.lua (Envoy 1.38 or newer), and see that the file or secret that it reads is there and \
        not empty";
    /// `filter_state`: what it is filled with.
    KeyText = "filter_state", "write one key a line, and nothing else";
    /// Which route a request is on.
    Routes = "routes", "look at order and match, or give this route the keys and url of the other";
    /// No setting: the settings header.
    SettingsHeader = "none", "something in front changes X-Twilio-Webhooks-Signature-Settings";
    /// No setting: the content type.
    ContentType = "none", "something in front changes content-type (it has to declare a form in UTF-8)";
    /// No setting: the content encoding.
    ContentEncoding = "none", "something in front compresses request bodies, or sets the header: have it leave them as they \
        are, or put envoy.filters.http.decompressor before this filter";
    /// No setting: the body.
    Body = "none", "something in front changes the body or bodySHA256, or the sender does not sign as Twilio does";
}

impl Setting {
    /// Returns the field by its path in the configuration; `none` where the remedy is not in it.
    pub const fn label(self) -> &'static str {
        self.row().label
    }

    /// Returns what to do.
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
