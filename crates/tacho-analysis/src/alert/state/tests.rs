use proptest::prelude::*;
use tacho_model::Shape;

use super::*;
use crate::alert::AlertRule;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn limits(condition: &str, clear: Option<&str>, hold: u64) -> Limits {
    let mut rule = AlertRule::new("r", "cpu_usage_percent", condition).unwrap();
    if let Some(clear) = clear {
        rule = rule.with_clear(clear).unwrap();
    }
    rule.hold = Duration::from_secs(hold);
    rule.validate().unwrap();
    rule.limits(None, Shape::Gauge).unwrap()
}

/// Feeds `(second, value)` and lists what was told: `second change severity`.
fn told(limits: &Limits, samples: &[(i64, Option<f64>)]) -> Vec<String> {
    let mut state = AlertState::new();
    let steps = samples.iter().filter_map(|(t, v)| {
        let transition = state.step(limits, at(*t), *v)?;
        let (change, severity) = (transition.change.as_str(), transition.severity);
        Some(format!("{t} {change} {severity}"))
    });
    steps.collect()
}

#[test]
fn fires_and_resolves() {
    let limits = limits("avg > 80", None, 0);
    let samples = [
        (0, Some(50.0)),
        (5, Some(81.0)),
        (10, Some(82.0)),
        (15, Some(80.0)),
    ];
    assert_eq!(
        told(&limits, &samples),
        ["5 fired warning", "15 resolved warning"]
    );
    let mut state = AlertState::new();
    state.step(&limits, at(5), Some(85.0));
    let over = state.step(&limits, at(35), Some(40.0)).unwrap();
    assert_eq!(
        (over.since, over.duration),
        (at(5), Duration::from_secs(30))
    );
    assert_eq!((over.value, over.threshold), (Some(40.0), 80.0));
    assert_eq!(state.phase(), Phase::Resolved);
}

#[test]
fn waits_for_the_condition_to_hold() {
    let limits = limits("avg > 80", None, 10);
    let blip = [
        (0, Some(90.0)),
        (5, Some(90.0)),
        (9, Some(10.0)),
        (10, Some(85.0)),
        (19, Some(85.0)),
    ];
    assert!(told(&limits, &blip).is_empty());
    let long = [(0, Some(85.0)), (5, Some(85.0)), (10, Some(85.0))];
    assert_eq!(told(&limits, &long), ["10 fired warning"]);
}

#[test]
fn severity_by_how_far_past() {
    let check = |condition: &str, value: f64, want: Severity| {
        assert_eq!(
            limits(condition, None, 0).severity(value),
            want,
            "{condition} at {value}"
        );
    };
    check("avg > 80 %", 89.9, Severity::Warning);
    check("avg > 80 %", 90.0, Severity::Critical);
    check("avg > 85 %", 92.4, Severity::Warning);
    check("avg > 85 %", 92.5, Severity::Critical);
    check("avg < 10 %", 5.1, Severity::Warning);
    check("avg < 10 %", 5.0, Severity::Critical);
    // Processes may use several cores: beyond 100 there is no room to halve.
    check("avg > 400 %", 799.0, Severity::Warning);
    check("avg > 400 %", 800.0, Severity::Critical);
    check("avg > 0", 1e9, Severity::Warning);
    check("avg == 1", 1.0, Severity::Warning);
    let slow = AlertRule::new("slow", "t_seconds", "p95 > 1000 ms").unwrap();
    let slow = slow.limits(None, Shape::Histogram).unwrap();
    assert_eq!(slow.severity(1.9), Severity::Warning);
    assert_eq!(slow.severity(2.0), Severity::Critical);
}

#[test]
fn a_rise_in_severity_speaks_at_once_and_only_once() {
    let limits = limits("avg > 80", None, 0);
    let samples = [
        (0, Some(81.0)),
        (1, Some(95.0)),
        (2, Some(81.0)),
        (3, Some(96.0)),
        (4, Some(0.0)),
    ];
    let want = [
        "0 fired warning",
        "1 escalated critical",
        "4 resolved critical",
    ];
    assert_eq!(told(&limits, &samples), want);
}

#[test]
fn cooldown_keeps_a_second_notice_back() {
    let limits = limits("avg > 80", None, 0);
    let mut samples = vec![
        (0, Some(85.0)),
        (10, Some(50.0)),
        (20, Some(85.0)),
        (30, Some(50.0)),
    ];
    assert_eq!(
        told(&limits, &samples),
        ["0 fired warning", "10 resolved warning"]
    );
    // Still there when the cooldown ends: told then.
    samples.extend([
        (40, Some(85.0)),
        (299, Some(85.0)),
        (300, Some(85.0)),
        (301, Some(1.0)),
    ]);
    let want = [
        "0 fired warning",
        "10 resolved warning",
        "300 fired warning",
        "301 resolved warning",
    ];
    assert_eq!(told(&limits, &samples), want);
    // Worse than what was told: at once.
    let worse = [(0, Some(85.0)), (10, Some(50.0)), (20, Some(95.0))];
    assert_eq!(told(&limits, &worse)[2..], ["20 fired critical"]);
}

