//! Which samples of a batch go to a destination, and how they are put on its queue.
//!
//! What the store took is encoded as remote write 1.0, whose label sets are ours, so that a series
//! costs a copy. Labels are decoded only where something asks for them. Not for sending.

use tacho_model::append::{Rejected, SeriesIndex};
use tacho_model::{Batch, Labels, LabelsRef, Matcher, Timestamp, Value};
use tacho_wire::remote_write::encode::Plain;

/// Bytes after which a record ends, not compressed.
const RECORD_BYTES: usize = 512 << 10;
/// Samples after which a record ends.
const RECORD_ITEMS: u32 = 5000;

/// Takes a record: a message of remote write 1.0, and how many samples and exemplars are in it.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&[u8], u32);

/// What goes to a destination, and what is added to it.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    selectors: Vec<Vec<Matcher>>,
    labels: Vec<(String, String)>,
}

/// What becomes of a series.
enum Becomes {
    /// It is sent as it is.
    Itself,
    /// It is sent with more labels.
    Labelled(Labels),
    /// It is not sent.
    Nothing,
}

/// A record that grows.
struct Record<'a> {
    plain: Plain,
    items: u32,
    take: Take<'a>,
}

impl Record<'_> {
    fn add(&mut self, items: usize) {
        self.items += items as u32;
        if self.items >= RECORD_ITEMS || self.plain.len() >= RECORD_BYTES {
            self.end();
        }
    }

    fn end(&mut self) {
        if !self.plain.is_empty() {
            (self.take)(self.plain.as_bytes(), self.items);
            self.plain.clear();
            self.items = 0;
        }
    }
}

impl Selected {
    pub(crate) fn new(selectors: Vec<Vec<Matcher>>, labels: Vec<(String, String)>) -> Self {
        Self { selectors, labels }
    }

