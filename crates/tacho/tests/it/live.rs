//! The WebSocket: what a page sees.

use std::collections::HashMap;
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};
use tacho_model::Timestamp;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{Message, WebSocket};

use crate::support::{Home, PATIENCE, Server, assert_keys, now};

struct Live(WebSocket<TcpStream>);

impl Live {
    fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = format!("ws://{}/ws", server.address())
            .into_client_request()
            .unwrap();
        let origin = server.url().parse().unwrap();
        request.headers_mut().insert("origin", origin);
        let (socket, _) = tungstenite::client(request, stream).unwrap();
        let mut live = Self(socket);
        let hello = live.next();
        assert_eq!(hello["type"], "hello");
        assert_keys(&hello, "version interval time");
        live
    }

    fn say(&mut self, message: &Value) {
        self.say_text(&message.to_string());
    }

    fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next message that fits; others are passed over.
    fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let message = self.next();
            if fits(&message) {
                return message;
            }
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        }
    }

    fn error(&mut self, id: &str) -> String {
        let message = self.until("an error", |m| m["type"] == "error" && m["id"] == id);
        message["detail"].as_str().unwrap().to_owned()
    }
}

/// Times of all points of a message, by series.
fn times(message: &Value) -> HashMap<String, Vec<f64>> {
    let series = message["series"].as_array().unwrap();
    let of = |one: &Value| {
        let points = one["points"].as_array().unwrap().iter();
        let key = format!("{}{}", one["name"], one["labels"]);
        (key, points.map(|p| p[0].as_f64().unwrap()).collect())
    };
    series.iter().map(of).collect()
}

#[test]
fn k3_series_grow_live_without_repeating_a_point() {
    let home = Home::new();
    let server = home.start(&["--interval", "200ms"]);
    let mut live = Live::connect(&server);
    live.say(&json!({"type": "subscribe", "id": "cpu", "query": {
        "match": "node_cpu_seconds_total", "agg": "rate", "by": ["mode"], "window": "1m",
        "step": "200ms"}}));
    let mut newest: HashMap<String, f64> = HashMap::new();
    let first = live.until("the window", |m| m["id"] == "cpu");
    assert_eq!(first["type"], "data");
    let mut appended = 0;
    let mut message = first;
    while appended < 8 {
        for (series, times) in times(&message) {
            for time in times {
                let before = newest.insert(series.clone(), time);
                assert!(
                    before.is_none_or(|before| before < time),
                    "{series}: {before:?}, {time}"
                );
                assert!(time <= now() + 0.2, "{time} is yet to come");
            }
        }
        message = live.until("more", |m| m["id"] == "cpu");
        assert_eq!(message["type"], "append", "{message}");
        for one in message["series"].as_array().unwrap() {
            assert_keys(one, "name labels kind unit points");
        }
        appended += 1;
    }
    assert!(
        newest.keys().any(|series| series.contains("idle")),
        "{newest:?}"
    );
    // Told to stop, it stops: what still comes is of the other subscription.
    live.say(&json!({"type": "subscribe", "id": "other", "query": {"match": "node_load1", "step": "200ms"}}));
    live.until("the other", |m| m["id"] == "other" && m["type"] == "data");
    live.say(&json!({"type": "unsubscribe", "id": "cpu"}));
    live.say(&json!({"type": "subscribe", "id": "mark", "query": {"match": "node_load5", "step": "200ms"}}));
    live.until("what was asked after", |m| m["id"] == "mark");
    for _ in 0..6 {
        assert_ne!(live.next()["id"], "cpu");
    }
}

#[test]
fn k3_the_summary_comes_at_each_interval() {
    let home = Home::new();
    let server = home.start(&["--interval", "200ms"]);
    let mut live = Live::connect(&server);
    live.say(&json!({"type": "subscribe", "id": "d", "dashboard": {"window": "5m"}}));
    let mut times = Vec::new();
    for _ in 0..4 {
        let message = live.until("a summary", |m| m["type"] == "dashboard");
        assert_eq!(message["id"], "d");
        assert_keys(
            &message["body"],
            "schema time host state tiles alerts findings top self",
        );
        let time = message["body"]["time"].as_str().unwrap();
        times.push(Timestamp::parse(time).unwrap());
    }
    assert!(
        times.windows(2).skip(1).all(|pair| pair[0] < pair[1]),
        "{times:?}"
    );
}

#[test]
fn k3_bad_subscriptions_are_answered_and_the_connection_goes_on() {
    let home = Home::with(crate::support::QUIET);
    let server = home.start(&[]);
    let mut live = Live::connect(&server);
    live.say_text("{");
    assert!(live.error("").contains("not understood"));
    live.say(&json!({"type": "subscrib", "id": "x"}));
    assert!(live.error("").contains("not understood"));
    for (query, says) in [
        (json!({"match": "a{"}), "a{"),
        (json!({"match": "a", "agg": "mean"}), "is no function"),
        (json!({"match": "a", "step": "0"}), "step of zero"),
        (json!({"match": "a", "window": "soon"}), "soon"),
    ] {
        live.say(&json!({"type": "subscribe", "id": "bad", "query": query}));
        let detail = live.error("bad");
        assert!(detail.contains(says), "no `{says}` in: {detail}");
    }
    live.say(&json!({"type": "subscribe", "id": "none"}));
    assert!(live.error("none").contains("`query` or `dashboard`"));
    // Far too many points: answered, and again nothing ends.
    live.say(&json!({"type": "subscribe", "id": "wide", "query": {"match": "a", "window": "1h", "step": "1ms"}}));
    assert!(live.error("wide").contains("widen"));
    live.say(&json!({"type": "unsubscribe", "id": "wide"}));
    for i in 0..64 {
        live.say(&json!({"type": "subscribe", "id": format!("s{i}"), "query": {"match": "a"}}));
    }
    live.say(&json!({"type": "subscribe", "id": "s64", "query": {"match": "a"}}));
    assert!(live.error("s64").contains("at most 64"));
    // One that is there already may be changed, and one that goes makes room.
    live.say(&json!({"type": "unsubscribe", "id": "s0"}));
    live.say(&json!({"type": "subscribe", "id": "s64", "query": {"match": "a"}}));
    let message = live.until("the newcomer", |m| m["id"] == "s64");
    assert_eq!(message["type"], "data", "{message}");
}

#[test]
fn k3_a_live_connection_does_not_keep_the_server_from_stopping() {
    let home = Home::with(crate::support::QUIET);
    let server = home.start(&[]);
    let mut live = Live::connect(&server);
    let start = Instant::now();
    assert!(server.stop().success());
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    assert!(matches!(live.0.read(), Ok(Message::Close(_)) | Err(_)));
}
