//! From the request down to its points: resources, scopes, metrics.
//!
//! Fields may come in any order, so that what all points of a container depend on is read in a
//! first pass over its fields, the points in a second.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::ops::Range;

use tacho_model::{Batch, Histogram, Timestamp};

use super::as_is::Told;
use super::known::{Key, Known, chain};
use super::labels::{Pairs, of_resource, of_scope};
use super::names::Naming;
use super::{Decoded, Delta, Kind, Limits, MetricsError, NO_POINT, Reason};
use crate::otlp::resource::{Resource, SERVICE_NAME, Scope};
use crate::protobuf::{ProtobufError, Reader};

/// Most buckets and quantiles of all points of a request: 64 MiB of them.
const BUCKETS_MAX: usize = 4 << 20;

/// Reads one request.
pub(super) struct Walk<'a, 'w> {
    pub(super) body: &'a [u8],
    now: Timestamp,
    pub(super) limits: Limits,
    pub(super) known: &'w mut Known,
    pub(super) scratch: &'w mut Vec<u8>,
    pub(super) batch: &'w mut Batch,
    pub(super) decoded: Decoded,
    buckets: usize,
    pub(super) described: usize,
    /// Resources that have points: where they are, and their newest time.
    targets: HashMap<Key, (Range<usize>, Timestamp)>,
}

/// Why a point is not taken.
pub(super) enum Halt {
    /// It alone is refused; what there is to say beside the reason.
    Point(Reason, Option<String>),
    /// The whole request is.
    Request(MetricsError),
}

impl From<Reason> for Halt {
    fn from(reason: Reason) -> Self {
        Self::Point(reason, None)
    }
}

impl From<MetricsError> for Halt {
    fn from(error: MetricsError) -> Self {
        Self::Request(error)
    }
}

impl From<ProtobufError> for Halt {
    fn from(error: ProtobufError) -> Self {
        Self::Request(error.into())
    }
}

/// Who sent points, looked into when a label set has to be made.
pub(super) struct Sender<'a> {
    resource: Reader<'a>,
    scope: Reader<'a>,
    resource_labels: &'a OnceCell<Pairs>,
    scope_labels: OnceCell<Pairs>,
}

impl Sender<'_> {
    pub(super) fn resource_labels(&self) -> Result<&Pairs, ProtobufError> {
        if self.resource_labels.get().is_none() {
            let made = of_resource(&Resource::read(self.resource.clone())?);
            let _ = self.resource_labels.set(made);
        }
        Ok(self.resource_labels.get_or_init(Pairs::default))
    }

    pub(super) fn scope_labels(&self) -> Result<&Pairs, ProtobufError> {
        if self.scope_labels.get().is_none() {
            let made = of_scope(&Scope::read(self.scope.clone())?);
            let _ = self.scope_labels.set(made);
        }
        Ok(self.scope_labels.get_or_init(Pairs::default))
    }
}

/// What all points of a metric have in common.
pub(super) struct Metric<'a> {
    pub(super) name: &'a [u8],
    pub(super) unit: &'a [u8],
    pub(super) description: &'a [u8],
    pub(super) told: Told,
    pub(super) kind: Kind,
    /// Whether points say what was gained since the one before; `None` when they do not say.
    pub(super) is_delta: Option<bool>,
    pub(super) sender: &'a Sender<'a>,
    /// Of everything above that label sets depend on.
    pub(super) key: Key,
    /// The newest time of a point that was taken.
    pub(super) newest: &'a Cell<Option<Timestamp>>,
}

impl<'a, 'w> Walk<'a, 'w> {
    pub(super) fn new(
        body: &'a [u8],
        now: Timestamp,
        limits: Limits,
        known: &'w mut Known,
        scratch: &'w mut Vec<u8>,
        batch: &'w mut Batch,
    ) -> Self {
        Self {
            body,
            now,
            limits,
            known,
            scratch,
            batch,
            decoded: Decoded::default(),
            buckets: 0,
            described: 0,
            targets: HashMap::new(),
        }
    }

    pub(super) fn finish(self) -> Decoded {
        self.decoded
    }

