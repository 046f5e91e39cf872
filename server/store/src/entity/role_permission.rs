//! Table `RolePermission`: a permission of a role. Columns only, no queries.

use crate::entity::std_table;
use crate::number::Id;

std_table! {
    "RolePermission" {
        role_id: Option<Id>,
        permission_id: Option<Id>,
    }
}
