//! Table `Namespace`: a namespace of a cluster or a branch. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "Namespace" {
        app_id: String,
        cluster_name: String,
        namespace_name: String,
    }
}

crate::row::in_namespace!();
