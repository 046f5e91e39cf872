//! Records: what describes something, such as a list, the origin of a snapshot, or metrics and
//! settings by the names of their fields, which are the same in every language. A new field changes
//! nothing here.

use serde_json::Value;

use crate::boundary::{CastaliaStr, lend_record};

/// A value that describes something: a record with named fields, a list, a text, a number or a
/// flag. A time is a number of microseconds and has a name that ends with `_us`, or one of
/// milliseconds with `_ms`; a moment is the time since 1970 (UTC). It never changes, and any number
/// of threads may read it.
#[derive(Debug)]
#[repr(transparent)]
pub struct CastaliaRecord(pub(crate) Value);

impl CastaliaRecord {
    pub(crate) fn boxed(value: impl Into<Value>) -> Box<Self> {
        Box::new(Self(value.into()))
    }
}

/// The field of a record; NULL if it is unset or there is none of this name. Valid until the record
/// that it was read from is released, or until the end of the call that lent it.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_field(
    record: Option<&CastaliaRecord>,
    name: CastaliaStr,
) -> Option<&CastaliaRecord> {
    let field = record?.0.get(name.text().ok()?)?;
    (!field.is_null()).then(|| lend_record(field))
}

/// The name of a record's field at an index; NULL beyond the last one. Valid as long as a field.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_name(
    record: Option<&CastaliaRecord>,
    index: usize,
) -> CastaliaStr {
    let fields = record.and_then(|record| record.0.as_object());
    CastaliaStr::of_option(fields.and_then(|fields| fields.keys().nth(index)).map(String::as_str))
}

/// The item of a list at an index; NULL beyond the last one. Valid as long as a field.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_item(
    list: Option<&CastaliaRecord>,
    index: usize,
) -> Option<&CastaliaRecord> {
    list?.0.get(index).map(lend_record)
}

/// A text; NULL for anything else. Valid as long as a field.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_text(text: Option<&CastaliaRecord>) -> CastaliaStr {
    CastaliaStr::of_option(text.and_then(|text| text.0.as_str()))
}

/// A number, or 1 and 0 for a flag; `otherwise` for anything else, such as NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_number(number: Option<&CastaliaRecord>, otherwise: i64) -> i64 {
    number
        .and_then(|number| number.0.as_i64().or_else(|| number.0.as_bool().map(i64::from)))
        .unwrap_or(otherwise)
}

/// Releases a record that a function returned or wrote, and every part that was read from it. Never
/// pass a part. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_release(record: Option<Box<CastaliaRecord>>) {
    drop(record);
}
