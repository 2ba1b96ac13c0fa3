//! Which spans are wanted.

use std::ops::RangeInclusive;
use std::time::Duration;

use tacho_model::span::SpanStatus;
use tacho_model::{Matcher, TimeRange};
use tacho_semconv::operation::name::run_of_agent;
use tacho_store::records::{Condition, Test};

use super::column;

/// Which spans are wanted; the newest first.
#[derive(Debug, Clone)]
pub struct SpanFilter {
    /// When they began.
    pub range: TimeRange,
    /// What the texts of columns are, by the name of the column: `service`, `name`, `operation`.
    pub texts: Vec<Matcher>,
    /// What attributes are, of the span or its resource.
    pub attributes: Vec<Matcher>,
    /// All of this trace only.
    pub trace: Option<u128>,
    /// How long they took.
    pub duration: RangeInclusive<Duration>,
    /// Only those that failed.
    pub errors: bool,
    /// At most so many.
    pub limit: usize,
}

impl SpanFilter {
    /// Only runs of this agent.
    pub fn run_of_agent(&mut self, agent: &str) {
        let operation = run_of_agent(agent);
        self.texts.push(Matcher::equal("operation", &operation));
    }

    /// What the store is asked for, the range of time excepted.
    pub(super) fn conditions(&self) -> Vec<Condition<'_>> {
        let mut conditions = Vec::new();
        let mut add = |column, test| conditions.push(Condition { column, test });
        if let Some(trace) = self.trace {
            add(column::TRACE_ID, Test::Id(trace));
        }
        for matcher in &self.texts {
            match matcher.name() {
                "service" => add(column::SERVICE, Test::Text(matcher)),
                // The operation of rows that say none is their name.
                "operation" => add(column::OPERATION, Test::TextOr(matcher, column::NAME)),
                _ => add(column::NAME, Test::Text(matcher)),
            }
        }
        let nanos = |time: &Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        let (least, most) = (nanos(self.duration.start()), nanos(self.duration.end()));
        if least > 0 || most < i64::MAX {
            add(column::DURATION, Test::Integer(least..=most));
        }
        if least == 0 && most < i64::MAX {
            // Those that have not ended say zero, which is not known to be so.
            add(column::PENDING_OF, Test::Id(0));
        }
        if self.errors {
            let error = SpanStatus::Error as i64;
            add(column::STATUS, Test::Integer(error..=error));
        }
        for matcher in &self.attributes {
            let test = Test::AttributeOr(matcher, column::RESOURCE);
            add(column::ATTRIBUTES, test);
        }
        conditions
    }
}
