//! Metrics made of spans: how many, how long, how many failed, by service and operation; tokens and
//! their cost; runs of agents; who calls whom; `WebSocket`s.
//!
//! 1. A span is counted once, however often it comes; a pending one never. It is counted together
//!    with its row in the table of spans: after a crash both are there or neither is.
//! 2. It is counted before spans are sampled, so that figures are those of all of them; what a
//!    filter drops or does not keep is not counted.
//! 3. A duration is counted in the second in which the span ended, or in which it came where the
//!    two clocks disagree by more than a minute, or the store no longer takes that second.
//! 4. Memory is bounded in spans that are known, series, and traces that are looked at.
//!
//! In reading order: `families`, the metrics; `growth`, by what a request makes series grow;
//! `state`, series as they stand, and how they get into the store; `known`, which spans were
//! counted; `admitted`, how many series there may be; `runs`, agents; `usage`, tokens; `graph`, who calls
//! whom; `sockets`, `WebSocket`s. What spans mean is `tacho-semconv`'s.

mod admitted;
mod families;
mod graph;
mod growth;
mod known;
mod runs;
mod sockets;
mod state;
mod usage;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, BuildHasherDefault, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::append::Exemplar;
use tacho_model::span::Span;
use tacho_model::{AppendError, AppendOutcome, Batch, Labels, METRIC_NAME, Timestamp};
use tacho_semconv::labels::{Label, bounded, labels};
use tacho_semconv::operation::{Http, Model, Tokens, Told};
use tacho_semconv::unknown::unknown_dialect;
use tacho_semconv::{Operation, Reading};
use tacho_store::PreparedRecords;
use tacho_store::records::Records;
use xxhash_rust::xxh3::xxh3_64;

use self::admitted::{Admitted, OVERFLOW, Place};
use self::families::{Family, OF_SIZES};
use self::graph::{Call, Graph};
use self::growth::{Growth, LabelKey};
use self::known::{Claim, Known};
use self::runs::{Runs, Step};
use self::sockets::{SocketEvent, Sockets};
use self::state::State;
use self::usage::{Detail, Usage};
use crate::app::App;
use crate::filters::generations::Hashed;
use crate::intake::{Origin, Protocol};
use crate::prices::PriceSettings;
use crate::spans::TABLE;

/// Whose samples they are.
const SOURCE: &str = "span_metrics";
/// A span that ended further ahead of this clock is counted when it came.
pub(crate) const AHEAD_MAX: Duration = Duration::from_mins(1);
/// A second is counted in while it is this much younger than what the store still takes.
const BEHIND_MARGIN: Duration = Duration::from_mins(5);
/// Exemplars of a second; of more, histograms have none.
const EXEMPLARS_MAX: u32 = 200;

/// Spans of agents in a dialect that nobody here understands.
const UNKNOWN: &str = "tacho_spans_unknown_dialect_total";

/// Metrics made of spans.
pub struct SpanMetrics {
    known: Known,
    restored: OnceLock<()>,
    admitted: Admitted,
    shared: Mutex<Shared>,
    sessions: AtomicU64,
    seed: u64,
    prices: PriceSettings,
    /// Spans in dialects that no table knows, by what tells them.
    unknown: Mutex<BTreeMap<&'static str, u64>>,
}

/// What requests change one after the other.
struct Shared {
    state: State,
    runs: Runs,
    graph: Graph,
    sockets: Sockets,
    /// The second, and how many exemplars it has.
    exemplars: (i64, u32),
}

/// The spans of a request, on their way to being counted.
pub struct Session<'a> {
    app: &'a App,
    metrics: &'a SpanMetrics,
    number: u64,
    now: Timestamp,
    claims: Vec<u64>,
    growth: Growth,
    /// The keys of sizes, by those of all labels.
    of_sizes: HashMap<u128, LabelKey, BuildHasherDefault<Hashed>>,
    steps: Vec<Step>,
    calls: Vec<Call>,
    sockets: Vec<SocketEvent>,
    scratch: Vec<u8>,
    /// The service of the span before: they come in runs.
    service: Arc<str>,
    met_others: bool,
}

/// Whether a span stays to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// It does, as far as is known.
    Yes,
    /// It is not in the sample, or that is not known yet.
    No,
}

