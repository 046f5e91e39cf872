//! The rules that an item must satisfy before it is stored: lengths that operators set, and the
//! syntax of documents.

use std::collections::HashMap;

use castalia_core::protocol::namespace::Format;
use castalia_store::Connection;

use super::item::ItemDraft;
use super::namespace::{Namespace, NamespaceKey};
use super::{branch, key, syntax};
use crate::error::{Code, Error, Result};
use crate::server_config::{ServerConfig, keys};

/// The effective limits at one moment.
#[derive(Debug, Clone)]
pub struct ItemRules {
    key_length: usize,
    value_length: i64,
    value_length_of_app: HashMap<String, i64>,
    value_length_of_namespace: HashMap<String, i64>,
    items: Option<u64>,
    syntax: Leniency,
}

/// Documents that are accepted although the newest Apollo rejects them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leniency {
    /// JSON objects with duplicate members.
    pub duplicate_members: bool,
    /// JSON and YAML that do not parse.
    pub broken_documents: bool,
}

impl ItemRules {
    /// The present rules of the config database; the leniency is a setting of the installation.
    #[must_use]
    pub fn of(config: &ServerConfig, syntax: Leniency) -> Self {
        Self {
            key_length: usize::try_from(config.get(&keys::ITEM_KEY_LENGTH)).unwrap_or(usize::MAX),
            value_length: i64::try_from(config.get(&keys::ITEM_VALUE_LENGTH)).unwrap_or(i64::MAX),
            value_length_of_app: config.get(&keys::VALUE_LENGTH_OF_APP),
            value_length_of_namespace: config.get(&keys::VALUE_LENGTH_OF_NAMESPACE),
            items: config.get(&keys::ITEMS_LIMITED).then(|| config.get(&keys::ITEMS)),
            syntax,
        }
    }

    /// Maximum number of items with a key in a namespace; `None` means no limit.
    #[must_use]
    pub fn item_limit(&self) -> Option<u64> {
        self.items
    }

    /// The rules of one namespace.
    ///
    /// # Errors
    /// Fails if the database cannot be read, or if the definition has an unknown format.
    pub async fn of_namespace(
        &self,
        db: &impl Connection,
        namespace: &Namespace,
    ) -> Result<NamespaceRules> {
        let value_length = self.value_length(db, namespace).await?;
        self.with(db, (&namespace.app_id, &namespace.namespace_name), value_length).await
    }

    /// The rules of a namespace that does not exist yet; it is no branch.
    ///
    /// # Errors
    /// Same as [`Self::of_namespace`].
    pub async fn of_new(&self, db: &impl Connection, key: &NamespaceKey) -> Result<NamespaceRules> {
        let value_length = self.value_length_of_app(&key.app_id);
        self.with(db, (&key.app_id, &key.namespace), value_length).await
    }

    async fn with(
        &self,
        db: &impl Connection,
        (app_id, name): (&str, &str),
        value_length: i64,
    ) -> Result<NamespaceRules> {
        let definition = castalia_store::namespace::app_namespace(db, app_id, name).await?;
        let format = definition.map(|definition| {
            let unknown = || Error::bad_request(format!("{} can not map enum", definition.format));
            Format::from_name(&definition.format).ok_or_else(unknown)
        });
        Ok(NamespaceRules {
            key_length: self.key_length,
            value_length: usize::try_from(value_length).unwrap_or(usize::MAX),
            format: format.transpose()?,
            syntax: self.syntax,
        })
    }

    /// A branch has the limit of its parent.
    async fn value_length(&self, db: &impl Connection, namespace: &Namespace) -> Result<i64> {
        let mut length = self.own_value_length(namespace);
        if key::is_branch_name(&namespace.cluster_name)
            && let Some(parent) = branch::parent(db, namespace).await?
        {
            length = length.max(self.own_value_length(&parent));
        }
        Ok(length)
    }

    fn own_value_length(&self, namespace: &Namespace) -> i64 {
        let of_namespace = self.value_length_of_namespace.get(&namespace.id.to_string());
        of_namespace.copied().unwrap_or_else(|| self.value_length_of_app(&namespace.app_id))
    }

    fn value_length_of_app(&self, app_id: &str) -> i64 {
        *self.value_length_of_app.get(app_id).unwrap_or(&self.value_length)
    }
}

