//! What Prometheus' documentation and its own users' examples say must come out.

use super::*;
use crate::Labels;
use crate::label::LABELS_MAX;

/// A rule from `key=value` words; lists are joined by commas.
fn rule(text: &str) -> Result<Rule, RelabelError> {
    let mut made = RuleText::default();
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap();
        let value = value.to_owned();
        match key {
            "source" => made.source_labels = value.split(',').map(str::to_owned).collect(),
            "separator" => made.separator = Some(value),
            "regex" => made.regex = Some(value),
            "modulus" => made.modulus = Some(value.parse().unwrap()),
            "target" => made.target_label = Some(value),
            "replacement" => made.replacement = Some(value),
            "action" => made.action = Some(Action::parse(&value).unwrap()),
            other => panic!("no key {other}"),
        }
    }
    Rule::new(made)
}

/// `a=1 b=2` relabelled by rules, sorted; `dropped` when a rule drops it.
#[track_caller]
fn check(labels: &str, rules: &[&str], expected: &str) {
    let rules: Vec<Rule> = rules.iter().map(|text| rule(text).unwrap()).collect();
    let pairs = labels
        .split_whitespace()
        .map(|w| w.split_once('=').unwrap());
    let mut draft = Draft::new(pairs);
    let verdict = apply(&rules, &mut draft);
    let mut shown: Vec<String> = draft.iter().map(|(n, v)| format!("{n}={v}")).collect();
    shown.sort();
    let shown = match verdict {
        Verdict::Keep => shown.join(" "),
        Verdict::Drop => "dropped".to_owned(),
    };
    assert_eq!(shown, expected);
}

#[test]
fn replace_sets_the_target_where_the_expression_matches() {
    let foo = "a=foo b=bar c=baz";
    check(
        foo,
        &["source=a regex=f(.*) target=d separator=; replacement=ch${1}-ch${1}"],
        "a=foo b=bar c=baz d=choo-choo",
    );
    check(
        foo,
        &[
            "source=a,b regex=f(.*);(.*)r target=a replacement=b${1}${2}m",
            "source=c,a regex=(b).*b(.*)ba(.*) target=d replacement=$1$2$2$3",
        ],
        "a=boobam b=bar c=baz d=boooom",
    );
    // No match: the target is left alone.
    check(
        "a=boo",
        &["source=a regex=f target=b replacement=bar"],
        "a=boo",
    );
    // The target may itself be made of groups.
    check(
        "a=some-name-value",
        &["source=a regex=some-([^-]+)-([^,]+) target=${1} replacement=${2}"],
        "a=some-name-value name=value",
    );
    // An empty result removes the label, an empty target is none.
    check(
        "a=f b=x",
        &["source=a regex=(f).* target=b replacement=$2"],
        "a=f",
    );
    check(
        "a=foo",
        &["source=a regex=f(.*)x? target=$2 replacement=y"],
        "a=foo",
    );
    // The defaults: everything matches and is copied.
    check("a=foo", &["source=a target=b"], "a=foo b=foo");
    check("a=foo b=x", &["source=none target=b"], "a=foo");
    check("a=1", &["target=b replacement=fixed"], "a=1 b=fixed");
    check(
        "a=1 c=2",
        &["source=a,c target=b separator=-"],
        "a=1 b=1-2 c=2",
    );
    check(
        "a=1",
        &["source=a target=b replacement=<$1>$$"],
        "a=1 b=<1>$",
    );
}

#[test]
fn keep_and_drop_decide_on_the_whole_value() {
    check(
        "a=foo",
        &["source=a regex=.*o.* action=drop", "target=d replacement=x"],
        "dropped",
    );
    check("a=foo", &["source=a regex=fo action=drop"], "a=foo");
    check(
        "a=abc",
        &[
            "source=a regex=.*(b).* target=d",
            "source=a regex=no action=keep",
        ],
        "dropped",
    );
    check("a=foo", &["source=a regex=f.* action=keep"], "a=foo");
    check("a=foo", &["source=a regex=oo action=keep"], "dropped");
    check("a=foo", &["source=none regex= action=drop"], "dropped");
    check(
        "job=api port=80",
        &["source=job,port regex=api;80 action=KEEP"],
        "job=api port=80",
    );
}

#[test]
fn equality_compares_with_the_target() {
    let main = "__tmp_port=1234 __port1=1234 __port2=5678";
    check(
        main,
        &["source=__tmp_port action=keepequal target=__port2"],
        "dropped",
    );
    check(
        main,
        &["source=__tmp_port action=dropequal target=__port1"],
        "dropped",
    );
    let kept = "__port1=1234 __port2=5678 __tmp_port=1234";
    check(
        main,
        &["source=__tmp_port action=keepequal target=__port1"],
        kept,
    );
    check(
        main,
        &["source=__tmp_port action=dropequal target=__port2"],
        kept,
    );
}

