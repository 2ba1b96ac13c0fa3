//! What must hold for every streaming detector of one series, whatever is fed to it.

use proptest::prelude::*;
use tacho_stats::StatsError;
use tacho_stats::detect::{
    Baseline, Cusum, Detector, DiscordDetector, EDetector, Episodes, Ewma, ForestDetector, Glr,
    KnownBaseline, Monitor, NormalBaseline, PeaksOverThreshold, RateOfChange, RobustZ, RunLength,
    Score, SeriesBaseline, Shewhart, StreamingForestOptions, Training, TukeyFences, scores,
};
use tacho_stats::rng::Rng;

type Boxed = Box<dyn Detector>;

fn nominal() -> RunLength {
    RunLength::new(200.0).unwrap()
}

fn boxed<D: Detector + 'static>(detector: Result<D, StatsError>) -> Result<Boxed, StatsError> {
    detector.map(|detector| Box::new(detector) as Boxed)
}

/// Detectors that learn from a training stretch, and do not mind where up is.
fn trained(x: &[f64]) -> Vec<(&'static str, Result<Boxed, StatsError>)> {
    let seasonal = Training {
        periods: &[7, 24],
        order_max: 3,
    };
    let on = |baseline: Result<SeriesBaseline, StatsError>| {
        baseline.map(|baseline| Monitor::new(baseline, Glr::new(nominal()).unwrap()))
    };
    let normal = NormalBaseline::train(x);
    vec![
        ("series", boxed(on(SeriesBaseline::train(x)))),
        (
            "seasonal",
            boxed(on(SeriesBaseline::train_with(x, seasonal))),
        ),
        ("peaks", boxed(PeaksOverThreshold::train(x, nominal()))),
        ("rate", boxed(RateOfChange::train(x, 2, nominal()))),
        ("robust z", boxed(RobustZ::train(x, nominal()))),
        ("fences", boxed(TukeyFences::train(x, nominal()))),
        (
            "z-score",
            boxed(normal.map(|b| Monitor::new(b, Shewhart::new(nominal()).unwrap()))),
        ),
    ]
}

/// Those, and detectors of patterns and of high scores.
fn learners(x: &[f64]) -> Vec<(&'static str, Result<Boxed, StatsError>)> {
    let options = StreamingForestOptions {
        trees: 4,
        sample: 16,
        ..StreamingForestOptions::default()
    };
    let forest = ForestDetector::train(x, 2, &options, nominal());
    let mut all = trained(x);
    all.extend([
        ("episodes", boxed(Episodes::train(x, 1, nominal()))),
        ("forest", boxed(forest)),
        (
            "discord",
            boxed(DiscordDetector::train(x, 3, 12, nominal())),
        ),
    ]);
    all
}

/// Detectors of standardised values.
fn charts() -> Vec<(&'static str, Boxed)> {
    vec![
        ("CUSUM", Box::new(Cusum::new(1.0, nominal()).unwrap())),
        ("EWMA", Box::new(Ewma::new(0.2, nominal()).unwrap())),
        ("GLR", Box::new(Glr::new(nominal()).unwrap())),
        ("Shewhart", Box::new(Shewhart::new(nominal()).unwrap())),
        ("e", Box::new(EDetector::sub_gaussian(nominal()))),
        (
            "bounded e",
            Box::new(EDetector::mean_at_most(0.1, nominal()).unwrap()),
        ),
        (
            "known",
            Box::new(Monitor::new(
                KnownBaseline::new(1e308, 1e-300).unwrap(),
                Cusum::new(0.5, nominal()).unwrap(),
            )),
        ),
    ]
}

fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| rng.standard_normal()).collect()
}

fn sound(name: &str, value: f64, answer: Result<Score, StatsError>) {
    match answer {
        Ok(score) => {
            assert!(value.is_finite(), "{name} took {value}");
            assert!(
                score.statistic >= 0.0 && score.statistic.is_finite(),
                "{name} {score:?}"
            );
            assert!(
                score.threshold > 0.0 && score.threshold.is_finite(),
                "{name} {score:?}"
            );
            assert!(score.relative() >= 0.0, "{name} {score:?}");
        }
        Err(StatsError::NotFinite { index: 0 }) => assert!(!value.is_finite(), "{name} {value}"),
        Err(StatsError::Invalid { .. }) => assert_eq!(name, "bounded e"),
        Err(other) => panic!("{name}: {other}"),
    }
}

