//! Converts rows of the domain to bodies of the admin API, and bodies to drafts.

use indexmap::IndexMap;

use crate::domain::app::{self, App};
use crate::domain::app_namespace::{AppNamespace, NewAppNamespace};
use crate::domain::cluster::{Cluster, NewCluster};
use crate::domain::commit::Commit;
use crate::domain::constraint::Author;
use crate::domain::gray_rule::{Audience, GrayRule, NewRules, Rules};
use crate::domain::history::ReleaseHistory;
use crate::domain::item::{self, Hit, Item};
use crate::domain::item_set::ChangeSet;
use crate::domain::lock::NamespaceLock;
use crate::domain::namespace::{Namespace, NewNamespace};
use crate::domain::page::{Page, Paged};
use crate::domain::release::Release;
use crate::domain::revision::Base;
use crate::wire::admin as wire;
use crate::wire::free_form::FreeForm;

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

/// A body with the members for author and time of the row.
macro_rules! standard_body {
    ($type:ident of $row:ident { $($field:ident: $value:expr,)* }) => {
        wire::$type {
            $($field: $value,)*
            data_change_created_by: Some($row.data_change_created_by),
            data_change_last_modified_by: $row.data_change_last_modified_by,
            data_change_created_time: Some(*$row.data_change_created_time),
            data_change_last_modified_time: $row.data_change_last_time.map(|time| *time),
            ..wire::$type::default()
        }
    };
}

/// The author and time that a body states.
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

pub(super) use {author, standard_body};

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

impl From<wire::App> for app::AppDetails {
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

impl From<wire::Item> for item::ItemDraft {
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
            id: Some(row.id.0),
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
            operation_context: context.map(FreeForm),
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

impl From<Audience> for wire::GrayReleaseRule {
    fn from(audience: Audience) -> Self {
        Self {
            data_change_created_by: Some(audience.author),
            data_change_created_time: Some(audience.time),
            ..audience.rules.into()
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
            base: Base::default(),
        }
    }
}

impl From<NamespaceLock> for wire::NamespaceLock {
    fn from(row: NamespaceLock) -> Self {
        standard_body!(NamespaceLock of row { namespace_id: row.namespace_id.0, })
    }
}
