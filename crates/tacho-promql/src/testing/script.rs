//! The commands of a script.
//!
//! A command is a line and the lines that belong to it, up to an empty line or the next command;
//! there may be comments among them.

use std::time::Duration;

use tacho_model::{Labels, Timestamp};

use super::classic;
use super::expect::{Expectation, Kind, Match, range_vector};
use super::points::{Budget, Item, Points};
use super::series::{Cursor, duration, metric, number};
use crate::Steps;

/// Most steps of a range.
const STEPS_MAX: usize = 1_000_000;

/// A script, ready to run.
#[derive(Debug)]
pub struct Script {
    pub(super) commands: Vec<Command>,
}

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

#[derive(Debug)]
pub(super) enum Command {
    Clear,
    Load(Vec<Loaded>),
    Eval(Box<Eval>),
}

/// A series to be loaded.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) labels: Labels,
    pub(super) points: Vec<(Timestamp, Item)>,
}

#[derive(Debug)]
pub(super) struct Eval {
    pub(super) line: usize,
    pub(super) query: String,
    pub(super) time: Time,
    pub(super) expectations: Vec<Expectation>,
    pub(super) expected: Expected,
    /// Of a range vector that an instant query gives, its times.
    pub(super) range_vector: Option<Steps>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Time {
    Instant(Timestamp),
    Range(Steps),
}

#[derive(Debug)]
pub(super) enum Expected {
    Scalar(f64),
    String(String),
    Series(Vec<(Labels, Vec<Item>)>),
}

struct Lines<'a> {
    all: Vec<&'a str>,
    at: usize,
    budget: Budget,
}

type Parsed<T> = Result<T, String>;

impl Script {
    /// Reads a script.
    ///
    /// ```
    /// use tacho_promql::testing::Script;
    /// assert!(Script::parse("load 1m\n  up 1 1 0\n\neval instant at 1m up\n  up 1\n").is_ok());
    /// assert_eq!(Script::parse("lode 1m\n").unwrap_err().line, 1);
    /// ```
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut lines = Lines {
            all: text.lines().map(str::trim).collect(),
            at: 0,
            budget: Budget::default(),
        };
        let mut commands = Vec::new();
        while let Some(line) = lines.next_command() {
            let command = lines.command(line).map_err(|message| ScriptError {
                line: lines.at,
                message,
            })?;
            commands.push(command);
        }
        Ok(Self { commands })
    }
}

impl<'a> Lines<'a> {
    fn next_command(&mut self) -> Option<&'a str> {
        while let Some(line) = self.all.get(self.at) {
            self.at += 1;
            if !line.is_empty() && !line.starts_with('#') {
                return Some(line);
            }
        }
        None
    }

    /// The next line of the command that is being read.
    fn next_of_block(&mut self) -> Option<&'a str> {
        let mut rest = self.all.iter().enumerate().skip(self.at);
        let (at, line) = rest.find(|(_, line)| !line.starts_with('#'))?;
        if line.is_empty() || is_command(line) {
            return None;
        }
        self.at = at + 1;
        Some(line)
    }

    fn command(&mut self, line: &'a str) -> Parsed<Command> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "clear" if rest.is_empty() => Ok(Command::Clear),
            "load" => Ok(Command::Load(self.load(rest)?)),
            "load_with_nhcb" => {
                let mut loaded = self.load(rest)?;
                loaded.extend(classic::to_native(&loaded)?);
                Ok(Command::Load(loaded))
            }
            "eval" => self.eval(rest, None),
            "eval_fail" => self.eval(rest, Some(Kind::Fail)),
            "eval_warn" => self.eval(rest, Some(Kind::Warn)),
            "eval_info" => self.eval(rest, Some(Kind::Info)),
            "eval_ordered" => self.eval(rest, Some(Kind::Ordered)),
            _ => Err(format!(
                "`{}` is no command: load, load_with_nhcb, clear or eval",
                word.chars().take(40).collect::<String>()
            )),
        }
    }

    fn load(&mut self, step: &str) -> Parsed<Vec<Loaded>> {
        let step = duration(step)?;
        if step <= 0 {
            return Err("the step of a load must be above zero".to_owned());
        }
        let mut loaded: Vec<Loaded> = Vec::new();
        let mut starts: Option<(Labels, usize)> = None;
        while let Some(line) = self.next_of_block() {
            if let Some(default) = line.strip_prefix("@st") {
                Points::start_times(default)?;
                continue;
            }
            let mut cursor = Cursor::new(line);
            let labels = metric(&mut cursor)?;
            if let Some(items) = cursor.rest().strip_prefix("@st") {
                starts = Some((labels, Points::start_times(items)?));
                continue;
            }
            let items = Points::parse(cursor.rest(), &mut self.budget)?;
            match starts.take() {
                Some((other, _)) if other != labels => {
                    return Err("an @st line belongs to the series after it".to_owned());
                }
                Some((_, count)) if count != items.len() => {
                    return Err(format!("{count} start times for {} points", items.len()));
                }
                _ => {}
            }
            let time = |at: usize| Timestamp::from_nanos(step.saturating_mul(at as i64));
            let points = items.into_iter().enumerate();
            let points = points.map(|(at, item)| (time(at), item)).collect();
            loaded.push(Loaded { labels, points });
        }
        Ok(loaded)
    }

    fn eval(&mut self, rest: &str, old: Option<Kind>) -> Parsed<Command> {
        let line = self.at;
        let (time, query) = asked(rest)?;
        let mut eval = Eval {
            line,
            query: query.to_owned(),
            time,
            expectations: Vec::new(),
            expected: Expected::Series(Vec::new()),
            range_vector: None,
        };
        eval.expectations.extend(old.map(|kind| Expectation {
            kind,
            text: Match::Anything,
        }));
        let mut series = Vec::new();
        while let Some(line) = self.next_of_block() {
            if let Some(said) = after_word(line, "expect") {
                eval.expect(said.trim())?;
            } else if let Some(message) = line.strip_prefix("expected_fail_message") {
                let text = Match::Exactly(message.trim().to_owned());
                eval.expectations.push(Expectation {
                    kind: Kind::Fail,
                    text,
                });
            } else if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
                let text = Match::pattern(pattern.trim())?;
                eval.expectations.push(Expectation {
                    kind: Kind::Fail,
                    text,
                });
            } else if let Some(value) = number(line) {
                eval.expected = Expected::Scalar(value);
            } else {
                series.push(self.expected_series(line)?);
            }
        }
        if !series.is_empty() {
            if !matches!(eval.expected, Expected::Series(_)) {
                return Err("a number or a string and series cannot both be meant".to_owned());
            }
            eval.expected = Expected::Series(series);
        }
        Ok(Command::Eval(Box::new(eval)))
    }

    fn expected_series(&mut self, line: &str) -> Parsed<(Labels, Vec<Item>)> {
        let mut cursor = Cursor::new(line);
        let labels = metric(&mut cursor)?;
        Ok((labels, Points::parse(cursor.rest(), &mut self.budget)?))
    }
}