fn hostile() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MAX),
        Just(-1e308),
        Just(5e-324),
        Just(0.0),
        any::<f64>(),
        -1.0..1.0f64,
        (-3i8..3).prop_map(f64::from),
    ];
    proptest::collection::vec(value, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_stream_breaks_a_detector(stream in hostile(), seed in 0u64..9, exponent in -300i32..300) {
        let scale = 10f64.powi(exponent);
        let start: Vec<f64> = noise(seed, 300).iter().map(|v| v * scale).collect();
        let trained = learners(&start).into_iter().map(|(name, made)| (name, made.unwrap()));
        for (name, mut detector) in trained.chain(charts()) {
            for value in &stream {
                sound(name, *value, detector.update(*value));
                if value.is_nan() {
                    detector.skip();
                }
            }
            detector.reset();
            sound(name, 0.0, detector.update(0.0));
        }
    }

    #[test]
    fn no_training_breaks_a_detector(start in hostile(), repeated in 1usize..4) {
        let x: Vec<f64> = start.iter().cycle().take(start.len() * repeated).copied().collect();
        for (name, made) in learners(&x) {
            let Ok(mut detector) = made else { continue };
            prop_assert!(x.iter().all(|v| v.is_finite()));
            for value in [0.0, 1.0, f64::MAX, f64::MIN, 5e-324, x[0]] {
                sound(name, value, detector.update(value));
            }
        }
    }

    /// Shifting and scaling a series changes no score; turning it over turns the direction.
    #[test]
    fn scores_do_not_depend_on_the_unit(seed in 0u64..1_000, shift in -1e3..1e3f64, scale in 0.01..1e4f64) {
        let x = noise(seed, 260);
        let moved: Vec<f64> = x.iter().map(|v| shift + scale * v).collect();
        let turned: Vec<f64> = x.iter().map(|v| -v).collect();
        let ((start, rest), (other, moved)) = (x.split_at(200), moved.split_at(200));
        let (mirror, turned) = turned.split_at(200);
        let all = trained(start).into_iter().zip(trained(other)).zip(trained(mirror));
        for (((name, plain), (_, other)), (_, mirror)) in all {
            let (mut plain, mut other, mut mirror) = (plain.unwrap(), other.unwrap(), mirror.unwrap());
            for ((value, moved), turned) in rest.iter().zip(moved).zip(turned) {
                let want = plain.update(*value).unwrap();
                let got = other.update(*moved).unwrap();
                let close = |a: f64, b: f64| (a - b).abs() < 1e-6 * b.abs().max(1.0);
                prop_assert!(close(got.statistic, want.statistic), "{} {:?} {:?}", name, got, want);
                let got = mirror.update(*turned).unwrap();
                prop_assert!(close(got.statistic, want.statistic), "{} {:?} {:?}", name, got, want);
            }
        }
    }
}

#[test]
fn a_refused_value_changes_nothing() {
    let x = noise(3, 400);
    let mut baseline = SeriesBaseline::train(&x[..300]).unwrap();
    let before = baseline.clone();
    assert!(baseline.standardise(f64::NAN).is_err());
    assert_eq!(baseline, before);
    for ((name, plain), (_, disturbed)) in learners(&x[..300]).into_iter().zip(learners(&x[..300]))
    {
        let (mut plain, mut disturbed) = (plain.unwrap(), disturbed.unwrap());
        for value in &x[300..] {
            assert!(disturbed.update(f64::INFINITY).is_err(), "{name}");
            assert_eq!(plain.update(*value), disturbed.update(*value), "{name}");
        }
    }
}

#[test]
fn the_batch_form_says_what_the_stream_says() {
    let x = noise(4, 400);
    for ((name, stream), (_, batch)) in learners(&x[..300]).into_iter().zip(learners(&x[..300])) {
        let (mut stream, mut batch) = (stream.unwrap(), batch.unwrap());
        let whole = scores(&mut *batch, &x[300..]).unwrap();
        let one_by_one: Vec<Score> = x[300..]
            .iter()
            .map(|v| stream.update(*v).unwrap())
            .collect();
        assert_eq!(whole, one_by_one, "{name}");
        assert_eq!(
            scores(&mut *batch, &[0.0, f64::NAN]),
            Err(StatsError::NotFinite { index: 1 }),
            "{name}"
        );
    }
}

#[test]
fn every_detector_finds_what_it_is_made_for() {
    let x = noise(5, 300);
    for (name, made) in learners(&x) {
        let mut detector = made.unwrap();
        let found = (0..3).any(|_| detector.update(30.0).unwrap().alarms());
        assert!(found, "{name}");
    }
}
