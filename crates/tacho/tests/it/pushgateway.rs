//! Pushgateway's paths, as curl and `prometheus_client` use them.

use crate::support::exporter::python;
use crate::support::{Home, QUIET, Server};

fn lines(server: &Server, start: &str) -> Vec<String> {
    let body = server.get("/metrics").body;
    let lines = body.lines().filter(|line| line.starts_with(start));
    lines.map(str::to_owned).collect()
}

fn push(server: &Server, method: &str, path: &str, body: &str) -> String {
    let head = format!(
        "{method} /metrics/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    server.raw(head.as_bytes())
}

#[track_caller]
fn answers(answer: &str, status: u16, text: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer}"
    );
    assert!(answer.contains(text), "{answer}");
}

#[test]
fn w6_groups_are_pushed_replaced_and_deleted() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let both = "# TYPE a counter\na{job=\"theirs\",x=\"1\"} 1\n# TYPE h histogram\n\
        h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
    answers(&push(&server, "PUT", "job/j/instance/i", both), 200, "");
    assert_eq!(lines(&server, "a{"), [r#"a{instance="i",job="j",x="1"} 1"#]);
    assert_eq!(
        lines(&server, "h_count{"),
        [r#"h_count{instance="i",job="j"} 2"#]
    );
    let time = lines(&server, "push_time_seconds{").remove(0);
    assert!(
        time.starts_with(r#"push_time_seconds{instance="i",job="j"} 1"#),
        "{time}"
    );
    assert_eq!(
        lines(&server, "push_failure_time_seconds{"),
        [r#"push_failure_time_seconds{instance="i",job="j"} 0"#]
    );
    // POST replaces the metrics of the same name, and those alone.
    answers(&push(&server, "POST", "job/j/instance/i", "a 5\n"), 200, "");
    assert_eq!(lines(&server, "a{"), [r#"a{instance="i",job="j"} 5"#]);
    assert_eq!(lines(&server, "h_sum{").len(), 1);
    answers(
        &push(
            &server,
            "POST",
            "job/j/instance/i",
            "# TYPE h histogram\nh_sum 9\n",
        ),
        200,
        "",
    );
    assert_eq!(
        lines(&server, "h_sum{"),
        [r#"h_sum{instance="i",job="j"} 9"#]
    );
    assert!(
        lines(&server, "h_count{").is_empty(),
        "the family is replaced as a whole"
    );
    // Another group is left alone by what happens to this one.
    answers(&push(&server, "PUT", "job/j", "a 7\n"), 200, "");
    answers(&push(&server, "PUT", "job/j/instance/i", "b 1\n"), 200, "");
    assert_eq!(lines(&server, "a{"), [r#"a{job="j"} 7"#]);
    answers(&push(&server, "DELETE", "job/j/instance/i", ""), 202, "");
    answers(&push(&server, "DELETE", "job/j/instance/i", ""), 202, "");
    assert!(lines(&server, "b{").is_empty());
    assert_eq!(lines(&server, "push_time_seconds{").len(), 1);
}

#[test]
fn w6_what_is_wrong_is_refused_with_its_reason_and_changes_nothing() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    answers(&push(&server, "PUT", "job/j", "a 1\n"), 200, "");
    for (path, body, reason) in [
        ("job/j", "a 1 1520879607789\n", "has a timestamp"),
        ("job/j", "a 1\nb\n", "line 2"),
        ("job/j", "a 1\na 2\n", "given twice"),
        ("job/j", "push_time_seconds 2\n", "own"),
        ("job/", "a 1\n", "must begin with"),
        ("instance/x", "a 1\n", "must begin with"),
        ("job/j/x", "a 1\n", "no value"),
        ("job/j/__name__/b", "a 1\n", "no name"),
    ] {
        answers(&push(&server, "POST", path, body), 400, reason);
    }
    answers(&push(&server, "PATCH", "job/j", ""), 405, "");
    assert_eq!(lines(&server, "a{"), [r#"a{job="j"} 1"#]);
    let failed = lines(&server, "push_failure_time_seconds{").remove(0);
    assert!(
        failed.starts_with(r#"push_failure_time_seconds{job="j"} 1"#),
        "{failed}"
    );
}

#[test]
fn w6_what_the_store_refuses_is_told_and_no_group_is_made_of_it() {
    let home = Home::with(&format!("{QUIET}ingest: {{series_per_source_max: 5}}\n"));
    let server = home.start(&[]);
    answers(&push(&server, "PUT", "job/j", "a 1\n"), 200, "");
    let many = "b{n=\"1\"} 1\nb{n=\"2\"} 1\nb{n=\"3\"} 1\n";
    answers(&push(&server, "PUT", "job/j", many), 400, "not taken");
    assert_eq!(
        lines(&server, "a{"),
        [r#"a{job="j"} 1"#],
        "the group is as it was"
    );
}

#[test]
fn w6_groups_survive_kill_9() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    answers(
        &push(&server, "PUT", "job/j/x@base64/w6Qv", "a 1\n"),
        200,
        "",
    );
    server.kill();
    let server = home.start(&[]);
    assert_eq!(lines(&server, "a{"), [r#"a{job="j",x="ä/"} 1"#]);
    answers(&push(&server, "DELETE", "job/j/x@base64/w6Qv", ""), 202, "");
    assert!(lines(&server, "a{").is_empty());
    server.kill();
    let server = home.start(&[]);
    assert!(lines(&server, "a{").is_empty());
}

#[test]
fn w6_prometheus_client_pushes_adds_and_deletes() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let run = |what: &str, name: &str, value: &str| {
        let Some(mut command) = python("push.py") else {
            return false;
        };
        let done = command
            .args([server.address(), what, name, value])
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        true
    };
    if !run("push", "rows", "3") {
        return;
    }
    let of = r#"{instance="a/b",job="nightly",x="y"}"#;
    assert_eq!(lines(&server, "rows{"), [format!("rows{of} 3")]);
    run("add", "more", "4");
    assert_eq!(lines(&server, "rows{"), [format!("rows{of} 3")]);
    assert_eq!(lines(&server, "more{"), [format!("more{of} 4")]);
    run("push", "more", "5");
    assert!(lines(&server, "rows{").is_empty());
    run("delete", "x", "0");
    assert!(lines(&server, "more{").is_empty());
}
