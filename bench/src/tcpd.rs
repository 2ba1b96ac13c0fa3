//! Change points that people marked, found by the default method: F1 and cover as published.
//!
//! Invariant: one default setting for all series; each series' figures depend on nothing but its
//! own values. Only one-dimensional series count; others are listed as left out.
//! Sources: van den Burg & Williams, "An evaluation of change point detection algorithms",
//! arXiv:2003.06222 (2020), sections 4.2 and 4.3: F1 at a margin of 5, the start of a series a
//! trivial change point of everyone, precision against the union of annotators, recall and cover
//! averaged over them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;
use tacho_stats::changepoint::{Settings, changes};

/// A found change this near a marked one is the same.
const MARGIN: usize = 5;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder: annotations.json, and one file a series
    folder: PathBuf,
}

/// Marks of every annotator.
type Annotations = BTreeMap<String, BTreeSet<usize>>;

#[derive(Debug, Deserialize)]
struct Series {
    name: String,
    n_dim: usize,
    #[serde(rename = "series")]
    dimensions: Vec<Dimension>,
}

#[derive(Debug, Deserialize)]
struct Dimension {
    raw: Vec<Option<f64>>,
}

/// Prints a row a series; the last line is the averages.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let marked: BTreeMap<String, Annotations> = read(&arguments.folder.join("annotations.json"))?;
    let mut totals = [0.0; 4];
    let mut count = 0;
    println!(
        "| series | n | F1 | cover | F1 of none | cover of none | found |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    );
    for (name, annotations) in &marked {
        let path = arguments.folder.join(format!("{name}.json"));
        if !path.exists() {
            println!("| {name} | | | | | | left out: no file |");
            continue;
        }
        let series: Series = read(&path)?;
        if series.n_dim != 1 || series.dimensions.len() != 1 {
            println!(
                "| {} | | | | | | left out: {} dimensions |",
                series.name, series.n_dim
            );
            continue;
        }
        let n = series.dimensions[0].raw.len();
        let found = found(&series.dimensions[0].raw)
            .with_context(|| format!("finding changes in {name}"))?;
        let none = BTreeSet::new();
        let scores = [
            f1(annotations, &found),
            cover(annotations, &found, n),
            f1(annotations, &none),
            cover(annotations, &none, n),
        ];
        let list: Vec<String> = found.iter().map(ToString::to_string).collect();
        let [f1, cover, f1_none, cover_none] = scores;
        println!(
            "| {name} | {n} | {f1:.3} | {cover:.3} | {f1_none:.3} | {cover_none:.3} | {} |",
            list.join(" ")
        );
        for (total, score) in totals.iter_mut().zip(scores) {
            *total += score;
        }
        count += 1;
    }
    if count == 0 {
        bail!(
            "{} holds no one-dimensional series",
            arguments.folder.display()
        );
    }
    let [f1, cover, f1_none, cover_none] = totals.map(|total| total / f64::from(count));
    println!("\n{count} series; without any change F1 {f1_none:.3} cover {cover_none:.3}");
    println!("F1 {f1:.3} cover {cover:.3}");
    Ok(ExitCode::SUCCESS)
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("parsing {}", path.display()))
}

/// Changes by the default settings, at indices of the series with its gaps; missing values are
/// skipped.
fn found(raw: &[Option<f64>]) -> Result<BTreeSet<usize>> {
    let present = raw.iter().enumerate();
    let (places, values): (Vec<usize>, Vec<f64>) = present
        .filter_map(|(i, v)| v.filter(|v| v.is_finite()).map(|v| (i, v)))
        .unzip();
    let changes = changes(&values, &Settings::default())?;
    Ok(changes.into_iter().map(|c| places[c.index]).collect())
}

/// How many of `marks` have a found change within the margin; each found one counts once.
fn hits(marks: &BTreeSet<usize>, found: &BTreeSet<usize>) -> usize {
    let mut free = found.clone();
    let mut hits = 0;
    for mark in marks {
        let near = mark.saturating_sub(MARGIN)..=mark + MARGIN;
        let nearest = free.range(near).copied().min_by_key(|f| f.abs_diff(*mark));
        if let Some(nearest) = nearest {
            free.remove(&nearest);
            hits += 1;
        }
    }
    hits
}

fn f1(annotations: &Annotations, found: &BTreeSet<usize>) -> f64 {
    let with_start = |set: &BTreeSet<usize>| {
        let mut set = set.clone();
        set.insert(0);
        set
    };
    let found = with_start(found);
    let union: BTreeSet<usize> = annotations.values().flatten().copied().collect();
    let precision = hits(&with_start(&union), &found) as f64 / found.len() as f64;
    let recalls = annotations.values().map(|marks| {
        let marks = with_start(marks);
        hits(&marks, &found) as f64 / marks.len() as f64
    });
    let recall = recalls.sum::<f64>() / annotations.len() as f64;
    2.0 * precision * recall / (precision + recall)
}

/// How well each annotator's segments are covered by one found (Jaccard), by length.
fn cover(annotations: &Annotations, found: &BTreeSet<usize>, n: usize) -> f64 {
    let ours = segments(found, n);
    let one = |marks: &BTreeSet<usize>| {
        let covered = segments(marks, n).into_iter().map(|(start, end)| {
            let overlap = |(s, e): &(usize, usize)| {
                let common = end.min(*e).saturating_sub(start.max(*s)) as f64;
                common / ((end - start) as f64 + (e - s) as f64 - common)
            };
            (end - start) as f64 * ours.iter().map(overlap).fold(0.0, f64::max)
        });
        covered.sum::<f64>() / n as f64
    };
    annotations.values().map(one).sum::<f64>() / annotations.len() as f64
}

fn segments(changes: &BTreeSet<usize>, n: usize) -> Vec<(usize, usize)> {
    let inner = changes.iter().copied().filter(|c| *c > 0 && *c < n);
    let edges: Vec<usize> = std::iter::once(0).chain(inner).chain([n]).collect();
    edges.windows(2).map(|e| (e[0], e[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(lists: &[&[usize]]) -> Annotations {
        let named = lists.iter().enumerate();
        named
            .map(|(i, list)| (i.to_string(), list.iter().copied().collect()))
            .collect()
    }

    /// By hand from the definitions.
    #[test]
    fn scores_are_as_published() {
        let annotations = marks(&[&[50], &[]]);
        let found = BTreeSet::from([53, 80]);
        // Precision: the start and 53, of three. Recall: both of both.
        assert!((f1(&annotations, &found) - 0.8).abs() < 1e-12);
        // First: 50 · 50/53 and 50 · 27/50; second: 100 · 53/100.
        let want = 0.5 * ((0.5 * 50.0 / 53.0 + 0.5 * 27.0 / 50.0) + 0.53);
        assert!((cover(&annotations, &found, 100) - want).abs() < 1e-12);
        assert_eq!(f1(&marks(&[&[], &[]]), &BTreeSet::new()), 1.0);
        assert_eq!(cover(&marks(&[&[]]), &BTreeSet::new(), 9), 1.0);
    }

    #[test]
    fn one_found_change_matches_one_mark() {
        assert_eq!(hits(&BTreeSet::from([10, 12]), &BTreeSet::from([11])), 1);
        assert_eq!(hits(&BTreeSet::from([10, 12]), &BTreeSet::from([5, 17])), 2);
        assert_eq!(hits(&BTreeSet::from([10]), &BTreeSet::from([16])), 0);
    }
}
