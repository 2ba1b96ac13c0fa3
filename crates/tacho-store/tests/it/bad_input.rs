//! Odd and hostile samples: taken or refused by rule, told by reason, and never by halves.
//!
//! Everything taken is there to the bit: in memory, after opening again, and in a block.

use std::time::Duration;

use tacho_model::append::{Culprit, STALE_NAN_BITS};
use tacho_model::histogram::{Bucket, CUSTOM_SCHEMA, HistogramParts};
use tacho_model::label::{LABEL_BYTES_MAX, LABELS_MAX, LabelError, encode};
use tacho_model::{
    AppendError, AppendOutcome, Appender, Batch, Columns, Histogram, Querier, Refusal, TimeRange,
    Timestamp,
};
use tacho_store::{Store, StoreOptions};

use crate::support::{Contents, Held, at, contents, one, options, read};

/// Options that take any time.
fn ever() -> StoreOptions {
    StoreOptions {
        retention: Duration::MAX,
        out_of_order: Duration::MAX,
        future: Duration::MAX,
        ..options()
    }
}

/// The reasons of a batch's refused rows, in order.
fn reasons(outcome: &AppendOutcome) -> Vec<Refusal> {
    outcome.rejected.iter().map(|r| r.reason).collect()
}

/// A store's contents are the same in memory, after opening it again, in a block, and when that
/// is opened.
#[track_caller]
fn is_the_same_everywhere(dir: &std::path::Path, store: Store, options: &StoreOptions) -> Contents {
    let held = contents(&store);
    drop(store);
    let store = Store::open(dir, options.clone()).unwrap();
    assert_eq!(contents(&store), held, "from the log");
    store.flush().unwrap();
    assert_eq!(store.stats().samples_in_memory, 0);
    assert_eq!(contents(&store), held, "from a block");
    drop(store);
    let store = Store::open(dir, options.clone()).unwrap();
    assert_eq!(contents(&store), held, "from an opened block");
    assert_eq!(store.stats().quarantined, []);
    held
}

#[test]
fn times_at_the_limits_are_taken_where_they_are_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), ever()).unwrap();
    let times = [
        Timestamp::MIN,
        Timestamp::from_nanos(i64::MIN + 1),
        Timestamp::from_nanos(-1),
        Timestamp::from_secs(0),
        Timestamp::from_nanos(1),
        Timestamp::from_secs(4_102_444_800),
        Timestamp::from_nanos(i64::MAX - 1),
        Timestamp::MAX,
    ];
    for (place, time) in times.into_iter().enumerate() {
        let outcome = store.append(&one("one", time, place as f64)).unwrap();
        assert_eq!(outcome.accepted, 1, "{time}");
    }
    // Neighbours differ by more than half of what a time can be: nothing may overflow.
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "all")]).unwrap();
    for place in [7, 0, 6, 1, 5, 2, 4, 3] {
        batch.push(series, times[place], place as f64);
    }
    assert_eq!(reasons(&store.append(&batch).unwrap()), []);
    // The longest window is the longest duration there is, which is half of all time.
    let outcome = store.append(&one("all", Timestamp::MIN, 0.5)).unwrap();
    assert_eq!(reasons(&outcome), [Refusal::TooOld]);
    let expected: Vec<_> = times.into_iter().zip((0..8).map(f64::from)).collect();
    for name in ["one", "all"] {
        assert_eq!(read(&store, name), expected, "{name}");
    }
    let bounds = store.stats();
    assert_eq!(
        (bounds.oldest, bounds.newest),
        (Some(Timestamp::MIN), Some(Timestamp::MAX))
    );
    drop(store);
    let store = Store::open(dir.path(), ever()).unwrap();
    store.flush().unwrap();
    assert_eq!(read(&store, "all"), expected);
    for now in [Timestamp::MIN, Timestamp::MAX, at(0)] {
        store.maintain(now).unwrap();
    }
    assert_eq!(read(&store, "one"), expected);
    let edges = TimeRange::new(Timestamp::MAX, Timestamp::MAX);
    assert_eq!(store.select(&[], edges).unwrap().len(), 2);
}

#[test]
fn by_default_1970_and_2100_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    for (time, reason) in [
        (Timestamp::from_secs(0), Refusal::TooOld),
        (Timestamp::MIN, Refusal::TooOld),
        (Timestamp::from_secs(4_102_444_800), Refusal::TooNew),
        (Timestamp::MAX, Refusal::TooNew),
    ] {
        let mut batch = one("good", at(1), 1.0);
        let series = batch.series([("__name__", "bad")]).unwrap();
        batch.push(series, time, 2.0);
        let outcome = store.append(&batch).unwrap();
        assert_eq!((outcome.accepted, reasons(&outcome)), (1, vec![reason]));
    }
    let held = is_the_same_everywhere(dir.path(), store, &options());
    let names: Vec<&String> = held.keys().collect();
    assert_eq!(
        names,
        ["good"],
        "a series that was only refused is not there"
    );
}

