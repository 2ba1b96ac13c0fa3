//! Rows of what was asked for and what came out, as Markdown.
//!
//! Invariant: a rate is never shown without its Monte-Carlo bound, nor without the power on a known
//! change where silence would look like an answer.

use std::fmt;

use tacho_stats::distribution::Beta;

use super::study::Tally;

/// A chosen method's false-alarm rate may be this many times nominal.
const RATIO_MAX: f64 = 1.2;
/// A detector's run length may miss its nominal value by this part.
const RUN_LENGTH_MISS_MAX: f64 = 0.2;

/// Whether a promise rests on the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// What Tachograph would choose by itself here; it must keep the rate asked for.
    Chosen,
    /// As in the books, for comparison.
    Textbook,
}

/// One method on one process: how often it raised a false alarm.
#[derive(Debug)]
pub(crate) struct Alarms {
    pub(crate) method: String,
    pub(crate) role: Role,
    pub(crate) process: String,
    /// Observations (of each series).
    pub(crate) n: usize,
    /// The rate asked for.
    pub(crate) nominal: f64,
    pub(crate) tally: Tally,
}

/// One detector on one process: how long it stayed quiet where nothing had changed.
#[derive(Debug)]
pub(crate) struct RunLength {
    pub(crate) detector: String,
    pub(crate) role: Role,
    pub(crate) process: String,
    /// The average run length asked for, in observations.
    pub(crate) nominal: f64,
    /// The average over the replicates.
    pub(crate) observed: f64,
    /// Standard error of `observed`.
    pub(crate) error: f64,
    /// The known change, and the mean number of observations until it was found.
    pub(crate) delay: Option<(String, f64)>,
}

/// One subject of the table.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What the columns mean here: the processes, the known change, what is declined.
    pub(crate) about: String,
    pub(crate) alarms: Vec<Alarms>,
    pub(crate) run_lengths: Vec<RunLength>,
}

impl Alarms {
    fn rate(&self) -> f64 {
        part(self.tally.alarms, self.tally.runs)
    }

    fn ratio(&self) -> f64 {
        self.rate() / self.nominal
    }

    /// Clopper & Pearson's 95 % bounds of the rate.
    fn bounds(&self) -> (f64, f64) {
        let (hits, runs) = (self.tally.alarms, self.tally.runs);
        let beta = |a: u64, b: u64, upper: bool| {
            let beta = Beta::new(a as f64, b as f64).ok()?;
            if upper {
                beta.inverse_sf(0.025).ok()
            } else {
                beta.quantile(0.025).ok()
            }
        };
        let low = beta(hits, runs - hits + 1, false).unwrap_or(0.0);
        let high = beta(hits + 1, runs - hits, true).unwrap_or(1.0);
        (low, high)
    }
}

impl Section {
    /// The largest ratio of rate to nominal among the chosen methods.
    pub(crate) fn worst_ratio(&self) -> f64 {
        let chosen = self.alarms.iter().filter(|row| row.role == Role::Chosen);
        chosen.map(Alarms::ratio).fold(0.0, f64::max)
    }

    /// Promises that the chosen methods do not keep; with `beyond_chance`, only those that chance
    /// does not explain.
    pub(crate) fn broken(&self, beyond_chance: bool) -> Vec<String> {
        let alarms = self.alarms.iter().filter(|row| {
            let rate = if beyond_chance {
                row.bounds().0
            } else {
                row.rate()
            };
            row.role == Role::Chosen && rate > RATIO_MAX * row.nominal
        });
        let lengths = self.run_lengths.iter().filter(|row| {
            let slack = if beyond_chance { 3.0 * row.error } else { 0.0 };
            let miss = (row.observed - row.nominal).abs() - slack;
            row.role == Role::Chosen && miss > RUN_LENGTH_MISS_MAX * row.nominal
        });
        alarms
            .map(|r| {
                format!(
                    "{} on {}, n = {}: ratio {:.2}",
                    r.method,
                    r.process,
                    r.n,
                    r.ratio()
                )
            })
            .chain(lengths.map(|r| {
                let ratio = r.observed / r.nominal;
                format!(
                    "{} on {}: run length {ratio:.2} of nominal",
                    r.detector, r.process
                )
            }))
            .collect()
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n\n{}", self.title, self.about)?;
        if !self.alarms.is_empty() {
            writeln!(
                f,
                "\n| method | process | n | asked % | false alarms % | 95 % bounds | ratio | \
                 decides % | power % |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
            )?;
        }
        for row in &self.alarms {
            let (low, high) = row.bounds();
            writeln!(
                f,
                "| {} | {} | {} | {} | {:.2} | {:.2} to {:.2} | {:.2} | {:.1} | {:.1} |",
                bold(&row.method, row.role),
                row.process,
                row.n,
                100.0 * row.nominal,
                100.0 * row.rate(),
                100.0 * low,
                100.0 * high,
                row.ratio(),
                100.0 * part(row.tally.decided, row.tally.runs),
                100.0 * part(row.tally.found, row.tally.runs),
            )?;
        }
        if !self.run_lengths.is_empty() {
            writeln!(
                f,
                "\n| detector | process | run length asked | run length | ± | ratio | change | \
                 delay |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
            )?;
        }
        for row in &self.run_lengths {
            let (change, delay) = match &row.delay {
                Some((change, delay)) => (change.as_str(), format!("{delay:.1}")),
                None => ("", String::new()),
            };
            writeln!(
                f,
                "| {} | {} | {:.0} | {:.0} | {:.0} | {:.2} | {change} | {delay} |",
                bold(&row.detector, row.role),
                row.process,
                row.nominal,
                row.observed,
                1.96 * row.error,
                row.observed / row.nominal,
            )?;
        }
        Ok(())
    }
}

fn bold(name: &str, role: Role) -> String {
    match role {
        Role::Chosen => format!("**{name}**"),
        Role::Textbook => name.to_owned(),
    }
}

fn part(some: u64, all: u64) -> f64 {
    if all == 0 {
        0.0
    } else {
        some as f64 / all as f64
    }
}
