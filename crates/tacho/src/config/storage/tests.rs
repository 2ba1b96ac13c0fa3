use super::*;
use crate::config::{Config, Overrides};
use tacho_server::Settings;
use tacho_store::Fsync;

fn with(text: &str, variables: &[(&str, &str)]) -> Result<Settings> {
    let overrides = Overrides {
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Overrides::default()
    };
    Config::parse(text)?.settings(&overrides)
}

fn refused(text: &str) -> String {
    format!("{:#}", Config::parse(text).unwrap_err())
}

#[test]
fn every_key_of_the_store_is_read_with_its_unit() {
    let text = "storage:\n  dir: /srv/tacho\n  retention: 7d\n  retention_size: 10GiB\n  \
        retention_samples: 5M\n  fsync: always\n  out_of_order: 2h\n  block_duration: 30m\n  \
        head_memory: 128MiB\n  series_max: 10_000\n  series_per_second_max: 2k\n  \
        query_series_max: 300\n  query_samples_max: 1G\n  snapshots:\n    interval: 1h\n    \
        keep: 24\n    max_age: 2d\n";
    let settings = with(text, &[]).unwrap();
    let options = &settings.storage.options;
    assert_eq!(settings.storage.dir, PathBuf::from("/srv/tacho"));
    assert_eq!(options.retention, Duration::from_hours(7 * 24));
    assert_eq!(options.retention_bytes, 10 << 30);
    assert_eq!(options.retention_samples, 5_000_000);
    assert_eq!(options.fsync, Fsync::Always);
    assert_eq!(options.out_of_order, Duration::from_hours(2));
    assert_eq!(options.block_duration, Duration::from_mins(30));
    assert_eq!(options.head_bytes_max, 128 << 20);
    assert_eq!(options.series_max, 10_000);
    assert_eq!(options.series_per_second_max, 2_000);
    assert_eq!(options.query_series_max, 300);
    assert_eq!(options.query_samples_max, 1_000_000_000);
    let snapshots = settings.storage.snapshots;
    assert_eq!(snapshots.interval, Some(Duration::from_hours(1)));
    assert_eq!(snapshots.retention.keep, 24);
    assert_eq!(snapshots.retention.max_age, Duration::from_hours(48));
    // What is explained says the same again.
    let explained: Vec<String> = explain(&settings.storage)
        .into_iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    for line in [
        "storage.retention_size: 10GiB",
        "storage.retention_samples: 5000000",
        "storage.fsync: always",
        "storage.head_memory: 128MiB",
        "storage.snapshots.keep: 24",
    ] {
        assert!(
            explained.iter().any(|one| one == line),
            "no {line} in {explained:?}"
        );
    }
}

#[test]
fn without_keys_the_store_is_as_its_library_says() {
    let settings = with("", &[]).unwrap();
    let options = &settings.storage.options;
    // Which tables there are is the server's to say.
    let defaults = StoreOptions {
        tables: options.tables.clone(),
        ..StoreOptions::default()
    };
    assert_eq!(format!("{options:?}"), format!("{defaults:?}"));
    assert_eq!(
        settings.storage.snapshots.interval, None,
        "none are taken by themselves"
    );
    let explained = explain(&settings.storage);
    assert!(explained.contains(&("storage.retention_size", "no limit".to_owned())));
    assert!(explained.contains(&("storage.snapshots.interval", "off".to_owned())));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let check = |text: &str, expected: &[&str]| {
        let error = refused(&format!("storage:\n  {text}\n"));
        for expected in expected {
            assert!(error.contains(expected), "{text}: {error}");
        }
    };
    check("retention: 0", &["at least 1h", "line 2, column 14"]);
    check("retention: -1", &["negative", "line 2"]);
    check("retention: 10 parsecs", &["is not a duration", "line 2"]);
    check("retention_size: 0", &["more than 0", "line 2"]);
    check("retention_size: -5GiB", &["negative", "line 2"]);
    check("retention_size: 10 parsecs", &["is not a size", "line 2"]);
    check(
        "retention_size: 4KiB",
        &["at least 1MiB", "line 2, column 19"],
    );
    check("retention_samples: 0", &["more than 0", "line 2"]);
    check(
        "retention_samples: 1.5",
        &["is not a whole number", "line 2"],
    );
    check("fsync: sometimes", &["neither always, never", "line 2"]);
    check("fsync: 0s", &["write that", "line 2"]);
    check("fsync: 2h", &["at most 1h", "line 2"]);
    check("out_of_order: -1h", &["negative", "line 2"]);
    check(
        "out_of_order: 31d",
        &["within storage.retention (30d)", "line 2, column 17"],
    );
    check(
        "{retention: 2h, out_of_order: 3h}",
        &["within storage.retention (2h)", "column 33"],
    );
    check(
        "block_duration: 1s",
        &["between 1m and 24h", "line 2, column 19"],
    );
    check(
        "{retention: 2h, block_duration: 3h}",
        &["removes whole blocks", "line 2"],
    );
    check("head_memory: 0", &["more than 0", "line 2"]);
    check("head_memory: 1KiB", &["at least 1MiB", "line 2"]);
    check("series_max: 0", &["more than 0", "line 2"]);
    check("series_max: [1]", &["line 2"]);
    check(
        "query_series_max: lots",
        &["is not a whole number", "line 2"],
    );
    check("query_samples_max: -1", &["negative", "line 2"]);
    check("snapshots: {interval: 10ms}", &["at least 1s", "line 2"]);
    check("snapshots: {keep: 0}", &["more than 0", "line 2"]);
    check("snapshots: {keep: 1M}", &["at most 10000", "line 2"]);
    check(
        "snapshots: {interval: 1h, max_age: 30m}",
        &["at least 1h", "line 2"],
    );
    check("snapshots: {every: 1h}", &["every", "line 2"]);
    check("retention_bytes: 5", &["retention_bytes", "line 2"]);
}

