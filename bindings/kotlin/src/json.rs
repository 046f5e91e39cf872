//! JSON for the JVM, which has no parser of its own.

use std::collections::HashMap;

use serde_json::Value;

/// A JSON value.
#[derive(Debug, uniffi::Enum)]
pub(crate) enum Json {
    Null,
    Boolean { value: bool },
    Whole { value: i64 },
    Number { value: f64 },
    Text { value: String },
    Items { items: Vec<Json> },
    Members { items: HashMap<String, Json> },
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Boolean { value },
            Value::Number(number) => match number.as_i64() {
                Some(value) => Self::Whole { value },
                None => Self::Number { value: number.as_f64().unwrap_or(f64::NAN) },
            },
            Value::String(value) => Self::Text { value },
            Value::Array(items) => {
                Self::Items { items: items.into_iter().map(Self::from).collect() }
            }
            Value::Object(items) => Self::Members {
                items: items.into_iter().map(|(key, value)| (key, Self::from(value))).collect(),
            },
        }
    }
}

/// Parses a text as JSON; `None` if it is not JSON.
#[uniffi::export]
fn parse_json(text: &str) -> Option<Json> {
    serde_json::from_str::<Value>(text).ok().map(Json::from)
}
