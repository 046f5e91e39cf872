//! Table `Item`: one key with its value in a namespace being edited. Columns only, no queries.

use crate::entity::std_table;
use crate::number::{Id, Small};

std_table! {
    "Item" {
        namespace_id: Id,
        key: String,
        r#type: Small,
        value: String,
        comment: Option<String>,
        line_num: Option<Id>,
    }
}
