use super::*;

fn forest(width: usize, trees: usize, sample: usize) -> StreamingForest {
    let options = StreamingForestOptions {
        trees,
        sample,
        ..StreamingForestOptions::default()
    };
    StreamingForest::new(width, &options).unwrap()
}

fn grown(rows: &[f64], seed: u64) -> CutTree {
    let (mut tree, mut rng) = (CutTree::new(1), Rng::new(seed));
    for (slot, value) in rows.iter().enumerate() {
        tree.insert(slot, &[*value], &mut rng);
    }
    tree
}

/// Rows 0 and 1, asked for 3: the box stretches from 1 to 3, so two cuts in three fall outside and
/// displace both rows; otherwise the row stands against its neighbour alone.
#[test]
fn displacement_by_hand() {
    for seed in 0..5 {
        let tree = grown(&[0.0, 1.0], seed);
        let far = tree.displacement(&|_| 3.0);
        assert!((far - 5.0 / 6.0).abs() < 1e-12);
        // Equal to a held row: what stands against the two of them is the other one.
        assert!((tree.displacement(&|_| 1.0) - 0.25).abs() < 1e-12);
    }
    assert_eq!(CutTree::new(1).displacement(&|_| 3.0), 0.0);
}

#[test]
fn the_tree_stays_sound_under_any_traffic() {
    for width in [1, 3] {
        let (mut tree, mut rng) = (CutTree::new(width), Rng::new(7));
        let mut held = [false; 40];
        for _ in 0..4000 {
            let slot = rng.below(held.len());
            if held[slot] {
                tree.remove(slot);
            } else {
                // Few distinct values, so that rows are equal and share bounds.
                let row: Vec<f64> = (0..width).map(|_| rng.below(6) as f64).collect();
                tree.insert(slot, &row, &mut rng);
            }
            held[slot] = !held[slot];
            let count = held.iter().filter(|h| **h).count();
            assert_eq!(tree.check() as usize, count);
        }
    }
}

/// A tree that has forgotten rows has the law of one that never saw them (theorem 4), and the order
/// of rows does not matter (theorem 3): the mean displacement of a row is the same.
#[test]
fn the_law_of_a_tree_is_that_of_its_rows() {
    let rows = [0.0, 1.0, 1.5, 4.0, 4.2, 9.0];
    let runs = 4000;
    let (mut ascending, mut descending, mut after) = (0.0, 0.0, 0.0);
    for seed in 0..runs {
        let value = |_| 6.0;
        ascending += grown(&rows, seed).displacement(&value);
        let mut back = rows;
        back.reverse();
        descending += grown(&back, seed + runs).displacement(&value);
        let mut more = grown(&[20.0, 0.0, 1.0, 1.5, -5.0, 4.0, 4.2, 9.0], seed + 2 * runs);
        more.remove(0);
        more.remove(4);
        after += more.displacement(&value);
    }
    let runs = runs as f64;
    let (a, d, f) = (ascending / runs, descending / runs, after / runs);
    assert!(
        (a - d).abs() < 0.012 && (a - f).abs() < 0.012,
        "{a} {d} {f}"
    );
}

#[test]
fn an_outlier_stands_out_and_a_new_level_is_learnt() {
    let mut forest = forest(2, 30, 64);
    let mut rng = Rng::new(3);
    let mut row = |level: f64| [level + rng.standard_normal(), rng.standard_normal()];
    let mut quiet = Vec::new();
    for _ in 0..2000 {
        quiet.push(forest.update(&row(0.0)).unwrap());
    }
    let high = quiet[500..].iter().fold(0.0, |m: f64, s| m.max(*s));
    let shifted = forest.update(&row(20.0)).unwrap();
    assert!(shifted > 0.7 && shifted > 2.0 * high, "{shifted} {high}");
    for _ in 0..3000 {
        forest.update(&row(20.0)).unwrap();
    }
    assert!(forest.score(&[20.0, 0.0]).unwrap() < 0.1);
    assert_eq!(forest.held(), 64);
}

