//! Bounds the effort of a check before it is made: how often subschemas would be applied to values
//! if none were skipped. The library itself has no limit, and nested references multiply (pure).

use std::collections::HashMap;

use serde_json::Value;

use super::rules::{Compiled, target};

/// Maximum number of applications, of which each may fail.
const MOST: usize = 500_000;
/// Maximum memory of the errors, in bytes, if each application failed: an error can contain the
/// schema, and contains its place.
const ERRORS: usize = 256 << 20;
/// Size of an error without both, in bytes.
const ERROR: usize = 256;
/// Characters, or elements of a list, whose comparison costs as much as an application.
const COMPARED: usize = 16;
/// Size of a compiled regular expression whose search costs as much for each character as an
/// application, in bytes.
const SEARCHED: usize = 8 << 10;
/// Longest list whose elements the library compares in pairs.
const PAIRS: usize = 16;
/// Maximum depth of applications within each other.
const DEPTH: usize = 1_000;

/// Whether the check of a document is affordable; `length` is that of the schema, in bytes.
pub(super) fn is_affordable(compiled: &Compiled, length: usize, document: &Value) -> bool {
    let Compiled { schema: root, patterns, .. } = compiled;
    let most = MOST.min(ERRORS / (length + ERROR + longest_path(document)));
    Effort { root, patterns, left: most }.apply(root, document, 0).is_some()
}

struct Effort<'s> {
    root: &'s Value,
    patterns: &'s HashMap<String, usize>,
    left: usize,
}

impl<'s> Effort<'s> {
    /// `None` as soon as it is too much.
    fn apply(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Option<()> {
        self.spend(1)?;
        if depth > DEPTH {
            return None;
        }
        let Value::Object(keywords) = schema else { return Some(()) };
        for (keyword, inner) in keywords {
            self.spend(self.compared(keyword, inner, value))?;
            self.inner(keyword, inner, value, depth + 1)?;
        }
        Some(())
    }

    fn spend(&mut self, effort: usize) -> Option<()> {
        self.left = self.left.checked_sub(effort)?;
        Some(())
    }

    /// What a keyword compares by itself.
    fn compared(&self, keyword: &str, inner: &Value, value: &Value) -> usize {
        let text = value.as_str().map_or(0, str::len);
        match (keyword, inner) {
            ("pattern", Value::String(pattern)) => self.searched(pattern, text),
            ("patternProperties", Value::Object(patterns)) => {
                let keys = members(value).map(|(key, _)| key.len()).sum();
                patterns.keys().map(|pattern| self.searched(pattern, keys)).sum()
            }
            ("format" | "minLength" | "maxLength", _) => text / COMPARED,
            ("const" | "enum", _) => (size(inner) + text) / COMPARED,
            // Each name that is missing is an error.
            ("required" | "dependentRequired" | "dependencies", _) => size(inner),
            ("properties" | "dependentSchemas", Value::Object(named)) => named.len() / COMPARED,
            ("uniqueItems", Value::Bool(true)) => {
                let pairs = value.as_array().map_or(0, |items| items.len().min(PAIRS));
                size(value).saturating_mul(pairs) / COMPARED
            }
            _ => 0,
        }
    }

    /// A search in a text of this length.
    fn searched(&self, pattern: &str, length: usize) -> usize {
        let size = self.patterns.get(pattern).copied().unwrap_or(SEARCHED);
        (length / COMPARED).max(length.saturating_mul(size) / SEARCHED)
    }

    /// The schemas that a keyword applies.
    fn inner(
        &mut self,
        keyword: &str,
        inner: &'s Value,
        value: &Value,
        depth: usize,
    ) -> Option<()> {
        match keyword {
            "$ref" => {
                let target = target(self.root, inner.as_str().unwrap_or_default());
                target.map_or(Some(()), |target| self.apply(target, value, depth))
            }
            "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" => {
                each(inner).try_for_each(|schema| self.apply(schema, value, depth))
            }
            "dependentSchemas" | "dependencies" | "extends" => {
                members(inner).try_for_each(|(_, schema)| self.apply(schema, value, depth))
            }
            "properties" => members(inner).try_for_each(|(name, schema)| match value.get(name) {
                Some(child) => self.apply(schema, child, depth),
                None => Some(()),
            }),
            "patternProperties" => {
                members(inner).try_for_each(|(_, schema)| self.children(schema, value, depth))
            }
            "propertyNames" => members(value)
                .try_for_each(|(name, _)| self.apply(inner, &Value::String(name.clone()), depth)),
            "additionalProperties" | "items" | "prefixItems" | "additionalItems" | "contains" => {
                each(inner).try_for_each(|schema| self.children(schema, value, depth))
            }
            _ => Some(()),
        }
    }

    fn children(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Option<()> {
        match value {
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.apply(schema, item, depth))
            }
            Value::Object(members) => {
                members.values().try_for_each(|member| self.apply(schema, member, depth))
            }
            _ => Some(()),
        }
    }
}

