//! What a release says of itself.

use std::io;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What is said of a release, besides what it consists of.
#[derive(Clone, Debug)]
pub struct About {
    /// The version in `Cargo.toml`.
    pub version: String,
    /// The commit.
    pub revision: String,
    /// When the commit was made, in seconds since 1970.
    pub created: i64,
}

impl About {
    /// Returns the beginning of each file's name.
    pub(super) fn stem(&self) -> String {
        format!("twilio-proxy-wasm-{}", self.version)
    }

    /// Returns the time of the commit as RFC 3339 writes it, in UTC.
    pub(super) fn timestamp(&self) -> io::Result<String> {
        let created = OffsetDateTime::from_unix_timestamp(self.created).map_err(io::Error::other)?;
        created.format(&Rfc3339).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::About;

    #[test]
    fn a_moment_is_written_as_rfc_3339_has_it() {
        let timestamp = |created| {
            let about = About { version: String::new(), revision: String::new(), created };
            about.timestamp().expect("a moment of the common era")
        };
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(timestamp(1_767_225_599), "2025-12-31T23:59:59Z");
    }
}
