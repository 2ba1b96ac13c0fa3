//! What an alert tells a person: what, how far past what, and who is to blame.

use tacho_analysis::alert::{AlertRule, Change, Limits, Transition};
use tacho_collect::{HostSnapshot, ProcessUsage};
use tacho_model::{Labels, METRIC_NAME, time::format_duration};

/// One sentence.
pub(super) fn sentence(
    rule: &AlertRule,
    limits: &Limits,
    labels: &Labels,
    transition: &Transition,
    host: &HostSnapshot,
) -> String {
    let what = subject(rule, labels);
    let unit = limits.unit.as_str();
    let value = transition
        .value
        .map_or_else(|| "gone".to_owned(), |v| with_unit(v, unit));
    let limit = with_unit(transition.threshold, unit);
    match transition.change {
        Change::Resolved => {
            // Whole seconds: nobody plans by the rest.
            let seconds = transition.duration.as_secs();
            let lasted = format_duration(std::time::Duration::from_secs(seconds));
            format!("{what} is {value} again (limit {limit}) after {lasted}")
        }
        Change::Fired | Change::Escalated => {
            let culprit = culprit(rule, host).unwrap_or_default();
            format!("{what} is {value} (limit {limit}){culprit}")
        }
    }
}

/// What is watched, in words where they are known.
fn subject(rule: &AlertRule, labels: &Labels) -> String {
    let metric = match rule.metric.as_str() {
        "cpu_usage_percent" => "CPU",
        "memory_usage_percent" => "memory",
        other => other,
    };
    let function = match rule.condition.function.as_str() {
        "avg" | "last" => String::new(),
        other => format!(" {other}"),
    };
    // The labels that tell series apart; those that every host metric carries say nothing here.
    let boring = [METRIC_NAME, "source", "job", "instance"];
    let told: Vec<String> = labels
        .iter()
        .filter(|(name, _)| !boring.contains(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let of = if told.is_empty() {
        String::new()
    } else {
        format!(" of {}", told.join(", "))
    };
    format!("{metric}{function}{of}")
}

/// The process that a CPU or memory alert is most likely about.
fn culprit(rule: &AlertRule, host: &HostSnapshot) -> Option<String> {
    let name = |p: &ProcessUsage| p.executable.clone().unwrap_or_else(|| p.name.clone());
    if rule.metric.starts_with("cpu_") {
        let top = host.top_cpu.first()?;
        let percent = top.cpu_percent?;
        let name = name(top);
        return Some(format!(
            "; most of it is {name} (pid {}, {percent:.0} % of a core)",
            top.pid
        ));
    }
    if rule.metric.starts_with("memory_") {
        let top = host.top_memory.first()?;
        let mib = top.resident_bytes as f64 / 1_048_576.0;
        return Some(format!(
            "; {} (pid {}) holds most, {mib:.0} MiB",
            name(top),
            top.pid
        ));
    }
    None
}

fn with_unit(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 1.0 => 1,
        _ => 3,
    };
    let number = format!("{value:.digits$}");
    let number = if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        &number
    };
    match unit {
        "" | "1" => number.to_owned(),
        "By" => format!("{number} B"),
        unit => format!("{number} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tacho_analysis::Severity;
    use tacho_model::{Shape, Timestamp};

    use super::*;

    fn host() -> HostSnapshot {
        let process = |name: &str, cpu, bytes| ProcessUsage {
            pid: 4711,
            name: name.to_owned(),
            executable: None,
            cpu_percent: Some(cpu),
            resident_bytes: bytes,
        };
        HostSnapshot {
            top_cpu: vec![process("python3", 88.4, 1 << 20)],
            top_memory: vec![process("postgres", 1.0, 3 << 30)],
            ..HostSnapshot::default()
        }
    }

    fn told(metric: &str, condition: &str, change: Change, value: f64) -> String {
        let rule = AlertRule::new("r", metric, condition).unwrap();
        let limits = rule.limits(None, Shape::Gauge).unwrap();
        let labels = Labels::new([(METRIC_NAME, metric), ("source", "system")]).unwrap();
        let transition = Transition {
            change,
            severity: Severity::Warning,
            value: Some(value),
            threshold: limits.threshold,
            since: Timestamp::from_secs(0),
            at: Timestamp::from_secs(90),
            duration: Duration::from_secs(90),
        };
        sentence(&rule, &limits, &labels, &transition, &host())
    }

    #[test]
    fn w4_cpu_and_memory_alerts_name_the_culprit() {
        assert_eq!(
            told("cpu_usage_percent", "avg > 80 %", Change::Fired, 93.12),
            "CPU is 93.1 % (limit 80 %); most of it is python3 (pid 4711, 88 % of a core)"
        );
        assert_eq!(
            told("cpu_usage_percent", "avg > 0.1 %", Change::Fired, 0.25),
            "CPU is 0.25 % (limit 0.1 %); most of it is python3 (pid 4711, 88 % of a core)"
        );
        assert_eq!(
            told("memory_usage_percent", "avg > 85 %", Change::Fired, 90.0),
            "memory is 90 % (limit 85 %); postgres (pid 4711) holds most, 3072 MiB"
        );
    }

    #[test]
    fn a_resolved_alert_says_how_long_it_took() {
        assert_eq!(
            told("queue_depth", "p95 > 10", Change::Resolved, 2.5),
            "queue_depth p95 is 2.5 again (limit 10) after 1m30s"
        );
    }
}
