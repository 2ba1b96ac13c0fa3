//! Protobuf: one `MetricFamily` after another, each behind its length.
//!
//! Series are named in the text form's words, bounds of buckets and quantiles as Prometheus writes
//! them when it reads protobuf (`1.0`, not `1`). A histogram with native buckets gives one sample,
//! and its classic series too only where they are asked for.
//! Source: `io/prometheus/client/metrics.proto`.

use std::borrow::Cow;

use tacho_model::append::Exemplar;
use tacho_model::histogram::{HistogramParts, Temporality};
use tacho_model::{Histogram, Timestamp};

use super::{Buckets, Exposed, ExpositionError, Family, NO_EXEMPLAR, Sample, Sink, Stop, number};
use crate::exemplar;
use crate::protobuf::{Key, LENGTH_DELIMITED, ProtobufError, Reader, zigzag};
use crate::remote_write::histogram::Side;
use crate::remote_write::metadata::Type;

/// Most buckets of one histogram, native and classic, and most quantiles of one summary.
const BUCKETS_MAX: usize = 100_000;
/// Most exemplars of one metric.
const EXEMPLARS_MAX: usize = 1_000;

/// Why a family is none.
enum Wrong {
    Protobuf(ProtobufError),
    Metric(Cow<'static, str>),
    Stop(Stop),
}

impl From<ProtobufError> for Wrong {
    fn from(error: ProtobufError) -> Self {
        Self::Protobuf(error)
    }
}

impl From<Stop> for Wrong {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Walks a body.
pub(super) fn walk(
    buckets: Buckets,
    body: &[u8],
    sink: &mut impl Sink,
) -> Result<(), ExpositionError> {
    let mut reader = Reader::new(body, 0..body.len());
    let mut series = String::new();
    while !reader.is_done() {
        let length = Key {
            number: 1,
            wire: LENGTH_DELIMITED,
            offset: reader.at(),
        };
        let inside = reader.nested(length)?;
        let message = reader.inner(inside);
        let header = Header::read(message.clone())?;
        let walked = family(buckets, message, &header, &mut series, sink);
        walked.map_err(|wrong| {
            let reason = match wrong {
                Wrong::Protobuf(error) => return ExpositionError::Protobuf(error),
                Wrong::Stop(Stop::Refused(reason)) => return ExpositionError::Refused { reason },
                Wrong::Stop(Stop::Syntax(reason)) => reason.into(),
                Wrong::Metric(reason) => reason,
            };
            let family = header.name.chars().take(120).collect();
            ExpositionError::Metric { family, reason }
        })?;
    }
    Ok(())
}

/// What a family says of itself, which may stand after its metrics.
#[derive(Default)]
struct Header<'a> {
    name: &'a str,
    help: &'a str,
    unit: &'a str,
    kind: u64,
}

impl<'a> Header<'a> {
    fn read(mut reader: Reader<'a>) -> Result<Self, ProtobufError> {
        let mut header = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => header.name = reader.text(key)?,
                2 => header.help = reader.text(key)?,
                3 => header.kind = reader.integer(key)?,
                5 => header.unit = reader.text(key)?,
                _ => reader.skip(key)?,
            }
        }
        Ok(header)
    }

    fn kind(&self) -> Type {
        match self.kind {
            0 => Type::Counter,
            1 => Type::Gauge,
            2 => Type::Summary,
            4 => Type::Histogram,
            5 => Type::GaugeHistogram,
            _ => Type::Unknown,
        }
    }
}

