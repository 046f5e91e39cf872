//! Parses values as other types, by the same rules as in every language.

use castalia_core::format::value::list;
use castalia_core::host::read::{self, epoch_millis, millis};
use castalia_core::{Error, ErrorKind, ReadRules, Result};
use napi::bindgen_prelude::{Either3, i64n};
use napi_derive::napi;

pub(crate) type Value = Either3<f64, i64n, bool>;

/// Parses a text as an `int`, `long`, `double` or `bool`, or as the milliseconds of a `duration` or
/// a `date`.
pub(crate) fn parse(kind: &str, text: &str, rules: ReadRules) -> Result<Value> {
    match kind {
        "int" => read::parse(text, rules).map(|number: i32| Value::A(number.into())),
        "long" => read::parse(text, rules).map(|number| Value::B(i64n(number))),
        "double" => read::parse(text, rules).map(Value::A),
        "bool" => read::parse(text, rules).map(Value::C),
        "duration" => read::parse(text, rules).map(|time| Value::A(millis(time) as f64)),
        "date" => read::parse(text, rules).map(|time| Value::A(epoch_millis(time) as f64)),
        _ => Err(Error::new(ErrorKind::Internal, "read value", "no such type")),
    }
}

/// Splits a text at a delimiter, optionally trimming white space, without empty parts at the end.
#[napi(catch_unwind)]
pub fn parse_list(text: String, delimiter: String, trim: bool) -> Vec<String> {
    list(&text, &delimiter, trim).into_iter().map(str::to_owned).collect()
}
