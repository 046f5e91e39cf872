//! Compares answers, without what differs between any two installations.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Members with generated texts.
const GENERATED: [&str; 5] = ["releaseKey", "secret", "token", "tokenPrefix", "tokenValue"];

/// Members whose elements have no order: Apollo stores them in that of a hash.
const SETS: [&str; 5] = ["clientIpList", "clientLabelList", "oldRules", "ruleItems", "rules"];

/// What a client of theirs misses, a line for each place: `- PLACE` is only in their answer, `~
/// PLACE` differs.
pub(super) fn differences(theirs: &Value, ours: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect("", theirs, ours, &mut found);
    found
}

fn collect(at: &str, theirs: &Value, ours: &Value, found: &mut BTreeSet<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (name, value) in theirs {
                match ours.get(name) {
                    Some(other) => collect(&format!("{at}/{name}"), value, other, found),
                    None => drop(found.insert(format!("- {at}/{name}"))),
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            if theirs.len() != ours.len() {
                found.insert(format!("~ {at} has {} | {} elements", theirs.len(), ours.len()));
            }
            for (theirs, ours) in theirs.iter().zip(ours) {
                collect(&format!("{at}/*"), theirs, ours, found);
            }
        }
        // The time of an error, and an age.
        _ if at == "/body/timestamp" || at.ends_with("/releaseTimeFormatted") => {}
        // Apollo relays 404 as 404.0.
        (Value::Number(theirs), Value::Number(ours)) if theirs.as_f64() == ours.as_f64() => {}
        _ if theirs != ours => {
            found.insert(format!("~ {at} {} | {}", shown(theirs), shown(ours)));
        }
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => other.to_string(),
    }
}

/// Replaces ids, times and generated names.
pub(super) fn without_variables(
    value: &Value,
    variables: &BTreeMap<&'static str, String>,
) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                (text(name, variables), member(name, without_variables(value, variables)))
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(elements) => {
            elements.iter().map(|element| without_variables(element, variables)).collect()
        }
        Value::String(content) => match serde_json::from_str::<Value>(content) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => {
                json!({ "json": without_variables(&inner, variables) })
            }
            _ => Value::String(text(content, variables)),
        },
        other => other.clone(),
    }
}

/// A member whose name says that it is an id or generated.
fn member(name: &str, value: Value) -> Value {
    let is_id = name == "id" || name.ends_with("Id");
    match value {
        // In contexts of releases Apollo writes 7 as 7.0.
        Value::Number(number) if is_id && number.as_f64() > Some(0.0) => json!("id"),
        Value::Number(number) if name == "deletedAt" && number.as_i64() > Some(0) => json!("time"),
        Value::String(text) if GENERATED.contains(&name) && !text.is_empty() => {
            json!("generated")
        }
        Value::Array(mut elements) if SETS.contains(&name) => {
            elements.sort_by_key(Value::to_string);
            Value::Array(elements)
        }
        // A text with a list in a column.
        Value::Object(mut inner) if SETS.contains(&name) => {
            inner.entry("json").and_modify(|list| *list = member(name, list.take()));
            Value::Object(inner)
        }
        other => other,
    }
}

/// A text with its variables by name, with its digits as nines if it begins with a time.
fn text(content: &str, variables: &BTreeMap<&'static str, String>) -> String {
    if content.starts_with("http://127.0.0.1:") {
        return "address".to_owned();
    }
    if content.ends_with(" AM") || content.ends_with(" PM") {
        return "local time".to_owned();
    }
    let is_time = content.get(..10).is_some_and(|date| {
        date.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).eq("9999-99-99".chars())
    });
    if is_time {
        return content.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    }
    // Short values, such as ids, would also be found in other texts.
    let mut long: Vec<_> = variables.iter().filter(|(_, value)| value.len() > 10).collect();
    long.sort_by_key(|(_, value)| Reverse(value.len()));
    long.into_iter()
        .fold(content.to_owned(), |text, (name, value)| text.replace(value, &format!("${name}")))
}
