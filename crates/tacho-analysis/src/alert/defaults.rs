//! The alert rules that are on from the first start.
//!
//! Only what works with the metrics there are. Error rates (a ratio of two metrics) and the rules
//! for agents and tools come with the metrics that they are about.

use std::time::Duration;

use super::AlertRule;

/// One line of the table.
struct Default {
    name: &'static str,
    metric: &'static str,
    source: Option<&'static str>,
    by: Option<&'static [&'static str]>,
    condition: &'static str,
    window: Duration,
}

const MINUTE: Duration = Duration::from_mins(1);
const REQUESTS: &str = "http_server_request_duration_seconds";
const BY_SERVICE: Option<&[&str]> = Some(&["service"]);

#[rustfmt::skip]
const DEFAULTS: [Default; 4] = [
    Default { name: "high_cpu",    metric: "cpu_usage_percent",    source: Some("system"), by: None,       condition: "avg > 80 %",    window: MINUTE },
    Default { name: "high_memory", metric: "memory_usage_percent", source: Some("system"), by: None,       condition: "avg > 85 %",    window: MINUTE },
    Default { name: "slow_p95",    metric: REQUESTS,               source: None,           by: BY_SERVICE, condition: "p95 > 1000 ms", window: super::rule::WINDOW },
    Default { name: "slow_p99",    metric: REQUESTS,               source: None,           by: BY_SERVICE, condition: "p99 > 2000 ms", window: super::rule::WINDOW },
];

/// The default rules: severity warning at the threshold, cooldown 5 min.
pub fn default_rules() -> Vec<AlertRule> {
    // Every line of the table can be read: the tests below say so.
    DEFAULTS.iter().filter_map(|line| rule(line).ok()).collect()
}

fn rule(line: &Default) -> crate::Result<AlertRule> {
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let mut rule = AlertRule::new(line.name, line.metric, line.condition)?;
    rule.source = line.source.map(str::to_owned);
    rule.by = line.by.map(owned);
    rule.window = line.window;
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use tacho_model::Shape;

    use super::*;
    use crate::Severity;

    #[test]
    fn w4_default_rules_stand_as_promised() {
        let rules = default_rules();
        assert_eq!(rules.len(), DEFAULTS.len());
        for (rule, threshold) in rules.iter().zip([80.0, 85.0, 1.0, 2.0]) {
            rule.validate().unwrap();
            let shape = match rule.metric.as_str() {
                REQUESTS => Shape::Histogram,
                _ => Shape::Gauge,
            };
            let limits = rule.limits(None, shape).unwrap();
            assert_eq!(limits.threshold, threshold, "{}", rule.name);
            assert_eq!(limits.cooldown, Duration::from_mins(5));
            assert_eq!(limits.severity, Severity::Warning);
        }
    }
}
