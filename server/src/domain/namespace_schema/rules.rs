//! What a JSON Schema may contain: it is complete in itself, and compiling it costs little. Knows
//! no content.

use std::collections::HashMap;

use jsonschema::{PatternOptions, Validator};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::turn::Checking;
use crate::error::{Code, Error, Result};

/// Maximum length of a schema, in bytes.
pub const SCHEMA: usize = 64 << 10;
/// Maximum number of regular expressions of a schema: each has memory of its own.
const PATTERNS: usize = 200;
/// Maximum size of a compiled regular expression and of its cache, in bytes; the time of a search
/// grows with it.
const PATTERN: usize = 64 << 10;
/// Maximum length of a message, in characters: those of the library repeat the schema.
const MESSAGE: usize = 500;
/// Stack of the thread that compiles a schema or checks content: a schema of the maximum length can
/// be a chain of thousands of references, and the library follows them recursively.
const STACK: usize = 256 << 20;

/// Keywords that have one schema, or a list of them.
const APPLYING: [&str; 14] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "items",
    "prefixItems",
    "additionalItems",
    "additionalProperties",
    "contains",
    "propertyNames",
    "contentSchema",
];
/// Keywords whose members have names of their own and are schemas.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
/// Keywords that apply other keywords again, as often as they are nested.
const REPEATING: [&str; 4] =
    ["unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef"];
/// Keywords whose values are data instead of schemas.
const DATA: [&str; 5] = ["const", "enum", "default", "example", "examples"];
/// A schema that can be applied.
pub(super) struct Compiled {
    pub(super) schema: Value,
    pub(super) validator: Validator,
    /// Its regular expressions, and at most how many bytes each is compiled to.
    pub(super) patterns: HashMap<String, usize>,
}

/// Checks the text of a schema.
///
/// # Errors
/// Says what is wrong, and where in the schema.
pub async fn check(checking: &Checking, text: String) -> Result<()> {
    on_large_stack(checking, move || compiled(&text).map(drop)).await
}

/// Runs work that a schema can make deeply recursive, off the threads of other requests.
pub(super) async fn on_large_stack<T: Send + 'static>(
    checking: &Checking,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let turn = checking.turn().await?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("schema".to_owned()).stack_size(STACK);
    let running = thread.spawn(move || {
        let _turn = turn;
        drop(sender.send(work()));
    });
    running.map_err(|error| {
        Error::unavailable("No thread can be started to check the schema; retry later.")
            .caused_by(error)
    })?;
    receiver.await.unwrap_or_else(|error| Err(Error::internal("checking a schema panicked", error)))
}

/// Parses and compiles a schema.
pub(super) fn compiled(text: &str) -> Result<Compiled> {
    if text.len() > SCHEMA {
        let message = format!("The JSON Schema is larger than {SCHEMA} bytes");
        return Err(Error::bad_request(message).with_code(Code::TooLong));
    }
    let schema: Value = serde_json::from_str(text)
        .map_err(|error| invalid(format!("The JSON Schema is not JSON: {error}")))?;
    if !schema.is_object() {
        return Err(invalid("A JSON Schema is a JSON object"));
    }
    check_references(&schema, &schema, true)?;
    let mut patterns = Vec::new();
    add_patterns(&schema, &mut patterns);
    if patterns.len() > PATTERNS {
        let message = format!("{} patterns; a JSON Schema may have {PATTERNS}", patterns.len());
        return Err(invalid(message));
    }
    let validator = jsonschema::options()
        .with_pattern_options(pattern_options(PATTERN))
        .should_validate_formats(true)
        .build(&schema)
        .map_err(|error| {
            let path = error.instance_path();
            let place = if path.as_str().is_empty() { "/" } else { path.as_str() };
            invalid(format!("Not a valid JSON Schema, at {place}: {error}"))
        })?;
    let patterns =
        patterns.into_iter().map(|pattern| (pattern.to_owned(), size(pattern))).collect();
    Ok(Compiled { schema, validator, patterns })
}

