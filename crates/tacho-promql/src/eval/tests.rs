//! What bounds an evaluation, and what does not change it. What expressions answer is said by the
//! scripts in `tests/promql`.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tacho_model::{Labels, QueryError, Timestamp};

use crate::testing::Memory;
use crate::{
    Answer, Error, Features, Limits, NameRemoval, Options, Steps, Unwatched, Value, Watch, parse,
};

/// `series` counters `m_total{i}`, one sample every ten seconds, `samples` of them.
fn memory(series: usize, samples: i64) -> Memory {
    let mut memory = Memory::default();
    for index in 0..series {
        let (job, index_text) = (format!("j{}", index % 3), index.to_string());
        let pairs = [("__name__", "m_total"), ("i", &*index_text), ("job", &*job)];
        let labels = Labels::new(pairs).unwrap();
        for sample in 0..samples {
            let value = (sample * (index as i64 + 1)) as f64;
            memory.push(&labels, Timestamp::from_secs(sample * 10), value);
        }
    }
    memory
}

fn asked(query: &str, memory: &Memory, options: &Options) -> Result<Answer, Error> {
    asked_watched(query, memory, options, &Unwatched)
}

fn asked_watched(
    query: &str,
    memory: &Memory,
    options: &Options,
    watch: &dyn Watch,
) -> Result<Answer, Error> {
    let (start, end) = (Timestamp::from_secs(300), Timestamp::from_secs(900));
    let steps = Steps::new(start, end, Duration::from_secs(15))?;
    parse(query, Features::Experimental)?.range(memory, steps, options, watch)
}

fn is_too_much(answer: &Result<Answer, Error>, of: &str) -> bool {
    matches!(answer, Err(Error::Query(QueryError::TooMuch { what, .. })) if what.contains(of))
}

#[test]
fn samples_bytes_and_steps_are_bounded() {
    let memory = memory(10, 100);
    let with = |limits| Options {
        limits,
        ..Options::default()
    };
    let samples = with(Limits {
        samples_max: 500,
        ..Limits::default()
    });
    assert!(is_too_much(
        &asked("sum(m_total)", &memory, &samples),
        "samples"
    ));
    assert!(asked("sum(m_total{i=\"1\"})", &memory, &samples).is_ok());
    let bytes = with(Limits {
        memory_bytes_max: 10_000,
        ..Limits::default()
    });
    for query in [
        "m_total",
        "m_total + m_total",
        "rate(m_total[1m])",
        "sum_over_time(m_total[1m:1s])",
        "absent(nothing)[1000y:1ms]",
        "vector(1)[99999d:1ms]",
        "max_over_time(vector(1)[99999d:1ms])",
    ] {
        let answer = asked(query, &memory, &bytes);
        assert!(answer.is_err(), "{query}");
    }
    assert!(asked("m_total{i=\"1\"}", &memory, &bytes).is_ok());
    let points = with(Limits {
        points_max: 39,
        ..Limits::default()
    });
    assert!(matches!(asked("1", &memory, &points), Err(Error::Steps(_))));
}

#[test]
fn what_has_no_value_at_a_step_has_no_range() {
    let memory = memory(1, 10);
    for (query, found) in [("m_total[5m]", "range vector"), ("\"a\"", "string")] {
        let answer = asked(query, &memory, &Options::default());
        let error = answer.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("invalid expression type {found:?}")),
            "{error}"
        );
    }
}

/// Gives up when asked for the `patience`-th time.
struct Impatient {
    asked: AtomicUsize,
    patience: usize,
}

impl Watch for Impatient {
    fn check(&self) -> Result<(), QueryError> {
        if self.asked.fetch_add(1, Relaxed) >= self.patience {
            return Err(QueryError::Cancelled);
        }
        Ok(())
    }
}

#[test]
fn a_cancelled_query_ends_within_a_series() {
    let memory = memory(20, 100);
    for threads in [1, 3] {
        let threads = NonZero::new(threads).unwrap();
        let options = Options {
            threads,
            ..Options::default()
        };
        for patience in [0, 1, 5, 15] {
            let watch = Impatient {
                asked: AtomicUsize::new(0),
                patience,
            };
            let answer = asked_watched("sum(rate(m_total[1m]))", &memory, &options, &watch);
            let cancelled = matches!(answer, Err(Error::Query(QueryError::Cancelled)));
            assert!(cancelled, "{patience} on {threads}");
            assert!(watch.asked.load(Relaxed) <= patience + 2 * threads.get() + 1);
        }
    }
}

#[test]
fn any_number_of_threads_answers_the_same() {
    let memory = memory(50, 100);
    for query in [
        "m_total",
        "rate(m_total[2m])",
        "topk(3, m_total)",
        "sum by (job) (rate(m_total[1m]))",
        "m_total / on (i) group_left m_total",
        "max_over_time(rate(m_total[1m])[5m:30s])",
    ] {
        let on = |threads| {
            let threads = NonZero::new(threads).unwrap();
            let options = Options {
                threads,
                ..Options::default()
            };
            asked(query, &memory, &options).unwrap().value
        };
        let alone = on(1);
        assert!(
            !matches!(&alone, Value::Matrix(series) if series.is_empty()),
            "{query}"
        );
        assert_eq!(on(4), alone, "{query}");
    }
}

