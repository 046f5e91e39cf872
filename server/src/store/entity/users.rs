//! Table `Users`: a user of the portal. Columns only, no queries.

use crate::store::entity::table;
use crate::store::number::Small;
use crate::store::secret::Secret;

table! {
    "Users" {
        username: String,
        password: Secret,
        user_display_name: String,
        email: String,
        enabled: Option<Small>,
    }
}
