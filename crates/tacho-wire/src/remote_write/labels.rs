//! Label sets in words, for telling which sample was refused.

use crate::protobuf::Reader;

/// Most bytes of a description.
const BYTES_MAX: usize = 200;

/// Labels as they came over the wire, valid or not, the way people write a series; cut when long.
///
/// ```
/// use tacho_wire::remote_write::describe_labels;
/// let labels = tacho_model::Labels::new([("__name__", "up"), ("job", "api")]).unwrap();
/// assert_eq!(describe_labels(labels.as_ref().as_bytes()), r#"up{job="api"}"#);
/// ```
pub fn describe_labels(bytes: &[u8]) -> String {
    let (mut metric, mut others) = (String::new(), String::new());
    let mut reader = Reader::new(bytes, 0..bytes.len());
    while !reader.is_done() && others.len() < BYTES_MAX {
        let Some((name, value)) = label(&mut reader) else {
            break;
        };
        if name == tacho_model::METRIC_NAME && metric.is_empty() {
            metric = value;
        } else {
            let separator = if others.is_empty() { "" } else { "," };
            others += &format!("{separator}{name}={value:?}");
        }
    }
    let mut text = match (metric.is_empty(), others.is_empty()) {
        (false, true) => metric,
        _ => format!("{metric}{{{others}}}"),
    };
    if text.len() > BYTES_MAX {
        text.truncate(text.floor_char_boundary(BYTES_MAX));
        text.push('…');
    }
    text
}

/// The next label's name and value.
fn label(reader: &mut Reader<'_>) -> Option<(String, String)> {
    let key = reader.key().ok()?;
    let inside = reader.nested(key).ok()?;
    let mut fields = reader.inner(inside);
    let (mut name, mut value) = (String::new(), String::new());
    while !fields.is_done() {
        let key = fields.key().ok()?;
        let bytes = fields.bytes_of(key).ok()?;
        let bytes = bytes.get(..BYTES_MAX).unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        match key.number {
            1 => name = text,
            2 => value = text,
            _ => {}
        }
    }
    Some((name, value))
}
