//! What may be typed.

use clap::{Parser, Subcommand};

use crate::commands::{
    agents, baseline, check, cleanup, compare, completions, demo, export, query, report, rules,
    services, snapshot, start, stats, status, token,
};

const EXAMPLES: &str = "\
Examples:
  tacho start                              watch this machine; open http://127.0.0.1:8090
  tacho baseline --duration 300            measure what is normal, five minutes from now
  tacho compare default --window 5m        did anything change since?
  tacho report --window 1h --out report.html
  tacho query 'node_load1' --window 1h --step 5m

Exit codes: 0 fine, 1 bad news, 2 the command could not do its work, 3 inconclusive.";

/// How fast your software is, whether that changed, why, and how sure one can be.
#[derive(Debug, Parser)]
#[command(name = "tacho", version, after_help = EXAMPLES, propagate_version = true)]
#[command(arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One file a command, in [`crate::commands`].
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch this machine: collect, store, serve the dashboard and the API
    Start(start::Args),
    /// See it at work: a shop, agents, visitors and an incident, on a server of its own
    Demo(demo::Args),
    /// How the server and this machine are
    Status(status::Args),
    /// Show the values of a metric, or evaluate PromQL
    Query(query::Args),
    /// Services: rates, errors and latencies, by endpoint
    Services(services::Args),
    /// Agents: runs, tokens and cost, tools and models
    Agents(agents::Args),
    /// Measure what is normal, and manage what was measured
    Baseline(baseline::Args),
    /// Compare the last minutes with a baseline
    Compare(compare::Args),
    /// A report to send to a colleague
    Report(report::Args),
    /// Recording rules: list them, put and remove groups of them
    Rules(rules::Args),
    /// Keep what everything reads now, and look at it later
    Snapshot(snapshot::Args),
    /// Remove samples by age, by selector, or both
    Cleanup(cleanup::Args),
    /// Check a configuration file, rule files or a data folder
    Check(check::Args),
    /// A consistent copy of all data, while the server goes on
    Export(export::Args),
    /// Tests and plans on your own numbers
    Stats(stats::Args),
    /// Decide who may read, write and administer
    Token(token::Args),
    /// Completions for a shell
    Completions(completions::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn f1_the_whole_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
