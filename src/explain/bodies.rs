//! The right URL and key, and a body that is read otherwise.

use super::Cause;
use super::search::Search;
use crate::params::Params;
use crate::url::Dialled;

impl Search<'_> {
    /// Other parameters than the body's own, or none.
    pub(super) fn bodies(&mut self, own: &Dialled<'_>) -> bool {
        let body = self.body.unwrap_or_default();
        let is_found = if self.head.is_form() {
            self.attempt_signed(Cause::ParamsTrimmed, self.form().edited(trimmed).signed(), own)
                || self.attempt_signed(Cause::ParamsBlank, self.form().edited(not_blank).signed(), own)
        } else {
            self.attempt_signed(Cause::ContentType, Params::parse(body).signed(), own)
        };
        is_found || self.attempt_signed(Cause::UrlAlone, Vec::new(), own)
    }
}

fn trimmed(value: &[u8]) -> Option<&[u8]> {
    Some(value.trim_ascii())
}

fn not_blank(value: &[u8]) -> Option<&[u8]> {
    (!value.is_empty()).then_some(value)
}
