//! Series without a change: how often one is reported anyway.
//!
//! An alarm is any reported change at all, wherever it is: the search over places is the method's
//! own affair. The known change is a step in the middle.

use tacho_stats::changepoint::{EDivisive, Regimes, Settings, changes, e_divisive};
use tacho_stats::rng::Rng;

use super::{Alarms, Process, Role, Section, Study, Trial};

/// The step for power, in true standard errors of the difference of the two halves' means.
const SHIFT: f64 = 8.0;
/// Permutations are slow, so e-divisive sees only every tenth replicate.
const ENERGY_EVERY: u64 = 10;
const METHODS: [(&str, Regimes); 2] = [
    ("changes", Regimes::Lines),
    ("changes, levels", Regimes::Levels),
];

/// Each process at each length.
pub(super) fn measure(study: &Study) -> Section {
    let mut section = Section {
        title: "Change points",
        about: format!(
            "One series of n observations without change; an alarm is any change reported. The \
             known change is a step of {SHIFT} true standard errors in the middle, found where the \
             place of a reported change holds it."
        ),
        ..Section::default()
    };
    for (process, sizes) in [
        (Process::White, &[20, 50, 300][..]),
        (Process::StudentT3, &[300]),
        (Process::Autoregression(0.5), &[100, 300]),
        (Process::Autoregression(0.9), &[300]),
        (Process::LogNormal, &[300]),
        (Process::NoisyDrift, &[300]),
        (Process::Season, &[300]),
    ] {
        for n in sizes {
            let tallies = study
                .short(80)
                .count(*n as u64, |rng| trials(rng, process, *n));
            for ((method, _), tally) in METHODS.iter().zip(tallies) {
                section.alarms.push(Alarms {
                    method: (*method).to_owned(),
                    role: if process == Process::NoisyDrift {
                        Role::Textbook
                    } else {
                        Role::Chosen
                    },
                    process: process.to_string(),
                    n: *n,
                    nominal: Settings::default().alpha,
                    tally,
                });
            }
            let energy = study.one_in(ENERGY_EVERY);
            section.alarms.push(Alarms {
                method: "e-divisive, blocks".to_owned(),
                role: Role::Textbook,
                process: process.to_string(),
                n: *n,
                nominal: EDivisive::default().alpha,
                tally: energy.count(*n as u64, |rng| [energy_trial(rng, process, *n)])[0],
            });
        }
    }
    section
}

fn trials(rng: &mut Rng, process: Process, n: usize) -> [Trial; 2] {
    let (quiet, moved) = pair(rng, process, n);
    METHODS.map(|(_, regimes)| {
        let settings = Settings {
            regimes,
            ..Settings::default()
        };
        let found = |x: &[f64]| changes(x, &settings).unwrap_or_default();
        let holds_middle = |place: (usize, usize)| place.0 <= n / 2 && n / 2 <= place.1;
        Trial {
            decided: true,
            alarm: !found(&quiet).is_empty(),
            found: found(&moved).iter().any(|c| holds_middle(c.place)),
        }
    })
}

/// E-divisive gives no interval of its place: a twentieth of the length either way counts.
fn energy_trial(rng: &mut Rng, process: Process, n: usize) -> Trial {
    let (quiet, moved) = pair(rng, process, n);
    let settings = EDivisive {
        permutations: 99,
        seed: rng.next_u64(),
        ..EDivisive::default()
    };
    let found = |x: &[f64]| e_divisive(x, &settings).unwrap_or_default();
    Trial {
        decided: true,
        alarm: !found(&quiet).is_empty(),
        found: found(&moved)
            .iter()
            .any(|c| c.index.abs_diff(n / 2) <= n / 20),
    }
}

/// A series without change, and the same with a step in the middle.
fn pair(rng: &mut Rng, process: Process, n: usize) -> (Vec<f64>, Vec<f64>) {
    let quiet = process.sample(rng, n);
    let step = SHIFT * (4.0 * process.long_run_variance() / n as f64).sqrt();
    let moved = quiet.iter().enumerate();
    let moved = moved.map(|(i, v)| if i < n / 2 { *v } else { v + step });
    let moved = moved.collect();
    (quiet, moved)
}
