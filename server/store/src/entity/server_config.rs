//! Table `ServerConfig`: a setting of ApolloConfigDB, by key and cluster. Columns only, no queries.

use crate::entity::std_table;

std_table! {
    "ServerConfig" {
        key: String,
        cluster: String,
        value: String,
        comment: Option<String>,
    }
}
