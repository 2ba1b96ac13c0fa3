//! `tacho demo`: something to watch, and a server that watches it.
//!
//! The server is the one of `tacho start`, on a folder that goes when it ends; what is watched is
//! `tacho-demo`'s, which sends to it as any program does. What people are told stands here.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use tacho_demo::demo::{Event, Options, Prepared, Running, Summary};
use tacho_demo::schedule::{EVERY, Incident, Release};
use tacho_model::Timestamp;
use tacho_model::time::{format_duration, parse_duration};

use super::start::{self, LogFormat};
use crate::config::{Config, Overrides};
use crate::exit::Outcome;
use crate::term::{self, Colour};

/// More visitors a second than this would keep the machine busy with the demo itself.
const RATE_MAX: f64 = 100.0;
/// Of what lies further back, a server counts as now what was then.
const HISTORY_MAX: Duration = Duration::from_mins(50);

/// See it at work: a shop of three services, two agents, visitors, and a release that goes wrong.
///
/// Everything runs in this process: a server on a temporary folder, and a small shop that it
/// watches. Nothing leaves this machine, and no key is needed. In the middle of the history, two
/// minutes after the start and every ten minutes then, release 1.4.0 of `orders` makes it slow.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho demo                                    see it; Ctrl-C ends it and leaves nothing
  tacho demo --incident-after 20s               do not wait for the incident
  tacho demo --no-open --port 9000 --rate 30    more visitors, at http://127.0.0.1:9000
  tacho demo --data-dir ./demo --keep           and look at it later: tacho start --data-dir ./demo")]
pub(crate) struct Args {
    /// Port on this machine; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Where data is kept, and stays [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Leave the temporary folder where it is
    #[arg(long)]
    keep: bool,
    /// Open no browser
    #[arg(long)]
    no_open: bool,
    /// Visitors a second, in the mean
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0)]
    rate: f64,
    /// End by itself after this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// How much seems to have happened before the start; at most 50m
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "50m")]
    history: Duration,
    /// When the bad release is out, after the start
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2m")]
    incident_after: Duration,
    /// How long until it is rolled back; 0 for no incident
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2m")]
    incident_for: Duration,
    /// Of the dice: the same seed, the same visitors
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// Runs until told to stop, or until its time is over.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let shop = Prepared::new(args.options()?)?;
    let folder = Folder::new(args)?;
    let settings = Config::default().settings(&Overrides {
        port: Some(args.port),
        data_dir: Some(folder.path().to_owned()),
        // What others on this machine send to the usual ports is not for a folder that goes.
        variables: ["HTTP", "GRPC"]
            .map(|way| (format!("TACHO_INGEST_OTLP_{way}"), "off".to_owned()))
            .to_vec(),
        ..Overrides::default()
    })?;
    // Alerts are shown on the page; here they would drown what is told of the shop.
    start::log(LogFormat::Text, "warn,tacho::alert=off");
    let (ended, summary) = channel();
    let opens = !args.no_open;
    let limit = args.duration.unwrap_or(Duration::MAX);
    let served = tacho_server::run_beside(settings, limit, |address, _| {
        greet(address, &folder);
        let running = shop.start(address, narrator(address));
        if opens {
            open(&url(address, ""));
        }
        move || {
            let _ = ended.send(running.map(Running::stop));
        }
    });
    let told = folder.leave();
    served?;
    if let Ok(summary) = summary.try_recv() {
        say_goodbye(&summary.context("cannot start the shop")?);
    }
    eprintln!("{}", told?);
    Ok(Outcome::Fine)
}

impl Args {
    fn options(&self) -> Result<Options> {
        if !(0.1..=RATE_MAX).contains(&self.rate) {
            bail!("--rate {} is not between 0.1 and {RATE_MAX}", self.rate);
        }
        if self.history > HISTORY_MAX {
            bail!("--history is at most {}", format_duration(HISTORY_MAX));
        }
        if self.incident_for >= EVERY {
            bail!(
                "--incident-for must be less than {}: it comes again after that",
                format_duration(EVERY)
            );
        }
        Ok(Options {
            rate: self.rate,
            seed: self.seed,
            history: self.history,
            incident: Incident {
                after: self.incident_after,
                lasts: self.incident_for,
            },
        })
    }
}

