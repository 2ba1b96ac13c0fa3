//! Groups on disk: one JSON file a group, replaced by a rename.
//!
//! Numbers are written as text, because JSON has no infinity and no NaN. A file that cannot be
//! read is renamed to `….bad` and told, and costs that group alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tacho_model::histogram::{Bucket, HistogramParts, Temporality};
use tacho_model::{Histogram, Labels, Timestamp};

use super::{GROUPS_MAX, Group, Series, Value};

/// The version of the files.
const VERSION: u32 = 1;
/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 30;

type Pairs = Vec<(String, String)>;

#[derive(Serialize, Deserialize)]
struct GroupFile {
    version: u32,
    labels: Pairs,
    pushed: Option<i64>,
    failed: Option<i64>,
    families: BTreeMap<String, Vec<SeriesFile>>,
}

#[derive(Serialize, Deserialize)]
struct SeriesFile {
    labels: Pairs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    histogram: Option<HistogramFile>,
}

#[derive(Serialize, Deserialize)]
struct HistogramFile {
    gauge: bool,
    schema: i8,
    zero_threshold: f64,
    zero_count: f64,
    count: f64,
    sum: String,
    positive: Vec<(i32, f64)>,
    negative: Vec<(i32, f64)>,
}

/// Where a group lies.
pub(super) fn path(folder: &Path, labels: &Labels) -> PathBuf {
    use md5::Digest as _;
    let digest = md5::Md5::digest(labels.as_ref().as_bytes());
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("{name}.json"))
}

/// Puts a group in the place of what was there.
pub(super) fn write(folder: &Path, labels: &Labels, group: &Group) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = path(folder, labels);
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    let text = serde_json::to_vec(&to_file(labels, group))?;
    file.write_all(&text)?;
    fs::rename(&new, &path)
}

/// Removes a group.
pub(super) fn remove(folder: &Path, labels: &Labels) -> io::Result<()> {
    match fs::remove_file(path(folder, labels)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Reads all groups of a folder.
pub(super) fn load(folder: &Path) -> BTreeMap<Labels, Group> {
    let mut groups = BTreeMap::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    for path in files.take(GROUPS_MAX) {
        match read(&path) {
            Ok((labels, group)) => {
                groups.insert(labels, group);
            }
            Err(reason) => {
                let bad = path.with_extension("json.bad");
                let aside = fs::rename(&path, &bad).is_ok();
                let shown = path.display();
                tracing::error!(aside, "a pushed group in {shown} cannot be read: {reason}");
            }
        }
    }
    groups
}

fn read(path: &Path) -> Result<(Labels, Group), String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(format!("more than {FILE_BYTES_MAX} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let file: GroupFile = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if file.version != VERSION {
        return Err(format!("version {} is not known", file.version));
    }
    let labels = Labels::new(file.labels).map_err(|error| error.to_string())?;
    let mut group = Group {
        families: BTreeMap::new(),
        pushed: file.pushed.map(Timestamp::from_nanos),
        failed: file.failed.map(Timestamp::from_nanos),
    };
    for (name, series) in file.families {
        let series: Result<Vec<Series>, String> = series.into_iter().map(from_file).collect();
        group.families.insert(name, series?);
    }
    Ok((labels, group))
}

fn pairs(labels: &Labels) -> Pairs {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    labels.iter().map(owned).collect()
}

fn to_file(labels: &Labels, group: &Group) -> GroupFile {
    let series = |series: &Vec<Series>| series.iter().map(series_file).collect();
    let families = group.families.iter();
    GroupFile {
        version: VERSION,
        labels: pairs(labels),
        pushed: group.pushed.map(Timestamp::as_nanos),
        failed: group.failed.map(Timestamp::as_nanos),
        families: families.map(|(n, s)| (n.clone(), series(s))).collect(),
    }
}

fn series_file(series: &Series) -> SeriesFile {
    let (value, histogram) = match &series.value {
        Value::Float(value) => (Some(value.to_string()), None),
        Value::Histogram(value) => (None, Some(histogram_file(value))),
    };
    SeriesFile {
        labels: pairs(&series.labels),
        value,
        histogram,
    }
}

fn histogram_file(histogram: &Histogram) -> HistogramFile {
    let parts = histogram.to_parts();
    let side = |buckets: Vec<Bucket>| buckets.iter().map(|b| (b.index, b.count)).collect();
    HistogramFile {
        gauge: parts.temporality == Temporality::Delta,
        schema: parts.schema,
        zero_threshold: parts.zero_threshold,
        zero_count: parts.zero_count,
        count: parts.count,
        sum: parts.sum.to_string(),
        positive: side(parts.positive),
        negative: side(parts.negative),
    }
}

fn from_file(file: SeriesFile) -> Result<Series, String> {
    let labels = Labels::new(file.labels).map_err(|error| error.to_string())?;
    let number = |text: &str| text.parse::<f64>().map_err(|error| error.to_string());
    let value = match (file.value, file.histogram) {
        (Some(text), None) => Value::Float(number(&text)?),
        (None, Some(raw)) => {
            let side = |buckets: Vec<(i32, f64)>| {
                let bucket = |(index, count)| Bucket { index, count };
                buckets.into_iter().map(bucket).collect()
            };
            let made = Histogram::from_parts(HistogramParts {
                temporality: if raw.gauge {
                    Temporality::Delta
                } else {
                    Temporality::Cumulative
                },
                schema: raw.schema,
                zero_threshold: raw.zero_threshold,
                zero_count: raw.zero_count,
                count: raw.count,
                sum: number(&raw.sum)?,
                positive: side(raw.positive),
                negative: side(raw.negative),
            });
            Value::Histogram(Box::new(made.map_err(|error| error.to_string())?))
        }
        _ => return Err("a series has no value, or two".to_owned()),
    };
    Ok(Series { labels, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_is_damaged_costs_itself() {
        let dir = tempfile::tempdir().unwrap();
        let labels = |job| Labels::new([("job", job), ("path", "/ä\"\n")]).unwrap();
        let mut histogram = Histogram::new();
        (1..50).for_each(|i| histogram.observe(f64::from(i) - 10.0));
        let values = [
            Value::Float(f64::INFINITY),
            Value::Float(-1e-300),
            Value::Histogram(Box::new(histogram)),
        ];
        let series = values.into_iter().enumerate().map(|(i, value)| Series {
            labels: Labels::new([("__name__", "x"), ("i", &i.to_string())]).unwrap(),
            value,
        });
        let mut group = Group {
            pushed: Some(Timestamp::from_millis(1_234)),
            ..Group::default()
        };
        group.families.insert("x".to_owned(), series.collect());
        write(dir.path(), &labels("a"), &group).unwrap();
        write(dir.path(), &labels("b"), &Group::default()).unwrap();
        fs::write(path(dir.path(), &labels("b")), "{\"version\": 1").unwrap();
        let read = load(dir.path());
        assert_eq!(read, BTreeMap::from([(labels("a"), group)]));
        assert!(
            path(dir.path(), &labels("b"))
                .with_extension("json.bad")
                .exists()
        );
        remove(dir.path(), &labels("a")).unwrap();
        remove(dir.path(), &labels("a")).unwrap();
        assert!(load(dir.path()).is_empty());
    }
}
