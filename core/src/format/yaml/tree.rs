//! From parser events to documents: anchors and merge keys are resolved, duplicate keys and foreign tags refused.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::scalar::{self, Scalar};
use super::{MAX_COLLECTION_ALIASES, MAX_DEPTH, refused};
use crate::error::Result;

/// A value of a document.
#[derive(Debug)]
pub(super) enum Node {
    Scalar(Scalar),
    List(Vec<Rc<Node>>),
    Map(Vec<(Scalar, Rc<Node>)>),
}

/// The documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Rc<Node>>> {
    let mut builder = Builder::default();
    let mut documents = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| refused(error.to_string()))?;
        let line = span.start.line().to_string();
        let done = builder.take(event);
        documents.extend(done.map_err(|error| error.with("line", line))?);
    }
    Ok(documents)
}

/// A collection that is still open.
enum Open {
    List(usize, Vec<Rc<Node>>),
    Map(usize, Map),
}

#[derive(Default)]
struct Map {
    entries: Vec<(Scalar, Rc<Node>)>,
    /// Place of each key, and whether it was written here rather than merged in.
    places: HashMap<Scalar, (usize, bool)>,
    key: Option<Key>,
}

enum Key {
    Merge,
    Value(Scalar),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    collection_aliases: usize,
}

impl Builder {
    /// Takes an event; gives the document that it completes.
    fn take(&mut self, event: Event<'_>) -> Result<Option<Rc<Node>>> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if plain && tag.is_none() && text == "<<" && self.expects_key() {
                    self.set_key(Key::Merge)?;
                    return Ok(None);
                }
                let scalar = scalar_of(&text, plain, tag.as_deref())?;
                self.complete(Node::Scalar(scalar), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq")?;
                self.begin(Open::List(anchor, Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map")?;
                self.begin(Open::Map(anchor, Map::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(anchor, items)) => self.complete(Node::List(items), anchor),
                Some(Open::Map(anchor, map)) => self.complete(Node::Map(map.entries), anchor),
                None => Err(refused("an end without a beginning")),
            },
            Event::Alias(anchor) => self.alias(anchor),
            _ => Ok(None),
        }
    }

    fn begin(&mut self, open: Open) -> Result<Option<Rc<Node>>> {
        if self.open.len() == MAX_DEPTH {
            return Err(refused("nested deeper than 50"));
        }
        if self.expects_key() {
            return Err(refused("a list or map cannot be a key"));
        }
        self.open.push(open);
        Ok(None)
    }

    fn alias(&mut self, anchor: usize) -> Result<Option<Rc<Node>>> {
        let node = self.anchors.get(&anchor).cloned();
        let node = node.ok_or_else(|| refused("an alias within what it stands for"))?;
        if !matches!(*node, Node::Scalar(_)) {
            self.collection_aliases += 1;
            if self.collection_aliases > MAX_COLLECTION_ALIASES {
                return Err(refused("more than 50 aliases to lists and maps"));
            }
        }
        self.place(node)
    }

    fn complete(&mut self, node: Node, anchor: usize) -> Result<Option<Rc<Node>>> {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    /// Puts a node where it belongs; gives it back when it is a whole document.
    fn place(&mut self, node: Rc<Node>) -> Result<Option<Rc<Node>>> {
        match self.open.last_mut() {
            None => return Ok(Some(node)),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, map)) => match map.key.take() {
                Some(Key::Merge) => map.merge(&node)?,
                Some(Key::Value(key)) => map.insert(key, node)?,
                None => match &*node {
                    Node::Scalar(scalar) => map.key = Some(Key::Value(scalar.clone())),
                    _ => return Err(refused("a list or map cannot be a key")),
                },
            },
        }
        Ok(None)
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map(_, map)) if map.key.is_none())
    }

    fn set_key(&mut self, key: Key) -> Result<()> {
        match self.open.last_mut() {
            Some(Open::Map(_, map)) => map.key = Some(key),
            _ => return Err(refused("a merge outside of a map")),
        }
        Ok(())
    }
}

impl Map {
    fn insert(&mut self, key: Scalar, value: Rc<Node>) -> Result<()> {
        match self.places.get_mut(&key) {
            Some((_, true)) => {
                return Err(refused(format!("the key {:?} is there twice", key.text())));
            }
            Some((place, own)) => {
                *own = true;
                self.entries[*place].1 = value;
            }
            None => {
                self.places.insert(key.clone(), (self.entries.len(), true));
                self.entries.push((key, value));
            }
        }
        Ok(())
    }

    /// Takes over what is not there yet: own keys win, then those of the map that is named first.
    fn merge(&mut self, node: &Node) -> Result<()> {
        match node {
            Node::Map(entries) => {
                for (key, value) in entries {
                    if !self.places.contains_key(key) {
                        self.places.insert(key.clone(), (self.entries.len(), false));
                        self.entries.push((key.clone(), value.clone()));
                    }
                }
                Ok(())
            }
            Node::List(items) => items.iter().try_for_each(|item| match &**item {
                Node::Map(_) => self.merge(item),
                _ => Err(refused("only maps can be merged")),
            }),
            Node::Scalar(_) => Err(refused("only maps can be merged")),
        }
    }
}

fn scalar_of(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Scalar> {
    let Some(tag) = tag else {
        return Ok(match plain {
            true => scalar::resolve(text),
            false => Scalar::Text(text.to_owned()),
        });
    };
    let is_core = tag.is_yaml_core_schema();
    match tag.suffix.as_str() {
        "str" if is_core => Ok(Scalar::Text(text.to_owned())),
        "int" | "float" | "bool" | "null" | "timestamp" if is_core => Ok(scalar::resolve(text)),
        "" if tag.handle == "!" => Ok(Scalar::Text(text.to_owned())),
        _ => Err(foreign(tag)),
    }
}

fn check_tag(tag: Option<&Tag>, expected: &str) -> Result<()> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == expected) => Err(foreign(tag)),
        _ => Ok(()),
    }
}

fn foreign(tag: &Tag) -> crate::error::Error {
    refused(format!("the tag {}{} is not known", tag.handle, tag.suffix))
}
