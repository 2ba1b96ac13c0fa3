use super::*;
use crate::moments::Moments;
use crate::rng::Rng;

const METHODS: [MeanMethod; 6] = [
    MeanMethod::Msprt {
        tau: 1.0,
        sigma: Sigma::Known(1.0),
    },
    MeanMethod::Msprt {
        tau: 1.0,
        sigma: Sigma::Estimated,
    },
    MeanMethod::Gavi {
        expected_n: 200.0,
        sigma: Sigma::Known(1.0),
    },
    MeanMethod::Gavi {
        expected_n: 200.0,
        sigma: Sigma::Estimated,
    },
    MeanMethod::Asymptotic { expected_n: 200.0 },
    MeanMethod::Student { expected_n: 200.0 },
];

/// The golden case: at the fifth pair, and by hand at the first.
#[test]
fn msprt_rejects_at_the_fifth_observation() {
    let x = [3.1, 2.8, 3.3, 2.9, 3.0, 3.2, 2.7, 3.4, 3.1, 2.8];
    let y = [0.9, 1.0, 0.8, 1.1, 0.7, 1.0, 0.9, 0.8, 1.1, 0.7];
    let method = METHODS[0];
    let looks = sequential_means(&x, &y, method, 0.05).unwrap();
    let first = looks.iter().position(|look| look.p <= 0.05);
    assert_eq!(first, Some(4));
    assert_eq!(looks[4].verdict, Verdict::Lower);
    assert_eq!(looks[9].verdict, Verdict::Lower);
    // Λ = √(2/3) exp(2.2² / 12) with variance 2 of the difference and τ² = 1.
    let want = 1.0 / ((2.0f64 / 3.0).sqrt() * (2.2f64 * 2.2 / 12.0).exp());
    assert!((looks[0].p - want).abs() < 1e-12, "{}", looks[0].p);
}

#[test]
fn p_and_interval_agree_at_every_look() {
    for method in METHODS {
        let mut rng = Rng::new(21);
        let mut test = SequentialMeans::new(method, 0.05).unwrap();
        let (mut last_p, mut last) = (1.0, f64::INFINITY);
        let mut states = [0, 0];
        for i in 0..240 {
            test.update(Arm::Control, rng.standard_normal()).unwrap();
            if i % 2 == 0 {
                test.update(Arm::Treatment, 0.8 + rng.standard_normal())
                    .unwrap();
            }
            // A plugged-in standard deviation of a few observations is no ground for a guarantee.
            if i < 20 {
                continue;
            }
            let look = test.look().unwrap();
            let interval = test.interval();
            assert!(look.p <= last_p && interval.half_width() <= last);
            (last_p, last) = (look.p, interval.half_width());
            assert_eq!(
                look.verdict == Verdict::Higher,
                interval.low > 0.0,
                "{method:?} {i}"
            );
            states[usize::from(interval.low > 0.0)] += 1;
        }
        assert!(states[0] > 0 && states[1] > 0, "{method:?}");
        assert!(test.interval().contains(0.8) && test.is_consistent());
    }
}

/// Under the null with known sigma, the mean of the e-process is 1 at any time; for Student's form
/// with equal arms the evidence is no larger than the exact one with pooled degrees of freedom.
#[test]
fn evidence_has_mean_one_under_the_null() {
    let mixture = NormalMixture::new(8.0).unwrap();
    let (mut known, mut student) = (0.0, 0.0);
    let rounds = 40_000;
    let mut rng = Rng::new(22);
    for _ in 0..rounds {
        let x: Vec<f64> = (0..8).map(|_| rng.standard_normal()).collect();
        let contrast = |df: f64| {
            let arm = |part: &[f64]| Moments::from_slice(part).unwrap();
            let (a, b) = (arm(&x[..4]), arm(&x[4..]));
            Contrast {
                n: 8.0,
                difference: b.mean().unwrap() - a.mean().unwrap(),
                variance: (a.variance().unwrap() + b.variance().unwrap()) / 4.0,
                df,
            }
        };
        let difference = contrast(6.0).difference;
        known += mixture.ln_e(difference / 0.5f64.sqrt(), 8.0).exp();
        // p is cut at 1: use its excess form through the boundary instead.
        let at = contrast(6.0);
        let square = at.difference.powi(2) / at.variance / 6.0;
        student += (3.5 * (square.ln_1p() - (square / 2.0).ln_1p()) - 0.5 * 2f64.ln()).exp();
    }
    for mean in [known, student] {
        let mean = mean / f64::from(rounds);
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
    }
}

