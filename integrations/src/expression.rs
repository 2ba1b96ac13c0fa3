//! Figures that panels and alerts share, as PromQL.
//!
//! A figure is the same expression in both, about other series: those that the reader of a page
//! chose, or all of them. Each has an answer from Tachograph itself and from a Prometheus that
//! scrapes it. They differ in one thing: what Tachograph keeps as native histograms reaches a
//! Prometheus as summaries, because its text format knows no others; [`Scope::quantile`] asks
//! for both.

/// Which series an expression is about, and how far back it looks.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    matchers: &'static str,
    window: &'static str,
}

/// All series, as alerts look at them.
pub const ALL: Scope = Scope {
    matchers: "",
    window: "5m",
};
/// All series, as panels look at them.
pub const ANY: Scope = Scope::chosen("");
/// Those of the chosen host.
pub const HOST: Scope = Scope::chosen(r#"instance=~"$instance""#);
/// Those of the chosen services.
pub const SERVICES: Scope = Scope::chosen(r#"service=~"$service""#);
/// Those of the chosen agents.
pub const AGENTS: Scope = Scope::chosen(r#"service=~"$service",gen_ai_agent_name=~"$agent""#);
/// Those of the chosen Tachograph.
pub const OWN: Scope = Scope::chosen(r#"job="tacho",instance=~"$instance""#);

/// Every span that ended.
pub const CALLS: &str = "traces_span_metrics_calls_total";
/// How long spans took.
pub const DURATION: &str = "traces_span_metrics_duration_seconds";
/// Spans of those who answer. How long a WebSocket stays open is no response time.
pub const ANSWERED: &str = r#"span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER",websocket_event="""#;
/// Runs of agents.
pub const RUNS: &str = r#"gen_ai_operation_name="invoke_agent""#;
/// Devices that are no layers above other disks.
pub const DISKS: &str = r#"device!~"(dm-|md|loop|ram|zram|sr|fd)[0-9].*""#;
/// Interfaces whose traffic leaves the machine, and passes no other of them.
pub const INTERFACES: &str = r#"device!~"(lo|veth|docker|br-|virbr|cni|flannel|cali|tap|tun).*""#;
/// The file system that there always is.
pub const ROOT: &str = r#"mountpoint="/""#;
/// File systems that keep something.
pub const KEPT: &str = r#"fstype!~"tmpfs|ramfs|squashfs|iso9660""#;

impl Scope {
    const fn chosen(matchers: &'static str) -> Self {
        Self {
            matchers,
            window: "$__rate_interval",
        }
    }

    /// The same, looking back so far.
    pub const fn over(self, window: &'static str) -> Self {
        Self { window, ..self }
    }

    /// A metric's series.
    pub fn of(self, metric: &str, more: &str) -> String {
        let matchers = [self.matchers, more];
        let matchers = matchers.into_iter().filter(|m| !m.is_empty());
        match matchers.collect::<Vec<_>>().join(",") {
            none if none.is_empty() => metric.to_owned(),
            some => format!("{metric}{{{some}}}"),
        }
    }

    /// What a function of a window makes of a metric's series.
    pub fn window(self, function: &str, metric: &str, more: &str) -> String {
        format!("{function}({}[{}])", self.of(metric, more), self.window)
    }

    /// How fast a metric's series grow, by the second.
    pub fn rate(self, metric: &str, more: &str) -> String {
        self.window("rate", metric, more)
    }

    /// The rates of a metric's series, added up by labels.
    pub fn rate_by(self, by: &str, metric: &str, more: &str) -> String {
        format!("{} ({})", sum(by), self.rate(metric, more))
    }

    /// How large a share of a metric's growth is that of some of its series; 0 where none of them
    /// grew.
    pub fn share(self, by: &str, metric: &str, some: &str, all: &str) -> String {
        let every = self.rate_by(by, metric, all);
        let more = if all.is_empty() {
            String::new()
        } else {
            format!("{all},")
        };
        let part = self.rate_by(by, metric, &format!("{more}{some}"));
        format!("({part} or 0 * {every}) / {every}")
    }

    /// The share of calls that failed.
    pub fn error_rate(self, by: &str, which: &str) -> String {
        self.share(by, CALLS, r#"status_code="STATUS_CODE_ERROR""#, which)
    }

    /// A quantile of what Tachograph keeps as native histograms.
    ///
    /// A Prometheus has the quantiles of the last five minutes of each series; the greatest of
    /// several is the best that can be said of them together, and never too small.
    pub fn quantile(self, q: &str, by: &str, metric: &str, more: &str) -> String {
        let more = if more.is_empty() {
            String::new()
        } else {
            format!("{more},")
        };
        let kept = self.window("sum_over_time", metric, &format!(r#"{more}quantile="""#));
        let told = self.of(metric, &format!(r#"{more}quantile="{q}""#));
        let (sum, max) = (sum(by), sum(by).replacen("sum", "max", 1));
        format!("histogram_quantile({q}, {sum} ({kept})) or {max} ({told})")
    }

    /// A figure of the host that is derived, in percent.
    pub fn derived(self, name: &str) -> String {
        format!(
            "max by (instance) ({})",
            self.of(name, r#"source="system""#)
        )
    }

    /// Programs that are ready to run, for each core.
    pub fn load_per_core(self, load: &str) -> String {
        let cores = self.of("node_cpu_seconds_total", r#"mode="idle""#);
        let load = self.of(load, "");
        format!("sum by (instance) ({load}) / count by (instance) ({cores})")
    }

    /// What a metric's series will be, by their course so far, in so many seconds.
    pub fn forecast(self, metric: &str, more: &str, course: &str, seconds: u32) -> String {
        format!(
            "predict_linear({}[{course}], {seconds})",
            self.of(metric, more)
        )
    }

    /// How full file systems are.
    pub fn space_used(self, which: &str) -> String {
        let (free, all) = ("node_filesystem_avail_bytes", "node_filesystem_size_bytes");
        format!("1 - {} / {}", self.of(free, which), self.of(all, which))
    }

    /// How many of the files that file systems can have there are.
    pub fn inodes_used(self, which: &str) -> String {
        let (free, all) = ("node_filesystem_files_free", "node_filesystem_files");
        format!("1 - {} / {}", self.of(free, which), self.of(all, which))
    }
}

fn sum(by: &str) -> String {
    match by {
        "" => "sum".to_owned(),
        by => format!("sum by ({by})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_about_what_was_chosen_and_about_everything() {
        assert_eq!(ALL.of("up", ""), "up");
        assert_eq!(HOST.of("up", ""), r#"up{instance=~"$instance"}"#);
        assert_eq!(
            ALL.rate("a_total", r#"b="c""#),
            r#"rate(a_total{b="c"}[5m])"#
        );
        assert_eq!(
            ALL.share("service", "a_total", r#"bad="1""#, ""),
            "(sum by (service) (rate(a_total{bad=\"1\"}[5m])) or \
             0 * sum by (service) (rate(a_total[5m]))) / sum by (service) (rate(a_total[5m]))"
        );
        assert_eq!(
            ALL.quantile("0.95", "", "d_seconds", r#"kind="x""#),
            "histogram_quantile(0.95, sum \
                (sum_over_time(d_seconds{kind=\"x\",quantile=\"\"}[5m]))) \
             or max (d_seconds{kind=\"x\",quantile=\"0.95\"})"
        );
    }
}
