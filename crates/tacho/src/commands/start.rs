//! `tacho start`: collect, store, serve.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use tacho_model::time::{format_duration, parse_duration};
use tacho_server::Settings;
use tacho_server::otlp::listeners::Listening;
use tracing_subscriber::EnvFilter;

use crate::config::scalar::Age;
use crate::config::{Config, Overrides, environment, parse_listen};
use crate::exit::Outcome;
use crate::term::{self, Colour};

/// Watch this machine: collect, store, serve the dashboard and the API.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are bools")]
#[command(after_help = "Examples:
  tacho start
  tacho start --port 9000 --data-dir /var/lib/tacho
  tacho start --config tacho.yaml --no-dashboard
  TACHO_LOG=debug tacho start --log-format json")]
pub(crate) struct Args {
    /// Configuration file; tacho.yaml in this folder where there is one
    #[arg(long, env = "TACHO_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:8090]
    #[arg(long, env = "TACHO_LISTEN", value_name = "ADDRESS", conflicts_with = "port",
          value_parser = |text: &str| parse_listen(text).map_err(|e| e.to_string()))]
    listen: Option<SocketAddr>,
    /// Port on this machine; 0 for any that is free
    #[arg(long, env = "TACHO_PORT", value_name = "PORT")]
    port: Option<u16>,
    /// Where data is kept [default: ./tacho-data]
    #[arg(long, env = "TACHO_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How often to collect [default: 1s]
    #[arg(long, env = "TACHO_COLLECT_INTERVAL", value_name = "DURATION",
          value_parser = |text: &str| parse_duration(text).map_err(|e| e.to_string()))]
    interval: Option<Duration>,
    /// Serve the API only
    #[arg(long)]
    no_dashboard: bool,
    /// Serve the dashboard (it is, unless switched off)
    #[arg(long, conflicts_with = "no_dashboard", hide = true)]
    dashboard: bool,
    /// Listen beyond this machine although nobody has to say who they are
    #[arg(long)]
    insecure: bool,
    /// How log records are written
    #[arg(long, env = "TACHO_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// Profile the services that are watched
    #[arg(long, hide = true)]
    profiling: bool,
    /// Watch for regressions
    #[arg(long, hide = true)]
    regression: bool,
}

/// How log records are written.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a record
    Json,
}

/// Runs until told to stop.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    for (asked, flag) in [
        (args.profiling, "--profiling"),
        (args.regression, "--regression"),
    ] {
        if asked {
            bail!("{flag} is not built yet; start without it");
        }
    }
    let config = Config::load(args.config.as_deref())?;
    let dashboard = match (args.no_dashboard, args.dashboard) {
        (true, _) => Some(false),
        (_, true) => Some(true),
        _ => None,
    };
    let settings = config.settings(&Overrides {
        listen: args.listen,
        port: args.port,
        data_dir: args.data_dir.clone(),
        dashboard,
        interval: args.interval,
        insecure: args.insecure,
        variables: environment(),
    })?;
    log(args.log_format, "info");
    let greeting = greeting(&config, &settings);
    tacho_server::run(settings, |address, otlp| {
        eprintln!("{}", greeting(address, otlp));
    })?;
    Ok(Outcome::Fine)
}

/// What a user sees first: where to look, and what is being done.
fn greeting(
    config: &Config,
    settings: &Settings,
) -> impl FnOnce(SocketAddr, &Listening) -> String + use<> {
    let name = term::paint_err("Tachograph", Colour::Bold);
    let version = env!("CARGO_PKG_VERSION");
    let collect = &settings.collect;
    let watching = if collect.host {
        format!(
            "watching this machine every {}",
            format_duration(collect.interval)
        )
    } else {
        "not watching this machine (collect.host: false)".to_owned()
    };
    let dir = settings.storage.dir.display().to_string();
    let retention = match Age(settings.storage.options.retention) {
        Age::FOREVER => "everything".to_owned(),
        retention => retention.to_string(),
    };
    let file = config
        .path
        .as_ref()
        .map(|path| format!("\n  configuration in {}", path.display()));
    let file = file.unwrap_or_default();
    let scheme = settings.server.tls.as_ref().map_or("http", |_| "https");
    let what = if settings.server.dashboard {
        "dashboard"
    } else {
        "API"
    };
    move |address, otlp| {
        let otlp = otlp.sentence();
        let otlp = otlp
            .map(|where_| format!("\n  OpenTelemetry over {where_}"))
            .unwrap_or_default();
        let (here, wide) = reachable(address);
        let url = term::paint_err(&format!("{scheme}://{here}"), Colour::Bold);
        format!(
            "{name} {version}\n  {what} at {url}{wide}{otlp}\n  {watching}, keeping {retention} in {dir}{file}\
             \n  stop with Ctrl-C"
        )
    }
}

/// Where a browser on this machine finds an address that is listened on, and what to know of it: one
/// that stands for every address is none that can be asked for.
fn reachable(address: SocketAddr) -> (SocketAddr, String) {
    if !address.ip().is_unspecified() {
        return (address, String::new());
    }
    let here = match address {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
    };
    let wide = format!("\n  and at every other address of this machine ({address})");
    (SocketAddr::new(here, address.port()), wide)
}

/// Writes log records of this level and above, unless `TACHO_LOG` says otherwise.
pub(super) fn log(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_env("TACHO_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => {
            let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder
                .with_ansi(colour && std::env::var_os("NO_COLOR").is_none())
                .init();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_is_told_can_be_asked_for() {
        let check = |address: &str, here: &str, is_wide: bool| {
            let (told, wide) = reachable(address.parse().unwrap());
            assert_eq!(
                (told.to_string().as_str(), !wide.is_empty()),
                (here, is_wide)
            );
        };
        check("127.0.0.1:8090", "127.0.0.1:8090", false);
        check("10.0.0.7:1", "10.0.0.7:1", false);
        check("0.0.0.0:8090", "127.0.0.1:8090", true);
        check("[::]:8090", "[::1]:8090", true);
    }
}