fn family(
    buckets: Buckets,
    mut reader: Reader<'_>,
    header: &Header<'_>,
    series: &mut String,
    sink: &mut impl Sink,
) -> Result<(), Wrong> {
    let kind = header.kind();
    sink.family(&Family::new(header.name, kind, header.unit, header.help));
    while !reader.is_done() {
        let key = reader.key()?;
        if key.number != 4 {
            reader.skip(key)?;
            continue;
        }
        let inside = reader.nested(key)?;
        let metric = Metric::read(reader.inner(inside))?;
        let mut out = Out {
            name: header.name,
            labels: &metric.labels,
            timestamp: metric.timestamp,
            series: &mut *series,
            sink: &mut *sink,
        };
        match (kind, metric.value) {
            (Type::Counter | Type::Gauge | Type::Unknown, Some(value)) => {
                let (value, exemplars) = simple(value)?;
                out.float("", None, value, &exemplars)?;
            }
            (Type::Summary, Some(value)) => summary(value, &mut out)?,
            (Type::Histogram | Type::GaugeHistogram, Some(value)) => {
                histogram(buckets, kind, value, &mut out)?;
            }
            (_, None) => return Err(Wrong::Metric("a metric has no value of its type".into())),
        }
    }
    Ok(())
}

/// One metric of a family.
#[derive(Default)]
struct Metric<'a> {
    labels: Vec<(&'a str, &'a str)>,
    value: Option<Reader<'a>>,
    timestamp: Option<Timestamp>,
}

impl<'a> Metric<'a> {
    fn read(mut reader: Reader<'a>) -> Result<Self, Wrong> {
        let mut metric = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => {
                    let inside = reader.nested(key)?;
                    metric.labels.push(reader.inner(inside).pair()?);
                }
                // Gauge, counter, summary, untyped and histogram: a metric has one of them.
                2..=5 | 7 => {
                    let inside = reader.nested(key)?;
                    metric.value = Some(reader.inner(inside));
                }
                6 => {
                    let millis = reader.integer(key)? as i64;
                    let time = number::from_millis(millis)?;
                    metric.timestamp = (millis != 0).then_some(time);
                }
                _ => reader.skip(key)?,
            }
        }
        Ok(metric)
    }
}

/// A counter, a gauge or an untyped value: a double, and a counter's exemplar.
fn simple(mut reader: Reader<'_>) -> Result<(f64, Vec<Exemplar>), Wrong> {
    let (mut value, mut exemplars) = (0.0, Vec::new());
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => value = reader.double(key)?,
            2 => {
                let inside = reader.nested(key)?;
                exemplars.push(read_exemplar(reader.inner(inside))?);
                exemplars.truncate(1);
            }
            _ => reader.skip(key)?,
        }
    }
    Ok((value, exemplars))
}

/// `Exemplar { label: 1, value: 2, timestamp: 3 { seconds: 1, nanos: 2 } }`.
fn read_exemplar(mut reader: Reader<'_>) -> Result<Exemplar, Wrong> {
    let (mut pairs, mut value, mut timestamp) = (Vec::new(), 0.0, Timestamp::MIN);
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => {
                let inside = reader.nested(key)?;
                pairs.push(reader.inner(inside).pair()?);
            }
            2 => value = reader.double(key)?,
            3 => {
                let inside = reader.nested(key)?;
                timestamp = time(reader.inner(inside))?;
            }
            _ => reader.skip(key)?,
        }
    }
    let made = exemplar::of(pairs.into_iter(), timestamp, value);
    Ok(made.map_err(|_| NO_EXEMPLAR)?)
}

fn time(mut reader: Reader<'_>) -> Result<Timestamp, Wrong> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => seconds = reader.integer(key)? as i64,
            2 => nanos = i64::from(reader.integer(key)? as i32),
            _ => reader.skip(key)?,
        }
    }
    let whole = seconds.checked_mul(1_000_000_000);
    let time = whole.and_then(|whole| whole.checked_add(nanos));
    let wrong = Wrong::Metric("an exemplar's time is outside the years 1677 to 2262".into());
    time.map(Timestamp::from_nanos).ok_or(wrong)
}

