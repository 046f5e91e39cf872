//! Table `Consumer`: a program that calls OpenAPI. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "Consumer" {
        app_id: String,
        name: String,
        org_id: String,
        org_name: String,
        owner_name: String,
        owner_email: String,
    }
}
