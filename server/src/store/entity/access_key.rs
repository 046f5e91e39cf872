//! Table `AccessKey`: a secret that signs requests of an app. Columns only, no queries.

use crate::store::entity::std_table;
use crate::store::number::Small;
use crate::store::secret::Secret;

std_table! {
    "AccessKey" {
        app_id: String,
        secret: Secret,
        mode: Small,
        is_enabled: bool,
    }
}
