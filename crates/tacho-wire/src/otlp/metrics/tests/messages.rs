//! OpenTelemetry's messages by prost, to make requests of: `opentelemetry/proto/metrics/v1`.

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Request {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::otlp) resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct ResourceMetrics {
    #[prost(message, optional, tag = "1")]
    pub(in crate::otlp) resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::otlp) scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::otlp) attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct ScopeMetrics {
    #[prost(message, optional, tag = "1")]
    pub(in crate::otlp) scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::otlp) metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Scope {
    #[prost(string, tag = "1")]
    pub(in crate::otlp) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::otlp) version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(in crate::otlp) key: String,
    #[prost(message, optional, tag = "2")]
    pub(in crate::otlp) value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct AnyValue {
    #[prost(string, optional, tag = "1")]
    pub(in crate::otlp) text: Option<String>,
    #[prost(int64, optional, tag = "3")]
    pub(in crate::otlp) integer: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Metric {
    #[prost(string, tag = "1")]
    pub(in crate::otlp) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::otlp) description: String,
    #[prost(string, tag = "3")]
    pub(in crate::otlp) unit: String,
    #[prost(message, optional, tag = "5")]
    pub(in crate::otlp) gauge: Option<Numbers>,
    #[prost(message, optional, tag = "7")]
    pub(in crate::otlp) sum: Option<Numbers>,
    #[prost(message, optional, tag = "9")]
    pub(in crate::otlp) histogram: Option<Histograms>,
    #[prost(message, optional, tag = "10")]
    pub(in crate::otlp) exponential: Option<Exponentials>,
    #[prost(message, optional, tag = "11")]
    pub(in crate::otlp) summary: Option<Summaries>,
    #[prost(message, repeated, tag = "12")]
    pub(in crate::otlp) metadata: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Numbers {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::otlp) points: Vec<Number>,
    #[prost(int32, tag = "2")]
    pub(in crate::otlp) temporality: i32,
    #[prost(bool, tag = "3")]
    pub(in crate::otlp) monotonic: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Number {
    #[prost(fixed64, tag = "2")]
    pub(in crate::otlp) start: u64,
    #[prost(fixed64, tag = "3")]
    pub(in crate::otlp) time: u64,
    #[prost(double, optional, tag = "4")]
    pub(in crate::otlp) double: Option<f64>,
    #[prost(message, repeated, tag = "5")]
    pub(in crate::otlp) exemplars: Vec<Exemplar>,
    #[prost(sfixed64, optional, tag = "6")]
    pub(in crate::otlp) integer: Option<i64>,
    #[prost(message, repeated, tag = "7")]
    pub(in crate::otlp) attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "8")]
    pub(in crate::otlp) flags: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Exemplar {
    #[prost(fixed64, tag = "2")]
    pub(in crate::otlp) time: u64,
    #[prost(double, optional, tag = "3")]
    pub(in crate::otlp) double: Option<f64>,
    #[prost(bytes = "vec", tag = "4")]
    pub(in crate::otlp) span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub(in crate::otlp) trace_id: Vec<u8>,
    #[prost(message, repeated, tag = "7")]
    pub(in crate::otlp) attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Histograms {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::otlp) points: Vec<Explicit>,
    #[prost(int32, tag = "2")]
    pub(in crate::otlp) temporality: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Explicit {
    #[prost(fixed64, tag = "2")]
    pub(in crate::otlp) start: u64,
    #[prost(fixed64, tag = "3")]
    pub(in crate::otlp) time: u64,
    #[prost(fixed64, tag = "4")]
    pub(in crate::otlp) count: u64,
    #[prost(double, optional, tag = "5")]
    pub(in crate::otlp) sum: Option<f64>,
    #[prost(fixed64, repeated, tag = "6")]
    pub(in crate::otlp) counts: Vec<u64>,
    #[prost(double, repeated, tag = "7")]
    pub(in crate::otlp) bounds: Vec<f64>,
    #[prost(message, repeated, tag = "8")]
    pub(in crate::otlp) exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "9")]
    pub(in crate::otlp) attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "10")]
    pub(in crate::otlp) flags: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Exponentials {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::otlp) points: Vec<Exponential>,
    #[prost(int32, tag = "2")]
    pub(in crate::otlp) temporality: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Exponential {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::otlp) attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    pub(in crate::otlp) start: u64,
    #[prost(fixed64, tag = "3")]
    pub(in crate::otlp) time: u64,
    #[prost(fixed64, tag = "4")]
    pub(in crate::otlp) count: u64,
    #[prost(double, optional, tag = "5")]
    pub(in crate::otlp) sum: Option<f64>,
    #[prost(sint32, tag = "6")]
    pub(in crate::otlp) scale: i32,
    #[prost(fixed64, tag = "7")]
    pub(in crate::otlp) zero_count: u64,
    #[prost(message, optional, tag = "8")]
    pub(in crate::otlp) positive: Option<Buckets>,
    #[prost(message, optional, tag = "9")]
    pub(in crate::otlp) negative: Option<Buckets>,
    #[prost(uint32, tag = "10")]
    pub(in crate::otlp) flags: u32,
    #[prost(double, tag = "14")]
    pub(in crate::otlp) zero_threshold: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Buckets {
    #[prost(sint32, tag = "1")]
    pub(in crate::otlp) offset: i32,
    #[prost(uint64, repeated, tag = "2")]
    pub(in crate::otlp) counts: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Summaries {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::otlp) points: Vec<Summary>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Summary {
    #[prost(fixed64, tag = "3")]
    pub(in crate::otlp) time: u64,
    #[prost(fixed64, tag = "4")]
    pub(in crate::otlp) count: u64,
    #[prost(double, tag = "5")]
    pub(in crate::otlp) sum: f64,
    #[prost(message, repeated, tag = "6")]
    pub(in crate::otlp) quantiles: Vec<Quantile>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::otlp) struct Quantile {
    #[prost(double, tag = "1")]
    pub(in crate::otlp) quantile: f64,
    #[prost(double, tag = "2")]
    pub(in crate::otlp) value: f64,
}
