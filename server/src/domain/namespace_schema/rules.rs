//! What a JSON Schema may contain: it is complete in itself, and compiling it costs little. Knows no
//! content.

use std::time::Duration;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

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
/// Stack of the thread that compiles a schema or checks content: a schema of the maximum length can be a
/// chain of thousands of references, and the library follows them recursively.
const STACK: usize = 256 << 20;

/// Checks at a time, and how long another one waits: each has a thread and the memory of its errors.
static CHECKS: Semaphore = Semaphore::const_new(2);
const PATIENCE: Duration = Duration::from_secs(5);

/// Keywords whose members have names of their own and are schemas.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
/// Keywords that apply other keywords again, as often as they are nested.
const REPEATING: [&str; 4] =
    ["unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef"];
/// Keywords whose values are data instead of schemas.
const DATA: [&str; 5] = ["const", "enum", "default", "example", "examples"];
/// Keywords that refer to a schema elsewhere.
pub(super) const REFERENCES: [&str; 1] = ["$ref"];

/// Checks the text of a schema.
///
/// # Errors
/// Says what is wrong, and where in the schema.
pub async fn check(text: String) -> Result<()> {
    on_large_stack(move || compiled(&text).map(drop)).await
}

/// Runs work that a schema can make deeply recursive, off the threads of other requests.
pub(super) async fn on_large_stack<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let busy = || Error::unavailable("Other JSON Schemas are being checked; retry later.");
    let permit = timeout(PATIENCE, CHECKS.acquire()).await.map_err(|_| busy())?;
    let permit = permit.map_err(|_| busy())?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("schema".to_owned()).stack_size(STACK);
    let running = thread.spawn(move || {
        let _permit = permit;
        drop(sender.send(work()));
    });
    running.map_err(|error| {
        Error::unavailable("No thread can be started to check the schema; retry later.")
            .caused_by(error)
    })?;
    receiver.await.unwrap_or_else(|error| Err(Error::internal("checking a schema panicked", error)))
}

/// Parses and compiles a schema.
pub(super) fn compiled(text: &str) -> Result<(Value, Validator)> {
    if text.len() > SCHEMA {
        let message = format!("The JSON Schema is larger than {SCHEMA} bytes");
        return Err(Error::bad_request(message).with_code(Code::TooLong));
    }
    let schema: Value = serde_json::from_str(text)
        .map_err(|error| invalid(format!("The JSON Schema is not JSON: {error}")))?;
    if !schema.is_object() {
        return Err(invalid("A JSON Schema is a JSON object"));
    }
    check_references(&schema, true)?;
    let patterns = patterns(&schema);
    if patterns > PATTERNS {
        let message = format!("{patterns} patterns; a JSON Schema may have {PATTERNS}");
        return Err(invalid(message));
    }
    let pattern = PatternOptions::regex().size_limit(PATTERN).dfa_size_limit(PATTERN);
    let validator = jsonschema::options()
        .with_pattern_options(pattern)
        .should_validate_formats(true)
        .build(&schema)
        .map_err(|error| {
            let path = error.instance_path();
            let place = if path.as_str().is_empty() { "/" } else { path.as_str() };
            invalid(format!("Not a valid JSON Schema, at {place}: {error}"))
        })?;
    Ok((schema, validator))
}

/// Rejects references to other documents, which would have to be fetched, and identifiers within the
/// schema, which change what references mean.
fn check_references(schema: &Value, is_root: bool) -> Result<()> {
    let Value::Object(members) = schema else {
        let mut items = schema.as_array().into_iter().flatten();
        return items.try_for_each(|item| check_references(item, false));
    };
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            (keyword, Value::String(target)) if REFERENCES.contains(&keyword) => {
                if !target.starts_with('#') {
                    let message = format!(
                        "The JSON Schema refers to another document (`{keyword}`: `{}`). Nothing is fetched: \
                         copy it into `$defs` and refer to it by `#/$defs/...`",
                        target.chars().take(200).collect::<String>()
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
                named.values().try_for_each(|inner| check_references(inner, false))?;
            }
            (keyword, _) if DATA.contains(&keyword) => {}
            (_, value) => check_references(value, false)?,
        }
    }
    Ok(())
}

fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Array(items) => items.iter().map(patterns).sum(),
        Value::Object(members) => {
            let own = |(keyword, value): (&String, &Value)| match (keyword.as_str(), value) {
                ("pattern", Value::String(_)) => 1,
                ("patternProperties", Value::Object(properties)) => {
                    properties.len() + patterns(value)
                }
                (_, value) => patterns(value),
            };
            members.iter().map(own).sum()
        }
        _ => 0,
    }
}

fn invalid(message: impl Into<String>) -> Error {
    let message: String = message.into();
    let message = message.chars().take(MESSAGE).collect::<String>();
    Error::bad_request(message).with_code(Code::InvalidSchema)
}
