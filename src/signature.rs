//! Keys, signatures, and whether one made the other.

use std::fmt;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::request::Single;
use crate::secret::Secret;
use crate::verdict::Reason;

/// A hash that Twilio signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Auth tokens, and shared keys made for it.
    HmacSha1,
    /// Shared keys.
    HmacSha256,
}

impl Algorithm {
    /// Twilio's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::HmacSha1 => "HMAC_SHA1",
            Algorithm::HmacSha256 => "HMAC_SHA256",
        }
    }
}

/// What `X-Twilio-Signature` holds, decoded.
#[derive(Clone, Debug)]
pub struct Tag {
    bytes: [u8; MOST_TAG],
    length: usize,
}

/// What 44 characters of base64 hold at most.
const MOST_TAG: usize = 33;

impl Tag {
    /// Takes exactly one header of 28 (SHA-1) or 44 (SHA-256) characters of standard padded base64.
    ///
    /// # Errors
    /// [`Reason::MissingSignature`] without the header, [`Reason::MalformedSignature`] for anything else.
    pub fn parse(header: Single<'_>) -> Result<Tag, Reason> {
        let text = match header {
            Single::Absent => return Err(Reason::MissingSignature),
            Single::Repeated => return Err(Reason::MalformedSignature),
            Single::One(text) => text,
        };
        let mut bytes = [0; MOST_TAG];
        match STANDARD.decode_slice(text, &mut bytes) {
            Ok(length @ (20 | 32)) => Ok(Tag { bytes, length }),
            _ => Err(Reason::MalformedSignature),
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A key with its HMAC state made ready. The secret itself is gone once this exists.
#[derive(Clone)]
pub struct Key {
    label: String,
    mac: Mac,
    scope: Scope,
}

#[derive(Clone)]
enum Mac {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
}

/// Which requests a key is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    /// An auth token for any account.
    AnyAccount,
    /// An auth token for requests of this account alone.
    Account(String),
    /// A shared key, chosen by its id.
    SharedKey(String),
}

impl Key {
    /// An auth token. `label` is the name that logs may show. With `account_sid`, it is tried only for requests
    /// whose `AccountSid` is that one.
    pub fn auth_token(label: String, secret: &Secret, account_sid: Option<String>) -> Option<Key> {
        let scope = account_sid.map_or(Scope::AnyAccount, Scope::Account);
        Some(Key { label, mac: Mac::new(Algorithm::HmacSha1, secret)?, scope })
    }

    /// A shared key with its id and the one algorithm that it is good for.
    pub fn shared_key(id: String, algorithm: Algorithm, secret: &Secret) -> Option<Key> {
        Some(Key { label: id.clone(), mac: Mac::new(algorithm, secret)?, scope: Scope::SharedKey(id) })
    }

    /// The name by which logs know the key.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The hash that it is good for.
    pub fn algorithm(&self) -> Algorithm {
        self.mac.algorithm()
    }

    /// The account whose requests alone it is tried for.
    pub fn account_sid(&self) -> Option<&str> {
        match &self.scope {
            Scope::Account(sid) => Some(sid),
            Scope::AnyAccount | Scope::SharedKey(_) => None,
        }
    }

    /// The id of a shared key; an auth token has none.
    pub fn shared_key_id(&self) -> Option<&str> {
        match &self.scope {
            Scope::SharedKey(id) => Some(id),
            Scope::AnyAccount | Scope::Account(_) => None,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("label", &self.label).field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Mac {
    fn new(algorithm: Algorithm, secret: &Secret) -> Option<Mac> {
        let key = secret.expose();
        match algorithm {
            Algorithm::HmacSha1 => Hmac::new_from_slice(key).ok().map(Mac::Sha1),
            Algorithm::HmacSha256 => Hmac::new_from_slice(key).ok().map(Mac::Sha256),
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Mac::Sha1(_) => Algorithm::HmacSha1,
            Mac::Sha256(_) => Algorithm::HmacSha256,
        }
    }

    /// Whether the tag is that of the pieces put together. Takes the same time for every tag.
    fn made(&self, tag: &Tag, message: &[&[u8]]) -> Choice {
        match self {
            Mac::Sha1(state) => verify(state, tag, message),
            Mac::Sha256(state) => verify(state, tag, message),
        }
    }
}

fn verify<M: hmac::Mac + Clone>(state: &M, tag: &Tag, message: &[&[u8]]) -> Choice {
    let mut state = state.clone();
    for piece in message {
        state.update(piece);
    }
    state.finalize().into_bytes().as_slice().ct_eq(tag.bytes())
}

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
    /// What a list of `AccountSid` values comes to.
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
    /// Keys in the order in which they are tried.
    pub fn new(keys: Vec<Key>) -> Keys {
        Keys(keys.into())
    }

    /// Whether these are copies of one list, as those of two routes without keys of their own are.
    pub fn is_copy_of(&self, other: &Keys) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// The key at a position.
    pub fn get(&self, position: usize) -> Option<&Key> {
        self.0.get(position)
    }

    /// Whether some auth token is tied to an account, so that the request's `AccountSid` matters.
    pub fn depend_on_account(&self) -> bool {
        self.0.iter().any(|key| matches!(key.scope, Scope::Account(_)))
    }

    /// Reads `X-Twilio-Webhooks-Signature-Settings`: `key=<id>,algorithm=<name>`. Nobody signs that header, so
    /// it only selects among what is configured; an algorithm in it must be the configured one.
    ///
    /// # Errors
    /// [`Reason::UnknownKey`] if it selects nothing.
    pub fn select(&self, settings: Single<'_>) -> Result<Selected, Reason> {
        let settings = match settings {
            Single::Absent => {
                let has_auth_token = self.0.iter().any(|key| !matches!(key.scope, Scope::SharedKey(_)));
                return if has_auth_token { Ok(Selected::AuthTokens) } else { Err(Reason::UnknownKey) };
            }
            Single::Repeated => return Err(Reason::UnknownKey),
            Single::One(settings) => settings,
        };
        let id = key_id(settings).ok_or(Reason::UnknownKey)?;
        let is_named = |key: &Key| matches!(&key.scope, Scope::SharedKey(own) if own.as_bytes() == id);
        let position = self.0.iter().position(is_named).ok_or(Reason::UnknownKey)?;
        let configured = self.0.get(position).map(|key| key.mac.algorithm().name().as_bytes());
        match setting(settings, b"algorithm") {
            Some(named) if configured.is_none_or(|own| !named.eq_ignore_ascii_case(own)) => {
                Err(Reason::UnknownKey)
            }
            Some(_) | None => Ok(Selected::SharedKey(position)),
        }
    }

    /// The positions of the selected keys that are meant for this account.
    ///
    /// # Errors
    /// [`Reason::UnknownKey`] if there is none.
    pub fn meant_for(&self, selected: Selected, account: Account<'_>) -> Result<Vec<usize>, Reason> {
        let is_meant = |position: usize, key: &Key| match (&key.scope, selected) {
            (Scope::AnyAccount, Selected::AuthTokens) => true,
            (Scope::Account(sid), Selected::AuthTokens) => account == Account::Named(sid.as_bytes()),
            (Scope::SharedKey(_), Selected::SharedKey(chosen)) => position == chosen,
            _ => false,
        };
        let numbered = self.0.iter().enumerate();
        let meant: Vec<usize> =
            numbered.filter(|(position, key)| is_meant(*position, key)).map(|(at, _)| at).collect();
        if meant.is_empty() { Err(Reason::UnknownKey) } else { Ok(meant) }
    }

    /// Whether one of them is the shared key of this id.
    pub fn has_shared_key(&self, id: &[u8]) -> bool {
        self.0.iter().any(|key| key.shared_key_id().is_some_and(|own| own.as_bytes() == id))
    }

    /// The positions of all of them.
    pub fn all(&self) -> Vec<usize> {
        (0..self.0.len()).collect()
    }

    /// Which of the keys at these positions made the tag over the message, given in pieces. All of them are
    /// tried whichever matches, and the last that does is named.
    pub fn signer(&self, positions: &[usize], tag: &Tag, message: &[&[u8]]) -> Option<usize> {
        let mut any = Choice::from(0);
        let mut signer = 0u32;
        for (number, position) in (0u32..).zip(positions) {
            let made = self.0.get(*position).map_or(Choice::from(0), |key| key.mac.made(tag, message));
            signer.conditional_assign(&number, made);
            any |= made;
        }
        let number = usize::try_from(signer).ok()?;
        bool::from(any).then(|| positions.get(number).copied()).flatten()
    }
}

/// The id of the key that `X-Twilio-Webhooks-Signature-Settings` names.
pub fn key_id(settings: &[u8]) -> Option<&[u8]> {
    setting(settings, b"key")
}

/// The first non-empty value of a name in `name=value,name=value`, spaces dropped.
fn setting<'a>(settings: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    settings.split(|byte| *byte == b',').find_map(|setting| {
        let mut halves = setting.splitn(2, |byte| *byte == b'=');
        let is_name = halves.next()?.trim_ascii().eq_ignore_ascii_case(name);
        let value = halves.next()?.trim_ascii();
        (is_name && !value.is_empty()).then_some(value)
    })
}
