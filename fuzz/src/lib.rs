//! What all targets share: seeds are written into the corpus before the fuzzer reads that.

/// Writes seeds into the folder that `TACHO_FUZZ_CORPUS` names, if it does.
pub fn plant(seeds: Vec<Vec<u8>>) {
    let Some(folder) = std::env::var_os("TACHO_FUZZ_CORPUS") else {
        return;
    };
    for (number, seed) in seeds.into_iter().enumerate() {
        let path = std::path::Path::new(&folder).join(format!("seed-{number:02}"));
        std::fs::write(path, seed).expect("the corpus can be written");
    }
}
