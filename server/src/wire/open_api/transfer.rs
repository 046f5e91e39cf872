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
