//! Rules that change or drop label sets: Prometheus' `relabel_config`.
//!
//! A rule joins the values of its source labels and does one thing with the result. Rules run in
//! order, each on what the one before left; the first that drops a set ends it. Names beginning
//! with `__` are ordinary here: whoever relabels targets removes them afterwards.
//!
//! A [`Rule`] is checked when it is made, so that applying one cannot fail. It is *not* where
//! limits on label sets are kept: [`Draft::to_labels`] applies them at the end.
//! Sources: Prometheus "Configuration", section `relabel_config`; the regular expressions are
//! anchored at both ends, and `.` matches a line break, as since Prometheus 3.

use std::borrow::Cow;

use md5::{Digest as _, Md5};
use regex::{Captures, Regex};

use crate::{LabelsRef, MatcherError, matcher};

mod draft;

pub use draft::Draft;

/// Most bytes that one rule may write into a label before the label set is checked: a hostile
/// value multiplied by a replacement such as `$1$1$1` ends here, cut at a character.
pub const VALUE_BYTES_MAX: usize = 64 << 10;

/// What a rule does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Action {
    /// Sets `target_label` to `replacement` where the regular expression matches.
    #[default]
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops that whose joined value is not that of `target_label`.
    KeepEqual,
    /// Drops that whose joined value is that of `target_label`.
    DropEqual,
    /// Sets `target_label` to a hash of the joined value, modulo `modulus`.
    HashMod,
    /// Copies the labels whose names match to the names that `replacement` makes.
    LabelMap,
    /// Removes the labels whose names match.
    LabelDrop,
    /// Removes the labels whose names do not match.
    LabelKeep,
    /// Sets `target_label` to the joined value in lower case.
    Lowercase,
    /// Sets `target_label` to the joined value in upper case.
    Uppercase,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// Its name in configurations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }

    /// The action of that name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let known = |action: &Self| action.as_str().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(known)
    }

    fn needs_target(self) -> bool {
        matches!(
            self,
            Self::Replace
                | Self::HashMod
                | Self::KeepEqual
                | Self::DropEqual
                | Self::Lowercase
                | Self::Uppercase
        )
    }
}

/// A rule as it is written; what is absent has Prometheus' default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleText {
    /// Labels whose values are joined.
    pub source_labels: Vec<String>,
    /// What is put between them; `;` by default.
    pub separator: Option<String>,
    /// The regular expression; `(.*)` by default.
    pub regex: Option<String>,
    /// By what a hash is divided.
    pub modulus: Option<u64>,
    /// Which label is written.
    pub target_label: Option<String>,
    /// What is written, with `$1` or `${name}` for groups; `$1` by default.
    pub replacement: Option<String>,
    /// What is done; [`Action::Replace`] by default.
    pub action: Option<Action>,
}

/// Why a rule is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelabelError {
    /// The regular expression does not compile.
    #[error(transparent)]
    Regex(#[from] MatcherError),
    /// A key is missing that the action needs.
    #[error("the action `{}` needs `{key}`", action.as_str())]
    Missing {
        /// The action.
        action: Action,
        /// The key.
        key: &'static str,
    },
    /// A key is given that the action does not look at.
    #[error("the action `{}` takes no `{key}`; leave it out", action.as_str())]
    Unused {
        /// The action.
        action: Action,
        /// The key.
        key: &'static str,
    },
    /// A label name is empty.
    #[error("a name in `{key}` is empty")]
    EmptyName {
        /// The key.
        key: &'static str,
    },
}

/// One rule, ready to apply.
#[derive(Clone, Debug)]
pub struct Rule {
    action: Action,
    sources: Vec<String>,
    separator: String,
    /// `None` matches everything, with all of it as the only group that is asked for.
    regex: Option<Regex>,
    modulus: u64,
    target: Template,
    replacement: Template,
}

/// What becomes of a label set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It stays, as the draft now says.
    Keep,
    /// It goes.
    Drop,
}

