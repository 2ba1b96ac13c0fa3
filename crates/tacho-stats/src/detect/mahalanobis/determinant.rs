//! The rows whose covariance has the smallest determinant, by `FastMCD`.
//!
//! Invariant: the search looks at rows only through Mahalanobis distances and random indices, so the
//! same seed finds the same rows after any invertible linear map. A step never raises the
//! determinant (Rousseeuw & Van Driessen 1999, theorem 1). Memory is linear in the rows.

use super::SUPPORT;
use super::matrix::Cholesky;
use crate::rng::Rng;

/// Up to this many rows, all take part in the search; beyond, groups of 300 do first.
const SEARCHED_WHOLE: usize = 600;
const GROUP: usize = 300;
const GROUPS_MAX: usize = 5;
/// Candidates that are followed to the end.
const BEST: usize = 10;
/// A search may miss all good starts with this probability, if a quarter of the rows are bad.
const MISS: f64 = 1e-6;
const STARTS_MAX: usize = 1000;
const STEPS_MAX: usize = 100;

/// Location and covariance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    pub(super) location: Vec<f64>,
    pub(super) covariance: Vec<f64>,
}

impl Estimate {
    /// Of the rows at `indices` of a table with `p` columns (denominator one less than the rows).
    pub(super) fn of(table: &[f64], p: usize, indices: impl Iterator<Item = u32> + Clone) -> Self {
        let row = |i: u32| &table[i as usize * p..][..p];
        let mut location = vec![0.0; p];
        let mut n = 0.0;
        for i in indices.clone() {
            n += 1.0;
            for (sum, value) in location.iter_mut().zip(row(i)) {
                *sum += value;
            }
        }
        for sum in &mut location {
            *sum /= n;
        }
        let mut covariance = vec![0.0; p * p];
        let mut deviation = vec![0.0; p];
        for i in indices {
            for ((out, value), centre) in deviation.iter_mut().zip(row(i)).zip(&location) {
                *out = value - centre;
            }
            for (j, line) in covariance.chunks_exact_mut(p).enumerate() {
                for (sum, value) in line.iter_mut().zip(&deviation[..=j]) {
                    *sum += deviation[j] * value;
                }
            }
        }
        let denominator = if n > 1.0 { n - 1.0 } else { 1.0 };
        for j in 0..p {
            for k in 0..=j {
                let value = covariance[j * p + k] / denominator;
                covariance[j * p + k] = value;
                covariance[k * p + j] = value;
            }
        }
        Self {
            location,
            covariance,
        }
    }

    pub(super) fn scaled(mut self, factor: f64) -> Self {
        for value in &mut self.covariance {
            *value *= factor;
        }
        self
    }
}

/// An estimate with its decomposition.
#[derive(Debug, Clone)]
struct Candidate {
    estimate: Estimate,
    cholesky: Cholesky,
    ln_determinant: f64,
}

impl Candidate {
    fn of(estimate: Estimate) -> Option<Self> {
        let cholesky = Cholesky::of(&estimate.covariance, estimate.location.len())?;
        Some(Self {
            ln_determinant: cholesky.ln_determinant(),
            estimate,
            cholesky,
        })
    }
}

/// The estimate from the `support` of the rows with the smallest determinant; none where that many
/// rows lie on a hyperplane.
pub(super) fn smallest_determinant(
    table: &[f64],
    p: usize,
    support: usize,
    seed: u64,
) -> Option<Estimate> {
    let n = table.len() / p;
    let mut rng = Rng::new(seed);
    let mut whole = Search::new(table, p, support);
    let starts = starts(p);
    if n <= SEARCHED_WHOLE {
        let found = whole.random_starts(starts, &mut rng);
        return whole.best_of(found);
    }
    let merged = shuffled_rows(table, p, (GROUP * GROUPS_MAX).min(n), &mut rng);
    let part = |rows: usize| (rows * support).div_ceil(n);
    let size = merged.len() / p;
    let groups = (size / GROUP).max(1);
    let mut found = Vec::new();
    for group in merged.chunks(size.div_ceil(groups) * p) {
        let mut search = Search::new(group, p, part(group.len() / p));
        found.extend(search.random_starts(starts.div_ceil(groups).max(BEST), &mut rng));
    }
    let found = Search::new(&merged, p, part(size)).improved(found);
    let found = whole.improved(found);
    whole.best_of(found)
}

