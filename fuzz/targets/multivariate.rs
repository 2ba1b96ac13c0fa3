//! Any values, gaps and shapes to the detectors that learn streams: nothing panics, every answer is
//! in its range, and a refused value changes nothing.

#![no_main]

use tacho_fuzz::plant;
use tacho_stats::detect::{
    LeftMatrixProfile, RowDetector, Rows, RunLength, ShingledForest, StreamingForest,
    StreamingForestOptions,
};

fn seeds() -> Vec<Vec<u8>> {
    let bytes = |values: &[f64]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let wave: Vec<f64> = (0..60).map(|i| f64::from(i % 7)).collect();
    let hostile = [
        1e308,
        -1e308,
        5e-324,
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        1e140,
        1.0,
    ];
    vec![
        [&[3, 2, 8, 9][..], &bytes(&wave)].concat(),
        [&[1, 5, 4, 0][..], &bytes(&hostile)].concat(),
    ]
}

fn options(sample: u8, seed: u8) -> StreamingForestOptions {
    StreamingForestOptions {
        trees: 3,
        sample: 2 + usize::from(sample % 16),
        memory: 0.5,
        scales: Vec::new(),
        seed: u64::from(seed),
    }
}

/// Learns from the first half, as far as it is finite, and watches all of it.
fn judge_rows(values: &[f64], width: usize, options: &StreamingForestOptions) {
    let nominal = RunLength::new(50.0).expect("in range");
    let start = &values[..values.len() / (2 * width) * width];
    let rows = Rows::new(start, width);
    let Ok(mut detector) = rows.and_then(|r| RowDetector::train(&r, 1, options, nominal)) else {
        return;
    };
    for row in values.chunks(width) {
        match detector.update(row) {
            Ok(score) => assert!(score.relative() >= 0.0),
            Err(_) => detector.skip(),
        }
    }
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    let Some(([width, sample, window, seed], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let (numbers, _) = rest.as_chunks::<8>();
    let values: Vec<f64> = numbers.iter().map(|b| f64::from_le_bytes(*b)).collect();
    let width = 1 + usize::from(width % 5);
    let mut forest = StreamingForest::new(width, &options(*sample, *seed)).expect("good options");
    for row in values.chunks(width) {
        let before = forest.score(row);
        assert_eq!(forest.update(row), before, "a score is made before the row is learnt");
        assert!(before.is_err() || before.is_ok_and(|s| (0.0..=1.0).contains(&s)));
    }
    judge_rows(&values, width, &options(*sample, *seed));
    let mut shingled = ShingledForest::new(width, &options(*sample, *seed)).expect("good options");
    let window = 3 + usize::from(window % 20);
    let history = window + usize::from(*sample);
    let mut profile = LeftMatrixProfile::new(window, history).expect("good lengths");
    let farthest = 2.0 * (window as f64).sqrt();
    for value in &values {
        if let Ok(Some(score)) = shingled.update(*value) {
            assert!((0.0..=1.0).contains(&score));
        }
        match profile.update(*value) {
            Ok(Some(found)) => {
                assert!((0.0..=farthest).contains(&found.distance) && found.lag <= history);
            }
            Ok(None) => {}
            Err(_) => profile.skip(),
        }
    }
});
