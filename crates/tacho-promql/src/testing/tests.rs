use tacho_model::append::is_stale;

use super::expect::Match;
use super::points::{Budget, HintSaid, Item, Points};
use super::script::{Command, Loaded};
use super::series::{Cursor, duration, metric};
use super::*;

fn points(text: &str) -> Result<Vec<Item>, String> {
    Points::parse(text, &mut Budget::default())
}

fn shown(items: &[Item]) -> String {
    let item = |item: &Item| match item {
        Item::Missing => "_".to_owned(),
        Item::Float(value) if is_stale(*value) => "stale".to_owned(),
        Item::Float(value) => value.to_string(),
        Item::Histogram(value, HintSaid::No) => value.to_string(),
        Item::Histogram(value, HintSaid::Yes) => format!("{value} {:?}", value.hint),
    };
    items.iter().map(item).collect::<Vec<_>>().join(" ")
}

#[test]
fn points_are_expanded() {
    let check = |text, expected| {
        assert_eq!(shown(&points(text).unwrap()), expected, "{text}");
    };
    check("", "");
    check("1 -2.5  1e3", "1 -2.5 1000");
    check("-2+4x3", "-2 2 6 10");
    check("1-2x4", "1 -1 -3 -5 -7");
    check("1x4 0x2", "1 1 1 1 1 0 0 0");
    check("1 _x3 stale _", "1 _ _ _ stale _");
    check("NaN Inf -Inf +Inf Infx1", "NaN inf -inf inf inf inf");
    check("5 2+3x2 _ stale", "5 2 5 8 _ stale");
    check("1e2+1e-1x1 # all of it", "100 100.1");
    check(
        "{{schema:1 sum:3 count:22 buckets:[5 10 7]}}",
        "{count:22, sum:3, (0.7071067811865476,1]:5, (1,1.4142135623730951]:10, \
         (1.4142135623730951,2]:7}",
    );
    check(
        "{{count:3 z_bucket:1 z_bucket_w:0.5 buckets:[2] offset:2}}+{{z_bucket_w:0.5 count:1 z_bucket:1}}x2",
        "{count:3, sum:0, [-0.5,0.5]:1, (2,4]:2} {count:4, sum:0, [-0.5,0.5]:2, (2,4]:2} \
         {count:5, sum:0, [-0.5,0.5]:3, (2,4]:2}",
    );
    check(
        "{{n_buckets:[4.5 0 1] n_offset:-1 counter_reset_hint:gauge}}x1",
        "{count:0, sum:0, [-2,-1):1, [-0.5,-0.25):4.5} Gauge \
         {count:0, sum:0, [-2,-1):1, [-0.5,-0.25):4.5} Gauge",
    );
    check(
        "{{schema:-53 sum:NaN custom_values:[1 5] buckets:[1 0 2]}}",
        "{count:0, sum:NaN, [-Inf,1]:1, (5,+Inf]:2}",
    );
}

#[test]
fn what_is_no_point_is_refused() {
    for text in [
        "a",
        "1+",
        "1+2",
        "1+2x",
        "1x-1",
        "_x",
        "1,2",
        "1 2a",
        "--1",
        "{{",
        "{{}}y",
        "stalest",
        "{{schema:9}}",
        "{{schema:x}}",
        "{{custom_values:[1]}}",
        "{{buckets:[1}}",
        "{{size:1}}",
        "{{schema:-53 custom_values:[2 1]}}",
        "{{schema:-53 z_bucket:1}}",
        "{{buckets:[1 2] offset:2147483647}}",
        "{{counter_reset_hint:maybe}}",
        "{{}}+{{schema:-53}}x2",
        "1x99999999",
        "1x99999999999999999999",
        "é",
    ] {
        assert!(points(text).is_err(), "{text}");
    }
}

