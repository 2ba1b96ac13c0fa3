//! The messages of OTLP: each field's number, its name in JSON, and how it is encoded.
//!
//! What is not here is passed over, as the specification demands of unknown fields. Names are
//! proto3's in lowerCamelCase; the others, with underscores, are taken too.
//! Source: opentelemetry-proto 1.x, `common`, `resource`, `trace`, `metrics`, `logs`, `collector`.

use super::Encoding::{
    Base64, Bool, Double, Enum, Fixed32, Fixed64, Hex, Message as In, SignedFixed64, Text, Varint,
    Zigzag,
};
use super::{Field, Message};

const fn one(number: u32, name: &'static str, encoding: super::Encoding) -> Field {
    Field {
        number,
        name,
        encoding,
        is_repeated: false,
    }
}

const fn many(number: u32, name: &'static str, encoding: super::Encoding) -> Field {
    Field {
        number,
        name,
        encoding,
        is_repeated: true,
    }
}

/// `ExportTraceServiceRequest`.
pub(super) static TRACES: Message = Message(&[many(1, "resourceSpans", In(&RESOURCE_SPANS))]);
/// `ExportMetricsServiceRequest`.
pub(super) static METRICS: Message = Message(&[many(1, "resourceMetrics", In(&RESOURCE_METRICS))]);
/// `ExportLogsServiceRequest`.
pub(super) static LOGS: Message = Message(&[many(1, "resourceLogs", In(&RESOURCE_LOGS))]);

static ANY_VALUE: Message = Message(&[
    one(1, "stringValue", Text),
    one(2, "boolValue", Bool),
    one(3, "intValue", Varint),
    one(4, "doubleValue", Double),
    one(5, "arrayValue", In(&ARRAY_VALUE)),
    one(6, "kvlistValue", In(&KEY_VALUE_LIST)),
    one(7, "bytesValue", Base64),
]);
static ARRAY_VALUE: Message = Message(&[many(1, "values", In(&ANY_VALUE))]);
static KEY_VALUE_LIST: Message = Message(&[many(1, "values", In(&KEY_VALUE))]);
static KEY_VALUE: Message = Message(&[one(1, "key", Text), one(2, "value", In(&ANY_VALUE))]);
static RESOURCE: Message = Message(&[
    many(1, "attributes", In(&KEY_VALUE)),
    one(2, "droppedAttributesCount", Varint),
]);
static SCOPE: Message = Message(&[
    one(1, "name", Text),
    one(2, "version", Text),
    many(3, "attributes", In(&KEY_VALUE)),
    one(4, "droppedAttributesCount", Varint),
]);

static RESOURCE_SPANS: Message = Message(&[
    one(1, "resource", In(&RESOURCE)),
    many(2, "scopeSpans", In(&SCOPE_SPANS)),
    one(3, "schemaUrl", Text),
]);
static SCOPE_SPANS: Message = Message(&[
    one(1, "scope", In(&SCOPE)),
    many(2, "spans", In(&SPAN)),
    one(3, "schemaUrl", Text),
]);
static SPAN: Message = Message(&[
    one(1, "traceId", Hex),
    one(2, "spanId", Hex),
    one(3, "traceState", Text),
    one(4, "parentSpanId", Hex),
    one(5, "name", Text),
    one(6, "kind", Enum(SPAN_KINDS)),
    one(7, "startTimeUnixNano", Fixed64),
    one(8, "endTimeUnixNano", Fixed64),
    many(9, "attributes", In(&KEY_VALUE)),
    one(10, "droppedAttributesCount", Varint),
    many(11, "events", In(&EVENT)),
    one(12, "droppedEventsCount", Varint),
    many(13, "links", In(&LINK)),
    one(14, "droppedLinksCount", Varint),
    one(15, "status", In(&STATUS)),
    one(16, "flags", Fixed32),
]);
const SPAN_KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
static EVENT: Message = Message(&[
    one(1, "timeUnixNano", Fixed64),
    one(2, "name", Text),
    many(3, "attributes", In(&KEY_VALUE)),
    one(4, "droppedAttributesCount", Varint),
]);
static LINK: Message = Message(&[
    one(1, "traceId", Hex),
    one(2, "spanId", Hex),
    one(3, "traceState", Text),
    many(4, "attributes", In(&KEY_VALUE)),
    one(5, "droppedAttributesCount", Varint),
    one(6, "flags", Fixed32),
]);
static STATUS: Message = Message(&[one(2, "message", Text), one(3, "code", Enum(STATUS_CODES))]);
const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

static RESOURCE_LOGS: Message = Message(&[
    one(1, "resource", In(&RESOURCE)),
    many(2, "scopeLogs", In(&SCOPE_LOGS)),
    one(3, "schemaUrl", Text),
]);
static SCOPE_LOGS: Message = Message(&[
    one(1, "scope", In(&SCOPE)),
    many(2, "logRecords", In(&LOG_RECORD)),
    one(3, "schemaUrl", Text),
]);
static LOG_RECORD: Message = Message(&[
    one(1, "timeUnixNano", Fixed64),
    one(2, "severityNumber", Enum(SEVERITIES)),
    one(3, "severityText", Text),
    one(5, "body", In(&ANY_VALUE)),
    many(6, "attributes", In(&KEY_VALUE)),
    one(7, "droppedAttributesCount", Varint),
    one(8, "flags", Fixed32),
    one(9, "traceId", Hex),
    one(10, "spanId", Hex),
    one(11, "observedTimeUnixNano", Fixed64),
    one(12, "eventName", Text),
]);
const SEVERITIES: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

