//! `tacho check config`: what a configuration file says, or what is wrong with it; `check rules` is in
//! [`check_rules`], `check data` in [`check_data`].

use std::path::PathBuf;

use anyhow::{Result, bail};
use tacho_model::time::format_duration;
use tacho_promql::Features;

use crate::commands::{check_data, check_rules, print};
use crate::config::{
    Config, FILE_NAME, Overrides, collect as collected, environment, filters, forward, ingest,
    prices, rules, scrape, storage,
};
use crate::exit::Outcome;

/// Check a configuration file, rule files or a data folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Check a configuration file
    #[command(after_help = "Examples:
  tacho check config
  tacho check config old.json --explain

Exit code 2 when the file is not usable: for what it says, or for what it names, such as a
certificate that is not there.")]
    Config {
        /// The file
        #[arg(default_value = FILE_NAME, value_name = "FILE")]
        file: PathBuf,
        /// Say what each setting is, and where older keys went
        #[arg(long)]
        explain: bool,
    },
    /// Check Prometheus' rule files
    Rules(check_rules::Args),
    /// Check a data folder that no server has open
    Data(check_data::Args),
}

/// Checks and explains.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let (file, explain) = match &args.what {
        What::Config { file, explain } => (file, explain),
        What::Rules(args) => return check_rules::run(args),
        What::Data(args) => return check_data::run(args),
    };
    if !file.exists() {
        bail!(
            "there is no {}; every key is optional, so none is needed",
            file.display()
        );
    }
    let config = Config::load(Some(file))?;
    let settings = config.settings(&Overrides {
        variables: environment(),
        ..Overrides::default()
    })?;
    let mut told = tacho_server::check(&settings)?;
    told.extend(rules::told(&settings.rules.groups));
    let mut text = match told.len() {
        0 => format!("{} is fine\n", file.display()),
        _ => format!("{} can be used, but:\n", file.display()),
    };
    for problem in told {
        text += &format!("  {problem}\n");
    }
    if *explain {
        for (old, new) in &config.mapped {
            text += &format!("{old} means {new}\n");
        }
        let collect = &settings.collect;
        text += &format!("server.listen: {}\n", settings.server.listen);
        if let Some(tls) = &settings.server.tls {
            let (cert, key) = (tls.cert.display(), tls.key.display());
            text += &format!("server.tls: {{cert: {cert}, key: {key}}}\n");
        }
        text += &format!("server.dashboard: {}\n", settings.server.dashboard);
        let timeout = format_duration(settings.server.query_timeout);
        text += &format!("server.query_timeout: {timeout}\n");
        let is_on = settings.promql.features == Features::Experimental;
        text += &format!("promql.experimental_functions: {is_on}\n");
        for (key, value) in storage::explain(&settings.storage) {
            text += &format!("{key}: {value}\n");
        }
        text += &format!("collect.host: {}\n", collect.host);
        text += &format!("collect.interval: {}\n", format_duration(collect.interval));
        for (key, value) in collected::explain(&collect.targets) {
            text += &format!("{key}: {value}\n");
        }
        for (key, value) in ingest::explain(&settings) {
            text += &format!("{key}: {value}\n");
        }
        for (key, value) in scrape::explain(&settings.scrape) {
            text += &format!("{key}: {value}\n");
        }
        for (key, value) in forward::explain(&settings.forward) {
            text += &format!("{key}: {value}\n");
        }
        for (number, filter) in filters::explain(&settings.filters).iter().enumerate() {
            text += &format!("filter {}: {filter}\n", number + 1);
        }
        for (key, value) in prices::explain(&settings.prices) {
            text += &format!("{key}: {value}\n");
        }
        for (key, value) in rules::explain(&settings.rules) {
            text += &format!("{key}: {value}\n");
        }
        for rule in &settings.rules.rules {
            let window = format_duration(rule.window);
            let severity = rule.severity;
            text += &format!(
                "rule {}: {} of {} over {window}, {severity}\n",
                rule.name, rule.condition, rule.metric
            );
        }
    }
    print(&text)?;
    Ok(Outcome::Fine)
}
