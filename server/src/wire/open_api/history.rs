//! Bodies of what happened to a namespace: its commits and its publishes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};
use crate::wire::free_form::FreeForm;

body! {
    /// A recorded change of a namespace.
    #[schema(as = OpenCommitDTO)]
    Commit {
        /// Row id; absent if the environment has Apollo's admin service, which does not return it.
        id: Option<i64>,
        /// JSON text of the changes: `createItems`, `updateItems` with `oldItem` and `newItem`, and
        /// `deleteItems`.
        change_sets: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// Cluster, or branch.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Comment; never set.
        comment: Option<String>,
    } + standard
}

body! {
    /// A publish, a rollback, or an operation on the gray branch of a namespace.
    #[schema(as = OpenReleaseHistoryDTO)]
    ReleaseHistory {
        /// Row id.
        id: i64,
        /// Owner.
        app_id: Option<String>,
        /// Cluster; that of the main line for operations on a branch.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Branch, or the cluster for operations on the main line.
        branch_name: Option<String>,
        /// User name of the operator.
        operator: Option<String>,
        /// Display name of the operator.
        operator_display_name: Option<String>,
        /// Row id of the release that was in effect after the operation.
        release_id: i64,
        /// Title of the release.
        release_title: Option<String>,
        /// Comment of the release.
        release_comment: Option<String>,
        /// Time of the operation.
        #[schema(value_type = String)]
        release_time: Option<DateTime<Utc>>,
        /// How long ago that was, in English.
        release_time_formatted: Option<String>,
        /// Keys and values of the release.
        configuration: Option<Vec<KeyValue>>,
        /// Whether the release was rolled back.
        is_release_abandoned: bool,
        /// Row id of the release that was in effect before the operation.
        previous_release_id: i64,
        /// 0 publish, 1 rollback, 2 gray publish, 3 gray rules, 4 merge, 5 and 6 publish and rollback
        /// of the main line that the branch followed, 7 branch deleted, 8 branch deleted after a merge.
        operation: i16,
        /// Context of the operation, such as `sourceBranch`, `rules` or `isEmergencyPublish`.
        #[schema(value_type = Object)]
        operation_context: Option<FreeForm>,
    }
}

body! {
    /// A key with its value.
    #[schema(as = OpenKeyValueDTO)]
    KeyValue {
        /// Key.
        first_entity: Option<String>,
        /// Value.
        second_entity: Option<String>,
    }
}
