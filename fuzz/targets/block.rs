//! Any bytes to the reader of the store's block.

#![no_main]

use tacho_fuzz::plant;

libfuzzer_sys::fuzz_target!(
    init: plant(tacho_store::fuzzing::block_seeds()),
    |bytes: &[u8]| tacho_store::fuzzing::block(bytes)
);
