//! A snapshot, which JavaScript copies part by part, and other types that its values are parsed as,
//! by the same rules as in every language.

use std::sync::Arc;

use castalia_core::format::value::list;
use castalia_core::host::describe;
use castalia_core::host::read::{self, epoch_millis, millis};
use castalia_core::{Error, ErrorKind, ReadRules, Snapshot};
use napi::bindgen_prelude::{Either3, i64n};
use napi_derive::napi;

use crate::failure::Result;

type Value = Either3<f64, i64n, bool>;

/// A snapshot, kept until JavaScript has copied it.
#[napi]
pub struct View {
    pub(crate) snapshot: Arc<Snapshot>,
}

#[napi]
impl View {
    /// The snapshot without its entries, as JSON.
    #[napi(getter, catch_unwind)]
    pub fn about(&self) -> String {
        describe::snapshot(&self.snapshot).to_string()
    }

    /// Keys and values in turn, in the server's order: at most `count` entries, starting at number
    /// `from`.
    #[napi(catch_unwind)]
    pub fn entries(&self, from: u32, count: u32) -> Vec<&str> {
        let chunk = self.snapshot.iter().skip(from as usize).take(count as usize);
        chunk.flat_map(|(key, value)| [key, value]).collect()
    }

    /// Whether this is the same snapshot.
    #[napi(catch_unwind)]
    pub fn is(&self, other: &View) -> bool {
        Arc::ptr_eq(&self.snapshot, &other.snapshot)
    }

    /// The namespace as one text.
    #[napi(getter, catch_unwind)]
    pub fn content(&self) -> Option<&str> {
        self.snapshot.content()
    }

    /// Parses the text of a value as an `int`, `long`, `double` or `bool`, or as the milliseconds
    /// of a `duration` or a `date`.
    #[napi(catch_unwind)]
    pub fn parse(&self, kind: String, text: String, key: String) -> Result<Value> {
        let parsed = parse(&kind, &text, self.snapshot.read_rules());
        let namespace = self.snapshot.namespace();
        Ok(parsed.map_err(|error| error.with("namespace", namespace).with("key", key))?)
    }

    /// Reports the value of this key as malformed.
    #[napi(catch_unwind)]
    pub fn note_malformed(&self, key: String) {
        self.snapshot.note_malformed(&key);
    }

    /// The value of a key that is not in the snapshot, such as an environment variable.
    #[napi(catch_unwind)]
    pub fn fallback_value(&self, key: String) -> Option<&str> {
        self.snapshot.get(&key)
    }
}

fn parse(kind: &str, text: &str, rules: ReadRules) -> castalia_core::Result<Value> {
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
