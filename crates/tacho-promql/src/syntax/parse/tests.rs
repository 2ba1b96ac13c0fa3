use super::*;

/// What Prometheus 2.42 answers to the same text, where not noted otherwise.
fn fails(text: &str, expected: &str) {
    let error = expression(text, Features::Experimental, None)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        error.to_string().replacen(" parse error:", "", 1),
        expected,
        "{text}"
    );
}

fn parses(text: &str) {
    if let Err(error) = expression(text, Features::Experimental, None) {
        panic!("{text}: {error}");
    }
}

#[test]
fn what_is_no_expression_is_told_where() {
    fails("foo bar", r#"1:5: unexpected identifier "bar""#);
    fails("sum(", "1:5: unclosed left parenthesis");
    fails("foo{", "1:5: unexpected end of input inside braces");
    fails("foo{a=1}", "1:7: unexpected character inside braces: '1'");
    fails(
        r#"foo{a="b" c="d"}"#,
        r#"1:11: unexpected identifier "c" in label matching, expected "," or "}""#,
    );
    fails(
        "rate(foo[5m)",
        r#"1:12: unexpected ")" in subquery or range, expected ":" or "]""#,
    );
    fails("foo[5m", "1:7: unclosed left bracket");
    fails("1 + * 2", "1:5: unexpected <op:*>");
    fails("()", r#"1:2: unexpected ")""#);
    fails("1 2", r#"1:3: unexpected number "2""#);
    fails("a +\n  b c", r#"2:5: unexpected identifier "c""#);
    fails("", "1:1: no expression found in input");
    fails("sum by (a)", "1:11: unexpected end of input in aggregation");
    fails(
        "sum by (1) (foo)",
        r#"1:9: unexpected number "1" in grouping opts, expected label"#,
    );
    fails(
        "sum without (a) by (b) (foo)",
        "1:17: unexpected <by> in aggregation",
    );
    fails(
        "a + on b",
        r#"1:8: unexpected identifier "b" in grouping opts, expected "(""#,
    );
    fails("a + group_left b", "1:5: unexpected <group_left>");
    fails("a + on(a) bool b", "1:11: unexpected <bool>");
    fails(
        "abs(a,)",
        "1:6: trailing commas not allowed in function call args",
    );
    fails(
        "foo @ bar",
        r#"1:7: unexpected identifier "bar" in @, expected timestamp"#,
    );
    fails(r#""\q""#, "1:1: unknown escape sequence U+0071 'q'");
    fails("foo)", "1:5: unexpected right parenthesis ')'");
    fails("by(a)", r#"1:3: unexpected "(""#);
    fails("on", "1:1: unexpected <on>");
    fails(
        "0x",
        "1:1: error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax",
    );
    fails(
        "sum(rate(a b))",
        r#"1:12: unexpected identifier "b" in aggregation"#,
    );
    fails(
        "1 > 2 + foo{",
        "1:13: unexpected end of input inside braces",
    );
    fails(
        "a{by c}",
        r#"1:6: unexpected identifier "c" in label matching, expected label matching operator"#,
    );
    fails("1h1h + 1", "1:1: not a valid duration string: \"1h1h\"");
    fails("5mx", "1:1: bad number or duration syntax: \"5mx\"");
    fails("1abc", "1:1: bad number or duration syntax: \"1\"");
    fails(
        "abs(rate(foo), 1)",
        r#"1:1: expected 1 argument(s) in call to "abs", got 2"#,
    );
    fails("nofunc(1)", r#"1:1: unknown function with name "nofunc""#);
}

#[test]
fn types_are_checked() {
    fails(
        "rate(foo)",
        r#"1:6: expected type range vector in call to function "rate", got instant vector"#,
    );
    fails(
        "foo[5m]+1",
        "1:1: binary expression must contain only scalar and instant vector types",
    );
    fails(
        "1 > 2",
        "1:3: comparisons between scalars must use BOOL modifier",
    );
    fails(
        "1 and 2",
        r#"1:1: set operator "and" not allowed in binary scalar expression"#,
    );
    fails(
        "foo + bool bar",
        "1:5: bool modifier can only be used on comparison operators",
    );
    fails(
        "foo == on(a) group_left(a) bar",
        r#"1:5: label "a" must not occur in ON and GROUP clause at once"#,
    );
    fails(
        "foo and on(a) group_left bar",
        r#"1:1: no grouping allowed for "and" operation"#,
    );
    fails(
        "{}",
        "1:1: vector selector must contain at least one non-empty matcher",
    );
    fails(
        r#"foo{__name__="b"}"#,
        r#"1:1: metric name must not be set twice: "foo" or "b""#,
    );
    fails(
        "foo offset 5m offset 5m",
        "1:1: offset may not be set multiple times",
    );
    fails(
        "foo[5m] @ 1 @ 2",
        "1:1: @ <timestamp> may not be set multiple times",
    );
    fails(
        "foo offset 5m[5m]",
        "1:14: no offset modifiers allowed before range",
    );
    fails("(foo)[5m]", "1:6: ranges only allowed for vector selectors");
    fails(
        "foo[5m][5m:1m]",
        "1:1: subquery is only allowed on instant vector, got matrix instead",
    );
    fails("foo[0s]", "1:5: duration must be greater than 0");
    fails(
        "topk(foo)",
        "1:1: wrong number of arguments for aggregate expression provided, expected 2, got 1",
    );
    fails(
        "sum(1)",
        "1:5: expected type instant vector in aggregation expression, got scalar",
    );
    fails(
        "round(foo,1,2)",
        r#"1:1: expected at most 2 argument(s) in call to "round", got 3"#,
    );
    fails(
        "abs()",
        r#"1:1: expected 1 argument(s) in call to "abs", got 0"#,
    );
    fails(
        r#"-"a""#,
        "1:1: unary expression only allowed on expressions of type scalar or instant vector, \
         got \"string\"",
    );
    fails(
        "a == on(x) 1",
        "1:1: vector matching only allowed between instant vectors",
    );
}

#[test]
fn keywords_are_names_where_they_can_be() {
    for text in [
        "sum",
        "and",
        "by",
        "offset",
        "start",
        "a and and",
        "a + by",
        "sum{a=\"b\"}",
        "foo{sum=\"a\", by!=\"b\"}",
        "sum by (by, on, sum) (and)",
        "foo{\"a.b\"=\"c\", \"d\"=~\"e\"}",
        "{\"foo.bar\", x=\"y\"}",
        "sum by (\"a.b\") (foo)",
        "::",
        "foo:bar offset -5m",
        "foo[5m:] offset 1m @ start()",
        "foo[90] @ -1.5",
        "a % on(b,) c",
        "-foo offset 5m",
        "a == bool 1 > 2",
        "5m + 1h30m",
        "a > bool on (b) group_left (c) d",
        "foo # comment",
        "a </ 5",
        "a >/ 5",
        "a + on(b) fill(0) c",
    ] {
        parses(text);
    }
}

#[test]
fn what_is_deep_or_long_is_refused_before_it_can_hurt() {
    let nested =
        |open: &str, close: &str, n: usize| format!("{}a{}", open.repeat(n), close.repeat(n));
    parses(&nested("(", ")", 100));
    parses(&nested("abs(", ")", 100));
    parses(&format!("a{}", " + a".repeat(1_000)));
    for text in [
        nested("(", ")", 100_000),
        nested("abs(", ")", 10_000),
        "-".repeat(100_000) + "1",
        "1^".repeat(100_000) + "1",
        format!("a{}", " + a".repeat(10_000)),
        format!("a{}", "[1m:]".repeat(10_000)),
        format!("a{{b=~\"{}\"}}", "a".repeat(20_000)),
        "a=~\"(((a{1000}){1000}){1000})\"".to_owned(),
        "a".repeat(QUERY_BYTES_MAX + 1),
        "foo[1e300]".to_owned(),
        "foo offset NaN".to_owned(),
        "foo @ 1e300".to_owned(),
        "foo[9999999999y]".to_owned(),
    ] {
        let shown: String = text.chars().take(20).collect();
        assert!(
            expression(&text, Features::Experimental, None).is_err(),
            "{shown}"
        );
    }
}

#[test]
fn experimental_functions_need_to_be_asked_for() {
    for text in [
        "sort_by_label(a, \"b\")",
        "limitk(1, a)",
        "mad_over_time(a[5m])",
        "start() + end()",
    ] {
        assert!(expression(text, Features::Stable, None).is_err(), "{text}");
        parses(text);
    }
}
