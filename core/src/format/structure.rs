//! Deserializes flat keys into a structure: `db.pool.size` and `db.hosts[0]` address nested fields
//! and list items, and each text is parsed as the type of its field.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::de::value::{Error as DeError, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::rules::ReadRules;
use super::value::FromValue;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::wire::Configurations;

/// Longest keys of a structure, in segments. The tree is as deep as its longest key, and reading and
/// dropping it take stack for each level.
const MAX_SEGMENTS: usize = 128;

/// Deserializes flat keys. Keys without a field are ignored, unless the structure denies unknown
/// fields. Keys of more than 128 segments are always ignored: one odd key must not prevent the reads
/// of all others.
///
/// # Errors
/// [`ErrorKind::Parse`] if a field is missing or its text malformed.
pub fn read<T: DeserializeOwned>(flat: &Configurations, rules: ReadRules) -> Result<T> {
    let mut root = KeyTree::new(rules);
    for (key, value) in flat {
        if segments(key).nth(MAX_SEGMENTS).is_none() {
            root.insert(key, value);
        }
    }
    T::deserialize(&root).map_err(|error: DeError| {
        let text = "the values do not match the structure";
        Error::new(ErrorKind::Parse, "read structure", text).caused_by(error)
    })
}

/// The value of a key, and the keys below it.
struct KeyTree<'a> {
    rules: ReadRules,
    text: Option<&'a str>,
    fields: IndexMap<&'a str, KeyTree<'a>>,
    items: BTreeMap<usize, KeyTree<'a>>,
}

impl<'a> KeyTree<'a> {
    fn new(rules: ReadRules) -> Self {
        Self { rules, text: None, fields: IndexMap::new(), items: BTreeMap::new() }
    }

    fn insert(&mut self, key: &'a str, value: &'a str) {
        let mut node = self;
        for segment in segments(key) {
            let new = || KeyTree::new(node.rules);
            node = match segment {
                KeySegment::Field(name) => node.fields.entry(name).or_insert_with(new),
                KeySegment::Item(index) => node.items.entry(index).or_insert_with(new),
            };
        }
        node.text = Some(value);
    }

    fn find(&self, key: &str) -> Option<&Self> {
        segments(key).try_fold(self, |node, segment| match segment {
            KeySegment::Field(name) => node.fields.get(name),
            KeySegment::Item(index) => node.items.get(&index),
        })
    }
}

enum KeySegment<'a> {
    Field(&'a str),
    Item(usize),
}

/// The parts of a key: names separated by dots, and numbers in brackets.
fn segments(key: &str) -> impl Iterator<Item = KeySegment<'_>> {
    key.split('.').flat_map(|part| {
        let (name, items) = match part.find('[') {
            Some(start) if part.ends_with(']') => part.split_at(start),
            _ => (part, ""),
        };
        let indexes: Option<Vec<_>> =
            items.split_terminator(']').map(|item| item.strip_prefix('[')?.parse().ok()).collect();
        let (name, indexes) = match indexes {
            Some(indexes) => (name, indexes),
            // Brackets without a number are part of the name.
            None => (part, Vec::new()),
        };
        let field = (!name.is_empty()).then_some(KeySegment::Field(name));
        field.into_iter().chain(indexes.into_iter().map(KeySegment::Item))
    })
}

/// Parses the text of a field as a number or boolean.
macro_rules! typed {
    ($($method:ident $visit:ident $type:ty;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            let value = <$type>::read(self.leaf()?, self.rules);
            visitor.$visit(value.ok_or_else(|| DeError::custom(<$type>::EXPECTED))?)
        }
    )+};
}

impl<'a> KeyTree<'a> {
    fn leaf(&self) -> Result<&'a str, DeError> {
        self.text.ok_or_else(|| DeError::custom("a value is missing"))
    }
}

