//! Texts, and what they must look like.

use std::ops::RangeInclusive;

use super::read::{Read, ReadError};
use super::tree::Tree;
use super::value::Value;

#[cfg(feature = "schema")]
use super::schema::with;
#[cfg(feature = "schema")]
use serde_json::{Value as Json, json};

/// What requests without a route are counted as. No route may be called so.
pub const UNMATCHED: &str = "unmatched";

/// What is said of a name that is no variable's. It may be a token in the wrong field, and is not repeated.
pub(crate) const NO_VARIABLE: &str =
    "names no variable of the plugin's environment; write its name alone, without $, and no token here";

/// What a text must look like.
#[cfg_attr(not(feature = "schema"), expect(dead_code, reason = "patterns are for the schema alone"))]
enum Form {
    /// Something to begin with, and then so many characters of a class, which is written as in a regular expression.
    Characters {
        begin: &'static str,
        class: &'static str,
        count: RangeInclusive<usize>,
        problem: &'static str,
    },
    /// Any but the empty text.
    NotEmpty(&'static str),
    /// The same but for one text, which is taken.
    Except { form: &'static Form, taken: &'static str, problem: &'static str },
    /// A rule, and what a schema can say of it: a pattern that the text has, and one that it has not.
    Rule { check: fn(&str) -> Result<(), &'static str>, pattern: &'static str, not: &'static str },
    /// What is made of it decides; this is what a schema can say of that.
    Pattern(&'static str),
}

impl Form {
    /// Returns what is wrong with the text.
    fn check(&self, text: &str) -> Result<(), &'static str> {
        match self {
            Form::Characters { begin, class, count, problem } => {
                let rest = text.strip_prefix(begin).filter(|rest| count.contains(&rest.len()));
                let is_right = |rest: &str| rest.bytes().all(|byte| is_of_class(class.as_bytes(), byte));
                if rest.is_some_and(is_right) { Ok(()) } else { Err(problem) }
            }
            Form::NotEmpty(problem) if text.is_empty() => Err(problem),
            Form::NotEmpty(_) | Form::Pattern(_) => Ok(()),
            Form::Except { form, taken, problem } => {
                form.check(text)?;
                if text == *taken { Err(problem) } else { Ok(()) }
            }
            Form::Rule { check, .. } => check(text),
        }
    }

    #[cfg(feature = "schema")]
    fn schema(&self) -> Json {
        let matching = |pattern: &str| json!({ "type": "string", "pattern": pattern });
        match self {
            Form::Characters { begin, class, count, .. } => matching(&match (*count.start(), *count.end()) {
                (1, usize::MAX) => format!("^{begin}[{class}]+$"),
                (least, most) if least == most => format!("^{begin}[{class}]{{{most}}}$"),
                (least, most) => format!("^{begin}[{class}]{{{least},{most}}}$"),
            }),
            Form::NotEmpty(_) => json!({ "type": "string", "minLength": 1 }),
            Form::Except { form, taken, .. } => with(form.schema(), "not", json!({ "const": taken })),
            Form::Rule { pattern, not, .. } => with(matching(pattern), "not", matching(not)),
            Form::Pattern(pattern) => matching(pattern),
        }
    }
}

/// Returns whether a class of characters, like `A-Za-z_`, has this one.
fn is_of_class(mut class: &[u8], byte: u8) -> bool {
    loop {
        let (is_found, rest) = match class {
            [first, b'-', last, rest @ ..] => ((*first..=*last).contains(&byte), rest),
            [one, rest @ ..] => (*one == byte, rest),
            [] => return false,
        };
        if is_found {
            return true;
        }
        class = rest;
    }
}

macro_rules! texts {
    ($($(#[doc = $about:literal])* $name:ident $(, of which there must be one: $none:literal)? { $form:expr })*) => {$(
        $(#[doc = $about])*
        #[derive(PartialEq)]
        pub(crate) struct $name(String);

        impl $name {
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Value for $name {
            $(const EMPTY_LIST: Option<&'static str> = Some($none);)?

            fn read(tree: Tree) -> Read<$name> {
                let Tree::Text(text) = tree else { return Err(tree.is_not("a string")) };
                $form.check(&text).map_err(ReadError::new)?;
                Ok($name(text))
            }

            #[cfg(feature = "schema")]
            fn schema(_: &mut super::schema::Definitions) -> serde_json::Value {
                $form.schema()
            }
        }
    )*};
}

texts! {
    /// A name that labels of counters, logs and access logs can hold as it is.
    RouteName { ROUTE_NAME }

    /// The id of a SharedKey.
    SharedKeyId { Form::Characters {
        begin: "",
        class: "A-Za-z0-9_.-",
        count: 1..=128,
        problem: "must be the id that Twilio shows, like webhooks_sharedkey_01h...",
    } }

    /// The SID of an account.
    AccountSid { Form::Characters {
        begin: "AC",
        class: "0-9A-Fa-f",
        count: 32..=32,
        problem: "must be AC and 32 hex digits",
    } }

    /// The name of a header.
    HeaderName { HEADER_NAME }

    /// The name of a header that the upstream may trust: none of those that Twilio or the proxy send.
    VerifiedHeader { VERIFIED_HEADER }

    /// The name of a route of the proxy.
    ProxyRouteName, of which there must be one: "is empty and would match nothing; leave it out to match any" {
        Form::NotEmpty("is empty; give the name of a route of the proxy")
    }

    /// A host, or all below one.
    Host, of which there must be one: "is empty and would match nothing; leave it out to match any" {
        Form::Pattern(r"^(\*\.)?(\[.*\]\.?|[A-Za-z0-9._-]*[A-Za-z0-9_-]|[A-Za-z0-9._-]+\.)$")
    }

    /// A path that requests may be for.
    PathText { PATH }

    /// What stands before the path of a request in the URL that Twilio dials.
    BaseUrl { Form::Pattern(r#"^https?://(\[[!"$-.0->A-~]*|[!"$-.0-9;->A-~]+)(:[0-9]+)?(/[!"$->A-~]*)?$"#) }

    /// The name of a variable, or a secret in the wrong place.
    Variable { Form::NotEmpty(NO_VARIABLE) }

    /// The key of a filter state: a name that labels of access logs can hold as it is.
    FilterStateKey { FILTER_STATE_KEY }

    /// A secret.
    Inline { Form::Pattern(r"^[^\s\x00-\x1f\x7f]+$") }
}

const ROUTE_NAME: Form = Form::Except {
    form: &Form::Characters {
        begin: "",
        class: "A-Za-z0-9_.-",
        count: 1..=64,
        problem: "must be 1 to 64 letters, digits, '-', '_' or '.'",
    },
    taken: UNMATCHED,
    problem: "is what requests without a route are counted as; choose another name",
};

const FILTER_STATE_KEY: Form = Form::Rule {
    check: |text| {
        let is_token = crate::secret::is_like_a_token(text);
        FILTER_STATE_NAME.check(text)?;
        if is_token { Err(NO_FILTER_STATE) } else { Ok(()) }
    },
    pattern: "^[A-Za-z0-9_.-]{1,128}$",
    not: "^[0-9A-Fa-f]{32}$",
};

const FILTER_STATE_NAME: Form =
    Form::Characters { begin: "", class: "A-Za-z0-9_.-", count: 1..=128, problem: NO_FILTER_STATE };

/// What is said of what is no key of a filter state. It may be a token in the wrong field, and is not repeated.
const NO_FILTER_STATE: &str = "must be the object_key that a set_filter_state before this filter writes, like \
    twilio.auth_tokens (letters, digits, '-', '_' or '.'), and no token";

const HEADER_NAME: Form = Form::Characters {
    begin: "",
    class: "A-Za-z0-9_-",
    count: 1..=usize::MAX,
    problem: "must be the name of a header, like x-envoy-original-path",
};

const VERIFIED_HEADER: Form = Form::Rule {
    check: |text| {
        HEADER_NAME.check(text)?;
        let name = text.to_ascii_lowercase();
        let is_taken = ["x-twilio-signature", "x-twilio-webhooks-signature-settings"]
            .contains(&name.as_str())
            || ["x-forwarded-", "x-envoy-"].iter().any(|prefix| name.starts_with(prefix));
        if is_taken || !name.starts_with("x-") {
            return Err(
                "must begin with x- and be none of Twilio's or the proxy's own; for example x-twilio-verified",
            );
        }
        Ok(())
    },
    pattern: "^[Xx]-[A-Za-z0-9_-]*$",
    not: "^[Xx]-(([Ff]orwarded|[Ee]nvoy)-|[Tt]wilio-([Ww]ebhooks-[Ss]ignature-[Ss]ettings|[Ss]ignature)$)",
};

const PATH: Form = Form::Rule {
    check: |text| {
        if !text.starts_with('/') || text.contains(['?', '#']) {
            return Err("must begin with / and hold no query or fragment");
        }
        // These would match nothing that Twilio is given, and let what they are meant for pass.
        if text.contains('*') {
            return Err("must hold no *; a prefix matches everything below it as it is");
        }
        if !text.is_ascii() {
            return Err("must be ASCII; write other characters as escapes, like %C3%BC");
        }
        // Of two slashes, an escaped one and an escape of its escape, applications may make the same.
        let is_slash =
            |escape: &[u8]| escape.eq_ignore_ascii_case(b"%2F") || escape.eq_ignore_ascii_case(b"%5C");
        if text.as_bytes().windows(3).any(is_slash) {
            return Err("must hold no escaped slash; give the path above it");
        }
        Ok(())
    },
    pattern: r"^/[\x00-\x22\x24-\x29\x2B-\x3E\x40-\x7F]*$",
    not: "%(2[Ff]|5[Cc])",
};
