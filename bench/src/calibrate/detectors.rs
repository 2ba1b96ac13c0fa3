//! Streaming detectors: how often they alarm where nothing changes, and how soon where it does.
//!
//! The run length observed is observations over alarms, summed over many series that were each
//! learnt from a training stretch: what "one false alarm in so many observations" means to someone
//! who watches many series. Averaging times to the first alarm instead would let few lucky
//! trainings hide many unlucky ones.

use std::f64::consts::TAU;
use std::fmt;

use tacho_stats::Result;
use tacho_stats::detect::{
    Cusum, Detector, EDetector, Ewma, Glr, Monitor, NormalBaseline, PeaksOverThreshold,
    RateOfChange, RobustZ, RunLength as Nominal, SeriesBaseline, Shewhart, Training, TukeyFences,
};
use tacho_stats::rng::Rng;

pub(super) mod patterns;

use super::{Process, Role, RunLength, Section, Study};

/// Each series is learnt from this many observations.
const TRAINING: usize = 1_000;
/// Below this many replicates, only the shorter run length is measured, over a shorter time.
const FULL: u64 = 1_000;
/// A lasting change, in standard deviations of what is random.
const SHIFT: f64 = 1.0;
/// A single value's deviation, for detectors of such, and how many values apart they come.
const SPIKE: f64 = 10.0;
const SPIKE_EVERY: usize = 10;
/// The amplitude of a wave that was not there before, and how fast it quickens: at value i it has
/// gone through i² / this many periods, and so does not resemble itself.
const WAVE: f64 = 3.0;
const WAVE_QUICKENS: f64 = 288.0;
/// A change that is not found after this many observations counts as found then.
const PATIENCE: usize = 500;

/// Makes a detector from a training stretch and the periods in it.
type Make = Box<dyn Fn(&[f64], &[usize]) -> Result<Box<dyn Detector>> + Sync>;

struct Method {
    name: &'static str,
    role: Role,
    change: Change,
    training: usize,
    make: Make,
}

/// The known change.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Shift,
    Spikes,
    Wave,
}

impl Change {
    /// By how many standard deviations the value at `index` after the change differs.
    fn at(self, index: usize) -> f64 {
        match self {
            Self::Shift => SHIFT,
            Self::Spikes if index.is_multiple_of(SPIKE_EVERY) => SPIKE,
            Self::Spikes => 0.0,
            Self::Wave => WAVE * (TAU * (index * index) as f64 / WAVE_QUICKENS).sin(),
        }
    }

    /// How long a detector took that answered at `index`.
    fn delay(self, index: usize) -> f64 {
        match self {
            Self::Shift | Self::Wave => index as f64 + 1.0,
            Self::Spikes => (index / SPIKE_EVERY) as f64 + 1.0,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shift => write!(f, "shift {SHIFT} sd"),
            Self::Spikes => write!(f, "spikes {SPIKE} sd"),
            Self::Wave => write!(f, "wave {WAVE} sd"),
        }
    }
}

/// Every detector on every process.
pub(super) fn measure(study: &Study) -> Section {
    let full = study.replicates >= FULL;
    let mut section = Section {
        title: "Run lengths of streaming detectors",
        about: format!(
            "Each detector learns from {TRAINING} observations and watches several run lengths in \
             which nothing changes. The run length is all observations over all alarms of all \
             series. The known change, in standard deviations of what is random, lasts, and the \
             delay is in observations, at most {PATIENCE}; or it is a spike in one of \
             {SPIKE_EVERY} values, and the delay is in spikes. The e-detector promises at least the \
             run length asked for; the others, that run length."
        ),
        ..Section::default()
    };
    let lengths: &[(f64, usize, u64)] = if full {
        &[(500.0, 10, 40), (10_000.0, 5, 100)]
    } else {
        &[(500.0, 3, 3)]
    };
    for process in [
        Process::White,
        Process::StudentT3,
        Process::LogNormal,
        Process::Autoregression(0.5),
        Process::Autoregression(0.9),
        Process::NoisyDrift,
        Process::Season,
    ] {
        for (nominal, horizon, every) in lengths {
            let watched = horizon * *nominal as usize;
            let methods = methods(*nominal, process).expect("charts of these run lengths exist");
            // That textbook methods fail is seen as well, and sooner, at the shorter run length.
            let shown = |method: &Method| *nominal < 1_000.0 || method.role == Role::Chosen;
            for method in methods.into_iter().filter(shown) {
                let part = study.one_in(*every);
                section
                    .run_lengths
                    .push(row(&part, &method, process, *nominal, watched));
            }
        }
    }
    section
}

