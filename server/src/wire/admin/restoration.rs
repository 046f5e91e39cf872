//! Bodies of what was deleted and can be restored, which Apollo's admin API lacks.

use serde::{Deserialize, Serialize};

/// Something that was deleted as a whole; also the request to restore it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deleted {
    /// `app`, `appNamespace`, `cluster` or `namespace`.
    pub kind: String,
    /// Cluster; empty for an app and a definition.
    pub cluster_name: String,
    /// Namespace; empty for an app and a cluster.
    pub namespace_name: String,
    /// Time of the creation, in milliseconds since 1970. Not needed to restore it.
    pub created_at: i64,
    /// Time of the deletion, in milliseconds since 1970.
    pub deleted_at: i64,
    /// Who deleted it.
    pub deleted_by: Option<String>,
}
