//! Flattens YAML into keys like the official Java client: YAML 1.1, keys joined with dots, list
//! items as `[0]`.
//!
//! The parser library emits events; `tree` builds documents from them, and `scalar` interprets
//! plain scalars by YAML 1.1.

mod expansion;
mod scalar;
mod tree;

use std::rc::Rc;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::wire::Configurations;

use expansion::Expansion;
use scalar::YamlScalar;
use tree::YamlNode;

const OPERATION: &str = "parse yaml";
/// Limits of the Java parser. A document that exceeds them must not be published, because not every
/// client could read it.
const MAX_CHARACTERS: usize = 3 * 1024 * 1024;
const MAX_DEPTH: usize = 50;
const MAX_COLLECTION_ALIASES: usize = 50;
/// Key of a document that is not a map; the name in Spring, which the Java client uses.
const ROOT_KEY: &str = "document";

/// The flat keys and values of a text, in its order. Later documents override earlier ones.
///
/// ```
/// use castalia_core::format::yaml;
///
/// let flat = yaml::flatten("db:\n  hosts: [a, b]\n  pool: 010\n").unwrap();
/// assert_eq!(flat["db.hosts[1]"], "b");
/// assert_eq!(flat["db.pool"], "8", "a leading zero is octal in YAML 1.1");
/// ```
///
/// # Errors
/// [`ErrorKind::Parse`] with the position if the text is not YAML, has a duplicate key or an
/// unknown tag, exceeds the limits of the Java parser (3 MiB, depth 50, 50 aliases to collections),
/// or expands to more than a million values, 64 MiB or 128 levels.
pub fn flatten(text: &str) -> Result<Configurations> {
    flatten_documents(documents(text)?)
}

/// Checks a text before it is published: a single document that every client can read.
///
/// # Errors
/// As [`flatten`], and if there is more than one document.
pub fn check(text: &str) -> Result<()> {
    let documents = documents(text)?;
    if documents.len() > 1 {
        return Err(refused("more than one document"));
    }
    flatten_documents(documents).map(drop)
}

/// The document of a text as JSON, with the values of YAML 1.1; null if the text is empty. Keys
/// that are no text, dates, and numbers that JSON does not have are strings.
///
/// ```
/// use castalia_core::format::yaml;
///
/// let document = yaml::to_json("on: yes\nports: [8080, '1']\n").unwrap();
/// assert_eq!(document, serde_json::json!({ "true": true, "ports": [8080, "1"] }));
/// ```
///
/// # Errors
/// As [`check`], and if JSON has one name for two keys, such as `1` and `"1"`.
pub fn to_json(text: &str) -> Result<serde_json::Value> {
    check(text)?;
    documents(text)?.first().map_or(Ok(serde_json::Value::Null), |document| document.to_json())
}

fn documents(text: &str) -> Result<Vec<Rc<YamlNode>>> {
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        return Err(refused("the text is longer than 3 MiB"));
    }
    tree::documents(text)
}

fn flatten_documents(documents: Vec<Rc<YamlNode>>) -> Result<Configurations> {
    let mut flat = FlatKeys::default();
    for document in documents {
        match &*document {
            YamlNode::Scalar(YamlScalar::Null) => {}
            YamlNode::Map(_) => flat.put(String::new(), &document)?,
            _ => flat.put(ROOT_KEY.to_owned(), &document)?,
        }
    }
    Ok(flat.values)
}

#[derive(Default)]
struct FlatKeys {
    values: Configurations,
    expansion: Expansion,
}

impl FlatKeys {
    /// Adds a node and its children under a path. Recursive, which is safe because the depth of
    /// documents is limited.
    fn put(&mut self, path: String, node: &YamlNode) -> Result<()> {
        match node {
            YamlNode::Scalar(scalar) => {
                self.values.insert(path, scalar.text().to_owned());
            }
            YamlNode::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.expansion.add(path.len() + item.text_len())?;
                    self.put(format!("{path}[{index}]"), item)?;
                }
            }
            YamlNode::Map(entries) => {
                for (key, value) in entries {
                    self.expansion.add(path.len() + key.text().len() + value.text_len())?;
                    self.put(join(&path, key), value)?;
                }
            }
        }
        Ok(())
    }
}

