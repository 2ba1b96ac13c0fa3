//! `NIST` `StRD`, univariate summary statistics: certified mean, sd and lag-1 autocorrelation.

use tacho_stats::describe::{lag1_autocorrelation, mean, sd};
use tacho_stats::moments::Moments;

use crate::shared::{close, error, text};

/// Name, observations, bound of the sd, bound of the autocorrelation.
const FILES: [(&str, usize, f64, f64); 9] = [
    ("Lew", 200, 1e-9, 1e-9),
    ("Lottery", 218, 1e-9, 1e-9),
    ("Mavro", 50, 1e-9, 1e-9),
    ("Michelso", 100, 1e-9, 1e-9),
    ("NumAcc1", 3, 1e-9, 1e-9),
    ("NumAcc2", 1001, 1e-9, 1e-9),
    ("NumAcc3", 1001, 1e-9, 1e-9),
    // Exact arithmetic on the data as rounded to doubles gives 5.6e-9 for the sd.
    ("NumAcc4", 1001, 5.7e-9, 1.2e-8),
    ("PiDigits", 5000, 1e-9, 1e-9),
];

/// Statistic, certified value, what we compute.
type Row = (&'static str, f64, f64);

/// Reads either of the two layouts in which the files travel.
pub(crate) fn read(name: &str) -> Option<(Vec<f64>, Vec<Row>)> {
    let text = text(&format!("nist_univariate/{name}.dat"))?;
    let data: Vec<f64> = text
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    let certified = |keys: [&str; 2]| {
        text.lines()
            .find(|line| keys.iter().any(|key| line.trim_start().starts_with(key)))
            .and_then(|line| line.rsplit(['=', ':']).next())
            .and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok())
    };
    let found = [
        ("mean", certified(["Sample Mean", "mean"]), mean(&data)),
        (
            "sd",
            certified(["Sample Standard", "standardDeviation"]),
            sd(&data),
        ),
        (
            "lag-1 r",
            certified(["Sample Autocorr", "autocorrelation"]),
            lag1_autocorrelation(&data),
        ),
    ];
    let rows = found
        .into_iter()
        .filter_map(|(what, want, got)| Some((what, want?, got.unwrap())));
    let rows = rows.collect();
    Some((data, rows))
}

/// File, statistic and relative error, for every certified value.
pub(crate) fn errors() -> Option<Vec<(&'static str, &'static str, f64)>> {
    let mut all = Vec::new();
    for (name, ..) in FILES {
        let (_, rows) = read(name)?;
        all.extend(
            rows.into_iter()
                .map(|(what, want, got)| (name, what, error(got, want))),
        );
    }
    Some(all)
}

/// Relative error at most 1e-9, or the floor that rounding the data to doubles sets.
#[test]
fn r9_nist_univariate() {
    for (name, n, sd_bound, r_bound) in FILES {
        let Some((data, rows)) = read(name) else {
            return;
        };
        assert_eq!(data.len(), n, "{name}");
        assert_eq!(rows.len(), 3, "{name}: certified values");
        for (what, want, got) in rows {
            let off = error(got, want);
            let bound = match what {
                "sd" => sd_bound,
                "lag-1 r" => r_bound,
                _ => 1e-14,
            };
            assert!(off <= bound, "{name} {what}: {got}, not {want} ({off:e})");
        }
    }
}

/// The one-pass accumulator loses digits on `NumAcc4`, but no more than the theory allows.
#[test]
fn moments_on_the_hard_files() {
    for (name, bound) in [("NumAcc3", 1e-7), ("NumAcc4", 1e-6), ("PiDigits", 1e-12)] {
        let Some((data, rows)) = read(name) else {
            return;
        };
        let mut streamed = Moments::new();
        for value in &data {
            streamed.push(*value).unwrap();
        }
        close(name, streamed.sd().unwrap() / rows[1].1, 1.0, bound);
    }
}
