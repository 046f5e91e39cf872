//! Table `Role`: a named set of permissions. Columns only, no queries.

use crate::store::entity::std_table;

std_table! {
    "Role" {
        role_name: String,
    }
}
