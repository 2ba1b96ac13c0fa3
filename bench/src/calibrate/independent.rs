//! Textbook tests of independent observations: what each keeps, and what dependence does to it.
//!
//! Sources of the tests: Welch (1947, 1951); Kruskal & Wallis (1952); Schuirmann (1987).

use tacho_stats::distribution::{FisherF, NoncentralF};
use tacho_stats::equivalence::{self, Margin};
use tacho_stats::rng::Rng;
use tacho_stats::{Alternative, anova, kruskal, ttest};

use super::{Alarms, Process, Role, Section, Study, Trial};

const ALPHA: f64 = 0.05;
/// The known change, in true standard errors of the difference of two samples.
const SHIFT: f64 = 3.0;
/// Half the equivalence margin's width, in the same unit.
const MARGIN: f64 = 4.0;

/// Three samples, of which the third may be moved.
struct Samples {
    groups: [Vec<f64>; 3],
    /// True standard error of the difference of the first and the last.
    error: f64,
}

const METHODS: [&str; 6] = [
    "Student",
    "Welch",
    "ANOVA of 3",
    "Welch's ANOVA of 3",
    "Kruskal-Wallis of 3",
    "TOST at its margin",
];

/// p-values of all methods, the last group moved by `shift`.
fn p_values(samples: &Samples, shift: f64) -> [f64; 6] {
    let [first, second, last] = &samples.groups;
    let moved: Vec<f64> = last.iter().map(|v| v + shift).collect();
    let groups = [first.as_slice(), second, &moved];
    // At the margin the claim of equivalence is false by a hair; inside it, true.
    let margin = Margin::symmetric(MARGIN * samples.error).ok();
    let edge = if shift == 0.0 {
        MARGIN * samples.error
    } else {
        0.0
    };
    let claimed: Vec<f64> = last.iter().map(|v| v + edge).collect();
    let two_sided =
        |test: tacho_stats::Result<ttest::TTest>| test.map_or(1.0, |t| t.p(Alternative::TwoSided));
    [
        two_sided(ttest::student(first, &moved)),
        two_sided(ttest::welch(first, &moved)),
        anova::one_way(&groups).map_or(1.0, |t| t.p()),
        anova::welch(&groups).map_or(1.0, |t| t.p()),
        kruskal::kruskal_wallis(&groups).map_or(1.0, |t| t.p()),
        margin.map_or(1.0, |margin| {
            equivalence::welch(first, &claimed, margin, ALPHA).map_or(1.0, |t| t.p())
        }),
    ]
}

/// Processes, sizes of the three samples and their scales.
pub(super) fn measure(study: &Study) -> Section {
    // What the analysis of variance should find: λ of a shift of one group in three.
    let lambda = SHIFT * SHIFT * 4.0 / 3.0;
    let power = || -> Option<f64> {
        let critical = FisherF::new(2.0, 87.0).ok()?.inverse_sf(ALPHA).ok()?;
        Some(NoncentralF::new(2.0, 87.0, lambda).ok()?.sf(critical))
    };
    let mut section = Section {
        title: "Textbook tests of independent observations",
        about: format!(
            "The known change moves the last sample by {SHIFT} true standard errors of the \
             difference of two (with normal samples of 30 the formula gives ANOVA {:.1} % power); \
             TOST claims equivalence within {MARGIN} standard errors, its false alarms are claims \
             at the margin itself, its power claims for equal means. *Unequal* has standard \
             deviations of 1, 1 and 3 and sizes of n, n and n/3: the small sample varies most. \
             Log-normal samples are equal in distribution, so that unequal shapes play no part. \
             AR(1) shows what dependence does; none of these tests is chosen there.",
            100.0 * power().unwrap_or(f64::NAN),
        ),
        ..Section::default()
    };
    for (process, sizes) in [
        (Process::White, &[6, 30, 120][..]),
        (Process::StudentT3, &[30]),
        (Process::LogNormal, &[30, 120]),
        (Process::Autoregression(0.5), &[30, 120]),
    ] {
        for n in sizes {
            rows(&mut section, study, process, [*n; 3], [1.0; 3]);
        }
    }
    rows(
        &mut section,
        study,
        Process::White,
        [30, 30, 10],
        [1.0, 1.0, 3.0],
    );
    section
}

fn rows(section: &mut Section, study: &Study, process: Process, n: [usize; 3], scale: [f64; 3]) {
    let variance = |i: usize| scale[i].powi(2) * process.long_run_variance() / n[i] as f64;
    let error = (variance(0) + variance(2)).sqrt();
    let trial = |rng: &mut Rng| -> [Trial; 6] {
        let group = |rng: &mut Rng, i: usize| -> Vec<f64> {
            let plain = process.sample(rng, n[i]);
            plain.into_iter().map(|v| scale[i] * v).collect()
        };
        let groups = [group(rng, 0), group(rng, 1), group(rng, 2)];
        let samples = Samples { groups, error };
        let (same, changed) = (p_values(&samples, 0.0), p_values(&samples, SHIFT * error));
        std::array::from_fn(|i| Trial {
            decided: true,
            alarm: same[i] < ALPHA,
            found: changed[i] < ALPHA,
        })
    };
    let tallies = study.count(n[0] as u64, trial);
    let name = if n[0] == n[2] {
        process.to_string()
    } else {
        format!("{process}, unequal")
    };
    for (method, tally) in METHODS.iter().zip(tallies) {
        section.alarms.push(Alarms {
            method: (*method).to_owned(),
            role: Role::Textbook,
            process: name.clone(),
            n: n[0],
            nominal: ALPHA,
            tally,
        });
    }
}
