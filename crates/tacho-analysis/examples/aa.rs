//! How often a change is claimed where there is none (A/A), and how often one is found where
//! there is one, at margin 0.
//!
//! `cargo run --release -p tacho-analysis --example aa [REPLICATES [means|latencies]]`: 10 000 and
//! both by default. Welch's test on the same values stands beside it for comparison. A declined
//! comparison (too few effective values) is no claim.

//! Measured with 10 000 pairs a line (± 1.96 Monte-Carlo standard errors), nominal 5 %:
//!
//! ```text
//! means White, n 20              3.01 ± 0.33 %  ratio 0.60  Welch  4.7 %  power  78.6 %
//! means White, n 60              3.27 ± 0.35 %  ratio 0.65  Welch  5.0 %  power 100.0 %
//! means T3, n 60                 2.89 ± 0.33 %  ratio 0.58  Welch  4.7 %  power  99.4 %
//! means Ar(0.5), n 60            3.04 ± 0.34 %  ratio 0.61  Welch 26.0 %  power  72.4 %
//! means Ar(0.5), n 100           3.24 ± 0.35 %  ratio 0.65  Welch 25.7 %  power  95.9 %
//! means Ar(0.9), n 300           4.73 ± 0.42 %  ratio 0.95  Welch 66.1 %  power  71.3 %
//! means Ar(0.9), n 600           4.96 ± 0.43 %  ratio 0.99  Welch 65.7 %  power  96.8 %
//! latencies White, n 20          2.25 ± 0.29 %  ratio 0.45  Welch  5.0 %  power  82.6 %
//! latencies White, n 40          2.37 ± 0.30 %  ratio 0.47  Welch  5.3 %  power  98.7 %
//! latencies Ar(0.5), n 60        3.56 ± 0.36 %  ratio 0.71  Welch 14.1 %  power  98.4 %
//! latencies Ar(0.9), n 300       4.94 ± 0.42 %  ratio 0.99  Welch 48.6 %  power  99.4 %
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its table")]

use tacho_analysis::aggregate::Function;
use tacho_analysis::measurement::{Measurement, Summary};
use tacho_analysis::metric::{Margin, MetricKind, MetricSpec};
use tacho_analysis::verdict::{Answer, Settings, compare_summaries};
use tacho_model::{Labels, Unit};
use tacho_stats::Alternative;
use tacho_stats::rng::Rng;

#[path = "../tests/it/noise.rs"]
mod noise;

use noise::{Process, latencies, values};

const ALPHA: f64 = 0.05;

/// Shares of pairs.
struct Rates {
    claimed: f64,
    declined: f64,
    welch: f64,
}

fn rates(replicates: u64, pair: impl Fn(&mut Rng) -> (Measurement, Measurement)) -> Rates {
    let labels = Labels::metric("m").unwrap_or_else(|_| unreachable!("a fixed name"));
    let kind = MetricKind::Other;
    let mut spec = MetricSpec::new("host", labels, Function::Avg, Unit::NONE, kind);
    spec.margin = Margin {
        relative: 0.0,
        absolute: 0.0,
    };
    let settings = Settings {
        resamples: 400,
        seed: 1,
    };
    let (mut claimed, mut declined, mut welch) = (0_u32, 0_u32, 0_u32);
    for seed in 0..replicates {
        let (a, b) = pair(&mut Rng::new(seed));
        let (Ok(a), Ok(b)) = (Summary::of(&a), Summary::of(&b)) else {
            continue;
        };
        let textbook = tacho_stats::ttest::welch(&a.sample.values, &b.sample.values);
        welch += u32::from(textbook.is_ok_and(|t| t.p(Alternative::TwoSided) <= ALPHA));
        let Ok(verdict) = compare_summaries(&spec, &a, &b, &settings) else {
            continue;
        };
        claimed += u32::from(matches!(
            verdict.answer,
            Answer::Regressed | Answer::Improved
        ));
        declined += u32::from(verdict.effective_n.iter().any(|n| *n < 12.0));
    }
    let share = |n: u32| f64::from(n) / replicates as f64;
    Rates {
        claimed: share(claimed),
        declined: share(declined),
        welch: share(welch),
    }
}

/// Prints a line and returns the ratio of false alarms to nominal.
fn line(name: &str, replicates: u64, aa: &Rates, power: &Rates) -> f64 {
    let error = (aa.claimed * (1.0 - aa.claimed) / replicates as f64).sqrt();
    println!(
        "{name:<28} {:>6.2} ± {:.2} %  ratio {:.2}  declined {:>5.1} %  Welch {:>5.1} %  \
         power {:>5.1} %",
        100.0 * aa.claimed,
        196.0 * error,
        aa.claimed / ALPHA,
        100.0 * aa.declined,
        100.0 * aa.welch,
        100.0 * power.claimed,
    );
    aa.claimed / ALPHA
}

fn main() {
    let argument = std::env::args().nth(1);
    let replicates = argument.and_then(|a| a.parse().ok()).unwrap_or(10_000_u64);
    let some = (replicates / 10).max(100);
    println!("claims of a change at margin 0, nominal 5 %, {replicates} pairs a line");
    println!("power: means +1 sd, latencies +10 %, {some} pairs\n");
    let only = std::env::args().nth(2).unwrap_or_default();
    let mut worst: f64 = 0.0;
    let (ar5, ar9) = (Process::Ar(0.5), Process::Ar(0.9));
    let means = [
        (Process::White, 20),
        (Process::White, 60),
        (Process::T3, 60),
        (ar5, 60),
        (ar5, 100),
        (ar9, 300),
        (ar9, 600),
    ];
    for (process, n) in means.into_iter().filter(|_| only != "latencies") {
        let sides = |rng: &mut Rng, mean: f64| {
            (
                values(rng, process, n, 100.0, 5.0),
                values(rng, process, n, mean, 5.0),
            )
        };
        let aa = rates(replicates, |rng| sides(rng, 100.0));
        let power = rates(some, |rng| sides(rng, 105.0));
        worst = worst.max(line(
            &format!("means {process:?}, n {n}"),
            replicates,
            &aa,
            &power,
        ));
    }
    let distributions = [
        (Process::White, 20),
        (Process::White, 40),
        (ar5, 60),
        (ar9, 300),
    ];
    for (process, n) in distributions.into_iter().filter(|_| only != "means") {
        let sides = |rng: &mut Rng, factor: f64| {
            let a = latencies(rng, process, (n, 40), 0.05, |_, v| v);
            (a, latencies(rng, process, (n, 40), 0.05, |_, v| factor * v))
        };
        let aa = rates(replicates, |rng| sides(rng, 1.0));
        let power = rates(some, |rng| sides(rng, 1.10));
        worst = worst.max(line(
            &format!("latencies {process:?}, n {n}"),
            replicates,
            &aa,
            &power,
        ));
    }
    println!("\nworst ratio {worst:.2}");
}
