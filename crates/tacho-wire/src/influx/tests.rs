use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(9);

fn options(precision: Precision, db: &str) -> Options<'_> {
    Options {
        precision,
        now: NOW,
        db,
        limits: Limits::default(),
    }
}

fn read(body: &[u8], options: &Options<'_>) -> (Vec<String>, Decoded) {
    let mut batch = Batch::new();
    let decoded = decode(body, options, &mut batch).unwrap();
    let rows = batch.rows().map(|(series, time, value)| {
        let tacho_model::Value::Float(value) = value else {
            panic!("{value:?}");
        };
        let labels = batch.labels(series).unwrap();
        format!("{labels} {value} @{}", time.as_nanos())
    });
    (rows.collect(), decoded)
}

fn check(body: &str, expected: &[&str]) {
    let (rows, decoded) = read(body.as_bytes(), &options(Precision::Nanos, ""));
    assert_eq!(rows, expected, "{body}");
    assert!(decoded.refused.is_empty(), "{body}: {:?}", decoded.examples);
}

#[test]
fn a_field_becomes_a_series() {
    check("cpu user=12.5 7", &["cpu_user 12.5 @7"]);
    check(
        "cpu,host=a,core=0 user=1,system=2i,idle=3u 7",
        &[
            r#"cpu_user{core="0",host="a"} 1 @7"#,
            r#"cpu_system{core="0",host="a"} 2 @7"#,
            r#"cpu_idle{core="0",host="a"} 3 @7"#,
        ],
    );
    check(
        "m value=1,other=-2.5e3",
        &["m 1 @9000000000", "m_other -2500 @9000000000"],
    );
    check(
        "m a=t,b=F,c=true,d=FALSE 1",
        &["m_a 1 @1", "m_b 0 @1", "m_c 1 @1", "m_d 0 @1"],
    );
    check(
        "disk.io,host-name=x read-bytes=1 1",
        &[r#"disk_io_read_bytes{host_name="x"} 1 @1"#],
    );
}

#[test]
fn escapes_quotes_and_comments_are_understood() {
    check(
        r"my\ m\,x,a\ b=c\=d\,e\\f f\ g=1 1",
        &[r#"my_m_x_f_g{a_b="c=d,e\\\\f"} 1 @1"#],
    );
    check(
        "m s=\"a b,c=d \\\" \n x\",n=1 5\nk n=2 6",
        &["m_n 1 @5", "k_n 2 @6"],
    );
    check(
        "# comment \"\n\n  m n=1 1  \r\n#x\nk n=2 2\r\n",
        &["m_n 1 @1", "k_n 2 @2"],
    );
    check(
        "m,t=\"q n=1 1\nk n=2 2",
        &[r#"m_n{t="\"q"} 1 @1"#, "k_n 2 @2"],
    );
    check("m n=1   4", &["m_n 1 @4"]);
    check("", &[]);
    check("\n \n# nothing", &[]);
}

#[test]
fn text_is_counted_and_a_database_is_a_label() {
    let body = b"m s=\"x\",t=\"\" 1\nm n=1,s=\"x\" 2\nm,db=own n=2 3";
    let (rows, decoded) = read(body, &options(Precision::Secs, "tele"));
    assert_eq!(decoded.texts, 3);
    assert_eq!(decoded.lines, 3);
    let expected = [
        r#"m_n{db="tele"} 1 @2000000000"#,
        r#"m_n{db="own"} 2 @3000000000"#,
    ];
    assert_eq!(rows, expected);
}

#[test]
fn times_are_in_the_unit_that_was_named() {
    for (name, nanos) in [
        ("", 1),
        ("n", 1),
        ("ns", 1),
        ("u", 1_000),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000_i64),
    ] {
        let precision = Precision::parse(name).unwrap();
        let (rows, _) = read(b"m value=1 2", &options(precision, ""));
        assert_eq!(rows, [format!("m 1 @{}", 2 * nanos)], "{name}");
    }
    assert_eq!(Precision::parse("d"), None);
}

#[test]
fn what_is_no_line_is_refused_with_number_and_reason() {
    for (line, reason) in [
        ("cpu", "no_fields"),
        ("cpu ", "no_fields"),
        (",a=b n=1", "no_measurement"),
        ("cpu,a n=1", "bad_tag"),
        ("cpu,a= n=1", "bad_tag"),
        ("cpu,=b n=1", "bad_tag"),
        ("cpu, n=1", "bad_tag"),
        ("cpu n", "bad_field"),
        ("cpu =1", "bad_field"),
        ("cpu n=1,", "bad_field"),
        ("cpu n=1,m 5", "bad_field"),
        ("cpu n=", "bad_value"),
        ("cpu n=x", "bad_value"),
        ("cpu n=1.5i", "bad_value"),
        ("cpu n=-1u", "bad_value"),
        ("cpu n=NaN", "bad_value"),
        ("cpu n=1e999", "bad_value"),
        ("cpu n=\"x", "bad_value"),
        ("cpu n=\"x\"y", "bad_value"),
        ("cpu n=1 now", "bad_timestamp"),
        ("cpu n=1 1.5", "bad_timestamp"),
        ("cpu n=1 1 1", "bad_timestamp"),
        ("cpu n=1 99999999999999999999", "bad_timestamp"),
        ("cpu,__name__=x n=1", "invalid_labels"),
    ] {
        let body = format!("a n=1 1\n\n{line}\nb n=2 2");
        let (rows, decoded) = read(body.as_bytes(), &options(Precision::Nanos, ""));
        assert_eq!(rows, ["a_n 1 @1", "b_n 2 @2"], "{line}");
        assert_eq!(decoded.refused.get(reason), Some(&1), "{line}: {decoded:?}");
        assert_eq!(decoded.examples[0].0, 3, "{line}");
    }
    let (rows, decoded) = read(b"m n=1 9223372036854775807", &options(Precision::Secs, ""));
    assert_eq!((rows.len(), decoded.refused["out_of_range"]), (0, 1));
    let (rows, decoded) = read(b"\xff n=1 1\nm n=1 1", &options(Precision::Nanos, ""));
    assert_eq!((rows.len(), decoded.refused["not_utf8"]), (1, 1));
}

#[test]
fn a_line_is_taken_whole_or_not_at_all() {
    let long = "x".repeat(5_000);
    let body = format!("m n=1,{long}=2 1");
    let (rows, decoded) = read(body.as_bytes(), &options(Precision::Nanos, ""));
    assert!(rows.is_empty(), "the field before it is not kept either");
    assert_eq!(decoded.refused["invalid_labels"], 1);
}

#[test]
fn limits_hold() {
    let mut options = options(Precision::Nanos, "");
    options.limits.samples_max = 2;
    let mut batch = Batch::new();
    let three = decode(b"m a=1,b=2,c=3", &options, &mut batch);
    assert_eq!(three.unwrap_err(), TooMany { limit: 2 });
    let (_, decoded) = read("x\n".repeat(100_000).as_bytes(), &options);
    assert_eq!(decoded.refused["no_fields"], 100_000);
    assert_eq!(decoded.examples.len(), REFUSED_KEPT);
}

/// Parts that lines are made of.
fn fragment() -> impl Strategy<Value = &'static str> {
    let parts = [
        "m", ",", "=", " ", "\\", "\"", "1", "i", "u", "t", "#", "\n", "\r", "é", "n=1", "a=b",
        "-", "\t",
    ];
    prop::sample::select(parts.to_vec())
}

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z_ ,=é-]{1,8}"
}

