//! The right URL and key, and a body that is read otherwise.

use super::cause::Cause;
use super::queries::with_query;
use super::search::Search;
use crate::body_hash::{self, Claim};
use crate::params::Params;
use crate::url::Dialled;

impl Search<'_> {
    /// Tries other parameters than the body's own, and none.
    pub(super) fn bodies(&mut self, own: &Dialled<'_>) -> bool {
        let body = self.body.unwrap_or_default();
        let is_found = if self.head.is_form() {
            self.try_params(Cause::ParamsTrimmed, self.form().edited(trimmed).signed(), own)
                || self.try_params(Cause::ParamsBlank, self.form().edited(not_blank).signed(), own)
        } else {
            self.try_params(Cause::ContentType, Params::parse(body).signed(), own)
                || self.dropped_hash(body, own)
        };
        is_found || self.try_params(Cause::UrlAlone, Vec::new(), own)
    }

    /// Tries the query with the hash of this body, which something has taken out.
    fn dropped_hash(&mut self, body: &[u8], own: &Dialled<'_>) -> bool {
        if self.exhausted || body_hash::claim(own.query(), body) != Claim::None {
            return false;
        }
        let hash = body_hash::parameter(body);
        let query = if own.query().is_empty() { hash } else { [own.query(), &hash].join(&b'&') };
        self.try_url(Cause::HashDropped, &Dialled { target: &with_query(own, &query), ..*own })
    }

    /// Tries what form readers trim: white space around the text of a message.
    pub(super) fn untrimmed(&mut self, own: &Dialled<'_>) -> bool {
        let body = self.body.unwrap_or_default();
        if !self.head.is_form() {
            return false;
        }
        let pieces: Vec<_> = body.split(|byte| *byte == b'&').collect();
        let Some(place) = pieces.iter().position(|piece| piece.starts_with(b"Body=")) else { return false };
        let (before, text) = pieces.split_at_checked(place).unwrap_or_default();
        let (text, after) =
            text.split_first().map_or((b"".as_slice(), [].as_slice()), |(text, rest)| (*text, rest));
        let value = text.strip_prefix(b"Body=").unwrap_or_default();
        let padded = [
            [b"Body=", value, b"+"],
            [b"Body=+", value, b""],
            [b"Body=", value, b"%0A"],
            [b"Body=", value, b"%0D%0A"],
        ];
        padded.iter().any(|text| {
            let form = [before, &[text.concat().as_slice()], after].concat().join(&b'&');
            self.try_params_plainly(Cause::ParamsUntrimmed, Params::parse(&form).signed(), own)
        })
    }
}

fn trimmed(value: &[u8]) -> Option<&[u8]> {
    Some(value.trim_ascii())
}

fn not_blank(value: &[u8]) -> Option<&[u8]> {
    (!value.is_empty()).then_some(value)
}
