//! The classes of query of the compliance suite for PromQL, on metrics such as those of its
//! demo service: literals, selectors, aggregations, operators with scalars and with matching,
//! functions over ranges and of numbers, labels, dates, histograms, sub-queries.
//!
//! A template has words in capitals, each of which stands for several: all combinations are asked.
//! Source: prometheus/compliance, `promql/promql-test-queries.yml`, whose 118 templates these cover
//! in words of our own.

use super::answer::When;
use super::data::{FIRST, SPAN, STALE, floats, half};
use super::grammar::{Kind, Query};
use super::random::Random;

/// What a word in capitals stands for.
const WORDS: [(&str, &[&str]); 16] = [
    ("RANGE", &["1s", "15s", "1m", "5m", "15m", "1h"]),
    ("AGO", &["1m", "5m", "10m"]),
    (
        "AGGREGATE",
        &["sum", "avg", "max", "min", "count", "stddev", "stdvar"],
    ),
    (
        "OVERTIME",
        &[
            "sum", "avg", "max", "min", "count", "stddev", "stdvar", "absent", "last",
        ],
    ),
    ("EXTREME", &["topk", "bottomk"]),
    (
        "LEVEL",
        &[
            "-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5",
        ],
    ),
    ("ARITHMETIC", &["+", "-", "*", "/", "%", "^"]),
    ("COMPARE", &["==", "!=", "<", ">", "<=", ">="]),
    (
        "OPERATOR",
        &[
            "+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">=",
        ],
    ),
    (
        "MATH",
        &[
            "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round",
        ],
    ),
    ("RATE", &["delta", "rate", "increase"]),
    ("INSTANT", &["idelta", "irate"]),
    ("CLAMP", &["clamp_min", "clamp_max"]),
    (
        "DATE",
        &[
            "day_of_month",
            "day_of_week",
            "days_in_month",
            "hour",
            "minute",
            "month",
            "year",
        ],
    ),
    (
        "GROUPING",
        &[
            "",
            "by ()",
            "by (instance)",
            "by (instance, type)",
            "by (none)",
            "without ()",
            "without (instance)",
            "without (instance, type)",
            "without (none)",
        ],
    ),
    (
        "LITERAL",
        &[
            "42", "1.234", ".123", "1.23e-3", "0x3d", "Inf", "+Inf", "-Inf", "NaN",
        ],
    ),
];

