use super::*;

#[test]
fn a_cut_is_marked_and_between_characters() {
    let fits = "x".repeat(VALUE_BYTES_MAX);
    assert_eq!(bounded(Cow::Borrowed(&fits)), fits);
    let long = format!("x{}", "é".repeat(VALUE_BYTES_MAX));
    let cut = bounded(Cow::Borrowed(&long));
    assert!(cut.ends_with(&format!("é{CUT_MARK}")));
    assert_eq!(cut.len(), VALUE_BYTES_MAX - 1 + CUT_MARK.len());
}

#[test]
fn names_that_are_none_are_counted() {
    let mut list = AttributeList::default();
    let long = [&b"\x0a\x81\x08"[..], &vec![b'n'; 1025]].concat();
    for body in [&b"\x0a\x01a"[..], b"", &long] {
        list.read(Reader::new(body, 0..body.len())).unwrap();
    }
    list.note_dropped(u64::MAX);
    list.finish();
    let [kept, dropped] = list.as_slice() else {
        panic!("{list:?}");
    };
    assert_eq!((kept.name, dropped.name), ("a", DROPPED));
    assert_eq!(dropped.value, AttributeValue::Integer(i64::MAX));
    list.clear();
    assert!(list.as_slice().is_empty());
}
