//! Rows of a table in one record of the log, which tells all that is needed to read it.

use super::columns::Records;
use super::encode;
use super::schema::Schema;
use super::{APPEND_BYTES_MAX, APPEND_ROWS_MAX};
use crate::codec::Effort;
use crate::codec::bytes::{Reader, put_bytes, put_varint};
use crate::error::CodecError;

/// Most bytes that a record's rows take in memory: twice what an append may, as columns of nothing
/// but what is absent come on top.
const DECODED_BYTES_MAX: usize = 2 * APPEND_BYTES_MAX;

/// The payload of the rows' record.
pub(crate) fn encode(schema: &Schema, records: &Records) -> Vec<u8> {
    let mut payload = Vec::new();
    schema.encode(&mut payload);
    put_varint(&mut payload, records.len() as u64);
    let mut bytes = Vec::new();
    for column in &records.columns {
        bytes.clear();
        encode::encode(column, Effort::Least, &mut bytes);
        put_bytes(&mut payload, &bytes);
    }
    payload
}

/// Which table a payload is for.
pub(crate) fn table(payload: &[u8]) -> Result<&str, CodecError> {
    Reader::new(payload).text()
}

/// Reads a payload.
pub(crate) fn decode(payload: &[u8]) -> Result<(Schema, Records), CodecError> {
    let reader = &mut Reader::new(payload);
    let schema = Schema::decode(reader)?;
    let rows = reader.varint()?;
    if rows > APPEND_ROWS_MAX as u64 {
        return Err(CodecError::Corrupt("too many rows in one record"));
    }
    let rows = rows as usize;
    let mut columns = Vec::new();
    let mut bytes = 0;
    for column in schema.columns() {
        let column = encode::decode(column.kind(), reader.bytes()?, rows)?;
        bytes += column.bytes();
        if bytes > DECODED_BYTES_MAX {
            return Err(CodecError::Corrupt("a record is too large"));
        }
        columns.push(column);
    }
    if !reader.is_empty() {
        return Err(CodecError::Corrupt("a record is longer than its rows"));
    }
    Ok((schema, Records::of(columns, rows)))
}
