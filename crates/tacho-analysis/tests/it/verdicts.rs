//! What the four answers promise.

use tacho_analysis::aggregate::Function;
use tacho_analysis::baseline::{MetricBaseline, Policy};
use tacho_analysis::measurement::Measurement;
use tacho_analysis::metric::{Direction, MetricKind, MetricSpec};
use tacho_analysis::verdict::{Answer, Settings, Statistic, Verdict, adjust, compare};
use tacho_analysis::{AnalysisError, Severity};
use tacho_model::{Histogram, Labels, Unit};
use tacho_stats::distribution::Normal;
use tacho_stats::rng::Rng;

use crate::noise::{Process, intervals_of, latencies, series_at, values};

fn spec(kind: MetricKind, unit: &str) -> MetricSpec {
    let labels = Labels::metric("m").unwrap();
    MetricSpec::new("host", labels, Function::Avg, Unit::new(unit), kind)
}

fn judge(spec: &MetricSpec, before: &Measurement, after: &Measurement) -> Verdict {
    let baseline = MetricBaseline::new(spec.clone(), before, &Policy::default(), &[]).unwrap();
    compare(&baseline, after, &Settings::default()).unwrap()
}

/// A series whose mean is exactly `mean`, with noise of `sd` around it.
fn around(mean: f64, sd: f64, n: usize, seed: u64) -> Measurement {
    let noise = Process::White.series(&mut Rng::new(seed), n);
    let centre = noise.iter().sum::<f64>() / n as f64;
    series_at(
        std::time::Duration::from_secs(1),
        noise.iter().map(|z| mean + sd * (z - centre)),
    )
}

/// Intervals of 500 requests at exact log-normal quantiles, the level of each interval swaying by
/// `sway` on the logarithm around exactly `median`.
fn swaying(median: f64, sway: f64, n: usize, seed: u64) -> Measurement {
    let level = Process::White.series(&mut Rng::new(seed), n);
    let centre = level.iter().sum::<f64>() / n as f64;
    let sd = (level.iter().map(|z| (z - centre).powi(2)).sum::<f64>() / (n as f64 - 1.0)).sqrt();
    let requests: Vec<f64> = (0..500)
        .map(|i| {
            0.3 * Normal::STANDARD
                .quantile((f64::from(i) + 0.5) / 500.0)
                .unwrap()
        })
        .collect();
    intervals_of(level.iter().map(|z| {
        let mut histogram = Histogram::new();
        for request in &requests {
            histogram.observe(median * (request + sway * (z - centre) / sd).exp());
        }
        histogram
    }))
}

#[test]
fn five_minutes_can_be_compared_with_hours() {
    let hours = swaying(0.100, 0.02, 1000, 1);
    let spec_latency = spec(MetricKind::Latency, "s");
    let slower = judge(&spec_latency, &hours, &swaying(0.120, 0.02, 20, 2));
    assert_eq!((slower.answer, slower.n), (Answer::Regressed, [1000, 20]));
    let same = judge(&spec_latency, &hours, &swaying(0.100, 0.02, 20, 3));
    assert_eq!(same.answer, Answer::Stable, "{same:?}");
    let day = around(40.0, 2.0, 20_000, 1);
    let cpu = judge(
        &spec(MetricKind::Cpu, "%"),
        &day,
        &around(55.0, 2.0, 300, 2),
    );
    assert_eq!(cpu.answer, Answer::Regressed);
}

#[test]
fn k4_plus_18_percent_latency_is_regressed_info() {
    // 30 intervals a side swaying by 8.5 %: a standard error of about 2.6 % on the ratio.
    let (before, after) = (swaying(0.100, 0.085, 30, 1), swaying(0.118, 0.085, 30, 2));
    let verdict = judge(&spec(MetricKind::Latency, "s"), &before, &after);
    let interval = verdict.interval.unwrap();
    let change = verdict.change_percent.unwrap();
    assert!((17.0..19.0).contains(&change), "{change}");
    assert!((10.5..13.5).contains(&interval.low), "{interval:?}");
    assert!((22.5..25.5).contains(&interval.high), "{interval:?}");
    assert_eq!(verdict.answer, Answer::Regressed);
    assert_eq!(verdict.severity, Some(Severity::Info));
    assert_eq!(verdict.statistic, Statistic::Mean);
    for quantile in &verdict.quantiles {
        let shift = quantile.change_percent.unwrap();
        assert!((16.5..19.5).contains(&shift), "{quantile:?}");
    }
}

