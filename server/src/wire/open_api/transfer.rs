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
        /// All lines that the namespace then has, in their order. Without it, lines stay where they
        /// are.
        lines: Option<Vec<ItemLine>>,
        /// Whether the edits are only checked.
        dry_run: bool,
    }
}

body! {
    /// A line of a namespace in the format `properties`, others have none: an item, a comment line or,
    /// without members, a blank line.
    #[serde(deny_unknown_fields)]
    ItemLine {
        /// Key of the item.
        key: Option<String>,
        /// Text of the comment line: begins with `#` or `!`, without line breaks, and without white
        /// space at its edges; of a blank line empty.
        comment: Option<String>,
    }
}

body! {
    /// Edits of several namespaces.
    #[serde(deny_unknown_fields)]
    ChangeSets {
        /// At most one for each namespace.
        change_sets: Option<Vec<ChangeSet>>,
        /// Whether the edits are only checked.
        dry_run: bool,
    }
}

body! {
    /// Edits of the items of one namespace, which are made together or not at all.
    #[serde(deny_unknown_fields)]
    ChangeSet {
        /// App.
        app_id: Option<String>,
        /// Environment.
        env: Option<String>,
        /// Cluster or branch.
        cluster_name: Option<String>,
        /// Name of the namespace.
        namespace_name: Option<String>,
        /// Revision of the namespace that the edits are based on, as in `Castalia-Revision`.
        revision: Option<String>,
        /// New items, which are appended in this order.
        create: Option<Vec<Item>>,
        /// Items that get other values and comments.
        update: Option<Vec<Item>>,
        /// Keys of the items that are deleted.
        delete: Option<Vec<String>>,
    }
}

body! {
    /// What became of the edits of one namespace.
    ChangeSetResult {
        /// Status that `changeItems` answers with.
        status: i64,
        /// Why nothing was changed.
        code: Option<String>,
        /// The same for people.
        message: Option<String>,
        /// The revision that the edits led to, or, if they are based on another one than the present
        /// one, that one.
        current: Option<String>,
        /// Who changed the namespace last.
        by: Option<String>,
        /// Items with other values than those of the edits.
        items: Option<Vec<StaleItem>>,
    }
}

body! {
    /// An item that somebody else changed. An absent value is that of an absent item.
    StaleItem {
        /// Key.
        key: Option<String>,
        /// Value of the edit.
        yours: Option<String>,
        /// Stored value.
        theirs: Option<String>,
        /// Who stored or deleted it.
        by: Option<String>,
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
