//! Any bytes as rows of a table: in the log, and as the parts of a file.

#![no_main]

use tacho_fuzz::plant;

libfuzzer_sys::fuzz_target!(
    init: plant(tacho_store::fuzzing::records_seeds()),
    |bytes: &[u8]| tacho_store::fuzzing::records(bytes)
);
