//! Finding targets: as configured, in files, and by asking a server.
//!
//! 1. A file or a server that cannot be read, or says nonsense, changes nothing: the targets it
//!    named before stay, and the reason is kept for whoever asks.
//! 2. A file that is gone takes its targets with it.
//!
//! Sources: Prometheus "Configuration", `file_sd_config` and `http_sd_config`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::client::Client;
use super::settings::{Discovery, Group};

/// How often files are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Largest file, and largest answer of a server.
const BYTES_MAX: usize = 32 << 20;
/// Most files that one pattern may name.
const FILES_MAX: usize = 10_000;
/// How long a server may take.
const HTTP_WAIT: Duration = Duration::from_mins(1);

/// One way to find targets, and what it found.
#[derive(Debug)]
pub struct Source {
    discovery: Discovery,
    groups: BTreeMap<PathBuf, Vec<Group>>,
    stamps: BTreeMap<PathBuf, Stamp>,
    /// When everything is read again.
    due: Option<Instant>,
    /// What is wrong, if anything is.
    problem: Option<String>,
}

/// By what a file is known to be the same.
type Stamp = (Option<SystemTime>, u64);

/// Whether anything was found to be different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing was.
    None,
    /// Something was.
    Some,
}

/// A group as files and servers write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    #[expect(dead_code, reason = "taken and of no use, as in Prometheus")]
    source: Option<String>,
}

impl Source {
    /// A source that has not been looked at.
    pub fn new(discovery: Discovery) -> Self {
        Self {
            discovery,
            groups: BTreeMap::new(),
            stamps: BTreeMap::new(),
            due: None,
            problem: None,
        }
    }

    /// All groups.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().flatten()
    }

    /// What is wrong, if anything is.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Looks for what changed.
    pub async fn look(mut self) -> (Self, Change) {
        let is_due = self.due.is_none_or(|due| due <= Instant::now());
        match self.discovery.clone() {
            Discovery::Static(groups) => {
                let first = self.due.is_none();
                if first {
                    self.due = Some(Instant::now());
                    self.groups.insert(PathBuf::new(), groups);
                }
                (self, if first { Change::Some } else { Change::None })
            }
            Discovery::Files { patterns, refresh } => {
                if is_due {
                    self.stamps.clear();
                    self.due = Some(Instant::now() + refresh);
                }
                let looked = tokio::task::spawn_blocking(move || self.files(&patterns));
                match looked.await {
                    Ok(looked) => looked,
                    // Reading files does not panic; and if it did, there would be nothing to keep.
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                }
            }
            Discovery::Http {
                url,
                refresh,
                client,
            } if is_due => {
                self.due = Some(Instant::now() + refresh);
                let asked = match Client::new(&client, refresh) {
                    Ok(client) => ask(&client, &url, refresh).await,
                    Err(error) => Err(error.to_string()),
                };
                let change = self.take(PathBuf::new(), asked.map_err(|e| format!("{url}: {e}")));
                (self, change)
            }
            Discovery::Http { .. } => (self, Change::None),
        }
    }

    /// Takes what was read; keeps what was there where nothing could be.
    fn take(&mut self, from: PathBuf, read: Result<Vec<Group>, String>) -> Change {
        match read {
            Ok(groups) => {
                self.problem = None;
                if self.groups.get(&from) == Some(&groups) {
                    return Change::None;
                }
                self.groups.insert(from, groups);
                Change::Some
            }
            Err(reason) => {
                if self.problem.as_ref() != Some(&reason) {
                    tracing::warn!("service discovery: {reason}; the targets stay as they were");
                }
                self.problem = Some(reason);
                Change::None
            }
        }
    }

    fn files(mut self, patterns: &[PathBuf]) -> (Self, Change) {
        let mut change = Change::None;
        let paths: Vec<PathBuf> = patterns
            .iter()
            .flat_map(|p| named(p))
            .filter(|path| path.is_file())
            .collect();
        let gone = |path: &PathBuf| !paths.contains(path);
        let before = self.groups.len();
        self.groups.retain(|path, _| !gone(path));
        self.stamps.retain(|path, _| !gone(path));
        if self.groups.len() < before {
            change = Change::Some;
        }
        for path in paths {
            let stamp = stamp(&path);
            if self.stamps.get(&path) == Some(&stamp) {
                continue;
            }
            self.stamps.insert(path.clone(), stamp);
            let shown = path.display().to_string();
            let read = read(&path).map_err(|reason| format!("{shown}: {reason}"));
            if self.take(path, read) == Change::Some {
                change = Change::Some;
            }
        }
        (self, change)
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok();
    let modified = metadata.as_ref().and_then(|m| m.modified().ok());
    (modified, metadata.map_or(0, |m| m.len()))
}

