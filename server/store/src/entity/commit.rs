//! Table `Commit`: one change set of items. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "Commit" {
        change_sets: String,
        app_id: String,
        cluster_name: String,
        namespace_name: String,
        comment: Option<String>,
    }
}

crate::row::in_namespace!();
