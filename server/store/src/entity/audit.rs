//! Table `Audit`: inserts, updates and deletes of rows, with their operators. Columns only, no
//! queries.

use crate::entity::std_table;
use crate::number::Id;

std_table! {
    "Audit" {
        entity_name: String,
        entity_id: Option<Id>,
        op_name: String,
        comment: Option<String>,
    }
}
