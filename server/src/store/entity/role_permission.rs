//! Table `RolePermission`: a permission of a role. Columns only, no queries.

use crate::store::entity::std_table;
use crate::store::number::Id;

std_table! {
    "RolePermission" {
        role_id: Option<Id>,
        permission_id: Option<Id>,
    }
}