const TEMPLATES: [&str; 112] = [
    "LITERAL",
    "demo_memory_usage_bytes",
    "{__name__=\"demo_memory_usage_bytes\"}",
    "demo_memory_usage_bytes{type=\"free\"}",
    "demo_memory_usage_bytes{type!=\"free\"}",
    "demo_memory_usage_bytes{instance=~\"demo.example:.*\"}",
    "demo_memory_usage_bytes{instance=~\"demo\"}",
    "demo_memory_usage_bytes{instance!~\".*:10000\"}",
    "demo_memory_usage_bytes{type=\"free\", instance!=\"demo.example:10000\"}",
    "{type=\"free\", instance!=\"demo.example:10000\"}",
    "{__name__=~\".*\"}",
    "nothing_of_this_name",
    "demo_memory_usage_bytes offset AGO",
    "demo_memory_usage_bytes offset -AGO",
    "demo_intermittent_metric",
    "AGGREGATE GROUPING (demo_memory_usage_bytes)",
    "AGGREGATE(nothing_of_this_name)",
    "EXTREME (3, demo_memory_usage_bytes)",
    "EXTREME by (instance) (2, demo_memory_usage_bytes)",
    "EXTREME without (instance) (2, demo_memory_usage_bytes)",
    "EXTREME without () (2, demo_memory_usage_bytes)",
    "quantile(LEVEL, demo_memory_usage_bytes)",
    "avg(max by (type) (demo_memory_usage_bytes))",
    "1 * 2 + 4 / 6 - 10 % 2 ^ 2",
    "demo_num_cpus + (1 COMPARE bool 2)",
    "demo_memory_usage_bytes OPERATOR 1.2345",
    "demo_memory_usage_bytes COMPARE bool 1.2345",
    "1.2345 COMPARE bool demo_memory_usage_bytes",
    "0.12345 OPERATOR demo_memory_usage_bytes",
    "(1 * 2 + 4 / 6 - (10 % 7) ^ 2) OPERATOR demo_memory_usage_bytes",
    "demo_memory_usage_bytes OPERATOR (1 * 2 + 4 / 6 - 10)",
    "timestamp(demo_memory_usage_bytes * 1)",
    "timestamp(-demo_memory_usage_bytes)",
    "demo_memory_usage_bytes OPERATOR on (instance, job, type) demo_memory_usage_bytes",
    "sum by (instance, type) (demo_memory_usage_bytes) OPERATOR on (instance, type) group_left (job) demo_memory_usage_bytes",
    "demo_memory_usage_bytes COMPARE bool on (instance, job, type) demo_memory_usage_bytes",
    "demo_memory_usage_bytes / on (instance, job, type, __name__) demo_memory_usage_bytes",
    "sum without (job) (demo_memory_usage_bytes) / on (instance, type) demo_memory_usage_bytes",
    "sum without (job) (demo_memory_usage_bytes) / on (instance, type) group_left demo_memory_usage_bytes",
    "sum without (job) (demo_memory_usage_bytes) / on (instance, type) group_left (job) demo_memory_usage_bytes",
    "demo_memory_usage_bytes / on (instance, job) group_left demo_num_cpus",
    "demo_memory_usage_bytes / on (instance, type, job, none) demo_memory_usage_bytes",
    "demo_memory_usage_bytes / on (instance) demo_num_cpus",
    "demo_memory_usage_bytes * on (job) demo_memory_usage_bytes",
    "demo_num_cpus * Inf",
    "demo_num_cpus * -Inf",
    "demo_num_cpus * NaN",
    "demo_memory_usage_bytes + -(1)",
    "-demo_memory_usage_bytes",
    "-1 ^ 2",
    "1 ARITHMETIC time()",
    "time() ARITHMETIC 1",
    "time() COMPARE bool 1",
    "1 COMPARE bool time()",
    "time() ARITHMETIC time()",
    "time() COMPARE bool time()",
    "time() OPERATOR demo_memory_usage_bytes",
    "demo_memory_usage_bytes OPERATOR time()",
    "OVERTIME_over_time(demo_memory_usage_bytes[RANGE])",
    "quantile_over_time(LEVEL, demo_memory_usage_bytes[RANGE])",
    "timestamp(demo_num_cpus)",
    "timestamp(timestamp(demo_num_cpus))",
    "MATH(demo_memory_usage_bytes)",
    "MATH(-demo_memory_usage_bytes)",
    "RATE(nothing_of_this_name[5m])",
    "RATE(demo_cpu_usage_seconds_total[RANGE])",
    "deriv(demo_disk_usage_bytes[RANGE])",
    "predict_linear(demo_disk_usage_bytes[RANGE], 600)",
    "time()",
    "label_replace(demo_num_cpus, \"job\", \"to-$1\", \"instance\", \"demo.example:(.*)\")",
    "label_replace(demo_num_cpus, \"job\", \"to-$1\", \"instance\", \"example:(.*)\")",
    "label_replace(demo_num_cpus, \"job\", \"$1-$2\", \"instance\", \"demo(.*):(.*)\")",
    "label_replace(demo_num_cpus, \"job\", \"value-$1\", \"none\", \"some(.*)\")",
    "label_replace(demo_num_cpus, \"job\", \"value-$1\", \"none\", \"(.*)\")",
    "label_replace(demo_num_cpus, \"job\", \"value-$1\", \"instance\", \"no match\")",
    "label_replace(demo_num_cpus, \"job\", \"\", \"to\", \".*\")",
    "label_replace(demo_num_cpus, \"job\", \"value-$1\", \"from\", \"(.*\")",
    "label_replace(demo_num_cpus, \"\\xff\", \"\", \"from\", \"(.*)\")",
    "label_replace(demo_num_cpus, \"instance\", \"\", \"\", \"\")",
    "label_join(demo_num_cpus, \"both\", \"-\", \"instance\", \"job\")",
    "label_join(demo_num_cpus, \"job\", \"-\", \"instance\", \"job\")",
    "label_join(demo_num_cpus, \"job\", \"-\", \"instance\")",
    "label_join(demo_num_cpus, \"\\xff\", \"-\", \"instance\")",
    "DATE()",
    "DATE(demo_batch_last_success_timestamp_seconds offset AGO)",
    "INSTANT(demo_cpu_usage_seconds_total[RANGE])",
    "CLAMP(demo_memory_usage_bytes, 2)",
    "clamp(demo_memory_usage_bytes, 0, 1)",
    "clamp(demo_memory_usage_bytes, 0, 1e12)",
    "clamp(demo_memory_usage_bytes, 1e12, 0)",
    "clamp(demo_memory_usage_bytes, 1e12, 1e12)",
    "resets(demo_cpu_usage_seconds_total[RANGE])",
    "changes(demo_batch_last_success_timestamp_seconds[RANGE])",
    "vector(1.23)",
    "vector(time())",
    "histogram_quantile(LEVEL, rate(demo_api_request_duration_seconds_bucket[1m]))",
    "histogram_quantile(0.9, nothing_of_this_name)",
    "histogram_quantile(0.9, demo_memory_usage_bytes)",
    "histogram_quantile(0.9, {__name__=~\"demo_api_request_duration_seconds_.+\"})",
    "count_values(\"value\", demo_api_request_duration_seconds_bucket)",
    "absent(demo_memory_usage_bytes)",
    "absent(nothing_of_this_name)",
    "max_over_time((time() - max(demo_batch_last_success_timestamp_seconds) < 1000)[5m:10s] offset 5m)",
    "avg_over_time(rate(demo_cpu_usage_seconds_total[1m])[2m:10s])",
    // Beyond the suite: what it leaves out of the same classes.
    "absent(demo_num_cpus{job=\"none\", type=~\"a|b\"})",
    "demo_num_cpus @ end() offset AGO",
    "sort_desc(demo_memory_usage_bytes)",
    "scalar(demo_num_cpus{instance=\"demo.example:10000\"}) ARITHMETIC demo_num_cpus",
    "demo_memory_usage_bytes and on (instance) (demo_num_cpus > 3)",
    "demo_memory_usage_bytes unless ignoring (type) demo_num_cpus",
    "demo_num_cpus or demo_disk_usage_bytes",
    "present_over_time(demo_intermittent_metric[RANGE])",
];

