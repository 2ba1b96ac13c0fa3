//! PostgreSQL and Redis.

use std::net::TcpListener;
use std::process::Stdio;

use super::{collecting, problems, sum, value};
use crate::support::databases::{Postgresql, Redis, postgresql, there_is_redis};
use crate::support::{Home, eventually, signal};

const PASSWORD: &str = "pass word's";

fn pgbench(postgresql: &Postgresql, args: &[&str]) -> String {
    let ran = postgresql
        .tool("pgbench")
        .args(args)
        .arg("bench")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

/// A number behind a text in a report.
fn told(report: &str, text: &str) -> f64 {
    let rest = report
        .split_once(text)
        .unwrap_or_else(|| panic!("no `{text}` in {report}"))
        .1;
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap();
    rest[..end].parse().unwrap()
}

#[test]
fn k9_postgresql_is_collected_and_agrees_with_pgbench() {
    let Some(bin) = postgresql() else { return };
    let postgresql = Postgresql::start(bin);
    postgresql.sql("postgres", "CREATE DATABASE bench");
    postgresql.sql("postgres", "CREATE EXTENSION pg_stat_statements");
    postgresql.sql(
        "postgres",
        "CREATE USER watcher PASSWORD 'pass word''s' IN ROLE pg_monitor",
    );
    pgbench(&postgresql, &["-i", "-s", "1", "-q"]);
    let home = Home::new();
    home.write("password", &format!("{PASSWORD}\n"));
    let url = format!(
        "postgresql://watcher@127.0.0.1:{}/postgres",
        postgresql.port
    );
    let server = collecting(
        &home,
        &format!(
            "postgresql: [{{url: '{url}', name: db, interval: 300ms, password_file: password, \
             labels: {{team: a}}}}]"
        ),
    );
    let commits = r#"pg_stat_database_xact_commit{datname="bench"}"#;
    let before = eventually("transactions", || value(&server, commits));
    assert_eq!(
        value(&server, r#"pg_up{instance="db",job="postgresql",team="a"}"#),
        Some(1.0)
    );
    assert_eq!(problems(&server, "postgresql"), [""; 0]);

    let report = pgbench(&postgresql, &["-n", "-c", "4", "-j", "2", "-t", "500"]);
    let done = told(&report, "actually processed: ");
    assert_eq!(done, 2000.0, "{report}");
    // Besides its transactions pgbench asks once how large the tables are, and each of its
    // connections may be counted when it begins.
    let counted = eventually("all of pgbench's transactions", || {
        let counted = value(&server, commits)? - before;
        (counted >= done).then_some(counted)
    });
    assert!(counted <= done + 10.0, "{counted}");
    let accounts = r#"{datname="bench",query=~"UPDATE pgbench_accounts .*"}"#;
    let calls = format!("pg_stat_statements_calls_total{accounts}");
    eventually("all of pgbench's statements", || {
        (value(&server, &calls)? == done).then_some(())
    });
    // What the server says it spent on statements is less than the time clients waited.
    let busy = sum(
        &server,
        r#"pg_stat_statements_seconds_total{datname="bench"}"#,
    );
    let waited = done * told(&report, "latency average = ") / 1e3;
    assert!(busy > 0.0 && busy < waited * 1.05, "{busy} s of {waited} s");
    let size = postgresql.sql("postgres", "SELECT pg_database_size('bench')");
    let size: f64 = size.parse().unwrap();
    let told = value(&server, r#"pg_database_size_bytes{datname="bench"}"#).unwrap();
    assert!((told - size).abs() / size < 0.1, "{told} and {size}");
    for (series, least) in [
        (r#"pg_stat_database_blks_hit{datname="bench"}"#, 1000.0),
        (r#"pg_stat_database_tup_updated{datname="bench"}"#, 6000.0),
        ("pg_settings_max_connections", 40.0),
        ("pg_stat_bgwriter_buffers_alloc_total", 1.0),
        ("pg_replication_is_replica", 0.0),
        ("pg_replication_lag_seconds", 0.0),
        (
            r#"pg_locks_count{datname="bench",mode="accesssharelock"}"#,
            0.0,
        ),
        (r#"pg_stat_database_deadlocks{datname="bench"}"#, 0.0),
        (r#"connection_pool_size{source="database"}"#, 1.0),
        (r#"transaction_rate{source="database"}"#, 0.0),
        (r#"query_count{source="database"}"#, done),
        (r#"tacho_collect_duration_seconds{job="postgresql"}"#, 1e-4),
        (r#"tacho_collect_samples{job="postgresql"}"#, 100.0),
        (r#"up{job="postgresql"}"#, 1.0),
    ] {
        let value = value(&server, series).unwrap_or_else(|| panic!("no {series}"));
        assert!(value >= least, "{series}: {value}");
    }
    let log = server.log();
    assert!(!log.contains("pass word"), "{log}");
}

#[test]
fn k9_connections_locks_and_long_transactions_of_postgresql_are_seen() {
    let Some(bin) = postgresql() else { return };
    let postgresql = Postgresql::start(bin);
    let folder = postgresql.folder().display();
    let (home, port) = (Home::new(), postgresql.port);
    // By its Unix socket, without a password, as a user who may not read everything.
    postgresql.sql("postgres", "CREATE USER guest; CREATE TABLE t (x int)");
    let url = |user| format!("postgresql:///postgres?host={folder}&port={port}&user={user}");
    let (root, guest) = (url("postgres"), url("guest"));
    let server = collecting(
        &home,
        &format!(
            "postgresql: [{{url: '{root}', name: db, interval: 200ms}},\n\
             {{url: '{guest}', name: guest, interval: 200ms}}]"
        ),
    );
    let mut holder = postgresql.tool("psql");
    holder.args([
        "-d",
        "postgres",
        "-c",
        "BEGIN; LOCK TABLE t; SELECT pg_sleep(600)",
    ]);
    let mut holder = holder
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let at = |series: &str| value(&server, series);
    let lock = r#"pg_locks_count{instance="db",datname="postgres",mode="accessexclusivelock"}"#;
    eventually("the lock", || (at(lock)? == 1.0).then_some(()));
    // It is one of the connections that work, apart from the one that is the other target's.
    let active = r#"pg_stat_activity_count{instance="db",datname="postgres",state="active"}"#;
    eventually("a connection that works", || {
        (at(active)? >= 1.0).then_some(())
    });
    let age =
        r#"pg_stat_activity_max_tx_duration{instance="db",datname="postgres",state="active"}"#;
    eventually("an old transaction", || (at(age)? > 1.0).then_some(()));
    let wait = r#"pg_stat_activity_waiting_for_lock{instance="db"}"#;
    assert_eq!(at(wait), Some(0.0));
    let mut waiter = postgresql.tool("psql");
    let mut waiter = waiter
        .args(["-d", "postgres", "-c", "SELECT * FROM t"])
        .spawn()
        .unwrap();
    eventually("a connection that waits", || {
        (at(wait)? == 1.0).then_some(())
    });
    assert_eq!(at(r#"pg_up{instance="guest"}"#), Some(1.0));
    postgresql.sql(
        "postgres",
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE application_name = 'psql' AND pid <> pg_backend_pid()",
    );
    holder.wait().unwrap();
    waiter.wait().unwrap();
    eventually("no lock", || (at(lock)? == 0.0).then_some(()));
}

#[test]
fn k9_a_database_that_refuses_hangs_dies_or_comes_back_is_said() {
    let Some(bin) = postgresql() else { return };
    let mut postgresql = Postgresql::start(bin);
    // It takes connections and never says a word.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let hung_at = hung.local_addr().unwrap();
    let folder = postgresql.folder().display().to_string();
    let port = postgresql.port;
    let home = Home::new();
    let server = collecting(
        &home,
        &format!(
            "postgresql: [\n\
             {{url: 'postgresql:///postgres?host={folder}&port={port}&user=postgres', name: good, \
             interval: 200ms}},\n\
             {{url: 'postgresql://postgres:wr0ng@127.0.0.1:{port}/postgres', name: wrong, interval: 200ms}},\n\
             {{url: 'postgresql://postgres@{hung_at}/postgres', name: hung, interval: 400ms, \
             timeout: 300ms}}]"
        ),
    );
    let up = |name: &str| {
        let pg = value(&server, &format!(r#"pg_up{{instance="{name}"}}"#))?;
        let up = value(&server, &format!(r#"up{{instance="{name}"}}"#))?;
        Some((pg, up))
    };
    eventually("one that is up", || {
        (up("good")? == (1.0, 1.0)).then_some(())
    });
    eventually("one that hangs", || {
        (up("hung")? == (0.0, 0.0)).then_some(())
    });
    eventually("one that refuses", || {
        (up("wrong")? == (0.0, 0.0)).then_some(())
    });
    let said = problems(&server, "postgresql");
    let has = |text: &str| said.iter().any(|problem| problem.contains(text));
    assert!(has("within 300ms"), "{said:?}");
    assert!(has("password authentication failed"), "{said:?}");
    assert!(!has("wr0ng"), "{said:?}");
    postgresql.stop();
    eventually("it is gone", || (up("good")? == (0.0, 0.0)).then_some(()));
    eventually("its series ended", || {
        let text = server.get("/metrics").body;
        (!text
            .lines()
            .any(|line| line.starts_with("pg_stat_database_xact_commit")))
        .then_some(())
    });
    postgresql.start_again();
    eventually("it is back", || (up("good")? == (1.0, 1.0)).then_some(()));
    assert!(
        server.log().contains("the target can be asked again"),
        "{}",
        server.log()
    );
    // A server that waits for one that hangs stops all the same.
    assert!(server.stop().success());
    drop(hung);
}

#[test]
fn k9_redis_is_collected_and_agrees_with_redis_benchmark() {
    if !there_is_redis() {
        return;
    }
    let mut redis = Redis::start("sesame");
    let home = Home::new();
    home.write("password", "sesame\n");
    let port = redis.port;
    let server = collecting(
        &home,
        &format!(
            "redis: [{{url: '127.0.0.1:{port}', name: cache, interval: 300ms, \
             password_file: password}},\n\
             {{url: 'redis://:wr0ng@127.0.0.1:{port}', name: wrong, interval: 300ms}}]"
        ),
    );
    let at = |series: &str| value(&server, series);
    let processed = r#"redis_commands_processed_total{instance="cache"}"#;
    let before = eventually("commands", || at(processed));
    let mut benchmark = redis.tool("redis-benchmark");
    benchmark.args(["-t", "set,get", "-n", "20000", "-c", "10", "-q"]);
    assert!(benchmark.stdout(Stdio::null()).status().unwrap().success());
    let of = |command: &str| format!(r#"redis_commands_total{{cmd="{command}",instance="cache"}}"#);
    for command in ["set", "get"] {
        eventually("all commands of the benchmark", || {
            (at(&of(command))? == 20_000.0).then_some(())
        });
    }
    assert!(at(processed).unwrap() - before >= 40_000.0);
    let took = at(r#"redis_commands_duration_seconds_total{cmd="set",instance="cache"}"#).unwrap();
    assert!(took > 0.0 && took < 20.0, "{took}");
    let hits = at("redis_keyspace_hits_total").unwrap();
    assert_eq!(hits + at("redis_keyspace_misses_total").unwrap(), 20_000.0);
    assert_eq!(at(r#"redis_db_keys{db="db0"}"#), Some(1.0));
    assert!(at("redis_memory_used_bytes").unwrap() > 1e5);
    assert_eq!(at(r#"redis_up{instance="wrong"}"#), Some(0.0));
    let said = problems(&server, "redis");
    assert!(said.iter().any(|one| one.contains("WRONGPASS")), "{said:?}");

    let up = || at(r#"redis_up{instance="cache"}"#);
    // It hangs: the kernel takes the question, and nobody answers.
    signal("STOP", redis.pid());
    eventually("it hangs", || (up()? == 0.0).then_some(()));
    signal("CONT", redis.pid());
    eventually("it goes on", || (up()? == 1.0).then_some(()));
    redis.stop();
    eventually("it is gone", || (up()? == 0.0).then_some(()));
    redis.start_again();
    eventually("it is back", || (up()? == 1.0).then_some(()));
    // A counter that began anew counts from there.
    assert!(at(processed).unwrap() < 1000.0);
}