impl SpanMetrics {
    /// None yet, in a process that began then, with these prices.
    pub fn new(began: Timestamp, prices: &PriceSettings) -> Self {
        Self {
            known: Known::default(),
            restored: OnceLock::new(),
            admitted: Admitted::default(),
            shared: Mutex::new(Shared {
                state: State::new(began),
                runs: Runs::default(),
                graph: Graph::default(),
                sockets: Sockets::default(),
                exemplars: (0, 0),
            }),
            sessions: AtomicU64::new(0),
            // Nobody outside can make series share a hash.
            seed: RandomState::new().hash_one(0u64),
            prices: prices.clone(),
            unknown: Mutex::default(),
        }
    }

    /// Takes the spans of a request. The first one reads the newest spans of the table, which were
    /// counted before a restart.
    pub fn session<'a>(&'a self, app: &'a App) -> Session<'a> {
        let now = Timestamp::now();
        self.restored.get_or_init(|| {
            if let Err(error) = self.known.restore(&app.store, now) {
                tracing::warn!("spans that come again may be counted twice: {error}");
            }
        });
        Session {
            app,
            metrics: self,
            number: self.sessions.fetch_add(1, Relaxed),
            now,
            claims: Vec::new(),
            growth: Growth::default(),
            of_sizes: HashMap::default(),
            steps: Vec::new(),
            calls: Vec::new(),
            sockets: Vec::new(),
            scratch: Vec::new(),
            service: Arc::default(),
            met_others: false,
        }
    }

    /// Counts calls whose other end did not come, and forgets what is over. To be called now and
    /// then.
    ///
    /// # Errors
    /// [`AppendError`] of the store.
    pub fn tick(&self, app: &App) -> Result<(), AppendError> {
        // Who holds it does what is to be done here as well, and the tick must not wait for a disk.
        if self.restored.get().is_none() || self.shared.is_locked() {
            return Ok(());
        }
        let session = self.session(app);
        session.commit(None).map(|_| ())
    }

    /// Adds what could not be understood, where there is any.
    pub fn observe(&self, now: Timestamp, host: &str, batch: &mut Batch) {
        let own = [("instance", host), ("job", "tacho")];
        for (dialect, spans) in self.unknown_dialects() {
            let of = [(METRIC_NAME, UNKNOWN), ("dialect", dialect)];
            if let Ok(series) = batch.series(own.into_iter().chain(of)) {
                batch.push(series, now, spans as f64);
            }
        }
    }

    /// Spans of agents in dialects that no table knows since the start, by what tells the dialect.
    pub fn unknown_dialects(&self) -> BTreeMap<&'static str, u64> {
        self.unknown.lock().clone()
    }

    /// Services that have had more series than they may since the start: what came beyond the
    /// limit is counted together.
    pub fn beyond_limit(&self) -> Vec<Box<str>> {
        self.admitted.beyond()
    }
}

