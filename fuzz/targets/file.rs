//! Any bytes as the file of one of the store's blocks.

#![no_main]

use tacho_fuzz::plant;

libfuzzer_sys::fuzz_target!(
    init: plant(tacho_store::fuzzing::file_seeds()),
    |bytes: &[u8]| tacho_store::fuzzing::file(bytes)
);
