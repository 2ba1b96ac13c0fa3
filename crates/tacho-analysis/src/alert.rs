//! Alert rules: when a number is worth telling someone, and when it is over.
//!
//! In reading order: [`condition`] (the grammar), [`mod@unit`] (numbers in the metric's unit),
//! [`rule`] (what is watched), [`state`] (one machine a series), [`group`] (a rule's machines),
//! [`defaults`] (the rules that are on from the first start).
//!
//! Evaluating is: select the series of [`AlertRule::matchers`], reduce each window with
//! [`crate::aggregate`], resolve the rule once with [`AlertRule::limits`], and hand the values to
//! [`RuleState::evaluate`]. Not for delivering notices, and not for silences.

pub mod condition;
pub mod defaults;
pub mod group;
pub mod rule;
pub mod state;
pub mod unit;

pub use condition::{Condition, Operator};
pub use defaults::default_rules;
pub use group::RuleState;
pub use rule::{AlertRule, NoData};
pub use state::{AlertState, Change, Limits, Phase, Transition};
