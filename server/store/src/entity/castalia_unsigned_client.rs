//! Table `CastaliaUnsignedClient` (Castalia's own): an address from which an app was requested
//! without a signature of its observed access key. Columns only, no queries.

use crate::entity::table;
use crate::time::StoredTime;

table! {
    "CastaliaUnsignedClient" {
        app_id: String,
        ip: String,
        last_time: StoredTime<Entity>,
    }
}
