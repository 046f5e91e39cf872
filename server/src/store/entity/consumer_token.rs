//! Table `ConsumerToken`: a token of a consumer. Columns only, no queries.

use chrono::NaiveDateTime;

use crate::store::entity::std_table;
use crate::store::number::Id;
use crate::store::secret::Secret;
use crate::store::time::StoredTime;

std_table! {
    "ConsumerToken" {
        consumer_id: Option<Id>,
        token: Secret,
        rate_limit: i32,
        expires: StoredTime<Entity, NaiveDateTime>,
    }
}
