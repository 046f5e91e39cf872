//! Bodies of comparing items with other namespaces, and of bringing them there.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Item;
use crate::wire::body::{Member, body};

body! {
    /// Items, and the namespaces that should have them.
    #[schema(as = OpenNamespaceSyncDTO)]
    NamespaceSync {
        /// The namespaces.
        sync_to_namespaces: Option<Vec<NamespaceIdentifier>>,
        /// The items.
        sync_items: Option<Vec<Item>>,
    }
}

body! {
    /// Edits of the items of a namespace, each of another key, which are made together or not at
    /// all.
    #[schema(as = OpenItemChanges)]
    #[serde(deny_unknown_fields)]
    ItemChanges {
        /// New items, which are appended in this order.
        create: Option<Vec<Item>>,
        /// Items that get other values and comments.
        update: Option<Vec<Item>>,
        /// Keys of the items that are deleted.
        delete: Option<Vec<String>>,
        /// Whether the edits are only checked.
        dry_run: bool,
    }
}

body! {
    /// A namespace of an environment.
    #[schema(as = OpenNamespaceIdentifier)]
    NamespaceIdentifier {
        /// App.
        app_id: Option<String>,
        /// Environment.
        env: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Name.
        namespace_name: Option<String>,
    }
}

body! {
    /// What would change in a namespace.
    #[schema(as = OpenItemDiffDTO)]
    ItemDiff {
        /// 0; 403 if the caller may not see the values, 404 if there is no such namespace.
        code: i64,
        /// Why nothing is listed.
        message: Option<String>,
        /// The namespace.
        namespace: Option<Box<NamespaceIdentifier>>,
        /// Items that it lacks.
        create_items: Option<Vec<Item>>,
        /// Always empty: nothing is deleted.
        delete_items: Option<Vec<Item>>,
        /// Items with other values, as they would be.
        update_items: Option<Vec<Item>>,
    }
}