/// Values that Prometheus' own relabelling gives.
#[test]
fn hashes_are_those_of_prometheus() {
    let hashed = "source=c target=d separator=; modulus=1000 action=hashmod";
    check("a=foo b=bar c=baz", &[hashed], "a=foo b=bar c=baz d=976");
    let lines = "source=a target=d modulus=1000 action=hashmod";
    check("a=foo b=bar", &[lines], "a=foo b=bar d=696");
    let same = Draft::new([("a", "foo\nbar")]);
    let mut draft = same.clone();
    apply(&[rule(lines).unwrap()], &mut draft);
    assert_eq!(draft.get("d"), "734");
}

#[test]
fn names_are_mapped_dropped_and_kept() {
    let main = "a=foo b1=bar b2=baz";
    check(
        main,
        &["regex=(b.*) action=labelmap replacement=bar_${1}"],
        "a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz",
    );
    check(
        "a=foo __meta_my_bar=aaa __meta_my_baz=bbb",
        &["regex=__meta_(my.*) action=labelmap"],
        "__meta_my_bar=aaa __meta_my_baz=bbb a=foo my_bar=aaa my_baz=bbb",
    );
    check(main, &["regex=(b.*) action=labeldrop"], "a=foo");
    check(main, &["regex=(b.*) action=labelkeep"], "b1=bar b2=baz");
    // What a mapping adds is not mapped again.
    check(
        "a=1",
        &["regex=(.*) action=labelmap replacement=$1x"],
        "a=1",
    );
    check(
        "a=1",
        &["regex=(.*) action=labelmap replacement=x${1}"],
        "a=1 xa=1",
    );
}

#[test]
fn case_is_changed() {
    check(
        "foo=bAr123Foo",
        &[
            "source=foo action=uppercase target=up",
            "source=foo action=lowercase target=low",
        ],
        "foo=bAr123Foo low=bar123foo up=BAR123FOO",
    );
}

#[test]
fn a_rule_that_says_nothing_is_refused() {
    let refused = |text: &str, expected: &str| {
        let error = rule(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    };
    refused("source=a", "`replace` needs `target_label`");
    refused(
        "source=a target=b action=hashmod",
        "`hashmod` needs `modulus`",
    );
    refused("source=a action=lowercase", "needs `target_label`");
    refused("source=a action=keepequal", "needs `target_label`");
    refused(
        "source=a target=b regex=x action=keepequal",
        "takes no `regex`",
    );
    refused(
        "source=a regex=x action=labeldrop",
        "takes no `source_labels`",
    );
    refused(
        "regex=x replacement=y action=labelkeep",
        "takes no `replacement`",
    );
    refused("source= target=b", "`source_labels` is empty");
    refused("source=a target=b regex=(", "no usable regular expression");
    refused(
        "source=a target=b regex=((a{1000}){1000}){1000}",
        "no usable regular expression",
    );
    assert_eq!(Action::parse("labelmop"), None);
}

#[test]
fn a_value_that_is_multiplied_stays_bounded() {
    assert!(rule("source=a target=a replacement=${1}${1}").is_ok());
    let double = rule("source=a target=a replacement=${1}ä${1}").unwrap();
    let rules = vec![double; 100];
    let mut draft = Draft::new([("a", "x")]);
    apply(&rules, &mut draft);
    assert!(draft.get("a").len() <= VALUE_BYTES_MAX);
    assert!(draft.to_labels().is_err(), "longer than a label may be");
}

#[test]
fn a_draft_becomes_a_label_set_under_the_limits() {
    let labels = Labels::new([("__name__", "up"), ("job", "api")]).unwrap();
    let rules = [rule("target=env replacement=prod").unwrap()];
    let draft = apply_to(&rules, labels.as_ref()).unwrap();
    assert_eq!(
        draft.to_labels().unwrap().to_string(),
        r#"up{env="prod",job="api"}"#
    );
    let mut bytes = Vec::new();
    draft.encode(&mut bytes).unwrap();
    assert_eq!(
        LabelsRef::from_encoded(&bytes).unwrap(),
        draft.to_labels().unwrap().as_ref()
    );
    let many = (0..=LABELS_MAX).map(|i| (format!("l{i}"), "x"));
    assert!(Draft::new(many).to_labels().is_err());
}