/// So many starts that one without a bad row among its p + 1 is found but with probability
/// [`MISS`].
fn starts(p: usize) -> usize {
    let clean = SUPPORT.powi(p as i32 + 1);
    let needed = MISS.ln() / (-clean).ln_1p();
    (needed.ceil() as usize).clamp(50, STARTS_MAX)
}

/// `count` rows at random, in random order.
fn shuffled_rows(table: &[f64], p: usize, count: usize, rng: &mut Rng) -> Vec<f64> {
    let mut order: Vec<u32> = (0..(table.len() / p) as u32).collect();
    let mut rows = Vec::with_capacity(count * p);
    for place in 0..count {
        let pick = place + rng.below(order.len() - place);
        order.swap(place, pick);
        rows.extend_from_slice(&table[order[place] as usize * p..][..p]);
    }
    rows
}

/// A table, how many of its rows count, and room to order them by distance.
struct Search<'a> {
    table: &'a [f64],
    p: usize,
    support: usize,
    distances: Vec<(f64, u32)>,
    deviation: Vec<f64>,
}

impl<'a> Search<'a> {
    fn new(table: &'a [f64], p: usize, support: usize) -> Self {
        Self {
            table,
            p,
            support,
            distances: Vec::with_capacity(table.len() / p),
            deviation: vec![0.0; p],
        }
    }

    /// The best candidates of many starts, after two steps each.
    fn random_starts(&mut self, starts: usize, rng: &mut Rng) -> Vec<Candidate> {
        let found: Vec<Candidate> = (0..starts).filter_map(|_| self.random_start(rng)).collect();
        self.improved(found)
    }

    /// After two steps each, the best.
    fn improved(&mut self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = candidates
            .into_iter()
            .filter_map(|first| {
                let second = self.step(&first)?;
                self.step(&second)
            })
            .collect();
        found.sort_by(|a, b| a.ln_determinant.total_cmp(&b.ln_determinant));
        found.truncate(BEST);
        found
    }

    /// Follows each candidate until it improves no more.
    fn best_of(&mut self, candidates: Vec<Candidate>) -> Option<Estimate> {
        let mut best: Option<Candidate> = None;
        for mut candidate in candidates {
            for _ in 0..STEPS_MAX {
                let next = self.step(&candidate)?;
                let gain = candidate.ln_determinant - next.ln_determinant;
                candidate = next;
                if gain <= 1e-12 {
                    break;
                }
            }
            if best
                .as_ref()
                .is_none_or(|b| candidate.ln_determinant < b.ln_determinant)
            {
                best = Some(candidate);
            }
        }
        best.map(|b| b.estimate)
    }

    /// The covariance of p + 1 rows at random, and of more while that is singular.
    fn random_start(&mut self, rng: &mut Rng) -> Option<Candidate> {
        let n = (self.table.len() / self.p) as u32;
        let mut order: Vec<u32> = Vec::with_capacity(self.p + 1);
        while order.len() < self.support {
            let row = rng.below(n as usize) as u32;
            if order.contains(&row) {
                continue;
            }
            order.push(row);
            if order.len() > self.p {
                let estimate = Estimate::of(self.table, self.p, order.iter().copied());
                if let Some(candidate) = Candidate::of(estimate) {
                    return Some(candidate);
                }
            }
            if order.len() > 8 * (self.p + 1) {
                // Many equal rows: the nearest to a start like this are as good as any.
                return None;
            }
        }
        None
    }

    /// The estimate of the rows nearest by the given one.
    fn step(&mut self, from: &Candidate) -> Option<Candidate> {
        self.distances.clear();
        for (index, row) in self.table.chunks_exact(self.p).enumerate() {
            let centred = self.deviation.iter_mut().zip(row);
            for ((out, value), centre) in centred.zip(&from.estimate.location) {
                *out = value - centre;
            }
            let square = from.cholesky.square(&mut self.deviation);
            self.distances.push((square, index as u32));
        }
        if self.support < self.distances.len() {
            self.distances.select_nth_unstable_by(self.support, |a, b| {
                a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
            });
        }
        let nearest = self.distances[..self.support].iter().map(|d| d.1);
        Candidate::of(Estimate::of(self.table, self.p, nearest))
    }
}