#[test]
fn silence_means_what_the_rule_says() {
    let mut limits = limits("avg > 80", None, 0);
    let samples = [
        (0, Some(85.0)),
        (10, None),
        (20, Some(85.0)),
        (30, Some(0.0)),
    ];
    assert_eq!(
        told(&limits, &samples),
        ["0 fired warning", "30 resolved warning"]
    );
    limits.no_data = NoData::Ok;
    assert_eq!(
        told(&limits, &samples[..2]),
        ["0 fired warning", "10 resolved warning"]
    );
    limits.no_data = NoData::Alert;
    assert_eq!(
        told(&limits, &[(0, Some(5.0)), (10, None)]),
        ["10 fired warning"]
    );
    assert_eq!(told(&limits, &[(0, Some(f64::NAN))]), ["0 fired warning"]);
}

#[test]
fn a_series_that_is_gone_is_resolved_in_the_end() {
    let limits = limits("avg > 80", None, 0);
    let day = 86_400;
    let samples = [
        (0, Some(85.0)),
        (day - 1, None),
        (day, None),
        (day + 1, None),
    ];
    assert_eq!(
        told(&limits, &samples),
        ["0 fired warning", "86400 resolved warning"]
    );
}

#[test]
fn a_restart_does_not_fire_again() {
    let limits = limits("avg > 80", None, 0);
    let mut state = AlertState::restored(at(0), Severity::Warning, at(0));
    assert_eq!(state.step(&limits, at(900), Some(85.0)), None);
    let over = state.step(&limits, at(905), Some(5.0)).unwrap();
    assert_eq!((over.change, over.since), (Change::Resolved, at(0)));
}

fn values() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![8 => (60.0..100.0_f64).prop_map(Some), 1 => Just(None)];
    proptest::collection::vec(value, 1..400)
}

proptest! {
    #[test]
    fn notices_alternate_and_keep_their_distance(values in values(), hold in 0_u64..20) {
        let limits = limits("avg > 80", Some("70"), hold);
        let mut state = AlertState::new();
        let (mut open, mut last_fired) = (None, None::<(Timestamp, Severity)>);
        for (i, value) in values.iter().enumerate() {
            let now = at(i as i64 * 5);
            let Some(notice) = state.step(&limits, now, *value) else { continue };
            match notice.change {
                Change::Fired => {
                    prop_assert!(open.is_none());
                    if let Some((before, severity)) = last_fired {
                        let apart = now.since(before) >= limits.cooldown;
                        prop_assert!(apart || notice.severity > severity);
                    }
                    open = Some(notice.severity);
                    last_fired = Some((now, notice.severity));
                }
                Change::Escalated => {
                    prop_assert!(open.is_some_and(|before| notice.severity > before));
                    open = Some(notice.severity);
                    last_fired = Some((now, notice.severity));
                }
                Change::Resolved => prop_assert!(open.take().is_some()),
            }
        }
    }

    #[test]
    fn nothing_flaps_within_the_clear_band(
        start in prop_oneof![Just(50.0), Just(85.0)],
        band in proptest::collection::vec(70.001..80.0_f64, 1..200),
    ) {
        let limits = limits("avg > 80", Some("70"), 0);
        let mut state = AlertState::new();
        state.step(&limits, at(0), Some(start));
        let phase = state.phase();
        for (i, value) in band.iter().enumerate() {
            prop_assert_eq!(state.step(&limits, at(i as i64 + 1), Some(*value)), None);
            prop_assert_eq!(state.phase(), phase);
        }
    }

    #[test]
    fn fires_only_after_holding_without_a_break(values in values(), hold in 1_u64..30) {
        let limits = limits("avg > 80", None, hold);
        let mut state = AlertState::new();
        let mut begun = None;
        for (i, value) in values.iter().enumerate() {
            let now = at(i as i64 * 5);
            let was_firing = state.phase() == Phase::Firing;
            state.step(&limits, now, *value);
            match value {
                Some(v) if *v > 80.0 => begun = begun.or(Some(now)),
                Some(_) => begun = None,
                None => {}
            }
            if state.phase() == Phase::Firing && !was_firing {
                let held = begun.map(|b| now.since(b));
                prop_assert!(held.is_some_and(|held| held >= limits.hold));
            }
        }
    }
}
