//! Any bytes as a datagram of `StatsD`: to the parser, and what it takes to labels.

#![no_main]

use tacho_fuzz::plant;
use tacho_wire::name;
use tacho_wire::statsd::{Line, lines, tags};

/// What the `statsd` and `datadog` clients of Python send.
fn seeds() -> Vec<Vec<u8>> {
    let statsd = "py.requests:1|c\npy.temperature:20|g\npy.temperature:-3|g\npy.below:0|g\n\
        py.below:-7|g\npy.latency:100.000000|ms\npy.users:ann|s";
    let datadog = "dd.hits:1|c|#env:prod,page:home,fast\ndd.size:1|h|#env:prod\n\
        dd.spread:10:20|d|@0.5|#env:prod|c:ci-1|T1656581400\n\
        _sc|dd.db.up|2|h:web1|#db:main,env:prod|m:it is down\n\
        _e{8,17}:Deployed|version 5\\nby ann|t:success|#app:shop,env:prod\n";
    let influx = "app,host=a,core=0:1|c\r\n\n\u{fc}.\u{2603}:5|g|#\u{639}:1";
    [statsd, datadog, influx].map(|text| text.as_bytes().to_vec()).into()
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    for line in lines(bytes) {
        match line {
            Ok(Line::Metric(metric)) => {
                assert!(metric.rate > 0.0 && metric.rate <= 1.0);
                assert!(metric.samples().count() > 0);
                let _ = name::series(metric.name(), metric.all_tags());
            }
            Ok(Line::Check(check)) => {
                assert!(check.status <= 3);
                let _ = name::series(check.name, tags(check.tags));
            }
            Ok(Line::Event(event)) => {
                assert!(!event.title.is_empty());
                let _ = event.text();
            }
            Err(_) => {}
        }
    }
});