/// The number of values in a value, and of its characters divided by those that are compared at
/// once.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => {
            1 + members.iter().map(|(key, value)| key.len() / COMPARED + size(value)).sum::<usize>()
        }
        Value::String(text) => 1 + text.len() / COMPARED,
        _ => 1,
    }
}

/// The length of the longest JSON pointer to a value, in bytes; that of an index is taken for 7.
fn longest_path(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| 8 + longest_path(item)).max().unwrap_or(0),
        Value::Object(members) => {
            let path = |(key, value): (&String, &Value)| 1 + 2 * key.len() + longest_path(value);
            members.iter().map(path).max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// The schemas of a keyword that has one, or a list of them.
fn each(inner: &Value) -> std::slice::Iter<'_, Value> {
    inner.as_array().map_or(std::slice::from_ref(inner), Vec::as_slice).iter()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::rules::compiled;
    use super::*;

    fn is_affordable(schema: &Value, document: &Value) -> bool {
        let text = schema.to_string();
        super::is_affordable(&compiled(&text).unwrap(), text.len(), document)
    }

    /// A schema whose references apply the last one 2^`levels` times.
    fn doubled(levels: usize, last: &Value) -> Value {
        let mut definitions = serde_json::Map::new();
        definitions.insert("d0".to_owned(), last.clone());
        for level in 1..=levels {
            let below = json!({ "$ref": format!("#/$defs/d{}", level - 1) });
            definitions.insert(format!("d{level}"), json!({ "allOf": [below, below] }));
        }
        json!({ "$ref": format!("#/$defs/d{levels}"), "$defs": definitions })
    }

    #[test]
    fn references_that_multiply_are_too_much() {
        assert!(!is_affordable(&doubled(39, &json!(false)), &json!({})));
        assert!(is_affordable(&doubled(10, &json!(false)), &json!({})));
        assert!(!is_affordable(&json!({ "$ref": "#" }), &json!({})));
        let tree = json!({
            "additionalProperties": { "allOf": [{ "$ref": "#" }, { "$ref": "#" }] },
        });
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(is_affordable(&tree, &nested(10)));
        assert!(!is_affordable(&tree, &nested(30)));
    }

    /// What a keyword does by itself multiplies as well.
    #[test]
    fn expensive_keywords_are_counted() {
        let letters = json!("ab".repeat(9_500));
        let pattern = json!({ "pattern": "[ab]*a[ab]{200}c" });
        assert!(is_affordable(&pattern, &letters));
        assert!(!is_affordable(&doubled(5, &pattern), &letters));
        assert!(is_affordable(&doubled(5, &json!({ "pattern": "^[a-z]*$" })), &letters));
        let numbers = json!((100..5_100).collect::<Vec<_>>());
        let unique = json!({ "uniqueItems": true });
        assert!(is_affordable(&unique, &numbers));
        assert!(!is_affordable(&doubled(10, &unique), &numbers));
        let names: Vec<_> = (0..7_000).map(|name| format!("{name:x}")).collect();
        for many in [json!({ "dependentRequired": { "a": names } }), json!({ "required": names })] {
            assert!(!is_affordable(&doubled(3, &many), &json!({ "a": 1 })));
        }
        let listed = json!({ "enum": names });
        assert!(!is_affordable(&doubled(10, &listed), &json!("b")));
    }

    #[test]
    fn a_large_document_is_affordable_with_a_plain_schema() {
        let schema = json!({ "items": { "properties": { "a": { "type": "string" } } } });
        let items = |count| Value::Array(vec![json!({ "a": "b" }); count]);
        assert!(is_affordable(&schema, &items(100_000)));
        assert!(!is_affordable(&schema, &items(300_000)));
    }

    /// An error contains the schema and its place, so that many errors of a large one, or at a long
    /// one, would fill the memory.
    #[test]
    fn what_errors_contain_is_counted() {
        let listed: Vec<u32> = (0..10_000).collect();
        let schema = json!({ "items": { "not": { "enum": listed } } });
        let numbers = Value::Array(vec![json!(0); 10_000]);
        assert!(!is_affordable(&schema, &numbers));
        let items = json!({ "items": { "type": "string" } });
        assert!(is_affordable(&items, &numbers));
        let names = |length| json!({ "n".repeat(length): numbers });
        let rooted = |last: Value| {
            let mut schema = doubled(3, &last);
            let start = schema["$ref"].take();
            schema["additionalProperties"] = json!({ "items": { "$ref": start } });
            schema.as_object_mut().unwrap().remove("$ref");
            schema
        };
        assert!(is_affordable(&rooted(items["items"].clone()), &names(10)));
        assert!(!is_affordable(&rooted(items["items"].clone()), &names(10_000)));
        let patterns = json!({ "items": { "pattern": "a" } });
        let texts = Value::Array(vec![json!("b".repeat(20_000)); 1_000]);
        assert!(!is_affordable(&patterns, &texts));
    }
}
