use super::*;

fn reading() -> Reading {
    Reading {
        origin: Origin::File("rules.yml".to_owned()),
        interval: Duration::from_mins(1),
    }
}

fn groups(text: &str) -> Vec<Group> {
    reading().file(text).unwrap()
}

/// The error of a file.
#[track_caller]
fn check(text: &str, expected: &str) {
    let error = reading().file(text).unwrap_err().to_string();
    assert!(error.contains(expected), "no `{expected}` in: {error}");
}

/// The error of a file with this one rule.
#[track_caller]
fn check_rule(rule: &str, expected: &str) {
    check(
        &format!("groups:\n- name: g\n  rules:\n  - {rule}\n"),
        expected,
    );
}

#[test]
fn a_file_with_everything_is_read() {
    let text = "
groups:
- name: everything
  interval: 30s
  query_offset: 1m
  limit: 10
  labels: {team: a, severity: low}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {team: b, tier: 1}
  - record: a name in UTF-8 – ü
    expr: 1
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 1h
    labels: {severity: page}
    annotations: {summary: '{{ $labels.instance }} is down'}
- name: empty
";
    let groups = groups(text);
    let [everything, empty] = &groups[..] else {
        panic!("{groups:?}");
    };
    assert!(empty.rules.is_empty());
    assert_eq!(empty.interval, Duration::from_mins(1));
    let (interval, offset) = (everything.interval, everything.query_offset);
    assert_eq!((interval.as_secs(), offset.as_secs()), (30, 60));
    assert_eq!((everything.limit, everything.rules.len()), (10, 3));
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    let labels = &everything.rules[0].labels;
    let expected = [
        pair("severity", "low"),
        pair("team", "b"),
        pair("tier", "1"),
    ];
    assert_eq!(labels[..], expected);
    assert_eq!(everything.rules[1].name(), "a name in UTF-8 – ü");
    let RuleKind::Alerting {
        hold,
        keep_firing_for,
        annotations,
        ..
    } = &everything.rules[2].kind
    else {
        panic!("no alert");
    };
    assert_eq!((hold.as_secs(), keep_firing_for.as_secs()), (300, 3600));
    assert_eq!(annotations.len(), 1);
}

#[test]
fn what_it_says_is_read_again_from_its_definition() {
    let text = "groups: [{name: g, interval: 30s, query_offset: 5s, limit: 3, labels: {a: b},
      rules: [{record: r, expr: '1 +
        2'}, {alert: A, expr: up, for: 1m, annotations: {x: y}}]}]";
    let group = groups(text).remove(0);
    let again = reading().one(&group.definition().to_string()).unwrap();
    assert_eq!(again.definition(), group.definition());
    // What is configured for all is not what the group says.
    let silent = reading().one("name: g").unwrap();
    assert_eq!(silent.definition().get("interval"), None);
    assert_eq!(again.rules[0].labels, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn nothing_is_an_empty_file() {
    for text in ["", "# nothing\n\n", "groups:\n", "groups: []\n"] {
        assert!(groups(text).is_empty(), "{text:?}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    check(
        "groups:\n- name: g\n  ruls: []\n",
        "unknown field `ruls`, expected one of",
    );
    check("groups:\n- name: g\n  ruls: []\n", "line 3");
    check("grups: []\n", "unknown field `grups`");
    check(
        "groups:\n- name: g\n- name: g\n",
        "line 3, column 3: group \"g\": groupname is repeated",
    );
    check("groups:\n- rules: []\n", "groupname must not be empty");
    check(
        "groups:\n- {name: g, interval: 15}\n",
        "interval: \"15\" is not a duration",
    );
    check("groups:\n- {name: g, interval: 1ms}\n", "must lie between");
    check(
        "groups:\n- {name: g, labels: {__name__: x}}\n",
        "invalid label name: \"__name__\"",
    );
    check("a: [", "line 1");
}

#[test]
fn rules_are_checked_as_prometheus_does() {
    check_rule(
        "expr: 1",
        "line 4, column 5: group \"g\", rule 1: one of 'record' or 'alert' must be set",
    );
    check_rule("{record: a, alert: b, expr: 1}", "only one of");
    check_rule("record: a", "field 'expr' must be set");
    check_rule(
        "{record: a, expr: 1, for: 5m}",
        "invalid field 'for' in recording rule",
    );
    check_rule("{record: a, expr: 1, annotations: {x: y}}", "annotations");
    check_rule("{record: 'a{b=\"c\"}', expr: 1}", "braces present");
    check_rule(
        "{record: a, expr: 1, labels: {__name__: x}}",
        "rule 1 \"a\": invalid label name",
    );
    check_rule("{alert: a, expr: 1, for: never}", "for: \"never\"");
}

#[test]
fn a_mistake_in_an_expression_is_told_where_it_stands_in_the_file() {
    let expected = "group \"g\", rule 1 \"a\": could not parse expression: ";
    let at = |place: &str| format!("{place}: {expected}");
    let plain = "record: a\n    expr: sum(up) +";
    check_rule(plain, &at("line 5, column 20"));
    let quoted = "record: a\n    expr: 'sum(up) + )'";
    check_rule(quoted, &at("line 5, column 23"));
    let block = "record: a\n    expr: |\n      sum(up)\n        + )";
    check_rule(block, &at("line 7, column 12"));
    // Folded: where the expression begins.
    let folded = "record: a\n    expr: >\n      sum(up)\n      + )";
    check_rule(folded, expected);
}

#[test]
fn what_is_said_twice_is_found() {
    let text = "groups: [{name: g, rules: [{record: a, expr: 1}, {record: a, expr: 2},
        {record: a, expr: 3, labels: {b: c}}]}]";
    assert_eq!(groups(text)[0].doubled(), ["a"]);
}
