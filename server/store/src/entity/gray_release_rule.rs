//! Table `GrayReleaseRule`: the clients of a gray release; never updated in place. Columns only, no
//! queries.

use crate::entity::std_table;
use crate::number::{Id, Small};

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

crate::row::in_namespace!();
