//! Table `Users`: a user of the portal. Columns only, no queries.

use crate::entity::table;
use crate::number::Small;
use crate::secret::Secret;

table! {
    "Users" {
        username: String,
        password: Secret,
        user_display_name: String,
        email: String,
        enabled: Option<Small>,
    }
}
