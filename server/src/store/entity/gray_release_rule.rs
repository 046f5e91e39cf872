//! Table `GrayReleaseRule`: the clients of a gray release; never updated in place. Columns only, no
//! queries.

use crate::store::entity::std_table;
use crate::store::number::{Id, Small};

std_table! {
    "GrayReleaseRule" {
        app_id: String,
        cluster_name: String,
        namespace_name: String,
        branch_name: String,
        rules: Option<String>,
        release_id: Id,
        branch_status: Option<Small>,
    }
}

crate::store::row::in_namespace!();