/// The files that a pattern names, in order; one without `*` and `?` is not looked for.
pub(crate) fn named(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    if name.contains(['*', '?']) {
        return matching(pattern, &name);
    }
    vec![pattern.to_owned()]
}

/// The files of a folder whose names are what a pattern says.
fn matching(pattern: &Path, name: &str) -> Vec<PathBuf> {
    let folder = pattern.parent().unwrap_or(Path::new("."));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| matches_name(name, &entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .take(FILES_MAX)
        .collect();
    found.sort();
    found
}

/// Whether a name is what a pattern of `*` and `?` says.
fn matches_name(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on when what follows the last `*` does not fit.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn read(path: &Path) -> Result<Vec<Group>, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.len() > BYTES_MAX as u64 {
        return Err(format!("the file has more than {BYTES_MAX} bytes"));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let is_json = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let groups = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else if text.trim().is_empty() {
        Ok(Vec::new())
    } else {
        serde_saphyr::from_str(&text).map_err(|error| first_line(&error.to_string()))
    };
    let more = ("__meta_filepath", path.display().to_string());
    Ok(with_label(groups?, &more))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("").to_owned()
}

fn with_label(groups: Vec<RawGroup>, (name, value): &(&str, String)) -> Vec<Group> {
    let group = |raw: RawGroup| {
        let mut labels: Vec<(String, String)> =
            raw.labels.unwrap_or_default().into_iter().collect();
        labels.push(((*name).to_owned(), value.clone()));
        Group {
            targets: raw.targets,
            labels,
        }
    };
    groups.into_iter().map(group).collect()
}

/// Asks a server for its targets.
async fn ask(client: &Client, url: &str, refresh: Duration) -> Result<Vec<Group>, String> {
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    let seconds = HeaderValue::from(refresh.as_secs());
    let name = HeaderName::from_static("x-prometheus-refresh-interval-seconds");
    headers.insert(name, seconds);
    let fetched = client.fetch(url, &headers, HTTP_WAIT, BYTES_MAX).await;
    let fetched = fetched.map_err(|error| error.to_string())?;
    let kind = fetched.content_type.split(';').next().unwrap_or("").trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(format!("the answer is `{kind}`, not application/json"));
    }
    let groups: Vec<RawGroup> =
        serde_json::from_slice(&fetched.body).map_err(|error| error.to_string())?;
    Ok(with_label(groups, &("__meta_url", url.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_patterns() {
        let check = |pattern, name, expected| {
            assert_eq!(matches_name(pattern, name), expected, "{pattern} {name}");
        };
        check("*.json", "a.json", true);
        check("*.json", ".json", true);
        check("*.json", "a.json~", false);
        check("t*s?.yml", "targets1.yml", true);
        check("t*s?.yml", "targets.yml", false);
        check("*a*a*", "banana", true);
        check("*a*b", "banana", false);
        check("*", "ä", true);
    }

    async fn look(source: Source) -> (Source, Change) {
        source.look().await
    }

    #[tokio::test]
    async fn files_come_change_break_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| fs::write(path(name), text).unwrap();
        let source = Source::new(Discovery::Files {
            patterns: vec![path("*.json"), path("one.yml")],
            refresh: Duration::from_hours(1),
        });
        let targets = |source: &Source| -> Vec<String> {
            source.groups().flat_map(|g| g.targets.clone()).collect()
        };
        let (source, change) = look(source).await;
        assert_eq!((targets(&source).len(), change), (0, Change::None));
        write(
            "a.json",
            r#"[{"targets": ["x:1"], "labels": {"env": "p"}}]"#,
        );
        write("one.yml", "- targets: ['y:2', 'z:3']\n");
        let (source, change) = look(source).await;
        assert_eq!(
            (targets(&source).join(" "), change),
            ("x:1 y:2 z:3".to_owned(), Change::Some)
        );
        let group = source.groups().next().unwrap();
        let meta = (
            "__meta_filepath".to_owned(),
            path("a.json").display().to_string(),
        );
        assert_eq!(group.labels, [("env".to_owned(), "p".to_owned()), meta]);
        // Broken: what was there stays.
        write("a.json", r#"[{"targets": ["x:1"#);
        let (source, change) = look(source).await;
        assert_eq!((targets(&source).len(), change), (3, Change::None));
        assert!(
            source.problem().unwrap().contains("a.json: "),
            "{:?}",
            source.problem()
        );
        write("a.json", r#"[{"targets": ["x:9"], "label": {}}]"#);
        let (source, _) = look(source).await;
        assert!(
            source.problem().unwrap().contains("unknown field"),
            "{:?}",
            source.problem()
        );
        fs::remove_file(path("a.json")).unwrap();
        let (source, change) = look(source).await;
        assert_eq!(
            (targets(&source).join(" "), change),
            ("y:2 z:3".to_owned(), Change::Some)
        );
        let (_, change) = look(source).await;
        assert_eq!(change, Change::None);
    }
}
