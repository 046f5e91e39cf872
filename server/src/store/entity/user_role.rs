//! Table `UserRole`: a role of a user. Columns only, no queries.

use crate::store::entity::std_table;
use crate::store::number::Id;

std_table! {
    "UserRole" {
        user_id: Option<String>,
        role_id: Option<Id>,
    }
}
