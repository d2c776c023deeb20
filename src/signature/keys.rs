//! The keys of a route, and which of them a request is to be verified with.

use std::rc::Rc;

use super::key::{Key, Scope};
use crate::reason::Reason;
use crate::request::Single;

/// The accounts that a request says it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account<'a> {
    /// It has no `AccountSid`.
    Unnamed,
    /// Each of its `AccountSid` parameters has this value.
    Named(&'a [u8]),
    /// They contradict each other.
    Contradictory,
}

impl<'a> Account<'a> {
    /// Returns what a list of `AccountSid` values comes to.
    pub fn of(values: impl Iterator<Item = &'a [u8]>) -> Account<'a> {
        values.fold(Account::Unnamed, |account, value| match account {
            Account::Unnamed => Account::Named(value),
            Account::Named(other) if other == value => account,
            Account::Named(_) | Account::Contradictory => Account::Contradictory,
        })
    }
}

/// The keys of a route: its auth tokens, then its shared keys.
#[derive(Clone, Debug, Default)]
pub struct Keys(Rc<[Key]>);

/// Which keys the request's unsigned headers select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// The auth tokens.
    AuthTokens,
    /// The shared key at this position.
    SharedKey(usize),
}

impl Keys {
    /// Returns keys that are tried in this order.
    pub fn new(keys: Vec<Key>) -> Keys {
        Keys(keys.into())
    }

    /// Returns true if these are copies of one list, as those of two routes without keys of their own are.
    pub fn is_copy_of(&self, other: &Keys) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Returns true if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// Returns the key at a position.
    pub fn get(&self, position: usize) -> Option<&Key> {
        self.0.get(position)
    }

    /// Returns true if some auth token is tied to an account, so that the request's `AccountSid` matters.
    pub fn depend_on_account(&self) -> bool {
        self.0.iter().any(|key| key.account_sid().is_some())
    }

    /// Returns the keys that `X-Twilio-Webhooks-Signature-Settings` selects: `key=<id>,algorithm=<name>`. Nobody signs that header, so
    /// it only selects among what is configured; an algorithm in it must be the configured one.
    ///
    /// # Errors
    /// [`Reason::UnknownKey`] if it selects nothing.
    pub fn select(&self, settings: Single<'_>) -> Result<Selected, Reason> {
        let settings = match settings {
            Single::Absent => {
                let has_auth_token = self.0.iter().any(|key| key.shared_key_id().is_none());
                return if has_auth_token { Ok(Selected::AuthTokens) } else { Err(Reason::UnknownKey) };
            }
            Single::Repeated => return Err(Reason::UnknownKey),
            Single::One(settings) => settings,
        };
        let id = key_id(settings).ok_or(Reason::UnknownKey)?;
        let is_named = |key: &Key| key.shared_key_id().is_some_and(|own| own.as_bytes() == id);
        let position = self.0.iter().position(is_named).ok_or(Reason::UnknownKey)?;
        let configured = self.0.get(position).map(|key| key.algorithm().name().as_bytes());
        match setting(settings, b"algorithm") {
            Some(named) if configured.is_none_or(|own| !named.eq_ignore_ascii_case(own)) => {
                Err(Reason::UnknownKey)
            }
            Some(_) | None => Ok(Selected::SharedKey(position)),
        }
    }

    /// Returns the selected keys, each with its position.
    pub fn selected(&self, selected: Selected) -> impl Iterator<Item = (usize, &Key)> {
        self.0.iter().enumerate().filter(move |(position, key)| match selected {
            Selected::AuthTokens => key.shared_key_id().is_none(),
            Selected::SharedKey(chosen) => *position == chosen,
        })
    }

    /// Returns the positions of the selected keys that are meant for this account.
    ///
    /// # Errors
    /// [`Reason::UnknownKey`] if there is none.
    pub fn meant_for(&self, selected: Selected, account: Account<'_>) -> Result<Vec<usize>, Reason> {
        let is_meant = |key: &Key| match key.scope() {
            Scope::Account(sid) => account == Account::Named(sid.as_bytes()),
            Scope::AnyAccount | Scope::SharedKey(_) => true,
        };
        let selected = self.selected(selected).filter(|(_, key)| is_meant(key));
        let meant: Vec<usize> = selected.map(|(position, _)| position).collect();
        if meant.is_empty() { Err(Reason::UnknownKey) } else { Ok(meant) }
    }

    /// Returns true if one of them is the shared key of this id.
    pub fn has_shared_key(&self, id: &[u8]) -> bool {
        self.0.iter().any(|key| key.shared_key_id().is_some_and(|own| own.as_bytes() == id))
    }

    /// Returns the positions of all of them.
    pub fn all(&self) -> Vec<usize> {
        (0..self.0.len()).collect()
    }
}

/// Returns the id of the key that `X-Twilio-Webhooks-Signature-Settings` names.
pub fn key_id(settings: &[u8]) -> Option<&[u8]> {
    setting(settings, b"key")
}

/// Returns the first non-empty value of a name in `name=value,name=value`, spaces dropped.
fn setting<'a>(settings: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    settings.split(|byte| *byte == b',').find_map(|setting| {
        let mut halves = setting.splitn(2, |byte| *byte == b'=');
        let is_name = halves.next()?.trim_ascii().eq_ignore_ascii_case(name);
        let value = halves.next()?.trim_ascii();
        (is_name && !value.is_empty()).then_some(value)
    })
}