#[test]
fn k4_severity_from_thresholds() {
    let check = |kind: MetricKind, unit: &str, before: f64, after: f64, want: Severity| {
        let spec = spec(kind, unit);
        let noise = 0.01 * before;
        let (a, b) = (around(before, noise, 60, 1), around(after, noise, 60, 2));
        let verdict = judge(&spec, &a, &b);
        assert_eq!(
            verdict.answer,
            Answer::Regressed,
            "{kind:?} {before} to {after}"
        );
        assert_eq!(verdict.severity, Some(want), "{kind:?} {before} to {after}");
    };
    check(MetricKind::Cpu, "%", 50.0, 59.5, Severity::Info);
    check(MetricKind::Cpu, "%", 50.0, 60.5, Severity::Warning);
    check(MetricKind::Cpu, "%", 50.0, 70.5, Severity::Critical);
    check(MetricKind::Memory, "%", 40.0, 45.5, Severity::Info);
    check(MetricKind::Memory, "%", 40.0, 46.5, Severity::Warning);
    check(MetricKind::Memory, "%", 40.0, 52.5, Severity::Critical);
    check(MetricKind::Latency, "s", 0.10, 0.12, Severity::Info);
    check(MetricKind::Latency, "s", 0.10, 0.126, Severity::Warning);
    check(MetricKind::Latency, "s", 0.10, 0.151, Severity::Critical);
    // Percentage points.
    check(MetricKind::ErrorRate, "%", 1.0, 5.9, Severity::Info);
    check(MetricKind::ErrorRate, "%", 1.0, 6.1, Severity::Warning);
    check(MetricKind::ErrorRate, "1", 0.01, 0.12, Severity::Critical);
    check(MetricKind::Throughput, "1/s", 100.0, 91.0, Severity::Info);
    check(
        MetricKind::Throughput,
        "1/s",
        100.0,
        89.0,
        Severity::Warning,
    );
    check(MetricKind::Other, "", 100.0, 121.0, Severity::Critical);
}

#[test]
fn the_same_distribution_is_stable() {
    let mut rng = Rng::new(3);
    let a = values(&mut rng, Process::White, 300, 40.0, 1.0);
    let b = values(&mut rng, Process::White, 300, 40.0, 1.0);
    assert_eq!(
        judge(&spec(MetricKind::Cpu, "%"), &a, &b).answer,
        Answer::Stable
    );
    let c = latencies(&mut rng, Process::White, (60, 400), 0.01, |_, v| v);
    let d = latencies(&mut rng, Process::White, (60, 400), 0.01, |_, v| v);
    let verdict = judge(&spec(MetricKind::Latency, "s"), &c, &d);
    assert_eq!(verdict.answer, Answer::Stable, "{verdict:?}");
    assert_eq!(verdict.quantiles.len(), 3);
    assert_eq!((verdict.severity, verdict.leaning), (None, None));
}

#[test]
fn below_twelve_effective_values_nothing_is_claimed() {
    let spec_cpu = spec(MetricKind::Cpu, "%");
    let few = judge(
        &spec_cpu,
        &around(10.0, 0.1, 60, 1),
        &around(50.0, 0.1, 8, 2),
    );
    assert_eq!(few.answer, Answer::Inconclusive);
    assert_eq!(few.leaning, Some(Answer::Regressed));
    assert!(few.needs_more.is_some() && few.reason.is_some(), "{few:?}");
    assert_eq!(few.evidence.p_beyond, 1.0);
    // Many values that hang together are few.
    let mut rng = Rng::new(9);
    let a = values(&mut rng, Process::Ar(0.98), 100, 10.0, 0.1);
    let b = values(&mut rng, Process::Ar(0.98), 100, 50.0, 0.1);
    let slow = judge(&spec_cpu, &a, &b);
    assert!(slow.effective_n[1] < 12.0, "{:?}", slow.effective_n);
    assert_eq!(slow.answer, Answer::Inconclusive);
    let short = judge(
        &spec(MetricKind::Latency, "s"),
        &swaying(0.1, 0.05, 30, 1),
        &swaying(0.2, 0.05, 6, 2),
    );
    assert_eq!(
        (short.answer, short.leaning),
        (Answer::Inconclusive, Some(Answer::Regressed))
    );
}