#[test]
fn all_points_of_a_script_share_one_limit() {
    let line = "  a 1x1500000\n";
    assert!(Script::parse(&format!("load 1m\n{line}")).is_ok());
    let whole = Script::parse(&format!("load 1m\n{}", line.repeat(3))).map(|_| ());
    assert!(whole.unwrap_err().message.contains("too much memory"));
    let wide = format!("{{{{buckets:[{}]}}}}x100000", "1 ".repeat(1000));
    assert!(points(&wide).is_err());
}

#[test]
fn series_are_named_in_every_way() {
    let check = |text, expected: &str| {
        let mut cursor = Cursor::new(text);
        assert_eq!(metric(&mut cursor).unwrap().to_string(), expected);
        assert_eq!(cursor.rest(), " 1", "{text}");
    };
    check("up 1", "up");
    check("{} 1", "{}");
    check("a:b{} 1", "a:b");
    check(
        r#"up{ job = "a\"b" , x='y', } 1"#,
        r#"up{job="a\"b",x="y"}"#,
    );
    check(r#"{"a name", "a label"="é"} 1"#, r#"a name{a label="é"}"#);
    check("{__name__=\"up\",b=`\\d`} 1", r#"up{b="\\d"}"#);
    check(r#"up{le="\u00e9\x41\n"} 1"#, "up{le=\"éA\\n\"}");
    for bad in [
        "",
        "{",
        "up{",
        "up{a}",
        "up{a=}",
        "up{a=\"",
        "up{a=\"\\é\"}",
        "{{}}",
        "up{a=\"1\" b=\"2\"}",
    ] {
        assert!(metric(&mut Cursor::new(bad)).is_err(), "{bad}");
    }
}

#[test]
fn durations_are_read() {
    let check = |text, expected: i64| assert_eq!(duration(text), Ok(expected), "{text}");
    check("0", 0);
    check("5m", 300_000_000_000);
    check("-1h30m", -5_400_000_000_000);
    check("1.5", 1_500_000_000);
    check("100ms", 100_000_000);
    check("1y", 31_536_000_000_000_000);
    for bad in ["", "m", "5x", "5m3", "NaN", "1e300", "--1", "999999y"] {
        assert!(duration(bad).is_err(), "{bad}");
    }
}

fn error(text: &str) -> (usize, String) {
    let error = Script::parse(text).unwrap_err();
    (error.line, error.message)
}

#[test]
fn mistakes_are_told_with_their_line() {
    let line = |text| error(text).0;
    assert_eq!(line("\n# comment\nlode 5m\n"), 3);
    assert_eq!(line("load 5m\n  up 1\n  up x\n"), 3);
    assert_eq!(line("load 0\n"), 1);
    assert_eq!(line("eval instant 5m up\n"), 1);
    assert_eq!(line("eval instant at 5m\n"), 1);
    assert_eq!(line("eval range from 5m to 0 step 1m up\n"), 1);
    assert_eq!(line("eval range from 0 to 5m step 0 up\n"), 1);
    assert_eq!(line("eval range from 0 to 1y step 1ms up\n"), 1);
    assert_eq!(line("eval instant at 5m up\n  expect worn\n"), 2);
    assert_eq!(line("eval instant at 5m up\n  expect ordered msg: a\n"), 2);
    assert_eq!(line("eval instant at 5m up\n  expect warn regex: (\n"), 2);
    assert_eq!(line("load 1m\n  a@st -1m\n  b 1\n"), 3);
    assert_eq!(line("load 1m\n  a@st -1mx2\n  a 1\n"), 3);
    assert!(
        error("load 1m\n  a@st -1mx2\n  a 1\n")
            .1
            .contains("3 start times for 1 points")
    );
}

fn loaded(text: &str) -> Vec<Loaded> {
    let script = Script::parse(text).unwrap();
    let each = script
        .commands
        .into_iter()
        .flat_map(|command| match command {
            Command::Load(loaded) => loaded,
            _ => Vec::new(),
        });
    each.collect()
}

#[test]
fn comments_do_not_end_a_load_but_commands_do() {
    let text = "load 1m\n  a 1\n  # more\n  b 1\n# then\neval instant at 0 1\n  1\n";
    assert_eq!(loaded(text).len(), 2);
    assert_eq!(Script::parse(text).unwrap().commands.len(), 2);
    let text = "load 1m\n  load 1 2\n  eval 3\n  clear 4\nload 2m\n  a 1\nclear\n";
    assert_eq!(loaded(text).len(), 4);
    assert_eq!(Script::parse(text).unwrap().commands.len(), 3);
    let text = "load 1m\n  @st -1m\n  a@st -30s-1mx2 *x2 _x2\n  a 1x6\n  b _ 1\n";
    assert_eq!(loaded(text).len(), 2);
}

#[test]
fn classic_histograms_become_native_ones() {
    let text = r#"load_with_nhcb 1m
        h_bucket{le="1",a="b"} 1 5 stale
        h_bucket{le="+Inf",a="b"} 3 4 stale
        h_bucket{le="0.5",a="b"} 1 3 stale
        h_sum{a="b"} 5 8 stale
        h_count{a="b"} 3 6 stale
        g 1"#;
    let native: Vec<Loaded> = loaded(text).into_iter().skip(6).collect();
    assert_eq!(native.len(), 1);
    assert_eq!(native[0].labels.to_string(), r#"h{a="b"}"#);
    let items: Vec<Item> = native[0].points.iter().map(|p| p.1.clone()).collect();
    let expected = "{count:3, sum:5, [-Inf,0.5]:1, (1,+Inf]:2} \
        {count:6, sum:8, [-Inf,0.5]:3, (0.5,1]:2, (1,+Inf]:1} stale";
    assert_eq!(shown(&items), expected);
}

#[test]
fn annotations_match_with_their_position_or_without() {
    let text = "PromQL info: odd (1:5)";
    let exactly = |text: &str| Match::Exactly(text.to_owned());
    assert!(exactly("PromQL info: odd (1:5)").is(text));
    assert!(exactly("PromQL info: odd").is(text));
    assert!(!exactly("PromQL info: odd (1:6)").is(text));
    assert!(!exactly("odd").is(text));
    assert!(Match::pattern("info: odd$").unwrap().is(text));
    assert!(Match::pattern(r"\(1:5\)$").unwrap().is(text));
    assert!(!exactly("a").is("a (b:c)"));
    assert!(
        Match::pattern("labels {a} .* {}")
            .unwrap()
            .is("labels {a} and {}")
    );
}

fn reasons(text: &str) -> Vec<String> {
    let report = Script::parse(text).unwrap().run(&Settings::default());
    report
        .failures
        .into_iter()
        .map(|failure| failure.reason)
        .collect()
}

#[test]
fn scalars_strings_and_errors_are_compared() {
    let good = "eval instant at 0 1\n  1\n\neval instant at 0 1\n  1.0000001\n\n\
        eval_fail instant at 0 )\n\neval instant at 0 )\n  expect fail regex: parse error\n";
    assert_eq!(reasons(good), Vec::<String>::new());
    let bad = "eval instant at 0 1\n  2\n\neval instant at 0 1\n  1.00001\n\n\
        eval instant at 0 1\n  expect fail\n\neval instant at 0 )\n\n\
        eval instant at 0 )\n  expect fail msg: nothing\n\neval instant at 0 1\n  expect string \"1\"\n\n\
        eval instant at 0 1\n  {} 1\n\neval instant at 0 1\n  expect warn\n  1\n";
    assert_eq!(reasons(bad).len(), 8, "{:?}", reasons(bad));
}

#[test]
fn what_cannot_be_loaded_fails_what_follows_until_it_is_cleared() {
    let text = "load 1m\n  h {{count:-1}}\n\neval instant at 0 1\n  1\n\nclear\n\neval instant at 0 1\n  1\n";
    let reasons = reasons(text);
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].starts_with("loading h:"), "{reasons:?}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(load 1m|eval instant at 0|  expect|[ -~éµ\n{}\\[\\]\"'x_:+]{0,12}|\n){0,12}") {
        let _ = Script::parse(&text);
        let _ = points(&text);
    }
}
