//! Where content violates the JSON Schema of its namespace. Values may be secrets: a violation
//! names the place and the rule, never the value.

use castalia_core::protocol::namespace::Format;

use super::document;
use super::effort::is_affordable;
use super::rules::{compiled, on_large_stack};
use super::turn::Checking;
use crate::domain::configurations::Configurations;
use crate::error::{Code, Error, Result};

/// Maximum number of violations that are reported.
const MOST: usize = 20;
/// Maximum length of a rule, in characters: a schema may list many values.
const RULE: usize = 200;

/// A place that violates a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer; of a properties namespace, its first part is the key.
    pub path: String,
    /// What is wrong.
    pub rule: String,
}

/// The first places where content violates a schema, and the number of all.
///
/// # Errors
/// Fails if the stored schema cannot be used any more.
pub async fn violations(
    checking: &Checking,
    schema: String,
    format: Format,
    content: Configurations,
) -> Result<(Vec<Violation>, usize)> {
    on_large_stack(checking, move || found(&schema, format, &content)).await
}

fn found(
    schema: &str,
    format: Format,
    content: &Configurations,
) -> Result<(Vec<Violation>, usize)> {
    let length = schema.len();
    let compiled = compiled(schema)?;
    let whole = |rule: String| Ok((vec![Violation { path: "/".to_owned(), rule }], 1));
    let document = match document::of(format, content, &compiled.schema) {
        Ok(document) => document,
        Err(problem) => return whole(problem),
    };
    if !is_affordable(&compiled, length, &document) {
        return whole(document::TOO_MUCH.to_owned());
    }
    let validator = compiled.validator;
    if validator.is_valid(&document) {
        return Ok((Vec::new(), 0));
    }
    let violation = |error: &jsonschema::ValidationError<'_>| {
        let path = error.instance_path().as_str();
        let rule = error.masked_with("the value").to_string();
        Violation {
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            rule: rule.chars().take(RULE).collect(),
        }
    };
    let mut errors = validator.iter_errors(&document);
    let first = errors.by_ref().take(MOST).map(|error| violation(&error)).collect::<Vec<_>>();
    let total = first.len() + errors.count();
    Ok((first, total))
}

/// The error of a publish of content that violates its schema.
#[must_use]
pub fn refusal(violations: &[Violation], total: usize) -> Error {
    let places: Vec<_> =
        violations.iter().map(|Violation { path, rule }| format!("{path}: {rule}")).collect();
    let more = match total - violations.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!(
        "The content violates the JSON Schema of the namespace: {}{more}",
        places.join("; ")
    );
    Error::bad_request(message).with_code(Code::SchemaViolated)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn checking(caller: &str) -> Checking {
        Checking::to_publish(caller.to_owned()).await.unwrap()
    }

    fn json(text: &str) -> Configurations {
        [("content".to_owned(), text.to_owned())].into_iter().collect()
    }

    #[tokio::test]
    async fn no_violation_contains_a_value() {
        let secret = "s3cret-value";
        let schema = json!({
            "properties": {
                "type": { "type": "number" },
                "enum": { "enum": ["a"] },
                "const": { "const": "a" },
                "pattern": { "pattern": "^a" },
                "maxLength": { "maxLength": 1 },
                "format": { "format": "ipv4" },
                "anyOf": { "anyOf": [{ "const": 1 }, { "const": 2 }] },
                "oneOf": { "oneOf": [{ "type": "string" }, true] },
                "not": { "not": { "type": "string" } },
                "false": false,
                "unique": { "uniqueItems": true },
                "contains": { "contains": { "const": 1 } },
                "maximum": { "maximum": 1 },
                "multipleOf": { "multipleOf": 7 },
                "items": { "maxItems": 1 },
                "nested": { "maxProperties": 0, "required": ["b"] },
            },
            "required": ["missing"],
        });
        let mut content = serde_json::Map::new();
        for key in schema["properties"].as_object().unwrap().keys() {
            let value = match key.as_str() {
                "unique" | "contains" | "items" => json!([secret, secret]),
                "maximum" | "multipleOf" => json!(918_273),
                "nested" => json!({ "a": secret }),
                _ => json!(secret),
            };
            content.insert(key.clone(), value);
        }
        let (found, total) = violations(
            &checking("values").await,
            schema.to_string(),
            Format::Json,
            json(&serde_json::Value::Object(content).to_string()),
        )
        .await
        .unwrap();
        assert_eq!(total, 18, "{found:?}");
        for violation in &found {
            assert!(!violation.rule.contains("s3cret"), "{violation:?}");
            assert!(!violation.rule.contains("918273"), "{violation:?}");
        }
        assert!(found.iter().any(|violation| violation.path == "/pattern"), "{found:?}");
    }

    #[tokio::test]
    async fn a_schema_of_the_maximum_length_does_not_exhaust_the_stack() {
        for last in ["true".to_owned(), json!({ "$ref": "#/$defs/d0" }).to_string()] {
            let mut definitions = String::new();
            let count = 2000;
            for level in 0..count {
                definitions += &format!(r##""d{level}":{{"$ref":"#/$defs/d{}"}},"##, level + 1);
            }
            let schema =
                format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{definitions}"d{count}":{last}}}}}"##);
            let checking = checking("length").await;
            let (found, _) = violations(&checking, schema, Format::Json, json("{}")).await.unwrap();
            assert!(found[0].rule.contains("too often"), "{found:?}");
        }
    }

    #[tokio::test]
    async fn only_the_first_violations_are_listed() {
        let schema = json!({ "items": { "type": "string" } }).to_string();
        let content = json(&json!(vec![1; 50]).to_string());
        let checking = checking("number").await;
        let (found, total) = violations(&checking, schema, Format::Json, content).await.unwrap();
        assert_eq!((found.len(), total), (20, 50));
        let error = refusal(&found, total);
        assert!(error.message().ends_with("and 30 more"), "{error}");
    }
}
