use proptest::prelude::*;

use super::*;

fn metric(line: &str) -> Metric<'_> {
    match parse(line) {
        Ok(Line::Metric(metric)) => metric,
        other => panic!("{line}: {other:?}"),
    }
}

/// A metric in words: name, type, samples, rate, tags.
fn check(line: &str, expected: &str) {
    let metric = metric(line);
    let samples: Vec<_> = metric.samples().collect();
    let tags: Vec<_> = metric.all_tags().collect();
    let (name, kind, rate) = (metric.name(), metric.kind, metric.rate);
    let mut shown = format!("{name} {kind:?} {samples:?}");
    if rate != 1.0 {
        shown += &format!(" @{rate}");
    }
    for (name, value) in tags {
        shown += &format!(" {name}={value}");
    }
    if let Some(at) = metric.timestamp {
        shown += &format!(" T{at}");
    }
    assert_eq!(shown, expected, "{line}");
}

#[test]
fn metrics_of_both_dialects_are_understood() {
    check("app.req:1|c", "app.req Counter [Number(1.0)]");
    check("a:2|m", "a Counter [Number(2.0)]");
    check("a:1|c|@0.1", "a Counter [Number(1.0)] @0.1");
    check("a:5|g", "a Gauge [Number(5.0)]");
    check("a:+5|g", "a Gauge [Signed(5.0)]");
    check("a:-2|g", "a Gauge [Signed(-2.0)]");
    check("a:-2|h", "a Histogram [Number(-2.0)]");
    check("a:12.5|ms", "a Timer [Number(12.5)]");
    check(
        "a:1:2:3|d",
        "a Distribution [Number(1.0), Number(2.0), Number(3.0)]",
    );
    check("u:bob|s", r#"u Set [Text("bob")]"#);
    check("u:::1|s", r#"u Set [Text("::1")]"#);
    check("u:|s", r#"u Set [Text("")]"#);
    check(
        "a:1|c|#env:prod,fast,url:http://x|@0.5|c:abc|T1656581400|e:it|card:low",
        "a Counter [Number(1.0)] @0.5 env=prod fast=true url=http://x T1656581400",
    );
    check("a,k=v,n=1:1|c|#z:9", "a Counter [Number(1.0)] k=v n=1 z=9");
    check("ü ☃:1|c", "ü ☃ Counter [Number(1.0)]");
}

#[test]
fn what_is_no_line_is_refused_with_its_reason() {
    use Reason::*;
    for (line, reason) in [
        ("nonsense", NoValue),
        (":1|c", NoName),
        (",a=b:1|c", NoName),
        ("a:1", NoType),
        ("a:1|", NoType),
        ("a:1|x", UnknownType),
        ("a:1|c:2|ms", UnknownType),
        ("a:|c", BadValue),
        ("a:one|c", BadValue),
        ("a:NaN|g", BadValue),
        ("a:inf|g", BadValue),
        ("a:1e999|h", BadValue),
        ("a:1:|d", BadValue),
        ("a:1::2|d", BadValue),
        ("a:1|c|@0", BadRate),
        ("a:1|c|@2", BadRate),
        ("a:1|c|@-0.5", BadRate),
        ("a:1|c|@", BadRate),
        ("a:1|g|Tx", BadTimestamp),
        ("a:1|g|T99999999999999999999", BadTimestamp),
        ("_e{1,1}:a", BadEvent),
        ("_e{1}:a|b", BadEvent),
        ("_e{0,1}:|b", BadEvent),
        ("_e{99999999999,1}:a|b", BadEvent),
        ("_e{1,2}:a|bcd", BadEvent),
        ("_e{1,1}:é|b", BadEvent),
        ("_sc|x", BadCheck),
        ("_sc|x|4", BadCheck),
        ("_sc||0", BadCheck),
    ] {
        assert_eq!(parse(line), Err(reason), "{line}");
    }
}

#[test]
fn a_bad_line_costs_nothing_but_itself() {
    let datagram = b"a:1|c\r\n\nb:x|c\n\xff\xfe:1|c\nc:2|g\n";
    let kinds: Vec<_> = lines(datagram).map(|l| l.map(|_| ())).collect();
    let expected = [Ok(()), Err(Reason::BadValue), Err(Reason::NotUtf8), Ok(())];
    assert_eq!(kinds, expected);
    assert_eq!(lines(b"").count(), 0);
    assert_eq!(lines(b"\n\r\n\n").count(), 0);
}

#[test]
fn events_and_service_checks_are_understood() {
    let line = "_e{5,10}:a|b:c|x|\\nyßz\\n|d:5|h:web|p:low|t:error|s:my|k:key|#env:prod,b";
    let Ok(Line::Event(event)) = parse(line) else {
        panic!("{:?}", parse(line));
    };
    assert_eq!((event.title, &*event.text()), ("a|b:c", "x|\nyßz\n"));
    assert_eq!((event.timestamp, event.host), (Some(5), "web"));
    assert_eq!((event.priority, event.alert), (Priority::Low, Alert::Error));
    assert_eq!((event.source, event.aggregation_key), ("my", "key"));
    let tags: Vec<_> = tags(event.tags).collect();
    assert_eq!(tags, [("env", "prod"), ("b", "true")]);

    let line = "_sc|redis.up|2|d:7|h:db|#env:prod|m:it | is: #down";
    let expected = ServiceCheck {
        name: "redis.up",
        status: 2,
        timestamp: Some(7),
        host: "db",
        message: "it | is: #down",
        tags: "env:prod",
    };
    assert_eq!(parse(line), Ok(Line::Check(expected)));
    assert!(matches!(parse("_sc|x|0"), Ok(Line::Check(_))));
    // Names may begin like one.
    check("_e:1|c", "_e Counter [Number(1.0)]");
}

/// Parts that lines are made of, so that random ones come close to valid ones.
fn fragment() -> impl Strategy<Value = String> {
    let parts = [
        "a", ":", "|", "c", "g", "ms", "h", "d", "s", "@", "0.1", "#", ",", "=", "1", "-", "+",
        "_e{", "_sc|", "}", "T", "\n", "\r", "é", "\u{0}", "1e308", "|#", ":1|c",
    ];
    prop::sample::select(parts.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn no_line_panics(parts in prop::collection::vec(fragment(), 0..24)) {
        let line = parts.concat();
        for parsed in lines(line.as_bytes()) {
            if let Ok(Line::Metric(metric)) = parsed {
                prop_assert!(metric.samples().count() >= 1);
                prop_assert!(metric.rate > 0.0 && metric.rate <= 1.0);
                let _ = metric.all_tags().count();
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = lines(&bytes).count();
    }

    #[test]
    fn what_is_written_is_read(
        name in "[a-z][a-z.]{0,20}",
        values in prop::collection::vec(-1e9..1e9_f64, 1..5),
        rate in 0.001..1.0_f64,
        tags in prop::collection::vec(("[a-z]{1,5}", "[a-z:/é]{1,8}"), 0..4),
    ) {
        let joined: Vec<_> = values.iter().map(f64::to_string).collect();
        let list: Vec<_> = tags.iter().map(|(n, v)| format!("{n}:{v}")).collect();
        let line = format!("{name}:{}|d|@{rate}|#{}", joined.join(":"), list.join(","));
        let read = metric(&line);
        prop_assert_eq!(read.name(), name);
        prop_assert_eq!(read.rate, rate);
        let samples: Vec<_> = values.into_iter().map(Sample::Number).collect();
        prop_assert_eq!(read.samples().collect::<Vec<_>>(), samples);
        let pairs: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        prop_assert_eq!(read.all_tags().collect::<Vec<_>>(), pairs);
    }
}
