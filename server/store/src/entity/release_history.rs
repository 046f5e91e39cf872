//! Table `ReleaseHistory`: the log of publishes and rollbacks. Columns only, no queries.

use crate::entity::std_table;
use crate::number::{Id, Small};

std_table! {
    "ReleaseHistory" {
        app_id: String,
        cluster_name: String,
        namespace_name: String,
        branch_name: String,
        release_id: Id,
        previous_release_id: Id,
        operation: Small,
        operation_context: String,
    }
}

crate::row::in_namespace!();
