//! Bodies of one target, scrape after scrape.

use tacho_model::Value;
use tacho_model::append::{SeriesIndex, is_stale};
use tacho_model::relabel::{Action, Rule, RuleText};
use tacho_wire::exposition::Buckets;

use super::*;
use crate::scrape::settings::{ClientSettings, Discovery, ScrapeProtocol};
use crate::scrape::target::{Found, Target, targets};

fn job() -> Job {
    Job {
        name: "api".to_owned(),
        interval: std::time::Duration::from_secs(10),
        timeout: std::time::Duration::from_secs(5),
        protocols: ScrapeProtocol::DEFAULT.to_vec(),
        fallback: Form::Text,
        buckets: Buckets::Native,
        metrics_path: "/metrics".to_owned(),
        params: Vec::new(),
        scheme: "http".to_owned(),
        labels: LabelsOf::Target,
        times: TimesOf::Samples,
        discovery: vec![Discovery::Static(Vec::new())],
        relabel: Vec::new(),
        metric_relabel: Vec::new(),
        client: ClientSettings::default(),
        limits: ScrapeLimits::default(),
    }
}

/// A target and what is remembered of it.
struct Scrapes {
    job: Job,
    target: Labels,
    cache: Cache,
    second: i64,
}

impl Scrapes {
    fn of(job: Job) -> Self {
        Self {
            job,
            target: Labels::new([("job", "api"), ("instance", "h:1")]).unwrap(),
            cache: Cache::default(),
            second: 0,
        }
    }

