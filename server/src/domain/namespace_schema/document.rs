//! The content of a namespace as the JSON that its schema describes: the document of a json or yaml
//! namespace, or an object of the keys and values of a properties namespace (pure).

use castalia_core::format::yaml;
use castalia_core::protocol::namespace::{CONTENT_KEY, Format};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::rules::target;
use crate::domain::configurations::Configurations;

/// Why content is not checked at all.
pub(super) const TOO_MUCH: &str =
    "the content is too large, or the schema refers to itself too often, to be checked";

/// The document of a namespace of this format; the error says why the content has none.
pub(super) fn of(
    format: Format,
    content: &Configurations,
    schema: &Value,
) -> Result<Value, String> {
    let text = content.get(CONTENT_KEY).map_or("", String::as_str);
    match format {
        Format::Json => serde_json::from_str(text).map_err(|error| {
            // The message of the parser names a position, not a value.
            format!("the content is not JSON: {error}")
        }),
        Format::Yaml | Format::Yml => {
            yaml::to_json(text).map_err(|_| "the content is not a YAML document".to_owned())
        }
        _ => properties(content, schema).ok_or_else(|| TOO_MUCH.to_owned()),
    }
}

/// `None` if too many schemas apply.
fn properties(content: &Configurations, schema: &Value) -> Option<Value> {
    let mut types = Types { root: schema, patterns: patterns(schema), left: SCHEMAS };
    let entry = |(key, text): (&String, &String)| {
        let types = types.of_key(schema, key, 0)?;
        Some((key.clone(), value(text, &types)))
    };
    Some(Value::Object(content.iter().map(entry).collect::<Option<Map<_, _>>>()?))
}

/// A text as a value of one of the types that its schema asks for. A text stays a string if the
/// schema asks for no type or accepts a string, or if it is a value of none of the types, which
/// the check then reports.
fn value(text: &str, types: &[&str]) -> Value {
    let string = || Value::String(text.to_owned());
    if types.is_empty() || types.contains(&"string") {
        return string();
    }
    let parsed = serde_json::from_str(text.trim()).unwrap_or_else(|_| string());
    let is_wanted = match &parsed {
        Value::Bool(_) => types.contains(&"boolean"),
        Value::Number(_) => types.contains(&"number") || types.contains(&"integer"),
        Value::Array(_) => types.contains(&"array"),
        Value::Object(_) => types.contains(&"object"),
        // A property has no value that is null.
        Value::Null | Value::String(_) => false,
    };
    if is_wanted { parsed } else { string() }
}

/// The patterns of keys at the root of a schema, with the schemas of their values.
fn patterns(schema: &Value) -> Vec<(Validator, &Value)> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let matching = |(pattern, inner)| {
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        Some((options.build(&json!({ "pattern": pattern })).ok()?, inner))
    };
    patterns.into_iter().flatten().filter_map(matching).collect()
}

/// Maximum number of references that are followed within each other.
const REFERENCES: usize = 20;
/// Maximum number of schemas that are asked for the types of all keys.
const SCHEMAS: usize = 200_000;

/// Finds the types that a schema asks for.
struct Types<'s> {
    root: &'s Value,
    patterns: Vec<(Validator, &'s Value)>,
    /// Schemas that may still be asked.
    left: usize,
}

