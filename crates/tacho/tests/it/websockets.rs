//! `WebSocket`s of a real service: as many connections, messages and failures as its clients had.

use crate::support::python::{file, interpreter, output};
use crate::support::{Home, QUIET};

#[test]
fn w1_websockets_of_a_real_service() {
    let (connections, messages, crashes) = (40, 25, 3);
    let Some(mut command) = interpreter() else {
        return;
    };
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let args = [connections, messages, crashes].map(|number: u32| number.to_string());
    command.arg(file("websocket_service.py")).args(args);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", server.url());
    output(command);
    let body = server.query("/api/performance/websockets", &[("window", "5m")]);
    let all = body["websockets"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{all:#?}");
    let one = &all[0];
    assert_eq!(
        (&one["service"], &one["route"]),
        (&"chat".into(), &"/rooms/{room}".into())
    );
    let figures = ["received", "sent", "errors", "active"].map(|name| one[name].as_u64());
    let said = u64::from(connections * messages);
    let crashed = u64::from(crashes);
    assert_eq!(
        figures,
        [Some(said + crashed), Some(said), Some(crashed), Some(0)],
        "{one:#}"
    );
    let opened = &one["connections"]["stats"];
    assert_eq!(opened["count"], connections, "{one:#}");
}
