//! Running a script.

use std::time::Duration;

use tacho_model::Timestamp;

use super::Settings;
use super::compare::{self, Order, almost_equal};
use super::expect::Kind;
use super::memory::Memory;
use super::script::{Command, Eval, Expected, Script, Time};
use crate::histogram::Float;
use crate::{Answer, Error, Query, Series, Steps, Unwatched, Value, ValueType, parse};

/// How much later a query with `@` on every selector is asked: not a multiple of any step.
const PINNED_LATER: Duration = Duration::from_secs(25_987);

/// How a script went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Evaluations that gave what was expected.
    pub passed: usize,
    /// Those that did not.
    pub failures: Vec<Failure>,
}

/// An evaluation that did not give what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The line of its command, from 1.
    pub line: usize,
    /// What was asked.
    pub query: String,
    /// What is different.
    pub reason: String,
}

impl Script {
    /// Runs all commands in their order, from an empty store on.
    pub fn run(&self, settings: &Settings) -> Report {
        let mut memory = Memory::default();
        let mut report = Report::default();
        // What could not be loaded fails the evaluations that follow, until all is cleared.
        let mut broken: Option<String> = None;
        for command in &self.commands {
            match command {
                Command::Clear => (memory, broken) = (Memory::default(), None),
                Command::Load(loaded) => {
                    for series in loaded {
                        if let Err(error) = memory.load(&series.labels, &series.points) {
                            broken.get_or_insert(format!("loading {}: {error}", series.labels));
                        }
                    }
                }
                Command::Eval(eval) => {
                    let outcome = match &broken {
                        Some(reason) => Err(reason.clone()),
                        None => eval.run(&memory, settings),
                    };
                    match outcome {
                        Ok(()) => report.passed += 1,
                        Err(reason) => report.failures.push(Failure {
                            line: eval.line,
                            query: eval.query.clone(),
                            reason,
                        }),
                    }
                }
            }
        }
        report
    }
}

impl Eval {
    fn run(&self, memory: &Memory, settings: &Settings) -> Result<(), String> {
        let query = match parse(&self.query, settings.features) {
            Ok(query) => query,
            Err(error) => return self.check_error(&error),
        };
        let answer = match ask(&query, self.time, memory, settings) {
            Ok(answer) => answer,
            Err(error) => return self.check_error(&error),
        };
        if self.says(Kind::Fail) {
            return Err("it was expected to fail".to_owned());
        }
        self.check_annotations(&answer)?;
        self.check_value(&answer.value)?;
        match self.time {
            Time::Instant(at) if self.is_asked_again(&query) => {
                self.check_pinned(&query, at, memory, settings)?;
                self.check_as_range(&query, at, memory, settings)
            }
            _ => Ok(()),
        }
    }

    fn says(&self, kind: Kind) -> bool {
        self.expectations.iter().any(|e| e.kind == kind)
    }

    fn check_error(&self, error: &Error) -> Result<(), String> {
        let text = error.to_string();
        let mut said = self
            .expectations
            .iter()
            .filter(|e| e.kind == Kind::Fail)
            .peekable();
        if said.peek().is_none() {
            return Err(format!("it failed: {text}"));
        }
        match said.find(|expected| !expected.text.is(&text)) {
            Some(other) => Err(format!("it failed with `{text}`, not {}", other.text)),
            None => Ok(()),
        }
    }

    fn check_annotations(&self, answer: &Answer) -> Result<(), String> {
        for (kind, none, name, came) in [
            (Kind::Warn, Kind::NoWarn, "warning", &answer.warnings),
            (Kind::Info, Kind::NoInfo, "info", &answer.infos),
        ] {
            if self.says(none) && !came.is_empty() {
                return Err(format!(
                    "no {name} was expected, but `{}` came",
                    came.join("`, `")
                ));
            }
            let said: Vec<_> = self
                .expectations
                .iter()
                .filter(|e| e.kind == kind)
                .collect();
            if let Some(missing) = said
                .iter()
                .find(|e| !came.iter().any(|text| e.text.is(text)))
            {
                let came = came.join("`, `");
                return Err(format!(
                    "no {name} is {}, there came `{came}`",
                    missing.text
                ));
            }
            let is_said = |text: &&String| said.iter().any(|e| e.text.is(text));
            if let Some(more) = came.iter().find(|text| !said.is_empty() && !is_said(text)) {
                return Err(format!("the {name} `{more}` was not expected"));
            }
        }
        Ok(())
    }

