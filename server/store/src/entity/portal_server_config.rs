//! Table `ServerConfig`: a setting of ApolloPortalDB, by key. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "ServerConfig" {
        key: String,
        value: String,
        comment: Option<String>,
    }
}
