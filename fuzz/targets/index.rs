//! Any bytes to the reader of the store's index.

#![no_main]

use tacho_fuzz::plant;

libfuzzer_sys::fuzz_target!(
    init: plant(tacho_store::fuzzing::index_seeds()),
    |bytes: &[u8]| tacho_store::fuzzing::index(bytes)
);
