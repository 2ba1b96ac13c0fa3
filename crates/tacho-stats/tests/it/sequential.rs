//! Confidence sequences against those of a published tool, and the portmanteau tests against
//! `statsmodels`.

use tacho_stats::dependence::{box_pierce, ljung_box};
use tacho_stats::sequential::{ArmSummary, asymptotic_interval};

use crate::shared::{close, json, number, numbers};

#[test]
fn asymptotic_sequences_are_the_published_tools() {
    let Some(file) = json("reference/sequential_asympcs_reference.json") else {
        return;
    };
    let rows = file["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 21);
    for (i, row) in rows.iter().enumerate() {
        let field = |key: &str| number(row, key).expect("number");
        let arm = |side: &str| ArmSummary {
            n: field(&format!("n_{side}")),
            mean: field(&format!("mean_{side}")),
            sd: field(&format!("sd_{side}")),
        };
        let (interval, p) =
            asymptotic_interval(arm("a"), arm("b"), field("tuning"), field("alpha")).unwrap();
        let want = numbers(&row["ci"]);
        close(&format!("low of row {i}"), interval.low, want[0], 1e-9);
        close(&format!("high of row {i}"), interval.high, want[1], 1e-9);
        let off = (p / field("p") - 1.0).abs();
        assert!(off < 1e-9, "p of row {i}: {p} ({off:e})");
    }
}

#[test]
fn portmanteau_tests_are_those_of_statsmodels() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("assets/portmanteau.json")).unwrap();
    for case in file["cases"].as_array().expect("cases") {
        let x = numbers(&case["x"]);
        let count = |key: &str| case[key].as_u64().expect("count") as usize;
        let (lags, fitted) = (count("lags"), count("fitted"));
        let (lb, bp) = (
            ljung_box(&x, lags, fitted).unwrap(),
            box_pierce(&x, lags, fitted).unwrap(),
        );
        for (what, got, want) in [
            ("Ljung-Box", lb.statistic, "lb"),
            ("its p", lb.p, "lb_p"),
            ("Box-Pierce", bp.statistic, "bp"),
            ("its p", bp.p, "bp_p"),
        ] {
            let want = number(case, want).expect("number");
            assert!(
                (got / want - 1.0).abs() < 1e-11,
                "{what}: {got}, not {want}"
            );
        }
    }
}
