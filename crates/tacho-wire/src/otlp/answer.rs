//! What an OTLP request is answered with: partial success, and what went wrong.
//!
//! Both exist as protobuf and as JSON: an answer is in the encoding of its request. A success that
//! refused nothing is the empty message. Sources: OTLP 1.x specification, "OTLP/HTTP Response",
//! "Partial Success"; `google/rpc/status.proto`, `google/rpc/error_details.proto`.

use std::time::Duration;

use super::put;
use super::resource::quote;
use crate::protobuf::{ProtobufError, Reader};

/// What a request was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `ExportTraceServiceRequest`.
    Traces,
    /// `ExportMetricsServiceRequest`.
    Metrics,
    /// `ExportLogsServiceRequest`.
    Logs,
}

impl Kind {
    /// What the count of refused items is called in JSON.
    const fn rejected(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Metrics => "rejectedDataPoints",
            Self::Logs => "rejectedLogRecords",
        }
    }
}

/// The response to a request that was taken, whole or in part. With nothing refused a message is
/// a warning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// How many items were refused.
    pub rejected: u64,
    /// Why, for whoever reads the sender's log; empty when there is nothing to say.
    pub message: String,
}

impl Partial {
    fn is_nothing(&self) -> bool {
        self.rejected == 0 && self.message.is_empty()
    }

    /// Reads the response's message in protobuf. A text that is not UTF-8 is mended.
    ///
    /// # Errors
    /// [`ProtobufError`]: it is no such message.
    pub fn from_protobuf(body: &[u8]) -> Result<Self, ProtobufError> {
        let mut partial = Self::default();
        Reader::new(body, 0..body.len()).each(1, |mut reader| {
            while !reader.is_done() {
                let key = reader.key()?;
                match key.number {
                    1 => partial.rejected = reader.integer(key)?,
                    2 => {
                        let text = String::from_utf8_lossy(reader.bytes_of(key)?);
                        partial.message = text.into_owned();
                    }
                    _ => reader.skip(key)?,
                }
            }
            Ok(())
        })?;
        // A count below zero says nothing.
        if partial.rejected > i64::MAX as u64 {
            partial.rejected = 0;
        }
        Ok(partial)
    }

    /// The response's message in protobuf; the same for all three signals.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.is_nothing() {
            put::message(1, &mut out, |out| {
                put::integer(1, self.rejected, out);
                put::bytes(2, self.message.as_bytes(), out);
            });
        }
        out
    }

    /// The response's message in JSON.
    pub fn to_json(&self, kind: Kind) -> String {
        if self.is_nothing() {
            return "{}".to_owned();
        }
        let mut json = format!(
            "{{\"partialSuccess\":{{\"{}\":\"{}\",\"errorMessage\":",
            kind.rejected(),
            self.rejected
        );
        quote(&self.message, &mut json);
        json.push_str("}}");
        json
    }
}

/// A `google.rpc.Status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The number of the code, as in gRPC.
    pub code: u32,
    /// What went wrong.
    pub message: String,
    /// When to try again, where that helps.
    pub retry_after: Option<Duration>,
}

/// What `Any` calls the detail that says when to try again.
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

impl Status {
    /// As protobuf.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put::integer(1, u64::from(self.code), &mut out);
        put::bytes(2, self.message.as_bytes(), &mut out);
        if let Some(wait) = self.retry_after {
            put::message(3, &mut out, |any| {
                put::bytes(1, RETRY_INFO.as_bytes(), any);
                put::message(2, any, |info| {
                    put::message(1, info, |duration| {
                        put::integer(1, wait.as_secs(), duration);
                        put::integer(2, u64::from(wait.subsec_nanos()), duration);
                    });
                });
            });
        }
        out
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        let mut json = format!("{{\"code\":{},\"message\":", self.code);
        quote(&self.message, &mut json);
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64();
            json.push_str(&format!(
                ",\"details\":[{{\"@type\":\"{RETRY_INFO}\",\"retryDelay\":\"{seconds}s\"}}]"
            ));
        }
        json.push('}');
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_success_is_the_empty_message() {
        let nothing = Partial::default();
        assert_eq!(nothing.to_protobuf(), b"");
        assert_eq!(Partial::from_protobuf(b""), Ok(nothing.clone()));
        assert_eq!(nothing.to_json(Kind::Traces), "{}");
    }

    #[test]
    fn a_partial_success_counts_and_says_why() {
        let partial = Partial {
            rejected: 300,
            message: "too \"old\"".to_owned(),
        };
        let protobuf = b"\x0a\x0e\x08\xac\x02\x12\x09too \"old\"";
        assert_eq!(partial.to_protobuf(), protobuf);
        assert_eq!(Partial::from_protobuf(protobuf), Ok(partial.clone()));
        let json: serde_json::Value = serde_json::from_str(&partial.to_json(Kind::Logs)).unwrap();
        let expected = serde_json::json!({
            "partialSuccess": {"rejectedLogRecords": "300", "errorMessage": "too \"old\""}
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn an_answer_of_others_is_read_or_refused() {
        // Fields in the other order, and one that is not known.
        let rejected = Partial::from_protobuf(b"\x0a\x08\x12\x01\xff\x18\x01\x08\xac\x02").unwrap();
        assert_eq!(
            (rejected.rejected, rejected.message.as_str()),
            (300, "\u{fffd}")
        );
        let below_zero = b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(Partial::from_protobuf(below_zero).unwrap().rejected, 0);
        for body in [&b"{}"[..], b"\x0a\x05\x08", b"ok"] {
            assert!(Partial::from_protobuf(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_status_says_when_to_come_back() {
        let status = Status {
            code: 8,
            message: "full".to_owned(),
            retry_after: Some(Duration::from_secs(1)),
        };
        let detail = [
            &b"\x1a\x30\x0a\x28"[..],
            RETRY_INFO.as_bytes(),
            b"\x12\x04\x0a\x02\x08\x01",
        ];
        let expected = [&b"\x08\x08\x12\x04full"[..], &detail.concat()].concat();
        assert_eq!(status.to_protobuf(), expected);
        let json: serde_json::Value = serde_json::from_str(&status.to_json()).unwrap();
        assert_eq!(json["details"][0]["retryDelay"], "1s");
        assert_eq!(
            (&json["code"], &json["message"]),
            (&8.into(), &"full".into())
        );
    }
}
