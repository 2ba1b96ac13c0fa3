//! The alert rules that are on from the first start.
//!
//! Only what works with the rules there are: error rates are a ratio of two metrics.

use std::time::Duration;

use super::AlertRule;
use super::rule::WINDOW;

const MINUTE: Duration = Duration::from_mins(1);
const REQUESTS: &str = "http_server_request_duration_seconds";
const SPANS: &str = "traces_span_metrics_duration_seconds";
/// The spans of requests that were answered; a connection that stays open is none.
const ANSWERED: [(&str, &str); 2] = [("span_kind", "SPAN_KIND_SERVER"), ("websocket_event", "")];
/// The spans of runs of agents.
const RUNS: (&str, &str) = ("gen_ai_operation_name", "invoke_agent");

/// Name, metric, condition, window.
type Row = (&'static str, &'static str, &'static str, Duration);

/// Of the host, on the series that the collector derives (`source="system"`).
const HOST: [Row; 2] = [
    ("high_cpu", "cpu_usage_percent", "avg > 80 %", MINUTE),
    ("high_memory", "memory_usage_percent", "avg > 85 %", MINUTE),
];
/// Of requests, for each service: as it tells itself, and as its spans do.
const SERVICES: [Row; 4] = [
    ("slow_p95", REQUESTS, "p95 > 1000 ms", WINDOW),
    ("slow_p99", REQUESTS, "p99 > 2000 ms", WINDOW),
    ("slow_p95_spans", SPANS, "p95 > 1000 ms", WINDOW),
    ("slow_p99_spans", SPANS, "p99 > 2000 ms", WINDOW),
];
/// Of runs of agents, for each agent.
const AGENTS: [Row; 1] = [("slow_agent", SPANS, "avg > 10000 ms", WINDOW)];

/// The default rules: severity warning at the threshold, cooldown 5 min.
pub fn default_rules() -> Vec<AlertRule> {
    let host = HOST.iter().map(|row| {
        let source = Some("system".to_owned());
        rule(row).map(|rule| AlertRule { source, ..rule })
    });
    let services = SERVICES.iter().map(|row| {
        let labels = labels(if row.1 == SPANS { &ANSWERED } else { &[] });
        let by = Some(vec!["service".to_owned()]);
        rule(row).map(|rule| AlertRule { labels, by, ..rule })
    });
    let agents = AGENTS.iter().map(|row| {
        let by = Some(["service", "gen_ai_agent_name"].map(str::to_owned).to_vec());
        let labels = labels(&[RUNS]);
        rule(row).map(|rule| AlertRule { labels, by, ..rule })
    });
    let all = host.chain(services).chain(agents);
    // Every row can be read: the test below says so.
    all.filter_map(crate::Result::ok).collect()
}

fn labels(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    owned.collect()
}

fn rule((name, metric, condition, window): &Row) -> crate::Result<AlertRule> {
    let rule = AlertRule::new(name, metric, condition)?;
    Ok(AlertRule {
        window: *window,
        ..rule
    })
}

#[cfg(test)]
mod tests {
    use tacho_model::Shape;

    use super::*;
    use crate::Severity;

    #[test]
    fn w4_default_rules_stand_as_promised() {
        let rules = default_rules();
        assert_eq!(rules.len(), HOST.len() + SERVICES.len() + AGENTS.len());
        for (rule, threshold) in rules.iter().zip([80.0, 85.0, 1.0, 2.0, 1.0, 2.0, 10.0]) {
            rule.validate().unwrap();
            let shape = match rule.metric.as_str() {
                REQUESTS | SPANS => Shape::Histogram,
                _ => Shape::Gauge,
            };
            let limits = rule.limits(None, shape).unwrap();
            assert_eq!(limits.threshold, threshold, "{}", rule.name);
            assert_eq!(limits.cooldown, Duration::from_mins(5));
            assert_eq!(limits.severity, Severity::Warning);
        }
    }
}