#[test]
fn a_clock_that_steps_back_by_a_day_and_forth_again() {
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
    static NOW: AtomicI64 = AtomicI64::new(0);
    let day = 86_400;
    let options = || StoreOptions {
        clock: || Timestamp::from_nanos(NOW.load(Relaxed)),
        ..options()
    };
    let set = |secs: i64| {
        let shifted = at(day).as_nanos() + secs * 1_000_000_000;
        NOW.store(shifted, Relaxed);
        Timestamp::from_nanos(shifted)
    };
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), options()).unwrap();
    let mut kept = Vec::new();
    let step = |store: &Store, secs: i64, kept: &mut Vec<(Timestamp, f64)>| {
        let now = set(secs);
        let outcome = store.append(&one("m", now, secs as f64)).unwrap();
        if outcome.accepted == 1 {
            kept.push((now, secs as f64));
        }
        store.maintain(now).unwrap();
        reasons(&outcome)
    };
    for secs in 0..50 {
        assert_eq!(step(&store, secs, &mut kept), []);
    }
    // Back by a day: the known series is refused by the window, a new one is taken.
    for secs in 50..60 {
        assert_eq!(step(&store, secs - day, &mut kept), [Refusal::TooOld]);
    }
    let early = store.append(&one("new", set(-day), 1.0)).unwrap();
    assert_eq!(early.accepted, 1);
    // After an hour of that the head becomes a block, and the window begins anew.
    store.maintain(set(4000 - day)).unwrap();
    store.flush().unwrap();
    for secs in 4000..4010 {
        assert_eq!(step(&store, secs - day, &mut kept), []);
    }
    drop(store);
    store = Store::open(dir.path(), options()).unwrap();
    // And right again.
    for secs in 4010..4020 {
        assert_eq!(step(&store, secs, &mut kept), []);
    }
    kept.sort_by_key(|(time, _)| *time);
    assert_eq!(kept.len(), 70);
    assert_eq!(read(&store, "m"), kept);
    is_the_same_everywhere(dir.path(), store, &options());
}

#[test]
fn label_sets_beyond_the_limits_are_refused_and_leave_nothing() {
    let many = |count: usize| (1..count).map(|i| (format!("l{i:05}"), "v".to_owned()));
    let named = |more: Vec<(String, String)>| {
        let mut pairs = vec![("__name__".to_owned(), "m".to_owned())];
        pairs.extend(more);
        pairs
    };
    let mut batch = Batch::new();
    let huge = batch.series(named(many(10_000).collect()));
    assert!(matches!(huge, Err(LabelError::TooMany { .. })), "{huge:?}");
    let long = batch.series(named(vec![("l".into(), "x".repeat(1 << 20))]));
    assert!(matches!(long, Err(LabelError::TooLong { .. })), "{long:?}");

    // The same on the wire, where label sets come unchecked.
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let widest = named(many(LABELS_MAX).collect());
    let longest = named(vec![("l".into(), "x".repeat(LABEL_BYTES_MAX))]);
    let mut sets = vec![widest, longest];
    sets.push(named(many(10_000).collect()));
    sets.push(named(vec![("l".into(), "x".repeat(1 << 20))]));
    sets.push(named(vec![("l".repeat(1 << 20), "x".into())]));
    let mut batch = Batch::new();
    let mut buffer = Vec::new();
    let mut spans = Vec::new();
    for pairs in &sets {
        let start = buffer.len();
        for (name, value) in pairs {
            put_label(name, value, &mut buffer);
        }
        spans.push(start..buffer.len());
    }
    batch.refill_bytes(buffer.len()).copy_from_slice(&buffer);
    for span in spans {
        let series = batch.series_at(span);
        batch.push(series, at(0), 1.0);
    }
    let outcome = store.append(&batch).unwrap();
    assert_eq!(
        (outcome.accepted, reasons(&outcome)),
        (2, vec![Refusal::InvalidLabels; 3])
    );
    let held = is_the_same_everywhere(dir.path(), store, &options());
    assert_eq!(held.len(), 2);
}

