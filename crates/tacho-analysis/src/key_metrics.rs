//! The host's key metrics: what a baseline measures when nothing else is said.
//!
//! Demand (network traffic) is left out: more of it is neither better nor worse. Floors say what
//! is too little to matter on any host, in the unit of the row.

use tacho_model::{Labels, Unit};

use crate::aggregate::Function;
use crate::metric::{Margin, MetricKind, MetricSpec};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct KeyMetric {
    /// The metric's name.
    pub metric: &'static str,
    /// Labels that its series must have.
    pub labels: &'static [(&'static str, &'static str)],
    /// How samples become values.
    pub function: Function,
    /// The labels by which series are merged; empty: all of the host into one.
    pub by: &'static [&'static str],
    /// What it measures.
    pub kind: MetricKind,
    /// UCUM code of the values.
    pub unit: &'static str,
    /// The absolute part of its margin, in that unit.
    pub floor: f64,
}

const MIB: f64 = 1_048_576.0;
/// A hundredth of the time.
const POINT: f64 = 0.01;

/// All of them.
pub const HOST: [KeyMetric; 9] = [
    derived("cpu_usage_percent", MetricKind::Cpu, 1.0),
    derived("memory_usage_percent", MetricKind::Memory, 0.5),
    row("node_load1", Function::Avg, "", 0.2),
    row(
        "node_pressure_cpu_waiting_seconds_total",
        Function::Rate,
        "1",
        POINT,
    ),
    row(
        "node_pressure_io_waiting_seconds_total",
        Function::Rate,
        "1",
        POINT,
    ),
    row(
        "node_pressure_memory_waiting_seconds_total",
        Function::Rate,
        "1",
        POINT,
    ),
    row(
        "node_disk_io_time_seconds_total",
        Function::Rate,
        "1",
        POINT,
    ),
    row("node_disk_read_bytes_total", Function::Rate, "By/s", MIB),
    row("node_disk_written_bytes_total", Function::Rate, "By/s", MIB),
];

/// What people call the metrics of this table.
#[rustfmt::skip]
const TITLES: [(&str, &str); 9] = [
    ("cpu_usage_percent", "CPU"),
    ("memory_usage_percent", "memory"),
    ("node_load1", "load"),
    ("node_pressure_cpu_waiting_seconds_total", "CPU pressure"),
    ("node_pressure_io_waiting_seconds_total", "I/O pressure"),
    ("node_pressure_memory_waiting_seconds_total", "memory pressure"),
    ("node_disk_io_time_seconds_total", "disk busy"),
    ("node_disk_read_bytes_total", "disk reads"),
    ("node_disk_written_bytes_total", "disk writes"),
];

/// What people call a metric: a word or two for those of the table, else its own name.
pub fn title(metric: &str) -> &str {
    let known = TITLES.iter().find(|(name, _)| *name == metric);
    known.map_or(metric, |(_, title)| title)
}

/// A share of the whole machine, in percent, as the host collector derives it.
const fn derived(metric: &'static str, kind: MetricKind, floor: f64) -> KeyMetric {
    KeyMetric {
        labels: &[("source", "system")],
        kind,
        ..row(metric, Function::Avg, "%", floor)
    }
}

/// A metric of `node_exporter`'s, summed over devices.
const fn row(
    metric: &'static str,
    function: Function,
    unit: &'static str,
    floor: f64,
) -> KeyMetric {
    KeyMetric {
        metric,
        labels: &[],
        function,
        by: &[],
        kind: MetricKind::Other,
        unit,
        floor,
    }
}

impl KeyMetric {
    /// How the series with these labels is judged on `target`.
    pub fn spec(&self, target: &str, labels: Labels) -> MetricSpec {
        let spec = MetricSpec::new(
            target,
            labels,
            self.function,
            Unit::of(self.unit),
            self.kind,
        );
        let margin = Margin {
            absolute: self.floor,
            ..spec.margin
        };
        MetricSpec {
            margin,
            metric: self.metric.to_owned(),
            ..spec
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unique_and_can_be_judged() {
        for (i, row) in HOST.iter().enumerate() {
            assert_ne!(title(row.metric), row.metric);
            let labels = Labels::metric(row.metric).unwrap();
            let spec = row.spec("host", labels);
            assert!(spec.margin.validate().is_ok());
            assert!(spec.margin.absolute > 0.0, "{}: a host idles", row.metric);
            assert!(HOST[..i].iter().all(|other| other.metric != row.metric));
        }
    }
}
