//! Table `AppNamespace`: the definition of a namespace: format, public or private. Columns only, no
//! queries.

use crate::entity::std_table;

std_table! {
    "AppNamespace" {
        name: String,
        app_id: String,
        format: String,
        is_public: bool,
        comment: String,
    }
}