#[test]
fn a_slow_series_that_stays_inside_the_margin_is_stable() {
    let spec = spec(MetricKind::Memory, "%");
    let mut rng = Rng::new(11);
    // Memory that creeps: five minutes of it are worth a handful of independent values.
    let creeping = |rng: &mut Rng, sd: f64| values(rng, Process::Ar(0.995), 300, 40.0, sd);
    let (a, b) = (creeping(&mut rng, 0.1), creeping(&mut rng, 0.1));
    let verdict = judge(&spec, &a, &b);
    assert!(verdict.effective_n[0] < 12.0, "{:?}", verdict.effective_n);
    assert_eq!(verdict.answer, Answer::Stable, "{verdict:?}");
    assert!(verdict.reason.is_some());
    // The same, wandering out of it: not known.
    let (a, b) = (creeping(&mut rng, 3.0), creeping(&mut rng, 3.0));
    assert_eq!(judge(&spec, &a, &b).answer, Answer::Inconclusive);
}

#[test]
fn a_slower_tail_with_the_same_median_is_found() {
    let mut rng = Rng::new(4);
    let before = latencies(&mut rng, Process::White, (60, 300), 0.01, |_, v| v);
    // One request in 60 takes three times as long: the mean moves by 3 %, below the margin.
    let slow = |rng: &mut Rng, v: f64| {
        if rng.uniform() < 1.0 / 60.0 {
            3.0 * v
        } else {
            v
        }
    };
    let after = latencies(&mut rng, Process::White, (60, 300), 0.01, slow);
    let verdict = judge(&spec(MetricKind::Latency, "s"), &before, &after);
    assert_eq!(verdict.answer, Answer::Regressed, "{verdict:?}");
    assert_eq!(verdict.statistic, Statistic::P99);
    let shift = |statistic| {
        let found = verdict.quantiles.iter().find(|s| s.statistic == statistic);
        found.and_then(|s| s.change_percent).unwrap()
    };
    assert!(
        shift(Statistic::P50).abs() < 2.0,
        "{}",
        shift(Statistic::P50)
    );
    assert!(shift(Statistic::P99) > 15.0, "{}", shift(Statistic::P99));
}

#[test]
fn less_throughput_is_worse() {
    let spec = spec(MetricKind::Throughput, "1/s");
    assert_eq!(spec.direction, Direction::HigherIsBetter);
    let check = |after: f64, want: Answer| {
        let verdict = judge(
            &spec,
            &around(100.0, 3.0, 60, 1),
            &around(after, 3.0, 60, 2),
        );
        assert_eq!(verdict.answer, want, "{after}");
    };
    check(80.0, Answer::Regressed);
    check(120.0, Answer::Improved);
    check(100.5, Answer::Stable);
}

#[test]
fn error_rate_from_0_100_to_0_105_percent_is_nothing() {
    let spec = spec(MetricKind::ErrorRate, "%");
    let verdict = judge(
        &spec,
        &around(0.100, 0.001, 300, 1),
        &around(0.105, 0.001, 300, 2),
    );
    assert_eq!(verdict.answer, Answer::Stable);
    // Sure to have changed, and still nothing.
    assert!(verdict.p_value < 1e-6);
    // Both parts count: a point on 20 % is 5 % of the rate.
    let verdict = judge(
        &spec,
        &around(20.0, 0.1, 300, 1),
        &around(21.0, 0.1, 300, 2),
    );
    assert_eq!(verdict.answer, Answer::Stable);
    let verdict = judge(&spec, &around(1.0, 0.1, 300, 1), &around(3.0, 0.1, 300, 2));
    assert_eq!(verdict.answer, Answer::Regressed);
}

