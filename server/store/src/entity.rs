//! The tables under their official names: columns only, no queries and no rules.
//! Queries are in the modules beside this one, one for each aggregate. Public for tests, which read
//! and write single rows; other crates use the queries.

pub use crate::row::{InNamespace, Standard, insert, soft_delete};

pub mod access_key;
pub mod app;
pub mod app_namespace;
pub mod audit;
pub mod audit_log;
pub mod audit_log_data_influence;
pub mod authorities;
pub mod castalia_access_request;
pub mod castalia_audit_seal;
pub mod castalia_consumer_grant;
pub mod castalia_consumer_use;
pub mod castalia_delivery;
pub mod castalia_event;
pub mod castalia_installation;
pub mod castalia_namespace_schema;
pub mod castalia_notice;
pub mod castalia_pending_change;
pub mod castalia_preference;
pub mod castalia_recent;
pub mod castalia_schema;
pub mod castalia_session;
pub mod castalia_unsigned_client;
pub mod castalia_webhook;
pub mod cluster;
pub mod commit;
pub mod consumer;
pub mod consumer_audit;
pub mod consumer_role;
pub mod consumer_token;
pub mod favorite;
pub mod gray_release_rule;
pub mod instance;
pub mod instance_config;
pub mod item;
pub mod namespace;
pub mod namespace_lock;
pub mod permission;
pub mod portal_server_config;
pub mod release;
pub mod release_history;
pub mod release_message;
pub mod role;
pub mod role_permission;
pub mod server_config;
pub mod service_registry;
pub mod user_role;
pub mod user_token;
pub mod user_token_audit;
pub mod users;

/// A table with an `Id` that the database generates, and the named columns.
macro_rules! table {
    ($name:literal { $( $(#[$attribute:meta])* $field:ident : $type:ty, )* }) => {
        // The code that the derive macros generate refers to these names.
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
        #[sea_orm(table_name = $name, rename_all = "PascalCase")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: crate::number::Id,
            $( $(#[$attribute])* pub $field: $type, )*
        }

        #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    };
}

/// A table with Apollo's six standard columns at the end.
macro_rules! std_table {
    ($name:literal { $( $field:ident : $type:ty, )* }) => {
        crate::entity::table! {
            $name {
                $( $field: $type, )*
                is_deleted: bool,
                deleted_at: i64,
                #[sea_orm(column_name = "DataChange_CreatedBy")]
                data_change_created_by: String,
                #[sea_orm(column_name = "DataChange_CreatedTime")]
                data_change_created_time: crate::time::StoredTime<Entity>,
                #[sea_orm(column_name = "DataChange_LastModifiedBy")]
                data_change_last_modified_by: Option<String>,
                #[sea_orm(column_name = "DataChange_LastTime")]
                data_change_last_time: Option<crate::time::StoredTime<Entity>>,
            }
        }

        crate::row::standard!();

        /// The columns of a new row, without the id and the standard ones.
        #[derive(Clone, Debug)]
        pub struct Row {
            $( pub $field: $type, )*
        }

        impl ActiveModel {
            /// A new live row.
            pub fn of(row: Row, author: crate::row::Authorship) -> Self {
                Self { $( $field: sea_orm::Set(row.$field), )* ..Self::authored(author) }
            }
        }
    };
}

use std_table;
use table;
