//! Who may open a folder, and what is said when one may not.

use std::fs;

use tacho_model::{AppendError, Appender};
use tacho_store::{Store, StoreError};

use crate::support::{at, one, options, put, read};

#[test]
fn k2_a_second_start_on_one_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(dir.path(), options()).unwrap();
    put(&first, "m", at(0), 1.0);
    let me = Some(std::process::id());
    for second in [
        Store::open(dir.path(), options()),
        Store::open_read_only(dir.path(), options()),
    ] {
        let error = second.err().unwrap();
        assert!(
            matches!(&error, StoreError::Locked { pid, .. } if *pid == me),
            "{error}"
        );
        assert!(error.to_string().contains("--data-dir"), "{error}");
    }
    put(&first, "m", at(1), 1.0);
    drop(first);
    assert_eq!(
        read(&Store::open(dir.path(), options()).unwrap(), "m").len(),
        2
    );
}

#[test]
fn readers_share_a_folder_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    put(&store, "m", at(0), 1.0);
    store.state().put_report(at(0), "json", "{}").unwrap();
    drop(store);
    let files = || {
        let mut files: Vec<_> = ["", "wal", "blocks"]
            .iter()
            .flat_map(|folder| fs::read_dir(dir.path().join(folder)).unwrap())
            .map(|entry| {
                (
                    entry.as_ref().unwrap().path(),
                    entry.unwrap().metadata().unwrap().len(),
                )
            })
            .filter(|(path, _)| !path.to_string_lossy().contains("state.db-"))
            .collect();
        files.sort();
        files
    };
    let before = files();
    let readers = [
        Store::open_read_only(dir.path(), options()).unwrap(),
        Store::open_read_only(dir.path(), options()).unwrap(),
    ];
    for reader in &readers {
        assert_eq!(read(reader, "m"), [(at(0), 1.0)]);
        assert_eq!(reader.state().reports(9).unwrap().len(), 1);
        let refused = reader.append(&one("m", at(1), 1.0));
        assert!(matches!(refused, Err(AppendError::ReadOnly(_))));
    }
    assert_eq!(files(), before);
}

#[test]
fn a_folder_that_cannot_be_used_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file, options()).err().unwrap();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
    let error = Store::open(&file.join("below"), options()).err().unwrap();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
    let error = Store::open_read_only(&dir.path().join("none"), options())
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
}

#[test]
fn another_format_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path(), options()).unwrap());
    let open_as = |version: u32| {
        let text = format!("tachograph {version}");
        let line = format!("{text} {:08x}\n", crc32c::crc32c(text.as_bytes()));
        fs::write(dir.path().join("FORMAT"), line).unwrap();
        Store::open(dir.path(), options()).err().unwrap()
    };
    let error = open_as(7);
    let newer = matches!(
        error,
        StoreError::NewerFormat {
            found: 7,
            supported: 2,
            ..
        }
    );
    assert!(newer, "{error}");
    let error = open_as(1);
    let older = matches!(
        error,
        StoreError::OlderFormat {
            found: 1,
            supported: 2,
            ..
        }
    );
    assert!(older, "{error}");
}

#[test]
fn a_damaged_state_database_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path(), options()).unwrap());
    fs::write(dir.path().join("state.db"), vec![0x5a; 8192]).unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(store.stats().quarantined[0].file, "state.db");
    store.state().put_report(at(0), "json", "{}").unwrap();
    assert!(dir.path().join("quarantine/state.db").exists());
}
