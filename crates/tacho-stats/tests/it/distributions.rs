//! Tail probabilities and quantiles at 50 digits, and inverses against them.

use std::collections::BTreeMap;

use serde_json::Value;
use tacho_stats::Result;
use tacho_stats::distribution::{
    Beta, Binomial, ChiSquared, FisherF, Gamma, NoncentralF, NoncentralT, Normal, StudentT,
};

use crate::shared::{error, json, number, numbers};

/// The promise, for every function of every distribution.
const TOLERANCE: f64 = 1e-12;

/// Rows and worst relative error by function.
pub(crate) type Worst = BTreeMap<String, (usize, f64)>;

fn note(worst: &mut Worst, name: &str, got: f64, want: f64) {
    // Below the smallest normal double the reference itself cannot be held.
    let off = if want < f64::MIN_POSITIVE {
        (got - want).abs()
    } else {
        error(got, want)
    };
    let entry = worst.entry(name.to_owned()).or_default();
    *entry = (entry.0 + 1, entry.1.max(off));
}

fn value(row: &Value) -> f64 {
    row["v"].as_str().expect("value").parse().expect("number")
}

/// The shared table of 300; none where it is absent.
pub(crate) fn shared_table() -> Option<Worst> {
    let file = json("reference/distributions_mpmath.json")?;
    let mut worst = Worst::new();
    for row in file["rows"].as_array().expect("rows") {
        let name = row["f"].as_str().expect("name");
        let at = |key: &str| number(row, key).expect("parameter");
        let got = match name {
            "t_sf" => StudentT::new(at("df")).unwrap().sf(at("x")),
            "norm_sf" => Normal::STANDARD.sf(at("x")),
            "chi2_sf" => ChiSquared::new(at("k")).unwrap().sf(at("x")),
            "f_sf" => FisherF::new(at("d1"), at("d2")).unwrap().sf(at("x")),
            "norm_isf" => Normal::STANDARD.inverse_sf(at("p")).unwrap(),
            other => panic!("unknown function {other}"),
        };
        note(&mut worst, name, got, value(row));
    }
    Some(worst)
}

/// Our own table of both tails of the distributions that the shared one lacks.
pub(crate) fn own_table() -> Worst {
    let file: Value = serde_json::from_str(include_str!("assets/tails.json")).expect("JSON");
    let mut worst = Worst::new();
    for row in file["rows"].as_array().expect("rows") {
        let name = row["f"].as_str().expect("name");
        let (p, x) = (numbers(&row["p"]), row["x"].as_f64().expect("argument"));
        let got = match name {
            "gamma_cdf" => Gamma::new(p[0], 1.0).unwrap().cdf(x),
            "gamma_sf" => Gamma::new(p[0], 1.0).unwrap().sf(x),
            "beta_cdf" => Beta::new(p[0], p[1]).unwrap().cdf(x),
            "beta_sf" => Beta::new(p[0], p[1]).unwrap().sf(x),
            "t_cdf" => StudentT::new(p[0]).unwrap().cdf(x),
            "t_sf" => StudentT::new(p[0]).unwrap().sf(x),
            "binomial_cdf" => Binomial::new(p[0] as u64, p[1]).unwrap().cdf(x as u64),
            "binomial_sf" => Binomial::new(p[0] as u64, p[1]).unwrap().sf(x as u64),
            "normal_cdf" => Normal::STANDARD.cdf(x),
            "normal_sf" => Normal::STANDARD.sf(x),
            "noncentral_t_cdf" => NoncentralT::new(p[0], p[1]).unwrap().cdf(x),
            "noncentral_t_sf" => NoncentralT::new(p[0], p[1]).unwrap().sf(x),
            "noncentral_f_cdf" => NoncentralF::new(p[0], p[1], p[2]).unwrap().cdf(x),
            "noncentral_f_sf" => NoncentralF::new(p[0], p[1], p[2]).unwrap().sf(x),
            other => panic!("unknown function {other}"),
        };
        note(&mut worst, name, got, value(row));
    }
    worst
}