static RESOURCE_METRICS: Message = Message(&[
    one(1, "resource", In(&RESOURCE)),
    many(2, "scopeMetrics", In(&SCOPE_METRICS)),
    one(3, "schemaUrl", Text),
]);
static SCOPE_METRICS: Message = Message(&[
    one(1, "scope", In(&SCOPE)),
    many(2, "metrics", In(&METRIC)),
    one(3, "schemaUrl", Text),
]);
static METRIC: Message = Message(&[
    one(1, "name", Text),
    one(2, "description", Text),
    one(3, "unit", Text),
    one(5, "gauge", In(&GAUGE)),
    one(7, "sum", In(&SUM)),
    one(9, "histogram", In(&HISTOGRAM)),
    one(10, "exponentialHistogram", In(&EXPONENTIAL_HISTOGRAM)),
    one(11, "summary", In(&SUMMARY)),
    many(12, "metadata", In(&KEY_VALUE)),
]);
static GAUGE: Message = Message(&[many(1, "dataPoints", In(&NUMBER_POINT))]);
static SUM: Message = Message(&[
    many(1, "dataPoints", In(&NUMBER_POINT)),
    one(2, "aggregationTemporality", Enum(TEMPORALITIES)),
    one(3, "isMonotonic", Bool),
]);
static HISTOGRAM: Message = Message(&[
    many(1, "dataPoints", In(&HISTOGRAM_POINT)),
    one(2, "aggregationTemporality", Enum(TEMPORALITIES)),
]);
static EXPONENTIAL_HISTOGRAM: Message = Message(&[
    many(1, "dataPoints", In(&EXPONENTIAL_POINT)),
    one(2, "aggregationTemporality", Enum(TEMPORALITIES)),
]);
static SUMMARY: Message = Message(&[many(1, "dataPoints", In(&SUMMARY_POINT))]);
const TEMPORALITIES: &[&str] = &[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];
static NUMBER_POINT: Message = Message(&[
    one(2, "startTimeUnixNano", Fixed64),
    one(3, "timeUnixNano", Fixed64),
    one(4, "asDouble", Double),
    many(5, "exemplars", In(&EXEMPLAR)),
    one(6, "asInt", SignedFixed64),
    many(7, "attributes", In(&KEY_VALUE)),
    one(8, "flags", Varint),
]);
static HISTOGRAM_POINT: Message = Message(&[
    one(2, "startTimeUnixNano", Fixed64),
    one(3, "timeUnixNano", Fixed64),
    one(4, "count", Fixed64),
    one(5, "sum", Double),
    many(6, "bucketCounts", Fixed64),
    many(7, "explicitBounds", Double),
    many(8, "exemplars", In(&EXEMPLAR)),
    many(9, "attributes", In(&KEY_VALUE)),
    one(10, "flags", Varint),
    one(11, "min", Double),
    one(12, "max", Double),
]);
static EXPONENTIAL_POINT: Message = Message(&[
    many(1, "attributes", In(&KEY_VALUE)),
    one(2, "startTimeUnixNano", Fixed64),
    one(3, "timeUnixNano", Fixed64),
    one(4, "count", Fixed64),
    one(5, "sum", Double),
    one(6, "scale", Zigzag),
    one(7, "zeroCount", Fixed64),
    one(8, "positive", In(&BUCKETS)),
    one(9, "negative", In(&BUCKETS)),
    one(10, "flags", Varint),
    many(11, "exemplars", In(&EXEMPLAR)),
    one(12, "min", Double),
    one(13, "max", Double),
    one(14, "zeroThreshold", Double),
]);
static BUCKETS: Message = Message(&[one(1, "offset", Zigzag), many(2, "bucketCounts", Varint)]);
static SUMMARY_POINT: Message = Message(&[
    one(2, "startTimeUnixNano", Fixed64),
    one(3, "timeUnixNano", Fixed64),
    one(4, "count", Fixed64),
    one(5, "sum", Double),
    many(6, "quantileValues", In(&QUANTILE)),
    many(7, "attributes", In(&KEY_VALUE)),
    one(8, "flags", Varint),
]);
static QUANTILE: Message = Message(&[one(1, "quantile", Double), one(2, "value", Double)]);
static EXEMPLAR: Message = Message(&[
    one(2, "timeUnixNano", Fixed64),
    one(3, "asDouble", Double),
    one(4, "spanId", Hex),
    one(5, "traceId", Hex),
    one(6, "asInt", SignedFixed64),
    many(7, "filteredAttributes", In(&KEY_VALUE)),
]);
