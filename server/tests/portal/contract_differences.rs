//! How `docs/openapi.json` differs from Apollo's contract in the operations that are served.
//! `contract_differences.txt` lists each difference with its reason; any other is a fault.

use std::collections::BTreeSet;

use serde_json::Value;

use super::contract::{CONTRACT, DOCUMENT};

const LIST: &str = include_str!("contract_differences.txt");

#[test]
fn each_difference_from_the_contract_is_listed_with_a_reason() {
    let [ours, theirs] =
        [DOCUMENT, CONTRACT].map(|text| Document(serde_json::from_str(text).unwrap()));
    let served: BTreeSet<_> = ours.operations().map(|(at, _)| at).collect();
    let bodies: BTreeSet<_> = ours.schemas().map(|(name, _)| name.clone()).collect();
    let [ours, theirs] = [ours.facts(&served, &bodies), theirs.facts(&served, &bodies)];
    let missing = theirs.difference(&ours).map(|fact| format!("- {fact}"));
    let added = ours.difference(&theirs).map(|fact| format!("+ {fact}"));
    let found: BTreeSet<_> = missing.chain(added).collect();
    let listed: BTreeSet<_> =
        LIST.lines().filter(|line| line.starts_with(['-', '+'])).map(str::to_owned).collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let outdated: Vec<_> = listed.difference(&found).collect();
    assert!(unlisted.is_empty(), "not in contract_differences.txt: {unlisted:#?}");
    assert!(outdated.is_empty(), "no longer true in contract_differences.txt: {outdated:#?}");
}

/// An OpenAPI document.
struct Document(Value);

impl Document {
    /// Operations with their method and path.
    fn operations(&self) -> impl Iterator<Item = (String, &Value)> {
        self.0["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
    }

    fn schemas(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0["components"]["schemas"].as_object().unwrap().iter()
    }

    /// What the document says of these operations and bodies, one line for each fact.
    fn facts(&self, operations: &BTreeSet<String>, bodies: &BTreeSet<String>) -> BTreeSet<String> {
        let mut facts = BTreeSet::new();
        for (at, operation) in self.operations().filter(|(at, _)| operations.contains(at)) {
            let id = text(&operation["operationId"]);
            facts.insert(format!("{id}: {at}, {}", text(&operation["tags"][0])));
            facts.insert(format!("{id} request: {}", self.body(&operation["requestBody"])));
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (place, name) = (text(&parameter["in"]), text(&parameter["name"]));
                let schema = &parameter["schema"];
                let mut fact = format!("{id} {place} {name}: {}", self.kind(schema));
                if parameter["required"] == true {
                    fact.push_str(", required");
                }
                if let Some(default) = schema.get("default") {
                    fact.push_str(&format!(", default {default}"));
                }
                facts.insert(fact);
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                // The contract names some statuses of failures, our document describes all at once.
                let outcome = if status == "200" { format!("{id} 200") } else { "failure".into() };
                facts.insert(format!("{outcome}: {}", self.body(response)));
            }
        }
        for (name, schema) in self.schemas().filter(|(name, _)| bodies.contains(*name)) {
            let required = schema["required"].as_array();
            // A body with arbitrary members has no properties.
            for (member, kind) in schema["properties"].as_object().into_iter().flatten() {
                let is_required =
                    required.is_some_and(|required| required.contains(&member.as_str().into()));
                let required = if is_required { ", required" } else { "" };
                facts.insert(format!("{name}.{member}: {}{required}", self.kind(kind)));
            }
        }
        facts
    }

    /// The type of a request's or a response's body.
    fn body(&self, holder: &Value) -> String {
        let content = holder["content"].as_object().and_then(|content| content.values().next());
        content.map_or_else(|| "empty".to_owned(), |content| self.kind(&content["schema"]))
    }

    /// The type of a schema; those with members go by their names.
    fn kind(&self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            let target = &self.0["components"]["schemas"][name];
            return if target.get("properties").is_some() {
                name.to_owned()
            } else {
                self.kind(target)
            };
        }
        if let Some(values) = schema.get("additionalProperties") {
            return format!("map of {}", self.kind(values));
        }
        if let Some(kinds) = schema["type"].as_array() {
            return kinds.iter().map(text).collect::<Vec<_>>().join(" or ");
        }
        match (text(&schema["type"]), schema["format"].as_str()) {
            ("array", _) => format!("list of {}", self.kind(&schema["items"])),
            ("string", Some(format)) => format!("string as {format}"),
            // The width of integers is left out: the contract seldom names it, and JSON has none.
            (kind, _) => kind.to_owned(),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