/// A label as protobuf has it, which is the canonical encoding.
fn put_label(name: &str, value: &str, into: &mut Vec<u8>) {
    let field = |number: u8, bytes: &[u8], into: &mut Vec<u8>| {
        into.push(number << 3 | 2);
        let mut length = bytes.len();
        while length >= 0x80 {
            into.push(length as u8 | 0x80);
            length >>= 7;
        }
        into.push(length as u8);
        into.extend_from_slice(bytes);
    };
    let mut inside = Vec::new();
    field(1, name.as_bytes(), &mut inside);
    field(2, value.as_bytes(), &mut inside);
    field(1, &inside, into);
}

#[test]
fn one_set_in_any_order_is_one_series() {
    let pairs = [("__name__", "m"), ("a", "1"), ("b", "2"), ("gone", "")];
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let mut canonical = Vec::new();
    encode(&mut pairs.to_vec(), &mut canonical).unwrap();
    let mut batch = Batch::new();
    let mut time = 0;
    for rotation in 0..pairs.len() {
        let mut turned = pairs;
        turned.rotate_left(rotation);
        let checked = batch.series(turned).unwrap();
        batch.push(checked, at(time), 1.0);
        time += 1;
    }
    store.append(&batch).unwrap();
    for rotation in 0..pairs.len() {
        let mut turned = pairs;
        turned.rotate_left(rotation);
        let mut batch = Batch::new();
        let mut buffer = Vec::new();
        for (name, value) in turned {
            put_label(name, value, &mut buffer);
        }
        batch.refill_bytes(buffer.len()).copy_from_slice(&buffer);
        let unchecked = batch.series_at(0..buffer.len());
        batch.push(unchecked, at(time), 1.0);
        time += 1;
        assert_eq!(store.append(&batch).unwrap().accepted, 1);
    }
    assert_eq!(store.stats().series, 1);
    let held = is_the_same_everywhere(dir.path(), store, &options());
    assert_eq!(held[r#"m{a="1",b="2"}"#].len(), 8);
}

#[test]
fn values_are_kept_bit_for_bit() {
    let values = [
        STALE_NAN_BITS,
        f64::NAN.to_bits(),
        (-f64::NAN).to_bits(),
        0x7ff0_0000_0000_0001,
        0x7ff0_0000_0000_0003,
        0xffff_ffff_ffff_ffff,
        0x7ff8_dead_beef_0001,
        f64::INFINITY.to_bits(),
        f64::NEG_INFINITY.to_bits(),
        (-0.0f64).to_bits(),
        0,
        1,
        f64::MAX.to_bits(),
        f64::MIN_POSITIVE.to_bits(),
    ];
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    // Alone, in a row of its like, and among ordinary numbers: each is another encoding.
    let mut batch = Batch::new();
    let mut expected = Contents::new();
    for (kind, bits) in values.into_iter().enumerate() {
        for (shape, length) in [("alone", 1), ("row", 300), ("among", 300)] {
            let name = format!("{shape}{kind:02}");
            let series = batch.series([("__name__", &name)]).unwrap();
            for time in 0..length {
                let usual = shape == "among" && time % 50 != 7;
                let bits = if usual { (time as f64).to_bits() } else { bits };
                batch.push(series, at(time), f64::from_bits(bits));
                let held = Held::Float(bits);
                expected.entry(name.clone()).or_default().insert(time, held);
            }
        }
    }
    assert_eq!(store.append(&batch).unwrap().accepted, batch.len());
    let held = is_the_same_everywhere(dir.path(), store, &options());
    assert_eq!(held, expected);
}

/// A histogram of another shape for each `kind`.
fn shaped(kind: usize) -> Histogram {
    let bucket = |index| Bucket { index, count: 2.0 };
    let parts = HistogramParts {
        schema: (kind % 13) as i8 - 4,
        zero_threshold: [0.0, 1e-9, 2.5][kind % 3],
        zero_count: (kind % 2) as f64,
        count: 100.0,
        sum: [1.5, f64::NAN, f64::INFINITY, -0.0][kind % 4],
        positive: (0..kind as i32 % 7).map(|i| bucket(i * 3 - 5)).collect(),
        negative: match kind % 5 {
            0 => vec![bucket(i32::MIN), bucket(i32::MAX)],
            1 => vec![bucket(0)],
            _ => Vec::new(),
        },
        ..Histogram::new().to_parts()
    };
    Histogram::from_parts(parts).unwrap()
}

#[test]
fn histograms_may_change_their_schema_and_their_kind_at_any_sample() {
    let dir = tempfile::tempdir().unwrap();
    let taken = || StoreOptions {
        future: Duration::MAX,
        ..options()
    };
    let store = Store::open(dir.path(), taken()).unwrap();
    let mut expected = Vec::new();
    for round in 0..4 {
        let mut batch = Batch::new();
        let series = batch.series([("__name__", "h")]).unwrap();
        for i in 0..150 {
            let number = round * 150 + i;
            let shape = shaped(number);
            batch.push_histogram(series, at(number as i64 * 2), shape.clone());
            expected.push(format!("{shape:?}"));
            // A number between, and one at the same time as the histogram before: it replaces it.
            batch.push(series, at(number as i64 * 2 + 1), number as f64);
            if number % 10 == 9 {
                batch.push(series, at(number as i64 * 2), 0.5);
                expected.pop();
            }
        }
        let outcome = store.append(&batch).unwrap();
        assert_eq!(outcome.accepted, batch.len());
    }
    let read_all = |store: &Store| {
        let selection = store.select(&[], TimeRange::ALL).unwrap();
        let mut columns = Columns::new();
        selection.read(0, &mut columns).unwrap();
        let shapes: Vec<String> = columns
            .histograms
            .iter()
            .map(|h| format!("{h:?}"))
            .collect();
        (shapes, columns.values.len())
    };
    let (shapes, floats) = read_all(&store);
    assert_eq!((&shapes, floats), (&expected, 660));
    drop(store);
    let store = Store::open(dir.path(), taken()).unwrap();
    assert_eq!(read_all(&store).0, shapes);
    store.flush().unwrap();
    assert_eq!(read_all(&store), (shapes, floats));
}

#[test]
fn a_count_that_overflowed_is_refused_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let parts = HistogramParts {
        schema: 0,
        zero_threshold: 0.0,
        zero_count: f64::MAX,
        count: f64::MAX,
        sum: 0.0,
        positive: Vec::new(),
        negative: Vec::new(),
        ..Histogram::new().to_parts()
    };
    let full = Histogram::from_parts(parts).unwrap();
    let mut over = full.clone();
    over.merge(&full);
    let mut batch = one("good", at(0), 1.0);
    let series = batch.series([("__name__", "h")]).unwrap();
    batch.push_histogram(series, at(0), over);
    batch.push_histogram(series, at(1), full);
    let outcome = store.append(&batch).unwrap();
    assert_eq!(
        (outcome.accepted, reasons(&outcome)),
        (2, vec![Refusal::InvalidHistogram])
    );
    let held = is_the_same_everywhere(dir.path(), store, &options());
    assert_eq!((held["good"].len(), held["h"].len()), (1, 1));
}

#[test]
fn custom_bounds_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let parts = HistogramParts {
        schema: CUSTOM_SCHEMA,
        ..Histogram::new().to_parts()
    };
    let mut custom = Histogram::from_custom([1.0, 5.0].into(), parts).unwrap();
    custom.observe(3.0);
    let mut batch = one("good", at(0), 1.0);
    let series = batch.series([("__name__", "h")]).unwrap();
    batch.push_histogram(series, at(0), custom);
    let outcome = store.append(&batch).unwrap();
    assert_eq!(
        (outcome.accepted, reasons(&outcome)),
        (1, vec![Refusal::CustomBuckets])
    );
}

