//! The content of entries in archives, as far as an import uses it. Apollo's portal writes times in
//! the form of its locale; no time is read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Member, body};

body! {
    /// An app.
    ArchivedApp {
        /// App id.
        app_id: Option<String>,
        /// Display name.
        name: Option<String>,
        /// Department id.
        org_id: Option<String>,
        /// Department name.
        org_name: Option<String>,
        /// User name of the owner.
        owner_name: Option<String>,
    }
}

body! {
    /// A definition of a namespace.
    ArchivedAppNamespace {
        /// Owner.
        app_id: Option<String>,
        /// Full name.
        name: Option<String>,
        /// Name of the format.
        format: Option<String>,
        /// Whether all apps may read it.
        is_public: bool,
        /// Description for users.
        comment: Option<String>,
    }
}

body! {
    /// A cluster.
    ArchivedCluster {
        /// Owner.
        app_id: Option<String>,
        /// Name.
        name: Option<String>,
        /// Description for users.
        comment: Option<String>,
    }
}

body! {
    /// A key with its value, a comment line, or a blank line.
    ArchivedItem {
        /// Key; empty for comments and blank lines.
        key: Option<String>,
        /// Value.
        value: Option<String>,
        /// Comment.
        comment: Option<String>,
        /// Type of the value.
        r#type: i16,
    }
}