#[test]
fn the_environment_stands_over_the_file_and_under_its_own_name() {
    let file = "storage: {retention: 7d, series_max: 100, snapshots: {keep: 5}}";
    let variables = [
        ("TACHO_STORAGE_RETENTION", "forever"),
        ("TACHO_STORAGE_RETENTION_SIZE", "1GiB"),
        ("TACHO_STORAGE_FSYNC", "never"),
        ("TACHO_STORAGE_SNAPSHOTS_KEEP", "9"),
        ("TACHO_LISTEN", "not ours to read"),
    ];
    let storage = with(file, &variables).unwrap().storage;
    assert_eq!(storage.options.retention, Duration::MAX);
    assert_eq!(storage.options.retention_bytes, 1 << 30);
    assert_eq!(storage.options.fsync, Fsync::Never);
    assert_eq!(
        storage.options.series_max, 100,
        "what it does not say stays"
    );
    assert_eq!(storage.snapshots.retention.keep, 9);
    let check = |name: &str, value: &str, expected: &str| {
        let error = with(file, &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}");
    };
    check("TACHO_STORAGE_SERIES_MAX", "0", "more than 0");
    check("TACHO_STORAGE_RETENTION", "5s", "at least 1h");
    check(
        "TACHO_STORAGE_OUT_OF_ORDER",
        "8d",
        "within storage.retention (7d)",
    );
    check(
        "TACHO_STORAGE_RETENTOIN",
        "7d",
        "there is no key storage.retentoin",
    );
}

#[test]
fn r1_the_older_retention_is_by_age_and_by_count() {
    let text = "retention: {max_age_days: 7, max_metrics_count: 100000}";
    let config = Config::parse(text).unwrap();
    let options = config
        .settings(&Overrides::default())
        .unwrap()
        .storage
        .options;
    assert_eq!(options.retention, Duration::from_hours(7 * 24));
    assert_eq!(options.retention_samples, 100_000);
    let mapped = (
        "retention.max_metrics_count",
        "storage.retention_samples: 100000".to_owned(),
    );
    assert!(config.mapped.contains(&mapped), "{:?}", config.mapped);
    let error = refused("retention: {max_metrics_count: 0}");
    assert!(error.contains("more than 0"), "{error}");
    let error = refused("retention: {max_metrics_count: 5}\nstorage: {retention_samples: 5}");
    assert!(error.contains("keep one"), "{error}");
    let error = refused("retention: {max_age_days: 0.01}");
    assert!(
        error.contains("at least 1h") && error.contains("max_age_days"),
        "{error}"
    );
}

#[test]
fn a_block_covers_a_part_of_the_retention_only() {
    let merged = |text: &str| with(text, &[]).unwrap().storage.options.merge_duration;
    let hours = Duration::from_hours;
    assert_eq!(merged(""), hours(24));
    assert_eq!(merged("storage: {retention: 50h}"), hours(5));
    assert_eq!(
        merged("storage: {retention: 2h}"),
        hours(1),
        "never less than a block"
    );
    assert_eq!(merged("storage: {retention: forever}"), hours(24));
}
