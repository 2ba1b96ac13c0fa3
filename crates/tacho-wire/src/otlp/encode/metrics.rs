//! Samples to an `ExportMetricsServiceRequest`, for whoever sends them on.
//!
//! 1. Names and labels are such that Prometheus' receiver, as it translates by default, arrives at
//!    the series that were sent; a Tachograph takes them as they are (`super::super::metrics`).
//! 2. Samples of a series leave in the order they came, with the times that they have.
//! 3. What the protocol has no form for is left out and counted: times at or before 1970 (zero
//!    means that there is none), distributions of buckets too far apart to be written one by one,
//!    and exemplars whose sample is not there.
//!
//! Labels `job` and `instance` become the resource, `otel_scope_*` the scope, others attributes of
//! the point. Counters are cumulative monotonic sums where their name ends as one does, distributions
//! exponential histograms, classic histograms (`_bucket`, `_count`, `_sum`) explicit ones where all
//! of their series are there, everything else is a gauge. Since when a counter counts is not known
//! here, so that start times are zero, which says so. Fractions of counts are rounded: OTLP knows
//! whole ones. Sources: `opentelemetry/proto/metrics/v1`; OpenTelemetry specification, "Prometheus
//! and OpenMetrics Compatibility".

mod classic;
mod form;
mod native;
mod point;
mod who;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;

use tacho_model::append::{Exemplar, is_stale};
use tacho_model::histogram::Temporality;
use tacho_model::{Batch, LabelsRef, METRIC_NAME, Value};

use self::classic::Classic;
use self::form::{Form, Forms, Shape};
use self::point::Point;
use self::who::Who;
use crate::otlp::put;
pub use crate::remote_write::encode::Describe;

/// Makes requests of the samples of a batch, of all of them or of a part at a time.
///
/// ```
/// use tacho_model::{Batch, Timestamp};
/// use tacho_wire::otlp::encode::MetricsEncoder;
/// use tacho_wire::otlp::metrics::{Limits, Translator};
/// let mut batch = Batch::new();
/// let series = batch.series([("__name__", "up"), ("job", "shop/api")]).unwrap();
/// batch.push(series, Timestamp::from_secs(1), 1.0);
/// let made = MetricsEncoder::new(&batch).encode(0..1, usize::MAX, &mut |_| None).unwrap();
/// let mut read = Batch::new();
/// let mut translator = Translator::new(Limits::default(), 0);
/// translator.decode(&made.body, Timestamp::from_secs(9), &mut read).unwrap();
/// let (series, time, _) = read.row(0);
/// assert_eq!(time, Timestamp::from_secs(1));
/// assert_eq!(read.labels(series).unwrap().to_string(), r#"up{job="shop/api"}"#);
/// ```
#[derive(Debug)]
pub struct MetricsEncoder<'a> {
    batch: &'a Batch,
    /// The exemplars that go with a row.
    exemplars: HashMap<usize, Vec<&'a Exemplar>>,
    orphans: usize,
}

/// A request, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// An `ExportMetricsServiceRequest`.
    pub body: Vec<u8>,
    /// Rows and exemplars in it.
    pub items: usize,
    /// Rows and exemplars that the protocol has no form for.
    pub left_out: usize,
}

/// A metric's samples of one label set.
struct Entry<'a> {
    who: Who<'a>,
    name: &'a str,
    labels: LabelsRef<'a>,
    data: Data,
}

enum Data {
    /// Rows of the batch.
    Rows(Vec<usize>),
    Classic(Classic),
}

