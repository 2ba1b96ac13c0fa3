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

const SYSTEM: &[(&str, &str)] = &[("source", "system")];
const MIB: f64 = 1_048_576.0;

/// All of them.
#[rustfmt::skip]
pub const HOST: [KeyMetric; 9] = [
    row("cpu_usage_percent",                        SYSTEM, Function::Avg,  MetricKind::Cpu,    "%",    1.0),
    row("memory_usage_percent",                     SYSTEM, Function::Avg,  MetricKind::Memory, "%",    0.5),
    row("node_load1",                               &[],    Function::Avg,  MetricKind::Other,  "",     0.2),
    row("node_pressure_cpu_waiting_seconds_total",  &[],    Function::Rate, MetricKind::Other,  "1",    0.01),
    row("node_pressure_io_waiting_seconds_total",   &[],    Function::Rate, MetricKind::Other,  "1",    0.01),
    row("node_pressure_memory_waiting_seconds_total", &[],  Function::Rate, MetricKind::Other,  "1",    0.01),
    row("node_disk_io_time_seconds_total",          &[],    Function::Rate, MetricKind::Other,  "1",    0.01),
    row("node_disk_read_bytes_total",               &[],    Function::Rate, MetricKind::Other,  "By/s", MIB),
    row("node_disk_written_bytes_total",            &[],    Function::Rate, MetricKind::Other,  "By/s", MIB),
];

const fn row(
    metric: &'static str,
    labels: &'static [(&'static str, &'static str)],
    function: Function,
    kind: MetricKind,
    unit: &'static str,
    floor: f64,
) -> KeyMetric {
    KeyMetric {
        metric,
        labels,
        function,
        by: &[],
        kind,
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
            let labels = Labels::metric(row.metric).unwrap();
            let spec = row.spec("host", labels);
            assert!(spec.margin.validate().is_ok());
            assert!(spec.margin.absolute > 0.0, "{}: a host idles", row.metric);
            assert!(HOST[..i].iter().all(|other| other.metric != row.metric));
        }
    }
}
