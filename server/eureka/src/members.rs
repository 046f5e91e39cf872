//! Reads members of a JSON object as leniently as Eureka's clients require: numbers and booleans
//! may be texts, `null` equals absent, unknown members are ignored.

use serde_json::{Map, Value};

use crate::Invalid;

/// Maximum nesting of a body.
const DEPTH: usize = 32;

/// An object whose members are read one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(crate) fn of(value: &'a Value, what: &str) -> Result<Self, Invalid> {
        value.as_object().map(Self).ok_or_else(|| Invalid::new(format!("{what} is not an object")))
    }

    pub(crate) fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// An object; an element without content in XML is a blank text.
    pub(crate) fn object(self, name: &str) -> Result<Option<Members<'a>>, Invalid> {
        let is_blank = |value: &&Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        let value = self.value(name).filter(|value| !is_blank(value));
        value.map(|value| Self::of(value, name)).transpose()
    }

    /// A text; a number or a boolean as it is written.
    pub(crate) fn text(self, name: &str) -> Result<Option<String>, Invalid> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(_) => Err(Invalid::new(format!("{name} is not a text"))),
        }
    }

    /// A text; an empty one equals absent.
    pub(crate) fn filled(self, name: &str) -> Result<Option<String>, Invalid> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    pub(crate) fn number(self, name: &str) -> Result<Option<i64>, Invalid> {
        let Some(text) = self.filled(name)? else { return Ok(None) };
        let number = text.trim().parse().map(Some);
        number.map_err(|_| Invalid::new(format!("{name} is not a number")))
    }

    pub(crate) fn switch(self, name: &str) -> Result<Option<bool>, Invalid> {
        match self.filled(name)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Invalid::new(format!("{name} is neither true nor false"))),
        }
    }

    /// Every member as a text, except for `@class` and those without a value; other values as their
    /// JSON text.
    pub(crate) fn texts(self) -> impl Iterator<Item = (String, String)> + use<'a> {
        let is_text = |(key, value): &(&String, &Value)| *key != "@class" && !value.is_null();
        self.0.iter().filter(is_text).map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key.clone(), text)
        })
    }
}

/// Parses a body; one that is nested too deeply is refused.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Invalid> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Invalid::new(format!("cannot parse the body: {error}")))?;
    if is_deeper(&value, DEPTH) {
        return Err(Invalid::new("the body is nested too deeply"));
    }
    Ok(value)
}

/// The parser itself limits the recursion.
fn is_deeper(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(values) => {
            depth == 0 || values.iter().any(|value| is_deeper(value, depth - 1))
        }
        Value::Object(members) => {
            depth == 0 || members.values().any(|value| is_deeper(value, depth - 1))
        }
        _ => false,
    }
}