impl Eval {
    fn expect(&mut self, said: &str) -> Parsed<()> {
        if let Some(text) = said.strip_prefix("string") {
            let mut cursor = Cursor::new(text.trim());
            self.expected = Expected::String(cursor.quoted()?);
            return cursor.end();
        }
        if let Some(times) = said.strip_prefix("range vector") {
            self.range_vector = Some(range_vector(times.trim())?);
            return Ok(());
        }
        self.expectations.push(Expectation::parse(said)?);
        Ok(())
    }
}

/// `instant at TIME QUERY` or `range from TIME to TIME step DURATION QUERY`.
fn asked(rest: &str) -> Parsed<(Time, &str)> {
    let mut words = Words(rest);
    let form = "write `eval instant at 5m QUERY` or `eval range from 0 to 10m step 1m QUERY`";
    let time = match words.next() {
        Some("instant") => {
            words.keyword("at")?;
            Time::Instant(Timestamp::from_nanos(duration(words.next().ok_or(form)?)?))
        }
        Some("range") => Time::Range(words.steps()?),
        _ => return Err(form.to_owned()),
    };
    match words.0.trim() {
        "" => Err("the query is missing".to_owned()),
        query => Ok((time, query)),
    }
}

pub(super) struct Words<'a>(pub(super) &'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn keyword(&mut self, expected: &str) -> Parsed<()> {
        match self.next() {
            Some(word) if word == expected => Ok(()),
            _ => Err(format!("`{expected}` is missing")),
        }
    }

    fn time(&mut self, keyword: &str) -> Parsed<i64> {
        self.keyword(keyword)?;
        duration(self.next().unwrap_or_default())
    }

    /// `from TIME to TIME step DURATION`.
    pub(super) fn steps(&mut self) -> Parsed<Steps> {
        let (from, to) = (self.time("from")?, self.time("to")?);
        let step = u64::try_from(self.time("step")?).unwrap_or(0);
        let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        let steps = Steps::new(from, to, Duration::from_nanos(step));
        let steps = steps.map_err(|error| error.to_string())?;
        if steps.count() > STEPS_MAX {
            return Err(format!("{} steps are more than {STEPS_MAX}", steps.count()));
        }
        Ok(steps)
    }
}

/// What follows a word, where the line begins with it.
fn after_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word)?;
    rest.starts_with(char::is_whitespace).then_some(rest)
}

/// Whether a line begins a command rather than a series of that name.
fn is_command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (word, next) = (words.next().unwrap_or_default(), words.next());
    match word {
        "clear" => next.is_none(),
        "load" | "load_with_nhcb" => {
            let is_series = |step: &str| number(step).is_some() || duration(step).is_err();
            words.next().is_none() && next.is_some_and(|step| !is_series(step))
        }
        word => {
            (word == "eval" || word.starts_with("eval_"))
                && matches!(next, Some("instant" | "range"))
        }
    }
}
