//! Table `CastaliaDelivery` (Castalia's own): the delivery of a notice to one receiver. Columns
//! only, no queries.

use crate::entity::table;
use crate::number::{Id, Small};
use crate::time::StoredTime;

table! {
    "CastaliaDelivery" {
        notice_id: Id,
        webhook_id: Id,
        kind: Small,
        target: String,
        delivery_key: String,
        state: Small,
        attempts: Small,
        status: Small,
        problem: String,
        created_time: StoredTime<Entity>,
        next_time: StoredTime<Entity>,
        last_time: StoredTime<Entity>,
    }
}
