//! Builds documents from parser events: resolves anchors and merge keys, rejects duplicate keys and
//! unknown tags.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

use super::expansion::{Expansion, check_levels};
use super::scalar::{self, YamlScalar};
use super::{MAX_COLLECTION_ALIASES, MAX_DEPTH, refused};
use crate::error::Result;

/// A value of a document. Shared, because an alias refers to the same node.
#[derive(Debug)]
pub(super) enum YamlNode {
    Scalar(YamlScalar),
    List(Vec<Rc<YamlNode>>),
    Map(Vec<(YamlScalar, Rc<YamlNode>)>),
}

impl YamlNode {
    /// Length of the text of a scalar; collections have none.
    pub(super) fn text_len(&self) -> usize {
        match self {
            YamlNode::Scalar(scalar) => scalar.text().len(),
            _ => 0,
        }
    }

    /// Recursive, which is safe because the depth of documents is limited.
    pub(super) fn to_json(&self) -> Result<Value> {
        match self {
            YamlNode::Scalar(scalar) => Ok(scalar.to_json()),
            YamlNode::List(items) => items.iter().map(|item| item.to_json()).collect(),
            YamlNode::Map(entries) => {
                let mut members = Map::new();
                for (key, value) in entries {
                    let key = if *key == YamlScalar::Null { "null" } else { key.text() };
                    if members.insert(key.to_owned(), value.to_json()?).is_some() {
                        return Err(refused(format!("two keys are written {key:?} in JSON")));
                    }
                }
                Ok(Value::Object(members))
            }
        }
    }
}

/// All documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Rc<YamlNode>>> {
    let mut builder = Builder::default();
    let mut documents = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| refused(error.to_string()))?;
        let line = span.start.line().to_string();
        let done = builder.handle_event(event);
        documents.extend(done.map_err(|error| error.with("line", line))?);
    }
    Ok(documents)
}

/// A collection whose end has not been reached.
struct OpenCollection {
    /// 0 if none.
    anchor: usize,
    /// Its own level and the most below it so far, with what aliases add.
    levels: usize,
    content: CollectionContent,
}

enum CollectionContent {
    List(Vec<Rc<YamlNode>>),
    Map(YamlMap),
}

#[derive(Default)]
struct YamlMap {
    entries: Vec<(YamlScalar, Rc<YamlNode>)>,
    /// Position of each key, and whether it was written in this map rather than merged into it.
    positions: HashMap<YamlScalar, (usize, bool)>,
    key: Option<MapKey>,
}

enum MapKey {
    Merge,
    Value(YamlScalar),
}

#[derive(Default)]
struct Builder {
    open: Vec<OpenCollection>,
    /// Each with its levels.
    anchors: HashMap<usize, (Rc<YamlNode>, usize)>,
    collection_aliases: usize,
    /// The keys, which maps copy.
    expansion: Expansion,
}