impl<'a> MetricsEncoder<'a> {
    /// Looks for the rows that exemplars go with: the last one of their series.
    pub fn new(batch: &'a Batch) -> Self {
        let mut exemplars: HashMap<usize, Vec<&'a Exemplar>> = HashMap::new();
        let mut orphans = 0;
        let mut last: HashMap<&[u8], usize> = HashMap::new();
        if !batch.exemplars().is_empty() {
            for (at, (series, time, value)) in batch.rows().enumerate() {
                if time.as_nanos() > 0 && !is_marker(value) {
                    last.insert(batch.label_bytes(series), at);
                }
            }
        }
        for (series, exemplar) in batch.exemplars() {
            match last.get(batch.label_bytes(*series)) {
                Some(row) if exemplar.timestamp.as_nanos() > 0 => {
                    exemplars.entry(*row).or_default().push(exemplar);
                }
                _ => orphans += 1,
            }
        }
        Self {
            batch,
            exemplars,
            orphans,
        }
    }

    /// Exemplars that go with no row, and so with no request.
    pub fn orphans(&self) -> usize {
        self.orphans
    }

    /// Rows and exemplars of a part.
    pub fn items(&self, rows: Range<usize>) -> usize {
        rows.len() + rows.map(|row| self.exemplars_of(row).len()).sum::<usize>()
    }

    fn exemplars_of(&self, row: usize) -> &[&'a Exemplar] {
        self.exemplars.get(&row).map_or(&[], Vec::as_slice)
    }

    fn has(&self, entry: &Entry<'_>, shape: Shape) -> bool {
        match &entry.data {
            Data::Rows(rows) => rows.iter().any(|row| self.shape_of(*row) == shape),
            Data::Classic(_) => shape == Shape::Explicit,
        }
    }

    fn shape_of(&self, row: usize) -> Shape {
        match self.batch.row(row).2 {
            Value::Float(_) => Shape::Number,
            Value::Histogram(value) => match value.temporality() {
                Temporality::Cumulative => Shape::Cumulative,
                Temporality::Delta => Shape::Delta,
            },
        }
    }

    /// A request of these rows, with what `describe` knows of their metrics; `None` when it would
    /// have more than `bytes_max` bytes and there is more than one row.
    pub fn encode(
        &self,
        rows: Range<usize>,
        bytes_max: usize,
        describe: Describe<'_>,
    ) -> Option<Encoded> {
        let bytes_max = if rows.len() > 1 {
            bytes_max
        } else {
            usize::MAX
        };
        let items = self.items(rows.clone());
        let mut request = Request {
            encoder: self,
            out: Vec::new(),
            bytes_max,
            forms: Forms::new(describe),
            attributes: Vec::new(),
            left_out: 0,
        };
        let mut entries = self.entries(rows, &mut request.left_out);
        entries.sort_by(|a, b| (&a.who, a.name).cmp(&(&b.who, b.name)));
        request.resources(&entries)?;
        Some(Encoded {
            items: items - request.left_out,
            left_out: request.left_out,
            body: request.out,
        })
    }

    /// The rows by label set, classic histograms put together.
    fn entries(&self, rows: Range<usize>, left_out: &mut usize) -> Vec<Entry<'a>> {
        let mut known: HashMap<&[u8], Option<usize>> = HashMap::with_capacity(rows.len());
        let mut groups: Vec<(LabelsRef<'a>, Vec<usize>)> = Vec::new();
        for at in rows {
            let (series, time, _) = self.batch.row(at);
            let place = known
                .entry(self.batch.label_bytes(series))
                .or_insert_with(|| {
                    groups.push((self.batch.labels(series)?, Vec::new()));
                    Some(groups.len() - 1)
                });
            match place {
                Some(place) if time.as_nanos() > 0 => groups[*place].1.push(at),
                _ => *left_out += 1 + self.exemplars_of(at).len(),
            }
        }
        let classics = classic::gather(self.batch, &mut groups);
        let rows = groups
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(labels, rows)| {
                let name = labels.get(METRIC_NAME).unwrap_or("");
                (labels, name, Data::Rows(rows))
            });
        let classics = classics
            .into_iter()
            .map(|(labels, name, classic)| (labels, name, Data::Classic(classic)));
        rows.chain(classics)
            .map(|(labels, name, data)| Entry {
                who: Who::of(labels),
                name,
                labels,
                data,
            })
            .collect()
    }
}