/// A key that is not text is written in brackets, and a bracket is not preceded by a dot.
fn join(path: &str, key: &YamlScalar) -> String {
    match key {
        YamlScalar::Text(key) if path.is_empty() => key.clone(),
        YamlScalar::Text(key) if key.starts_with('[') => format!("{path}{key}"),
        YamlScalar::Text(key) => format!("{path}.{key}"),
        YamlScalar::Null => format!("{path}[null]"),
        YamlScalar::Other(key) => format!("{path}[{key}]"),
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Parse, OPERATION, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_with_one_name_in_json_are_refused() {
        for text in ["1: a\n'1': b\n", "a:\n  true: a\n  'true': b\n", "null: a\n'null': b\n"] {
            assert!(to_json(text).is_err(), "{text}");
        }
        assert_eq!(to_json("1: a\n").unwrap(), serde_json::json!({ "1": "a" }));
    }

    fn flat(text: &str) -> Vec<(String, String)> {
        flatten(text).unwrap().into_iter().collect()
    }

    fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec()
    }

    #[test]
    fn keys_are_those_of_the_java_client() {
        let text = "server:\n  port: 8080\n  Hosts: [a, b]\n  tags: []\n  on: yes\nlist:\n  - name: x\n    v: 010\n  - ~\n\
            1: one\nnested: {2: two}\nt: 12:30\ndate: 2024-01-02\n---\nserver:\n  port: 9090\n";
        let expected = owned([
            ("server.port", "9090"),
            ("server.Hosts[0]", "a"),
            ("server.Hosts[1]", "b"),
            ("server[true]", "true"),
            ("list[0].name", "x"),
            ("list[0].v", "8"),
            ("list[1]", ""),
            ("[1]", "one"),
            ("nested[2]", "two"),
            ("t", "750"),
            ("date", "2024-01-02"),
        ]);
        assert_eq!(flat(text), expected);
    }

    #[test]
    fn a_document_that_is_no_map_has_one_name() {
        assert_eq!(flat("hello"), owned([("document", "hello")]));
        assert_eq!(flat("[a, b]"), owned([("document[0]", "a"), ("document[1]", "b")]));
        assert_eq!(flat(""), []);
        assert_eq!(flat("---\n---\na: 1\n"), owned([("a", "1")]));
    }

    #[test]
    fn bracketed_keys_take_no_dot() {
        assert_eq!(flat("a:\n  '[x]': 1\n"), owned([("a[x]", "1")]));
        assert_eq!(flat("a:\n  x.y: 1\n"), owned([("a.x.y", "1")]));
    }

    #[test]
    fn aliases_and_merges_are_expanded() {
        let text =
            "base: &b {x: 1, y: 2}\nmore: &m {z: 3}\nuse:\n  y: 9\n  <<: [*b, *m]\ncopy: *b\n";
        let expected = owned([
            ("base.x", "1"),
            ("base.y", "2"),
            ("more.z", "3"),
            ("use.y", "9"),
            ("use.x", "1"),
            ("use.z", "3"),
            ("copy.x", "1"),
            ("copy.y", "2"),
        ]);
        assert_eq!(flat(text), expected);
    }

    #[test]
    fn what_the_java_parser_refuses_is_refused() {
        let deep = format!("{}1{}", "[".repeat(51), "]".repeat(51));
        let aliases = format!("a: &a [1]\nb: [{}]\n", ["*a"; 51].join(","));
        let long = format!("a: {}", "x".repeat(MAX_CHARACTERS));
        let bad = ["a: 1\na: 2\n", "a: !custom 1\n", "a: [1\n", "a: *unknown\n", "{[1]: 2}"];
        for text in bad.into_iter().chain([&*deep, &aliases, &long]) {
            let error = flatten(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parse, "{}", &text[..text.len().min(40)]);
        }
        assert!(flatten(&format!("{}1{}", "[".repeat(50), "]".repeat(50))).is_ok());
    }

    #[test]
    fn nested_aliases_cannot_fill_the_memory() {
        let mut text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", [before.as_str(); 5].join(","));
        }
        assert!(flatten(&text).is_err());
    }

    /// B70: aliases of a few kilobytes copied their targets until the memory was exhausted.
    #[test]
    fn aliases_cannot_multiply_long_texts() {
        let long = "x".repeat(13_000);
        let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
        let repeated = |item: &str, count| format!("a: &a {long}\nb: {}\n", list(item, count));
        let (ones, lists, all) = (list("1", 3400), list("*a", 7), list("*b", 40));
        let paths = format!("{{a: &a {ones}, b: &b {lists}, \"{long}\": {all}}}");
        for text in [repeated("*a", 6000), repeated("{*a : 1}", 6000), paths] {
            let error = flatten(&text).unwrap_err();
            assert!(error.message().contains("64 MiB"), "{error}");
        }
        assert_eq!(flatten(&repeated("*a", 1000)).unwrap()["b[999]"], long);
    }

    /// B70: each alias adds the levels of its target.
    #[test]
    fn aliases_cannot_nest_too_deeply() {
        let nested = |levels: usize| {
            let mut text = "a0: &a0 1\n".to_owned();
            for level in 1..=levels {
                let (open, close) = ("[".repeat(40), "]".repeat(40));
                text += &format!("a{level}: &a{level} {open}*a{}{close}\n", level - 1);
            }
            text
        };
        assert!(flatten(&nested(3)).is_ok());
        for levels in [4, 50] {
            let error = flatten(&nested(levels)).unwrap_err();
            assert!(error.message().contains("128"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a-c0-9:\\[\\]{}&*!|>'\"#%@`, \n\t~<.?]{0,60}") {
            let _ = flatten(&text);
        }
    }
}
