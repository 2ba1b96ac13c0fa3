//! This very machine: figures that must be plausible, whatever it is.

use std::time::{Duration, Instant};

use tacho_collect::{HostOptions, sys};
use tacho_model::Timestamp;

use crate::tree::Watched;

fn here() -> Watched {
    Watched::new(HostOptions {
        extra_labels: vec![("instance".to_owned(), String::new())],
        ..HostOptions::default()
    })
}

#[test]
fn r2_this_machine_is_plausible() {
    let mut host = here();
    host.host.collect(Timestamp::now(), &mut host.batch);
    let snapshot = host.host.snapshot().clone();
    let total = snapshot.memory_total_bytes.unwrap();
    assert!(total > 64 << 20);
    assert!(snapshot.memory_available_bytes.unwrap() < total);
    assert!(snapshot.load.unwrap().iter().all(|load| *load >= 0.0));
    let cores = std::thread::available_parallelism().unwrap().get();
    // A container may be allowed fewer CPUs than there are.
    assert!(snapshot.cpu_cores.unwrap() >= cores);
    assert!(snapshot.processes.unwrap() >= 1);
    assert!(snapshot.threads >= snapshot.processes);
    assert!((0.0..=100.0).contains(&snapshot.disk_usage_percent.unwrap()));
    let booted = snapshot.boot_time.unwrap();
    assert!(booted < Timestamp::now());
    let resident = snapshot.own_resident_bytes.unwrap();
    assert!((1 << 20..1 << 30).contains(&resident), "{resident}");
    let start = host
        .value(r#"process_start_time_seconds{job="tacho"}"#)
        .unwrap();
    let age = Timestamp::now().as_secs_f64() - start;
    assert!(
        (-2.0..600.0).contains(&age),
        "this test started {age} s ago"
    );
    let open = host.value(r#"process_open_fds{job="tacho"}"#).unwrap();
    assert!((3.0..1000.0).contains(&open), "{open} open files");
}

#[test]
fn w2_a_busy_loop_raises_cpu_and_is_named() {
    let mut host = here();
    let start = Timestamp::now();
    host.host.collect(start, &mut host.batch);
    let began = Instant::now();
    let until = sys::thread_cpu_time().unwrap() + Duration::from_millis(800);
    let mut number = 1u64;
    while sys::thread_cpu_time().unwrap() < until {
        number = std::hint::black_box(number.wrapping_mul(31));
    }
    let took = began.elapsed().as_secs_f64();
    // The tick is told that five seconds passed, so that processes are scanned again.
    host.batch.clear();
    host.host
        .collect(start + Duration::from_secs(5), &mut host.batch);
    let snapshot = host.host.snapshot();
    let cores = snapshot.cpu_cores.unwrap() as f64;
    let busy = snapshot.cpu_percent.unwrap();
    let ours = 100.0 * 0.8 / took / cores;
    assert!(busy > 0.8 * ours, "{busy} %, of which {ours} % is ours");
    let own = std::process::id();
    let named = snapshot.top_cpu.iter().find(|process| process.pid == own);
    assert!(
        named.is_some_and(|p| p.cpu_percent > Some(5.0)),
        "{:?}",
        snapshot.top_cpu
    );
}

#[test]
fn k8_series_of_a_host_stay_few() {
    let mut host = here();
    host.host.collect(Timestamp::now(), &mut host.batch);
    let cores = host.host.snapshot().cpu_cores.unwrap();
    let per_core = 10 * cores;
    let devices: Vec<_> = host
        .samples()
        .into_iter()
        .filter(|(s, _)| s.contains("device="))
        .collect();
    let rest = host.batch.len() - per_core - devices.len();
    assert!(rest < 200, "{rest} series besides CPUs and devices");
}

#[test]
fn a_host_can_be_moved_to_a_thread_of_its_own() {
    let mut host = here();
    let samples = std::thread::spawn(move || {
        host.host.collect(Timestamp::now(), &mut host.batch);
        host.batch.len()
    });
    assert!(samples.join().unwrap() > 0);
}