impl<'s> Types<'s> {
    /// The types that the schema of an object asks for in a property: by `properties`, otherwise by
    /// `additionalProperties`, also of the schemas in `$ref` and `allOf`. `None` if too many
    /// schemas apply.
    fn of_key(&mut self, schema: &'s Value, key: &str, depth: usize) -> Option<Vec<&'s str>> {
        self.left = self.left.checked_sub(1 + self.patterns.len())?;
        let named = schema.get("properties").and_then(|properties| properties.get(key));
        let matches = |(pattern, _): &&(Validator, &Value)| pattern.is_valid(&Value::from(key));
        let matched = || self.patterns.iter().find(matches).map(|(_, inner)| *inner);
        let property = named.or_else(matched).or_else(|| schema.get("additionalProperties"));
        if let Some(property) = property {
            let own = self.of_value(property, depth)?;
            if !own.is_empty() {
                return Some(own);
            }
        }
        for inner in composed(self.root, schema, depth) {
            let found = self.of_key(inner, key, depth + 1)?;
            if !found.is_empty() {
                return Some(found);
            }
        }
        Some(Vec::new())
    }

    /// The types that the schema of a value asks for.
    fn of_value(&mut self, schema: &'s Value, depth: usize) -> Option<Vec<&'s str>> {
        self.left = self.left.checked_sub(1)?;
        match schema.get("type") {
            Some(Value::String(one)) => return Some(vec![one]),
            Some(Value::Array(some)) => {
                return Some(some.iter().filter_map(Value::as_str).collect());
            }
            _ => {}
        }
        for inner in composed(self.root, schema, depth) {
            let found = self.of_value(inner, depth + 1)?;
            if !found.is_empty() {
                return Some(found);
            }
        }
        Some(Vec::new())
    }
}

/// The schemas that apply to the same value by `$ref` and `allOf`.
fn composed<'s>(
    root: &'s Value,
    schema: &'s Value,
    depth: usize,
) -> impl Iterator<Item = &'s Value> {
    let reference = schema.get("$ref").and_then(Value::as_str);
    let target = reference.and_then(|reference| target(root, reference));
    let all = schema.get("allOf").and_then(Value::as_array);
    target.into_iter().chain(all.into_iter().flatten()).filter(move |_| depth < REFERENCES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(pairs: &[(&str, &str)]) -> Configurations {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_of_properties_have_the_types_that_the_schema_asks_for() {
        let schema = json!({
            "allOf": [{ "properties": { "hosts": { "type": "array" } } }],
            "properties": {
                "port": { "$ref": "#/$defs/port" },
                "on": { "type": "boolean" },
                "either": { "type": ["integer", "string"] },
                "text": { "type": "string" },
                "none": { "type": "null" },
                "wrong": { "type": "number" },
            },
            "$defs": { "port": { "type": "integer" } },
        });
        let pairs = [
            ("port", " 80 "),
            ("on", "true"),
            ("either", "5"),
            ("text", "6"),
            ("none", "null"),
            ("wrong", "7s"),
            ("other", "8"),
            ("hosts", "[\"a\"]"),
        ];
        let expected = json!({
            "port": 80, "on": true, "either": "5", "text": "6", "none": "null", "wrong": "7s",
            "other": "8", "hosts": ["a"],
        });
        assert_eq!(of(Format::Properties, &content(&pairs), &schema), Ok(expected));
        let all = json!({ "additionalProperties": { "type": "number" } });
        assert_eq!(of(Format::Properties, &content(&[("a", "1")]), &all), Ok(json!({ "a": 1 })));
        let patterns = json!({
            "patternProperties": { "^name": { "type": "string" } },
            "additionalProperties": { "$ref": "#/$defs/n%20u" },
            "$defs": { "n u": { "type": "integer" } },
        });
        let pairs = content(&[("name.a", "5"), ("a", "5")]);
        assert_eq!(of(Format::Properties, &pairs, &patterns), Ok(json!({ "name.a": "5", "a": 5 })));
    }

    #[test]
    fn documents_are_parsed_in_their_format() {
        let schema = json!({});
        let yaml = content(&[("content", "a: [1, yes]\n")]);
        assert_eq!(of(Format::Yml, &yaml, &schema), Ok(json!({ "a": [1, true] })));
        let json = content(&[("content", "{\"a\": 1.5}")]);
        assert_eq!(of(Format::Json, &json, &schema), Ok(json!({ "a": 1.5 })));
        assert!(of(Format::Json, &content(&[]), &schema).unwrap_err().contains("not JSON"));
        assert_eq!(of(Format::Yaml, &content(&[]), &schema), Ok(Value::Null));
    }

    #[test]
    fn references_that_multiply_end() {
        let schema = json!({ "allOf": vec![json!({ "$ref": "#" }); 30] });
        let found = of(Format::Properties, &content(&[("a", "1")]), &schema);
        assert_eq!(found, Err(TOO_MUCH.to_owned()));
    }

    #[test]
    fn references_in_a_circle_have_no_type() {
        let schema = json!({ "$ref": "#", "properties": { "a": { "allOf": [{ "$ref": "#/properties/a" }] } } });
        assert_eq!(
            of(Format::Properties, &content(&[("a", "1")]), &schema),
            Ok(json!({ "a": "1" }))
        );
    }
}
