//! Table `App`: an application. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "App" {
        app_id: String,
        name: String,
        org_id: String,
        org_name: String,
        owner_name: String,
        owner_email: String,
    }
}
