//! Table `ConsumerRole`: a role of a consumer. Columns only, no queries.

use crate::entity::std_table;
use crate::number::Id;

std_table! {
    "ConsumerRole" {
        consumer_id: Option<Id>,
        role_id: Option<Id>,
    }
}
