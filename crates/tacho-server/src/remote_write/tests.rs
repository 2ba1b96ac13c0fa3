use std::cell::RefCell;

use tacho_model::Labels;

use super::*;

fn field(number: u8, bytes: &[u8], into: &mut Vec<u8>) {
    let length = bytes.len();
    into.push(number << 3 | 2);
    into.extend_from_slice(&[
        length as u8 | 0x80,
        (length >> 7) as u8 | 0x80,
        (length >> 14) as u8,
    ]);
    into.extend_from_slice(bytes);
}

/// A request of these label sets, as they are, with a sample each.
fn body(sets: &[Vec<u8>]) -> Vec<u8> {
    let mut request = Vec::new();
    for set in sets {
        let sample = b"\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x01";
        field(1, &[&set[..], sample].concat(), &mut request);
    }
    // A block of literals.
    let mut block = Vec::new();
    let length = request.len();
    block.extend_from_slice(&[length as u8 | 0x80, (length >> 7) as u8 | 0x80]);
    block.extend_from_slice(&[(length >> 14) as u8 | 0x80, (length >> 21) as u8]);
    for chunk in request.chunks(1 << 16) {
        block.push(61 << 2);
        block.extend_from_slice(&((chunk.len() - 1) as u16).to_le_bytes());
        block.extend_from_slice(chunk);
    }
    block
}

fn set(pairs: &[(&str, &str)]) -> Vec<u8> {
    let one = |pair: &(&str, &str)| Labels::new([*pair]).unwrap().as_ref().as_bytes().to_vec();
    pairs.iter().flat_map(one).collect()
}

/// Takes what is canonical, as the store does, and remembers it.
fn keep(batch: &Batch, kept: &RefCell<Vec<String>>) -> AppendOutcome {
    let mut outcome = AppendOutcome::default();
    for (row, (series, _, _)) in batch.rows().enumerate() {
        let reason = match batch.labels(series) {
            None => Refusal::InvalidLabels,
            Some(labels) if labels.get("__name__").is_none() => Refusal::NoName,
            Some(labels) => {
                kept.borrow_mut().push(labels.to_string());
                outcome.accepted += 1;
                continue;
            }
        };
        outcome.rejected.push(Rejected { row, reason });
    }
    outcome
}

fn receiver() -> Receiver {
    Receiver::new(Limits::default(), 2, 3)
}

#[test]
fn sets_out_of_order_are_put_in_order_and_kept() {
    let sets = [
        set(&[("job", "a"), ("__name__", "x")]),
        set(&[("__name__", "y")]),
        set(&[("b", "1"), ("__name__", "z"), ("b", "2")]),
        set(&[("job", "a")]),
    ];
    let kept = RefCell::default();
    let append: Append<'_> = &|batch| Ok(keep(batch, &kept));
    let received = receiver()
        .receive(append, Version::One, &body(&sets))
        .unwrap();
    assert_eq!(*kept.borrow(), ["y", r#"x{job="a"}"#]);
    assert_eq!(
        received.complaint().unwrap(),
        "2 of 4 samples were refused, the other 2 were kept (1 no_name, 1 invalid_labels): \
         {job=\"a\"}: the series has no metric name; \
         z{b=\"1\",b=\"2\"}: label `b` is given twice"
    );
}

#[test]
fn many_refusals_are_counted_and_a_few_are_named() {
    let sets: Vec<_> = (0..1000).map(|n| set(&[("n", &n.to_string())])).collect();
    let kept = RefCell::default();
    let append: Append<'_> = &|batch| Ok(keep(batch, &kept));
    let received = receiver()
        .receive(append, Version::One, &body(&sets))
        .unwrap();
    let complaint = received.complaint().unwrap();
    assert!(complaint.starts_with("1000 of 1000 samples were refused, none was kept"));
    assert_eq!(complaint.matches("no metric name").count(), EXAMPLES);
    assert!(complaint.len() < 400, "{complaint}");
}

#[test]
fn the_metric_that_grew_is_named() {
    let append: Append<'_> = &|_| {
        Ok(AppendOutcome {
            filtered: 0,
            accepted: 0,
            rejected: vec![Rejected {
                row: 0,
                reason: Refusal::SeriesLimit,
            }],
            culprit: Some(Culprit {
                metric: "grew".to_owned(),
                series: 9,
            }),
        })
    };
    let received = receiver().receive(append, Version::One, &body(&[set(&[("__name__", "y")])]));
    let complaint = received.unwrap().complaint().unwrap();
    assert!(
        complaint.ends_with("most series are of grew (9)"),
        "{complaint}"
    );
}

#[test]
fn what_the_store_does_not_take_is_an_error() {
    let append: Append<'_> = &|_| Err(AppendError::Overloaded);
    let sets = [set(&[("__name__", "y")])];
    let refused = receiver().receive(append, Version::One, &body(&sets));
    assert!(matches!(
        refused,
        Err(ReceiveError::Append(AppendError::Overloaded))
    ));
    let unread = receiver().receive(append, Version::One, b"\xff");
    assert!(matches!(unread, Err(ReceiveError::Decode(_))));
}

#[test]
fn ordinary_memory_is_kept_and_large_memory_is_not() {
    let receiver = receiver();
    let append: Append<'_> = &|batch| Ok(keep(batch, &RefCell::default()));
    let small = vec![set(&[("__name__", "y")]); 10];
    for _ in 0..5 {
        receiver
            .receive(append, Version::One, &body(&small))
            .unwrap();
    }
    assert_eq!(receiver.places.lock().len(), 1);
    let large = vec![set(&[("__name__", "y")]); BATCH_SAMPLES_KEPT + 1];
    receiver
        .receive(append, Version::One, &body(&large))
        .unwrap();
    assert_eq!(receiver.places.lock().len(), 0);
    for _ in 0..5 {
        receiver.put_back(Vec::with_capacity(100));
    }
    assert_eq!(receiver.buffers.lock().len(), 3);
    let receiver = Receiver::new(Limits::default(), 2, 3);
    receiver.put_back(Vec::with_capacity(BODY_BYTES_KEPT + 1));
    assert_eq!(receiver.buffers.lock().len(), 0);
}
