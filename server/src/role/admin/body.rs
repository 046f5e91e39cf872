//! From rows of the domain to bodies of the admin API, and from bodies to drafts.

use indexmap::IndexMap;

use crate::domain::access_key::{self, AccessKey};
use crate::domain::app::{self, App};
use crate::domain::app_namespace::{AppNamespace, NewAppNamespace};
use crate::domain::audit_log::{AuditLog, AuditLogDataInfluence, Details};
use crate::domain::cluster::{Cluster, NewCluster};
use crate::domain::commit::Commit;
use crate::domain::constraint::Author;
use crate::domain::gray_rule::{GrayRule, NewRules, Rules};
use crate::domain::history::ReleaseHistory;
use crate::domain::instance::{Instance, InstanceConfig, Reader};
use crate::domain::item::{self, Hit, Item};
use crate::domain::item_set::ChangeSet;
use crate::domain::lock::NamespaceLock;
use crate::domain::namespace::{Namespace, NewNamespace};
use crate::domain::page::{Page, Paged};
use crate::domain::release::Release;
use crate::domain::server_config::{self, ServerConfigRow};
use crate::wire::admin as wire;

/// Bodies of rows.
pub(super) fn bodies<B: From<R>, R>(rows: Vec<R>) -> Vec<B> {
    rows.into_iter().map(B::from).collect()
}

/// Body of a page of rows.
pub(super) fn page_body<B: From<R>, R>(page: &Page, rows: Paged<R>) -> wire::Page<B> {
    wire::Page {
        total: rows.total,
        content: bodies(rows.rows),
        page: page.number(),
        size: page.size(),
    }
}

/// A body with the members that say who made the row and when.
macro_rules! standard_body {
    ($type:ident of $row:ident { $($field:ident: $value:expr,)* }) => {
        wire::$type {
            $($field: $value,)*
            data_change_created_by: Some($row.data_change_created_by),
            data_change_last_modified_by: $row.data_change_last_modified_by,
            data_change_created_time: Some($row.data_change_created_time),
            data_change_last_modified_time: $row.data_change_last_time,
            ..wire::$type::default()
        }
    };
}

/// Who a body says made it, and when.
macro_rules! author {
    ($body:ident) => {
        Author {
            created_by: $body.data_change_created_by,
            last_modified_by: $body.data_change_last_modified_by,
            created_time: $body.data_change_created_time,
            last_time: $body.data_change_last_modified_time,
        }
    };
}

impl From<App> for wire::App {
    fn from(row: App) -> Self {
        standard_body!(App of row {
            id: row.id.0,
            name: Some(row.name),
            app_id: Some(row.app_id),
            org_id: Some(row.org_id),
            org_name: Some(row.org_name),
            owner_name: Some(row.owner_name),
            owner_email: Some(row.owner_email),
        })
    }
}

impl From<wire::App> for app::Details {
    fn from(body: wire::App) -> Self {
        Self {
            app_id: body.app_id,
            name: body.name,
            org_id: body.org_id,
            org_name: body.org_name,
            owner_name: body.owner_name,
            owner_email: body.owner_email,
            author: author!(body),
        }
    }
}

impl From<AppNamespace> for wire::AppNamespace {
    fn from(row: AppNamespace) -> Self {
        standard_body!(AppNamespace of row {
            id: row.id.0,
            name: Some(row.name),
            app_id: Some(row.app_id),
            comment: Some(row.comment),
            format: Some(row.format),
            is_public: row.is_public,
        })
    }
}

impl From<wire::AppNamespace> for NewAppNamespace {
    fn from(body: wire::AppNamespace) -> Self {
        Self {
            app_id: body.app_id,
            name: body.name,
            format: body.format,
            is_public: body.is_public,
            comment: body.comment,
            author: author!(body),
        }
    }
}

impl From<Cluster> for wire::Cluster {
    fn from(row: Cluster) -> Self {
        standard_body!(Cluster of row {
            id: row.id.0,
            name: Some(row.name),
            app_id: Some(row.app_id),
            parent_cluster_id: row.parent_cluster_id.0,
            comment: row.comment,
        })
    }
}

impl From<wire::Cluster> for NewCluster {
    fn from(body: wire::Cluster) -> Self {
        Self {
            app_id: body.app_id,
            name: body.name,
            parent_cluster_id: body.parent_cluster_id,
            comment: body.comment,
            author: author!(body),
        }
    }
}

