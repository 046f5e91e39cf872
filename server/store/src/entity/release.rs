//! Table `Release`: the published, immutable values of a namespace. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "Release" {
        release_key: String,
        name: String,
        comment: Option<String>,
        app_id: String,
        cluster_name: String,
        namespace_name: String,
        configurations: String,
        is_abandoned: bool,
    }
}

crate::row::in_namespace!();