/// Where data lies.
enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn new(args: &Args) -> Result<Self> {
        if let Some(dir) = &args.data_dir {
            return Ok(Self::Kept(dir.clone()));
        }
        let made = tempfile::Builder::new().prefix("tacho-demo-").tempdir();
        let made = made.context("cannot make a temporary folder; name one with --data-dir")?;
        Ok(if args.keep {
            Self::Kept(made.keep())
        } else {
            Self::Temporary(made)
        })
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Kept(dir) => dir,
        }
    }

    /// What becomes of it.
    fn leave(self) -> Result<String> {
        let shown = self.path().display().to_string();
        match self {
            Self::Temporary(dir) => {
                dir.close()
                    .with_context(|| format!("cannot remove {shown}"))?;
                Ok(format!("removed {shown}"))
            }
            Self::Kept(_) => Ok(format!(
                "kept {shown}; look at it with: tacho start --data-dir {shown}"
            )),
        }
    }
}

/// The address of a page of the dashboard.
fn url(address: SocketAddr, page: &str) -> String {
    format!("http://{address}/#/{page}")
}

fn greet(address: SocketAddr, folder: &Folder) {
    let name = term::paint_err("Tachograph's demo", Colour::Bold);
    let here = term::paint_err(&format!("http://{address}"), Colour::Bold);
    eprintln!(
        "{name}\n  dashboard at {here}\n  data in {}\n  on the command line: \
         TACHO_SERVER=http://{address} tacho services\n  stop with Ctrl-C",
        folder.path().display()
    );
}

/// Tells what happens, and where to see it.
fn narrator(address: SocketAddr) -> impl Fn(Event) + Send + 'static {
    let bar = ProgressBar::new(1000);
    let template = "  the last hour {bar:40.cyan} {percent:>3} %";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    move |event| match event {
        Event::History(done) => bar.set_position((1000.0 * done) as u64),
        Event::Live => {
            bar.finish_and_clear();
            say(&format!(
                "open: visitors come to gateway, orders and inventory, and ask two agents\n\
                 services {}\nagents   {}",
                url(address, "services"),
                url(address, "agents")
            ));
        }
        Event::Released(release @ Release::Bad) => say(&format!(
            "{}\nwatch p99 and errors of GET /orders rise, and the queries of one request: {}",
            term::paint_err(
                &format!("orders {} is out", release.version()),
                Colour::Worse
            ),
            url(address, "services/orders")
        )),
        Event::Released(release @ Release::Good) => say(&format!(
            "{}\ncompare with the minutes before: {}",
            term::paint_err(
                &format!("rolled back to orders {}", release.version()),
                Colour::Better
            ),
            url(address, "services/orders")
        )),
        Event::Short => say("a thread could not be started; some of the demo is missing"),
    }
}

/// A line with the time of day, and lines below it.
fn say(what: &str) {
    let now = Timestamp::now().to_rfc3339();
    let time = now.get(11..19).unwrap_or("");
    eprintln!("{time} UTC  {}", what.replace('\n', "\n              "));
}

fn say_goodbye(summary: &Summary) {
    let Summary {
        sent,
        lost,
        turned_away,
    } = summary;
    let lost = if *lost == 0 {
        String::new()
    } else {
        format!(", {lost} lost")
    };
    let away = if *turned_away == 0 {
        String::new()
    } else {
        format!(", {turned_away} visitors turned away")
    };
    eprintln!("ended: {sent} spans sent{lost}{away}");
}

/// Opens a browser, where there is somebody to see it. A browser that does not open is no failure:
/// the address was told.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_display = cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    if !has_display || !std::io::stderr().is_terminal() {
        return;
    }
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null());
    let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Ok(mut browser) = spawned {
        // So that the system can forget it when it ends.
        std::thread::spawn(move || browser.wait());
    }
}
