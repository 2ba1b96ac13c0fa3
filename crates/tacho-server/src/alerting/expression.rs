//! An alert rule as PromQL would say it, for those who read rules by Prometheus' API.
//!
//! It says what is looked at and when it is bad; steps of severity, `clear` and `cooldown` have no
//! words there. Not what is evaluated: that is the rule itself.

use tacho_analysis::aggregate::Function;
use tacho_analysis::alert::{AlertRule, Limits};
use tacho_model::time::format_duration;
use tacho_model::{METRIC_NAME, Shape};

/// The rule as an expression.
pub(crate) fn expression(rule: &AlertRule, shape: Shape, limits: &Limits) -> String {
    let matchers = rule.matchers();
    let others = matchers
        .iter()
        .filter(|matcher| matcher.name() != METRIC_NAME);
    let others: Vec<String> = others.map(ToString::to_string).collect();
    let name = format!("{METRIC_NAME}={:?}", rule.metric);
    let all: Vec<String> = std::iter::once(name).chain(others.clone()).collect();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let selector = match others.len() {
        _ if !rule.metric.chars().all(is_plain) => format!("{{{}}}", all.join(",")),
        0 => rule.metric.clone(),
        _ => format!("{}{{{}}}", rule.metric, others.join(",")),
    };
    let range = format!("{selector}[{}]", format_duration(rule.window));
    let by = rule.by.as_ref().map(|by| by.join(", "));
    let folded = match (shape, by) {
        (Shape::Histogram, by) => {
            let sum = format!("sum_over_time({range})");
            let sum = by.map_or(sum.clone(), |by| format!("sum by ({by}) ({sum})"));
            of_histogram(rule.condition.function, &sum)
        }
        (shape, None) => of_numbers(rule.condition.function, &range, shape),
        (shape, Some(by)) => {
            let each = of_numbers(rule.condition.function, &range, shape);
            format!(
                "{} by ({by}) ({each})",
                over_series(rule.condition.function)
            )
        }
    };
    let (operator, threshold) = (rule.condition.operator.as_str(), limits.threshold);
    format!("{folded} {operator} {threshold}")
}

/// The share of values below a percentile.
fn quantile(function: Function) -> Option<&'static str> {
    match function {
        Function::P50 => Some("0.5"),
        Function::P90 => Some("0.9"),
        Function::P95 => Some("0.95"),
        Function::P99 => Some("0.99"),
        Function::P999 => Some("0.999"),
        _ => None,
    }
}

fn of_numbers(function: Function, range: &str, shape: Shape) -> String {
    let name = match function {
        Function::Rate if shape == Shape::Counter => "rate",
        Function::Rate => "deriv",
        Function::Avg => "avg_over_time",
        Function::Min => "min_over_time",
        Function::Max => "max_over_time",
        Function::Sum => "sum_over_time",
        Function::Last => "last_over_time",
        Function::Count => "count_over_time",
        Function::Stddev => "stddev_over_time",
        other => {
            let quantile = quantile(other).unwrap_or("0.5");
            return format!("quantile_over_time({quantile}, {range})");
        }
    };
    format!("{name}({range})")
}

fn of_histogram(function: Function, sum: &str) -> String {
    let name = match function {
        Function::Count => "histogram_count",
        Function::Sum => "histogram_sum",
        Function::Rate => return format!("histogram_count({sum})"),
        Function::Stddev => "histogram_stddev",
        Function::Avg | Function::Last => "histogram_avg",
        Function::Min => return format!("histogram_quantile(0, {sum})"),
        Function::Max => return format!("histogram_quantile(1, {sum})"),
        other => {
            let quantile = quantile(other).unwrap_or("0.5");
            return format!("histogram_quantile({quantile}, {sum})");
        }
    };
    format!("{name}({sum})")
}

/// How series of one group become one.
fn over_series(function: Function) -> &'static str {
    match function {
        Function::Min => "min",
        Function::Max => "max",
        Function::Sum | Function::Count | Function::Rate => "sum",
        _ => "avg",
    }
}

#[cfg(test)]
mod tests {
    use tacho_model::Unit;
    use tacho_promql::{Features, parse};

    use super::*;

    #[track_caller]
    fn check(metric: &str, condition: &str, shape: Shape, expected: &str) {
        let mut rule = AlertRule::new("r", metric, condition).unwrap();
        rule.source = Some("system".to_owned());
        let limits = rule.limits(None::<&Unit>, shape).unwrap();
        let text = expression(&rule, shape, &limits);
        assert_eq!(text, expected);
        assert!(parse(&text, Features::Stable).is_ok(), "{text}");
    }

    #[test]
    fn rules_are_said_in_promql() {
        check(
            "cpu_usage_percent",
            "avg > 80",
            Shape::Gauge,
            "avg_over_time(cpu_usage_percent{source=\"system\"}[5m]) > 80",
        );
        check(
            "took",
            "p95 >= 250",
            Shape::Histogram,
            "histogram_quantile(0.95, sum_over_time(took{source=\"system\"}[5m])) >= 250",
        );
        check(
            "odd name",
            "rate > 1",
            Shape::Counter,
            "rate({__name__=\"odd name\",source=\"system\"}[5m]) > 1",
        );
    }

    #[test]
    fn every_function_has_an_expression() {
        for function in Function::ALL {
            for shape in [Shape::Gauge, Shape::Counter, Shape::Histogram] {
                let condition = format!("{function} > 1");
                let mut rule = AlertRule::new("r", "m", &condition).unwrap();
                rule.by = Some(vec!["service".to_owned()]);
                let limits = rule.limits(None::<&Unit>, shape).unwrap();
                let text = expression(&rule, shape, &limits);
                assert!(parse(&text, Features::Stable).is_ok(), "{text}");
            }
        }
    }
}