/// Worst error of the inverse of either tail at x against x itself, where the tail determines it.
pub(crate) fn round_trips() -> Worst {
    let mut worst = Worst::new();
    let mut check = |name: &str, x: f64, tail: f64, back: Result<f64>| {
        if (1e-290..0.9).contains(&tail) {
            note(&mut worst, name, back.unwrap(), x);
        }
    };
    for a in [0.3, 1.0, 2.5, 40.0, 3e3, 1e6] {
        for ratio in [0.01, 0.3, 0.9, 0.99, 1.0, 1.01, 1.1, 3.0, 20.0] {
            let gamma = Gamma::new(a, 2.0).unwrap();
            let x = a * 2.0 * ratio;
            check(
                "gamma quantile",
                x,
                gamma.cdf(x),
                gamma.quantile(gamma.cdf(x)),
            );
            check(
                "gamma inverse_sf",
                x,
                gamma.sf(x),
                gamma.inverse_sf(gamma.sf(x)),
            );
            let t = StudentT::new(a).unwrap();
            check(
                "t inverse_sf",
                ratio,
                t.sf(ratio),
                t.inverse_sf(t.sf(ratio)),
            );
            check(
                "t quantile",
                -ratio,
                t.cdf(-ratio),
                t.quantile(t.cdf(-ratio)),
            );
            for delta in [-3.0, 0.5, 12.0] {
                let t = NoncentralT::new(a, delta).unwrap();
                let x = delta * ratio;
                let name = "non-central t quantile";
                check(name, x, t.cdf(x), t.quantile(t.cdf(x)));
                let name = "non-central t inverse_sf";
                check(name, x, t.sf(x), t.inverse_sf(t.sf(x)));
            }
            for b in [0.4, 1.0, 7.0, 900.0, 1e6] {
                let f = FisherF::new(a, b).unwrap();
                check("F quantile", ratio, f.cdf(ratio), f.quantile(f.cdf(ratio)));
                check(
                    "F inverse_sf",
                    ratio,
                    f.sf(ratio),
                    f.inverse_sf(f.sf(ratio)),
                );
                let beta = Beta::new(a, b).unwrap();
                let x = a * ratio / (a * ratio + b);
                check("beta quantile", x, beta.cdf(x), beta.quantile(beta.cdf(x)));
            }
        }
    }
    worst
}

fn hold(worst: &Worst) {
    for (name, (rows, off)) in worst {
        assert!(*off < TOLERANCE, "{name}: {off:e} in {rows} rows");
    }
}

#[test]
fn r9_distribution_tails_reference() {
    let Some(worst) = shared_table() else { return };
    assert_eq!(worst.values().map(|w| w.0).sum::<usize>(), 300);
    hold(&worst);
}

#[test]
fn tails_that_the_reference_lacks() {
    let worst = own_table();
    assert_eq!(worst.values().map(|w| w.0).sum::<usize>(), 491);
    hold(&worst);
}

#[test]
fn inverses_undo_the_tails() {
    let worst = round_trips();
    assert!(worst.values().all(|w| w.0 > 20), "{worst:?}");
    hold(&worst);
}

/// The parameters at which other libraries break down or hang.
#[test]
fn extreme_parameters_finish() {
    let check = |got: f64, want: f64| assert!((got - want).abs() < 1e-9, "{got} {want}");
    for scale in [1e6, 1e8, 1e10] {
        check(Beta::new(scale, scale).unwrap().cdf(0.5), 0.5);
        // Φ(−z) + φ(z) (z³ + z) / (4 ν), the first term of the expansion in 1/ν, at z = 1.96.
        let t = StudentT::new(scale).unwrap();
        check(t.sf(1.959_963_984_540_054), 0.025 + 0.138_646 / scale);
        let gamma = Gamma::new(scale, 1.0).unwrap();
        // The median of a gamma distribution is a − 1/3 + O(1/a).
        check(gamma.cdf(scale - 1.0 / 3.0 + 8.0 / (405.0 * scale)), 0.5);
        assert!((gamma.quantile(0.5).unwrap() / (scale - 1.0 / 3.0) - 1.0).abs() < 1e-12);
    }
}
