//! What the database declares, as far as names need it: namespaces and clusters, those that cannot
//! be decoded, and public names with their owners. Knows no look-up.

use std::sync::Arc;

/// One declared namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppNamespace {
    /// Id of the row. If two apps declare the same public name, the oldest row takes precedence.
    pub id: i64,
    /// App that declares it.
    pub app_id: String,
    /// Full name, with the suffix of its format.
    pub name: String,
    /// Whether all apps may read it.
    pub is_public: bool,
}

/// A declared namespace whose row cannot be decoded: what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndecodableNamespace {
    /// App that declares it.
    pub app_id: Option<String>,
    /// Full name; several if it is only known to be one of them, `None` if it may be any.
    pub names: Option<Vec<String>>,
    /// Whether all apps may read it.
    pub is_public: Option<bool>,
}

/// One cluster or branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Id of the row.
    pub id: i64,
    /// App that has it.
    pub app_id: String,
    /// Name.
    pub name: String,
}

/// A public namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// App that owns it.
    pub owner: Arc<str>,
    /// Stored name.
    pub name: Arc<str>,
}

/// A public name that another app declared before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contest {
    /// App whose namespace all clients receive: the one of the older row.
    pub owner: Arc<str>,
    /// App whose namespace only its own clients receive.
    pub loser: Arc<str>,
    /// Name in the spelling of the later row.
    pub name: Arc<str>,
}