#[test]
fn an_idle_machine_that_idles_a_little_less_is_stable() {
    let spec = spec(MetricKind::Cpu, "%");
    let verdict = judge(&spec, &around(0.3, 0.1, 300, 1), &around(0.5, 0.1, 300, 2));
    assert_eq!(verdict.answer, Answer::Stable);
    assert!((verdict.change_percent.unwrap() - 66.7).abs() < 0.1);
    // Beyond the floor it is a regression, graded by points, not by its sevenfold.
    let verdict = judge(&spec, &around(0.3, 0.1, 300, 1), &around(2.1, 0.1, 300, 2));
    assert_eq!(
        (verdict.answer, verdict.severity),
        (Answer::Regressed, Some(Severity::Info))
    );
}

#[test]
fn interval_covers_the_baselines_own_doubt() {
    let spec = spec(MetricKind::Other, "");
    let sure = judge(
        &spec,
        &around(10.0, 1.0, 1000, 1),
        &around(12.0, 1.0, 50, 2),
    );
    let doubtful = judge(&spec, &around(10.0, 1.0, 20, 1), &around(12.0, 1.0, 50, 2));
    let width = |v: &Verdict| v.interval.map(|i| i.high - i.low).unwrap();
    assert!(width(&doubtful) > 1.5 * width(&sure));
    // A baseline that may be zero: the ratio may be anything, the difference is known.
    let zero = judge(&spec, &around(0.01, 1.0, 50, 1), &around(5.0, 1.0, 50, 2));
    assert_eq!(zero.interval, None);
    assert_eq!(zero.answer, Answer::Regressed);
    assert!(zero.change_interval.low > 4.0 && zero.change_interval.high < 6.0);
}

#[test]
fn measuring_as_much_longer_as_said_ends_the_doubt() {
    let spec = spec(MetricKind::Latency, "s");
    let baseline = around(100.0, 20.0, 2000, 1);
    let baseline = MetricBaseline::new(spec, &baseline, &Policy::default(), &[]).unwrap();
    let (mut asked, mut ended) = (0, 0);
    for seed in 0..60 {
        let series = Process::White.series(&mut Rng::new(100 + seed), 20_000);
        let measure = |n: usize| {
            let slower = series[..n].iter().map(|z| 110.0 + 20.0 * z);
            let window = series_at(std::time::Duration::from_secs(1), slower);
            compare(&baseline, &window, &Settings::default()).unwrap()
        };
        let first = measure(60);
        let Some(more) = first.needs_more else {
            continue;
        };
        assert_eq!(first.answer, Answer::Inconclusive);
        if more.as_secs() > 19_000 {
            continue;
        }
        asked += 1;
        let second = measure(60 + more.as_secs() as usize);
        ended += u32::from(second.answer != Answer::Inconclusive);
    }
    // The estimate moves meanwhile, so not always; more often than not.
    assert!(asked >= 20 && 2 * ended >= asked, "{ended} of {asked}");
}

#[test]
fn looking_at_many_metrics_costs() {
    let spec = spec(MetricKind::Other, "");
    let mut rng = Rng::new(5);
    let mut verdicts: Vec<Verdict> = (0..40)
        .map(|_| {
            let a = values(&mut rng, Process::White, 60, 100.0, 5.0);
            judge(&spec, &a, &values(&mut rng, Process::White, 60, 100.0, 5.0))
        })
        .collect();
    let slight = around(107.5, 5.0, 60, 7);
    verdicts.push(judge(&spec, &around(100.0, 5.0, 60, 6), &slight));
    verdicts.push(judge(
        &spec,
        &around(100.0, 5.0, 60, 6),
        &around(150.0, 5.0, 60, 7),
    ));
    assert!(verdicts[40..].iter().all(|v| v.answer == Answer::Regressed));
    adjust(&mut verdicts);
    let weak = &verdicts[40];
    assert_eq!(
        (weak.answer, weak.leaning),
        (Answer::Inconclusive, Some(Answer::Regressed))
    );
    assert_eq!((weak.severity, weak.reason.is_some()), (None, true));
    assert_eq!(verdicts[41].answer, Answer::Regressed);
    adjust(&mut []);
}

