use std::time::Duration;

use tacho_model::{Labels, Unit};
use tacho_stats::rng::Rng;

use super::*;
use crate::aggregate::Function;
use crate::metric::MetricKind;

fn secs(s: i64) -> Timestamp {
    Timestamp::from_secs(s)
}

fn metric(values: impl IntoIterator<Item = f64>, incidents: &[TimeRange]) -> MetricBaseline {
    let labels = Labels::metric("cpu_usage_percent").unwrap();
    let (function, kind) = (Function::Avg, MetricKind::Cpu);
    let spec = MetricSpec::new("db2", labels, function, Unit::PERCENT, kind);
    let points = values
        .into_iter()
        .enumerate()
        .map(|(i, v)| (secs(i as i64 + 1), v));
    let measured = Measurement::Values {
        step: Duration::from_secs(1),
        points: points.collect(),
    };
    MetricBaseline::new(spec, &measured, &Policy::default(), incidents).unwrap()
}

fn noise(n: usize, seed: u64) -> impl Iterator<Item = f64> {
    let mut rng = Rng::new(seed);
    (0..n).map(move |_| 40.0 + rng.standard_normal())
}

fn baseline() -> Baseline {
    Baseline {
        name: "default".to_owned(),
        version: 1,
        target: "db2".to_owned(),
        created_at: secs(300),
        range: TimeRange::new(secs(0), secs(300)),
        conditions: Conditions {
            host: "db2".to_owned(),
            cores: Some(8),
            kernel: "Linux 6.1".to_owned(),
            version: None,
        },
        expires_after: Some(Duration::from_hours(1)),
        invalidated: None,
        metrics: vec![metric(noise(300, 1), &[])],
    }
}

#[test]
fn a_good_baseline_has_no_findings() {
    let unfounded = (0..200).filter(|seed| !metric(noise(300, *seed), &[]).findings.is_empty());
    // Halves are compared at 0.1 %.
    assert!(unfounded.count() <= 2);
}

#[test]
fn a1_validation_names_what_is_wrong() {
    let few = metric(noise(10, 1), &[]);
    assert_eq!(
        few.findings,
        [Finding::TooFew {
            n: 10,
            need: SAMPLES_MIN
        }]
    );
    let constant = metric([5.0; 60], &[]);
    assert_eq!(constant.findings, [Finding::Constant]);
    let step = noise(300, 1)
        .enumerate()
        .map(|(i, v)| if i < 150 { v } else { v + 2.0 });
    let step = metric(step, &[]);
    assert!(
        step.findings
            .iter()
            .any(|f| matches!(f, Finding::NotStationary { .. })),
        "{step:?}"
    );
    let trend = noise(300, 1).enumerate().map(|(i, v)| v + 0.02 * i as f64);
    assert!(!metric(trend, &[]).findings.is_empty());
    let alert = TimeRange::new(secs(100), secs(160));
    assert_eq!(
        metric(noise(300, 1), &[alert]).findings,
        [Finding::Incident { range: alert }]
    );
    let later = TimeRange::new(secs(400), secs(460));
    assert!(metric(noise(300, 1), &[later]).findings.is_empty());
    for finding in few.findings.iter().chain(&step.findings) {
        assert!(!finding.to_string().is_empty());
    }
}

#[test]
fn a1_it_holds_until_it_expires_or_is_invalidated() {
    let mut baseline = baseline();
    assert!(baseline.usable("db2", secs(3900)).is_ok());
    assert!(matches!(
        baseline.usable("db2", secs(3901)),
        Err(AnalysisError::Expired { .. })
    ));
    baseline.invalidate(secs(1000), "contaminated");
    baseline.invalidate(secs(2000), "another reason");
    let error = baseline.usable("db2", secs(1001)).unwrap_err();
    assert!(error.to_string().contains("contaminated"), "{error}");
}

#[test]
fn a1_targets_never_mix() {
    let error = baseline().usable("db3", secs(400)).unwrap_err();
    assert!(error.to_string().contains("`db2`, not of `db3`"), "{error}");
}

#[test]
fn a1_a_metric_that_is_measured_otherwise_is_another() {
    let baseline = baseline();
    let then = baseline
        .metric(&Labels::metric("cpu_usage_percent").unwrap())
        .unwrap();
    assert!(then.describes(&then.spec).is_ok());
    let now = MetricSpec {
        unit: Unit::RATIO,
        ..then.spec.clone()
    };
    let error = then.describes(&now).unwrap_err();
    assert!(
        error.to_string().contains("unit was `%`, now `1`"),
        "{error}"
    );
    assert_eq!(baseline.metric(&Labels::metric("other").unwrap()), None);
}

#[test]
fn other_conditions_are_named() {
    let baseline = baseline();
    assert!(baseline.changed_conditions(&baseline.conditions).is_empty());
    let now = Conditions {
        cores: Some(16),
        version: Some("1.4".to_owned()),
        ..baseline.conditions.clone()
    };
    // A version that was not known before is no change.
    assert_eq!(baseline.changed_conditions(&now), ["cores was 8, now 16"]);
}
