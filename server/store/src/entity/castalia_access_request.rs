//! Table `CastaliaAccessRequest` (Castalia's own): a user who asks for a role on an app. Columns
//! only, no queries.

use crate::entity::table;
use crate::number::{Id, Small};
use crate::time::StoredTime;

table! {
    "CastaliaAccessRequest" {
        app_row: Id,
        env: String,
        cluster_name: String,
        namespace_name: String,
        role_type: String,
        user_id: String,
        note: String,
        state: Small,
        created_time: StoredTime<Entity>,
        decided_by: String,
        decided_time: Option<StoredTime<Entity>>,
        reason: String,
    }
}
