//! `GET` and `POST /api/v1/query` and `/api/v1/query_range`: answers to PromQL.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use tacho_model::{QueryError, Timestamp};
use tacho_promql::{Limits, Options, Steps, StepsError, Value, Watch};

use super::encode::{Took, data};
use super::form::Form;
use super::{invalid, parsed, refused, success};
use crate::app::SharedApp;
use crate::http::problem::{Answer, Problem};
use crate::query::QueryCtx;
use crate::reading::cores;

/// Most steps from the first point of an answer to the last, as Prometheus has it.
const STEPS_MAX: u64 = 11_000;
/// Most bytes that parts of one expression take while it is evaluated.
const MEMORY_BYTES_MAX: u64 = 512 << 20;
/// Longest query.
const QUERY_BYTES_MAX: usize = 1 << 20;

/// What a query has to say beside its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Values,
    Stats,
}

/// How a query is to be answered.
struct How {
    query: String,
    options: Options,
    /// Before this, if that is before the server's own limit.
    end: Option<(Instant, Duration)>,
    limit: Option<usize>,
    told: Told,
}

/// Ends a query with the time that its client gives it, or with the server's own bounds.
struct Bounds<'a, 'c> {
    ctx: &'a QueryCtx<'c>,
    end: Option<(Instant, Duration)>,
}

impl Watch for Bounds<'_, '_> {
    fn check(&self) -> Result<(), QueryError> {
        self.ctx.check()?;
        match self.end {
            Some((end, limit)) if Instant::now() >= end => Err(QueryError::TimedOut { limit }),
            _ => Ok(()),
        }
    }
}

/// An answer at one instant.
pub(super) async fn instant(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    let time = form.time("time")?.unwrap_or_else(Timestamp::now);
    let how = How::of(&form)?;
    answer(app, how, move |ctx, how, watch| {
        let query = parsed(ctx, &how.query)?;
        let answer = query.instant(&ctx.querier(), time, &how.options, watch);
        answer.map_err(refused)
    })
    .await
}

/// An answer at each step of a range.
pub(super) async fn range(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    let (start, end) = (form.needed_time("start")?, form.needed_time("end")?);
    let step = form.duration("step")?;
    let step = step.ok_or_else(|| invalid("step", "cannot parse \"\" to a valid duration"))?;
    let steps = Steps::new(start, end, step).map_err(|error| match error {
        StepsError::EndBeforeStart => invalid("end", error),
        StepsError::NoStep => invalid("step", error),
        StepsError::TooMany { .. } => too_many(),
    })?;
    if steps.count() as u64 > STEPS_MAX + 1 {
        return Err(too_many());
    }
    let how = How::of(&form)?;
    answer(app, how, move |ctx, how, watch| {
        let query = parsed(ctx, &how.query)?;
        let answer = query.range(&ctx.querier(), steps, &how.options, watch);
        answer.map_err(refused)
    })
    .await
}

fn too_many() -> Problem {
    Problem::bad_request(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
         resolution (?step=XX)",
    )
}

impl How {
    fn of(form: &Form) -> Answer<Self> {
        let query = form.one("query").unwrap_or("").to_owned();
        if query.len() > QUERY_BYTES_MAX {
            let told = format!("longer than {QUERY_BYTES_MAX} bytes");
            return Err(invalid("query", told));
        }
        let mut options = Options {
            threads: cores(),
            limits: Limits {
                points_max: STEPS_MAX,
                memory_bytes_max: MEMORY_BYTES_MAX,
                ..Limits::default()
            },
            ..Options::default()
        };
        // Of nothing means the usual one, as in Prometheus.
        let lookback = form.duration("lookback_delta")?;
        if let Some(lookback) = lookback.filter(|lookback| !lookback.is_zero()) {
            options.lookback_delta = lookback;
        }
        // One that reaches further than time does is none.
        let timeout = form.duration("timeout")?;
        let end = timeout.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)));
        Ok(Self {
            query,
            options,
            end,
            limit: form.limit("limit")?,
            told: match form.one("stats") {
                Some(_) => Told::Stats,
                None => Told::Values,
            },
        })
    }
}

async fn answer(
    app: SharedApp,
    how: How,
    evaluate: impl FnOnce(&QueryCtx<'_>, &How, &dyn Watch) -> Answer<tacho_promql::Answer>
    + Send
    + 'static,
) -> Answer<Response> {
    let asked = Instant::now();
    app.blocking(move |ctx| {
        let waited = asked.elapsed();
        let bounds = Bounds { ctx, end: how.end };
        let began = Instant::now();
        let mut answer = evaluate(ctx, &how, &bounds)?;
        if let Some(limit) = how.limit
            && cut(&mut answer.value, limit)
        {
            answer
                .warnings
                .push("results truncated due to limit".to_owned());
        }
        let took = (how.told == Told::Stats).then(|| Took {
            waited,
            evaluated: began.elapsed(),
            stats: answer.stats,
        });
        let data = data(&answer.value, took, &bounds).map_err(refused)?;
        Ok(success(data, &answer.warnings, &answer.infos))
    })
    .await
}

/// Leaves at most so many series; whether there were more.
fn cut(value: &mut Value, limit: usize) -> bool {
    match value {
        Value::Vector(samples) if samples.len() > limit => samples.truncate(limit),
        Value::Matrix(series) if series.len() > limit => series.truncate(limit),
        _ => return false,
    }
    true
}