fn escaped(text: &str) -> String {
    text.replace(',', r"\,")
        .replace('=', r"\=")
        .replace(' ', r"\ ")
}

proptest! {
    #[test]
    fn no_body_panics(parts in prop::collection::vec(fragment(), 0..40)) {
        let _ = read(parts.concat().as_bytes(), &options(Precision::Hours, "d"));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &options(Precision::Nanos, ""));
    }

    #[test]
    fn what_is_written_is_read(
        measurement in token(),
        tags in prop::collection::vec((token(), token()), 0..4),
        fields in prop::collection::vec((token(), any::<i64>()), 1..4),
        time in any::<i64>(),
    ) {
        // A leading blank or comment sign belongs to no line.
        let measurement = format!("m{measurement}");
        let mut line = escaped(&measurement);
        for (name, value) in &tags {
            line += &format!(",{}={}", escaped(name), escaped(value));
        }
        let written: Vec<_> = fields.iter().map(|(n, v)| format!("{}={v}i", escaped(n))).collect();
        line += &format!(" {} {time}", written.join(","));
        let mut lines = Lines::new(line.as_bytes());
        let (number, read) = lines.advance().unwrap();
        let read = read.unwrap();
        prop_assert_eq!(number, 1);
        prop_assert_eq!(read.measurement, measurement);
        let pairs: Vec<_> = read.tags.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        prop_assert_eq!(pairs, tags);
        let values: Vec<_> = read.fields.iter().map(|f| (f.name.to_string(), f.value)).collect();
        let expected: Vec<_> = fields.into_iter().map(|(n, v)| (n, Value::Integer(v))).collect();
        prop_assert_eq!(values, expected);
        prop_assert_eq!(read.timestamp, Some(time));
    }
}
