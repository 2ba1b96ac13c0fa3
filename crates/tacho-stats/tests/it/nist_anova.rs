//! `NIST` `StRD`, one-way analysis of variance: certified sums of squares, F, R² and residual sd.

use tacho_stats::anova::one_way;

use crate::shared::{error, text};

/// Name, observations, bound of the relative errors.
const FILES: [(&str, usize, f64); 11] = [
    ("SiRstv", 25, 1e-9),
    ("SmLs01", 189, 1e-9),
    ("SmLs02", 1_809, 1e-9),
    ("SmLs03", 18_009, 1e-9),
    ("AtmWtAg", 48, 1e-9),
    ("SmLs04", 189, 1e-9),
    ("SmLs05", 1_809, 1e-9),
    ("SmLs06", 18_009, 1e-9),
    // Thirteen: exact rational arithmetic on the data as rounded gives 3.866e-5,
    // 6.470e-5 and 6.743e-5 for F, and so do we; the sums of squares miss by up to 1.2e-4.
    ("SmLs07", 189, 1.3e-4),
    ("SmLs08", 1_809, 1.3e-4),
    ("SmLs09", 18_009, 1.3e-4),
];

/// Statistic and relative error.
type Row = (&'static str, f64);

fn read(name: &str) -> Option<(usize, Vec<Row>)> {
    let text = text(&format!("nist_anova/{name}.dat"))?;
    let numbers = |line: &str| -> Vec<f64> {
        line.split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect()
    };
    let line = |start: &str| text.lines().find(|l| l.trim_start().starts_with(start));
    let between = numbers(line("Between").expect("certified values"));
    let within = numbers(line("Within").expect("certified values"));
    let r2 = numbers(line("Certified R-Squared").expect("R²"));
    // The header has a line of the same name; the data follow the last.
    let (_, data) = text.rsplit_once("Data:").expect("data");
    let (mut groups, mut last): (Vec<Vec<f64>>, f64) = (Vec::new(), f64::NAN);
    for row in data
        .lines()
        .skip(1)
        .map(numbers)
        .filter(|row| row.len() == 2)
    {
        if row[0] != last {
            groups.push(Vec::new());
            last = row[0];
        }
        groups.last_mut().expect("a group").push(row[1]);
    }
    let slices: Vec<&[f64]> = groups.iter().map(Vec::as_slice).collect();
    let test = one_way(&slices).expect("NIST data are sound");
    assert_eq!(
        (test.df_between, test.df_within),
        (between[0], within[0]),
        "{name}"
    );
    let rows = vec![
        ("F", error(test.f, between[3])),
        ("SS between", error(test.ss_between, between[1])),
        ("SS within", error(test.ss_within, within[1])),
        ("R squared", error(test.eta_squared().value, r2[0])),
    ];
    Some((groups.iter().map(Vec::len).sum(), rows))
}

/// File, statistic and relative error.
pub(crate) fn errors() -> Option<Vec<(&'static str, &'static str, f64)>> {
    let mut all = Vec::new();
    for (name, ..) in FILES {
        let (_, rows) = read(name)?;
        all.extend(rows.into_iter().map(|(what, off)| (name, what, off)));
    }
    Some(all)
}

/// Relative error at most 1e-9, or the floor that rounding the data to doubles sets.
#[test]
fn r9_nist_anova() {
    for (name, n, bound) in FILES {
        let Some((read, rows)) = read(name) else {
            return;
        };
        assert_eq!(read, n, "{name}");
        for (what, off) in rows {
            assert!(off <= bound, "{name} {what}: off by {off:e}");
        }
    }
}
