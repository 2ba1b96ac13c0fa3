//! A baseline as the state database keeps it: JSON with a version of its own.
//!
//! The analysis crate knows no serialisation; this is the one place that does. Fields are only
//! ever added, with a default, so that baselines of every released version can be read.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tacho_analysis::aggregate::Function;
use tacho_analysis::baseline::{Baseline, Conditions, Finding, MetricBaseline};
use tacho_analysis::measurement::{Estimate, Intervals, Sample, Summary};
use tacho_analysis::metric::{Direction, Margin, MetricKind, MetricSpec};
use tacho_model::histogram::{Bucket, HistogramParts, Temporality};
use tacho_model::{Histogram, Labels, TimeRange, Timestamp, Unit};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    target: String,
    range: (i64, i64),
    conditions: ConditionsRecord,
    expires_after_nanos: Option<u64>,
    metrics: Vec<MetricRecord>,
}

#[derive(Serialize, Deserialize)]
struct ConditionsRecord {
    host: String,
    cores: Option<u32>,
    kernel: String,
    version: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct MetricRecord {
    spec: SpecRecord,
    summary: SummaryRecord,
    findings: Vec<FindingRecord>,
}

#[derive(Serialize, Deserialize)]
struct SpecRecord {
    target: String,
    metric: String,
    labels: Vec<(String, String)>,
    function: String,
    unit: String,
    kind: String,
    higher_is_better: bool,
    margin_relative: f64,
    margin_absolute: f64,
    severity_threshold: f64,
}

#[derive(Serialize, Deserialize)]
struct SummaryRecord {
    range: (i64, i64),
    step_nanos: u64,
    n: usize,
    observations: f64,
    mean: f64,
    /// Absent when infinite: JSON has no such number.
    standard_error: Option<f64>,
    df: Option<f64>,
    effective_n: f64,
    autocorrelation: f64,
    sd: f64,
    min: f64,
    max: f64,
    percentiles: Vec<(f64, f64)>,
    histogram: HistogramRecord,
    sample_step_nanos: u64,
    sample: Vec<f64>,
    sample_block: usize,
    intervals: Option<(u64, Vec<HistogramRecord>)>,
    trend: Vec<(i64, f64)>,
}

#[derive(Serialize, Deserialize)]
struct HistogramRecord {
    schema: i8,
    zero_threshold: f64,
    zero_count: f64,
    count: f64,
    sum: f64,
    positive: Vec<(i32, f64)>,
    negative: Vec<(i32, f64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
enum FindingRecord {
    TooFew {
        n: usize,
        need: usize,
    },
    TooDependent {
        effective_n: f64,
    },
    NotStationary {
        first: f64,
        second: f64,
        p_value: f64,
    },
    Incident {
        start: i64,
        end: i64,
    },
    Constant,
}

/// The baseline as JSON.
pub(super) fn write(baseline: &Baseline) -> String {
    let conditions = &baseline.conditions;
    let record = Record {
        version: VERSION,
        target: baseline.target.clone(),
        range: nanos(baseline.range),
        conditions: ConditionsRecord {
            host: conditions.host.clone(),
            cores: conditions.cores,
            kernel: conditions.kernel.clone(),
            version: conditions.version.clone(),
        },
        expires_after_nanos: baseline.expires_after.map(duration_nanos),
        metrics: baseline.metrics.iter().map(MetricRecord::of).collect(),
    };
    // Only finite numbers and text are in it, so it always serialises.
    serde_json::to_string(&record).unwrap_or_default()
}

/// The baseline in `text`, or why there is none. Name, version and times are the database's.
pub(super) fn read(text: &str) -> Result<Baseline, String> {
    let record: Record = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if record.version > VERSION {
        return Err(format!("it is of a newer version ({})", record.version));
    }
    let metrics: Result<Vec<_>, _> = record.metrics.into_iter().map(MetricRecord::read).collect();
    Ok(Baseline {
        name: String::new(),
        version: 0,
        target: record.target,
        created_at: Timestamp::default(),
        range: range(record.range),
        conditions: Conditions {
            host: record.conditions.host,
            cores: record.conditions.cores,
            kernel: record.conditions.kernel,
            version: record.conditions.version,
        },
        expires_after: record.expires_after_nanos.map(Duration::from_nanos),
        invalidated: None,
        metrics: metrics?,
    })
}

impl MetricRecord {
    fn of(metric: &MetricBaseline) -> Self {
        let MetricBaseline {
            spec,
            summary,
            findings,
        } = metric;
        let labels = spec
            .labels
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        Self {
            spec: SpecRecord {
                target: spec.target.clone(),
                metric: spec.metric.clone(),
                labels: labels.collect(),
                function: spec.function.as_str().to_owned(),
                unit: spec.unit.as_str().to_owned(),
                kind: spec.kind.as_str().to_owned(),
                higher_is_better: spec.direction == Direction::HigherIsBetter,
                margin_relative: spec.margin.relative,
                margin_absolute: spec.margin.absolute,
                severity_threshold: spec.severity_threshold,
            },
            summary: SummaryRecord::of(summary),
            findings: findings.iter().map(FindingRecord::of).collect(),
        }
    }

    fn read(self) -> Result<MetricBaseline, String> {
        let spec = self.spec;
        let unknown = |what: &str, text: &str| format!("its {what} `{text}` is unknown");
        let function = Function::parse(&spec.function);
        let kind = MetricKind::parse(&spec.kind);
        Ok(MetricBaseline {
            spec: MetricSpec {
                target: spec.target,
                metric: spec.metric,
                labels: Labels::new(spec.labels).map_err(|error| error.to_string())?,
                function: function.ok_or_else(|| unknown("function", &spec.function))?,
                unit: Unit::new(&spec.unit),
                kind: kind.ok_or_else(|| unknown("kind", &spec.kind))?,
                direction: if spec.higher_is_better {
                    Direction::HigherIsBetter
                } else {
                    Direction::LowerIsBetter
                },
                margin: Margin {
                    relative: spec.margin_relative,
                    absolute: spec.margin_absolute,
                },
                severity_threshold: spec.severity_threshold,
            },
            summary: self.summary.read()?,
            findings: self.findings.into_iter().map(FindingRecord::read).collect(),
        })
    }
}

impl SummaryRecord {
    fn of(summary: &Summary) -> Self {
        let estimate = &summary.estimate;
        let finite = |value: f64| value.is_finite().then_some(value);
        let intervals = summary.intervals.as_ref().map(|intervals| {
            let parts = intervals.parts.iter().map(HistogramRecord::of).collect();
            (duration_nanos(intervals.width), parts)
        });
        Self {
            range: nanos(summary.range),
            step_nanos: duration_nanos(summary.step),
            n: summary.n,
            observations: summary.observations,
            mean: estimate.mean,
            standard_error: finite(estimate.standard_error),
            df: finite(estimate.df),
            effective_n: estimate.effective_n,
            autocorrelation: estimate.autocorrelation,
            sd: summary.sd,
            min: summary.min,
            max: summary.max,
            percentiles: summary.percentiles.clone(),
            histogram: HistogramRecord::of(&summary.histogram),
            sample_step_nanos: duration_nanos(summary.sample.step),
            sample: summary.sample.values.clone(),
            sample_block: summary.sample.block,
            intervals,
            trend: summary
                .trend
                .iter()
                .map(|(t, v)| (t.as_nanos(), *v))
                .collect(),
        }
    }

    fn read(self) -> Result<Summary, String> {
        let intervals = self.intervals.map(|(width, parts)| {
            let parts: Result<Vec<_>, _> = parts.into_iter().map(HistogramRecord::read).collect();
            Ok::<_, String>(Intervals {
                width: Duration::from_nanos(width),
                parts: parts?,
            })
        });
        Ok(Summary {
            range: range(self.range),
            step: Duration::from_nanos(self.step_nanos),
            n: self.n,
            observations: self.observations,
            estimate: Estimate {
                mean: self.mean,
                standard_error: self.standard_error.unwrap_or(f64::INFINITY),
                df: self.df.unwrap_or(f64::INFINITY),
                n: self.n,
                effective_n: self.effective_n,
                autocorrelation: self.autocorrelation,
            },
            sd: self.sd,
            min: self.min,
            max: self.max,
            percentiles: self.percentiles,
            histogram: self.histogram.read()?,
            sample: Sample {
                step: Duration::from_nanos(self.sample_step_nanos),
                values: self.sample,
                block: self.sample_block,
            },
            intervals: intervals.transpose()?,
            trend: self
                .trend
                .into_iter()
                .map(|(t, v)| (Timestamp::from_nanos(t), v))
                .collect(),
        })
    }
}

impl HistogramRecord {
    fn of(histogram: &Histogram) -> Self {
        let parts = histogram.to_parts();
        let pairs = |side: Vec<Bucket>| side.into_iter().map(|b| (b.index, b.count)).collect();
        Self {
            schema: parts.schema,
            zero_threshold: parts.zero_threshold,
            zero_count: parts.zero_count,
            count: parts.count,
            sum: parts.sum,
            positive: pairs(parts.positive),
            negative: pairs(parts.negative),
        }
    }

    fn read(self) -> Result<Histogram, String> {
        let buckets = |side: Vec<(i32, f64)>| {
            side.into_iter()
                .map(|(index, count)| Bucket { index, count })
                .collect()
        };
        Histogram::from_parts(HistogramParts {
            // A baseline keeps the observations of its window.
            temporality: Temporality::Delta,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: buckets(self.positive),
            negative: buckets(self.negative),
        })
        .map_err(|error| error.to_string())
    }
}

impl FindingRecord {
    fn of(finding: &Finding) -> Self {
        match finding {
            Finding::TooFew { n, need } => Self::TooFew { n: *n, need: *need },
            Finding::TooDependent { effective_n } => Self::TooDependent {
                effective_n: *effective_n,
            },
            Finding::NotStationary {
                first,
                second,
                p_value,
            } => Self::NotStationary {
                first: *first,
                second: *second,
                p_value: *p_value,
            },
            Finding::Incident { range } => {
                let (start, end) = nanos(*range);
                Self::Incident { start, end }
            }
            Finding::Constant => Self::Constant,
        }
    }

    fn read(self) -> Finding {
        match self {
            Self::TooFew { n, need } => Finding::TooFew { n, need },
            Self::TooDependent { effective_n } => Finding::TooDependent { effective_n },
            Self::NotStationary {
                first,
                second,
                p_value,
            } => Finding::NotStationary {
                first,
                second,
                p_value,
            },
            Self::Incident { start, end } => Finding::Incident {
                range: range((start, end)),
            },
            Self::Constant => Finding::Constant,
        }
    }
}

fn nanos(range: TimeRange) -> (i64, i64) {
    (range.start.as_nanos(), range.end.as_nanos())
}

fn range((start, end): (i64, i64)) -> TimeRange {
    TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
}

fn duration_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tacho_analysis::baseline::Policy;
    use tacho_analysis::measurement::Measurement;

    use super::*;

    fn metric(measured: &Measurement, kind: MetricKind) -> MetricBaseline {
        let labels = Labels::new([("__name__", "m"), ("service", "api")]).unwrap();
        let spec = MetricSpec::new("host", labels, Function::Avg, Unit::SECONDS, kind);
        let incident = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(5));
        MetricBaseline::new(spec, measured, &Policy::default(), &[incident]).unwrap()
    }