fn row(
    study: &Study,
    method: &Method,
    process: Process,
    nominal: f64,
    watched: usize,
) -> RunLength {
    let alarms = study.collect(nominal as u64, |rng: &mut Rng| {
        let x = process.sample(rng, method.training + watched);
        let (mut detector, rest) = trained(method, process, &x);
        rest.iter()
            .filter(|v| alarms_at(&mut *detector, **v))
            .count() as f64
    });
    let delays = study.collect(1 + nominal as u64, |rng: &mut Rng| {
        let x = process.sample(rng, method.training + 50 + PATIENCE);
        let (mut detector, rest) = trained(method, process, &x);
        let sd = process.variance().sqrt();
        let (before, after) = rest.split_at(50);
        for value in before {
            alarms_at(&mut *detector, *value);
        }
        let changed = after.iter().enumerate();
        let values = changed.map(|(i, v)| v + sd * method.change.at(i));
        let found = values
            .enumerate()
            .find(|(_, v)| alarms_at(&mut *detector, *v));
        method
            .change
            .delay(found.map_or(PATIENCE - 1, |(index, _)| index))
    });
    let series = alarms.len() as f64;
    let total: f64 = alarms.iter().sum();
    let mean = total / series;
    let variance = alarms.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (series - 1.0);
    let observed = series * watched as f64 / total.max(0.5);
    RunLength {
        detector: method.name.to_owned(),
        role: method.role,
        process: process.to_string(),
        nominal,
        observed,
        error: observed * (variance / series).sqrt() / mean.max(0.5 / series),
        delay: Some((
            method.change.to_string(),
            delays.iter().sum::<f64>() / series,
        )),
    }
}

fn trained<'a>(method: &Method, process: Process, x: &'a [f64]) -> (Box<dyn Detector>, &'a [f64]) {
    let (training, rest) = x.split_at(method.training);
    let periods: &[usize] = if process == Process::Season {
        &[24]
    } else {
        &[]
    };
    let detector = (method.make)(training, periods).expect("the training is long enough");
    (detector, rest)
}

fn alarms_at(detector: &mut dyn Detector, value: f64) -> bool {
    detector.update(value).is_ok_and(|score| score.alarms())
}

/// Charts on the learnt baseline are chosen; textbook detectors stand beside them.
fn methods(nominal: f64, process: Process) -> Result<Vec<Method>> {
    let nominal = Nominal::new(nominal)?;
    let mut methods = vec![
        on_series("CUSUM 1", Change::Shift, Cusum::new(1.0, nominal)?),
        on_series("EWMA 0.1", Change::Shift, Ewma::new(0.1, nominal)?),
        on_series("GLR", Change::Shift, Glr::new(nominal)?),
        Method {
            name: "peaks over threshold",
            role: Role::Chosen,
            change: Change::Spikes,
            training: TRAINING,
            make: Box::new(move |x, periods| {
                Ok(Box::new(PeaksOverThreshold::new(
                    baseline(x, periods)?,
                    nominal,
                )))
            }),
        },
        Method {
            role: Role::Textbook,
            ..on_series(
                "e-detector",
                Change::Shift,
                EDetector::sub_gaussian(nominal),
            )
        },
    ];
    if process != Process::Season {
        methods.extend(textbook(nominal)?);
    }
    Ok(methods)
}

/// Detectors that assume independent normal observations, and the rate of change, which does not.
fn textbook(nominal: Nominal) -> Result<Vec<Method>> {
    let method = |name, role, change, make| Method {
        name,
        role,
        change,
        training: TRAINING,
        make,
    };
    let cusum = Cusum::new(1.0, nominal)?;
    let shewhart = Shewhart::new(nominal)?;
    Ok(vec![
        method(
            "rate of change",
            Role::Chosen,
            Change::Spikes,
            Box::new(move |x, _| Ok(Box::new(RateOfChange::train(x, 1, nominal)?))),
        ),
        method(
            "normal CUSUM 1",
            Role::Textbook,
            Change::Shift,
            Box::new(move |x, _| {
                Ok(Box::new(Monitor::new(
                    NormalBaseline::train(x)?,
                    cusum.clone(),
                )))
            }),
        ),
        method(
            "z-score",
            Role::Textbook,
            Change::Spikes,
            Box::new(move |x, _| Ok(Box::new(Monitor::new(NormalBaseline::train(x)?, shewhart)))),
        ),
        method(
            "robust z",
            Role::Textbook,
            Change::Spikes,
            Box::new(move |x, _| Ok(Box::new(RobustZ::train(x, nominal)?))),
        ),
        method(
            "Tukey fences",
            Role::Textbook,
            Change::Spikes,
            Box::new(move |x, _| Ok(Box::new(TukeyFences::train(x, nominal)?))),
        ),
    ])
}

fn on_series<D: Detector + Clone + Sync + 'static>(
    name: &'static str,
    change: Change,
    chart: D,
) -> Method {
    Method {
        name,
        role: Role::Chosen,
        change,
        training: TRAINING,
        make: Box::new(move |x, periods| {
            Ok(Box::new(Monitor::new(baseline(x, periods)?, chart.clone())))
        }),
    }
}

fn baseline(x: &[f64], periods: &[usize]) -> Result<SeriesBaseline> {
    SeriesBaseline::train_with(
        x,
        Training {
            periods,
            ..Training::default()
        },
    )
}
