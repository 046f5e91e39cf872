//! Keys whose text is a JSON object. A malformed member takes no other with it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Shape, ValueKind};

/// A JSON object of numbers; members that are not positive numbers are dropped.
#[derive(Debug)]
pub struct Overrides;

impl ValueKind for Overrides {
    type Value = HashMap<String, i64>;

    fn read(&self, text: Option<String>) -> HashMap<String, i64> {
        let positive = |number: &Value| number.as_i64().filter(|number| *number > 0);
        let members = members(text.as_deref());
        members.filter_map(|(name, number)| Some((name, positive(&number)?))).collect()
    }

    fn malformed(&self, text: &str) -> Vec<String> {
        names(text, |value| value.is_null() || value.as_i64().is_some())
    }

    fn is_plain(&self, text: &str) -> bool {
        is_object(text) && self.malformed(text).is_empty()
    }

    fn default(&self) -> String {
        String::new()
    }

    fn form(&self) -> String {
        "JSON object of numbers".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::named("object")
    }
}

/// A JSON object with a text for each environment; members that are no texts are dropped.
#[derive(Debug)]
pub struct ByEnvironment;

impl ValueKind for ByEnvironment {
    type Value = HashMap<String, String>;

    fn read(&self, text: Option<String>) -> HashMap<String, String> {
        let members = members(text.as_deref());
        members.filter_map(|(name, text)| Some((name, text.as_str()?.to_owned()))).collect()
    }

    fn malformed(&self, text: &str) -> Vec<String> {
        names(text, Value::is_string)
    }

    fn is_plain(&self, text: &str) -> bool {
        is_object(text) && self.malformed(text).is_empty()
    }

    fn default(&self) -> String {
        String::new()
    }

    fn form(&self) -> String {
        "JSON object by environment".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::named("object")
    }
}

/// The members of a JSON object; none if the text is no object.
fn members(text: Option<&str>) -> impl Iterator<Item = (String, Value)> {
    let object: Map<_, _> =
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    object.into_iter()
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<Map<_, _>>(text).is_ok()
}

/// Names of the members that are not valid.
fn names(text: &str, is_valid: impl Fn(&Value) -> bool) -> Vec<String> {
    members(Some(text)).filter(|(_, value)| !is_valid(value)).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn overrides_drop_what_is_not_positive() {
        let read = Overrides.read(text(r#"{"a":5,"b":0,"c":null}"#));
        assert_eq!(read, HashMap::from([("a".to_owned(), 5)]));
        assert!(Overrides.read(text("{")).is_empty());
    }

    #[test]
    fn a_malformed_member_of_an_object_takes_no_other_with_it() {
        let overrides = r#"{"a":5,"b":"x","c":1.5,"d":null}"#;
        assert_eq!(Overrides.read(text(overrides)), HashMap::from([("a".to_owned(), 5)]));
        assert_eq!(Overrides.malformed(overrides), ["b", "c"]);
        let texts = r#"{"DEV":"a","PRO":1}"#;
        let read = ByEnvironment.read(text(texts));
        assert_eq!(read, HashMap::from([("DEV".to_owned(), "a".to_owned())]));
        assert_eq!(ByEnvironment.malformed(texts), ["PRO"]);
        assert!(ByEnvironment.read(text("[]")).is_empty());
    }
}