    #[test]
    fn a1_a_baseline_survives_its_record() {
        let at = |i: i64| Timestamp::from_secs(i);
        let points = (0..100).map(|i| (at(i), (i as f64).sin() + 2.0)).collect();
        let values = Measurement::Values {
            step: Duration::from_secs(1),
            points,
        };
        let part = |i: i64| {
            let mut histogram = Histogram::new();
            (1..20).for_each(|k| histogram.observe(0.01 * (k + i) as f64));
            (at(15 * i), histogram)
        };
        let parts = (1..40).map(part).collect();
        let intervals = Measurement::Intervals {
            width: Duration::from_secs(15),
            parts,
        };
        let single = Measurement::Values {
            step: Duration::from_secs(1),
            points: vec![(at(1), 3.0)],
        };
        let baseline = Baseline {
            name: String::new(),
            version: 0,
            target: "host".to_owned(),
            created_at: Timestamp::default(),
            range: TimeRange::new(at(0), at(600)),
            conditions: Conditions {
                cores: Some(2),
                ..Conditions::default()
            },
            expires_after: Some(Duration::from_hours(24)),
            invalidated: None,
            metrics: vec![
                metric(&values, MetricKind::Cpu),
                metric(&intervals, MetricKind::Latency),
                // One value: its standard error is infinite, which JSON cannot say.
                metric(&single, MetricKind::Other),
            ],
        };
        assert!(read(&write(&baseline)).unwrap() == baseline);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for text in ["", "{}", "[1]", "{\"version\": 1}"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
