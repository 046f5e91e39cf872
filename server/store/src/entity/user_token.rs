//! Table `UserToken`: a user's personal token. Columns only, no queries.

use chrono::NaiveDateTime;

use crate::entity::std_table;
use crate::time::StoredTime;

std_table! {
    "UserToken" {
        user_id: String,
        name: String,
        token_prefix: String,
        token_hash: String,
        scopes: Option<String>,
        rate_limit: i32,
        expires: StoredTime<Entity, NaiveDateTime>,
        last_used_time: Option<StoredTime<Entity, NaiveDateTime>>,
        last_used_ip: Option<String>,
        last_used_user_agent: Option<String>,
        revoked_at: Option<StoredTime<Entity, NaiveDateTime>>,
        revoked_by: Option<String>,
    }
}
