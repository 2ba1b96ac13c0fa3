//! NIST StRD, univariate summary statistics: certified mean, sd and lag-1 autocorrelation.

use tacho_stats::describe::{lag1_autocorrelation, mean, sd};

use crate::shared::{error, text};

struct Certified {
    data: Vec<f64>,
    /// Name, certified value, what we compute.
    values: Vec<(&'static str, f64, f64)>,
}

/// Reads either of the two layouts in which the files travel.
fn read(name: &str) -> Option<Certified> {
    let text = text(&format!("nist_univariate/{name}.dat"))?;
    let is_number = |line: &&str| line.trim().parse::<f64>().is_ok();
    let data: Vec<f64> = text
        .lines()
        .filter(is_number)
        .map(|l| l.trim().parse().unwrap())
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
            certified(["Sample Autocorr", "lagOne"]),
            lag1_autocorrelation(&data),
        ),
    ];
    let values = found
        .into_iter()
        .filter_map(|(what, want, got)| Some((what, want?, got.unwrap())))
        .collect();
    Some(Certified { data, values })
}

/// Relative error at most 1e-9, or the floor that rounding the data to doubles sets.
#[test]
fn r9_nist_univariate() {
    let files: [(&str, usize, f64, f64); 9] = [
        // Name, observations, bound of the sd, bound of the autocorrelation.
        ("Lew", 200, 1e-9, 1e-9),
        ("Lottery", 218, 1e-9, 1e-9),
        ("Mavro", 50, 1e-9, 1e-9),
        ("Michelso", 100, 1e-9, 1e-9),
        ("NumAcc1", 3, 1e-9, 1e-9),
        ("NumAcc2", 1001, 1e-9, 1e-9),
        ("NumAcc3", 1001, 1e-9, 1e-9),
        // Exact arithmetic on the rounded data gives 5.6e-9 for the sd.
        ("NumAcc4", 1001, 5.7e-9, 1.2e-8),
        ("PiDigits", 5000, 1e-9, 1e-9),
    ];
    for (name, n, sd_bound, r_bound) in files {
        let Some(file) = read(name) else { return };
        assert_eq!(file.data.len(), n, "{name}");
        assert!(file.values.len() >= 2, "{name}: certified values not found");
        for (what, want, got) in file.values {
            let off = error(got, want);
            println!("{name:9} {what:8} {off:.1e}");
            let bound = match what {
                "sd" => sd_bound,
                "lag-1 r" => r_bound,
                _ => 1e-15,
            };
            assert!(off <= bound, "{name} {what}: {got}, not {want} ({off:e})");
        }
    }
}
