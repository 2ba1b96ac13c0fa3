//! The regimes of a series: levels or lines in autocorrelated noise, as few as explain it.
//!
//! Invariant: each change that is returned lowers the cost by more than the penalty, both against
//! leaving it out and, with all others, against no change at all, under innovations whose tails are
//! as heavy as the data say. Boundaries are strictly ascending, at least [`SHORTEST`] apart.
//! Not public: [`changes`](super::changes()) checks input, calibrates the penalty and adds sizes.
//!
//! Source of the whole: minimum description length over piecewise autoregressions (Davis, Lee &
//! Rodriguez-Yam 2006); the search, the tails and the season have their sources in their files.

mod autoregression;
mod heavy_tail;
mod prepare;
mod season;

use autoregression::{Costs, Model};
pub(super) use autoregression::{SHORTEST, Shape};
use heavy_tail::{DF, HeavyTail};

/// Longer series are averaged down to this length for the search; places are then refined.
const LENGTH_MAX: usize = 1024;

/// A boundary between two regimes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Boundary {
    /// First observation of the later regime.
    pub(super) index: usize,
    /// The 95 % most plausible places: first and last.
    pub(super) place: (usize, usize),
    /// How much more than the penalty the change explains, in twice the log-likelihood.
    pub(super) gain: f64,
}

/// What is taken out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Whatever season pays for itself.
    Automatic,
    /// Nothing.
    None,
    /// A season of this period.
    Period(usize),
}

/// The boundaries of finite `x`, and the period of the season that was taken out.
pub(super) fn boundaries(
    x: &[f64],
    pattern: Pattern,
    shapes: &[Shape],
    excess: f64,
) -> (Vec<Boundary>, Option<usize>) {
    let Some(y) = prepare::standardised(x) else {
        return (Vec::new(), None);
    };
    let period = match pattern {
        Pattern::Automatic => season::period(&y),
        Pattern::None => None,
        Pattern::Period(period) => Some(period),
    };
    let full = match period {
        Some(period) => season::without(&y, period),
        None => y,
    };
    let batch = full.len().div_ceil(LENGTH_MAX);
    let short = prepare::clipped(&prepare::batched(&full, batch));
    let Some(short) = prepare::standardised(&short) else {
        return (Vec::new(), period);
    };
    let mut found = search(&short, shapes, excess);
    if batch > 1 {
        for i in 0..found.len() {
            let previous = if i == 0 { 0 } else { found[i - 1].index };
            let next = found.get(i + 1).map_or(full.len(), |b| b.index * batch);
            found[i] = refined(&full, batch, previous, found[i], next);
        }
    }
    (found, period)
}

fn search(y: &[f64], shapes: &[Shape], excess: f64) -> Vec<Boundary> {
    let cheapest = Model::all(y.len(), shapes)
        .map(|model| {
            let costs = Costs::new(y, model);
            let fixed = model.slope_penalty(y.len());
            let (changes, cost) = costs.partition(model.penalty(y.len()) + excess);
            (cost + fixed, costs.cost(0, y.len()) + fixed, changes, model)
        })
        .collect::<Vec<_>>();
    let whole = cheapest.iter().map(|c| c.1).fold(f64::INFINITY, f64::min);
    let best = cheapest.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((cost, _, changes, model)) = best else {
        return Vec::new();
    };
    if changes.is_empty() || cost >= whole {
        return Vec::new();
    }
    let costs = Costs::new(y, model);
    kept(y, changes, shapes, model.shape, excess)
        .iter()
        .map(|(edges, gain)| Boundary {
            index: edges[1],
            place: place(&costs, *edges),
            gain: *gain,
        })
        .collect()
}