/// `Summary { count: 1, sum: 2, quantile: 3 { quantile: 1, value: 2 } }`.
fn summary(mut reader: Reader<'_>, out: &mut Out<'_, impl Sink>) -> Result<(), Wrong> {
    let (mut count, mut sum, mut quantiles) = (0.0, 0.0, Vec::new());
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => count = reader.integer(key)? as f64,
            2 => sum = reader.double(key)?,
            3 => {
                let inside = reader.nested(key)?;
                quantiles.push(doubles(reader.inner(inside))?);
                check_room(quantiles.len())?;
            }
            _ => reader.skip(key)?,
        }
    }
    out.float("_count", None, count, &[])?;
    out.float("_sum", None, sum, &[])?;
    for (quantile, value) in quantiles {
        out.float("", Some(("quantile", quantile)), value, &[])?;
    }
    Ok(())
}

/// The first two doubles of a message.
fn doubles(mut reader: Reader<'_>) -> Result<(f64, f64), ProtobufError> {
    let (mut first, mut second) = (0.0, 0.0);
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => first = reader.double(key)?,
            2 => second = reader.double(key)?,
            _ => reader.skip(key)?,
        }
    }
    Ok((first, second))
}

fn check_room(taken: usize) -> Result<(), Wrong> {
    if taken > BUCKETS_MAX {
        return Err(Wrong::Metric("it has too many buckets or quantiles".into()));
    }
    Ok(())
}

/// A histogram of either kind, or both.
#[derive(Default)]
struct Both {
    count: f64,
    sum: f64,
    schema: i64,
    zero_threshold: f64,
    zero_count: f64,
    negative: Side,
    positive: Side,
    classic: Vec<Bucket>,
    exemplars: Vec<Exemplar>,
}

/// One classic bucket.
#[derive(Default)]
struct Bucket {
    count: f64,
    upper: f64,
    exemplar: Option<Exemplar>,
}

impl Both {
    fn take(&mut self, key: Key, reader: &mut Reader<'_>) -> Result<(), Wrong> {
        match key.number {
            1 => self.count = self.count.max(reader.integer(key)? as f64),
            2 => self.sum = reader.double(key)?,
            3 => {
                let inside = reader.nested(key)?;
                self.classic.push(Bucket::read(reader.inner(inside))?);
            }
            4 => self.count = self.count.max(reader.double(key)?),
            5 => self.schema = zigzag(reader.integer(key)?),
            6 => self.zero_threshold = reader.double(key)?,
            7 => self.zero_count = self.zero_count.max(reader.integer(key)? as f64),
            8 => self.zero_count = self.zero_count.max(reader.double(key)?),
            9 => self.negative.span(key, reader)?,
            10 => self.negative.deltas(key, reader)?,
            11 => self.negative.counts(key, reader)?,
            12 => self.positive.span(key, reader)?,
            13 => self.positive.deltas(key, reader)?,
            14 => self.positive.counts(key, reader)?,
            16 => {
                let inside = reader.nested(key)?;
                if self.exemplars.len() < EXEMPLARS_MAX {
                    self.exemplars.push(read_exemplar(reader.inner(inside))?);
                }
            }
            _ => reader.skip(key)?,
        }
        check_room(self.classic.len() + self.negative.taken() + self.positive.taken())
    }

    /// Whether it has native buckets, or says in which way it would have them.
    fn is_native(&self) -> bool {
        let has_spans = self.negative.taken() + self.positive.taken() > 0;
        has_spans || self.zero_threshold > 0.0 || self.zero_count > 0.0
    }

    fn native(&self, kind: Type) -> Result<Histogram, Wrong> {
        let spans = || Wrong::Metric("spans and buckets of a histogram do not match".into());
        let parts = HistogramParts {
            temporality: match kind {
                Type::GaugeHistogram => Temporality::Delta,
                _ => Temporality::Cumulative,
            },
            // What no schema can be is refused with those that are none.
            schema: i8::try_from(self.schema).unwrap_or(i8::MAX),
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: self.positive.buckets().map_err(|_| spans())?,
            negative: self.negative.buckets().map_err(|_| spans())?,
        };
        Histogram::from_parts(parts).map_err(|error| Wrong::Metric(error.to_string().into()))
    }
}

