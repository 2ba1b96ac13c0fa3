//! The table of tail probabilities and quantiles at 50 digits, and inverses against it.

use std::collections::BTreeMap;

use tacho_stats::Result;
use tacho_stats::distribution::{ChiSquared, FisherF, Normal, StudentT};

use crate::shared::{error, json, number};

/// Each function's worst relative error over the table; 1e-12 is the promise.
#[test]
fn a2_distribution_tails_reference() {
    let Some(file) = json("reference/distributions_mpmath.json") else {
        return;
    };
    let mut worst: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for row in file["rows"].as_array().expect("rows") {
        let name = row["f"].as_str().expect("name");
        let at = |key: &str| number(row, key).expect("parameter");
        let want: f64 = row["v"].as_str().expect("value").parse().expect("number");
        let got = match name {
            "t_sf" => StudentT::new(at("df")).unwrap().sf(at("x")),
            "norm_sf" => Normal::STANDARD.sf(at("x")),
            "chi2_sf" => ChiSquared::new(at("k")).unwrap().sf(at("x")),
            "f_sf" => FisherF::new(at("d1"), at("d2")).unwrap().sf(at("x")),
            "norm_isf" => Normal::STANDARD.inverse_sf(at("p")).unwrap(),
            other => panic!("unknown function {other}"),
        };
        // Below the smallest normal double the reference itself cannot be held.
        let off = if want < f64::MIN_POSITIVE {
            (got - want).abs()
        } else {
            error(got, want)
        };
        let entry = worst.entry(name.to_owned()).or_default();
        *entry = (entry.0 + 1, entry.1.max(off));
    }
    for (name, (rows, off)) in &worst {
        println!("{name:10} {rows:3} rows, worst relative error {off:.1e}");
    }
    assert_eq!(worst.values().map(|w| w.0).sum::<usize>(), 300);
    for (name, (_, off)) in worst {
        assert!(off < 1e-12, "{name}: {off:e}");
    }
}

/// quantile(cdf(x)) = x where the lower tail is not rounded away, and the same for upper tails.
#[test]
fn inverses_undo_the_tails() {
    let check = |what: &str, x: f64, tail: f64, back: Result<f64>| {
        if (1e-290..0.9).contains(&tail) {
            let back = back.unwrap();
            assert!(
                error(back, x) < 1e-12,
                "{what} at {x:e}: {back:e} from {tail:e}"
            );
        }
    };
    for a in [0.3, 1.0, 2.5, 40.0, 3e3, 1e6] {
        for ratio in [0.01, 0.3, 0.9, 0.99, 1.0, 1.01, 1.1, 3.0, 20.0] {
            let gamma = tacho_stats::distribution::Gamma::new(a, 2.0).unwrap();
            let x = a * 2.0 * ratio;
            check("gamma lower", x, gamma.cdf(x), gamma.quantile(gamma.cdf(x)));
            check("gamma upper", x, gamma.sf(x), gamma.inverse_sf(gamma.sf(x)));
            for b in [0.4, 1.0, 7.0, 900.0, 1e6] {
                let f = FisherF::new(a, b).unwrap();
                check("f lower", ratio, f.cdf(ratio), f.quantile(f.cdf(ratio)));
                check("f upper", ratio, f.sf(ratio), f.inverse_sf(f.sf(ratio)));
            }
            let t = StudentT::new(a).unwrap();
            check("t upper", ratio, t.sf(ratio), t.inverse_sf(t.sf(ratio)));
        }
    }
}
