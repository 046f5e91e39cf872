//! Table `CastaliaRecent` (Castalia's own): an app that a user has opened; the one opened last has
//! the largest id. Columns only, no queries.

use crate::entity::table;
use crate::number::Id;

table! {
    "CastaliaRecent" {
        user_id: String,
        app_row: Id,
    }
}
