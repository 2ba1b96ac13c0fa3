//! Any bytes as a file of the queue that is forwarded from: read to its end without a panic, and
//! whole records found whatever lies before them.

#![no_main]

use tacho_fuzz::plant;

// The module does no I/O; the crate around it is a server that need not be built for this.
#[expect(dead_code, reason = "a part of it is used here")]
#[path = "../../crates/tacho-server/src/forward/queue/segment.rs"]
mod segment;

use segment::{Found, Kind, frame};

fn seeds() -> Vec<Vec<u8>> {
    let one = frame(Kind::Samples, 3, 1_795_269_720_123, b"first");
    let two = frame(Kind::Spans, 1, 0, b"");
    let mut flipped = [one.clone(), two.clone()].concat();
    flipped[30] ^= 4;
    vec![[&one[..], &two].concat(), flipped, one[..20].to_vec()]
}

/// Reads to the end; how many records there are.
fn walk(bytes: &[u8]) -> usize {
    let (mut at, mut records) = (0, 0);
    while at < bytes.len() {
        match segment::at(&bytes[at..]) {
            Found::Record(head, payload) => {
                assert_eq!(payload.len(), head.length);
                records += 1;
                at += head.record_bytes();
            }
            Found::Damage(length, _) => {
                assert!(length > 0);
                at += length;
            }
            Found::End => break,
        }
    }
    records
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    walk(bytes);
    let mut last = 0;
    for (at, head) in segment::heads(bytes) {
        assert!(at >= last && at < bytes.len());
        last = at + head.record_bytes();
    }
    // A record put after whole records is found.
    let record = frame(Kind::Logs, 1, 7, b"after");
    let before = [&record[..], bytes].concat();
    assert!(walk(&before) >= 1);
});
