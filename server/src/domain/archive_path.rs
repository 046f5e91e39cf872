//! The objects of the server that paths in an archive name, and the formats on which these paths
//! depend.

use std::collections::HashMap;

use castalia_archive::path::EntryNames;
use castalia_core::protocol::namespace::Format;
use castalia_store::namespace::AppNamespace;

use crate::domain::permission::requirement::Resource;

impl From<&Resource> for EntryNames {
    fn from(resource: &Resource) -> Self {
        let Resource { app_id, env, cluster, namespace } = resource.clone();
        Self { app_id, env, cluster, namespace }
    }
}

impl From<EntryNames> for Resource {
    fn from(EntryNames { app_id, env, cluster, namespace }: EntryNames) -> Self {
        Self { app_id, env, cluster, namespace }
    }
}

/// The formats of namespaces by their definitions.
#[derive(Debug, Default)]
pub struct Formats {
    /// By app and name.
    own: HashMap<(String, String), Format>,
    /// Of public definitions, by name.
    public: HashMap<String, Format>,
}

impl Formats {
    /// The formats in these definitions.
    #[must_use]
    pub fn new(definitions: &[AppNamespace]) -> Self {
        let mut formats = Self::default();
        formats.add_all(definitions);
        formats
    }

    /// Adds definitions.
    pub fn add_all(&mut self, definitions: &[AppNamespace]) {
        for row in definitions {
            self.add(&row.app_id, &row.name, &row.format, row.is_public);
        }
    }

    /// Adds a definition, unless there is one of the same name.
    pub fn add(&mut self, app_id: &str, name: &str, format: &str, is_public: bool) {
        let format = Format::from_name(format).unwrap_or_else(|| Format::of(name));
        self.own.entry((app_id.to_owned(), name.to_owned())).or_insert(format);
        if is_public {
            self.public.entry(name.to_owned()).or_insert(format);
        }
    }

    /// Whether a namespace has a definition, of its app or a public one.
    #[must_use]
    pub fn is_defined(&self, place: &Resource) -> bool {
        self.find(place).is_some()
    }

    /// The format of a namespace; one without a definition has that of its suffix.
    #[must_use]
    pub fn of(&self, place: &Resource) -> Format {
        self.find(place).unwrap_or_else(|| Format::of(&place.namespace))
    }

    fn find(&self, place: &Resource) -> Option<Format> {
        let own = self.own.get(&(place.app_id.clone(), place.namespace.clone()));
        own.or_else(|| self.public.get(&place.namespace)).copied()
    }
}