    /// Hands what of a batch goes to the destination to `take`, but for the rows that the store
    /// refused.
    pub(crate) fn records(&self, batch: &Batch, rejected: &[Rejected], take: Take<'_>) {
        let mut record = Record {
            plain: Plain::default(),
            items: 0,
            take,
        };
        let mut known: Option<(SeriesIndex, Becomes)> = None;
        let mut refused = rejected.iter().map(|rejected| rejected.row).peekable();
        let mut run: Vec<(Timestamp, Value<'_>)> = Vec::new();
        for row in 0..batch.len() {
            let (series, time, value) = batch.row(row);
            let is_refused = refused.next_if_eq(&row).is_some();
            let is_same = known.as_ref().is_some_and(|(known, _)| *known == series);
            if !is_same {
                put(batch, known.as_ref(), &mut run, &mut record);
                // Of a refused row's labels nothing is known.
                known = (!is_refused).then(|| (series, self.becomes(batch, series)));
            }
            if !is_refused {
                run.push((time, value));
                if run.len() >= RECORD_ITEMS as usize {
                    put(batch, known.as_ref(), &mut run, &mut record);
                }
            }
        }
        put(batch, known.as_ref(), &mut run, &mut record);
        for (series, exemplar) in batch.exemplars() {
            let Some(labels) = batch.labels(*series) else {
                continue;
            };
            match self.becomes(batch, *series) {
                Becomes::Nothing => continue,
                Becomes::Itself => record.plain.push(labels, &[], &[exemplar]),
                Becomes::Labelled(labels) => record.plain.push(labels.as_ref(), &[], &[exemplar]),
            }
            record.add(1);
        }
        record.end();
    }

    fn becomes(&self, batch: &Batch, series: SeriesIndex) -> Becomes {
        if self.selectors.is_empty() && self.labels.is_empty() {
            return Becomes::Itself;
        }
        let Some(labels) = batch.labels(series) else {
            return Becomes::Nothing;
        };
        if !self.selectors.is_empty()
            && !self
                .selectors
                .iter()
                .any(|all| all.iter().all(|matcher| matcher.matches_set(labels)))
        {
            return Becomes::Nothing;
        }
        let mut more = self
            .labels
            .iter()
            .filter(|(name, _)| labels.get(name).is_none())
            .peekable();
        if more.peek().is_none() {
            return Becomes::Itself;
        }
        let more = more.map(|(name, value)| (name.as_str(), value.as_str()));
        // A set that has no room for more goes as it is.
        Labels::new(labels.iter().chain(more)).map_or(Becomes::Itself, Becomes::Labelled)
    }
}

/// Adds the samples of a series to the record.
fn put(
    batch: &Batch,
    series: Option<&(SeriesIndex, Becomes)>,
    run: &mut Vec<(Timestamp, Value<'_>)>,
    record: &mut Record<'_>,
) {
    if run.is_empty() {
        return;
    }
    let sent = match series {
        // The store took the series, so that its labels are in order.
        Some((series, Becomes::Itself)) => {
            let labels = LabelsRef::trusted(batch.label_bytes(*series));
            record.plain.push(labels, run, &[]);
            true
        }
        Some((_, Becomes::Labelled(labels))) => {
            record.plain.push(labels.as_ref(), run, &[]);
            true
        }
        _ => false,
    };
    if sent {
        record.add(run.len());
    }
    run.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::Refusal;
    use tacho_model::append::Exemplar;
    use tacho_wire::remote_write::{Limits, decode_plain};

    fn batch() -> Batch {
        let mut batch = Batch::new();
        let api = batch.series([("__name__", "up"), ("job", "api")]).unwrap();
        let web = batch
            .series([("__name__", "up"), ("job", "web"), ("region", "us")])
            .unwrap();
        for second in 1..=3 {
            batch.push(api, Timestamp::from_secs(second), second as f64);
            batch.push(web, Timestamp::from_secs(second), 10.0 + second as f64);
        }
        let exemplar = Exemplar {
            timestamp: Timestamp::from_secs(1),
            value: 0.5,
            trace_id: 7,
            span_id: 0,
            labels: Labels::new::<&str, &str>([]).unwrap(),
        };
        batch.push_exemplar(api, exemplar.clone());
        batch.push_exemplar(web, exemplar);
        batch
    }

    fn check(selectors: &[&str], labels: &[(&str, &str)], refused: &[usize], expected: &str) {
        let parse = |text: &&str| tacho_promql::parse_selector(text).unwrap();
        let owned = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        let selected = Selected::new(
            selectors.iter().map(parse).collect(),
            labels.iter().map(owned).collect(),
        );
        let rejected: Vec<Rejected> = refused
            .iter()
            .map(|row| Rejected {
                row: *row,
                reason: Refusal::TooOld,
            })
            .collect();
        let mut lines = Vec::new();
        let mut counted = 0;
        selected.records(&batch(), &rejected, &mut |message, items| {
            counted += items as usize;
            let mut read = Batch::new();
            decode_plain(message, Limits::default(), &mut read).unwrap();
            for (series, _, value) in read.rows() {
                let Value::Float(value) = value else { panic!() };
                lines.push(format!("{} {value}", read.labels(series).unwrap()));
            }
            for (series, _) in read.exemplars() {
                lines.push(format!("{} #", read.labels(*series).unwrap()));
            }
        });
        assert_eq!(counted, lines.len());
        assert_eq!(lines.join("\n"), expected);
    }

    #[test]
    fn everything_is_sent_but_what_was_refused() {
        check(
            &[],
            &[],
            &[0, 3],
            "up{job=\"web\",region=\"us\"} 11\nup{job=\"api\"} 2\nup{job=\"api\"} 3\n\
             up{job=\"web\",region=\"us\"} 13\nup{job=\"api\"} #\nup{job=\"web\",region=\"us\"} #",
        );
        check(
            &[],
            &[],
            &[0, 1, 2, 3, 4, 5],
            "up{job=\"api\"} #\nup{job=\"web\",region=\"us\"} #",
        );
    }

    #[test]
    fn selectors_choose_and_labels_are_added_where_they_are_missing() {
        check(
            &["{job=\"web\"}", "down"],
            &[],
            &[1],
            "up{job=\"web\",region=\"us\"} 12\nup{job=\"web\",region=\"us\"} 13\n\
             up{job=\"web\",region=\"us\"} #",
        );
        check(
            &["{job!=\"\",region=\"\"}"],
            &[("region", "eu"), ("a", "b")],
            &[2],
            "up{a=\"b\",job=\"api\",region=\"eu\"} 1\nup{a=\"b\",job=\"api\",region=\"eu\"} 3\n\
             up{a=\"b\",job=\"api\",region=\"eu\"} #",
        );
        check(&["nothing"], &[], &[], "");
    }

    #[test]
    fn records_end_before_they_are_large() {
        let mut batch = Batch::new();
        let series = batch.series([("__name__", "up")]).unwrap();
        for at in 0..12_000 {
            batch.push(series, Timestamp::from_secs(at), 1.0);
        }
        let mut sizes = Vec::new();
        Selected::default().records(&batch, &[], &mut |_, items| sizes.push(items));
        assert_eq!(sizes, [5000, 5000, 2000]);
    }
}
