//! Converts bodies of the admin API to those of OpenAPI: the same members under the names of the
//! contract.

use castalia_core::protocol::wire::Configurations;

use super::{
    AccessKey, Cluster, Commit, GrayReleaseRule, GrayReleaseRuleItem, Instance, InstanceConfig,
    Item, Namespace, Release, Setting,
};
use crate::wire::admin;

/// Copies the members for author and times.
macro_rules! with_standard {
    ($from:ident, $name:ident { $($field:ident: $value:expr,)* }) => {
        $name {
            $($field: $value,)*
            data_change_created_by: $from.data_change_created_by,
            data_change_last_modified_by: $from.data_change_last_modified_by,
            data_change_created_time: $from.data_change_created_time,
            data_change_last_modified_time: $from.data_change_last_modified_time,
            ..$name::default()
        }
    };
}

impl From<admin::Cluster> for Cluster {
    fn from(from: admin::Cluster) -> Self {
        with_standard!(
            from,
            Cluster {
                name: from.name,
                app_id: from.app_id,
                id: from.id,
                parent_cluster_id: from.parent_cluster_id,
                comment: from.comment,
            }
        )
    }
}

impl From<admin::ServerConfig> for Setting {
    fn from(from: admin::ServerConfig) -> Self {
        with_standard!(
            from,
            Setting {
                id: from.id,
                key: from.key,
                value: from.value,
                comment: from.comment,
                cluster: from.cluster,
                revision: from.revision,
            }
        )
    }
}

impl From<admin::Item> for Item {
    fn from(from: admin::Item) -> Self {
        with_standard!(
            from,
            Item {
                key: from.key,
                value: from.value,
                r#type: Some(from.r#type),
                comment: from.comment,
                line_num: Some(from.line_num),
            }
        )
    }
}

impl From<admin::Namespace> for Namespace {
    fn from(from: admin::Namespace) -> Self {
        with_standard!(
            from,
            Namespace {
                app_id: from.app_id,
                cluster_name: from.cluster_name,
                namespace_name: from.namespace_name,
            }
        )
    }
}

impl From<admin::Release> for Release {
    /// An invalid stored text is treated as empty; the admin role does not write such texts.
    fn from(from: admin::Release) -> Self {
        let configurations =
            from.configurations.as_deref().map(serde_json::from_str::<Configurations>);
        let configurations = configurations.and_then(Result::ok).unwrap_or_default();
        with_standard!(
            from,
            Release {
                id: from.id,
                app_id: from.app_id,
                cluster_name: from.cluster_name,
                namespace_name: from.namespace_name,
                name: from.name,
                configurations: Some(Box::new(configurations)),
                comment: from.comment,
            }
        )
    }
}

impl From<admin::AccessKey> for AccessKey {
    fn from(from: admin::AccessKey) -> Self {
        with_standard!(
            from,
            AccessKey {
                id: from.id.unwrap_or_default(),
                secret: from.secret,
                app_id: from.app_id,
                mode: from.mode.unwrap_or_default(),
                enabled: from.enabled.unwrap_or_default(),
            }
        )
    }
}

impl From<admin::Commit> for Commit {
    fn from(from: admin::Commit) -> Self {
        with_standard!(
            from,
            Commit {
                id: from.id,
                change_sets: from.change_sets,
                app_id: from.app_id,
                cluster_name: from.cluster_name,
                namespace_name: from.namespace_name,
                comment: from.comment,
            }
        )
    }
}

impl From<admin::GrayReleaseRule> for GrayReleaseRule {
    fn from(from: admin::GrayReleaseRule) -> Self {
        let line = |line: admin::GrayReleaseRuleItem| GrayReleaseRuleItem {
            client_app_id: line.client_app_id,
            client_ip_list: line.client_ip_list,
            client_label_list: line.client_label_list,
        };
        with_standard!(
            from,
            GrayReleaseRule {
                app_id: from.app_id,
                cluster_name: from.cluster_name,
                namespace_name: from.namespace_name,
                branch_name: from.branch_name,
                rule_items: from.rule_items.map(|lines| lines.into_iter().map(line).collect()),
            }
        )
    }
}

impl From<admin::Instance> for Instance {
    fn from(from: admin::Instance) -> Self {
        let config = |config: admin::InstanceConfig| InstanceConfig {
            // The admin API leaves out the values.
            release: config.release.map(|release| {
                Box::new(Release { configurations: None, ..Release::from(*release) })
            }),
            release_delivery_time: config.release_delivery_time,
            data_change_last_modified_time: config.data_change_last_modified_time,
        };
        Self {
            id: from.id,
            app_id: from.app_id,
            cluster_name: from.cluster_name,
            data_center: from.data_center,
            ip: from.ip,
            configs: from.configs.map(|configs| configs.into_iter().map(config).collect()),
            data_change_created_time: from.data_change_created_time,
        }
    }
}
