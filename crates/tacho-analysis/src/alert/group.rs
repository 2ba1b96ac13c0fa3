//! A rule's state machines, one for each series (or group of series).
//!
//! Memory is bounded: at most [`SERIES_MAX`] series a rule are watched, and a series that is calm
//! and has left its cooldown behind is forgotten.

use std::collections::HashMap;

use tacho_model::{Labels, Timestamp};

use super::state::{AlertState, Limits, Phase, Transition};

/// Most series that one rule watches; more are counted and not watched.
pub const SERIES_MAX: usize = 10_000;

/// The machines of one rule.
#[derive(Clone, Debug, Default)]
pub struct RuleState {
    series: HashMap<Labels, AlertState>,
    unwatched: usize,
}

impl RuleState {
    /// Machines that have seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over a series that was firing before a restart.
    pub fn restore(&mut self, labels: Labels, state: AlertState) {
        self.series.insert(labels, state);
    }

    /// Takes the value of each series for the window that ends `now`. A series that is missing
    /// here but was there before had no data. Notices come in order of labels.
    pub fn evaluate(
        &mut self,
        limits: &Limits,
        now: Timestamp,
        values: &[(Labels, Option<f64>)],
    ) -> Vec<(Labels, Transition)> {
        let mut notices = Vec::new();
        self.unwatched = 0;
        let mut current: HashMap<&Labels, Option<f64>> = HashMap::with_capacity(values.len());
        for (labels, value) in values {
            current.insert(labels, *value);
            if self.series.contains_key(labels) {
                continue;
            }
            if self.series.len() < SERIES_MAX {
                self.series.insert(labels.clone(), AlertState::new());
            } else {
                self.unwatched += 1;
            }
        }
        self.series.retain(|labels, state| {
            let known = current.get(labels).copied();
            let transition = state.step(limits, now, known.flatten());
            notices.extend(transition.map(|t| (labels.clone(), t)));
            known.is_some() || !state.is_idle(limits.cooldown, now)
        });
        notices.sort_by(|(a, _), (b, _)| a.iter().cmp(b.iter()));
        notices
    }

    /// The series that fire, those that the cooldown keeps silent among them.
    pub fn firing(&self) -> impl Iterator<Item = (&Labels, &AlertState)> {
        self.series
            .iter()
            .filter(|(_, state)| state.phase() == Phase::Firing)
    }

    /// Series beyond [`SERIES_MAX`] at the last evaluation.
    pub fn unwatched(&self) -> usize {
        self.unwatched
    }

    /// Number of series that are watched.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether no series is watched.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use tacho_model::Shape;

    use super::*;
    use crate::alert::{AlertRule, Change};

    fn labels(i: usize) -> Labels {
        Labels::new([("__name__", "m"), ("i", &i.to_string())]).unwrap()
    }

    #[test]
    fn series_do_not_share_a_state() {
        let rule = AlertRule::new("r", "m", "avg > 1").unwrap();
        let limits = rule.limits(None, Shape::Gauge).unwrap();
        let mut state = RuleState::new();
        let now = Timestamp::from_secs;
        let values = [
            (labels(2), Some(2.0)),
            (labels(1), Some(5.0)),
            (labels(3), Some(0.0)),
        ];
        let fired = state.evaluate(&limits, now(0), &values);
        assert_eq!(
            fired.iter().map(|(l, _)| l.clone()).collect::<Vec<_>>(),
            [labels(1), labels(2)]
        );
        assert_eq!(state.firing().count(), 2);
        let over = state.evaluate(&limits, now(5), &[(labels(1), Some(0.0))]);
        assert_eq!(over.len(), 1);
        assert_eq!(
            (&over[0].0, over[0].1.change),
            (&labels(1), Change::Resolved)
        );
        // 2 keeps firing without data, 1 is kept for its cooldown, 3 is forgotten.
        assert_eq!((state.firing().count(), state.len()), (1, 2));
        state.evaluate(&limits, now(1000), &[]);
        assert_eq!(state.len(), 1);
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let rule = AlertRule::new("r", "m", "avg > 1").unwrap();
        let limits = rule.limits(None, Shape::Gauge).unwrap();
        let mut state = RuleState::new();
        let values: Vec<_> = (0..SERIES_MAX + 5)
            .map(|i| (labels(i), Some(0.0)))
            .collect();
        state.evaluate(&limits, Timestamp::from_secs(0), &values);
        assert_eq!((state.len(), state.unwatched()), (SERIES_MAX, 5));
    }
}
