//! Fields that hold one of a few words.

use super::read::{Read, ReadError};
use super::tree::Tree;
use super::value::Value;

macro_rules! words {
    (
        $(#[doc = $about:literal])*
        $name:ident $(, by default $default:ident)? {
            $($(#[doc = $meaning:literal])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $meaning])* $variant,)*
        }

        impl $name {
            /// Returns the word that the configuration has for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        $(impl Default for $name {
            fn default() -> $name {
                $name::$default
            }
        })?

        impl Value for $name {
            fn read(tree: Tree) -> Read<$name> {
                match &tree {
                    $(Tree::Text(text) if text == $word => Ok($name::$variant),)*
                    _ => Err(ReadError::new(format!("must be one of {}", [$($word),*].join(", ")))),
                }
            }

            #[cfg(feature = "schema")]
            fn schema(definitions: &mut super::schema::Definitions) -> serde_json::Value {
                let words = &[$(($word, concat!($($meaning),*).trim())),*];
                definitions.words(stringify!($name), concat!($($about),*).trim(), words)
            }
        }
    };
}

words! {
    /// The hash under a SharedKey's HMAC.
    Algorithm {
        /// SHA-1, which auth tokens sign with too.
        HmacSha1 = "HMAC_SHA1",
        /// SHA-256.
        HmacSha256 = "HMAC_SHA256",
    }
}

words! {
    /// How a request is held back until it is verified.
    Hold, by default OwnStop {
        /// The filter stops it at its headers; needs `allow_on_headers_stop_iteration: true`, Envoy 1.35 or newer.
        OwnStop = "self",
        /// An `envoy.filters.http.buffer` after the filter holds it.
        BufferAfter = "buffer_after",
    }
}

words! {
    /// What a verdict does.
    Mode, by default Enforce {
        /// What is not verified is denied.
        Enforce = "enforce",
        /// Nothing is denied; counters and logs tell what would have been.
        Report = "report",
        /// Nothing is verified.
        Off = "off",
    }
}

words! {
    /// What happens to a request that no route matches.
    Unmatched {
        /// It passes unverified.
        Allow = "allow",
        /// It is denied.
        Deny = "deny",
    }
}
