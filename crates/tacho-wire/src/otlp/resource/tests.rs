use proptest::prelude::*;

use super::*;

/// A field that is a message, a text or bytes.
fn field(number: u8, inside: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = inside.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(inside);
    out
}

fn text(value: &str) -> Vec<u8> {
    field(1, value.as_bytes())
}

fn key_value(name: &str, value: &[u8]) -> Vec<u8> {
    [field(1, name.as_bytes()), field(2, value)].concat()
}

fn reader(bytes: &[u8]) -> Reader<'_> {
    Reader::new(bytes, 0..bytes.len())
}

#[track_caller]
fn check(any_value: &[u8], expected: &str) {
    let value = attribute_value(reader(any_value)).unwrap();
    assert_eq!(text_of(&value), expected);
}

#[test]
fn values_read_as_labels_show_them() {
    check(&text("GET"), "GET");
    check(&[0x10, 1], "true");
    check(&[0x10, 0], "false");
    check(&[0x18, 200, 1], "200");
    let minus_one = [&[0x18][..], &[0xff; 9], &[1]].concat();
    check(&minus_one, "-1");
    check(&[&[0x21][..], &0.25f64.to_le_bytes()].concat(), "0.25");
    check(&[&[0x21][..], &1e-9f64.to_le_bytes()].concat(), "1e-9");
    check(
        &[&[0x21][..], &f64::INFINITY.to_le_bytes()].concat(),
        "+Inf",
    );
    check(&[], "");
    check(&field(7, b"M"), "TQ==");
    check(&field(7, b"Ma"), "TWE=");
    check(&field(7, b"Man"), "TWFu");
    // What comes later counts.
    check(&[text("a"), text("b")].concat(), "b");
}

#[test]
fn lists_and_maps_are_json() {
    let list = [
        field(1, &text("a\"\n\u{1}")),
        field(1, &[0x18, 5]),
        field(1, &[]),
    ]
    .concat();
    check(&field(5, &list), r#"["a\"\n\u0001",5,null]"#);
    check(&field(5, &[]), "[]");
    let nan = [&[0x21][..], &f64::NAN.to_le_bytes()].concat();
    let map = [
        field(1, &key_value("x", &field(5, &field(1, &[0x10, 1])))),
        field(1, &key_value("y", &nan)),
        field(1, &key_value("z", &field(7, b"Man"))),
        field(1, &field(1, b"none")),
    ];
    check(
        &field(6, &map.concat()),
        r#"{"x":[true],"y":"NaN","z":"TWFu","none":null}"#,
    );
    check(&field(6, &[]), "{}");
}

#[test]
fn depth_is_bounded() {
    let mut any = text("deep");
    for _ in 0..100 {
        any = field(5, &field(1, &any));
    }
    let lists = DEPTH_MAX;
    check(
        &any,
        &format!("{}null{}", "[".repeat(lists), "]".repeat(lists)),
    );
}

#[test]
fn text_that_is_no_utf8_is_mended() {
    check(&field(1, b"a\xffb"), "a\u{fffd}b");
    let pair = [field(1, b"na\xffme"), field(2, &text("v"))].concat();
    assert_eq!(attribute(reader(&pair)).unwrap().name, "na");
}

fn resource(pairs: &[(&str, &str)]) -> Vec<u8> {
    let pair = |(name, value): &(&str, &str)| field(1, &key_value(name, &text(value)));
    pairs.iter().flat_map(pair).collect()
}

#[test]
fn a_resource_says_who_it_is() {
    let bytes = resource(&[
        (SERVICE_NAMESPACE, "shop"),
        (SERVICE_NAME, "cart"),
        (SERVICE_INSTANCE_ID, "7"),
        ("host.name", "a"),
    ]);
    let read = Resource::read(reader(&bytes)).unwrap();
    assert_eq!((read.job().as_str(), &*read.instance()), ("shop/cart", "7"));
    assert_eq!((read.service(), read.attributes.len()), ("cart", 4));
    let bytes = resource(&[(SERVICE_NAMESPACE, "shop")]);
    assert_eq!(Resource::read(reader(&bytes)).unwrap().job(), "");
}

#[test]
fn a_scope_is_read() {
    let pair = key_value("short_name", &text("s"));
    let bytes = [field(1, b"lib"), field(2, b"1.2"), field(3, &pair)].concat();
    let read = Scope::read(reader(&bytes)).unwrap();
    assert_eq!((&*read.name, &*read.version), ("lib", "1.2"));
    assert_eq!(read.attributes[0].name, "short_name");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = Resource::read(reader(&bytes));
        let _ = Scope::read(reader(&bytes));
        let _ = attribute_value(reader(&bytes));
    }

    #[test]
    fn json_text_is_what_serde_reads(value in ".*") {
        let mut json = String::new();
        quote(&value, &mut json);
        prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
    }

    #[test]
    fn base64_has_the_right_length(bytes: Vec<u8>) {
        prop_assert_eq!(base64(&bytes).len(), bytes.len().div_ceil(3) * 4);
    }
}
