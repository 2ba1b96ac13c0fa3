//! The queue against what was put on it: order, restarts, overflow, and damage anywhere.

use proptest::prelude::*;

use super::*;

fn queue(dir: &Path) -> Queue {
    Queue::open(dir, QUEUE_BYTES_MIN).unwrap()
}

fn push(queue: &Queue, number: u32, bytes: usize) -> Items {
    let payload = payload(number, bytes);
    queue
        .push(Kind::Samples, number, u64::from(number), &payload)
        .unwrap()
}

/// What cannot be mistaken for another record's.
fn payload(number: u32, bytes: usize) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    let noise =
        (0..bytes).map(|at| (at as u32).wrapping_mul(2_654_435_761).wrapping_add(number) as u8);
    payload.extend(noise);
    payload
}

/// Takes everything, some at a time; the numbers of the records, and items known to be lost.
fn drain(queue: &Queue, items_max: u64) -> (Vec<u32>, u64, u64) {
    let (mut all, mut damaged, mut bytes) = (Vec::new(), 0, 0);
    loop {
        let chunk = queue.read(items_max, 1 << 20).unwrap();
        if chunk.is_empty() {
            return (all, damaged, bytes);
        }
        damaged += chunk.damaged.iter().sum::<u64>();
        bytes += chunk.damaged_bytes;
        for record in &chunk.records {
            assert_eq!(
                record.payload,
                payload(record.items, record.payload.len() - 4)
            );
            all.push(record.items);
        }
        queue.acknowledge(&chunk).unwrap();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = all
        .filter(|path| path.extension().is_some_and(|e| e == "fwd"))
        .collect();
    all.sort();
    all
}

#[test]
fn what_is_read_comes_again_until_it_is_acknowledged_over_restarts_too() {
    let dir = tempfile::tempdir().unwrap();
    let first = queue(dir.path());
    assert!(first.read(10, 100).unwrap().is_empty());
    assert_eq!(first.pending(), Pending::default());
    for number in 1..=5 {
        push(&first, number, 10);
    }
    let chunk = first.read(3, 1000).unwrap();
    assert_eq!((chunk.records.len(), chunk.items()), (2, 3));
    assert_eq!(first.pending().items, [15, 0, 0]);
    assert_eq!(first.pending().oldest, Some(1));
    // Not acknowledged: a process that dies here sends it once more.
    drop(first);
    let second = queue(dir.path());
    assert_eq!(second.pending().items, [15, 0, 0]);
    let chunk = second.read(3, 1000).unwrap();
    second.acknowledge(&chunk).unwrap();
    push(&second, 6, 10);
    let third = queue(dir.path());
    assert_eq!(third.pending().items, [18, 0, 0]);
    assert_eq!(drain(&third, 1), (vec![3, 4, 5, 6], 0, 0));
    let pending = third.pending();
    assert_eq!((pending.items, pending.oldest), ([0; 3], None));
    push(&third, 7, 10);
    assert_eq!(drain(&queue(dir.path()), 100).0, [7]);
}

#[test]
fn kinds_are_kept_apart_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(dir.path());
    for kind in [
        Kind::Samples,
        Kind::Samples,
        Kind::Logs,
        Kind::Samples,
        Kind::Spans,
    ] {
        queue.push(kind, 2, 0, b"x").unwrap();
    }
    assert_eq!(queue.pending().items, [6, 2, 2]);
    let mut seen = Vec::new();
    loop {
        let chunk = queue.read(100, 1000).unwrap();
        if chunk.is_empty() {
            break;
        }
        seen.push((chunk.records[0].kind, chunk.records.len()));
        queue.acknowledge(&chunk).unwrap();
    }
    let expected = [
        (Kind::Samples, 2),
        (Kind::Logs, 1),
        (Kind::Samples, 1),
        (Kind::Spans, 1),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_full_queue_loses_its_oldest_and_says_how_much() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(dir.path());
    let (mut lost, mut number) = (0, 0);
    while lost == 0 {
        number += 1;
        lost += push(&queue, number, 10_000)[0];
        assert!(number < 1000);
    }
    // One file of sixteen went, not more.
    assert!(number > 90, "{number}");
    for _ in 0..500 {
        number += 1;
        lost += push(&queue, number, 10_000)[0];
        let held: u64 = files(dir.path())
            .iter()
            .map(|path| path.metadata().unwrap().len())
            .sum();
        assert!(held <= QUEUE_BYTES_MIN, "{held}");
    }
    let sum = u64::from(number) * (u64::from(number) + 1) / 2;
    assert_eq!(queue.pending().items[0] + lost, sum);
    let (kept, damaged, _) = drain(&queue, 5000);
    assert_eq!(kept.iter().map(|n| u64::from(*n)).sum::<u64>() + lost, sum);
    assert!(kept.is_sorted() && kept.last() == Some(&number) && damaged == 0);
    assert!(
        files(dir.path()).len() <= 1,
        "what was sent is gone from the disk"
    );
}

#[test]
fn what_overflows_while_it_is_sent_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(dir.path());
    push(&queue, 1, 10);
    let sent = queue.read(1, 100).unwrap();
    for number in 2..400 {
        push(&queue, number, 10_000);
    }
    queue.acknowledge(&sent).unwrap();
    let (kept, ..) = drain(&queue, 1000);
    assert!(kept[0] > 1 && kept.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    assert_eq!(kept.last(), Some(&399));
}

#[test]
fn a_lost_or_damaged_cursor_sends_again_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for number in 1..=4 {
        push(&queue(dir.path()), number, 10);
    }
    let first = queue(dir.path());
    let chunk = first.read(3, 1000).unwrap();
    first.acknowledge(&chunk).unwrap();
    let cursor = dir.path().join(CURSOR);
    let whole = fs::read(&cursor).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&cursor, &flipped).unwrap();
        assert_eq!(read_cursor(dir.path()), Position::default());
    }
    let again = queue(dir.path());
    let chunk = again.read(100, 1000).unwrap();
    let numbers: Vec<_> = chunk.records.iter().map(|record| record.items).collect();
    assert_eq!(numbers, [3, 4], "files that were sent are gone");
}