impl From<Namespace> for wire::Namespace {
    fn from(row: Namespace) -> Self {
        standard_body!(Namespace of row {
            id: row.id.0,
            app_id: Some(row.app_id),
            cluster_name: Some(row.cluster_name),
            namespace_name: Some(row.namespace_name),
        })
    }
}

impl From<wire::Namespace> for NewNamespace {
    fn from(body: wire::Namespace) -> Self {
        Self {
            app_id: body.app_id,
            cluster: body.cluster_name,
            name: body.namespace_name,
            author: author!(body),
        }
    }
}

impl From<Item> for wire::Item {
    fn from(row: Item) -> Self {
        standard_body!(Item of row {
            id: row.id.0,
            namespace_id: row.namespace_id.0,
            key: Some(row.key),
            r#type: row.r#type.0,
            value: Some(row.value),
            comment: row.comment,
            line_num: row.line_num.unwrap_or_default().0,
        })
    }
}

impl From<wire::Item> for item::Draft {
    fn from(body: wire::Item) -> Self {
        Self {
            id: body.id,
            namespace_id: body.namespace_id,
            key: body.key,
            kind: body.r#type,
            value: body.value,
            comment: body.comment,
            line_num: body.line_num,
            author: author!(body),
        }
    }
}

impl From<Hit> for wire::ItemInfo {
    fn from(hit: Hit) -> Self {
        Self {
            app_id: Some(hit.app_id),
            cluster_name: Some(hit.cluster_name),
            namespace_name: Some(hit.namespace_name),
            key: Some(hit.key),
            value: Some(hit.value),
        }
    }
}

impl From<wire::ItemChangeSets> for ChangeSet {
    fn from(body: wire::ItemChangeSets) -> Self {
        let drafts = |items: Option<Vec<wire::Item>>| bodies(items.unwrap_or_default());
        Self {
            creates: drafts(body.create_items),
            updates: drafts(body.update_items),
            deletes: drafts(body.delete_items),
            operator: body.data_change_last_modified_by,
        }
    }
}

impl From<Commit> for wire::Commit {
    fn from(row: Commit) -> Self {
        standard_body!(Commit of row {
            change_sets: Some(row.change_sets),
            app_id: Some(row.app_id),
            cluster_name: Some(row.cluster_name),
            namespace_name: Some(row.namespace_name),
            comment: row.comment,
        })
    }
}

impl From<Release> for wire::Release {
    fn from(row: Release) -> Self {
        standard_body!(Release of row {
            id: row.id.0,
            release_key: Some(row.release_key),
            name: Some(row.name),
            app_id: Some(row.app_id),
            cluster_name: Some(row.cluster_name),
            namespace_name: Some(row.namespace_name),
            configurations: Some(row.configurations),
            comment: row.comment,
            is_abandoned: row.is_abandoned,
        })
    }
}

impl From<ReleaseHistory> for wire::ReleaseHistory {
    fn from(row: ReleaseHistory) -> Self {
        let context: Option<IndexMap<_, _>> = serde_json::from_str(&row.operation_context).ok();
        standard_body!(ReleaseHistory of row {
            id: row.id.0,
            app_id: Some(row.app_id),
            cluster_name: Some(row.cluster_name),
            namespace_name: Some(row.namespace_name),
            branch_name: Some(row.branch_name),
            release_id: row.release_id.0,
            previous_release_id: row.previous_release_id.0,
            operation: row.operation.0,
            operation_context: context.map(wire::FreeForm),
        })
    }
}

impl From<Rules> for wire::GrayReleaseRule {
    fn from(rules: Rules) -> Self {
        let item = |rule: GrayRule| wire::GrayReleaseRuleItem {
            client_app_id: Some(rule.client_app_id),
            client_ip_list: Some(rule.client_ip_list),
            client_label_list: Some(rule.client_label_list),
        };
        Self {
            app_id: Some(rules.key.app_id),
            cluster_name: Some(rules.key.cluster),
            namespace_name: Some(rules.key.namespace),
            branch_name: Some(rules.branch),
            rule_items: Some(rules.rules.into_iter().map(item).collect()),
            release_id: Some(rules.release_id),
            ..Self::default()
        }
    }
}

