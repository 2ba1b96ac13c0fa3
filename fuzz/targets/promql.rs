//! Any text as a script in Prometheus' language for testing PromQL: its reader, the parser of the
//! queries in it, and their evaluation over the series that it loads.

#![no_main]

use tacho_fuzz::plant;
use tacho_promql::testing::{Script, Settings};
use tacho_promql::{Features, Limits};

fn seeds() -> Vec<Vec<u8>> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/tacho-promql/tests/promql"
    );
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut texts: Vec<String> = files
        .filter_map(|file| std::fs::read_to_string(file.path()).ok())
        .collect();
    texts.sort();
    texts.iter().flat_map(|text| pieces(text)).collect()
}

/// What is loaded together with a few evaluations at a time: small inputs are mutated best.
fn pieces(text: &str) -> Vec<Vec<u8>> {
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let load = blocks
        .iter()
        .find(|block| block.contains("load"))
        .copied()
        .unwrap_or_default();
    let evals: Vec<&str> = blocks
        .into_iter()
        .filter(|block| block.contains("eval"))
        .collect();
    let piece = |few: &[&str]| format!("{load}\n\n{}\n", few.join("\n\n")).into_bytes();
    evals.chunks(12).map(piece).collect()
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    let Ok(script) = std::str::from_utf8(bytes).map_err(drop).and_then(|text| {
        Script::parse(text).map_err(drop)
    }) else {
        return;
    };
    let mut settings = Settings { features: Features::Experimental, ..Settings::default() };
    settings.options.limits = Limits {
        samples_max: 100_000,
        points_max: 500,
        memory_bytes_max: 16 << 20,
        ..settings.options.limits
    };
    script.run(&settings);
});
