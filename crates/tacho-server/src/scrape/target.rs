//! From what discovery says to a target: its labels, its URL and when it is scraped.
//!
//! A target is its final labels and its URL: two that have both in common are one.
//! Source: Prometheus "Configuration", `scrape_config` and `relabel_config`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use tacho_model::relabel::{self, Draft, Verdict};
use tacho_model::time::{format_duration, parse_duration};
use tacho_model::{Labels, Timestamp};

use super::settings::{Group, Job};

/// Labels of a target, and the parts of its URL that they name.
const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM: &str = "__param_";

/// Something to scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The labels that all its series get.
    pub labels: Labels,
    /// What discovery said, for people who write relabelling rules.
    pub discovered: Vec<(String, String)>,
    /// Where it is.
    pub url: String,
    /// How often it is scraped.
    pub interval: Duration,
    /// How long one scrape may take.
    pub timeout: Duration,
}

/// What becomes of a discovered address.
#[derive(Debug)]
pub enum Found {
    /// It is scraped.
    Target(Box<Target>),
    /// The rules dropped it.
    Dropped(Vec<(String, String)>),
    /// It makes no target, for this reason.
    Invalid(String),
}

impl Target {
    /// What it is known by: the same key, the same target.
    pub fn key(&self) -> (Labels, String, Duration, Duration) {
        let url = self.url.clone();
        (self.labels.clone(), url, self.interval, self.timeout)
    }

    /// When it is scraped next after `now`: each target has its own place in the interval, so that
    /// not all are scraped at once, and keeps it for ever.
    pub fn next(&self, now: Timestamp, seed: u64) -> Timestamp {
        let mut hasher = DefaultHasher::new();
        (self.labels.as_ref().as_bytes(), &self.url, seed).hash(&mut hasher);
        let interval = i64::try_from(self.interval.as_nanos()).unwrap_or(i64::MAX);
        let offset = (hasher.finish() % interval as u64) as i64;
        let since = (now.as_nanos() - offset).rem_euclid(interval);
        Timestamp::from_nanos(now.as_nanos().saturating_add(interval - since))
    }
}

/// The targets of a group.
pub fn targets(job: &Job, group: &Group) -> Vec<Found> {
    let found = |address: &String| target(job, group, address);
    group.targets.iter().map(found).collect()
}

fn target(job: &Job, group: &Group, address: &str) -> Found {
    let mut draft = Draft::default();
    draft.set(ADDRESS, address);
    for (name, value) in &group.labels {
        draft.set(name.as_str(), value.as_str());
    }
    let defaults = [
        ("job", job.name.clone()),
        (INTERVAL, format_duration(job.interval)),
        (TIMEOUT, format_duration(job.timeout)),
        (PATH, job.metrics_path.clone()),
        (SCHEME, job.scheme.clone()),
    ];
    let params = job.params.iter().filter_map(|(name, values)| {
        let first = values.first()?.clone();
        Some((format!("{PARAM}{name}"), first))
    });
    let defaults = defaults.map(|(name, value)| (name.to_owned(), value));
    for (name, value) in defaults.into_iter().chain(params) {
        if draft.get(&name).is_empty() {
            draft.set(name, value);
        }
    }
    let mut discovered: Vec<(String, String)> = pairs(&draft).collect();
    discovered.sort();
    if relabel::apply(&job.relabel, &mut draft) == Verdict::Drop {
        return Found::Dropped(discovered);
    }
    match finish(job, draft) {
        Ok((labels, url, interval, timeout)) => Found::Target(Box::new(Target {
            labels,
            discovered,
            url,
            interval,
            timeout,
        })),
        Err(reason) => Found::Invalid(format!("target `{}`: {reason}", shown(address))),
    }
}

fn pairs<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = (String, String)> + 'd {
    draft
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

type Finished = (Labels, String, Duration, Duration);

/// The target that relabelled labels name.
fn finish(job: &Job, mut draft: Draft<'_>) -> Result<Finished, String> {
    let scheme = draft.get(SCHEME).to_owned();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(format!(
            "there is no scheme `{}`; use http or https",
            shown(&scheme)
        ));
    }
    let address = with_port(draft.get(ADDRESS), &scheme)?;
    let duration = |name| {
        let text = draft.get(name);
        let read = parse_duration(text).ok().filter(|read| !read.is_zero());
        read.ok_or_else(|| format!("`{name}` is `{}`, no duration above 0", shown(text)))
    };
    let (interval, timeout) = (duration(INTERVAL)?, duration(TIMEOUT)?);
    if timeout > interval {
        return Err("the scrape timeout is longer than the scrape interval".to_owned());
    }
    let url = url(job, &draft, &scheme, &address);
    if draft.get("instance").is_empty() {
        draft.set("instance", address);
    }
    draft.retain(|name| !name.starts_with("__"));
    let labels = draft.to_labels().map_err(|error| error.to_string())?;
    Ok((labels, url, interval, timeout))
}

/// The address with the scheme's port where it has none.
fn with_port(address: &str, scheme: &str) -> Result<String, String> {
    if address.is_empty() {
        return Err("it has no address".to_owned());
    }
    if address.contains(['/', '?', '#', '@']) || address.chars().any(char::is_whitespace) {
        return Err("an address is `host:port`; put the path into `metrics_path`".to_owned());
    }
    let behind = address.rsplit_once(']').map_or(address, |(_, rest)| rest);
    // Two colons without brackets are an address of IPv6, which needs them.
    let has_port = match (address.starts_with('['), behind.matches(':').count()) {
        (true, colons) => colons == 1,
        (false, 0) => false,
        (false, 1) => true,
        (false, _) => return Err("write an IPv6 address in brackets".to_owned()),
    };
    let port = if scheme == "https" { 443 } else { 80 };
    if has_port {
        return Ok(address.to_owned());
    }
    Ok(format!("{address}:{port}"))
}

fn url(job: &Job, draft: &Draft<'_>, scheme: &str, address: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let first = |name: &str| draft.get(&format!("{PARAM}{name}")).to_owned();
    for (name, values) in &job.params {
        let relabelled = first(name);
        let rest = values.iter().skip(1);
        let relabelled = (!relabelled.is_empty()).then_some(&relabelled);
        for value in relabelled.into_iter().chain(rest) {
            query.append_pair(name, value);
        }
    }
    let is_known = |name: &str| job.params.iter().any(|(known, _)| known == name);
    let mut more: Vec<(&str, &str)> = draft
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PARAM)?, value)))
        .filter(|(name, _)| !is_known(name))
        .collect();
    more.sort_unstable();
    for (name, value) in more {
        query.append_pair(name, value);
    }
    let query = query.finish();
    let path = draft.get(PATH);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mark = match (query.is_empty(), path.contains('?')) {
        (true, _) => "",
        (false, true) => "&",
        (false, false) => "?",
    };
    format!("{scheme}://{address}{slash}{path}{mark}{query}")
}

fn shown(text: &str) -> String {
    text.chars().take(120).collect()
}