    /// `ExportMetricsServiceRequest { resource_metrics = 1 }`.
    pub(super) fn request(&mut self, seed: Key) -> Result<(), MetricsError> {
        let mut reader = Reader::new(self.body, 0..self.body.len());
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => self.resource_metrics(reader.nested(key)?, seed)?,
                _ => reader.skip(key)?,
            }
        }
        self.target_infos()
    }

    /// `ResourceMetrics { resource = 1, scope_metrics = 2 }`.
    fn resource_metrics(&mut self, inside: Range<usize>, seed: Key) -> Result<(), MetricsError> {
        let resource = last_nested(self.reader(&inside), 1)?;
        let bytes = self.bytes(&resource);
        let key = chain(seed, bytes);
        let (labels, newest) = (OnceCell::new(), Cell::new(None));
        let mut reader = self.reader(&inside);
        while !reader.is_done() {
            let field = reader.key()?;
            if field.number != 2 {
                reader.skip(field)?;
                continue;
            }
            let inside = reader.nested(field)?;
            let scope = last_nested(self.reader(&inside), 1)?;
            let sender = Sender {
                resource: self.reader(&resource),
                scope: self.reader(&scope),
                resource_labels: &labels,
                scope_labels: OnceCell::new(),
            };
            let key = chain(key, self.bytes(&scope));
            self.scope_metrics(inside, &sender, key, &newest)?;
        }
        if let Some(newest) = newest.get() {
            let target = self.targets.entry(key).or_insert((resource, newest));
            target.1 = target.1.max(newest);
        }
        Ok(())
    }

    /// `ScopeMetrics { scope = 1, metrics = 2 }`.
    fn scope_metrics(
        &mut self,
        inside: Range<usize>,
        sender: &Sender<'_>,
        key: Key,
        newest: &Cell<Option<Timestamp>>,
    ) -> Result<(), MetricsError> {
        let mut reader = self.reader(&inside);
        while !reader.is_done() {
            let field = reader.key()?;
            match field.number {
                2 => self.metric(reader.nested(field)?, sender, key, newest)?,
                _ => reader.skip(field)?,
            }
        }
        Ok(())
    }

    /// `Metric`: its name, and one of five kinds of data.
    fn metric(
        &mut self,
        inside: Range<usize>,
        sender: &Sender<'_>,
        key: Key,
        newest: &Cell<Option<Timestamp>>,
    ) -> Result<(), MetricsError> {
        let (mut name, mut description, mut unit) = (&[][..], &[][..], &[][..]);
        let (mut data, mut told) = (None, Told::default());
        let mut reader = self.reader(&inside);
        while !reader.is_done() {
            let field = reader.key()?;
            match field.number {
                1 => name = reader.bytes_of(field)?,
                2 => description = reader.bytes_of(field)?,
                3 => unit = reader.bytes_of(field)?,
                12 => {
                    let inside = reader.nested(field)?;
                    told.read(reader.inner(inside))?;
                }
                5 | 7 | 9 | 10 | 11 => data = Some((field.number, reader.nested(field)?)),
                _ => reader.skip(field)?,
            }
        }
        let Some((number, data)) = data else {
            return Ok(());
        };
        let (kind, is_delta) = kind(number, self.reader(&data))?;
        let mut key = chain(chain(chain(key, name), unit), &[kind as u8]);
        if told.naming() == Naming::AsIs {
            key = chain(key, &told.key());
        }
        let metric = Metric {
            name,
            unit,
            description,
            told,
            kind,
            is_delta,
            sender,
            key,
            newest,
        };
        let before = self.decoded.points;
        self.points(&metric, data)?;
        if self.decoded.points > before {
            self.describe(&metric);
        }
        Ok(())
    }

    /// `data_points = 1` of all kinds.
    fn points(&mut self, metric: &Metric<'_>, data: Range<usize>) -> Result<(), MetricsError> {
        let mut reader = self.reader(&data);
        while !reader.is_done() {
            let field = reader.key()?;
            if field.number != 1 {
                reader.skip(field)?;
                continue;
            }
            let inside = reader.nested(field)?;
            if self.decoded.points >= self.limits.points_max {
                return Err(too_many("points", self.limits.points_max));
            }
            let taken = match metric.kind {
                Kind::Gauge | Kind::Counter | Kind::UpDown => self.number(metric, inside),
                Kind::Histogram => self.explicit(metric, inside),
                Kind::Exponential => self.exponential(metric, inside),
                Kind::Summary => self.summary(metric, inside),
            };
            match taken {
                Ok(time) => metric.newest.set(metric.newest.get().max(Some(time))),
                Err(Halt::Request(error)) => return Err(error),
                Err(Halt::Point(reason, detail)) => {
                    let refused = &mut self.decoded.refused;
                    refused.add(metric.name, reason, detail.as_deref());
                }
            }
            self.decoded.points += 1;
        }
        Ok(())
    }

    /// The time of a point.
    #[inline]
    pub(super) fn time(&self, nanos: u64) -> Result<Timestamp, Reason> {
        match i64::try_from(nanos) {
            Ok(0) => Ok(self.now),
            Ok(nanos) => Ok(Timestamp::from_nanos(nanos)),
            Err(_) => Err(Reason::OutOfRange),
        }
    }

    /// Takes room for so many buckets.
    pub(super) fn take_buckets(&mut self, count: usize) -> Result<(), MetricsError> {
        self.buckets = self.buckets.saturating_add(count);
        if self.buckets > BUCKETS_MAX {
            return Err(too_many("histogram buckets", BUCKETS_MAX));
        }
        Ok(())
    }

    /// How many buckets there is room for.
    pub(super) fn buckets_left(&self) -> usize {
        BUCKETS_MAX - self.buckets
    }

    /// Adds a sample of the point that is being read.
    #[inline]
    pub(super) fn push(
        &mut self,
        series: tacho_model::append::SeriesIndex,
        time: Timestamp,
        value: f64,
    ) {
        self.batch.push(series, time, value);
        self.decoded.rows.push(self.decoded.points as u32);
    }

    /// Adds a distribution of the point that is being read.
    pub(super) fn push_histogram(
        &mut self,
        series: tacho_model::append::SeriesIndex,
        time: Timestamp,
        value: Histogram,
    ) {
        self.batch.push_histogram(series, time, value);
        self.decoded.rows.push(self.decoded.points as u32);
    }

    /// Adds what a series gained by the point that is being read.
    pub(super) fn push_delta(&mut self, delta: Delta) {
        self.decoded.deltas.push(delta);
    }

    /// `target_info` of each resource that had points, at its newest time, in the order of the
    /// body: the same body always makes the same batch.
    fn target_infos(&mut self) -> Result<(), MetricsError> {
        let mut resources = self.targets.values().map(|(resource, _)| resource);
        if let (Some(only), None) = (resources.next(), resources.next()) {
            let resource = Resource::read(self.reader(only))?;
            self.decoded.service = resource.text(SERVICE_NAME).into_owned();
        }
        let mut targets: Vec<_> = std::mem::take(&mut self.targets).into_iter().collect();
        targets.sort_unstable_by_key(|(_, (resource, _))| resource.start);
        for (key, (resource, newest)) in targets {
            if let Some(series) = self.target_series(key, self.reader(&resource))? {
                self.batch.push(series, newest, 1.0);
                self.decoded.rows.push(NO_POINT);
            }
        }
        Ok(())
    }

    /// A reader of a part of the body.
    pub(super) fn reader(&self, range: &Range<usize>) -> Reader<'a> {
        Reader::new(self.body, range.clone())
    }

    fn bytes(&self, range: &Range<usize>) -> &'a [u8] {
        self.body.get(range.clone()).unwrap_or(&[])
    }
}