impl Builder {
    /// Handles an event; returns the document that it completes.
    fn handle_event(&mut self, event: Event<'_>) -> Result<Option<Rc<YamlNode>>> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // A quoted `<<` is an ordinary key.
                let plain = style == ScalarStyle::Plain;
                if plain && tag.is_none() && text == "<<" && self.expects_key() {
                    self.set_key(MapKey::Merge)?;
                    return Ok(None);
                }
                let scalar = scalar_of(&text, plain, tag.as_deref())?;
                self.complete(YamlNode::Scalar(scalar), anchor, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq")?;
                self.begin(anchor, CollectionContent::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map")?;
                self.begin(anchor, CollectionContent::Map(YamlMap::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor),
            _ => Ok(None),
        }
    }

    fn begin(&mut self, anchor: usize, content: CollectionContent) -> Result<Option<Rc<YamlNode>>> {
        if self.open.len() == MAX_DEPTH {
            return Err(refused("nested deeper than 50"));
        }
        if self.expects_key() {
            return Err(refused("a list or map cannot be a key"));
        }
        self.open.push(OpenCollection { anchor, levels: 1, content });
        Ok(None)
    }

    fn end(&mut self) -> Result<Option<Rc<YamlNode>>> {
        let Some(OpenCollection { anchor, levels, content }) = self.open.pop() else {
            return Err(refused("unexpected end of a collection"));
        };
        let node = match content {
            CollectionContent::List(items) => YamlNode::List(items),
            CollectionContent::Map(map) => YamlNode::Map(map.entries),
        };
        self.complete(node, anchor, levels)
    }

    fn alias(&mut self, anchor: usize) -> Result<Option<Rc<YamlNode>>> {
        let known = self.anchors.get(&anchor).cloned();
        let (node, levels) =
            known.ok_or_else(|| refused("an alias inside the node that it refers to"))?;
        if !matches!(*node, YamlNode::Scalar(_)) {
            self.collection_aliases += 1;
            if self.collection_aliases > MAX_COLLECTION_ALIASES {
                return Err(refused("more than 50 aliases to lists and maps"));
            }
        }
        check_levels(self.open.len() + levels)?;
        self.attach(node, levels)
    }

    fn complete(
        &mut self,
        node: YamlNode,
        anchor: usize,
        levels: usize,
    ) -> Result<Option<Rc<YamlNode>>> {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), levels));
        }
        self.attach(node, levels)
    }

    /// Adds a node to the innermost open collection; returns it if it is a whole document.
    fn attach(&mut self, node: Rc<YamlNode>, levels: usize) -> Result<Option<Rc<YamlNode>>> {
        let Some(open) = self.open.last_mut() else { return Ok(Some(node)) };
        open.levels = open.levels.max(levels + 1);
        match &mut open.content {
            CollectionContent::List(items) => items.push(node),
            CollectionContent::Map(map) => match map.key.take() {
                Some(MapKey::Merge) => map.merge(&node, &mut self.expansion)?,
                Some(MapKey::Value(key)) => map.insert(key, node)?,
                None => match &*node {
                    YamlNode::Scalar(scalar) => {
                        self.expansion.add(scalar.text().len())?;
                        map.key = Some(MapKey::Value(scalar.clone()));
                    }
                    _ => return Err(refused("a list or map cannot be a key")),
                },
            },
        }
        Ok(None)
    }

    fn expects_key(&self) -> bool {
        let content = self.open.last().map(|open| &open.content);
        matches!(content, Some(CollectionContent::Map(map)) if map.key.is_none())
    }

    fn set_key(&mut self, key: MapKey) -> Result<()> {
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(CollectionContent::Map(map)) => map.key = Some(key),
            _ => return Err(refused("a merge key outside of a map")),
        }
        Ok(())
    }
}

impl YamlMap {
    fn insert(&mut self, key: YamlScalar, value: Rc<YamlNode>) -> Result<()> {
        match self.positions.get_mut(&key) {
            Some((_, true)) => {
                return Err(refused(format!("duplicate key {:?}", key.text())));
            }
            Some((position, own)) => {
                *own = true;
                self.entries[*position].1 = value;
            }
            None => {
                self.positions.insert(key.clone(), (self.entries.len(), true));
                self.entries.push((key, value));
            }
        }
        Ok(())
    }

    /// Adds the keys that the map does not have yet: its own keys override merged ones, and maps
    /// merged first override later ones.
    fn merge(&mut self, node: &YamlNode, expansion: &mut Expansion) -> Result<()> {
        match node {
            YamlNode::Map(entries) => {
                for (key, value) in entries {
                    if !self.positions.contains_key(key) {
                        expansion.add(key.text().len())?;
                        self.positions.insert(key.clone(), (self.entries.len(), false));
                        self.entries.push((key.clone(), value.clone()));
                    }
                }
                Ok(())
            }
            YamlNode::List(items) => items.iter().try_for_each(|item| match &**item {
                YamlNode::Map(_) => self.merge(item, expansion),
                _ => Err(refused("only maps can be merged")),
            }),
            YamlNode::Scalar(_) => Err(refused("only maps can be merged")),
        }
    }
}

fn scalar_of(text: &str, plain: bool, tag: Option<&Tag>) -> Result<YamlScalar> {
    let Some(tag) = tag else {
        return Ok(match plain {
            true => scalar::resolve(text),
            false => YamlScalar::Text(text.to_owned()),
        });
    };
    let is_core = tag.is_yaml_core_schema();
    match tag.suffix.as_str() {
        "str" if is_core => Ok(YamlScalar::Text(text.to_owned())),
        "int" | "float" | "bool" | "null" | "timestamp" if is_core => Ok(scalar::resolve(text)),
        "" if tag.handle == "!" => Ok(YamlScalar::Text(text.to_owned())),
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
    refused(format!("unknown tag {}{}", tag.handle, tag.suffix))
}
