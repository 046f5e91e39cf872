//! Bodies of the admin API: the admin role serves them, the portal role forwards them. Members are
//! in the order in which Apollo writes them; scripts read them by name.

mod audit_log;
mod bulk;
mod restoration;
mod unsigned;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Member, body};
use super::free_form::FreeForm;

pub use audit_log::{AuditLog, AuditLogDataInfluence, AuditLogDetails};
pub use bulk::{ClusterReaders, NamespaceContent};
pub use restoration::Deleted;
pub use unsigned::{UnsignedClient, UnsignedClients};

body! {
    /// An app.
    App {
        /// Row id.
        id: i64,
        /// Display name.
        name: Option<String>,
        /// App id.
        app_id: Option<String>,
        /// Department id.
        org_id: Option<String>,
        /// Department name.
        org_name: Option<String>,
        /// User name of the owner.
        owner_name: Option<String>,
        /// Display name of the owner; never filled by the admin role.
        owner_display_name: Option<String>,
        /// Mail address of the owner.
        owner_email: Option<String>,
    } + standard
}

body! {
    /// A definition of a namespace.
    AppNamespace {
        /// Row id.
        id: i64,
        /// Full name.
        name: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// Description for users.
        comment: Option<String>,
        /// Name of the format.
        format: Option<String>,
        /// Whether all apps may read it.
        is_public: bool,
    } + standard
}

body! {
    /// A cluster, or the hidden one of a gray branch.
    Cluster {
        /// Row id.
        id: i64,
        /// Name.
        name: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// Cluster that a branch belongs to; 0 for a normal cluster.
        parent_cluster_id: i64,
        /// Description for users.
        comment: Option<String>,
    } + standard
}

body! {
    /// A namespace of an app and cluster.
    Namespace {
        /// Row id.
        id: i64,
        /// Owner.
        app_id: Option<String>,
        /// Cluster, or branch.
        cluster_name: Option<String>,
        /// Name.
        namespace_name: Option<String>,
    } + standard
}

body! {
    /// A key with its value, a comment line, or a blank line.
    Item {
        /// Row id.
        id: i64,
        /// Row id of the namespace.
        namespace_id: i64,
        /// Key; empty for comments and blank lines.
        key: Option<String>,
        /// Type: 0 string, 1 number, 2 boolean, 3 JSON.
        r#type: i16,
        /// Value.
        value: Option<String>,
        /// Comment.
        comment: Option<String>,
        /// Position; 0 or absent appends a new item at the end.
        line_num: i64,
    } + standard
}

body! {
    /// A found item with the names of its namespace.
    ItemInfo {
        /// Owner.
        app_id: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Key.
        key: Option<String>,
        /// Value.
        value: Option<String>,
    }
}

body! {
    /// Edits of one namespace that are applied together.
    ItemChangeSets {
        /// New items.
        create_items: Option<Vec<Item>>,
        /// Changed items, by id.
        update_items: Option<Vec<Item>>,
        /// Removed items, by id.
        delete_items: Option<Vec<Item>>,
    } + standard
}

body! {
    /// A recorded change set.
    Commit {
        /// Row id; only in answers of this server.
        id: Option<i64>,
        /// JSON text of the changes.
        change_sets: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// Cluster.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Always absent.
        comment: Option<String>,
    } + standard
}

body! {
    /// A release: the published values of a namespace.
    Release {
        /// Row id.
        id: i64,
        /// Identity that clients compare.
        release_key: Option<String>,
        /// Title.
        name: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// Cluster, or branch.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// JSON text of keys and values.
        configurations: Option<String>,
        /// Description of the release.
        comment: Option<String>,
        /// Whether it was rolled back.
        is_abandoned: bool,
    } + standard
}

body! {
    /// One publish or rollback.
    ReleaseHistory {
        /// Row id.
        id: i64,
        /// Owner.
        app_id: Option<String>,
        /// Cluster; the parent one for gray operations.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Branch, or the cluster itself on the main line.
        branch_name: Option<String>,
        /// Release that is active after the operation.
        release_id: i64,
        /// Release that was active before it.
        previous_release_id: i64,
        /// Kind of the operation, 0 to 8.
        operation: i16,
        /// Context of the operation.
        operation_context: Option<FreeForm>,
    } + standard
}