#[test]
fn bad_input_gets_an_answer_or_a_clear_error() {
    let spec_other = spec(MetricKind::Other, "");
    let second = std::time::Duration::from_secs(1);
    let good = around(10.0, 1.0, 60, 1);
    let of = |values: &[f64]| series_at(second, values.iter().copied());
    let baseline =
        |m: &Measurement| MetricBaseline::new(spec_other.clone(), m, &Policy::default(), &[]);
    assert!(matches!(
        baseline(&of(&[])),
        Err(AnalysisError::NoData { .. })
    ));
    assert!(matches!(
        baseline(&of(&[f64::NAN; 9])),
        Err(AnalysisError::NoData { .. })
    ));
    let settings = Settings::default();
    let odd: [&[f64]; 9] = [
        &[5.0],
        &[5.0, 6.0],
        &[5.0; 60],
        &[0.0; 60],
        &[-3.0; 60],
        &[f64::NAN, 1.0, f64::INFINITY, 2.0, f64::NEG_INFINITY],
        &[1e308, -1e308, 1e308, -1e308, 1e308],
        &[5e-324; 20],
        &[1e15, 1e15 + 1.0, 1e15, 1e15 + 1.0, 1e15, 1e15 + 1.0],
    ];
    for a in odd.iter().map(|v| of(v)).chain([good.clone()]) {
        for b in odd.iter().map(|v| of(v)) {
            if let Ok(baseline) = baseline(&a) {
                let _ = compare(&baseline, &b, &settings);
            }
        }
    }
    let same = judge(&spec_other, &of(&[5.0; 60]), &of(&[5.0; 60]));
    assert_eq!(same.answer, Answer::Stable);
    let other = judge(&spec_other, &of(&[5.0; 60]), &of(&[6.0; 60]));
    assert_eq!(other.answer, Answer::Regressed);
    let mixed = compare(
        &baseline(&good).unwrap(),
        &swaying(0.1, 0.1, 20, 1),
        &settings,
    );
    assert!(matches!(mixed, Err(AnalysisError::Incomparable { .. })));
    let off_step = series_at(
        std::time::Duration::from_millis(1500),
        (0..60).map(f64::from),
    );
    let off_step = compare(&baseline(&good).unwrap(), &off_step, &settings);
    assert!(matches!(off_step, Err(AnalysisError::Incomparable { .. })));
    let none = Settings {
        resamples: 0,
        ..settings
    };
    let refused = compare(&baseline(&good).unwrap(), &good, &none);
    assert!(matches!(refused, Err(AnalysisError::Setting { .. })));
}

#[test]
fn odd_histograms_get_an_answer_or_a_clear_error() {
    let spec = spec(MetricKind::Latency, "s");
    let of = |observations: &[f64], n: usize| {
        let mut histogram = Histogram::new();
        for value in observations {
            histogram.observe(*value);
        }
        intervals_of(vec![histogram; n])
    };
    let odd: [&[f64]; 8] = [
        &[],
        &[0.0],
        &[0.1],
        &[-1.0, 1.0],
        &[-1.0, -2.0],
        &[f64::NAN],
        &[f64::INFINITY],
        &[1e-300, 1e300],
    ];
    for a in odd {
        for b in odd {
            for n in [1, 3, 40] {
                let policy = Policy::default();
                if let Ok(baseline) = MetricBaseline::new(spec.clone(), &of(a, n), &policy, &[]) {
                    let _ = compare(&baseline, &of(b, 40), &Settings::default());
                }
            }
        }
    }
    let verdict = judge(&spec, &of(&[0.1; 20], 40), &of(&[0.1; 20], 40));
    assert_eq!(verdict.answer, Answer::Stable);
}

#[test]
fn the_change_is_that_of_all_values_however_many_were_thinned_away() {
    let (before, after) = (around(10.0, 1.0, 20_000, 5), around(10.5, 1.0, 300, 6));
    let verdict = judge(&spec(MetricKind::Other, ""), &before, &after);
    assert!((verdict.change - 0.5).abs() < 1e-9, "{}", verdict.change);
    assert!((verdict.evidence.before.mean - 10.0).abs() < 1e-9);
    let interval = verdict.change_interval;
    assert!(interval.low < 0.5 && 0.5 < interval.high);
}
