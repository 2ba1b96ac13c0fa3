//! Any stream of doubles through every streaming detector of one series: no panic, no score that is
//! NaN, and a value that is not finite is refused.

#![no_main]

use tacho_fuzz::plant;
use tacho_stats::StatsError;
use tacho_stats::detect::{
    Cusum, Detector, DiscordDetector, EDetector, Episodes, Ewma, ForestDetector, Glr, Monitor,
    NormalBaseline, PeaksOverThreshold, RateOfChange, RobustZ, RunLength, SeriesBaseline, Shewhart,
    StreamingForestOptions, Training, TukeyFences,
};

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let (doubles, _) = rest.as_chunks::<8>();
    let values: Vec<f64> = doubles.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let (training, stream) = values.split_at(values.len().min(30 + usize::from(*first)));
    for mut detector in detectors(training) {
        for value in stream {
            match detector.update(*value) {
                Ok(score) => {
                    assert!(value.is_finite());
                    assert!(score.statistic >= 0.0 && score.relative() >= 0.0, "{score:?}");
                    assert!(score.threshold > 0.0);
                }
                Err(StatsError::NotFinite { .. }) => {
                    assert!(!value.is_finite());
                    detector.skip();
                }
                // Values between 0 and 1 only.
                Err(StatsError::Invalid { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
});

/// All that this training allows. Thresholds come from integral equations, so charts are made once.
fn detectors(training: &[f64]) -> Vec<Box<dyn Detector>> {
    thread_local! {
        static CHARTS: (Cusum, Ewma, Glr) = {
            let nominal = RunLength::new(100.0).expect("in range");
            (
                Cusum::new(1.0, nominal).expect("in range"),
                Ewma::new(0.1, nominal).expect("in range"),
                Glr::new(nominal).expect("in range"),
            )
        };
    }
    let nominal = RunLength::new(100.0).expect("in range");
    let (cusum, ewma, glr) = CHARTS.with(Clone::clone);
    let seasonal = Training {
        periods: &[3, 12],
        order_max: 5,
    };
    let mut all: Vec<Box<dyn Detector>> = vec![
        Box::new(cusum.clone()),
        Box::new(ewma.clone()),
        Box::new(glr.clone()),
        Box::new(EDetector::sub_gaussian(nominal)),
        Box::new(EDetector::mean_at_most(0.2, nominal).expect("in range")),
    ];
    if let Ok(baseline) = SeriesBaseline::train(training) {
        all.push(Box::new(PeaksOverThreshold::new(baseline.clone(), nominal)));
        all.push(Box::new(Monitor::new(baseline, glr)));
    }
    if let Ok(baseline) = SeriesBaseline::train_with(training, seasonal) {
        all.push(Box::new(Monitor::new(baseline, cusum)));
    }
    if let Ok(baseline) = NormalBaseline::train(training) {
        let shewhart = Shewhart::new(nominal).expect("in range");
        all.push(Box::new(Monitor::new(baseline.clone(), shewhart)));
        all.push(Box::new(Monitor::new(baseline, ewma)));
    }
    let forest = StreamingForestOptions {
        trees: 3,
        sample: 8,
        ..StreamingForestOptions::default()
    };
    all.extend(
        ForestDetector::train(training, 2, &forest, nominal)
            .map(|d| Box::new(d) as Box<dyn Detector>),
    );
    all.extend(
        DiscordDetector::train(training, 3, 10, nominal).map(|d| Box::new(d) as Box<dyn Detector>),
    );
    for quiet in [0, 3] {
        let episodes = Episodes::train(training, quiet, nominal);
        all.extend(episodes.map(|d| Box::new(d) as Box<dyn Detector>));
    }
    all.extend(RateOfChange::train(training, 3, nominal).map(|d| Box::new(d) as Box<dyn Detector>));
    all.extend(RobustZ::train(training, nominal).map(|d| Box::new(d) as Box<dyn Detector>));
    all.extend(TukeyFences::train(training, nominal).map(|d| Box::new(d) as Box<dyn Detector>));
    all
}

/// A wave, steps, values of every size, and a training followed by what is not a number.
fn seeds() -> Vec<Vec<u8>> {
    let stream = |value: fn(u32) -> f64| {
        let values = (0..400).flat_map(move |i| value(i).to_le_bytes());
        std::iter::once(100).chain(values).collect()
    };
    vec![
        stream(|i| (f64::from(i) * 0.7).sin() + f64::from(i * 7 % 5)),
        stream(|i| f64::from(i % 12 / 4)),
        stream(|i| 10f64.powi(i as i32 * 3 % 600 - 300)),
        stream(|i| {
            if i < 200 {
                f64::from(i * i % 37)
            } else {
                1.0 / f64::from(i % 3)
            }
        }),
    ]
}