/// Changes that also pay where innovations may have heavy tails: each with its neighbours, and what
/// it explains beyond the penalty.
fn kept(
    y: &[f64],
    mut changes: Vec<usize>,
    shapes: &[Shape],
    shape: Shape,
    excess: f64,
) -> Vec<([usize; 3], f64)> {
    let n = y.len();

    let total = |tail: &HeavyTail, changes: &[usize]| -> f64 {
        let edges = edges(changes, n);
        edges.windows(2).map(|e| tail.cost(y, e[0], e[1])).sum()
    };
    let cheapest = |changes: &[usize], shapes: &[Shape]| {
        Model::all(n, shapes)
            .flat_map(|model| DF.map(|df| HeavyTail::new(y, model, df)))
            .map(|tail| {
                let one = tail.model.penalty(n) + excess;
                let penalty = tail.model.slope_penalty(n) + one * changes.len() as f64;
                (total(&tail, changes) + penalty, tail)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let Some((_, tail)) = cheapest(&changes, &[shape]) else {
        return Vec::new();
    };
    let penalty = tail.model.penalty(n) + excess;
    let gains = loop {
        let gains = gains(y, &tail, &changes, penalty);
        let weakest = gains.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        match weakest {
            Some((i, gain)) if *gain <= 0.0 => {
                changes.remove(i);
            }
            _ => break gains,
        }
    };
    let without = cheapest(&[], shapes).map_or(f64::INFINITY, |c| c.0);
    let with = cheapest(&changes, &[shape]).map_or(f64::INFINITY, |c| c.0);
    if with >= without {
        return Vec::new();
    }
    // All changes together explain this much more than none; no one of them can be surer.
    let together = without - with;
    let edges = edges(&changes, n);
    let triples = edges.windows(3).map(|e| [e[0], e[1], e[2]]);
    triples
        .zip(gains.into_iter().map(|gain| gain.min(together)))
        .collect()
}

/// What each change explains beyond the penalty.
fn gains(y: &[f64], tail: &HeavyTail, changes: &[usize], penalty: f64) -> Vec<f64> {
    let edges = edges(changes, y.len());
    let apart: Vec<f64> = edges.windows(2).map(|e| tail.cost(y, e[0], e[1])).collect();
    edges
        .windows(3)
        .zip(apart.windows(2))
        .map(|(e, apart)| tail.cost(y, e[0], e[2]) - apart[0] - apart[1] - penalty)
        .collect()
}

/// Start, changes and end.
fn edges(changes: &[usize], n: usize) -> Vec<usize> {
    let inner = changes.iter().copied();
    std::iter::once(0).chain(inner).chain([n]).collect()
}

/// The 95 % most plausible places of the middle edge, the outer ones held: all places weighted by
/// their likelihood (a flat prior over places).
fn place(costs: &Costs<'_>, [start, index, end]: [usize; 3]) -> (usize, usize) {
    const LEVEL: f64 = 0.95;
    let at = |k: usize| costs.cost(start, k) + costs.cost(k, end);
    let base = at(index);
    let mut weights: Vec<(usize, f64)> = (start + SHORTEST..=end - SHORTEST)
        .map(|k| (k, (0.5 * (base - at(k))).exp()))
        .collect();
    let total: f64 = weights.iter().map(|w| w.1).sum();
    weights.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
    let (mut low, mut high, mut sum) = (index, index, 0.0);
    for (k, weight) in weights {
        low = low.min(k);
        high = high.max(k);
        sum += weight;
        if sum >= LEVEL * total {
            break;
        }
    }
    (low, high)
}

/// A boundary found among batches, moved to where the full series changes most sharply nearby.
fn refined(y: &[f64], batch: usize, previous: usize, found: Boundary, next: usize) -> Boundary {
    let coarse = found.index * batch;
    let low = coarse.saturating_sub(2 * batch).max(previous + 1);
    let high = (coarse + 2 * batch).min(next - 1);
    let reach = 16 * batch;
    let start = low.saturating_sub(reach).max(previous);
    let end = (high + reach).min(next);
    let near = &y[start..end];
    let total: f64 = near.iter().sum();
    let mut before: f64 = near[..low - start].iter().sum();
    let (mut best, mut index) = (f64::NEG_INFINITY, coarse);
    for (k, value) in y.iter().enumerate().take(high + 1).skip(low) {
        let (left, right) = ((k - start) as f64, (end - k) as f64);
        let step = before / left - (total - before) / right;
        let explained = left * right * step * step;
        if explained > best {
            (best, index) = (explained, k);
        }
        before += value;
    }
    let place = (
        (found.place.0 * batch)
            .saturating_sub(batch)
            .min(index)
            .max(1),
        ((found.place.1 + 1) * batch).max(index).min(y.len() - 1),
    );
    Boundary {
        index,
        place,
        ..found
    }
}
