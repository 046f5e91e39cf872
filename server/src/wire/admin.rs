//! Bodies of the admin API: the admin role serves them, the portal role forwards them. Members are in the order in which the
//! reference writes them; its scripts read them by name.

mod audit_log;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Member, body};
use super::free_form::FreeForm;

pub use audit_log::{AuditLog, AuditLogDataInfluence, AuditLogDetails};

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
        /// What it is for.
        comment: Option<String>,
        /// Format by name.
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
        /// What it is for.
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
        /// Label: 0 text, 1 number, 2 boolean, 3 JSON.
        r#type: i16,
        /// Value.
        value: Option<String>,
        /// Comment.
        comment: Option<String>,
        /// Position; 0 or absent puts a new item at the end.
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
    /// A published set of a namespace.
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
        /// What it is about.
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
        /// Cluster, or branch.
        branch_name: Option<String>,
        /// Release that is active since.
        release_id: i64,
        /// Release that was active before.
        previous_release_id: i64,
        /// Kind of operation, 0 to 8.
        operation: i16,
        /// What belongs to it.
        operation_context: Option<FreeForm>,
    } + standard
}

body! {
    /// Which clients a gray release is for.
    GrayReleaseRule {
        /// Owner.
        app_id: Option<String>,
        /// Parent cluster.
        cluster_name: Option<String>,
        /// Namespace.
        namespace_name: Option<String>,
        /// Branch.
        branch_name: Option<String>,
        /// Matches.
        rule_items: Option<Vec<GrayReleaseRuleItem>>,
        /// Release that those clients get.
        release_id: Option<i64>,
    } + standard
}

body! {
    /// One match of a gray rule.
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
    /// Who edits a namespace at present.
    NamespaceLock {
        /// Row id of the namespace.
        namespace_id: i64,
    } + standard
}

body! {
    /// A signing secret of an app.
    AccessKey {
        /// Row id.
        id: Option<i64>,
        /// Secret.
        secret: Option<String>,
        /// Owner.
        app_id: Option<String>,
        /// 0 refuses bad signatures, 1 only logs them.
        mode: Option<i16>,
        /// Whether it counts.
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
        /// Address.
        ip: Option<String>,
        /// What it read.
        configs: Option<Vec<InstanceConfig>>,
        /// When it was seen first.
        data_change_created_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// What a client read last of a namespace.
    InstanceConfig {
        /// The release, where asked for.
        release: Option<Box<Release>>,
        /// When it was handed out first.
        release_delivery_time: Option<DateTime<Utc>>,
        /// When the client was seen last.
        data_change_last_modified_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// A setting in the config database.
    ServerConfig {
        /// Name.
        key: Option<String>,
        /// Cluster of nodes that it is for; absent means `default`.
        cluster: Option<String>,
        /// Value.
        value: Option<String>,
        /// What it is for.
        comment: Option<String>,
        /// Row id.
        id: i64,
        /// Whether it is deleted.
        is_deleted: bool,
        /// When it was deleted, in milliseconds; 0 if not.
        deleted_at: i64,
        /// Who created it.
        data_change_created_by: Option<String>,
        /// When it was created.
        data_change_created_time: Option<DateTime<Utc>>,
        /// Who changed it last.
        data_change_last_modified_by: Option<String>,
        /// When it was changed last.
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
    /// Largest number of elements.
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
