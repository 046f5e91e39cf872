//! Table `Favorite`: a user's favourite app. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "Favorite" {
        user_id: String,
        app_id: String,
        position: i32,
    }
}