    /// One scrape: what it brought, and the rows it made in order of their text.
    fn take(&mut self, body: &str) -> (Result<Swept, String>, Vec<String>) {
        self.second += 10;
        let mut batch = Batch::new();
        let of = Of {
            job: &self.job,
            target: &self.target,
            time: Timestamp::from_secs(self.second),
        };
        let swept = of.sweep(Form::Text, body.as_bytes(), &mut self.cache, &mut batch);
        let row = |(series, time, value): (SeriesIndex, Timestamp, Value<'_>)| {
            let labels = batch.labels(series).unwrap().to_string();
            let labels = labels.replace(r#"instance="h:1",job="api""#, "T");
            match value {
                Value::Float(value) if is_stale(value) => format!("{labels} stale"),
                Value::Float(value) if time == of.time => format!("{labels} {value}"),
                Value::Float(value) => format!("{labels} {value} @{}", time.as_millis()),
                Value::Histogram(_) => format!("{labels} histogram"),
            }
        };
        let mut rows: Vec<String> = batch.rows().map(row).collect();
        rows.sort();
        (swept.map_err(|error| error.to_string()), rows)
    }

    #[track_caller]
    fn gives(&mut self, body: &str, counts: (usize, usize, usize), rows: &[&str]) {
        let (swept, got) = self.take(body);
        let swept = swept.unwrap();
        assert_eq!((swept.scraped, swept.kept, swept.added), counts, "{body}");
        assert_eq!(got, rows, "{body}");
    }

    #[track_caller]
    fn fails(&mut self, body: &str, reason: &str, rows: &[&str]) {
        let (swept, got) = self.take(body);
        let error = swept.unwrap_err();
        assert!(error.contains(reason), "{error}");
        assert_eq!(got, rows, "{body}");
    }
}

fn rule(action: Action, source: &str, regex: &str) -> Rule {
    Rule::new(RuleText {
        source_labels: vec![source.to_owned()],
        regex: Some(regex.to_owned()),
        action: Some(action),
        ..RuleText::default()
    })
    .unwrap()
}

#[test]
fn what_vanishes_is_marked_as_ended_once() {
    let mut target = Scrapes::of(job());
    target.gives(
        "a 1\nb 2\nc 3\n",
        (3, 3, 3),
        &["a{T} 1", "b{T} 2", "c{T} 3"],
    );
    target.gives("a 1\nc 4\n", (2, 2, 0), &["a{T} 1", "b{T} stale", "c{T} 4"]);
    target.gives("a 1\nc 4\n", (2, 2, 0), &["a{T} 1", "c{T} 4"]);
    // Another order, and one that is back.
    target.gives(
        "c 5\nb 6\na 1\n",
        (3, 3, 1),
        &["a{T} 1", "b{T} 6", "c{T} 5"],
    );
    target.fails(
        "a 1\nb x\n",
        "line 2",
        &["a{T} stale", "b{T} stale", "c{T} stale"],
    );
    target.fails("x", "line 1", &[]);
    target.gives("a 1\n", (1, 1, 1), &["a{T} 1"]);
    target.gives("", (0, 0, 0), &["a{T} stale"]);
}

#[test]
fn an_end_that_could_not_be_kept_is_marked_with_the_next_scrape() {
    let mut target = Scrapes::of(job());
    target.gives("a 1\nb 2\n", (2, 2, 2), &["a{T} 1", "b{T} 2"]);
    target.gives("a 1\n", (1, 1, 0), &["a{T} 1", "b{T} stale"]);
    target.cache.revive();
    target.gives("a 1\n", (1, 1, 0), &["a{T} 1", "b{T} stale"]);
    target.gives("a 1\n", (1, 1, 0), &["a{T} 1"]);
    target.fails("x", "line 1", &["a{T} stale"]);
    target.cache.revive();
    target.fails("x", "line 1", &["a{T} stale"]);
    target.fails("x", "line 1", &[]);
    // However many series went meanwhile.
    let many: String = (0..9999).map(|n| format!("m{{n=\"{n}\"}} 1\n")).collect();
    let counts = |swept: Result<Swept, String>| swept.unwrap().scraped;
    assert_eq!(counts(target.take(&many).0), 9999);
    assert_eq!(target.take("a 1\n").1.len(), 10_000);
    target.cache.revive();
    assert_eq!(target.take("a 1\n").1.len(), 10_000);
    assert_eq!(target.take("a 1\n").1.len(), 1);
    assert_eq!((target.take("a 1\n").1.len(), target.cache.len()), (1, 1));
}

#[test]
fn a_series_that_brings_its_own_times_is_never_marked() {
    let mut target = Scrapes::of(job());
    target.gives("a 1 5000\nb 2\n", (2, 2, 1), &["a{T} 1 @5000", "b{T} 2"]);
    target.gives("", (0, 0, 0), &["b{T} stale"]);
    let mut tracked = Scrapes::of(Job {
        times: TimesOf::SamplesTracked,
        ..job()
    });
    tracked.gives("a 1 5000\n", (1, 1, 1), &["a{T} 1 @5000"]);
    tracked.gives("", (0, 0, 0), &["a{T} stale"]);
    let mut ignored = Scrapes::of(Job {
        times: TimesOf::Scrape,
        ..job()
    });
    ignored.gives("a 1 5000\n", (1, 1, 1), &["a{T} 1"]);
}

#[test]
fn labels_that_clash_are_renamed_or_honoured() {
    let body = "a{job=\"x\",exported_job=\"y\",instance=\"\"} 1\n";
    let mut target = Scrapes::of(job());
    target.gives(
        body,
        (1, 1, 1),
        &[r#"a{exported_exported_job="x",exported_job="y",T} 1"#],
    );
    let mut honest = Scrapes::of(Job {
        labels: LabelsOf::Series,
        ..job()
    });
    honest.gives(body, (1, 1, 1), &[r#"a{exported_job="y",job="x"} 1"#]);
}

#[test]
fn series_are_relabelled_once_and_dropped_ones_stay_dropped() {
    let mut target = Scrapes::of(Job {
        metric_relabel: vec![
            rule(Action::Drop, "__name__", "go_.*"),
            Rule::new(RuleText {
                regex: Some("pod".to_owned()),
                action: Some(Action::LabelDrop),
                ..RuleText::default()
            })
            .unwrap(),
        ],
        ..job()
    });
    for added in [1, 0, 0] {
        target.gives(
            "go_x 1\na{pod=\"1\"} 2\ngo_y 3\n",
            (3, 1, added),
            &["a{T} 2"],
        );
    }
}

#[test]
fn limits_fail_the_scrape_as_a_whole_and_say_which() {
    let limited = |limits: ScrapeLimits| Scrapes::of(Job { limits, ..job() });
    let none = ScrapeLimits::default();
    let mut samples = limited(ScrapeLimits { samples: 2, ..none });
    samples.gives("a 1\nb 1\n", (2, 2, 2), &["a{T} 1", "b{T} 1"]);
    samples.fails(
        "a 1\nb 1\nc 1\n",
        "sample_limit",
        &["a{T} stale", "b{T} stale"],
    );
    let mut labels = limited(ScrapeLimits { labels: 4, ..none });
    labels.fails(
        "a{x=\"1\",y=\"2\"} 1\n",
        "label_limit exceeded: 5 labels of 4",
        &[],
    );
    let mut names = limited(ScrapeLimits {
        name_bytes: 8,
        ..none
    });
    names.fails(
        "a{ninechars=\"1\"} 1\n",
        "label_name_length_limit exceeded by",
        &[],
    );
    let mut values = limited(ScrapeLimits {
        value_bytes: 4,
        ..none
    });
    values.fails(
        "a{x=\"12345\"} 1\n",
        "label_value_length_limit exceeded by `x`",
        &[],
    );
}

#[test]
fn a_label_set_that_cannot_be_kept_costs_itself_alone() {
    let mut target = Scrapes::of(job());
    let body = format!("a{{x=\"{}\"}} 1\nb 2\n", "y".repeat(5_000));
    for _ in 0..2 {
        let (swept, rows) = target.take(&body);
        assert_eq!(
            (swept.unwrap().refused, rows),
            (1, vec!["b{T} 2".to_owned()])
        );
    }
}

/// A target whose every series is new at every scrape.
#[test]
fn what_is_gone_is_forgotten_in_the_end() {
    let mut target = Scrapes::of(job());
    for round in 0..20 {
        let body: String = (0..400)
            .map(|i| format!("a{{x=\"{round}-{i}\"}} 1\nb{i} 1\n"))
            .collect();
        let (swept, rows) = target.take(&body);
        assert_eq!(swept.unwrap().kept, 800);
        let stale = rows.iter().filter(|row| row.ends_with("stale")).count();
        assert_eq!(stale, if round == 0 { 0 } else { 400 });
        assert!(target.cache.len() < 3_000, "{}", target.cache.len());
    }
}

fn found(job: &Job, address: &str, labels: &[(&str, &str)]) -> Result<Box<Target>, String> {
    let labels = labels
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    let group = crate::scrape::settings::Group {
        targets: vec![address.to_owned()],
        labels: labels.collect(),
    };
    match targets(job, &group).remove(0) {
        Found::Target(target) => Ok(target),
        Found::Dropped(_) => Err("dropped".to_owned()),
        Found::Invalid(reason) => Err(reason),
    }
}

#[test]
fn addresses_become_targets_as_in_prometheus() {
    let params = vec![("module".to_owned(), vec!["a b".to_owned(), "c".to_owned()])];
    let job = Job { params, ..job() };
    let target = found(&job, "db1", &[("env", "p"), ("__meta_x", "y")]).unwrap();
    assert_eq!(target.url, "http://db1:80/metrics?module=a+b&module=c");
    assert_eq!(
        target.labels.to_string(),
        r#"{env="p",instance="db1:80",job="api"}"#
    );
    let moved = [
        ("__metrics_path__", "probe"),
        ("__param_module", "z"),
        ("__param_target", "t"),
        ("__scheme__", "https"),
        ("__scrape_interval__", "30s"),
        ("job", "other"),
        ("instance", "i"),
    ];
    let target = found(&job, "[::1]", &moved).unwrap();
    assert_eq!(
        target.url,
        "https://[::1]:443/probe?module=z&module=c&target=t"
    );
    assert_eq!(target.labels.to_string(), r#"{instance="i",job="other"}"#);
    assert_eq!(target.interval.as_secs(), 30);
    for (address, labels, reason) in [
        ("", &[][..], "no address"),
        ("http://x:1", &[], "host:port"),
        ("::1", &[], "brackets"),
        (
            "x",
            &[("__scrape_interval__", "1s")],
            "longer than the scrape interval",
        ),
        ("x", &[("__scrape_timeout__", "never")], "no duration"),
        ("x", &[("__scheme__", "ftp")], "use http or https"),
    ] {
        let error = found(&job, address, labels).unwrap_err();
        assert!(error.contains(reason), "{address}: {error}");
    }
    let dropping = Job {
        relabel: vec![rule(Action::Drop, "__address__", "db.*")],
        ..job
    };
    assert_eq!(found(&dropping, "db1", &[]).unwrap_err(), "dropped");
}

#[test]
fn targets_have_places_of_their_own_in_the_interval() {
    let job = job();
    let now = Timestamp::from_secs(1_000_000);
    let offsets: Vec<i64> = (0..100)
        .map(|i| {
            let target = found(&job, &format!("h{i}:1"), &[]).unwrap();
            let next = target.next(now, 7);
            assert!(next > now && next.since(now) <= job.interval);
            assert_eq!(
                target.next(next, 7),
                next + job.interval,
                "it keeps its place"
            );
            next.as_nanos() % 10_000_000_000
        })
        .collect();
    let early = offsets
        .iter()
        .filter(|offset| **offset < 5_000_000_000)
        .count();
    assert!((25..75).contains(&early), "{early}");
}
