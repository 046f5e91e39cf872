//! Bodies of what was deleted and can be restored, which Apollo does not have.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// What was deleted of an app within 30 days.
    #[schema(as = DeletedObjects)]
    DeletedObjects {
        /// The latest first.
        objects: Option<Vec<DeletedObject>>,
        /// Environments that could not be asked.
        unreachable_envs: Option<Vec<String>>,
    }
}

body! {
    /// Something that was deleted as a whole.
    #[schema(as = DeletedObject)]
    DeletedObject {
        /// `app`, `appNamespace`, `cluster` or `namespace`.
        kind: Option<String>,
        /// Environment; absent for what was deleted in the portal and in all environments.
        env: Option<String>,
        /// Cluster; absent for an app and a definition.
        cluster_name: Option<String>,
        /// Namespace; absent for an app and a cluster.
        namespace_name: Option<String>,
        /// User who deleted it.
        deleted_by: Option<String>,
        /// Display name of that user.
        deleted_by_display_name: Option<String>,
        /// Time of the deletion.
        #[schema(value_type = String)]
        deleted_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// An app that was deleted within 30 days.
    #[schema(as = DeletedApp)]
    DeletedApp {
        /// App.
        app_id: Option<String>,
        /// Display name.
        name: Option<String>,
        /// Display name of the department.
        org_name: Option<String>,
        /// User who owned it.
        owner_name: Option<String>,
        /// User who deleted it.
        deleted_by: Option<String>,
        /// Display name of that user.
        deleted_by_display_name: Option<String>,
        /// Time of the deletion.
        #[schema(value_type = String)]
        deleted_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// What is to be restored: members of a list of what was deleted.
    #[schema(as = NewRestoration)]
    NewRestoration {
        /// `app`, `appNamespace`, `cluster` or `namespace`.
        kind: Option<String>,
        /// Environment; absent for an app or a definition in the portal and in all environments.
        env: Option<String>,
        /// Cluster, of a cluster or a namespace.
        cluster_name: Option<String>,
        /// Namespace, of a definition or a namespace.
        namespace_name: Option<String>,
        /// Time of the deletion.
        #[schema(value_type = String)]
        deleted_time: Option<DateTime<Utc>>,
    }
}
