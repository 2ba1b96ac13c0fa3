//! Containers and units on a tree of control groups of the test's own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use tacho_collect::net::{Deadline, Stop};
use tacho_collect::targets::{Make, Running, containers, systemd};
use tacho_model::append::is_stale;
use tacho_model::{Batch, Timestamp, Value};

const ID: &str = "3aca3128cb4e745b23301cc83d01b3a63aca3128cb4e745b23301cc83d01b3a6";

/// A group that uses something.
fn group(sysfs: &Path, path: &str, usage_usec: u64) {
    let root = sysfs.join("fs/cgroup");
    let folder = root.join(path);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(root.join("cgroup.controllers"), "cpu memory\n").unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("cgroup.procs", "1\n2\n");
    write(
        "cpu.stat",
        &format!("usage_usec {usage_usec}\nnr_periods 10\nnr_throttled 3\nthrottled_usec 500000\n"),
    );
    write("cpu.max", "max 100000\n");
    write("memory.current", "1000\n");
    write("memory.max", "max\n");
    write(
        "memory.stat",
        "anon 600\nfile 400\ninactive_file 300\npgmajfault 2\n",
    );
    write("memory.events", "oom 1\noom_kill 1\n");
    write(
        "io.stat",
        "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 rbytes=1 wbytes=2 rios=3 wios=4\n",
    );
    write("pids.current", "5\n");
}

fn collect(running: &mut Running, secs: i64) -> (Option<String>, Vec<String>) {
    let mut batch = Batch::new();
    let deadline = Deadline::after(Duration::from_secs(20), Stop::default());
    let went = running.run(Timestamp::from_secs(secs), deadline, &mut batch);
    let rows = batch.rows().map(|(series, _, value)| {
        let labels = batch.labels(series).unwrap();
        match value {
            Value::Float(value) if is_stale(value) => format!("{labels} stale"),
            Value::Float(value) => format!("{labels} {value}"),
            Value::Histogram(_) => String::new(),
        }
    });
    (went.err().map(|error| error.to_string()), rows.collect())
}