/// The rules of one namespace.
#[derive(Debug, Clone)]
pub struct NamespaceRules {
    key_length: usize,
    value_length: usize,
    format: Option<Format>,
    syntax: Leniency,
}

impl NamespaceRules {
    /// Checks a new item.
    ///
    /// # Errors
    /// Names the first rule that it violates.
    pub fn check_new(&self, draft: &ItemDraft) -> Result<()> {
        if utf16_length(draft.key.as_deref().unwrap_or_default()) > self.key_length {
            return Err(too_long("key", self.key_length));
        }
        self.check_change(draft)
    }

    /// Checks a change of an existing item; its key is not changed.
    ///
    /// # Errors
    /// Names the first rule that it violates.
    pub fn check_change(&self, draft: &ItemDraft) -> Result<()> {
        if !(0..=3).contains(&draft.kind) {
            return Err(Error::bad_request("type is invalid. type should be in [0, 3]. "));
        }
        let value = draft.value.as_deref().unwrap_or_default();
        if utf16_length(value) > self.value_length {
            return Err(too_long("value", self.value_length));
        }
        match self.format {
            Some(format) => self.syntax.check(format, value),
            None => Ok(()),
        }
    }
}

impl Leniency {
    /// Checks that a text that is not blank is a document of the format, unless broken ones are
    /// accepted. Formats other than JSON and YAML accept any text.
    ///
    /// # Errors
    /// Describes what is wrong, and where.
    pub fn check(self, format: Format, value: &str) -> Result<()> {
        if self.broken_documents || value.trim().is_empty() {
            return Ok(());
        }
        let checked = match format {
            Format::Json => syntax::check_json(value, self.duplicate_members),
            Format::Yml | Format::Yaml => syntax::check_yaml(value),
            Format::Properties | Format::Xml | Format::Txt => Ok(()),
        };
        checked.map_err(|problem| {
            Error::bad_request(format!("invalid {} content: {problem}", format.name()))
                .with_code(Code::InvalidContent)
        })
    }
}

fn too_long(what: &str, limit: usize) -> Error {
    Error::bad_request(format!("{what} too long. length limit:{limit}")).with_code(Code::TooLong)
}

/// Length in UTF-16 code units, as Apollo measures it.
fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(format: Option<Format>) -> NamespaceRules {
        let syntax = Leniency { duplicate_members: true, broken_documents: false };
        NamespaceRules { key_length: 128, value_length: 20, format, syntax }
    }

    fn draft(key: &str, value: &str) -> ItemDraft {
        ItemDraft {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
            ..ItemDraft::default()
        }
    }

    #[test]
    fn lengths_count_utf16_units() {
        // 65 characters outside the basic multilingual plane are 130 UTF-16 code units.
        let check = |key: &str| rules(None).check_new(&draft(key, ""));
        assert!(check(&"k".repeat(128)).is_ok());
        assert_eq!(
            check(&"k".repeat(129)).unwrap_err().message(),
            "key too long. length limit:128"
        );
        assert!(check(&"😀".repeat(64)).is_ok());
        assert!(check(&"😀".repeat(65)).is_err());
    }

    #[test]
    fn blank_documents_are_not_parsed() {
        assert!(rules(Some(Format::Json)).check_new(&draft("content", " \n")).is_ok());
        let error =
            rules(Some(Format::Json)).check_new(&draft("content", r#"{"a":1} x"#)).unwrap_err();
        assert!(error.message().starts_with("invalid json content: "), "{error}");
    }

    #[test]
    fn a_broken_document_is_stored_only_where_a_setting_allows_it() {
        for format in [Format::Json, Format::Yaml] {
            let broken = draft("content", "{ a: [ ");
            let mut rules = rules(Some(format));
            assert!(rules.check_new(&broken).is_err(), "{format:?}");
            rules.syntax.broken_documents = true;
            assert!(rules.check_new(&broken).is_ok(), "{format:?}");
        }
    }

    #[test]
    fn key_is_checked_before_type_before_value() {
        let broken = ItemDraft { kind: 4, ..draft("k", &"v".repeat(21)) };
        assert!(rules(None).check_new(&broken).unwrap_err().message().ends_with("in [0, 3]. "));
    }
}