impl Session<'_> {
    /// Counts a span, unless it was counted before or cannot be kept.
    pub fn add(
        &mut self,
        reading: &Reading<'_, '_>,
        operation: &Operation<'_>,
        name: &str,
        stays: Stays,
    ) {
        let span = reading.span;
        // Of the lines of a log only those count that tell the tokens of a call.
        let is_idle = span.pending_of != 0 || reading.is_log() && !is_part_of_a_call(operation);
        if is_idle || !self.is_in_time(span) {
            return;
        }
        let known = &self.metrics.known;
        // Some tracers give both ends of a call the same identifier.
        let end = span.span_id ^ ((span.kind as u64) << 60);
        match known.claim(span.trace_id, end, self.number) {
            Claim::Counted => return,
            Claim::Others => return self.met_others = true,
            Claim::Taken(key) => self.claims.push(key),
        }
        let failed = operation.is_failure(reading);
        let at = self.second_of(span);
        let labels = labels(reading, operation, name);
        let key = LabelKey::new(&labels, self.metrics.seed, &mut self.scratch);
        let place = if is_part_of_a_call(operation) {
            Place::Own
        } else {
            self.span(span, at, (key, &labels), stays)
        };
        let mut usage = None;
        match operation {
            Operation::Http(http) if place == Place::Own => self.sizes(http, at, key, &labels),
            Operation::Model(model) => usage = Some(self.model(model, span, at, &labels, place)),
            Operation::Other => self.note_unknown(span),
            _ => {}
        }
        self.steps.push(Step::of(span, operation, at, usage));
        let (service, told) = (self.service(span.service), (at, failed));
        let link = |trace, span| known.key(trace, span);
        let call = Call::of(reading, operation, &service, told, link);
        self.calls.extend(call);
        self.sockets.extend(SocketEvent::of(
            span,
            operation,
            at,
            failed,
            |trace, service| known.key(trace, xxh3_64(service.as_bytes())),
        ));
    }

    /// How many spans are counted and not written.
    pub fn pending(&self) -> usize {
        self.claims.len()
    }

    /// Whether another request that is being worked on holds some of the spans: whether they are
    /// counted is not known yet.
    pub fn met_others(&self) -> bool {
        self.met_others
    }

    /// Writes what was counted, with the rows of spans; what became of the rows.
    ///
    /// # Errors
    /// [`AppendError`] of the store; nothing was counted then.
    pub fn commit(mut self, rows: Option<&Arc<Records>>) -> Result<AppendOutcome, AppendError> {
        self.flush(rows)
    }

    /// As [`Self::commit`], and goes on.
    ///
    /// # Errors
    /// As there; nothing since the last time was counted then.
    pub fn flush(&mut self, rows: Option<&Arc<Records>>) -> Result<AppendOutcome, AppendError> {
        let (app, metrics) = (self.app, self.metrics);
        let none = || Arc::new(Records::new(&crate::spans::schema()));
        let has_rows = rows.is_some_and(|rows| !rows.is_empty());
        // What takes time is done before anything is locked.
        let rows: PreparedRecords = match rows {
            Some(rows) => app.store.prepare_records(TABLE, rows)?,
            None => app.store.prepare_records(TABLE, &none())?,
        };
        let door = app.door(Origin::new(Protocol::Otlp, SOURCE));
        let mut growth = std::mem::take(&mut self.growth);
        let seed = metrics.seed;
        // Held until the samples are in the log, and the time is taken within: what is written
        // later is never earlier.
        let mut shared = metrics.shared.lock();
        let shared = &mut *shared;
        let now = Timestamp::now();
        shared.runs.walk(&mut self.steps, &mut growth, seed, now);
        let paired = shared
            .graph
            .pair(&self.calls, (&mut growth, &metrics.admitted), seed, now);
        shared.sockets.follow(&self.sockets, &mut growth, seed, now);
        limit_exemplars(&mut growth, &mut shared.exemplars, now);
        let taken = if growth.series.is_empty() && !has_rows {
            // Nothing is written, so nothing is known of whether the store takes it.
            AppendOutcome::default()
        } else {
            let currency = &metrics.prices.currency;
            shared.state.commit(&door, now, growth, currency, rows)?
        };
        shared.graph.settle(paired, now);
        metrics.known.settle(self.claims.drain(..));
        self.steps.clear();
        self.calls.clear();
        self.sockets.clear();
        Ok(taken)
    }

    fn service(&mut self, name: &str) -> Arc<str> {
        let name = bounded(Cow::Borrowed(name));
        if *self.service != *name {
            self.service = (&*name).into();
        }
        Arc::clone(&self.service)
    }

    fn note_unknown(&self, span: &Span<'_>) {
        if let Some(dialect) = unknown_dialect(span) {
            *self.metrics.unknown.lock().entry(dialect).or_default() += 1;
        }
    }

    /// Whether the table takes a span of that time.
    fn is_in_time(&self, span: &Span<'_>) -> bool {
        let options = &self.app.settings.storage.options;
        let table = options.tables.iter().find(|t| t.schema.name() == TABLE);
        let age = table.map_or(Duration::MAX, |table| table.retention.age);
        let is_new = age == Duration::MAX || span.start >= self.now - age;
        is_new && span.start <= self.now + options.future
    }

    /// When a span is counted: when it ended, where that can be believed and stored.
    fn second_of(&self, span: &Span<'_>) -> Timestamp {
        let end = span.start + span.duration;
        let window = self.app.settings.storage.options.out_of_order;
        let oldest = self.now - window.saturating_sub(BEHIND_MARGIN.min(window / 2));
        let options = &self.app.settings.storage.options;
        let ahead = AHEAD_MAX.min(window / 2).min(options.future / 2);
        if end < oldest || end > self.now + ahead {
            return self.now;
        }
        end
    }

    /// Counts a span and how long it took; under its own labels, or beside others.
    fn span(
        &mut self,
        span: &Span<'_>,
        at: Timestamp,
        (key, labels): (LabelKey, &[Label<'_>]),
        stays: Stays,
    ) -> Place {
        let seconds = span.duration.as_secs_f64();
        let is_known = self.growth.series.contains_key(&key.of(Family::Calls));
        let place = if is_known {
            Place::Own
        } else {
            self.metrics.admitted.place(span.service, key, self.now)
        };
        if place != Place::Own {
            let overflow = (OVERFLOW, Cow::Borrowed("true"));
            let of_service =
                ["service", "service_name"].map(|name| (name, bounded(span.service.into())));
            let kept = if place == Place::Service { 2 } else { 0 };
            let labels: Vec<Label<'_>> = of_service
                .into_iter()
                .take(kept)
                .chain([overflow])
                .collect();
            let key = LabelKey::new(&labels, self.metrics.seed, &mut self.scratch);
            self.growth.add(key, Family::Calls, &labels, (at, 1.0));
            let observed = (at, seconds);
            let _ = self
                .growth
                .observe(key, Family::Duration, &labels, observed);
            return place;
        }
        self.growth.add(key, Family::Calls, labels, (at, 1.0));
        let observed = (at, seconds);
        let exemplars = self.growth.observe(key, Family::Duration, labels, observed);
        // Of the spans of a request the slowest stands for the others.
        if let Some(exemplars) = exemplars.filter(|_| stays == Stays::Yes) {
            let is_slowest = exemplars.first().is_none_or(|known| seconds > known.value);
            if is_slowest {
                exemplars.clear();
                exemplars.push(Exemplar {
                    timestamp: at,
                    value: seconds,
                    trace_id: span.trace_id,
                    span_id: span.span_id,
                    labels: Labels::default(),
                });
            }
        }
        Place::Own
    }

    /// Counts the sizes of bodies; `key` is that of `labels`.
    fn sizes(&mut self, http: &Http<'_>, at: Timestamp, key: LabelKey, labels: &[Label<'_>]) {
        let told = [
            (Family::RequestSize, http.request_bytes),
            (Family::ResponseSize, http.response_bytes),
        ];
        if told.iter().all(|(_, bytes)| bytes.is_none()) {
            return;
        }
        // Made once, because most spans of a request have the labels of one before.
        let key = *self.of_sizes.entry(key.as_u128()).or_insert_with(|| {
            let fewer = labels.iter().filter(|(name, _)| OF_SIZES.contains(name));
            LabelKey::new(fewer, self.metrics.seed, &mut self.scratch)
        });
        for (family, bytes) in told {
            if let Some(bytes) = bytes {
                let observed = (at, bytes as f64);
                let _ = self.growth.observe(key, family, labels, observed);
            }
        }
    }

    /// What a call of a model used; the first part of its answer is counted at once.
    fn model(
        &mut self,
        model: &Model<'_>,
        span: &Span<'_>,
        at: Timestamp,
        labels: &[Label<'_>],
        place: Place,
    ) -> Usage {
        // Names of models beyond the limit of series are not told apart.
        let detail = match place {
            Place::Own => Detail::Model,
            Place::Service | Place::All => Detail::Service,
        };
        let labels = usage::labels(labels, detail);
        if let Some(seconds) = model.first_chunk.filter(|seconds| *seconds <= 1e6) {
            let key = LabelKey::new(&labels, self.metrics.seed, &mut self.scratch);
            let observed = (at, seconds);
            let _ = self
                .growth
                .observe(key, Family::FirstChunk, &labels, observed);
        }
        let cost = self.metrics.cost(model.tokens, model, span.start);
        Usage::new(labels, model.tokens, cost)
    }
}

impl Drop for Session<'_> {
    /// What was not written was not counted.
    fn drop(&mut self) {
        self.metrics.known.give_back(self.claims.drain(..));
    }
}

impl SpanMetrics {
    /// What tokens of a model cost.
    fn cost(&self, tokens: Tokens, model: &Model<'_>, at: Timestamp) -> Option<f64> {
        let name = model.response_model.as_deref();
        let name = name.or(model.request_model.as_deref())?;
        self.prices
            .table
            .cost(model.provider.as_deref(), name, tokens, at)
    }
}

/// Whether a span tells only tokens of a call that another span is of.
fn is_part_of_a_call(operation: &Operation<'_>) -> bool {
    matches!(operation, Operation::Model(model) if model.told == Told::Tokens)
}

/// The names of all metrics that are made of spans.
pub(crate) fn names() -> Vec<&'static str> {
    Family::ALL.map(Family::name).to_vec()
}

/// Leaves as many exemplars as a second may have.
fn limit_exemplars(growth: &mut Growth, spent: &mut (i64, u32), now: Timestamp) {
    let second = now.as_nanos() / 1_000_000_000;
    if spent.0 != second {
        *spent = (second, 0);
    }
    for grown in growth.series.values_mut() {
        if !grown.exemplars.is_empty() {
            spent.1 += 1;
            if spent.1 > EXEMPLARS_MAX {
                grown.exemplars.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests;
