//! Any numbers, in any order of arms, merges and looks, to every test that is watched.
//!
//! The first byte chooses the test; each step is nine: what to do, and a double. Whatever comes, nothing panics, p-values only
//! fall, intervals only narrow, and a refused number changes nothing.

#![no_main]

use tacho_fuzz::plant;
use tacho_stats::sequential::{
    Arm, DependentMeans, MeanMethod, ProportionPlan, SequentialMeans, SequentialProportion,
    SequentialProportions, SequentialQuantile, SequentialQuantiles, Sigma,
};

const ALPHA: f64 = 0.05;
/// Looks at quantiles and proportions cost milliseconds.
const STEPS_MAX: usize = 200;

/// Two arms that differ, with a look after every pair; and numbers at the ends of the range.
fn seeds() -> Vec<Vec<u8>> {
    let step = |what: u8, value: f64| {
        let mut bytes = vec![what];
        bytes.extend(value.to_le_bytes());
        bytes
    };
    let quiet = (0..40).flat_map(|i| {
        let value = f64::from(i % 7) / 7.0;
        [step(0, value), step(1, 0.5 * value), step(2, 0.0)].concat()
    });
    let loud = [
        f64::NAN,
        1e308,
        -1e308,
        5e-324,
        -0.0,
        0.0,
        1.0,
        f64::INFINITY,
    ];
    let loud = loud
        .into_iter()
        .flat_map(|value| [step(0, value), step(1, value), step(2, 0.0), step(3, 0.0)].concat());
    let (quiet, loud): (Vec<u8>, Vec<u8>) = (quiet.collect(), loud.collect());
    (0..9)
        .flat_map(|stream| [&quiet, &loud].map(|steps| [&[stream], steps.as_slice()].concat()))
        .collect()
}

/// What a stream shows of itself.
#[derive(Debug, Clone, Copy)]
struct Shown {
    p: f64,
    low: f64,
    high: f64,
}

impl Shown {
    fn after(self, next: Self) -> Self {
        assert!((0.0..=self.p).contains(&next.p), "{self:?} {next:?}");
        assert!(next.low <= next.high, "{next:?}");
        assert!(
            next.low >= self.low && next.high <= self.high,
            "{self:?} {next:?}"
        );
        next
    }
}

macro_rules! drive {
    ($new:expr, $update:expr, $merge:expr, $bytes:expr) => {{
        let new = $new;
        let (mut stream, mut other) = (new.clone(), new);
        let mut shown = Shown {
            p: 1.0,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
        };
        for step in $bytes.chunks_exact(9).take(STEPS_MAX) {
            let value = f64::from_le_bytes(step[1..].try_into().expect("eight bytes"));
            let arm = if step[0] & 1 == 0 {
                Arm::Control
            } else {
                Arm::Treatment
            };
            match step[0] & 6 {
                0 => {
                    let before = stream.clone();
                    if $update(&mut stream, arm, value).is_err() {
                        assert_eq!(stream, before);
                    }
                }
                2 => {
                    if let Ok(look) = stream.look() {
                        assert!(look.estimate.is_finite());
                    }
                    let interval = stream.interval();
                    let (p, low, high) = (stream.p(), interval.low, interval.high);
                    shown = shown.after(Shown { p, low, high });
                }
                4 => {
                    let _ = $update(&mut other, arm, value);
                }
                _ => {
                    $merge(&mut stream, &other);
                }
            }
        }
    }};
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    let Some((stream, bytes)) = bytes.split_first() else {
        return;
    };
    let (sigma, expected_n) = (Sigma::Estimated, 50.0);
    let known = Sigma::Known(1.0);
    let plan = ProportionPlan::new(50.0, 0.5);
    match stream % 9 {
        0 => means(MeanMethod::Msprt { tau: 1.0, sigma: known }, bytes),
        1 => means(MeanMethod::Msprt { tau: 1.0, sigma }, bytes),
        2 => means(MeanMethod::Gavi { expected_n, sigma }, bytes),
        3 => means(MeanMethod::Student { expected_n }, bytes),
        4 => drive!(
            DependentMeans::new(50.0, ALPHA).expect("a plan"),
            DependentMeans::update,
            |_: &mut DependentMeans, _: &DependentMeans| (),
            bytes
        ),
        5 => drive!(
            SequentialProportion::new(0.5, plan, ALPHA).expect("a plan"),
            |stream: &mut SequentialProportion, _, value| stream.update(value),
            SequentialProportion::merge,
            bytes
        ),
        6 => drive!(
            SequentialProportions::new(plan, ALPHA).expect("a plan"),
            SequentialProportions::update,
            SequentialProportions::merge,
            bytes
        ),
        7 => drive!(
            SequentialQuantile::new(0.5, 0.25, 50.0, ALPHA).expect("a plan"),
            |stream: &mut SequentialQuantile, _, value| stream.update(value),
            SequentialQuantile::merge,
            bytes
        ),
        _ => drive!(
            SequentialQuantiles::new(0.9, 50.0, ALPHA).expect("a plan"),
            SequentialQuantiles::update,
            SequentialQuantiles::merge,
            bytes
        ),
    }
});

fn means(method: MeanMethod, bytes: &[u8]) {
    drive!(
        SequentialMeans::new(method, ALPHA).expect("a plan"),
        SequentialMeans::update,
        |a: &mut SequentialMeans, b: &SequentialMeans| {
            // Streams of different plans do not merge; that is an answer too.
            let _ = a.merge(b);
        },
        bytes
    );
}
