//! Table `UserRole`: a role of a user. Columns only, no queries.

use crate::entity::std_table;
use crate::number::Id;

std_table! {
    "UserRole" {
        user_id: Option<String>,
        role_id: Option<Id>,
    }
}
