//! Table `Permission`: a permitted action on a target. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "Permission" {
        permission_type: String,
        target_id: String,
    }
}
