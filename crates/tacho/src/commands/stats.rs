//! `tacho stats`: tests and plans on numbers of one's own. Needs no server.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::builder::PossibleValuesParser;
use tacho_server::statistics::{
    self, ALTERNATIVES, FAMILIES, PowerAnswer, PowerRequest, TestAnswer, TestRequest,
};

use crate::columns::{self, Missing};
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Cell, Format, Table};

/// Tests and plans on your own numbers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Do two samples differ, and by how much?
    Test(TestArgs),
    /// How many observations does a test need?
    Power(PowerArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho stats test before.csv after.csv
  tacho stats test runs.csv runs.csv --columns before,after --test mann-whitney
  tacho stats test a.txt b.txt --test tost --margin 2.5     are they the same within 2.5?
  tacho stats test a.csv b.csv --column ms --format json | jq .p_value

A file is a list of numbers, or a table with commas, semicolons, tabs or blanks, with or without
headings; `-` is standard input. Where the order of the numbers is their order in time, a warning
says when neighbours are so alike that a textbook test would be wrong; `--test dependent-means`
and `--test dependent-ranks` are right then, and exit with 3 where there is too little for an
answer.")]
struct TestArgs {
    /// File with the first sample
    a: PathBuf,
    /// File with the second sample
    b: PathBuf,
    /// The column of both files, by heading or counted from 1
    #[arg(long, value_name = "NAME|N", conflicts_with = "columns")]
    column: Option<String>,
    /// The column of each file
    #[arg(long, value_name = "A,B", value_delimiter = ',', num_args = 1)]
    columns: Vec<String>,
    /// Leave out empty cells
    #[arg(long)]
    skip_missing: bool,
    /// The test
    #[arg(long, default_value = "welch",
        value_parser = PossibleValuesParser::new(statistics::test_names()))]
    test: String,
    /// What is claimed of the first sample
    #[arg(long, default_value = "two-sided", value_parser = ALTERNATIVES)]
    alternative: String,
    /// Rate of false alarms
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
    /// For `tost`: differences up to this do not matter, in the unit of the numbers
    #[arg(long)]
    margin: Option<f64>,
    /// Seed of tests that resample
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Exit with 0 when there is no answer
    #[arg(long)]
    allow_inconclusive: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho stats power --effect 0.2                   observations for a power of 80 %
  tacho stats power --effect 0.2 --n 100           what 100 an arm would find
  tacho stats power --n 100 --power 0.9            the smallest effect that 100 an arm would find
  tacho stats power --test proportions --baseline 0.01 --effect 0.002

The effect is in the test's own measure: Cohen's d for t tests (differences of means in standard
deviations), P(a > b) - 1/2 for ranks, a difference for proportions, Cohen's f for anova.
Observations that resemble their neighbours count for less: multiply by n over effective n.")]
struct PowerArgs {
    /// The test
    #[arg(long, default_value = "student", value_parser = FAMILIES)]
    test: String,
    /// The effect to be found
    #[arg(long, allow_negative_numbers = true)]
    effect: Option<f64>,
    /// Observations in the first sample (in each group; pairs for paired tests)
    #[arg(long)]
    n: Option<f64>,
    /// The probability of finding the effect
    #[arg(long)]
    power: Option<f64>,
    /// Rate of false alarms
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
    /// What is claimed of the first sample
    #[arg(long, default_value = "two-sided", value_parser = ALTERNATIVES)]
    alternative: String,
    /// Observations of the second sample for each of the first
    #[arg(long, default_value_t = 1.0)]
    ratio: f64,
    /// For `welch`: the second standard deviation over the first
    #[arg(long)]
    sd_ratio: Option<f64>,
    /// For `proportions`: the second proportion
    #[arg(long)]
    baseline: Option<f64>,
    /// For `anova`: number of groups
    #[arg(long)]
    groups: Option<u32>,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Answers.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.action {
        Action::Test(args) => test(args),
        Action::Power(args) => power(args),
    }
}

fn test(args: &TestArgs) -> Result<Outcome> {
    let (first, second) = match args.columns.as_slice() {
        [] => (args.column.as_deref(), args.column.as_deref()),
        [first, second] => (Some(first.as_str()), Some(second.as_str())),
        _ => bail!("--columns takes two names: A,B"),
    };
    let missing = if args.skip_missing {
        Missing::Skip
    } else {
        Missing::Refuse
    };
    let request = TestRequest {
        a: columns::read(&args.a, first, missing)?,
        b: columns::read(&args.b, second, missing)?,
        test: Some(args.test.clone()),
        alternative: Some(args.alternative.clone()),
        alpha: Some(args.alpha),
        margin: args.margin,
        seed: Some(args.seed),
    };
    let answer = statistics::test(&request)?;
    let outcome = if answer.decidable || args.allow_inconclusive {
        Outcome::Fine
    } else {
        Outcome::Inconclusive
    };
    if args.format == Format::Json {
        print_json(&serde_json::to_value(&answer).context("cannot write the answer")?)?;
        return Ok(outcome);
    }
    let names = [args.a.display().to_string(), args.b.display().to_string()];
    if args.format == Format::Table {
        print(&format!("{}\n\n", sentence(&answer)))?;
        print(&samples(&answer, &names).render(args.format))?;
        print("\n")?;
    }
    print(&figures(&answer).render(args.format))?;
    if args.format == Format::Table {
        for warning in &answer.warnings {
            print(&format!("note: {warning}\n"))?;
        }
    }
    Ok(outcome)
}