/// Applies rules in order. What the draft says after [`Verdict::Drop`] means nothing.
///
/// ```
/// use tacho_model::relabel::{self, Draft, Rule, RuleText, Verdict};
/// let rule = Rule::new(RuleText {
///     source_labels: vec!["__address__".to_owned()],
///     regex: Some("([^:]+):.*".to_owned()),
///     target_label: Some("host".to_owned()),
///     ..RuleText::default()
/// })
/// .unwrap();
/// let mut draft = Draft::new([("__address__", "db1:9100")]);
/// assert_eq!(relabel::apply(&[rule], &mut draft), Verdict::Keep);
/// assert_eq!(draft.get("host"), "db1");
/// ```
pub fn apply(rules: &[Rule], draft: &mut Draft<'_>) -> Verdict {
    let dropped = rules.iter().any(|rule| rule.apply(draft) == Verdict::Drop);
    if dropped {
        Verdict::Drop
    } else {
        Verdict::Keep
    }
}

/// Applies rules to a label set; `None` when they drop it. The draft borrows what they leave.
pub fn apply_to<'a>(rules: &[Rule], labels: LabelsRef<'a>) -> Option<Draft<'a>> {
    let mut draft = Draft::new(labels);
    (apply(rules, &mut draft) == Verdict::Keep).then_some(draft)
}

impl Rule {
    /// Checks a rule.
    pub fn new(text: RuleText) -> Result<Self, RelabelError> {
        let action = text.action.unwrap_or_default();
        check(&text, action)?;
        let or = |text: Option<String>, default: &str| text.unwrap_or_else(|| default.to_owned());
        let target = Template::new(or(text.target_label, ""));
        let replacement = Template::new(or(text.replacement, "$1"));
        let pattern = or(text.regex, ANYTHING);
        let trivial = pattern == ANYTHING && target.is_simple() && replacement.is_simple();
        let regex = (!trivial).then(|| matcher::compile(&pattern)).transpose()?;
        Ok(Self {
            action,
            sources: text.source_labels,
            separator: or(text.separator, ";"),
            regex,
            modulus: text.modulus.unwrap_or(0),
            target,
            replacement,
        })
    }

    /// What it does.
    pub fn action(&self) -> Action {
        self.action
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Verdict {
        match self.action {
            Action::Keep if !self.matches(&self.joined(draft)) => return Verdict::Drop,
            Action::Drop if self.matches(&self.joined(draft)) => return Verdict::Drop,
            Action::KeepEqual if self.joined(draft) != draft.get(&self.target.0) => {
                return Verdict::Drop;
            }
            Action::DropEqual if self.joined(draft) == draft.get(&self.target.0) => {
                return Verdict::Drop;
            }
            Action::Keep | Action::Drop | Action::KeepEqual | Action::DropEqual => {}
            Action::Replace => self.replace(draft),
            Action::HashMod => {
                let hash = hash(&self.joined(draft)) % self.modulus;
                draft.set(self.target.0.clone(), hash.to_string());
            }
            Action::Lowercase => {
                let value = self.joined(draft).to_lowercase();
                draft.set(self.target.0.clone(), value);
            }
            Action::Uppercase => {
                let value = self.joined(draft).to_uppercase();
                draft.set(self.target.0.clone(), value);
            }
            Action::LabelDrop => draft.retain(|name| !self.matches(name)),
            Action::LabelKeep => draft.retain(|name| self.matches(name)),
            Action::LabelMap => self.map(draft),
        }
        Verdict::Keep
    }

    fn replace(&self, draft: &mut Draft<'_>) {
        let joined = self.joined(draft);
        let Some(found) = self.find(&joined) else {
            return;
        };
        let target = self.target.fill(&found).into_owned();
        let value = self.replacement.fill(&found).into_owned();
        if !target.is_empty() {
            draft.set(target, value);
        }
    }

    fn map(&self, draft: &mut Draft<'_>) {
        let copy = |(name, value): (&str, &str)| {
            let target = self.replacement.fill(&self.find(name)?).into_owned();
            (!target.is_empty()).then(|| (target, value.to_owned()))
        };
        let copies: Vec<_> = draft.iter().filter_map(copy).collect();
        for (name, value) in copies {
            draft.set(name, value);
        }
    }

    fn find<'t>(&self, text: &'t str) -> Option<Found<'t>> {
        match &self.regex {
            None => Some(Found::All(text)),
            Some(regex) => regex.captures(text).map(Found::Groups),
        }
    }

    fn matches(&self, text: &str) -> bool {
        self.regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    /// The values of the source labels with the separator between them.
    fn joined<'d>(&self, draft: &'d Draft<'_>) -> Cow<'d, str> {
        match self.sources.as_slice() {
            [] => Cow::Borrowed(""),
            [one] => Cow::Borrowed(draft.get(one)),
            many => {
                let values: Vec<&str> = many.iter().map(|name| draft.get(name)).collect();
                Cow::Owned(values.join(&self.separator))
            }
        }
    }
}