impl<'de> Deserializer<'de> for &KeyTree<'_> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        if !self.items.is_empty() {
            self.deserialize_seq(visitor)
        } else if !self.fields.is_empty() || self.text.is_none() {
            self.deserialize_map(visitor)
        } else {
            visitor.visit_str(self.leaf()?)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        // The key exists, or this would not be called. An empty text is how YAML's null is
        // flattened.
        match self.text {
            Some("") => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// Items by their index, or the comma-separated parts of a single text.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        if !self.items.is_empty() {
            let items = SeqDeserializer::new(self.items.values());
            return visitor.visit_seq(items);
        }
        let parts = self.text.filter(|text| !text.is_empty());
        let parts = parts.into_iter().flat_map(|text| text.split(','));
        let parts =
            parts.map(|part| KeyTree { text: Some(part.trim()), ..KeyTree::new(self.rules) });
        let parts: Vec<_> = parts.collect();
        visitor.visit_seq(SeqDeserializer::new(parts.iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_map(MapDeserializer::new(self.fields.iter().map(|(k, v)| (*k, v))))
    }

    /// A field with dots in its name, from `rename = "rate.limit"`, is the key of that name at any
    /// depth.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let dotted: Vec<_> = fields.iter().filter(|field| field.contains('.')).collect();
        // The first part of such a name is not a field itself, unless the structure has one.
        // Otherwise structures that deny unknown fields would reject it.
        let is_way = |name: &str| {
            let is_first = |field: &str| field.split(['.', '[']).next() == Some(name);
            dotted.iter().any(|field| is_first(field)) && !fields.contains(&name)
        };
        let nested = self.fields.iter().map(|(name, node)| (*name, node));
        let nested = nested.filter(|(name, _)| !is_way(name));
        let found = dotted.iter().filter_map(|field| Some((**field, self.find(field)?)));
        visitor.visit_map(MapDeserializer::new(nested.chain(found)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_enum(self.leaf()?.into_deserializer())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    typed! {
        deserialize_bool visit_bool bool;
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, DeError> for &KeyTree<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::IgnoredAny;

    use super::*;

    fn read<T: DeserializeOwned>(flat: &Configurations) -> Result<T> {
        super::read(flat, ReadRules::default())
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Limits {
        #[serde(rename = "rate.limit")]
        rate: u32,
        #[serde(rename = "hosts[1].name")]
        second: Option<String>,
        burst: u8,
    }

    #[test]
    fn a_field_may_be_named_by_a_key_with_dots() {
        let pairs = [("rate.limit", "7"), ("burst", "2"), ("hosts[1].name", "b")];
        let flat: Configurations =
            pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let read: Limits = read(&flat).unwrap();
        assert_eq!(read, Limits { rate: 7, second: Some("b".to_owned()), burst: 2 });
        let missing = super::read::<Limits>(&Configurations::default(), ReadRules::default());
        assert!(missing.unwrap_err().to_string().contains("rate.limit"));
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    struct App {
        db: Db,
        mode: PoolMode,
        #[serde(default)]
        tags: Vec<String>,
        limit: Option<u32>,
        rate_percent: f64,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Db {
        url: String,
        pool: Pool,
        hosts: Vec<Host>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Pool {
        size: u16,
        lazy: bool,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Host {
        name: String,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum PoolMode {
        Fast,
        Safe,
    }

    fn flat(pairs: &[(&str, &str)]) -> Configurations {
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        pairs.collect()
    }

    const VALUES: [(&str, &str); 9] = [
        ("db.url", "x://y"),
        ("db.pool.size", "8"),
        ("db.pool.lazy", "TRUE"),
        ("db.hosts[1].name", "b"),
        ("db.hosts[0].name", "a"),
        ("mode", "fast"),
        ("tags", "x, y"),
        ("rate-percent", "12.5"),
        ("not.asked.for", "1"),
    ];

    #[test]
    fn nested_fields_lists_and_types_are_filled() {
        let app: App = read(&flat(&VALUES)).unwrap();
        let host = |name: &str| Host { name: name.into() };
        let expected = App {
            db: Db {
                url: "x://y".into(),
                pool: Pool { size: 8, lazy: true },
                hosts: vec![host("a"), host("b")],
            },
            mode: PoolMode::Fast,
            tags: vec!["x".into(), "y".into()],
            limit: None,
            rate_percent: 12.5,
        };
        assert_eq!(app, expected);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for (key, value) in [("db.pool.size", "x"), ("mode", "other"), ("limit", "-1")] {
            let mut values = flat(&VALUES);
            values.insert(key.into(), value.into());
            assert_eq!(read::<App>(&values).unwrap_err().kind(), ErrorKind::Parse, "{key}");
        }
        assert!(read::<App>(&flat(&[("mode", "safe")])).is_err());
    }

    /// B71
    #[test]
    fn a_key_of_many_segments_is_ignored() {
        let map = |flat: &Configurations| read::<BTreeMap<String, IgnoredAny>>(flat).unwrap();
        let test = move || {
            for (next, count) in [(".b", 100_000), ("[0]", 100_000), (".b", 128)] {
                let ignored = format!("a{}", next.repeat(count));
                let keys = map(&flat(&[(&ignored, "1"), ("b", "2")])).into_keys();
                assert_eq!(keys.collect::<Vec<_>>(), ["b"], "{next} {count}");
            }
            let longest = format!("a{}", ".b".repeat(127));
            assert_eq!(map(&flat(&[(&longest, "1")])).len(), 1);
        };
        // Half the stack of a thread of the runtime.
        let thread = std::thread::Builder::new().stack_size(1024 * 1024);
        thread.spawn(test).unwrap().join().unwrap();
    }

    #[test]
    fn a_map_takes_every_key() {
        let map: BTreeMap<String, BTreeMap<String, i64>> =
            read(&flat(&[("a.x", "1"), ("b.y", "2")])).unwrap();
        assert_eq!(map["b"]["y"], 2);
    }
}