#[test]
fn a_shingle_sees_a_break_in_a_pattern() {
    let options = StreamingForestOptions::default();
    let mut shingled = ShingledForest::new(8, &options).unwrap();
    let mut rng = Rng::new(4);
    let mut quiet = 0.0f64;
    for i in 0..1500 {
        let value = (f64::from(i) * 0.5).sin() + 0.05 * rng.standard_normal();
        let score = shingled.update(value).unwrap();
        assert_eq!(score.is_none(), i < 7);
        if i > 500 {
            quiet = quiet.max(score.unwrap());
        }
    }
    // Values between −1 and 1 as before, but at rest.
    let mut rest = 0.0f64;
    for _ in 0..8 {
        rest = rest.max(shingled.update(0.0).unwrap().unwrap());
    }
    assert!(rest > quiet, "{rest} {quiet}");
    shingled.skip();
    assert_eq!(shingled.update(0.0), Ok(None));
}

#[test]
fn scales_make_units_comparable() {
    let rows: Vec<[f64; 2]> = {
        let mut rng = Rng::new(5);
        (0..600)
            .map(|_| [rng.standard_normal(), 1e6 * rng.standard_normal()])
            .collect()
    };
    let score = |scales: Vec<f64>| {
        let options = StreamingForestOptions {
            scales,
            ..StreamingForestOptions::default()
        };
        let mut forest = StreamingForest::new(2, &options).unwrap();
        for row in &rows {
            forest.update(row).unwrap();
        }
        forest.score(&[10.0, 0.0]).unwrap()
    };
    assert!(score(vec![1.0, 1e-6]) > 0.5);
    assert!(score(Vec::new()) < 0.1);
}

#[test]
fn extremes_and_mistakes() {
    let mut forest = forest(2, 5, 8);
    let hostile = [1e308, -1e308, 0.0, -0.0, 5e-324, 1.0, f64::MAX, f64::MIN];
    let mut rng = Rng::new(6);
    for _ in 0..500 {
        let row = [hostile[rng.below(8)], hostile[rng.below(8)]];
        assert!(
            (0.0..=1.0).contains(&forest.update(&row).unwrap()),
            "{row:?}"
        );
    }
    for reservoir in &forest.trees {
        assert_eq!(reservoir.tree.check(), 8);
    }
    let before = forest.score(&[1.0, 1.0]);
    assert!(forest.update(&[f64::NAN, 1.0]).is_err());
    assert!(forest.update(&[1.0]).is_err());
    assert_eq!(forest.score(&[1.0, 1.0]), before);
    let options = |trees, sample, memory, scales: &[f64]| StreamingForestOptions {
        trees,
        sample,
        memory,
        scales: scales.to_vec(),
        seed: 0,
    };
    for bad in [
        options(0, 8, 1.0, &[]),
        options(5, 1, 1.0, &[]),
        options(usize::MAX, 8, 1.0, &[]),
        options(5, usize::MAX, 1.0, &[]),
        options(5, 8, 0.0, &[]),
        options(5, 8, 0.1, &[]),
        options(5, 8, f64::NAN, &[]),
        options(5, 8, 1.0, &[1.0]),
        options(5, 8, 1.0, &[1.0, 0.0]),
    ] {
        assert!(StreamingForest::new(2, &bad).is_err(), "{bad:?}");
    }
    let good = options(5, 8, 1.0, &[1.0, 10.0]);
    assert!(StreamingForest::new(0, &good).is_err());
    let mut scaled = StreamingForest::new(2, &good).unwrap();
    assert!(scaled.update(&[0.0, 1e308]).is_err());
    let mut shingled = ShingledForest::new(3, &options(5, 8, 1.0, &[])).unwrap();
    assert!(shingled.update(f64::INFINITY).is_err());
}
