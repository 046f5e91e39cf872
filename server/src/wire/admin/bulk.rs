//! Bodies of the reads that Apollo's admin API lacks: one call instead of one for each namespace or
//! cluster.

use serde::{Deserialize, Serialize};

use super::{Item, Release};

/// The content of a namespace.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NamespaceContent {
    /// Name.
    pub namespace_name: String,
    /// Items of the draft, in the order of their lines.
    pub items: Vec<Item>,
    /// The release that clients receive, if it was requested.
    pub release: Option<Release>,
    /// Items that were deleted since, newest first.
    pub deleted_items: Vec<Item>,
    /// Whether it has a gray release; `None` from a node that does not report it.
    pub is_gray: Option<bool>,
    /// User who edits it, if others may not meanwhile.
    pub locked_by: Option<String>,
}

/// Number of clients that read a namespace of one cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterReaders {
    /// Cluster.
    pub cluster_name: String,
    /// Clients of the main line.
    pub instance_count: i64,
    /// Clients of the gray branch.
    pub branch_instance_count: i64,
}