pub(super) fn too_many(what: &'static str, limit: usize) -> MetricsError {
    MetricsError::TooMany { what, limit }
}

/// The last field of that number, which is a message; an empty range where there is none.
fn last_nested(mut reader: Reader<'_>, number: u32) -> Result<Range<usize>, ProtobufError> {
    let mut found = 0..0;
    while !reader.is_done() {
        let key = reader.key()?;
        if key.number == number {
            found = reader.nested(key)?;
        } else {
            reader.skip(key)?;
        }
    }
    Ok(found)
}

/// What a metric is, by the number of its data and what stands in it: `aggregation_temporality =
/// 2`, `is_monotonic = 3`.
fn kind(number: u32, mut data: Reader<'_>) -> Result<(Kind, Option<bool>), ProtobufError> {
    let kind = match number {
        5 => return Ok((Kind::Gauge, Some(false))),
        11 => return Ok((Kind::Summary, Some(false))),
        9 => Kind::Histogram,
        10 => Kind::Exponential,
        _ => Kind::UpDown,
    };
    let (mut temporality, mut is_monotonic) = (0, false);
    while !data.is_done() {
        let key = data.key()?;
        match (key.number, kind) {
            (2, _) => temporality = data.integer(key)?,
            (3, Kind::UpDown) => is_monotonic = data.integer(key)? != 0,
            _ => data.skip(key)?,
        }
    }
    let is_delta = match temporality {
        1 => Some(true),
        2 => Some(false),
        _ => None,
    };
    let is_counter = kind == Kind::UpDown && is_monotonic;
    Ok((if is_counter { Kind::Counter } else { kind }, is_delta))
}