    fn check_value(&self, value: &Value) -> Result<(), String> {
        match (&self.expected, value) {
            (Expected::Scalar(expected), Value::Scalar { value, .. }) => {
                if almost_equal(*expected, *value) {
                    return Ok(());
                }
                Err(format!("{}, not {}", Float(*value), Float(*expected)))
            }
            (Expected::String(expected), Value::String { value, .. }) => {
                if expected == value {
                    return Ok(());
                }
                Err(format!("{value:?}, not {expected:?}"))
            }
            (Expected::Series(expected), value) => {
                compare::series(expected, value, self.steps(), self.order())
            }
            // A range query gives a scalar as a series without labels.
            (Expected::Scalar(_) | Expected::String(_), _) => Err(format!(
                "{}, not a scalar or a string",
                type_of(value).name()
            )),
        }
    }

    fn steps(&self) -> Steps {
        match (self.range_vector, self.time) {
            (Some(steps), _) | (None, Time::Range(steps)) => steps,
            (None, Time::Instant(at)) => Steps::at(at),
        }
    }

    fn order(&self) -> Order {
        if self.says(Kind::Ordered) {
            Order::AsSaid
        } else {
            Order::Any
        }
    }

    /// Whether the same can be asked in another way.
    fn is_asked_again(&self, query: &Query) -> bool {
        let own_range = ["start()", "end()", "step()", "range()"];
        query.value_type() == ValueType::Vector
            && self.order() == Order::Any
            && !own_range.iter().any(|word| self.query.contains(word))
    }

    fn check_as_range(
        &self,
        query: &Query,
        at: Timestamp,
        memory: &Memory,
        settings: &Settings,
    ) -> Result<(), String> {
        let step = Duration::from_mins(1);
        let Ok(steps) = Steps::new(at - step, at + step, step) else {
            return Ok(());
        };
        // At the other steps it may well fail, where nothing was said of it.
        let Ok(answer) = ask(query, Time::Range(steps), memory, settings) else {
            return Ok(());
        };
        self.check_step(answer.value, at, at)
            .map_err(|reason| format!("asked as a range: {reason}"))
    }

    /// With `@` on every selector it says the same at any other time.
    fn check_pinned(
        &self,
        query: &Query,
        at: Timestamp,
        memory: &Memory,
        settings: &Settings,
    ) -> Result<(), String> {
        let Some(pinned) = query.pinned(at) else {
            return Ok(());
        };
        let other = at + PINNED_LATER;
        let Ok(steps) = Steps::new(at, other, PINNED_LATER) else {
            return Ok(());
        };
        let told = |reason: String| format!("asked with @ on every selector: {reason}");
        let answer = ask(&pinned, Time::Range(steps), memory, settings);
        let answer = answer.map_err(|error| told(error.to_string()))?;
        self.check_step(answer.value, other, at).map_err(told)
    }

    /// Whether one step of a range query says what was expected, of another time.
    fn check_step(&self, value: Value, step: Timestamp, due: Timestamp) -> Result<(), String> {
        let Value::Matrix(mut series) = value else {
            return Err("there is no matrix".to_owned());
        };
        for one in &mut series {
            one.floats.retain(|(time, _)| *time == step);
            one.histograms.retain(|(time, _)| *time == step);
            let floats = one.floats.iter_mut().map(|(time, _)| time);
            let histograms = one.histograms.iter_mut().map(|(time, _)| time);
            floats.chain(histograms).for_each(|time| *time = due);
        }
        let is_there = |one: &Series| !(one.floats.is_empty() && one.histograms.is_empty());
        series.retain(is_there);
        self.check_value(&Value::Matrix(series))
    }
}

fn ask(query: &Query, time: Time, memory: &Memory, settings: &Settings) -> Result<Answer, Error> {
    match time {
        Time::Instant(at) => query.instant(memory, at, &settings.options, &Unwatched),
        Time::Range(steps) => query.range(memory, steps, &settings.options, &Unwatched),
    }
}

fn type_of(value: &Value) -> ValueType {
    match value {
        Value::Scalar { .. } => ValueType::Scalar,
        Value::String { .. } => ValueType::String,
        Value::Vector(_) => ValueType::Vector,
        Value::Matrix(_) => ValueType::Matrix,
    }
}