fn pattern_options(size: usize) -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(size).dfa_size_limit(PATTERN)
}

/// At most how many bytes a regular expression is compiled to.
fn size(pattern: &str) -> usize {
    let schema = json!({ "pattern": pattern });
    let mut size = 1 << 10;
    let fits = |size| {
        let options = jsonschema::options().with_pattern_options(pattern_options(size));
        options.build(&schema).is_ok()
    };
    while size < PATTERN && !fits(size) {
        size *= 2;
    }
    size
}

/// Rejects references to other documents, which would have to be fetched, references to what is no
/// schema, whose keywords would not be checked here, and identifiers within the schema, which
/// change what references mean.
fn check_references(root: &Value, schema: &Value, is_root: bool) -> Result<()> {
    let Value::Object(members) = schema else {
        let mut items = schema.as_array().into_iter().flatten();
        return items.try_for_each(|item| check_references(root, item, false));
    };
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("$ref", Value::String(reference)) => {
                if target(root, reference).is_none() {
                    let message = format!(
                        "The JSON Schema refers to what is no schema in it (`$ref`: `{}`). Nothing is fetched, and \
                         anchors are not followed: copy it into `$defs` and refer to it by `#/$defs/...`",
                        reference.chars().take(200).collect::<String>()
                    );
                    return Err(invalid(message));
                }
            }
            ("$id" | "id", Value::String(_)) if !is_root => {
                let message = format!("`{keyword}` is allowed at the root of the JSON Schema only");
                return Err(invalid(message));
            }
            (keyword, _) if REPEATING.contains(&keyword) => {
                let message = format!(
                    "`{keyword}` is not supported in the JSON Schema of a namespace; name the members and use \
                     `additionalProperties`"
                );
                return Err(invalid(message));
            }
            (keyword, Value::Object(named)) if NAMED.contains(&keyword) => {
                named.values().try_for_each(|inner| check_references(root, inner, false))?;
            }
            (keyword, _) if DATA.contains(&keyword) => {}
            (_, value) => check_references(root, value, false)?,
        }
    }
    Ok(())
}

/// The schema that a reference names by its place: `#`, or `#/` and a path of keywords and names.
pub(super) fn target<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let fragment = reference.strip_prefix('#')?;
    if fragment.is_empty() {
        return Some(root);
    }
    // Whether these characters are decoded before or after the path is divided would matter.
    let encoded = fragment.to_ascii_lowercase();
    if ["%2f", "%7e", "%25"].iter().any(|character| encoded.contains(character)) {
        return None;
    }
    let path = percent_decode_str(fragment.strip_prefix('/')?).decode_utf8().ok()?;
    let mut parts = path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
    let mut schema = root;
    while let Some(keyword) = parts.next() {
        let inner = schema.get(&keyword)?;
        schema = match inner {
            Value::Object(named) if NAMED.contains(&&*keyword) => named.get(&parts.next()?)?,
            Value::Array(listed) if APPLYING.contains(&&*keyword) => {
                listed.get(parts.next()?.parse::<usize>().ok()?)?
            }
            _ if APPLYING.contains(&&*keyword) => inner,
            _ => return None,
        };
    }
    matches!(schema, Value::Object(_) | Value::Bool(_)).then_some(schema)
}

fn add_patterns<'s>(schema: &'s Value, patterns: &mut Vec<&'s str>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| add_patterns(item, patterns)),
        Value::Object(members) => {
            for (keyword, value) in members {
                match (keyword.as_str(), value) {
                    ("pattern", Value::String(pattern)) => patterns.push(pattern),
                    ("patternProperties", Value::Object(properties)) => {
                        patterns.extend(properties.keys().map(String::as_str));
                    }
                    _ => {}
                }
                add_patterns(value, patterns);
            }
        }
        _ => {}
    }
}

fn invalid(message: impl Into<String>) -> Error {
    let message: String = message.into();
    let message = message.chars().take(MESSAGE).collect::<String>();
    Error::bad_request(message).with_code(Code::InvalidSchema)
}
