//! Table `CastaliaPendingChange` (Castalia's own): a change of an app, or of a definition of a
//! namespace, that an environment has not received. Columns only, no queries.

use crate::entity::table;
use crate::number::{Id, Small};
use crate::time::StoredTime;

table! {
    "CastaliaPendingChange" {
        env: String,
        app_id: String,
        namespace_name: String,
        operation: Small,
        object_id: Id,
        operator: String,
        due_time: StoredTime<Entity>,
        problem: String,
    }
}