/// The regular expression where none is given.
const ANYTHING: &str = "(.*)";

/// What a regular expression found.
enum Found<'t> {
    /// By [`ANYTHING`]: its only group is all of the text.
    All(&'t str),
    Groups(Captures<'t>),
}

/// A text in which `$1` and `${name}` stand for groups.
#[derive(Clone, Debug)]
struct Template(String);

impl Template {
    fn new(text: String) -> Self {
        Self(text)
    }

    /// Whether [`Found::All`] is enough to fill it.
    fn is_simple(&self) -> bool {
        self.0 == "$1" || !self.0.contains('$')
    }

    fn fill<'t>(&'t self, found: &Found<'t>) -> Cow<'t, str> {
        match found {
            _ if !self.0.contains('$') => Cow::Borrowed(&self.0),
            Found::All(text) => Cow::Borrowed(text),
            Found::Groups(captures) => {
                let mut out = String::new();
                captures.expand(&self.0, &mut out);
                out.truncate(out.floor_char_boundary(VALUE_BYTES_MAX));
                Cow::Owned(out)
            }
        }
    }
}

/// The last eight bytes of MD5, most significant first: what Prometheus spreads targets by.
fn hash(text: &str) -> u64 {
    let digest: [u8; 16] = Md5::digest(text.as_bytes()).into();
    digest[8..]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Refuses keys that are missing and keys that would say nothing.
fn check(text: &RuleText, action: Action) -> Result<(), RelabelError> {
    let missing = |key| Err(RelabelError::Missing { action, key });
    if action.needs_target() && text.target_label.as_deref().unwrap_or("").is_empty() {
        return missing("target_label");
    }
    if action == Action::HashMod && text.modulus.unwrap_or(0) == 0 {
        return missing("modulus");
    }
    if text.source_labels.iter().any(String::is_empty) {
        return Err(RelabelError::EmptyName {
            key: "source_labels",
        });
    }
    let names_only = matches!(action, Action::LabelDrop | Action::LabelKeep);
    let equality = matches!(action, Action::KeepEqual | Action::DropEqual);
    let given = [
        (
            "source_labels",
            names_only && !text.source_labels.is_empty(),
        ),
        ("target_label", names_only && text.target_label.is_some()),
        ("regex", equality && text.regex.is_some()),
        (
            "separator",
            (names_only || equality) && text.separator.is_some(),
        ),
        (
            "modulus",
            (names_only || equality) && text.modulus.is_some(),
        ),
        (
            "replacement",
            (names_only || equality) && text.replacement.is_some(),
        ),
    ];
    match given.into_iter().find(|(_, unused)| *unused) {
        Some((key, _)) => Err(RelabelError::Unused { action, key }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
