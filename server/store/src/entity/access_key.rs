//! Table `AccessKey`: a secret that signs requests of an app. Columns only, no queries.

use crate::entity::std_table;
use crate::number::Small;
use crate::secret::Secret;

std_table! {
    "AccessKey" {
        app_id: String,
        secret: Secret,
        mode: Small,
        is_enabled: bool,
    }
}