#[test]
fn r2_containers_are_told_by_their_groups() {
    let dir = tempfile::tempdir().unwrap();
    let docker = format!("system.slice/docker-{ID}.scope");
    group(dir.path(), &docker, 2_500_000);
    group(dir.path(), "system.slice/ssh.service", 1);
    let pod = format!(
        "kubepods.slice/kubepods-pod1_2.slice/cri-containerd-{}.scope",
        ID.replace('3', "4")
    );
    group(dir.path(), &pod, 1_000_000);
    let settings = containers::Settings {
        sysfs: dir.path().to_owned(),
    };
    let mut running = Running::new(settings.make(), Vec::new());
    let (error, rows) = collect(&mut running, 1);
    assert_eq!(error, None);
    let labels = format!(r#"{{id="/{docker}",name="3aca3128cb4e",runtime="docker"}}"#);
    for (name, value) in [
        ("container_cpu_usage_seconds_total", "2.5"),
        ("container_cpu_cfs_throttled_periods_total", "3"),
        ("container_cpu_cfs_throttled_seconds_total", "0.5"),
        ("container_spec_cpu_period", "100000"),
        ("container_memory_usage_bytes", "1000"),
        ("container_memory_working_set_bytes", "700"),
        ("container_memory_rss", "600"),
        ("container_spec_memory_limit_bytes", "0"),
        ("container_oom_events_total", "1"),
        ("container_fs_reads_bytes_total", "11"),
        ("container_fs_writes_total", "6"),
        ("container_processes", "2"),
        ("container_threads", "5"),
        ("container_last_seen", "1"),
    ] {
        let row = format!("{name}{labels} {value}");
        assert!(rows.contains(&row), "{row}: {rows:#?}");
    }
    let quota = rows
        .iter()
        .find(|row| row.starts_with("container_spec_cpu_quota"));
    assert_eq!(quota, None, "without a limit there is none");
    assert!(
        rows.iter().any(|row| row.contains(r#"pod_uid="1-2""#)),
        "{rows:#?}"
    );
    assert!(
        !rows.iter().any(|row| row.contains("ssh.service")),
        "{rows:#?}"
    );
    // One that is gone has ended.
    std::fs::remove_dir_all(dir.path().join("fs/cgroup").join(&docker)).unwrap();
    let (_, rows) = collect(&mut running, 2);
    let ended = format!("container_threads{labels} stale");
    assert!(rows.contains(&ended), "{rows:#?}");
    let none = containers::Settings {
        sysfs: dir.path().join("nowhere"),
    };
    let (error, _) = collect(&mut Running::new(none.make(), Vec::new()), 1);
    assert!(error.unwrap().contains("control groups of version 2"));
}

#[test]
fn r2_units_are_told_by_systemctl_and_their_groups() {
    let dir = tempfile::tempdir().unwrap();
    group(dir.path(), "system.slice/web.service", 7_000_000);
    let systemctl = dir.path().join("systemctl");
    let says = |text: &str| {
        // Written beside and moved: what is being run cannot be written.
        let fresh = dir.path().join("fresh");
        std::fs::write(&fresh, format!("#!/bin/sh\nprintf '{text}'\n")).unwrap();
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(fresh, &systemctl).unwrap();
    };
    let settings = |systemctl: &Path| systemd::Settings {
        unit: "web.service".to_owned(),
        sysfs: dir.path().to_owned(),
        systemctl: systemctl.to_owned(),
    };
    let mut running = Running::new(settings(&systemctl).make(), Vec::new());
    let state = |state: &str, value: u8| {
        format!(
            r#"systemd_unit_state{{name="web.service",state="{state}",type="service"}} {value}"#
        )
    };
    says(
        "LoadState=loaded\\nActiveState=active\\nNRestarts=4\\nActiveEnterTimestamp=@1700000000\\nControlGroup=/system.slice/web.service\\n",
    );
    let (error, rows) = collect(&mut running, 1);
    assert_eq!(error, None);
    let labels = r#"{id="/system.slice/web.service",name="web.service"}"#;
    for row in [
        state("active", 1),
        state("failed", 0),
        format!("container_cpu_usage_seconds_total{labels} 7"),
        r#"systemd_service_restart_total{name="web.service"} 4"#.to_owned(),
        r#"systemd_unit_start_time_seconds{name="web.service"} 1700000000"#.to_owned(),
    ] {
        assert!(rows.contains(&row), "{row}: {rows:#?}");
    }
    says("LoadState=loaded\\nActiveState=failed\\nControlGroup=\\n");
    let (error, rows) = collect(&mut running, 2);
    assert_eq!(error.as_deref(), Some("see web.service run: it is failed"));
    assert!(rows.contains(&state("failed", 1)), "{rows:#?}");
    says("LoadState=not-found\\nActiveState=inactive\\n");
    let (error, _) = collect(&mut running, 3);
    assert_eq!(error.as_deref(), Some("find the unit web.service"));
    // An older one does not know how to tell times as numbers.
    says(
        "'; case \"$*\" in *timestamp*) echo no such option >&2; exit 1;; esac; printf 'LoadState=loaded\\nActiveState=reloading\\n",
    );
    for turn in [4, 5] {
        let (error, rows) = collect(&mut running, turn);
        assert_eq!(error, None);
        assert!(rows.contains(&state("reloading", 1)), "{rows:#?}");
    }
    // One that does not work is said, and the group tells.
    says("'; echo no bus >&2; exit 1; '");
    let mut batch = Batch::new();
    let deadline = Deadline::after(Duration::from_secs(20), Stop::default());
    let outcome = running.run(Timestamp::from_millis(6000), deadline, &mut batch);
    let missing = outcome.unwrap().missing.join("; ");
    assert!(
        missing.starts_with("ask systemctl: ") && missing.ends_with(": no bus"),
        "{missing}"
    );
    // Without systemctl the group tells.
    let mut alone = Running::new(settings(Path::new("/nowhere/systemctl")).make(), Vec::new());
    let (error, rows) = collect(&mut alone, 1);
    assert_eq!(error, None);
    assert!(rows.contains(&state("active", 1)), "{rows:#?}");
    std::fs::remove_dir_all(dir.path().join("fs/cgroup/system.slice/web.service")).unwrap();
    let (error, _) = collect(&mut alone, 2);
    assert_eq!(
        error.as_deref(),
        Some("see web.service run: it is inactive")
    );
}