#[test]
fn arms_are_symmetric_and_units_do_not_matter() {
    let mut rng = Rng::new(23);
    let x: Vec<f64> = (0..50).map(|_| 3.0 + rng.standard_normal()).collect();
    let y: Vec<f64> = (0..80).map(|_| 4.0 + 2.0 * rng.standard_normal()).collect();
    for method in METHODS {
        let there = sequential_means(&x, &y, method, 0.05).unwrap();
        let back = sequential_means(&y, &x, method, 0.05).unwrap();
        for (a, b) in there.iter().zip(&back) {
            assert_eq!(a.estimate, -b.estimate);
            assert!((a.p / b.p - 1.0).abs() < 1e-12);
        }
    }
    let scaled = |x: &[f64]| x.iter().map(|v| v * 1e100).collect::<Vec<f64>>();
    for method in &METHODS[3..] {
        let small = sequential_means(&x, &y, *method, 0.05).unwrap();
        let large = sequential_means(&scaled(&x), &scaled(&y), *method, 0.05).unwrap();
        for (a, b) in small.iter().zip(&large) {
            assert!((a.p - b.p).abs() < 1e-9 && a.verdict == b.verdict);
        }
    }
}

#[test]
fn merged_streams_are_the_whole() {
    let mut rng = Rng::new(24);
    for method in METHODS {
        let new = || SequentialMeans::new(method, 0.05).unwrap();
        let (mut whole, mut first, mut second) = (new(), new(), new());
        for i in 0..60 {
            let value = rng.standard_normal();
            let part = if i < 20 { &mut first } else { &mut second };
            let arm = if i % 3 == 0 {
                Arm::Control
            } else {
                Arm::Treatment
            };
            whole.update(arm, value).unwrap();
            part.update(arm, value).unwrap();
        }
        first.merge(&second).unwrap();
        let (one, two) = (first.look().unwrap(), whole.look().unwrap());
        assert!((one.p - two.p).abs() < 1e-9 && one.n == two.n);
    }
    let mut other = SequentialMeans::new(METHODS[4], 0.05).unwrap();
    assert!(
        other
            .merge(&SequentialMeans::new(METHODS[4], 0.01).unwrap())
            .is_err()
    );
    assert!(
        other
            .merge(&SequentialMeans::new(METHODS[5], 0.05).unwrap())
            .is_err()
    );
}

#[test]
fn hostile_observations_are_refused_and_change_nothing() {
    for method in METHODS {
        let mut test = SequentialMeans::new(method, 0.05).unwrap();
        assert_eq!(test.look().unwrap().p, 1.0);
        for value in [1.0, 1.0, 1.0] {
            test.update(Arm::Control, value).unwrap();
            test.update(Arm::Treatment, value).unwrap();
            let look = test.look().unwrap();
            assert_eq!(look.verdict, Verdict::Undecided);
        }
        let before = test.clone();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308] {
            assert!(test.update(Arm::Control, bad).is_err(), "{bad}");
            assert_eq!(test, before);
        }
        for value in [5e-324, -0.0, 1e-200] {
            test.update(Arm::Treatment, value).unwrap();
            assert!(test.look().unwrap().p.is_finite());
        }
    }
    for (n, alpha) in [(0.0, 0.05), (f64::NAN, 0.05), (10.0, 0.0), (10.0, f64::NAN)] {
        let method = MeanMethod::Student { expected_n: n };
        assert!(SequentialMeans::new(method, alpha).is_err());
    }
    let unknown = MeanMethod::Msprt {
        tau: 1.0,
        sigma: Sigma::Known(-1.0),
    };
    assert!(SequentialMeans::new(unknown, 0.05).is_err());
    assert!(sequential_means(&[f64::NAN], &[1.0], METHODS[0], 0.05).is_err());
    assert_eq!(sequential_means(&[], &[], METHODS[0], 0.05), Ok(vec![]));
}

#[test]
fn a_change_of_the_difference_shows() {
    let mut test = SequentialMeans::new(METHODS[2], 0.05).unwrap();
    for i in 0..4_000 {
        test.update(Arm::Control, f64::from(i % 2)).unwrap();
        let shift = if i < 1_000 { 5.0 } else { -5.0 };
        test.update(Arm::Treatment, shift).unwrap();
        test.look().unwrap();
    }
    assert!(!test.is_consistent());
    let interval = test.interval();
    assert!(interval.low <= interval.high);
}
