//! The XML form of the bodies: the same members as in JSON. `@class` and `@enabled` are attributes,
//! `$` is the text of an element, and an array is a sequence of elements.
//!
//! What is read has no document type, no processing instruction and no entities but the five of
//! XML, so that nothing is fetched or expanded.

use quick_xml::escape::{escape, resolve_xml_entity};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value};

use crate::Invalid;
use crate::json::{Style, members};
use crate::registry::{Lease, Listing};

/// Maximum nesting of a body.
const DEPTH: usize = 8;

/// The document of one instance.
#[must_use]
pub fn instance(lease: &Lease) -> Vec<u8> {
    let mut text = String::new();
    write_instance(&mut text, lease, Style::Full);
    text.into_bytes()
}

/// The document of one app.
#[must_use]
pub fn application(name: &str, leases: &[Lease], style: Style) -> Vec<u8> {
    let mut text = String::new();
    write_application(&mut text, name, leases, style);
    text.into_bytes()
}

/// The document of a list.
#[must_use]
pub fn applications(listing: &Listing, style: Style) -> Vec<u8> {
    let mut text = String::from("<applications>");
    write_element(&mut text, "versions__delta", &Value::String(listing.version.to_string()));
    write_element(&mut text, "apps__hashcode", &Value::String(listing.hash.clone()));
    for (name, leases) in &listing.apps {
        write_application(&mut text, name, leases, style);
    }
    text.push_str("</applications>");
    text.into_bytes()
}

fn write_application(text: &mut String, name: &str, leases: &[Lease], style: Style) {
    text.push_str("<application>");
    write_element(text, "name", &Value::String(name.to_owned()));
    for lease in leases {
        write_instance(text, lease, style);
    }
    text.push_str("</application>");
}

fn write_instance(text: &mut String, lease: &Lease, style: Style) {
    let mut members = serde_json::to_value(members(lease, style)).unwrap_or_default();
    // The only name that differs between the two forms. Keys of the metadata are those of the
    // instance.
    if let Value::Object(members) = &mut members
        && let Some(status) = members.remove("overriddenStatus")
    {
        members.insert("overriddenstatus".to_owned(), status);
    }
    write_element(text, "instance", &members);
}

fn write_element(text: &mut String, name: &str, value: &Value) {
    text.push('<');
    text.push_str(name);
    match value {
        Value::Object(members) => {
            // The instance chooses the keys of its metadata, and must not choose attributes.
            let is_metadata = name == "metadata";
            let attributes = [("class", "@class"), ("enabled", "@enabled")];
            for (attribute, value) in &attributes[..if is_metadata { 1 } else { 2 }] {
                if let Some(Value::String(value)) = members.get(*value) {
                    text.push_str(&format!(" {attribute}=\"{}\"", escape(allowed(value))));
                }
            }
            text.push('>');
            for (name, value) in members {
                if name == "$" && !is_metadata {
                    text.push_str(&escape(allowed(&plain(value))));
                } else if is_name(name) {
                    write_element(text, name, value);
                }
            }
        }
        value => {
            text.push('>');
            text.push_str(&escape(allowed(&plain(value))));
        }
    }
    text.push_str("</");
    text.push_str(name);
    text.push('>');
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text without the characters that XML forbids.
fn allowed(text: &str) -> String {
    let is_allowed = |c: &char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().filter(is_allowed).collect()
}

/// Whether a key can be the name of an element; others are in the JSON form only.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Reads a document: the name of its root, and its members in the JSON form.
pub(crate) fn to_json(body: &[u8]) -> Result<(String, Value), Invalid> {
    let invalid =
        |error: &dyn std::fmt::Display| Invalid::new(format!("cannot parse the body: {error}"));
    let text = std::str::from_utf8(body).map_err(|error| invalid(&error))?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    loop {
        match reader.read_event().map_err(|error| invalid(&error))? {
            Event::Start(start) if open.len() < DEPTH => open.push(Element::new(&start)?),
            Event::Start(_) => return Err(Invalid::new("the body is nested too deeply")),
            Event::End(_) => {
                let Some(closed) = open.pop() else { return Err(invalid(&"an end without start")) };
                let Some(parent) = open.last_mut() else {
                    let name = closed.name.clone();
                    return end(&mut reader).map(|()| (name, closed.into_value()));
                };
                let name = closed.name.clone();
                parent.members.insert(name, closed.into_value());
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                match open.last_mut() {
                    Some(element) => element.text.push_str(&text),
                    None if text.trim().is_empty() => {}
                    None => return Err(invalid(&"text outside of the root")),
                }
            }
            Event::CData(text) => {
                let text = text.xml10_content();
                open.last_mut().ok_or_else(|| invalid(&"no root"))?.text.push_str(&text);
            }
            Event::GeneralRef(reference) => {
                let element = open.last_mut().ok_or_else(|| invalid(&"no root"))?;
                let number = reference.resolve_char_ref().map_err(|error| invalid(&error))?;
                let name = reference.into_inner();
                match (number, resolve_xml_entity(&name)) {
                    (Some(character), _) => element.text.push(character),
                    (None, Some(text)) => element.text.push_str(text),
                    (None, None) => return Err(Invalid::new("the body refers to an entity")),
                }
            }
            Event::Comment(_) | Event::Decl(_) => {}
            Event::DocType(_) | Event::PI(_) => {
                return Err(Invalid::new("the body has a document type or an instruction"));
            }
            Event::Eof => return Err(invalid(&"the document ends early")),
            Event::Empty(_) => {}
        }
    }
}

/// Checks that nothing but blanks and comments follows the root.
fn end(reader: &mut Reader<&[u8]>) -> Result<(), Invalid> {
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => return Ok(()),
            Ok(Event::Comment(_)) => {}
            Ok(Event::Text(text)) if text.xml10_content().trim().is_empty() => {}
            _ => return Err(Invalid::new("something follows the root element")),
        }
    }
}

/// An element that is being read.
struct Element {
    name: String,
    members: Map<String, Value>,
    text: String,
}

impl Element {
    fn new(start: &BytesStart<'_>) -> Result<Self, Invalid> {
        let name = start.name().as_ref().to_owned();
        let mut members = Map::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| Invalid::new(error.to_string()))?;
            let key = attribute.key.as_ref().to_owned();
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| Invalid::new(error.to_string()))?;
            members.insert(format!("@{key}"), Value::String(value.into_owned()));
        }
        Ok(Self { name, members, text: String::new() })
    }

    /// A text, unless it has attributes or elements.
    fn into_value(mut self) -> Value {
        if self.members.is_empty() {
            return Value::String(self.text);
        }
        if !self.text.trim().is_empty() {
            self.members.insert("$".to_owned(), Value::String(self.text));
        }
        Value::Object(self.members)
    }
}
