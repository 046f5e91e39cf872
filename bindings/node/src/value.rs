//! From the text of a value to its type, by the same rules as in every language.

use std::time::{Duration, SystemTime};

use castalia_core::format::value::list;
use castalia_core::{Error, ErrorKind, FromValue, ReadRules, Result};
use napi::Either;
use napi::bindgen_prelude::{Either3, i64n};
use napi_derive::napi;
use tracing::warn;

use crate::failure::{Failure, told};
use crate::view::millis;

type Value = Either3<f64, i64n, bool>;

/// Reads a text as an `int`, `long`, `double` or `bool`, or as the milliseconds of a `duration`, a `date` or a `lenient date`.
#[napi(catch_unwind)]
pub fn parse(kind: String, text: String, namespace: String, key: String) -> Either<Value, Failure> {
    let parsed = match kind.as_str() {
        "int" => read(&text, |number: i32| Value::A(number.into())),
        "long" => read(&text, |number| Value::B(i64n(number))),
        "double" => read(&text, Value::A),
        "bool" => read(&text, Value::C),
        "duration" => read(&text, |time: Duration| Value::A(time.as_secs_f64() * 1000.0)),
        "date" => read(&text, date),
        "lenient date" => read_by(
            |text| {
                SystemTime::read(text, ReadRules { lenient_dates: true, ..ReadRules::default() })
            },
            &text,
            date,
        ),
        _ => Err(Error::new(ErrorKind::Internal, "read value", "no such type")),
    };
    told(parsed.map_err(|error| {
        warn!(namespace, key, "malformed value; the default of the reader counts");
        error.with("namespace", namespace).with("key", key)
    }))
}

/// The parts of a text between a delimiter, without blanks around them if wanted, and without empty ones at the end.
#[napi(catch_unwind)]
pub fn parse_list(text: String, delimiter: String, trim: bool) -> Vec<String> {
    list(&text, &delimiter, trim).into_iter().map(str::to_owned).collect()
}

fn read<T: FromValue>(text: &str, convert: impl Fn(T) -> Value) -> Result<Value> {
    read_by(T::from_value, text, convert)
}

fn read_by<T: FromValue>(
    parse: impl Fn(&str) -> Option<T>,
    text: &str,
    convert: impl Fn(T) -> Value,
) -> Result<Value> {
    let malformed = || Error::new(ErrorKind::Parse, "read value", T::EXPECTED);
    parse(text).map(convert).ok_or_else(malformed)
}

fn date(time: SystemTime) -> Value {
    Value::A(millis(time))
}
