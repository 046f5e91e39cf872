//! Bounds the effort of a check before it is made: how often subschemas would be applied to values if
//! none were skipped. The library itself has no limit, and nested references multiply (pure).

use serde_json::Value;

use super::rules::REFERENCES;

/// Maximum number of applications, of which each may fail.
const MOST: usize = 500_000;
/// Maximum memory of the errors, in bytes, if each application failed: an error can contain the schema.
const ERRORS: usize = 256 << 20;
/// Characters, or elements of a list, whose comparison costs as much as an application.
const COMPARED: usize = 16;
/// Maximum depth of applications within each other.
const DEPTH: usize = 1_000;

/// Whether the check of a document is affordable; `length` is that of the schema, in bytes.
pub(super) fn is_affordable(schema: &Value, length: usize, document: &Value) -> bool {
    let most = MOST.min(ERRORS / length.max(1));
    Effort { root: schema, left: most }.apply(schema, document, 0).is_some()
}

struct Effort<'s> {
    root: &'s Value,
    left: usize,
}

impl<'s> Effort<'s> {
    /// `None` as soon as it is too much.
    fn apply(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEPTH {
            return None;
        }
        let Value::Object(keywords) = schema else { return Some(()) };
        for (keyword, inner) in keywords {
            self.keyword(keyword, inner, value, depth + 1)?;
        }
        Some(())
    }

    fn keyword(
        &mut self,
        keyword: &str,
        inner: &'s Value,
        value: &Value,
        depth: usize,
    ) -> Option<()> {
        let compared = match (keyword, inner, value) {
            ("pattern", _, Value::String(text)) => text.len(),
            ("enum" | "required", Value::Array(listed), _) => listed.len(),
            ("patternProperties", Value::Object(patterns), Value::Object(members)) => {
                members.keys().map(String::len).sum::<usize>().saturating_mul(patterns.len())
            }
            _ => 0,
        };
        self.left = self.left.checked_sub(compared / COMPARED)?;
        match keyword {
            _ if REFERENCES.contains(&keyword) => {
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

/// The schema of a reference: the root, a pointer, or an anchor.
pub(super) fn target<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let fragment = reference.strip_prefix('#')?;
    let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8().ok()?;
    match fragment.is_empty() || fragment.starts_with('/') {
        true => root.pointer(&fragment),
        false => anchored(root, &fragment),
    }
}

/// The schema with this anchor, wherever it is.
fn anchored<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    if ["$anchor", "$dynamicAnchor"].iter().any(|anchor| schema[*anchor] == name)
        || ["$id", "id"].iter().any(|id| schema[*id].as_str() == Some(&format!("#{name}")))
    {
        return Some(schema);
    }
    match schema {
        Value::Array(items) => items.iter().find_map(|item| anchored(item, name)),
        Value::Object(members) => members.values().find_map(|member| anchored(member, name)),
        _ => None,
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

    use super::*;

    #[test]
    fn references_that_multiply_are_too_much() {
        let mut definitions = serde_json::Map::new();
        definitions.insert("d0".to_owned(), json!(false));
        for level in 1..40 {
            let below = json!({ "$ref": format!("#/$defs/d{}", level - 1) });
            definitions.insert(format!("d{level}"), json!({ "allOf": [below, below] }));
        }
        let schema = |start: &str| json!({ "$ref": start, "$defs": definitions });
        assert!(!is_affordable(&schema("#/$defs/d39"), 1, &json!({})));
        assert!(is_affordable(&schema("#/$defs/d10"), 1, &json!({})));
        assert!(!is_affordable(&json!({ "$ref": "#" }), 1, &json!({})));
        let tree = json!({
            "$anchor": "tree",
            "additionalProperties": { "allOf": [{ "$ref": "#tree" }, { "$ref": "#" }] },
        });
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(is_affordable(&tree, 1, &nested(10)));
        assert!(!is_affordable(&tree, 1, &nested(30)));
    }

    #[test]
    fn a_large_document_is_affordable_with_a_plain_schema() {
        let schema = json!({ "items": { "properties": { "a": { "type": "string" } } } });
        let items = |count| Value::Array(vec![json!({ "a": "b" }); count]);
        assert!(is_affordable(&schema, 1, &items(100_000)));
        assert!(!is_affordable(&schema, 1, &items(300_000)));
    }

    /// An error contains the schema, so that many errors of a large one would fill the memory.
    #[test]
    fn what_errors_contain_is_counted() {
        let listed: Vec<u32> = (0..32_000).collect();
        let schema = json!({ "items": { "not": { "enum": listed } } });
        let numbers = Value::Array(vec![json!(0); 10_000]);
        assert!(!is_affordable(&schema, schema.to_string().len(), &numbers));
        assert!(is_affordable(&json!({ "items": { "type": "string" } }), 30, &numbers));
        let patterns = json!({ "items": { "pattern": "a" } });
        let texts = Value::Array(vec![json!("b".repeat(20_000)); 1_000]);
        assert!(!is_affordable(&patterns, 30, &texts));
    }
}
