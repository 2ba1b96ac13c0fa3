//! Top processes: named, bounded, and never counted backwards.

use crate::tree::{Tree, Watched};

fn cpu(group: &str) -> String {
    format!(
        r#"namedprocess_namegroup_cpu_seconds_total{{groupname="{group}",instance="fixture",job="node"}}"#
    )
}

fn memory(group: &str) -> String {
    format!(
        r#"namedprocess_namegroup_memory_bytes{{groupname="{group}",instance="fixture",job="node",memtype="resident"}}"#
    )
}

#[test]
fn w4_top_process_is_named() {
    let tree = Tree::new();
    tree.process(7, "postgres", 1, 100, 2, 50, 1000);
    tree.process(8, "postgres", 1, 100, 1, 50, 9000);
    tree.process(9, "idle", 1, 0, 1, 60, 10);
    std::os::unix::fs::symlink("/usr/lib/postgresql/16/bin/postgres (deleted)", {
        tree.path().join("proc/8/exe")
    })
    .unwrap();
    let mut host = Watched::new(tree.options());
    host.tick(0);
    assert_eq!(
        host.host.snapshot().top_cpu,
        [],
        "nothing was used since a scan before"
    );
    tree.process(7, "postgres", 1, 110, 2, 50, 1000);
    tree.process(8, "postgres", 1, 350, 1, 50, 9000);
    host.tick(5);
    let snapshot = host.host.snapshot();
    let culprit = &snapshot.top_cpu[0];
    assert_eq!((culprit.pid, culprit.name.as_str()), (8, "postgres"));
    assert_eq!(culprit.executable.as_deref(), Some("postgres"));
    assert_eq!(culprit.cpu_percent, Some(50.0));
    assert_eq!(snapshot.top_cpu.len(), 2);
    assert_eq!(snapshot.top_memory[0].pid, 8);
    assert_eq!((snapshot.processes, snapshot.threads), (Some(4), Some(5)));
    host.check(&cpu("postgres"), 2.6);
    host.check(&memory("postgres"), 10_000.0 * 4096.0);
    let count = memory("postgres").replace("memory_bytes", "num_procs");
    host.check(&count.replace(r#",memtype="resident""#, ""), 2.0);
}

#[test]
fn w4_a_counter_never_falls_when_processes_end_or_numbers_are_used_again() {
    let tree = Tree::new();
    tree.process(7, "worker", 1, 1000, 1, 50, 10);
    tree.process(8, "worker", 1, 1000, 1, 50, 10);
    let mut host = Watched::new(tree.options());
    host.tick(0);
    host.check(&cpu("worker"), 0.0);
    tree.process(7, "worker", 1, 1100, 1, 50, 10);
    tree.remove("proc/8");
    host.tick(5);
    host.check(&cpu("worker"), 1.0);
    // Number 7 is another process now: it started later, and used 30 ticks in all.
    tree.process(7, "worker", 1, 30, 1, 700, 10);
    host.tick(10);
    host.check(&cpu("worker"), 1.3);
    tree.process(7, "worker", 1, 31, 1, 700, 10);
    host.tick(15);
    host.check(&cpu("worker"), 1.31);
}

#[test]
fn w4_a_process_that_was_hidden_does_not_bring_its_past_along() {
    let tree = Tree::new();
    tree.process(7, "young", 1, 0, 1, 900, 10);
    let mut host = Watched::new(tree.options());
    host.tick(0);
    tree.process(8, "old", 1, 1_000_000, 1, 5, 10);
    host.tick(5);
    host.check(&cpu("old"), 0.0);
}

#[test]
fn w4_a_group_that_leaves_the_top_ends() {
    let tree = Tree::new();
    tree.remove("proc/1");
    tree.process(7, "a", 1, 0, 1, 50, 0);
    tree.process(8, "b", 1, 0, 1, 50, 10);
    let mut host = Watched::new(tree.options());
    host.tick(0);
    tree.process(7, "a", 1, 100, 1, 50, 0);
    host.tick(5);
    host.check(&cpu("a"), 1.0);
    // It still runs, but uses nothing: after a minute it is no longer shown.
    for secs in (10..=65).step_by(5) {
        host.tick(secs);
        host.check(&cpu("a"), 1.0);
    }
    host.tick(70);
    assert!(host.is_stale(&cpu("a")));
    assert_eq!(host.value(&cpu("a")), None);
    // What it uses again counts from where it was.
    tree.process(7, "a", 1, 150, 1, 50, 0);
    host.tick(75);
    host.check(&cpu("a"), 1.5);
}

#[test]
fn w4_cardinality_is_bounded_whatever_programs_call_themselves() {
    let tree = Tree::new();
    let mut host = Watched::new(tree.options());
    let mut names = std::collections::BTreeSet::new();
    for round in 0..30u32 {
        for slot in 0..20 {
            let pid = 100 + slot;
            tree.process(
                pid,
                &format!("n{round}-{slot}"),
                1,
                5,
                1,
                u64::from(50 + round),
                100,
            );
        }
        host.tick(i64::from(round) * 5);
        let groups = host.samples().into_iter();
        let groups = groups.map(|(series, _)| series);
        names.extend(groups.filter(|s| s.starts_with("namedprocess_namegroup_num")));
    }
    assert!((50..=101).contains(&names.len()), "{}", names.len());
}
