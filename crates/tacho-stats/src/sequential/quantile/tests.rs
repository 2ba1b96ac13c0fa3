use super::*;
use crate::rng::Rng;

#[test]
fn one_arm_p_and_interval_agree() {
    let mut rng = Rng::new(8);
    let x: Vec<f64> = (0..200).map(|_| (4.0 * rng.uniform()).floor()).collect();
    for null in [-1.0, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0] {
        let mut test = SequentialQuantile::new(0.5, null, 200.0, 0.05).unwrap();
        for value in &x {
            test.update(*value).unwrap();
        }
        let decided = test.look().unwrap().verdict != Verdict::Undecided;
        let interval = test.interval();
        if decided {
            assert!(!interval.contains(null) || !x.contains(&null), "{null}");
        } else {
            assert!(interval.contains(null), "{null} {interval:?}");
        }
    }
}

#[test]
fn two_arms_p_and_interval_agree_and_mirror() {
    let mut there = SequentialQuantiles::new(0.5, 300.0, 0.05).unwrap();
    let mut back = there.clone();
    let mut rng = Rng::new(9);
    let mut agreed = [0, 0];
    for i in 0..400 {
        let (x, y) = (rng.standard_normal(), 0.6 + rng.standard_normal());
        there.update(Arm::Control, x).unwrap();
        there.update(Arm::Treatment, y).unwrap();
        back.update(Arm::Control, y).unwrap();
        back.update(Arm::Treatment, x).unwrap();
        if i % 40 == 10 {
            let (look, mirrored) = (there.look().unwrap(), back.look().unwrap());
            assert!((look.p / mirrored.p - 1.0).abs() < 1e-9);
            let (one, two) = (there.interval(), back.interval());
            assert!((one.low + two.high).abs() < 1e-12 || one.low == -two.high);
            let decided = look.verdict == Verdict::Higher;
            assert_eq!(decided, one.low > 0.0, "{i} {look:?} {one:?}");
            agreed[usize::from(decided)] += 1;
        }
    }
    assert!(agreed[0] > 0 && agreed[1] > 0, "{agreed:?}");
    assert!(there.interval().contains(0.6));
}

/// Places found by merging are as good as every place there is.
#[test]
fn no_place_is_forgotten() {
    let mut rng = Rng::new(10);
    for round in 0..30 {
        let mut test = SequentialQuantiles::new(0.3, 40.0, 0.05).unwrap();
        for _ in 0..12 {
            test.update(Arm::Control, rng.below(7) as f64).unwrap();
            test.update(Arm::Treatment, (rng.below(7) + round % 3) as f64)
                .unwrap();
        }
        let tables = [0, 1].map(|i| test.arms[i].cells.table());
        let at = |table: &[Cell], x: f64| {
            let below = table.iter().filter(|c| c.high < x).map(|c| c.through).max();
            let through = table.iter().filter(|c| c.low <= x).map(|c| c.through).max();
            (below.unwrap_or(0), through.unwrap_or(0))
        };
        let want = (-1..20)
            .map(|i| {
                let x = 0.5 * f64::from(i);
                let (a, b) = (at(&tables[0], x), at(&tables[1], x));
                let alone = test.arms[0].ln_e(0.3, a.0, a.1) + test.arms[1].ln_e(0.3, b.0, b.1);
                test.ln_e(a, b, alone)
            })
            .fold(f64::INFINITY, f64::min);
        let got = test.least_ln_e(f64::NEG_INFINITY);
        assert!((got - want).abs() < 1e-12, "{got} {want}");
    }
}

#[test]
fn merged_streams_are_the_whole_and_refusals_change_nothing() {
    let mut rng = Rng::new(11);
    let new = || SequentialQuantiles::new(0.9, 100.0, 0.05).unwrap();
    let (mut whole, mut first, mut second) = (new(), new(), new());
    for i in 0..120 {
        let value = rng.standard_normal();
        let part = if i < 50 { &mut first } else { &mut second };
        let arm = if i % 3 == 0 {
            Arm::Control
        } else {
            Arm::Treatment
        };
        whole.update(arm, value).unwrap();
        part.update(arm, value).unwrap();
    }
    first.merge(&second);
    assert_eq!(first, whole);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(whole.update(Arm::Control, bad).is_err());
    }
    assert_eq!(first, whole);
    for value in [1e308, -1e308, 5e-324, -0.0] {
        whole.update(Arm::Control, value).unwrap();
        whole.look().unwrap();
        let interval = whole.interval();
        assert!(interval.low <= interval.high);
    }
}

#[test]
fn nothing_and_nonsense() {
    let mut empty = SequentialQuantiles::new(0.5, 100.0, 0.05).unwrap();
    assert_eq!(empty.look().unwrap().p, 1.0);
    assert_eq!(empty.interval().high, f64::INFINITY);
    for (p, n, alpha) in [
        (0.0, 9.0, 0.1),
        (1.0, 9.0, 0.1),
        (0.5, 0.0, 0.1),
        (0.5, 9.0, 1.0),
    ] {
        assert!(SequentialQuantiles::new(p, n, alpha).is_err());
        assert!(SequentialQuantile::new(p, 0.0, n, alpha).is_err());
    }
    assert!(SequentialQuantile::new(0.5, f64::NAN, 9.0, 0.1).is_err());
}

#[test]
fn far_quantiles_differ_by_a_number() {
    let mut arms = SequentialQuantiles::new(0.5, 100.0, 0.05).unwrap();
    let mut one = SequentialQuantile::new(0.5, -f64::MAX, 100.0, 0.05).unwrap();
    for _ in 0..20 {
        arms.update(Arm::Control, -1e308).unwrap();
        arms.update(Arm::Treatment, 1e308).unwrap();
        one.update(1e308).unwrap();
    }
    assert_eq!(arms.look().unwrap().estimate, f64::MAX);
    assert_eq!(one.look().unwrap().estimate, f64::MAX);
}
