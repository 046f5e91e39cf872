//! Bodies of `/openapi/v1/access-requests`, which Apollo does not have.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// A role that a user asks for: on a namespace in all environments or in one, or on all
    /// namespaces of a cluster.
    #[schema(as = NewAccessRequest)]
    NewAccessRequest {
        /// App.
        app_id: Option<String>,
        /// Environment; absent for all.
        env: Option<String>,
        /// Cluster, for a role on all of its namespaces.
        cluster_name: Option<String>,
        /// Namespace, unless a cluster is named.
        namespace_name: Option<String>,
        /// `ModifyNamespace` or `ReleaseNamespace` for a namespace, `ModifyNamespacesInCluster` or
        /// `ReleaseNamespacesInCluster` for a cluster.
        role_type: Option<String>,
        /// Why the user needs it, up to 500 characters.
        note: Option<String>,
    }
}

body! {
    /// A request for a role, with what was decided about it.
    #[schema(as = AccessRequest)]
    AccessRequest {
        /// Row id.
        id: i64,
        /// App.
        app_id: Option<String>,
        /// Environment; absent for all.
        env: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Type of the role.
        role_type: Option<String>,
        /// User who asks.
        user_id: Option<String>,
        /// Display name of that user.
        user_display_name: Option<String>,
        /// Why the user needs it.
        note: Option<String>,
        /// `open`, `granted` or `declined`.
        state: Option<String>,
        /// Time of the request.
        #[schema(value_type = String)]
        created_time: Option<DateTime<Utc>>,
        /// User who decided.
        decided_by: Option<String>,
        /// Display name of that user.
        decided_by_display_name: Option<String>,
        /// Time of the decision.
        #[schema(value_type = String)]
        decided_time: Option<DateTime<Utc>>,
        /// The reason for the user.
        reason: Option<String>,
    }
}

body! {
    /// The decision about a request.
    #[schema(as = AccessDecision)]
    AccessDecision {
        /// Whether the role is granted.
        granted: bool,
        /// A sentence for the user, up to 500 characters; required unless the role is granted.
        reason: Option<String>,
    }
}
