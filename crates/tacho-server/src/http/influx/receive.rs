//! A body into the store, and what became of its lines.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use tacho_model::{Batch, Refusal, Timestamp};
use tacho_wire::influx::{self, Decoded, Limits, Options};
use tacho_wire::remote_write::describe_labels;

use super::Asked;
use crate::app::App;
use crate::http::body;
use crate::http::problem::{Answer, Problem};
use crate::intake::{Origin, Protocol, Signal, Tally, error_reason, refusal_reason};

/// Refused lines and samples that are told one by one.
const EXAMPLES: usize = 3;

/// What became of a body.
#[derive(Debug, Default)]
pub(super) struct Written {
    decoded: Decoded,
    /// Samples that the store refused, by reason.
    refused: BTreeMap<&'static str, usize>,
    /// The first of them.
    examples: Vec<String>,
    /// The metric that has most of the series, when a limit on them was met.
    culprit: Option<String>,
    is_passing: bool,
    /// Samples that the store took.
    kept: usize,
}

impl Written {
    /// Whether some were refused that will be taken when they are sent again.
    pub(super) fn is_passing(&self) -> bool {
        self.is_passing
    }

    /// The number of the first line that was refused.
    pub(super) fn first_line(&self) -> Option<usize> {
        self.decoded.examples.first().map(|(line, _)| *line)
    }

    /// What to tell the sender; `None` when everything was kept.
    pub(super) fn complaint(&self) -> Option<String> {
        let lines: usize = self.decoded.refused.values().sum();
        let samples: usize = self.refused.values().sum();
        let mut parts = Vec::new();
        if lines > 0 {
            let of = lines + self.decoded.lines;
            parts.push(format!("{lines} of {of} lines were refused"));
            let told = self.decoded.examples.iter().take(EXAMPLES);
            parts.extend(told.map(|(line, reason)| format!("line {line}: {reason}")));
        }
        if samples > 0 {
            let counts = self.refused.iter().map(|(why, n)| format!("{n} {why}"));
            let counts: Vec<_> = counts.collect();
            parts.push(format!(
                "{samples} samples were refused ({})",
                counts.join(", ")
            ));
            parts.extend(self.examples.iter().cloned());
            parts.extend(self.culprit.clone());
        }
        let others = match self.kept {
            0 => "nothing was kept",
            _ => "the others were kept",
        };
        (!parts.is_empty()).then(|| format!("{}; {others}", parts.join("; ")))
    }
}

/// Decodes a body and appends its samples. Blocks.
pub(super) fn write(app: &App, source: &str, asked: &Asked, bytes: &[u8]) -> Answer<Written> {
    let door = app.door(Origin::new(Protocol::Influx, source));
    let malformed = |problem: Problem| {
        door.refuse(Signal::Samples, "malformed", 1);
        problem
    };
    let mut buffer = Vec::new();
    let limit = app.settings.server.body_bytes_max;
    let body = body::unpacked(asked.packing, bytes, limit, &mut buffer).map_err(malformed)?;
    let now = Timestamp::now();
    let options = Options {
        precision: asked.precision,
        now,
        db: &asked.db,
        limits: Limits::default(),
    };
    let mut batch = Batch::new();
    let decoded = influx::decode(body, &options, &mut batch).map_err(|error| {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        malformed(Problem::new(status, error.to_string()))
    })?;
    let mut tally = Tally::default();
    tally.refuse("string_field", decoded.texts);
    for (reason, lines) in &decoded.refused {
        tally.refuse(reason, *lines);
    }
    let outcome = if batch.is_empty() {
        Ok(tacho_model::AppendOutcome::default())
    } else {
        door.append_uncounted(&batch)
    };
    let mut written = Written {
        decoded,
        ..Written::default()
    };
    match &outcome {
        Ok(outcome) => {
            written.kept = outcome.accepted;
            tally.accepted = (outcome.accepted - outcome.filtered) as u64;
            tally.filtered = outcome.filtered as u64;
            tally.note_times(&batch, now);
            for rejected in &outcome.rejected {
                let reason = refusal_reason(rejected.reason);
                tally.refuse(reason, 1);
                *written.refused.entry(reason).or_default() += 1;
                written.is_passing |= rejected.reason == Refusal::SeriesRate;
                if written.examples.len() < EXAMPLES {
                    let (series, time, _) = batch.row(rejected.row);
                    let labels = describe_labels(batch.label_bytes(series));
                    let reason = rejected.reason;
                    let advice = advice(reason, time);
                    written.examples.push(format!("{labels}: {reason}{advice}"));
                }
            }
            written.culprit = outcome.culprit.as_ref().map(|culprit| {
                let (metric, series) = (&culprit.metric, culprit.series);
                format!("most series are of {metric} ({series})")
            });
        }
        Err(error) => tally.refuse(error_reason(error), batch.len()),
    }
    door.count(Signal::Samples, &tally);
    outcome?;
    Ok(written)
}

/// Times before are no one's: a whole number was read in a unit that is too small.
const PLAUSIBLE: Timestamp = Timestamp::from_secs(946_684_800);

/// What to do about a refused sample, where the request itself may be at fault.
fn advice(reason: Refusal, time: Timestamp) -> String {
    if reason != Refusal::TooOld || time > PLAUSIBLE {
        return String::new();
    }
    format!(", as {time} is; check the precision, which is ns unless the request says another")
}