#[test]
fn a_million_series_in_one_batch_are_kept_or_counted_to_the_last() {
    const ALL: usize = 1_000_000;
    let mut batch = Batch::new();
    for id in 0..ALL {
        let series = batch.series([("__name__", "flood"), ("id", &id.to_string())]);
        batch.push(series.unwrap(), at(0), id as f64);
    }
    let dir = tempfile::tempdir().unwrap();
    let limited = StoreOptions {
        series_max: ALL / 4,
        query_series_max: u64::MAX,
        head_bytes_max: 1 << 30,
        ..options()
    };
    let store = Store::open(dir.path(), limited.clone()).unwrap();
    let outcome = store.append(&batch).unwrap();
    assert_eq!(outcome.accepted, ALL / 4);
    assert_eq!(outcome.rejected.len(), ALL - ALL / 4);
    assert!(
        outcome
            .rejected
            .iter()
            .all(|r| r.reason == Refusal::SeriesLimit)
    );
    let culprit = outcome.culprit.clone().unwrap();
    let flood = Culprit {
        metric: "flood".into(),
        series: ALL / 4,
    };
    assert_eq!(culprit, flood);
    let selected = |store: &Store| store.select(&[], TimeRange::ALL).unwrap().len();
    assert_eq!(selected(&store), ALL / 4);
    // Sent again, as senders do: what is known is kept, nothing more.
    match store.append(&batch) {
        Ok(again) => assert_eq!(again.accepted, outcome.accepted),
        Err(error) => assert!(matches!(error, AppendError::Overloaded), "{error:?}"),
    }
    drop(store);
    let store = Store::open(dir.path(), limited).unwrap();
    assert_eq!(selected(&store), ALL / 4, "to the last one, after opening");
}
