//! Reports against the tests they wrap, and on hostile input.

use super::*;
use crate::rng::Rng;
use crate::ttest;

fn noise(seed: u64, n: usize, phi: f64, shift: f64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    let mut state = 0.0;
    (0..n)
        .map(|_| {
            state = phi * state + rng.standard_normal();
            state + shift
        })
        .collect()
}

fn question(test: Test) -> Question {
    Question {
        margin: Some(Margin::symmetric(2.0).expect("margin")),
        ..Question::new(test)
    }
}

#[test]
fn names_parse_back() {
    for (test, name) in Test::ALL {
        assert_eq!(
            (name.parse::<Test>(), test.to_string()),
            (Ok(*test), (*name).to_owned())
        );
    }
    assert!("z-test".parse::<Test>().is_err() && "".parse::<Test>().is_err());
}

#[test]
fn a3_reports_are_whole() {
    let (a, b) = (noise(1, 40, 0.0, 1.0), noise(2, 40, 0.0, 0.0));
    for (test, _) in Test::ALL {
        let report = hypothesis_test(&question(*test), &a, &b).unwrap();
        assert!((0.0..=1.0).contains(&report.p), "{test}");
        let names: Vec<&str> = report.effects.iter().map(|e| e.name).collect();
        assert_eq!(
            names,
            ["Cohen's d", "Hedges' g", "Cliff's delta", "common language"]
        );
        for effect in &report.effects {
            assert!(
                effect.interval.unwrap().contains(effect.effect.value),
                "{effect:?}"
            );
        }
        assert_eq!(report.samples.map(|s| s.n), [40, 40]);
        if let Some(difference) = report.difference {
            assert!(difference.interval.contains(difference.value), "{test}");
        }
    }
    let welch = hypothesis_test(&question(Test::Welch), &a, &b).unwrap();
    let plain = ttest::welch(&a, &b).unwrap();
    assert_eq!(welch.p, plain.p(Alternative::TwoSided));
    assert_eq!(welch.statistic.df, Some(plain.df));
    assert!(
        welch.is_significant() && welch.warnings.is_empty(),
        "{:?}",
        welch.warnings
    );
}

#[test]
fn swapping_the_samples_mirrors_the_report() {
    let (a, b) = (noise(3, 25, 0.0, 0.4), noise(4, 25, 0.0, 0.0));
    for (test, _) in Test::ALL {
        let there = hypothesis_test(&question(*test), &a, &b).unwrap();
        let back = hypothesis_test(&question(*test), &b, &a).unwrap();
        // Drawn labellings differ with the order of the samples.
        let tolerance = if *test == Test::Permutation {
            0.02
        } else {
            1e-9
        };
        assert!((there.p - back.p).abs() < tolerance, "{test}");
        // A probability is mirrored around one half; tests without an estimate have none either way.
        let (Some(one), Some(other)) = (there.difference, back.difference) else {
            assert!(
                there.difference.is_none() && back.difference.is_none(),
                "{test}"
            );
            continue;
        };
        if one.name == "P(a > b)" {
            assert!((one.value + other.value - 1.0).abs() < 1e-12);
            continue;
        }
        assert!((one.value + other.value).abs() < 1e-12);
        assert!((one.interval.low + other.interval.high).abs() < 1e-12);
    }
}

#[test]
fn warnings_say_what_is_wrong() {
    let warned = |test, a: &[f64], b: &[f64]| {
        let report = hypothesis_test(&question(test), a, b).unwrap();
        report
            .warnings
            .into_iter()
            .map(|w| w.to_string())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (slow, quick) = (noise(5, 200, 0.9, 0.0), noise(6, 200, 0.0, 0.0));
    let text = warned(Test::Welch, &slow, &quick);
    assert!(
        text.contains("first sample resemble") && !text.contains("second"),
        "{text}"
    );
    assert!(warned(Test::Student, &quick, &quick).contains("no proof"));
    let wide: Vec<f64> = quick.iter().map(|v| 5.0 * v).collect();
    assert!(warned(Test::Student, &quick, &wide).contains("use Welch"));
    assert!(warned(Test::Welch, &[1.0, 2.0, 3.0], &[9.0, 9.5, 8.8]).contains("with 3"));
    let coarse: Vec<f64> = quick.iter().map(|v| v.round()).collect();
    assert!(warned(Test::MannWhitney, &coarse, &coarse).contains("% of pairs are tied"));
}

#[test]
fn hostile_input_is_refused_or_answered() {
    let samples: [&[f64]; 9] = [
        &[],
        &[1.0],
        &[1.0; 4],
        &[f64::NAN, 1.0, 2.0, 3.0],
        &[1.0, f64::INFINITY, 2.0, 3.0],
        &[5e-324, 0.0, 1e-310, -0.0],
        &[1e308, -1e308, 1e307, 0.0],
        &[1.0, 2.0, 3.0, 4.0],
        &[1.0, 2.0, 3.0],
    ];
    for (test, _) in Test::ALL {
        for a in samples {
            for b in samples {
                if let Ok(report) = hypothesis_test(&question(*test), a, b) {
                    assert!((0.0..=1.0).contains(&report.p), "{test} {a:?} {b:?}");
                    assert!(report.statistic.value.is_finite(), "{test} {a:?} {b:?}");
                    for effect in &report.effects {
                        assert!(effect.effect.value.is_finite());
                        assert!(
                            effect.interval.is_none_or(|i| i.low <= i.high),
                            "{effect:?}"
                        );
                    }
                } else {
                    // Equal pairs leave a paired test nothing to divide by.
                    let sound = !test.is_paired()
                        && a.len() == 4
                        && b.len() == 4
                        && a[3] == 4.0
                        && b[3] == 4.0;
                    assert!(!sound, "{test} refuses sound samples");
                }
            }
        }
    }
    let mut asked = question(Test::Tost);
    asked.margin = None;
    assert!(hypothesis_test(&asked, &[1.0, 2.0], &[2.0, 3.0]).is_err());
    for alpha in [0.0, 1.0, f64::NAN] {
        let asked = Question {
            alpha,
            ..question(Test::Welch)
        };
        assert!(hypothesis_test(&asked, &[1.0, 2.0], &[2.0, 3.0]).is_err());
    }
}

#[test]
fn a_series_is_compared_as_a_series_or_not_at_all() {
    let (a, b) = (noise(5, 300, 0.9, 0.0), noise(6, 300, 0.9, 0.0));
    let plain = hypothesis_test(&question(Test::Welch), &a, &b).unwrap();
    let honest = hypothesis_test(&question(Test::DependentMeans), &a, &b).unwrap();
    assert!(matches!(plain.warnings[0], Warning::Dependent { .. }));
    assert!(honest.p > plain.p && honest.samples[0].n == 300);
    let far: Vec<f64> = b.iter().map(|v| v + 50.0).collect();
    let apart = hypothesis_test(&question(Test::DependentMeans), &a[..40], &far[..40]).unwrap();
    assert!(
        matches!(apart.warnings[0], Warning::Undecided { .. }),
        "{:?}",
        apart.warnings
    );
    assert!(!apart.is_significant());
}