body! {
    /// The clients of a gray release.
    GrayReleaseRule {
        /// Owner.
        app_id: Option<String>,
        /// Parent cluster.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Branch.
        branch_name: Option<String>,
        /// Lines of the rule.
        rule_items: Option<Vec<GrayReleaseRuleItem>>,
        /// Release that these clients receive.
        release_id: Option<i64>,
    } + standard
}

body! {
    /// One line of a gray rule.
    GrayReleaseRuleItem {
        /// App of the clients.
        client_app_id: Option<String>,
        /// Addresses.
        client_ip_list: Option<Vec<String>>,
        /// Labels.
        client_label_list: Option<Vec<String>>,
    }
}

body! {
    /// The present editor of a namespace.
    NamespaceLock {
        /// Row id of the namespace.
        namespace_id: i64,
    } + standard
}

body! {
    /// An access key of an app.
    AccessKey {
        /// Row id.
        id: Option<i64>,
        /// Secret.
        secret: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// 0 rejects invalid signatures, 1 only logs them.
        mode: Option<i16>,
        /// Whether it is enabled.
        enabled: Option<bool>,
    } + standard
}

body! {
    /// A running client.
    Instance {
        /// Row id.
        id: i64,
        /// App of the client.
        app_id: Option<String>,
        /// Cluster of the client.
        cluster_name: Option<String>,
        /// Data center of the client.
        data_center: Option<String>,
        /// IP address.
        ip: Option<String>,
        /// What it read.
        configs: Option<Vec<InstanceConfig>>,
        /// Time of the first record.
        data_change_created_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// The last read of a namespace by a client.
    InstanceConfig {
        /// The release, if requested.
        release: Option<Box<Release>>,
        /// Time at which the release was first delivered.
        release_delivery_time: Option<DateTime<Utc>>,
        /// Time of the last record.
        data_change_last_modified_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// A setting in the config database.
    ServerConfig {
        /// State of value and comment, on which a change can be based; only in answers of this server.
        revision: Option<String>,
        /// Name.
        key: Option<String>,
        /// Cluster of nodes; absent for `default`.
        cluster: Option<String>,
        /// Value.
        value: Option<String>,
        /// Description for operators.
        comment: Option<String>,
        /// Row id.
        id: i64,
        /// Whether it is deleted.
        is_deleted: bool,
        /// Time of the deletion in milliseconds; 0 if not deleted.
        deleted_at: i64,
        /// User who created it.
        data_change_created_by: Option<String>,
        /// Time of creation.
        data_change_created_time: Option<DateTime<Utc>>,
        /// User who changed it last.
        data_change_last_modified_by: Option<String>,
        /// Time of the last change.
        data_change_last_modified_time: Option<DateTime<Utc>>,
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// Number of all elements.
    pub total: u64,
    /// Elements of this page.
    pub content: Vec<T>,
    /// Number of the page, from 0.
    pub page: u64,
    /// Maximum number of elements of a page.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_texts_and_null_means_the_default() {
        let body = r#"{"id":"7","key":"k","type":"2","lineNum":null,"namespaceId":3.0,"extra":{}}"#;
        let item: Item = serde_json::from_str(body).unwrap();
        assert_eq!((item.id, item.r#type, item.line_num, item.namespace_id), (7, 2, 0, 3));
    }

    #[test]
    fn absent_members_are_left_out_and_numbers_are_not() {
        let cluster = Cluster { name: Some("c".into()), ..Cluster::default() };
        assert_eq!(
            serde_json::to_string(&cluster).unwrap(),
            r#"{"id":0,"name":"c","parentClusterId":0}"#
        );
    }

    #[test]
    fn dates_are_read_with_and_without_a_colon_in_the_zone() {
        for text in
            ["2026-11-20T06:32:16.000+0000", "2026-11-20T06:32:16Z", "2026-11-20T08:32:16+02:00"]
        {
            let body = format!(r#"{{"dataChangeCreatedTime":"{text}"}}"#);
            let app: App = serde_json::from_str(&body).unwrap();
            assert_eq!(app.data_change_created_time.unwrap().timestamp(), 1_795_156_336, "{text}");
        }
    }
}
