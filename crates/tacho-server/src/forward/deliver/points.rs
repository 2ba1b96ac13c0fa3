//! Samples by OTLP: data points in requests of a size that receivers take.
//!
//! A point that a receiver refuses by a partial success is counted, and the others have arrived. A
//! receiver that refuses a whole request for one bad point (Prometheus does, of points that are out
//! of order) is given it in parts. Source: OTLP 1.x, "OTLP/HTTP Response".

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Url;
use tacho_model::Batch;
use tacho_wire::otlp::encode::MetricsEncoder;

use super::{DIVIDED_MAX, Delivery, Stopped};
use crate::forward::client::{Outcome, Packing, Sort};
use crate::forward::queue::Kind;

/// Most bytes of a request, not compressed: what receivers of OTLP take if nobody tells them
/// otherwise. A single sample goes whatever it is.
const BODY_BYTES_MAX: usize = 4 << 20;
/// Where a request is refused with these, a part of it may be taken: 400, 413 and 422.
const DIVIDED: [u16; 3] = [400, 413, 422];

impl Delivery {
    /// Sends samples, divided where they are too many or some of them are refused.
    pub(super) async fn points(&mut self, url: &Url, batch: &Batch) -> Result<(), Stopped> {
        let encoder = MetricsEncoder::new(batch);
        self.not_sent(encoder.orphans());
        let all = 0..batch.len();
        let mut parts = vec![all];
        let mut divided = 0;
        while let Some(rows) = parts.pop() {
            if rows.is_empty() {
                continue;
            }
            let middle = rows.start + rows.len() / 2;
            let halves = [middle..rows.end, rows.start..middle];
            let describe = &self.describe;
            let mut describe = |name: &str| describe(name);
            let encoded = encoder.encode(rows.clone(), BODY_BYTES_MAX, &mut describe);
            let Some(encoded) = encoded else {
                parts.extend(halves);
                continue;
            };
            let items = encoded.items as u64;
            if items == 0 {
                self.not_sent(encoded.left_out);
                continue;
            }
            let body = packed(self.packing, encoded.body);
            let sort = Sort::Otlp(self.packing);
            match self.until_told(url, body, sort).await? {
                Outcome::NotThis => {
                    let name = &self.destination.name;
                    tracing::info!(destination = name, "gzip is not taken; sending without");
                    self.packing = Packing::Plain;
                    parts.push(rows);
                    continue;
                }
                Outcome::Never(status, said, _) => {
                    let is_dividing = DIVIDED.contains(&status)
                        && rows.len() > 1
                        && (status == 413 || divided < DIVIDED_MAX);
                    if is_dividing {
                        divided += 2;
                        parts.extend(halves);
                        continue;
                    }
                    self.refused(Kind::Samples, items, &said);
                }
                Outcome::Part(refused, said) => {
                    self.taken_but(Kind::Samples, items, refused, &said);
                }
                Outcome::Kept | Outcome::Later(..) => {
                    self.destination.counts.sent(Kind::Samples, items);
                }
            }
            self.not_sent(encoded.left_out);
        }
        Ok(())
    }

    /// Counts what OTLP has no form for.
    fn not_sent(&self, items: usize) {
        let counts = &self.destination.counts;
        counts.dropped(Kind::Samples, "no_form", items as u64);
    }
}

/// A body as it is sent.
fn packed(packing: Packing, body: Vec<u8>) -> Vec<u8> {
    match packing {
        Packing::Plain => body,
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            // Writing into a `Vec` cannot fail.
            let _ = encoder.write_all(&body);
            encoder.finish().unwrap_or_default()
        }
    }
}
