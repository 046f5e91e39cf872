//! Table `CastaliaEvent` (Castalia's own): a recent edit or publish, which pages of the portal
//! show. Columns only, no queries.

use crate::entity::table;
use crate::number::{Id, Small};
use crate::time::StoredTime;

table! {
    "CastaliaEvent" {
        env: String,
        app_id: String,
        cluster_name: String,
        namespace_name: String,
        kind: Small,
        operator: String,
        release_id: Id,
        created_time: StoredTime<Entity>,
    }
}
