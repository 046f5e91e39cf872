//! Parses values as other types, by the same rules as in every language.

use castalia_core::format::value::list;
use castalia_core::host::read::{ReadPolicy, epoch_millis, millis};
use castalia_core::{Error, ErrorKind, FromValue, Result};
use napi::Either;
use napi::bindgen_prelude::{Either3, i64n};
use napi_derive::napi;

use crate::failure::{Failure, result_or_failure};

type Value = Either3<f64, i64n, bool>;

/// Rules for typed reads.
#[napi]
pub struct Rules {
    policy: ReadPolicy,
}

#[napi]
impl Rules {
    pub(crate) fn new(policy: ReadPolicy) -> Self {
        Self { policy }
    }

    /// Whether keys that a snapshot does not have may have a value elsewhere.
    #[napi(getter, catch_unwind)]
    pub fn has_fallback(&self) -> bool {
        !self.policy.fallback.is_empty()
    }

    /// Maximum number of parsed values that are cached for each snapshot and type.
    #[napi(getter, catch_unwind)]
    pub fn typed_cache(&self) -> u32 {
        u32::try_from(self.policy.typed_cache).unwrap_or(u32::MAX)
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
        let parsed = match kind.as_str() {
            "int" => self.read(&text, |number: i32| Value::A(number.into())),
            "long" => self.read(&text, |number| Value::B(i64n(number))),
            "double" => self.read(&text, Value::A),
            "bool" => self.read(&text, Value::C),
            "duration" => self.read(&text, |time| Value::A(millis(time) as f64)),
            "date" => self.read(&text, |time| Value::A(epoch_millis(time) as f64)),
            _ => Err(Error::new(ErrorKind::Internal, "read value", "no such type")),
        };
        result_or_failure(
            parsed.map_err(|error| error.with("namespace", namespace).with("key", key)),
        )
    }

    fn read<T: FromValue>(&self, text: &str, convert: impl Fn(T) -> Value) -> Result<Value> {
        let malformed = || Error::new(ErrorKind::Parse, "read value", T::EXPECTED);
        T::read(text, self.policy.rules).map(convert).ok_or_else(malformed)
    }
}

/// Splits a text at a delimiter, optionally trimming white space, without empty parts at the end.
#[napi(catch_unwind)]
pub fn parse_list(text: String, delimiter: String, trim: bool) -> Vec<String> {
    list(&text, &delimiter, trim).into_iter().map(str::to_owned).collect()
}
