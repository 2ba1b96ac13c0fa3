//! Odd and hostile samples by remote write: taken or refused by rule, counted by reason, and never
//! half-applied without a word. What the store itself does with them is tested in its own crate.

use crate::remote_write::{assert_error, millis, put, send, series, snappy, varint, write};
use crate::support::{Home, QUIET, Server};

/// What `/metrics` tells of one outcome.
fn counted(server: &Server, outcome: &str) -> f64 {
    let text = server.get("/metrics").body;
    let mut lines = text.lines();
    let line = lines
        .find(|line| line.starts_with("tacho_receiver_items_total{") && line.contains(outcome));
    line.map_or(0.0, |line| {
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    })
}

#[test]
fn k9_every_bad_sample_is_counted_by_its_reason() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let at = millis();
    let day = 86_400_000;
    let wide: Vec<(String, String)> = (0..10_000)
        .map(|i| (format!("l{i:05}"), "v".to_owned()))
        .collect();
    let mut wide: Vec<(&str, &str)> = wide.iter().map(|(n, v)| (&**n, &**v)).collect();
    wide.insert(0, ("__name__", "wide"));
    let long = "x".repeat(1 << 20);
    let named = |name| vec![("__name__", name)];
    let with = |label| vec![("__name__", "m"), label];
    // Of some, there is one before that makes them too late.
    assert_eq!(
        write(&server, &[series(&named("known"), at, 1.0)]).status,
        204
    );
    let cases = [
        (named("lowest"), i64::MIN, "out_of_range"),
        (named("highest"), i64::MAX, "out_of_range"),
        (named("at1970"), 0, "too_old"),
        (named("before1970"), -1, "too_old"),
        (named("at2100"), 4_102_444_800_000, "too_new"),
        (named("known"), at - day, "too_old"),
        (named("known"), at + day, "too_new"),
        (wide, at, "invalid_labels"),
        (with(("value", &long)), at, "invalid_labels"),
        (with((&long, "name")), at, "invalid_labels"),
        (with(("", "nameless")), at, "invalid_labels"),
        (vec![("job", "x")], at, "no_name"),
    ];
    let mut all = vec![series(&named("good"), at, 1.0)];
    let mut expected = std::collections::BTreeMap::<_, usize>::new();
    for (labels, time, reason) in &cases {
        all.push(series(labels, *time, 2.0));
        *expected.entry(*reason).or_default() += 1;
    }
    all.push(series(&named("also_good"), at, 1.0));
    let answer = write(&server, &all);
    assert_error(&answer, 400, "bad_data", "the other 2 were kept");
    for (reason, count) in &expected {
        assert_error(&answer, 400, "bad_data", &format!("{count} {reason}"));
        let outcome = format!("reason=\"{reason}\"");
        assert_eq!(counted(&server, &outcome), *count as f64, "{reason}");
    }
    assert_eq!(counted(&server, "outcome=\"accepted\""), 3.0);
    for name in ["good", "also_good", "known"] {
        assert_eq!(server.values(&[("name", name)]), [1.0]);
    }
    assert!(answer.body.len() < 4096, "long labels are not repeated");
}

#[test]
fn k9_label_sets_in_any_order_are_one_series() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let at = millis();
    let labels = [("__name__", "m"), ("a", "1"), ("b", "2"), ("none", "")];
    for turn in 0..4 {
        let mut turned = labels;
        turned.rotate_left(turn);
        let one = series(&turned, at - 10 + turn as i64, turn as f64);
        assert_eq!(write(&server, &[one]).status, 204);
    }
    assert_eq!(server.values(&[("name", "m")]), [0.0, 1.0, 2.0, 3.0]);
}

/// A native histogram of this schema with one bucket at `index`.
fn histogram(schema: i64, index: i64, at: i64) -> Vec<u8> {
    let zigzag = |value: i64| ((value << 1) ^ (value >> 63)) as u64;
    let mut label = Vec::new();
    put(1, b"__name__", &mut label);
    put(2, b"h", &mut label);
    let mut histogram = Vec::new();
    for (field, value) in [(1u8, 5), (4, zigzag(schema)), (6, 0), (15, at as u64)] {
        histogram.push(field << 3);
        varint(value, &mut histogram);
    }
    let mut span = vec![0x08];
    varint(zigzag(index), &mut span);
    span.extend([0x10, 1]);
    put(11, &span, &mut histogram);
    let mut deltas = Vec::new();
    varint(zigzag(5), &mut deltas);
    put(12, &deltas, &mut histogram);
    let mut series = Vec::new();
    put(1, &label, &mut series);
    put(4, &histogram, &mut series);
    let mut out = Vec::new();
    put(1, &series, &mut out);
    out
}

#[test]
fn k9_histograms_of_changing_schema_are_kept_and_bad_ones_counted() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let at = millis() - 10_000;
    for (number, schema) in (-4..=8).chain([3, -2, 8]).enumerate() {
        let one = histogram(schema, [0, 7, -300][number % 3], at + number as i64);
        let answer = write(&server, &[one]);
        assert_eq!(answer.status, 204, "{schema}: {}", answer.body);
    }
    // The outermost buckets that there are.
    for (number, index) in [i64::from(i32::MIN), i64::from(i32::MAX)]
        .into_iter()
        .enumerate()
    {
        let one = histogram(8, index, at + 100 + number as i64);
        let answer = write(&server, &[one]);
        assert_eq!(answer.status, 204, "{index}: {}", answer.body);
    }
    for (schema, index, reason) in [
        (9, 0, "invalid_histogram"),
        (-5, 0, "invalid_histogram"),
        (-53, 0, "custom_buckets"),
        (3, 1 << 40, "invalid_histogram"),
    ] {
        let answer = write(&server, &[histogram(schema, index, at + 200)]);
        assert_error(&answer, 400, "bad_data", &format!("(1 {reason})"));
    }
    assert_eq!(counted(&server, "outcome=\"accepted\""), 18.0);
    assert_eq!(server.series(&[("name", "h")]).len(), 1);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    server.kill();
    let server = home.start(&[]);
    assert_eq!(server.series(&[("name", "h")]).len(), 1);
}

#[test]
fn k9_a_million_series_in_one_request_are_refused_as_too_large_or_kept_whole() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let at = millis();
    let smallest = |count: u32| {
        let mut request = Vec::new();
        for id in 0..count {
            let id = format!("{id:x}");
            request.extend(series(&[("__name__", "m"), ("i", &id)], at, 1.0));
        }
        request
    };
    // One more series than a request may name. It goes through the decompressor as what it is: the
    // same series over and over, so that the body is one that the server reads at all.
    let one = smallest(1);
    let answer = send(&server, &repeated(&one, 1_000_001));
    assert_error(&answer, 413, "bad_data", "smaller requests");
    assert_eq!(counted(&server, "outcome=\"accepted\""), 0.0);
    assert!(server.series(&[("name", "m")]).is_empty(), "not half of it");
    let answer = send(&server, &snappy(&smallest(100_000)));
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(counted(&server, "outcome=\"accepted\""), 100_000.0);
}

/// A snappy block of the same bytes, `count` times: once as they are, then copies of what went
/// before.
fn repeated(bytes: &[u8], count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    varint((bytes.len() * count) as u64, &mut out);
    out.push(61 << 2);
    out.extend_from_slice(&((bytes.len() - 1) as u16).to_le_bytes());
    out.extend_from_slice(bytes);
    let mut left = bytes.len() * (count - 1);
    while left > 0 {
        let length = left.min(64);
        out.push(((length - 1) << 2 | 2) as u8);
        out.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
        left -= length;
    }
    out
}
