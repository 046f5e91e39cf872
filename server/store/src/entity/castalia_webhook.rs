//! Table `CastaliaWebhook` (Castalia's own): an address that is called after a publish. Columns
//! only, no queries.

use crate::entity::table;
use crate::secret::Secret;
use crate::time::StoredTime;

table! {
    "CastaliaWebhook" {
        url: String,
        secret: Secret,
        envs: String,
        app_id: String,
        is_enabled: bool,
        created_by: String,
        created_time: StoredTime<Entity>,
        last_modified_by: String,
        last_time: StoredTime<Entity>,
    }
}