impl From<wire::GrayReleaseRule> for NewRules {
    fn from(body: wire::GrayReleaseRule) -> Self {
        let rule = |item: wire::GrayReleaseRuleItem| GrayRule {
            client_app_id: item.client_app_id.unwrap_or_default(),
            client_ip_list: item.client_ip_list.unwrap_or_default(),
            client_label_list: item.client_label_list.unwrap_or_default(),
        };
        Self {
            app_id: body.app_id,
            cluster: body.cluster_name,
            namespace: body.namespace_name,
            branch: body.branch_name,
            rules: body.rule_items.map(|items| items.into_iter().map(rule).collect()),
            author: author!(body),
        }
    }
}

impl From<NamespaceLock> for wire::NamespaceLock {
    fn from(row: NamespaceLock) -> Self {
        standard_body!(NamespaceLock of row { namespace_id: row.namespace_id.0, })
    }
}

impl From<AccessKey> for wire::AccessKey {
    fn from(row: AccessKey) -> Self {
        standard_body!(AccessKey of row {
            id: Some(row.id.0),
            secret: Some(row.secret.expose().to_owned()),
            app_id: Some(row.app_id),
            mode: Some(row.mode.0),
            enabled: Some(row.is_enabled),
        })
    }
}

/// A new key of an app; the app of the path counts.
pub(super) fn new_access_key(app_id: String, body: wire::AccessKey) -> access_key::NewAccessKey {
    access_key::NewAccessKey {
        app_id,
        secret: body.secret.map(Into::into),
        mode: body.mode.unwrap_or_default(),
        is_enabled: body.enabled.unwrap_or_default(),
        author: author!(body),
    }
}

impl From<Instance> for wire::Instance {
    fn from(row: Instance) -> Self {
        Self {
            id: row.id.0,
            app_id: Some(row.app_id),
            cluster_name: Some(row.cluster_name),
            data_center: Some(row.data_center),
            ip: Some(row.ip),
            configs: None,
            data_change_created_time: Some(row.data_change_created_time),
        }
    }
}

impl From<Reader> for wire::Instance {
    /// Of a release that was read, everything but the configurations.
    fn from(reader: Reader) -> Self {
        let config = |(config, release): (InstanceConfig, Option<Release>)| wire::InstanceConfig {
            release: release
                .map(|release| Box::new(wire::Release { configurations: None, ..release.into() })),
            release_delivery_time: config.release_delivery_time,
            data_change_last_modified_time: Some(config.data_change_last_time),
        };
        let configs = reader.configs.into_iter().map(config).collect();
        Self { configs: Some(configs), ..reader.instance.into() }
    }
}

impl From<ServerConfigRow> for wire::ServerConfig {
    fn from(row: ServerConfigRow) -> Self {
        Self {
            key: Some(row.key),
            cluster: Some(row.cluster),
            value: Some(row.value),
            comment: row.comment,
            id: row.id.0,
            is_deleted: row.is_deleted,
            deleted_at: row.deleted_at,
            data_change_created_by: Some(row.data_change_created_by),
            data_change_created_time: Some(row.data_change_created_time),
            data_change_last_modified_by: row.data_change_last_modified_by,
            data_change_last_modified_time: row.data_change_last_time,
        }
    }
}

impl From<wire::ServerConfig> for server_config::Draft {
    fn from(body: wire::ServerConfig) -> Self {
        Self {
            key: body.key,
            cluster: body.cluster,
            value: body.value,
            comment: body.comment,
            author: author!(body),
        }
    }
}

impl From<AuditLog> for wire::AuditLog {
    fn from(row: AuditLog) -> Self {
        Self {
            id: row.id.0,
            trace_id: Some(row.trace_id),
            span_id: Some(row.span_id),
            parent_span_id: row.parent_span_id,
            follows_from_span_id: row.follows_from_span_id,
            operator: Some(row.operator),
            op_type: Some(row.op_type),
            op_name: Some(row.op_name),
            description: row.description,
            happened_time: Some(row.data_change_created_time),
        }
    }
}

impl From<AuditLogDataInfluence> for wire::AuditLogDataInfluence {
    fn from(row: AuditLogDataInfluence) -> Self {
        Self {
            id: row.id.0,
            span_id: Some(row.span_id),
            influence_entity_name: Some(row.influence_entity_name),
            influence_entity_id: Some(row.influence_entity_id),
            field_name: row.field_name,
            field_old_value: row.field_old_value,
            field_new_value: row.field_new_value,
            happened_time: Some(row.data_change_created_time),
        }
    }
}

impl From<Details> for wire::AuditLogDetails {
    fn from(details: Details) -> Self {
        Self { log: details.log.into(), data_influences: bodies(details.influences) }
    }
}
