//! Table `Role`: a named set of permissions. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "Role" {
        role_name: String,
    }
}
