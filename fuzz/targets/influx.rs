//! Any bytes as a body of Influx line protocol.

#![no_main]

use tacho_fuzz::plant;
use tacho_model::append::SeriesIndex;
use tacho_model::{Batch, Timestamp};
use tacho_wire::influx::{Limits, Options, Precision, decode};

/// What the `influxdb` and `influxdb-client` clients of Python send.
fn seeds() -> Vec<Vec<u8>> {
    let one = "cpu,host=web\\ 1,zone=a\\=b\\,c name=\"say \\\"hi\\\"\nthere\",procs=7i,up=True,\
        user=12.5 1795316400000000000\nload value=0.75 1795316400\n";
    let two = "mem,host=web free=0.25,used=4096i 1795316400000000000\nfine n=1i\nbroken line\n\
        batch,n=7 value=7i\n# comment\n\r\n  a,b=c d=1u,e=f,g=-1e-3 -5";
    [one, two].map(|text| text.as_bytes().to_vec()).into()
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    let options = Options {
        precision: Precision::Secs,
        now: Timestamp::from_secs(1),
        db: "db",
        limits: Limits { samples_max: 10_000 },
    };
    let mut batch = Batch::new();
    let Ok(decoded) = decode(bytes, &options, &mut batch) else {
        return;
    };
    let refused: usize = decoded.refused.values().sum();
    assert!(decoded.examples.len() <= refused);
    for place in 0..batch.series_count() {
        assert!(batch.labels(SeriesIndex::at(place)).is_some());
    }
});