impl Bucket {
    /// `Bucket { cumulative_count: 1, upper_bound: 2, exemplar: 3, cumulative_count_float: 4 }`.
    fn read(mut reader: Reader<'_>) -> Result<Self, Wrong> {
        let mut bucket = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => bucket.count = bucket.count.max(reader.integer(key)? as f64),
                2 => bucket.upper = reader.double(key)?,
                3 => {
                    let inside = reader.nested(key)?;
                    bucket.exemplar = Some(read_exemplar(reader.inner(inside))?);
                }
                4 => bucket.count = bucket.count.max(reader.double(key)?),
                _ => reader.skip(key)?,
            }
        }
        Ok(bucket)
    }
}

fn histogram(
    buckets: Buckets,
    kind: Type,
    mut reader: Reader<'_>,
    out: &mut Out<'_, impl Sink>,
) -> Result<(), Wrong> {
    let mut both = Both::default();
    while !reader.is_done() {
        let key = reader.key()?;
        both.take(key, &mut reader)?;
    }
    let native = both.is_native();
    if native {
        let value = Exposed::Histogram(Box::new(both.native(kind)?));
        let mut exemplars = std::mem::take(&mut both.exemplars);
        if exemplars.is_empty() {
            exemplars = both
                .classic
                .iter()
                .filter_map(|b| b.exemplar.clone())
                .collect();
        }
        out.put("", None, value, &exemplars)?;
    }
    if native && (buckets == Buckets::Native || both.classic.is_empty()) {
        return Ok(());
    }
    out.float("_count", None, both.count, &[])?;
    out.float("_sum", None, both.sum, &[])?;
    let mut has_last = false;
    for bucket in &both.classic {
        has_last |= bucket.upper == f64::INFINITY;
        let exemplars = bucket.exemplar.as_slice();
        out.float(
            "_bucket",
            Some(("le", bucket.upper)),
            bucket.count,
            exemplars,
        )?;
    }
    if !has_last {
        out.float("_bucket", Some(("le", f64::INFINITY)), both.count, &[])?;
    }
    Ok(())
}

/// Where the samples of a metric go.
struct Out<'a, S> {
    name: &'a str,
    labels: &'a [(&'a str, &'a str)],
    timestamp: Option<Timestamp>,
    series: &'a mut String,
    sink: &'a mut S,
}

impl<S: Sink> Out<'_, S> {
    fn float(
        &mut self,
        part: &str,
        more: Option<(&str, f64)>,
        value: f64,
        exemplars: &[Exemplar],
    ) -> Result<(), Stop> {
        self.put(part, more, Exposed::Float(value), exemplars)
    }

    fn put(
        &mut self,
        part: &str,
        more: Option<(&str, f64)>,
        value: Exposed,
        exemplars: &[Exemplar],
    ) -> Result<(), Stop> {
        self.write_series(part, more);
        let timestamp = self.timestamp;
        self.sink.sample(Sample {
            series: self.series,
            value,
            timestamp,
            exemplars,
        })
    }

    /// `{"name","label"="value",…}`, or with plain names as people write it.
    fn write_series(&mut self, part: &str, more: Option<(&str, f64)>) {
        let Self {
            name,
            labels,
            series,
            ..
        } = self;
        series.clear();
        let is_plain = super::cursor::name_length(name.as_bytes()) == name.len();
        if is_plain {
            series.push_str(name);
            series.push_str(part);
            if labels.is_empty() && more.is_none() {
                return;
            }
            series.push('{');
        } else {
            series.push('{');
            put_quoted(&format!("{name}{part}"), series);
            series.push(',');
        }
        for (label, value) in *labels {
            let is_plain =
                super::cursor::name_length(label.as_bytes()) == label.len() && !label.contains(':');
            if is_plain {
                series.push_str(label);
            } else {
                put_quoted(label, series);
            }
            series.push('=');
            put_quoted(value, series);
            series.push(',');
        }
        if let Some((label, bound)) = more {
            series.push_str(label);
            series.push_str("=\"");
            number::bound(bound, series);
            series.push_str("\",");
        }
        series.push('}');
    }
}

fn put_quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
}
