//! Commands and URLs of a user's own, and this host's processes.

use std::process::{Child, Command};

use super::{collecting, problems, value};
use crate::support::exporter::Exporter;
use crate::support::{Home, eventually};

#[test]
fn k3_a_command_is_collected_whatever_it_prints() {
    let home = Home::new();
    home.write(
        "says",
        "# TYPE depth gauge\ndepth{queue=\"a\"} 3\ndepth{queue=\"b\"} 4\n",
    );
    home.write("token", "s3cret\n");
    let usual = "interval: 300ms, timeout: 300ms";
    let server = collecting(
        &home,
        &format!(
            "custom: [\n\
             {{name: text, command: [cat, says], {usual}, labels: {{team: x}}}},\n\
             {{name: json, shell: 'echo \"{{\\\"pool\\\": {{\\\"idle\\\": 2, \\\"ok\\\": true}}}}\"', {usual}}},\n\
             {{name: secret, shell: 'echo key_bytes $(printf %s $KEY | wc -c)', {usual}, \
             env_files: {{KEY: token}}}},\n\
             {{name: endless, command: [sleep, '600'], {usual}}},\n\
             {{name: much, shell: 'head -c 100000000 /dev/zero', interval: 2s}},\n\
             {{name: noise, shell: 'head -c 5000 /dev/urandom', {usual}}},\n\
             {{name: fails, shell: 'echo no such queue >&2; exit 3', {usual}}},\n\
             {{name: missing, command: [/nowhere/queue], {usual}}}]"
        ),
    );
    let at = |series: &str| value(&server, series);
    let depth = r#"depth{queue="a",job="text",team="x"}"#;
    eventually("its text", || (at(depth)? == 3.0).then_some(()));
    eventually("its JSON", || {
        (at(r#"pool_idle{job="json"}"#)? == 2.0).then_some(())
    });
    assert_eq!(at(r#"pool_ok{job="json"}"#), Some(1.0));
    eventually("a secret's length", || {
        (at("key_bytes")? == 6.0).then_some(())
    });
    for name in ["endless", "much", "noise", "fails", "missing"] {
        let up = format!(r#"up{{job="{name}"}}"#);
        eventually(name, || (at(&up)? == 0.0).then_some(()));
    }
    let said = problems(&server, "custom").join("\n");
    for reason in [
        "did not end within 300ms, and was killed",
        "more than 10485760 bytes, and was killed",
        "ended with exit status: 3: no such queue",
        "start `/nowhere/queue`",
        "failed to understand its output: line ",
    ] {
        assert!(said.contains(reason), "no `{reason}` in {said}");
    }
    // A series that is no longer printed has ended; garbage ends all of them.
    home.write("says", "depth{queue=\"b\"} 5\n");
    let lines = || {
        let text = server.get("/metrics").body;
        let lines = text.lines().filter(|line| line.starts_with("depth{"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    eventually("one series alone", || {
        let lines = lines();
        (lines.len() == 1 && lines[0].ends_with(" 5")).then_some(())
    });
    home.write("says", "depth{queue=\n");
    eventually("no series", || lines().is_empty().then_some(()));
    let config = home.tacho(&["check", "config", "--explain"]).exits(0);
    assert!(
        config
            .out
            .contains("collect.custom: command cat every 300ms"),
        "{}",
        config.out
    );
    assert!(!server.log().contains("s3cret"));
}

#[test]
fn k3_a_url_and_points_are_collected() {
    let exporter = Exporter::new("");
    exporter.answer(|answer| {
        answer.headers = "Content-Type: application/json\r\n".to_owned();
        answer.body = br#"[{"name": "jobs_done", "value": 7, "type": "counter", "service": "w"},
            {"name": "job_time", "value": 0.2, "type": "timing", "unit": "s"},
            {"name": "job_time", "value": 0.4, "type": "timing", "unit": "s"}]"#
            .to_vec();
    });
    let at = exporter.address.clone();
    let home = Home::new();
    let server = collecting(
        &home,
        &format!("custom: [{{name: page, url: 'http://{at}/stats?key=s3cret', interval: 300ms}}]"),
    );
    let done = r#"jobs_done{service="w",job="page"}"#;
    eventually("a point", || (value(&server, done)? == 7.0).then_some(()));
    let mean = server.values(&[("match[]", r#"job_time{job="page"}"#), ("agg", "avg")]);
    assert!(
        mean.iter().any(|mean| (mean - 0.3).abs() < 0.01),
        "{mean:?}"
    );
    exporter.answer(|answer| answer.status = "503 Service Unavailable");
    let up = r#"up{job="page"}"#;
    eventually("it is down", || (value(&server, up)? == 0.0).then_some(()));
    let said = problems(&server, "custom").join("\n");
    assert!(
        said.contains("HTTP status 503") && !said.contains("s3cret"),
        "{said}"
    );
    let targets = server.get("/api/v1/targets").body;
    assert!(
        targets.contains("collect.custom") && !targets.contains("s3cret"),
        "{targets}"
    );
}

/// A process that is killed when dropped.
struct Busy(Child);

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn r2_processes_are_told_apart_by_their_command_line() {
    let mark = format!("tacho-test-{}", std::process::id());
    let script = format!(": {mark}; while :; do :; done");
    let busy = || Busy(Command::new("sh").args(["-c", &script]).spawn().unwrap());
    let first = busy();
    let second = busy();
    let home = Home::new();
    let server = collecting(
        &home,
        &format!(
            "processes: [{{name: busy, pattern: '{mark}', interval: 300ms}}, \
             {{name: none, process: no-such-name, interval: 300ms}}],\ncontainers: true"
        ),
    );
    let of =
        |name: &str| format!(r#"namedprocess_namegroup_{name}{{groupname="busy",job="process"}}"#);
    let at = |series: &str| value(&server, series);
    eventually("both", || (at(&of("num_procs"))? == 2.0).then_some(()));
    let cpu = r#"namedprocess_namegroup_cpu_seconds_total{groupname="busy",mode="user"}"#;
    let before = at(cpu).unwrap();
    eventually("CPU time", || (at(cpu)? > before + 0.5).then_some(()));
    assert!(at(&of("open_filedesc")).unwrap() > 0.0);
    // What one used that ended is not lost.
    drop(second);
    eventually("one", || (at(&of("num_procs"))? == 1.0).then_some(()));
    assert!(at(cpu).unwrap() > before);
    assert_eq!(at(r#"up{groupname="none"}"#), Some(0.0));
    drop(first);
    eventually("none", || (at(&of("num_procs"))? == 0.0).then_some(()));
    let said = problems(&server, "processes").join("\n");
    assert!(
        said.contains("find processes called no-such-name: there is none"),
        "{said}"
    );
    // Either there are containers, or it is said why they cannot be seen.
    let said = problems(&server, "containers");
    assert!(
        said.is_empty() || said[0].contains("control groups of version 2"),
        "{said:?}"
    );
}