/// All queries of the templates.
pub(crate) fn queries() -> Vec<Query> {
    let leaf = |text: String| Query::leaf(Kind::Floats, "template", text);
    TEMPLATES
        .iter()
        .flat_map(|template| expanded(template))
        .map(leaf)
        .collect()
}

/// The template with every combination of its words.
fn expanded(template: &str) -> Vec<String> {
    let word = WORDS.iter().find(|(word, _)| template.contains(word));
    let Some((word, values)) = word else {
        return vec![template.to_owned()];
    };
    let replaced = values.iter().map(|value| template.replace(word, value));
    replaced.flat_map(|template| expanded(&template)).collect()
}

/// In the middle, where every range is full, and as data ends.
pub(crate) fn times() -> [When; 3] {
    let range = |start, end| When::Over {
        start: half(FIRST + start),
        end: half(FIRST + end),
        step: 10_000,
    };
    [
        When::At(half(FIRST + 1_500)),
        range(900, 1_200),
        range(SPAN - 100, SPAN + 400),
    ]
}

/// The metrics that the templates ask for.
pub(crate) fn body() -> Vec<u8> {
    let mut random = Random::new(0);
    let mut all = Vec::new();
    for (index, instance) in [
        "demo.example:10000",
        "demo.example:10001",
        "demo.example:10002",
    ]
    .into_iter()
    .enumerate()
    {
        let labels = [("instance", instance), ("job", "demo")];
        let index = index as i64;
        let mut put =
            |name: &str,
             more: &[(&str, &str)],
             value: &mut dyn FnMut(i64, &mut Random) -> Option<f64>| {
                all.extend(floats(name, &[&labels, more].concat(), &mut random, value));
            };
        put("demo_num_cpus", &[], &mut |_, _| Some((index + 2) as f64));
        put("demo_disk_usage_bytes", &[], &mut |n, r| {
            Some((1_000_000 * index + 512 * n + r.within(0, 99)) as f64)
        });
        put(
            "demo_batch_last_success_timestamp_seconds",
            &[],
            &mut |n, _| Some((FIRST + n / 6 * 60 - 7 * index) as f64),
        );
        put("demo_intermittent_metric", &[], &mut |n, _| match n % 24 {
            0..12 => Some(n as f64),
            12 => Some(f64::from_bits(STALE)),
            _ => None,
        });
        for (number, kind) in ["buffers", "cached", "free", "used"]
            .into_iter()
            .enumerate()
        {
            let base = 3_000_000 * index + 500_000 * number as i64;
            put("demo_memory_usage_bytes", &[("type", kind)], &mut |_, r| {
                Some((base + r.within(0, 400_000)) as f64)
            });
        }
        for mode in ["idle", "system", "user"] {
            let mut value = 100_000;
            put(
                "demo_cpu_usage_seconds_total",
                &[("mode", mode)],
                &mut |n, r| {
                    value = if n == 130 { 0 } else { value + r.within(0, 80) };
                    Some(value as f64 / 8.0)
                },
            );
        }
        for (le, share) in [("0.1", 3), ("0.5", 5), ("1", 7), ("+Inf", 8)] {
            put(
                "demo_api_request_duration_seconds_bucket",
                &[("le", le)],
                &mut |n, _| Some((share * (9_000 + n * (index + 1))) as f64),
            );
        }
        put(
            "demo_api_request_duration_seconds_count",
            &[],
            &mut |n, _| Some((8 * (9_000 + n * (index + 1))) as f64),
        );
        put("demo_api_request_duration_seconds_sum", &[], &mut |n, _| {
            Some((5 * (9_000 + n * (index + 1))) as f64)
        });
    }
    all
}
