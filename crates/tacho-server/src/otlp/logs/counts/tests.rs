use std::borrow::Cow;
use std::sync::Arc;

use tacho_model::Matcher;
use tacho_store::Store;
use tacho_wire::otlp::json::Kind;

use super::*;
use crate::otlp;
use crate::settings::Settings;

fn app(dir: &std::path::Path) -> App {
    let settings = Settings::default();
    let store = Store::open(dir, settings.storage.options.clone()).unwrap();
    App::new(settings, Arc::new(store), Timestamp::now())
}

/// Records of these severities, of one service.
fn counted(severities: &[Severity]) -> Counted {
    let text = |name, value| Attribute {
        name,
        value: AttributeValue::Text(Cow::Borrowed(value)),
    };
    let resource = [
        text("service.namespace", "shop"),
        text("service.instance.id", "7"),
    ];
    let mut counted = Counted::default();
    for severity in severities {
        counted.add(&LogRecord {
            time: Timestamp::now(),
            severity: *severity,
            event_name: "",
            service: "cart",
            body: "",
            trace_id: 0,
            span_id: 0,
            attributes: &[],
            resource: &resource,
        });
    }
    counted
}

/// All series and their newest values.
fn totals(app: &App) -> Vec<(String, f64)> {
    let matchers = [Matcher::equal(METRIC_NAME, NAME)];
    let selection = app.store.select(&matchers, TimeRange::ALL).unwrap();
    let total = |index| {
        let mut columns = Columns::new();
        selection.read(index, &mut columns).unwrap();
        (
            selection.labels(index).to_string(),
            *columns.values.last().unwrap(),
        )
    };
    (0..selection.len()).map(total).collect()
}

#[test]
fn totals_grow_and_go_on_after_a_restart() {
    use Severity::{Error, Info};
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let app = app(dir.path());
        let append = |counted| app.log_counts.append(&app, counted).unwrap();
        append(counted(&[Info, Error, Info]));
        append(counted(&[Info]));
        append(Counted::default());
        let name = |severity| {
            format!("{NAME}{{instance=\"7\",job=\"shop/cart\",severity=\"{severity}\"}}")
        };
        let round = f64::from(round);
        assert_eq!(
            totals(&app),
            [(name("error"), round), (name("info"), 3.0 * round)]
        );
    }
}

#[test]
fn a_job_is_a_namespace_and_a_name() {
    assert!(is_job("cart", "", "cart") && is_job("shop/cart", "shop", "cart"));
    assert!(!is_job("shopcart", "shop", "cart") && !is_job("cart", "shop", "cart"));
}

#[test]
fn totals_of_a_time_ahead_are_never_written_earlier() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    // As a clock leaves it that was set back by five minutes.
    let ahead = Timestamp::now() + Duration::from_mins(5);
    let mut batch = Batch::new();
    let labels = [
        ("instance", "7"),
        ("job", "shop/cart"),
        ("severity", "info"),
    ];
    let labels = labels.into_iter().chain([(METRIC_NAME, NAME)]);
    let series = batch.series(labels).unwrap();
    batch.push(series, ahead, 40.0);
    app.door(Origin::new(Protocol::Otlp, "logs"))
        .append_uncounted(&batch)
        .unwrap();
    for _ in 0..2 {
        app.log_counts
            .append(&app, counted(&[Severity::Info]))
            .unwrap();
    }
    let selection = app.store.select(&[Matcher::metric(NAME)], TimeRange::ALL);
    let selection = selection.unwrap();
    let mut columns = Columns::new();
    selection.read(0, &mut columns).unwrap();
    assert!(columns.timestamps.iter().all(|time| *time >= ahead));
    assert_eq!(columns.values, [42.0]);
}

#[test]
fn a_request_is_known_when_it_comes_again() {
    let counts = LogCounts::default();
    let begin = |request| counts.begin(request);
    let first = begin(b"a");
    assert!(matches!(begin(b"a"), Seen::Begun));
    drop(first);
    // It failed, and comes again.
    let Seen::New(first) = begin(b"a") else {
        panic!("it is new");
    };
    first.counted();
    assert!(matches!(begin(b"a"), Seen::Counted));
    assert!(matches!(begin(b"b"), Seen::New(_)));
}

#[test]
fn a_request_that_is_being_worked_on_comes_again_later() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let request = otlp::Request {
        kind: Kind::Logs,
        encoding: otlp::Encoding::Protobuf,
        packing: otlp::unpack::Packing::Identity,
        body: b"",
        peer: "127.0.0.1",
        counted: otlp::CountedBy::Receiver,
    };
    let first = app.log_counts.begin(request.body);
    let second = otlp::receive(&app, request);
    assert!(matches!(second, Err(otlp::ReceiveError::Passing(_))));
    let sources = app.intake.sources();
    let reasons: Vec<&str> = sources[0].tally.refused.keys().copied().collect();
    assert_eq!(reasons, ["in_progress"]);
    drop(first);
    assert!(otlp::receive(&app, request).is_ok());
}