#[test]
fn a_file_cut_anywhere_gives_what_was_whole() {
    let dir = tempfile::tempdir().unwrap();
    let first = queue(dir.path());
    for number in 1..=3 {
        push(&first, number, 20);
    }
    drop(first);
    let path = files(dir.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let mut most = 0;
    for end in 0..=whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let held = queue(dir.path());
        let chunk = held.read(1000, 1000).unwrap();
        let numbers: Vec<_> = chunk.records.iter().map(|record| record.items).collect();
        assert!(numbers.len() >= most && [1, 2, 3].starts_with(&numbers));
        most = numbers.len();
        // What comes after a torn record is none the worse.
        push(&held, 9, 5);
        let chunk = held.read(1000, 1000).unwrap();
        assert_eq!(chunk.records.last().map(|record| record.items), Some(9));
        fs::remove_file(files(dir.path()).pop().unwrap()).unwrap();
    }
    assert_eq!(most, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_flipped_byte_costs_one_record(
        sizes in prop::collection::vec(0..3000usize, 3..12),
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let first = queue(dir.path());
        for (number, size) in sizes.iter().enumerate() {
            push(&first, number as u32 + 1, *size);
        }
        drop(first);
        let path = files(dir.path()).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        let at = HEADER.len() + at.index(bytes.len() - HEADER.len());
        bytes[at] ^= flip;
        fs::write(&path, &bytes).unwrap();
        let (kept, _, damaged_bytes) = drain(&queue(dir.path()), 4);
        prop_assert!(damaged_bytes > 0);
        prop_assert_eq!(kept.len(), sizes.len() - 1, "{:?}", kept);
        prop_assert!(kept.is_sorted());
    }

    #[test]
    fn anything_on_disk_is_opened_and_passed_over(
        bytes in prop::collection::vec(any::<u8>(), 0..4000),
        cursor in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(file_name(3)), &bytes).unwrap();
        fs::write(dir.path().join(CURSOR), &cursor).unwrap();
        let queue = queue(dir.path());
        push(&queue, 5, 100);
        prop_assert_eq!(drain(&queue, 1000).0, vec![5]);
    }
}
