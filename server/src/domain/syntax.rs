//! Checks the syntax of documents: JSON and YAML are parsed before they are stored, with limits on
//! the cost of parsing, so that no document can be published that a client rejects (pure).

use std::collections::HashSet;
use std::fmt;

use castalia_core::format::yaml;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Checks that the text is exactly one JSON value.
///
/// # Errors
/// Describes what is wrong, and where.
pub fn check_json(text: &str, allows_duplicate_members: bool) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = JsonValue { allows_duplicate_members };
    value
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| error.to_string())
}

/// Checks that the text is one YAML document.
///
/// # Errors
/// Describes what is wrong, and where.
pub fn check_yaml(text: &str) -> Result<(), String> {
    yaml::check(text).map_err(|error| error.to_string())
}

/// Parses a value and discards it. The parser itself limits the depth of nesting.
#[derive(Clone, Copy)]
struct JsonValue {
    allows_duplicate_members: bool,
}

impl<'de> DeserializeSeed<'de> for JsonValue {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonValue {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value_seed(self)?;
            if !self.allows_duplicate_members && !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("duplicate member `{name}`")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_one_strict_value() {
        for good in ["{}", "[1,2.5e3,null,true]", "\"text\"", "-1", " {\"a\":{\"b\":[]}} "] {
            assert_eq!(check_json(good, false), Ok(()), "{good}");
        }
        for bad in ["{\"a\":1} x", "{a:1}", "{'a':1}", "[1,]", "", "NaN", "{\"a\":1}{}"] {
            assert!(check_json(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn duplicate_members_are_refused_unless_allowed() {
        let text = r#"{"a":{"b":1,"b":2}}"#;
        assert!(check_json(text, false).unwrap_err().contains("duplicate member `b`"));
        assert_eq!(check_json(text, true), Ok(()));
    }

    #[test]
    fn yaml_is_one_document_that_clients_read() {
        for good in ["a: 1\nb: [x, y]\n", "- 1\n- 2", "text", "a: &x {b: 1}\nc: *x"] {
            assert_eq!(check_yaml(good), Ok(()), "{good}");
        }
        let bomb = "a: &a [x]\n".to_owned() + &"- *a\n".repeat(51).replace("- ", "k: ");
        for bad in ["a: 1\na: 2", "a: 1\n---\nb: 2", "a: !!java.lang.Runtime x", "a: [1", &bomb] {
            assert!(check_yaml(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        assert!(check_yaml(&"[".repeat(1_000_000)).is_err());
        assert!(check_json(&"[".repeat(1_000_000), true).is_err());
        assert!(check_json(&format!("{}{}", "[".repeat(129), "]".repeat(129)), true).is_err());
    }
}
