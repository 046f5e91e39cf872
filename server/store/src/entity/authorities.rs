//! Table `Authorities`: a user's authority for the Java portal. Columns only, no queries.

use crate::entity::table;

table! {
    "Authorities" {
        username: String,
        authority: String,
    }
}
