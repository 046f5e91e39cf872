//! Parses values as other types, by the same rules as in every language.

use castalia_core::format::value::list;
use castalia_core::host::read::{self, epoch_millis, millis};
use castalia_core::{Error, ErrorKind, ReadRules};
use napi::Either;
use napi::bindgen_prelude::{Either3, i64n};
use napi_derive::napi;

use crate::failure::{Failure, result_or_failure};

type Value = Either3<f64, i64n, bool>;

/// Rules for typed reads.
#[napi]
pub struct Rules {
    rules: ReadRules,
}

#[napi]
impl Rules {
    pub(crate) fn new(rules: ReadRules) -> Self {
        Self { rules }
    }

    /// Parses a text as an `int`, `long`, `double` or `bool`, or as the milliseconds of a
    /// `duration` or a `date`. Namespace and key are the context of an error.
    #[napi(catch_unwind)]
    pub fn parse(
        &self,
        kind: String,
        text: String,
        namespace: String,
        key: String,
    ) -> Either<Value, Failure> {
        let (text, rules) = (&text, self.rules);
        let parsed = match kind.as_str() {
            "int" => read::parse(text, rules).map(|number: i32| Value::A(number.into())),
            "long" => read::parse(text, rules).map(|number| Value::B(i64n(number))),
            "double" => read::parse(text, rules).map(Value::A),
            "bool" => read::parse(text, rules).map(Value::C),
            "duration" => read::parse(text, rules).map(|time| Value::A(millis(time) as f64)),
            "date" => read::parse(text, rules).map(|time| Value::A(epoch_millis(time) as f64)),
            _ => Err(Error::new(ErrorKind::Internal, "read value", "no such type")),
        };
        result_or_failure(
            parsed.map_err(|error| error.with("namespace", namespace).with("key", key)),
        )
    }
}

/// Splits a text at a delimiter, optionally trimming white space, without empty parts at the end.
#[napi(catch_unwind)]
pub fn parse_list(text: String, delimiter: String, trim: bool) -> Vec<String> {
    list(&text, &delimiter, trim).into_iter().map(str::to_owned).collect()
}
