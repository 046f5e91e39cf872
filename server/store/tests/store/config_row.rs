//! Rows of the tests: valid, and otherwise as short as possible.

use castalia_store::entity::*;
use castalia_store::instance::{Identity, Reading};
use castalia_store::{Id, Secret, Small, audit as audits};
use sea_orm::Set;

pub(crate) fn release_row(cluster: &str, number: u32) -> release::ActiveModel {
    release::ActiveModel {
        release_key: Set(format!("key-{cluster}-{number}")),
        name: Set("r".into()),
        comment: Set(None),
        app_id: Set("a".into()),
        cluster_name: Set(cluster.into()),
        namespace_name: Set("n".into()),
        configurations: Set("{}".into()),
        is_abandoned: Set(false),
        ..release::ActiveModel::created_by("test")
    }
}

pub(crate) fn history_row(release: Id, previous: Id) -> release_history::ActiveModel {
    release_history::ActiveModel {
        app_id: Set("a".into()),
        cluster_name: Set("default".into()),
        namespace_name: Set("n".into()),
        branch_name: Set("default".into()),
        release_id: Set(release),
        previous_release_id: Set(previous),
        operation: Set(Small(0)),
        operation_context: Set("{}".into()),
        ..release_history::ActiveModel::created_by("test")
    }
}

pub(crate) fn rule_row(release: Id, status: i16) -> gray_release_rule::ActiveModel {
    gray_release_rule::ActiveModel {
        app_id: Set("a".into()),
        cluster_name: Set("default".into()),
        namespace_name: Set("n".into()),
        branch_name: Set("branch".into()),
        rules: Set(Some("[]".into())),
        release_id: Set(release),
        branch_status: Set(Some(Small(status))),
        ..gray_release_rule::ActiveModel::created_by("test")
    }
}

pub(crate) fn app_row(app_id: &str) -> app::ActiveModel {
    app::ActiveModel {
        app_id: Set(app_id.into()),
        name: Set("name".into()),
        org_id: Set("o".into()),
        org_name: Set("o".into()),
        owner_name: Set("o".into()),
        owner_email: Set("o".into()),
        ..app::ActiveModel::created_by("test")
    }
}

pub(crate) fn cluster_row(name: &str, parent: Id) -> cluster::ActiveModel {
    cluster::ActiveModel {
        name: Set(name.into()),
        app_id: Set("a".into()),
        parent_cluster_id: Set(parent),
        comment: Set(None),
        ..cluster::ActiveModel::created_by("test")
    }
}

pub(crate) fn namespace_row(app_id: &str, cluster: &str, name: &str) -> namespace::ActiveModel {
    namespace::ActiveModel {
        app_id: Set(app_id.into()),
        cluster_name: Set(cluster.into()),
        namespace_name: Set(name.into()),
        ..namespace::ActiveModel::created_by("test")
    }
}

pub(crate) fn definition_row(
    app_id: &str,
    name: &str,
    is_public: bool,
) -> app_namespace::ActiveModel {
    app_namespace::ActiveModel {
        name: Set(name.into()),
        app_id: Set(app_id.into()),
        format: Set("properties".into()),
        is_public: Set(is_public),
        comment: Set(String::new()),
        ..app_namespace::ActiveModel::created_by("test")
    }
}

pub(crate) fn item_row(namespace: Id, line: i64, key: &str, value: &str) -> item::ActiveModel {
    item::ActiveModel {
        namespace_id: Set(namespace),
        key: Set(key.into()),
        r#type: Set(Small(0)),
        value: Set(value.into()),
        comment: Set(Some("c".into())),
        line_num: Set(Some(Id(line))),
        ..item::ActiveModel::created_by("test")
    }
}

pub(crate) fn key_row() -> access_key::ActiveModel {
    access_key::ActiveModel {
        app_id: Set("a".into()),
        secret: Set(Secret::new("s")),
        mode: Set(Small(0)),
        is_enabled: Set(false),
        ..access_key::ActiveModel::created_and_edited_by("test")
    }
}

pub(crate) fn operation(name: &str) -> audits::Operation {
    audits::Operation {
        trace_id: "t".into(),
        span_id: "s".into(),
        parent_span_id: None,
        operator: "apollo".into(),
        kind: "CREATE",
        name: name.into(),
        description: String::new(),
    }
}

pub(crate) fn influence(field: &'static str) -> audits::Influence {
    audits::Influence {
        entity: "App",
        id: "7".into(),
        field,
        old_value: None,
        new_value: Some("new".into()),
    }
}

pub(crate) fn identity(ip: &str) -> Identity {
    Identity {
        app_id: "client".into(),
        cluster: "default".into(),
        data_center: String::new(),
        ip: ip.into(),
    }
}

pub(crate) fn reading(instance_id: Id, key: &str, time: chrono::DateTime<chrono::Utc>) -> Reading {
    Reading {
        instance_id,
        config_app_id: "a".into(),
        config_cluster: "default".into(),
        config_namespace: "n".into(),
        release_key: key.into(),
        time,
    }
}
