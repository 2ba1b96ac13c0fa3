//! Detectors of unusual stretches and rows, whose scores overlap.
//!
//! Rows are made of consecutive values of one series, so that the processes are the same ones.

use tacho_stats::Result;
use tacho_stats::detect::{
    Detector, DiscordDetector, ForestDetector, RowDetector, Rows, RunLength, Score,
    StreamingForestOptions,
};

use super::super::{Process, Role, Section, Study};
use super::{Change, Method, row};

/// Scores are known once the forest or the history is full, and come in episodes.
const TRAINING: usize = 3_000;
/// The run length asked for, how many of them are watched, and one in how many replicates.
const NOMINAL: f64 = 500.0;
const FULL: (usize, u64) = (10, 40);
const QUICK: (usize, u64) = (3, 3);
/// Values of a shingle, and of a row.
const SHINGLE: usize = 4;
const WIDTH: usize = 4;
/// Values of a pattern, and how far back it is sought.
const WINDOW: usize = 24;
const HISTORY: usize = 480;

/// Every detector of patterns on processes short and long in memory.
pub(in super::super) fn measure(study: &Study) -> Section {
    let full = study.replicates >= super::FULL;
    let (horizon, every) = if full { FULL } else { QUICK };
    let mut section = Section {
        title: "Run lengths of detectors of patterns and rows",
        about: format!(
            "As above, after a training of {TRAINING} values; each episode of unusual scores is one \
             alarm. The discord looks at {WINDOW} values and {HISTORY} back, forests at {SHINGLE} \
             values, and at rows of {WIDTH}. The change is a spike in one of {} values, the delay \
             being in spikes; or, where there is a pattern to break, a wave that quickens.",
            super::SPIKE_EVERY
        ),
        ..Section::default()
    };
    for process in [
        Process::White,
        Process::StudentT3,
        Process::Autoregression(0.5),
        Process::Season,
    ] {
        for method in methods(process, full) {
            let part = study.one_in(every);
            let watched = horizon * NOMINAL as usize;
            let mut row = row(&part, &method, process, NOMINAL, watched);
            // In noise every shape is as usual as any other.
            row.delay = row
                .delay
                .filter(|_| method.change != Change::Wave || process == Process::Season);
            section.run_lengths.push(row);
        }
    }
    section
}

/// What watches `process`; the short form has smaller forests, and those on white noise only.
fn methods(process: Process, full: bool) -> Vec<Method> {
    let options = StreamingForestOptions {
        trees: if full { 40 } else { 10 },
        ..StreamingForestOptions::default()
    };
    let nominal = |every: f64| RunLength::new(NOMINAL / every).expect("in range");
    let mut methods = vec![method("discord", Change::Wave, move |x| {
        let nominal = nominal(1.0);
        Ok(Box::new(DiscordDetector::train(
            x, WINDOW, HISTORY, nominal,
        )?))
    })];
    if full || process == Process::White {
        let rows = options.clone();
        methods.push(method("streaming forest", Change::Spikes, move |x| {
            let nominal = nominal(1.0);
            Ok(Box::new(ForestDetector::train(
                x, SHINGLE, &options, nominal,
            )?))
        }));
        methods.push(method("forest of rows", Change::Spikes, move |x| {
            // Once in so many values is once in fewer rows.
            let nominal = nominal(WIDTH as f64);
            Ok(Box::new(ByRow {
                detector: RowDetector::train(&Rows::new(x, WIDTH)?, 1, &rows, nominal)?,
                row: Vec::new(),
            }))
        }));
    }
    methods
}

fn method(
    name: &'static str,
    change: Change,
    make: impl Fn(&[f64]) -> Result<Box<dyn Detector>> + Sync + 'static,
) -> Method {
    Method {
        name,
        role: Role::Chosen,
        change,
        training: TRAINING,
        make: Box::new(move |x, _| make(x)),
    }
}

/// A series whose values are rows.
struct ByRow {
    detector: RowDetector,
    row: Vec<f64>,
}

impl Detector for ByRow {
    fn update(&mut self, value: f64) -> Result<Score> {
        self.row.push(value);
        if self.row.len() < WIDTH {
            return Ok(QUIET);
        }
        let score = self.detector.update(&self.row);
        self.row.clear();
        score
    }
}

/// Nothing is said while a row is incomplete.
const QUIET: Score = Score {
    statistic: 0.0,
    threshold: 1.0,
    direction: None,
};