#[test]
fn what_was_touched_is_counted() {
    let memory = memory(10, 100);
    let answer = asked("rate(m_total[1m]) + m_total", &memory, &Options::default()).unwrap();
    assert_eq!(answer.stats.series, 20);
    // Of both: from a minute, or five, before the first step until the last.
    assert_eq!(answer.stats.samples, 10 * (66 + 90));
    let columns = 20 * 41 * 8;
    assert!(answer.stats.peak_bytes >= columns && answer.stats.peak_bytes < 6 * columns);
}

#[test]
fn long_chains_need_no_more_stack_than_there_is() {
    let memory = memory(1, 100);
    let options = Options::default();
    let chain = format!("m_total{}", " + m_total".repeat(1_500));
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let answer = std::thread::scope(|scope| {
        let asked = || asked(&chain, &memory, &options).map(|answer| answer.value);
        small.spawn_scoped(scope, asked).unwrap().join().unwrap()
    });
    let Ok(Value::Matrix(series)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(series[0].floats[0].1, 30.0 * 1_501.0);
}

#[test]
fn names_go_at_once_or_at_the_end() {
    let mut memory = memory(1, 100);
    let other = Labels::new([("__name__", "n_total"), ("i", "0"), ("job", "j0")]).unwrap();
    for second in (0..1_000).step_by(10) {
        memory.push(&other, Timestamp::from_secs(second), second as f64);
    }
    let by_name = "sum by (__name__) (rate({__name__=~\"._total\"}[1m]))";
    let ask = |query: &str, name_removal| {
        asked(
            query,
            &memory,
            &Options {
                name_removal,
                ..Options::default()
            },
        )
    };
    assert!(
        ask(by_name, NameRemoval::Immediate).is_err(),
        "two series become one"
    );
    assert!(
        ask(by_name, NameRemoval::Delayed).is_err(),
        "two groups become one"
    );
    let kept =
        "label_replace(rate({__name__=~\"._total\"}[1m]), \"n\", \"$1\", \"__name__\", \"(.*)\")";
    assert!(ask(kept, NameRemoval::Immediate).is_err());
    let Ok(Value::Matrix(series)) = ask(kept, NameRemoval::Delayed).map(|answer| answer.value)
    else {
        panic!("told apart by the new label");
    };
    assert_eq!(series.len(), 2);
    assert_eq!(
        series[0].labels.to_string(),
        r#"{i="0",job="j0",n="m_total"}"#
    );
}

#[test]
fn the_ends_of_time_do_no_harm() {
    let memory = memory(2, 50);
    let options = Options::default();
    let ends = [Timestamp::MIN, Timestamp::MAX, Timestamp::from_nanos(-1)];
    for query in [
        "m_total",
        "rate(m_total[5m] offset 290y)",
        "rate(m_total[5m] offset -290y)",
        "m_total @ 1e15",
        "m_total @ -1e15",
        "sum_over_time(m_total[290y])",
        "sum_over_time(m_total[2m:1m] @ 9e15)",
        "timestamp(m_total offset -200y)",
        "year()",
        "predict_linear(m_total[1h], 1e300)",
    ] {
        for at in ends {
            let parsed = parse(query, Features::Stable).unwrap();
            // Whatever it says, it says something.
            let _ = parsed.instant(&memory, at, &options, &Unwatched);
        }
    }
}

/// Pieces of queries, put together at random.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "m_total",
        "{i=\"1\"}",
        "[1m]",
        "[5m:1m]",
        "(",
        ")",
        " + ",
        " - ",
        "-",
        " ^ ",
        "1",
        "NaN",
        "Inf",
        "1e300",
        "rate(",
        "sum(",
        "sum by (job) (",
        "topk(",
        ",",
        "\"a\"",
        " offset 1m",
        " @ 5",
        " @ end()",
        " and ",
        " or ",
        " on (job) ",
        " group_left ",
        " == ",
        " == bool ",
        "histogram_quantile(",
        "label_replace(",
        "abs(",
        "time()",
        "{",
        "}",
        "[",
        "]",
        "'",
        "\\",
        " # ",
        "\n",
        "é",
        "quantile(",
        "0.5",
        "count_values(",
        "holt",
        "max_over_time(",
        "1y",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Nothing that can be written panics, and what fails to parse says where.
    #[test]
    fn whatever_is_written_gets_an_answer(query in hostile()) {
        let memory = memory(3, 40);
        let started = Instant::now();
        let answer = asked(&query, &memory, &Options::default());
        if let Err(Error::Parse { position, .. }) = answer {
                prop_assert!(position.offset <= query.len());
                prop_assert!(position.line >= 1 && position.column >= 1);
            }
        prop_assert!(started.elapsed() < Duration::from_secs(20));
    }

    /// Neither does anything else.
    #[test]
    fn arbitrary_text_is_parsed_or_refused(query in "\\PC{0,60}") {
        let _ = parse(&query, Features::Experimental);
    }
}
