//! Table `Namespace`: a namespace of a cluster or a branch. Columns only, no queries.

use crate::store::entity::std_table;

std_table! {
    "Namespace" {
        app_id: String,
        cluster_name: String,
        namespace_name: String,
    }
}

crate::store::row::in_namespace!();
