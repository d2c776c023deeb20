//! A key, and the requests that it is meant for.

use std::fmt;
use std::rc::Rc;

use super::mac::Mac;
use super::text::Changing;
use crate::config::Algorithm;
use crate::secret::Secret;

/// A key as it is configured.
#[derive(Clone)]
pub struct Key {
    label: String,
    material: Material,
    scope: Scope,
}

/// What a key signs with.
#[derive(Clone)]
pub struct Material(Kind);

#[derive(Clone)]
enum Kind {
    /// A secret with its HMAC state made ready. The secret itself is gone once this exists.
    Fixed(Mac),
    /// What a text holds that each request brings, which may be several secrets.
    Changing(Rc<Changing>),
}

/// Which requests a key is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// An auth token for any account.
    AnyAccount,
    /// An auth token for requests of this account alone.
    Account(String),
    /// A shared key, chosen by its id.
    SharedKey(String),
}

impl Material {
    /// Returns a secret that stays the same.
    pub fn fixed(algorithm: Algorithm, secret: &Secret) -> Option<Material> {
        Some(Material(Kind::Fixed(Mac::new(algorithm, secret)?)))
    }

    /// Returns what the text of this filter state holds, whenever it is asked for.
    pub fn changing(algorithm: Algorithm, filter_state: &str) -> Material {
        Material(Kind::Changing(Rc::new(Changing::new(algorithm, filter_state))))
    }
}

impl Key {
    /// Returns an auth token. `label` is the name that logs may show. With `account_sid`, it is tried only for requests
    /// whose `AccountSid` is that one.
    pub fn auth_token(label: String, material: Material, account_sid: Option<String>) -> Key {
        Key { label, material, scope: account_sid.map_or(Scope::AnyAccount, Scope::Account) }
    }

    /// Returns a shared key with its id.
    pub fn shared_key(id: String, material: Material) -> Key {
        Key { label: id.clone(), material, scope: Scope::SharedKey(id) }
    }

    /// Returns the name by which logs know the key.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the hash that it is good for.
    pub fn algorithm(&self) -> Algorithm {
        match &self.material.0 {
            Kind::Fixed(mac) => mac.algorithm(),
            Kind::Changing(changing) => changing.algorithm(),
        }
    }

    /// Returns the filter state that brings its text; `None` if the key stays the same.
    pub fn filter_state(&self) -> Option<&str> {
        self.changing().map(Changing::filter_state)
    }

    /// Returns the account whose requests alone it is tried for.
    pub fn account_sid(&self) -> Option<&str> {
        match &self.scope {
            Scope::Account(sid) => Some(sid),
            Scope::AnyAccount | Scope::SharedKey(_) => None,
        }
    }

    /// Returns the id of a shared key; an auth token has none.
    pub fn shared_key_id(&self) -> Option<&str> {
        match &self.scope {
            Scope::SharedKey(id) => Some(id),
            Scope::AnyAccount | Scope::Account(_) => None,
        }
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(super) fn mac(&self) -> Option<&Mac> {
        match &self.material.0 {
            Kind::Fixed(mac) => Some(mac),
            Kind::Changing(_) => None,
        }
    }

    pub(super) fn changing(&self) -> Option<&Changing> {
        match &self.material.0 {
            Kind::Fixed(_) => None,
            Kind::Changing(changing) => Some(changing),
        }
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material(…)")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("label", &self.label).field("scope", &self.scope).finish_non_exhaustive()
    }
}
