//! What benchmarks need of the store's inside; compiled only with the feature `bench`.

use tacho_model::Labels;

use crate::codec::{Effort, values};
use crate::engine::growth::Growth;
use crate::head::Head;
use crate::options::StoreOptions;

/// A head with some series, to be asked for them.
pub struct Finder {
    head: Head,
}

impl Finder {
    /// A head that holds these series.
    pub fn new(series: &[Labels]) -> Self {
        let head = Head::new(1, 7);
        let options = StoreOptions::default();
        let growth = Growth::default();
        let room = growth.room(&options, (options.clock)());
        for labels in series {
            let hash = head.hash(labels.as_ref().as_bytes());
            let mut shard = head.shard(hash.shard);
            let _ = head.insert(&mut shard, hash.within, labels.as_ref(), room);
        }
        Self { head }
    }

    /// Hashes label bytes and finds their series; whether it is there.
    pub fn find(&self, labels: &[u8]) -> bool {
        let hash = self.head.hash(labels);
        let shard = self.head.shard(hash.shard);
        shard.find(hash.within, labels).is_some()
    }
}

/// Encodes a page of numbers: quickly as the head seals them, or in their final form.
pub fn encode_page(numbers: &[f64], finally: bool) -> Vec<u8> {
    let effort = if finally {
        Effort::Final
    } else {
        Effort::Quick
    };
    let mut bytes = Vec::new();
    values::encode(numbers, effort, &mut bytes);
    bytes
}

/// Decodes a page of `count` numbers into `into`; whether it was whole.
pub fn decode_page(bytes: &[u8], count: usize, into: &mut Vec<f64>) -> bool {
    into.clear();
    values::decode(bytes, count, into).is_ok()
}