/// The answer in a sentence.
fn sentence(answer: &TestAnswer) -> String {
    let p = probability(answer.p_value);
    if !answer.decidable {
        return format!("No answer ({p}).");
    }
    match (answer.test, answer.significant) {
        ("tost", true) => format!("The samples are equal within the margin ({p})."),
        ("tost", false) => {
            format!("That the samples are equal within the margin is not shown ({p}).")
        }
        (_, true) => format!("The samples differ ({p})."),
        (_, false) => format!("No difference was found ({p})."),
    }
}

fn probability(p: f64) -> String {
    if p < 1e-300 {
        "p < 1e-300".to_owned()
    } else if p < 1e-3 {
        format!("p = {p:.1e}")
    } else {
        format!("p = {p:.3}")
    }
}

fn samples(answer: &TestAnswer, names: &[String; 2]) -> Table {
    let mut table = Table::new(&["sample", ">n", ">mean", ">sd", ">median"]);
    for (name, sample) in names.iter().zip(&answer.samples) {
        add(
            &mut table,
            [
                name.clone(),
                sample.n.to_string(),
                number(sample.mean),
                number(sample.sd),
                number(sample.median),
            ],
        );
    }
    table
}

fn figures(answer: &TestAnswer) -> Table {
    let mut table = Table::new(&["figure", ">value", "interval", "note"]);
    let df = answer
        .statistic
        .df
        .map(|df| format!("{} degrees of freedom", number(df)));
    let name = format!("{} ({})", answer.statistic.name, answer.test);
    let value = number(answer.statistic.value);
    add(
        &mut table,
        [name, value, String::new(), df.unwrap_or_default()],
    );
    add(
        &mut table,
        [
            "p".to_owned(),
            number(answer.p_value),
            String::new(),
            answer.alternative.to_owned(),
        ],
    );
    let ends = |[low, high]: [f64; 2]| format!("{} to {}", number(low), number(high));
    if let Some(found) = &answer.difference {
        let level = format!("{:.4} % confidence", 100.0 * found.level);
        let level = level.replace(".0000", "");
        add(
            &mut table,
            [
                found.name.to_owned(),
                number(found.value),
                ends(found.interval),
                level,
            ],
        );
    }
    for effect in &answer.effects {
        let interval = effect.interval.map(ends).unwrap_or_default();
        add(
            &mut table,
            [
                effect.name.to_owned(),
                number(effect.value),
                interval,
                effect.class.to_owned(),
            ],
        );
    }
    table
}

fn power(args: &PowerArgs) -> Result<Outcome> {
    let request = PowerRequest {
        test: Some(args.test.clone()),
        effect: args.effect,
        n: args.n,
        power: args.power,
        alpha: Some(args.alpha),
        alternative: Some(args.alternative.clone()),
        ratio: Some(args.ratio),
        sd_ratio: args.sd_ratio,
        baseline: args.baseline,
        groups: args.groups,
    };
    let plan = statistics::power(&request)?;
    if args.format == Format::Json {
        print_json(&serde_json::to_value(&plan).context("cannot write the answer")?)?;
        return Ok(Outcome::Fine);
    }
    if args.format == Format::Table {
        print(&format!("{}\n\n", plan_sentence(&plan)))?;
    }
    let mut table = Table::new(&[
        "test", "effect", ">value", ">n", ">second", ">power", ">alpha",
    ]);
    add(
        &mut table,
        [
            plan.test.clone(),
            plan.effect_name.to_owned(),
            number(plan.effect),
            number(plan.n.first),
            plan.n.second.map(number).unwrap_or_default(),
            number(plan.power),
            number(plan.alpha),
        ],
    );
    print(&table.render(args.format))?;
    Ok(Outcome::Fine)
}

fn plan_sentence(plan: &PowerAnswer) -> String {
    let size = match plan.n.second {
        Some(second) => format!(
            "{} and {} observations",
            number(plan.n.first),
            number(second)
        ),
        None if plan.test == "paired" => format!("{} pairs", number(plan.n.first)),
        None if plan.test == "anova" => format!("{} observations a group", number(plan.n.first)),
        None => format!("{} observations", number(plan.n.first)),
    };
    format!(
        "{size} find an effect of {} ({}) with {:.1} %.",
        number(plan.effect),
        plan.effect_name,
        100.0 * plan.power
    )
}

/// Adds a row of plain text.
fn add<const N: usize>(table: &mut Table, cells: [String; N]) {
    table.row(cells.map(Cell::from));
}

/// Six significant digits, without an exponent where that reads well.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&magnitude) {
        return format!("{value:.5e}");
    }
    let digits = (5 - magnitude.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let check = |value: f64, want: &str| assert_eq!(number(value), want);
        check(0.0, "0");
        check(64.0, "64");
        check(0.499_123_9, "0.499124");
        check(-1234.5678, "-1234.57");
        check(1e-7, "1.00000e-7");
        check(393.999_999_99, "394");
    }
}
