//! The figures of `ACCURACY.md`, measured.

use std::fmt::Write as _;

use crate::distributions::{Worst, own_table, round_trips, shared_table};
use crate::{nist, nist_anova, nist_linear};

/// Prints the tables, and writes them to `ACCURACY.md` where `TACHO_WRITE_ACCURACY` is set.
#[test]
fn r9_accuracy_table() {
    let (Some(nist), Some(shared)) = (nist::errors(), shared_table()) else {
        return;
    };
    let mut text = String::from(HEAD);
    text.push_str("| file | statistic | relative error |\n| --- | --- | --- |\n");
    for (file, what, off) in nist {
        writeln!(text, "| {file} | {what} | {off:.1e} |").unwrap();
    }
    anova(&mut text);
    text.push_str(&nist_linear::section().expect("the files are beside the others"));
    text.push_str(BETWEEN);
    text.push_str(
        "| function | rows | worst relative error | table |\n| --- | --- | --- | --- |\n",
    );
    table(&mut text, &shared, "shared, 50 digits");
    table(&mut text, &own_table(), "own, 50 digits");
    table(&mut text, &round_trips(), "round trip");
    text.push_str(TAIL);
    println!("{text}");
    if std::env::var_os("TACHO_WRITE_ACCURACY").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/ACCURACY.md"), text).unwrap();
    }
}

fn anova(text: &mut String) {
    text.push_str(ANOVA);
    for (file, what, off) in nist_anova::errors().unwrap_or_default() {
        writeln!(text, "| {file} | {what} | {off:.1e} |").unwrap();
    }
}

fn table(text: &mut String, worst: &Worst, source: &str) {
    for (name, (rows, off)) in worst {
        writeln!(text, "| {name} | {rows} | {off:.1e} | {source} |").unwrap();
    }
}

const HEAD: &str = "# Accuracy of tacho-stats

Measured by the test `r9_accuracy_table` (`TACHO_WRITE_ACCURACY=1 cargo test -p tacho-stats` writes
this file). The bounds are held by the tests `r9_nist_univariate`, `r9_nist_linear_regression`,
`r9_distribution_tails_reference`, `tails_that_the_reference_lacks` and `inverses_undo_the_tails`.

## NIST StRD, univariate

Goal: 1e-9, or the floor that rounding the data to doubles sets. Exact arithmetic on NumAcc4 as
rounded gives 5.6e-9 for the standard deviation.

";

const ANOVA: &str = "
## NIST StRD, one-way analysis of variance

Held by `r9_nist_anova`. Goal: 1e-9, or the floor that rounding the data to doubles sets. Exact
rational arithmetic on the data as rounded gives 3.866e-5, 6.470e-5 and 6.743e-5 for F of SmLs07 to
09, whose 13 leading digits are constant: ours is that floor.

| file | statistic | relative error |
| --- | --- | --- |
";

const BETWEEN: &str = "
## Distributions

Goal: 1e-12 relative in either tail. *Shared*: the table of 300 tail probabilities and quantiles.
*Own*: `tests/it/assets/tails.json`, 491 tails by mpmath at 50 digits, parameters log-uniform from
0.1 to 1e4 (non-centralities from 0.05 to 300, tails down to 1e-300). *Round trip*: a quantile of a tail against the argument of that tail.

";

const TAIL: &str = "
## Two samples

The 84 cases of `two_sample_reference.json` are met to 1e-9, with one exception: in the 12 cases with
an offset of 1e9 the reference has rounded both means to doubles, which costs it up to 8.6e-6 of t, d
and g (by exact rational arithmetic). Ours keeps those digits: the test
`large_offset_loses_nothing` compares it with the same data without the offset, to 1e-12.
";
