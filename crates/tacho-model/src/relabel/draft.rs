//! A label set that is being changed.
//!
//! Texts are borrowed from where they came until they are set anew, so that rules which change
//! nothing cost no copy. Pairs stand in no order and each name once; no value is empty, as an
//! empty value means that the label is absent. Not a label set yet: [`Draft::to_labels`] and
//! [`Draft::encode`] sort it and apply the limits.

use std::borrow::Cow;

use crate::label;
use crate::{LabelError, Labels};

/// A label set that is being changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Draft<'a> {
    /// One of these pairs; of a name given twice the last value counts.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Cow<'a, str>>,
        V: Into<Cow<'a, str>>,
    {
        let mut draft = Self::default();
        for (name, value) in pairs {
            draft.set(name, value);
        }
        draft
    }

    /// The value of a label; empty when it is absent.
    pub fn get(&self, name: &str) -> &str {
        let found = self.pairs.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let (name, value) = (name.into(), value.into());
        let at = self.pairs.iter().position(|(known, _)| *known == name);
        match at {
            Some(at) if value.is_empty() => {
                self.pairs.swap_remove(at);
            }
            Some(at) => self.pairs[at].1 = value,
            None if value.is_empty() => {}
            None => self.pairs.push((name, value)),
        }
    }

    /// Keeps the labels whose names are wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&str) -> bool) {
        self.pairs.retain(|(name, _)| is_wanted(name));
    }

    /// All pairs, in no order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The label set.
    pub fn to_labels(&self) -> Result<Labels, LabelError> {
        Labels::new(self.iter())
    }

    /// Appends the canonical encoding; on error `into` is as before.
    pub fn encode(&self, into: &mut Vec<u8>) -> Result<(), LabelError> {
        let mut pairs: Vec<(&str, &str)> = self.iter().collect();
        label::encode(&mut pairs, into)
    }

    /// One that borrows nothing.
    pub fn into_owned(self) -> Draft<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let pairs = self.pairs.into_iter();
        Draft {
            pairs: pairs.map(|(n, v)| (owned(n), owned(v))).collect(),
        }
    }
}
