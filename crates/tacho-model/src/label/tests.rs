//! Label sets: canonical or refused, ordered, printed.

use super::*;

#[test]
fn order_of_pairs_does_not_matter() {
    let a = Labels::new([("b", "2"), ("a", "1")]).unwrap();
    let b = Labels::new([("a", "1"), ("b", "2")]).unwrap();
    assert_eq!(a, b);
    assert_eq!(a.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
}

#[test]
fn refuses_what_breaks_an_invariant() {
    assert_eq!(Labels::new([("", "x")]), Err(LabelError::EmptyName));
    let twice = Labels::new([("a", "1"), ("a", "2")]);
    assert_eq!(twice, Err(LabelError::Duplicate { name: "a".into() }));
    let long = "x".repeat(LABEL_BYTES_MAX + 1);
    assert!(matches!(
        Labels::new([("a", &long)]),
        Err(LabelError::TooLong { .. })
    ));
    let many = (0..=LABELS_MAX).map(|i| (format!("l{i}"), "v"));
    assert_eq!(
        Labels::new(many),
        Err(LabelError::TooMany {
            count: LABELS_MAX + 1
        })
    );
}

#[test]
fn every_truncation_and_flip_is_found_or_still_canonical() {
    let labels = Labels::new([("__name__", "up"), ("job", &"a".repeat(300))]).unwrap();
    let bytes = labels.as_ref().as_bytes().to_vec();
    assert!(LabelsRef::from_encoded(&bytes).is_ok());
    for end in 1..bytes.len() {
        // A cut between two pairs leaves a shorter canonical set; any other cut is an error.
        if let Ok(short) = LabelsRef::from_encoded(&bytes[..end]) {
            assert_eq!(short.iter().count(), 1);
        }
    }
    for i in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[i] ^= 0x81;
        if let Ok(set) = LabelsRef::from_encoded(&flipped) {
            assert!(set.iter().all(|(n, v)| !n.is_empty() && !v.is_empty()));
        }
    }
}

#[test]
fn what_protobuf_allows_becomes_canonical() {
    let canonical = Labels::new([("__name__", "up"), ("job", "api")]).unwrap();
    let check = |bytes: &[u8]| {
        let mut into = vec![7];
        canonicalize(bytes, &mut into).unwrap();
        assert_eq!(into[1..], *canonical.as_ref().as_bytes());
    };
    check(canonical.as_ref().as_bytes());
    let name = b"\x0a\x0e\x0a\x08__name__\x12\x02up";
    let job = b"\x0a\x0a\x0a\x03job\x12\x03api";
    check(&[&name[..], job].concat());
    check(&[&job[..], name].concat());
    // A length in two bytes, value before name, an unknown field, an empty value.
    let long = b"\x0a\x8b\x00\x12\x03api\x0a\x03job\x18";
    assert!(canonicalize(&long[..], &mut Vec::new()).is_err());
    let odd = b"\x0a\x8c\x00\x12\x03api\x0a\x03job\x18\x05\x0a\x05\x0a\x01x\x12\x00";
    check(&[&odd[..], name].concat());
    assert!(LabelsRef::from_encoded(odd).is_err());
    let twice = [&job[..], job].concat();
    let error = canonicalize(&twice, &mut Vec::new());
    assert_eq!(error, Err(LabelError::Duplicate { name: "job".into() }));
}

#[test]
fn a_set_beyond_the_limits_is_refused_however_it_comes() {
    let mut bytes = Vec::new();
    for i in 0..=LABELS_MAX {
        put(&mut bytes, &format!("l{i:05}"), "v");
    }
    assert!(matches!(
        LabelsRef::from_encoded(&bytes),
        Err(LabelError::TooMany { .. })
    ));
    let canonical = canonicalize(&bytes, &mut Vec::new());
    assert!(matches!(canonical, Err(LabelError::TooMany { .. })));
    let mut bytes = Vec::new();
    put(&mut bytes, "a", &"x".repeat(LABEL_BYTES_MAX + 1));
    assert!(LabelsRef::from_encoded(&bytes).is_err());
    assert!(canonicalize(&bytes, &mut Vec::new()).is_err());
}

#[test]
fn sets_are_ordered_pair_by_pair() {
    let sets = [
        &[("a", "1")][..],
        &[("a", "1"), ("b", "0")],
        &[("a", "1"), ("b", "00")],
        &[("a", "10")],
        &[("a", "2")],
        &[("aa", "1")],
        &[("b", &"x".repeat(200))],
        &[("b", &"y".repeat(20))],
    ];
    let sets: Vec<Labels> = sets
        .iter()
        .map(|pairs| Labels::new(pairs.iter().copied()).unwrap())
        .collect();
    for (i, a) in sets.iter().enumerate() {
        for (j, b) in sets.iter().enumerate() {
            assert_eq!(a.cmp(b), i.cmp(&j), "{a} and {b}");
            assert_eq!(a.cmp(b), a.iter().cmp(b.iter()));
        }
    }
}

#[test]
fn prints_as_promql_writes_it() {
    let labels = Labels::new([("__name__", "m"), ("p", "a\"b\\c\nd")]).unwrap();
    assert_eq!(labels.to_string(), r#"m{p="a\"b\\c\nd"}"#);
    assert_eq!(Labels::metric("up").unwrap().to_string(), "up");
    assert_eq!(Labels::new([("a", "1")]).unwrap().to_string(), r#"{a="1"}"#);
}

#[test]
fn with_replaces_and_removes() {
    let labels = Labels::new([("__name__", "m"), ("a", "1")]).unwrap();
    assert_eq!(labels.with("a", "2").unwrap().get("a"), Some("2"));
    assert_eq!(labels.with("a", "").unwrap().to_string(), "m");
    assert_eq!(labels.only(&["a"]).to_string(), r#"{a="1"}"#);
}
