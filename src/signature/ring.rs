//! The keys of a route as a single request finds them.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use subtle::{Choice, ConditionallySelectable};

use super::key::Key;
use super::keys::{Keys, Selected};
use super::mac::Mac;
use super::tag::Tag;
use super::text::{Fault, KeyText};
use crate::proxy::Proxy;

/// The keys of a route, with the texts that a request brought for those that change.
#[derive(Clone, Default)]
pub struct KeyRing {
    keys: Keys,
    /// For keys by their position.
    texts: Vec<(usize, Rc<KeyText>)>,
}

/// Which key made a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signer {
    /// The position of the key among those of the route.
    pub position: usize,
    /// The line of its text, counted from 1, if it changes.
    pub line: Option<u32>,
}

/// A key that is configured and not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap<'a> {
    /// The filter state whose text should hold it.
    pub filter_state: &'a str,
    /// What is wrong with that.
    pub fault: Fault,
}

impl KeyRing {
    /// Returns the keys with the texts of those that are selected. The proxy is asked for each text once.
    pub fn of_selected(keys: &Keys, selected: Selected, proxy: &dyn Proxy) -> KeyRing {
        KeyRing::with_texts(keys, &mut keys.selected(selected), proxy)
    }

    /// Returns the keys with the texts of those at these positions.
    pub fn of(keys: &Keys, positions: &[usize], proxy: &dyn Proxy) -> KeyRing {
        let mut wanted = positions.iter().filter_map(|position| Some((*position, keys.get(*position)?)));
        KeyRing::with_texts(keys, &mut wanted, proxy)
    }

    fn with_texts(
        keys: &Keys,
        wanted: &mut dyn Iterator<Item = (usize, &Key)>,
        proxy: &dyn Proxy,
    ) -> KeyRing {
        let mut ring = KeyRing { keys: keys.clone(), texts: Vec::new() };
        for (position, key) in wanted {
            if let Some(changing) = key.changing() {
                let text = ring.text_of(changing.filter_state());
                let text = text.or_else(|| proxy.filter_state(changing.filter_state())).unwrap_or_default();
                ring.texts.push((position, changing.read(text)));
            }
        }
        ring
    }

    /// Returns the text of a filter state, if it has been asked for.
    fn text_of(&self, filter_state: &str) -> Option<Vec<u8>> {
        let is_its_own =
            |position: usize| self.keys.get(position).and_then(Key::filter_state) == Some(filter_state);
        let (_, text) = self.texts.iter().find(|(position, _)| is_its_own(*position))?;
        Some(text.text().to_vec())
    }

    /// Returns the keys as they are configured.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns how many secrets the keys at these positions come to.
    pub fn count(&self, positions: &[usize]) -> usize {
        self.macs(positions).count()
    }

    /// Returns true if none of the selected keys is here.
    pub fn lacks_all(&self, selected: Selected) -> bool {
        let mut selected = self.keys.selected(selected);
        selected.all(|(position, _)| self.macs(&[position]).next().is_none())
    }

    /// Returns the first of the keys at these positions that is not here, or of which a part is not.
    pub fn gap(&self, positions: impl IntoIterator<Item = usize>) -> Option<Gap<'_>> {
        positions.into_iter().find_map(|position| {
            let filter_state = self.keys.get(position)?.filter_state()?;
            let text = self.text_at(position);
            let fault = text.map_or(Some(Fault::Missing), KeyText::fault)?;
            Some(Gap { filter_state, fault })
        })
    }

    /// Returns the key that made the tag over the message, which is given in pieces, of those at these positions. All of
    /// them are tried whichever matches, and the last that does is returned.
    pub fn signer(&self, positions: &[usize], tag: &Tag, message: &[&[u8]]) -> Option<Signer> {
        let mut any = Choice::from(0);
        let mut signer = 0u32;
        for (number, (_, mac)) in (0u32..).zip(self.macs(positions)) {
            let made = mac.made(tag, message);
            signer.conditional_assign(&number, made);
            any |= made;
        }
        let number = usize::try_from(signer).ok()?;
        let (signer, _) = bool::from(any).then(|| self.macs(positions).nth(number)).flatten()?;
        Some(signer)
    }

    /// Returns the secrets of the keys at these positions, in their order.
    fn macs(&self, positions: &[usize]) -> impl Iterator<Item = (Signer, &Mac)> {
        positions.iter().flat_map(|position| {
            let position = *position;
            let fixed = self.keys.get(position).and_then(Key::mac);
            let lines = self.text_at(position).map_or(&[][..], KeyText::macs);
            let fixed = fixed.map(|mac| (Signer { position, line: None }, mac));
            fixed
                .into_iter()
                .chain(lines.iter().map(move |(line, mac)| (Signer { position, line: Some(*line) }, mac)))
        })
    }

    fn text_at(&self, position: usize) -> Option<&KeyText> {
        self.texts.iter().find(|(own, _)| *own == position).map(|(_, text)| &**text)
    }
}

impl Signer {
    /// Returns the name by which logs know it.
    pub fn label(self, keys: &Keys) -> Option<Cow<'_, str>> {
        let label = keys.get(self.position)?.label();
        Some(match self.line {
            None => label.into(),
            Some(line) => format!("{label}:{line}").into(),
        })
    }
}

/// A key that does not change.
impl From<usize> for Signer {
    fn from(position: usize) -> Signer {
        Signer { position, line: None }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            None => write!(f, "{}", self.position),
            Some(line) => write!(f, "{}:{line}", self.position),
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.keys).finish_non_exhaustive()
    }
}
