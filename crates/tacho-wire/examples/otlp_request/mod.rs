//! Requests of OTLP metrics as a collector sends them, for benchmarks.

/// Points of a request.
pub(crate) const POINTS: usize = 10_000;
const METRICS: usize = 100;

/// What the points are.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// Numbers.
    Gauges,
    /// Explicit histograms of 14 bounds.
    Histograms,
    /// What counters gained in the ten seconds before.
    Deltas,
}

fn put(field: u8, bytes: &[u8], into: &mut Vec<u8>) {
    into.push(field << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        into.push(length as u8 | 0x80);
        length >>= 7;
    }
    into.push(length as u8);
    into.extend_from_slice(bytes);
}

fn fixed(field: u8, bits: u64, into: &mut Vec<u8>) {
    into.push(field << 3 | 1);
    into.extend_from_slice(&bits.to_le_bytes());
}

fn attribute(field: u8, name: &str, value: &str, into: &mut Vec<u8>) {
    let (mut any, mut pair) = (Vec::new(), Vec::new());
    put(1, value.as_bytes(), &mut any);
    put(1, name.as_bytes(), &mut pair);
    put(2, &any, &mut pair);
    put(field, &pair, into);
}

/// A point with four attributes, about 170 bytes.
fn point(load: Load, index: usize, nanos: u64) -> Vec<u8> {
    let attributes = if load == Load::Histograms { 9 } else { 7 };
    let since = if load == Load::Deltas { 10 } else { 60 };
    let mut out = Vec::new();
    fixed(2, nanos - since * 1_000_000_000, &mut out);
    fixed(3, nanos, &mut out);
    if load == Load::Histograms {
        fixed(4, 150, &mut out);
        fixed(5, 12.5f64.to_bits(), &mut out);
        put(6, &[10u64.to_le_bytes(); 15].concat(), &mut out);
        let bounds: Vec<u8> = (1..15)
            .flat_map(|i| (f64::from(i) * 0.05).to_le_bytes())
            .collect();
        put(7, &bounds, &mut out);
    } else {
        let value = index as f64 * 0.37 + nanos as f64 / 1e9;
        fixed(4, value.to_bits(), &mut out);
    }
    attribute(attributes, "http.request.method", "GET", &mut out);
    attribute(
        attributes,
        "http.route",
        &format!("/shop/{}", index % 100),
        &mut out,
    );
    attribute(attributes, "http.response.status_code", "200", &mut out);
    attribute(
        attributes,
        "server.address",
        &format!("host-{:04}", index / 100),
        &mut out,
    );
    out
}

/// A request of [`POINTS`] points at `nanos` of the service `number`.
pub(crate) fn request(load: Load, number: usize, nanos: u64) -> Vec<u8> {
    let mut resource = Vec::new();
    attribute(1, "service.name", "shop", &mut resource);
    attribute(
        1,
        "service.instance.id",
        &format!("shop-{number}"),
        &mut resource,
    );
    attribute(
        1,
        "deployment.environment.name",
        "production",
        &mut resource,
    );
    let (mut scope, mut scope_metrics) = (Vec::new(), Vec::new());
    put(1, b"shop.http", &mut scope);
    put(1, &scope, &mut scope_metrics);
    for metric in 0..METRICS {
        let mut data = Vec::new();
        for index in 0..POINTS / METRICS {
            put(1, &point(load, metric * 100 + index, nanos), &mut data);
        }
        let mut out = Vec::new();
        put(
            1,
            format!("http.server.figure.{metric}").as_bytes(),
            &mut out,
        );
        put(3, b"s", &mut out);
        // Temporality 1 is delta, 2 cumulative.
        let field = match load {
            Load::Gauges => 5,
            Load::Histograms => {
                data.extend_from_slice(&[2 << 3, 2]);
                9
            }
            Load::Deltas => {
                data.extend_from_slice(&[2 << 3, 1, 3 << 3, 1]);
                7
            }
        };
        put(field, &data, &mut out);
        put(2, &out, &mut scope_metrics);
    }
    let (mut resource_metrics, mut body) = (Vec::new(), Vec::new());
    put(1, &resource, &mut resource_metrics);
    put(2, &scope_metrics, &mut resource_metrics);
    put(1, &resource_metrics, &mut body);
    body
}