/// Whether it is the marker of a series' end.
fn is_marker(value: Value<'_>) -> bool {
    matches!(value, Value::Float(value) if is_stale(value))
}

/// A request that is being written.
struct Request<'e, 'a, 'd> {
    encoder: &'e MetricsEncoder<'a>,
    out: Vec<u8>,
    bytes_max: usize,
    forms: Forms<'a, 'd>,
    /// The attributes of the label set that is being written.
    attributes: Vec<u8>,
    left_out: usize,
}

impl<'a> Request<'_, 'a, '_> {
    /// `ResourceMetrics { resource = 1, scope_metrics = 2 }`, `ScopeMetrics { scope = 1, metrics =
    /// 2 }`; `None` when there are too many bytes.
    fn resources(&mut self, entries: &[Entry<'a>]) -> Option<()> {
        for entries in entries.chunk_by(|a, b| a.who.is_same_resource(&b.who)) {
            let of_resource = put::open(1, &mut self.out);
            let first = entries.first()?;
            put::message(1, &mut self.out, |out| first.who.put_resource(out));
            for entries in entries.chunk_by(|a, b| a.who == b.who) {
                let of_scope = put::open(2, &mut self.out);
                let first = entries.first()?;
                first.who.put_scope(&mut self.out);
                for entries in entries.chunk_by(|a, b| a.name == b.name) {
                    self.metrics(entries)?;
                }
                put::close(of_scope, &mut self.out);
            }
            put::close(of_resource, &mut self.out);
        }
        Some(())
    }

    /// All metrics of a name: one for each shape that its samples have.
    fn metrics(&mut self, entries: &[Entry<'a>]) -> Option<()> {
        let form = self.forms.of(entries.first()?.name);
        for shape in Shape::ALL {
            if entries.iter().any(|entry| self.encoder.has(entry, shape)) {
                self.metric(entries, shape, &form)?;
            }
        }
        Some(())
    }

    /// `Metric`, with the samples of that shape.
    fn metric(&mut self, entries: &[Entry<'a>], shape: Shape, form: &Form) -> Option<()> {
        let of_metric = put::open(2, &mut self.out);
        form.put_head(entries.first()?.name, shape, &mut self.out);
        let of_data = put::open(form.data(shape), &mut self.out);
        let encoder = self.encoder;
        for entry in entries.iter().filter(|entry| encoder.has(entry, shape)) {
            self.attributes.clear();
            let number = Point::attributes_number(shape);
            entry
                .who
                .put_attributes(number, entry.labels, &mut self.attributes);
            match &entry.data {
                Data::Rows(rows) => self.rows(rows, shape),
                Data::Classic(classic) => {
                    classic.put(encoder, &self.attributes, &mut self.out);
                }
            }
            if self.out.len() > self.bytes_max {
                return None;
            }
        }
        form.put_temporality(shape, &mut self.out);
        put::close(of_data, &mut self.out);
        form.put_told(shape, &mut self.out);
        put::close(of_metric, &mut self.out);
        Some(())
    }

    /// The points of a label set.
    fn rows(&mut self, rows: &[usize], shape: Shape) {
        for row in rows {
            if self.encoder.shape_of(*row) != shape {
                continue;
            }
            let (_, time, value) = self.encoder.batch.row(*row);
            let point = Point {
                attributes: &self.attributes,
                time,
                exemplars: self.encoder.exemplars_of(*row),
            };
            let is_put = match value {
                Value::Float(value) => {
                    point.put_number(value, &mut self.out);
                    true
                }
                Value::Histogram(value) => point.put_native(value, &mut self.out),
            };
            if !is_put {
                self.left_out += 1 + point.exemplars.len();
            }
        }
    }
}
