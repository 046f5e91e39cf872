//! Table `Cluster`: a cluster of an app, or a gray branch if it has a parent. Columns only, no
//! queries.

use crate::entity::std_table;
use crate::number::Id;

std_table! {
    "Cluster" {
        name: String,
        app_id: String,
        parent_cluster_id: Id,
        comment: Option<String>,
    }
}
