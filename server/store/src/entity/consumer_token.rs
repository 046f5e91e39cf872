//! Table `ConsumerToken`: a token of a consumer. Columns only, no queries.

use chrono::NaiveDateTime;

use crate::entity::std_table;
use crate::number::Id;
use crate::secret::Secret;
use crate::time::StoredTime;

std_table! {
    "ConsumerToken" {
        consumer_id: Option<Id>,
        token: Secret,
        rate_limit: i32,
        expires: StoredTime<Entity, NaiveDateTime>,
    }
}
