//! Queries: running clients and what they read last. The time after which a row is ignored is not
//! known here.

mod config;
mod expiry;
mod width;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, Select, Set,
};

use crate::condition::chunks;
use crate::entity::{instance, instance_config};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::page::{self, Page, Paged};
use crate::row::decode;

pub use crate::entity::instance::Model as Instance;
pub use crate::entity::instance_config::Model as InstanceConfig;
pub use config::config_id;
pub use expiry::{delete_unread, old_configs, old_ids, renew};
pub use width::address_width;

/// Rows in one statement; each has up to eight values.
const ROWS: usize = 200;

/// The values that identify an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub app_id: String,
    pub cluster: String,
    pub data_center: String,
    pub ip: String,
}

/// A release that an instance read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub instance_id: Id,
    pub config_app_id: String,
    pub config_cluster: String,
    pub config_namespace: String,
    pub release_key: String,
    pub time: DateTime<Utc>,
}

/// Inserts new instances, and returns all of them. The input must not contain duplicates.
pub async fn upsert(
    db: &impl ConnectionTrait,
    identities: &[Identity],
    now: DateTime<Utc>,
) -> Result<Vec<instance::Model>, StoreError> {
    let mut stored = Vec::with_capacity(identities.len());
    for chunk in identities.chunks(ROWS) {
        let known = decode::all_repaired(db, with_identity(chunk)).await?;
        let seen: HashSet<Identity> = known.iter().map(Identity::from).collect();
        stored.extend(known);
        let new = chunk.iter().filter(|identity| !seen.contains(identity));
        let new: Vec<Identity> = new.cloned().collect();
        if !new.is_empty() {
            insert_unless_present(db, &new, now).await?;
            // On MySQL, only a locking read sees rows that others committed since the first read of
            // this transaction.
            let new = with_identity(&new).lock_exclusive();
            stored.extend(decode::all_repaired(db, new).await?);
        }
    }
    Ok(stored)
}

/// Those of the given instances that are stored.
pub async fn find(
    db: &impl ConnectionTrait,
    identities: &[Identity],
) -> Result<Vec<instance::Model>, StoreError> {
    let mut stored = Vec::with_capacity(identities.len());
    for chunk in identities.chunks(ROWS) {
        stored.extend(decode::all_repaired(db, with_identity(chunk)).await?);
    }
    Ok(stored)
}

/// Number of instances of an app.
pub async fn count_of_app(db: &impl ConnectionTrait, app_id: &str) -> Result<u64, StoreError> {
    use instance::{Column, Entity};
    page::count(db, Entity::find().filter(Column::AppId.eq(app_id))).await
}

/// Number of instances, and number of rows of what they read.
pub async fn count(db: &impl ConnectionTrait) -> Result<(u64, u64), StoreError> {
    let instances = page::count(db, instance::Entity::find()).await?;
    Ok((instances, page::count(db, instance_config::Entity::find()).await?))
}

/// Removes rows of what instances read.
pub async fn delete_configs(db: &impl ConnectionTrait, ids: &[Id]) -> Result<u64, StoreError> {
    use instance_config::{Column, Entity};
    let mut removed = 0;
    for chunk in chunks(ids) {
        let portion = Entity::delete_many().filter(Column::Id.is_in(chunk));
        removed += portion.exec(db).await?.rows_affected;
    }
    Ok(removed)
}

/// Another node may insert the same instance first; writing the same value again leaves its row
/// unchanged.
async fn insert_unless_present(
    db: &impl ConnectionTrait,
    identities: &[Identity],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    use instance::{Column, Entity};
    let mut keep =
        OnConflict::columns([Column::AppId, Column::ClusterName, Column::Ip, Column::DataCenter]);
    keep.update_column(Column::Ip);
    let rows = identities.iter().map(|identity| new_row(identity, now));
    Entity::insert_many(rows).on_conflict(keep).exec_without_returning(db).await?;
    Ok(())
}

/// Instances with these ids; unknown ones are omitted.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    ids: &[Id],
) -> Result<Vec<instance::Model>, StoreError> {
    use instance::{Column, Entity};
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        found.extend(readable::models(db, Entity::find().filter(Column::Id.is_in(chunk))).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

/// The last reads of the instances, of all namespaces.
pub async fn configs_of_instances(
    db: &impl ConnectionTrait,
    instance_ids: &[Id],
) -> Result<Vec<instance_config::Model>, StoreError> {
    use instance_config::{Column, Entity};
    let mut found = Vec::new();
    for chunk in chunks(instance_ids) {
        let of_instances = Entity::find().filter(Column::InstanceId.is_in(chunk));
        found.extend(readable::models(db, of_instances).await?);
    }
    Ok(found)
}

/// Records reads that are new, or of another cluster or release than before. Each (instance, app,
/// namespace) may occur once.
pub async fn record_readings(
    db: &impl ConnectionTrait,
    readings: &[Reading],
) -> Result<(), StoreError> {
    use instance_config::{Column, Entity};
    for chunk in readings.chunks(ROWS) {
        let mut replace = OnConflict::columns([
            Column::InstanceId,
            Column::ConfigAppId,
            Column::ConfigNamespaceName,
        ]);
        replace.update_columns([
            Column::ConfigClusterName,
            Column::ReleaseKey,
            Column::ReleaseDeliveryTime,
            Column::DataChangeLastTime,
        ]);
        Entity::insert_many(chunk.iter().map(reading_row))
            .on_conflict(replace)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Records that the instances still have the releases in these rows.
pub async fn touch_configs(
    db: &impl ConnectionTrait,
    ids: &[Id],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    use instance_config::{Column, Entity};
    for chunk in chunks(ids) {
        Entity::update_many()
            .col_expr(Column::DataChangeLastTime, sea_orm::sea_query::Expr::value(now))
            .filter(Column::Id.is_in(chunk))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// The rows with this release that were changed later than `since`.
pub async fn configs_by_release_key(
    db: &impl ConnectionTrait,
    release_key: &str,
    since: DateTime<Utc>,
    page: &Page,
) -> Result<Paged<instance_config::Model>, StoreError> {
    use instance_config::{Column, Entity};
    let configs = Entity::find()
        .filter(Column::ReleaseKey.eq(release_key))
        .filter(Column::DataChangeLastTime.gt(since));
    page::paged(db, configs, page).await
}

/// The rows of the namespace that were changed later than `since`; only of instances of one app if
/// it is given.
pub async fn configs_of_namespace(
    db: &impl ConnectionTrait,
    namespace: ConfigNamespace<'_>,
    since: DateTime<Utc>,
    instance_app_id: Option<&str>,
    page: &Page,
) -> Result<Paged<instance_config::Model>, StoreError> {
    let mut configs = namespace.select(since);
    if let Some(app_id) = instance_app_id {
        configs = configs
            .join(JoinType::InnerJoin, to_instance())
            .filter(instance::Column::AppId.eq(app_id));
    }
    page::paged(db, configs, page).await
}

/// The rows of the namespace that have none of the releases and were changed later than `since`;
/// the first ones by id if there is a limit.
pub async fn configs_without_releases<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    namespace: ConfigNamespace<'_>,
    since: DateTime<Utc>,
    release_keys: &[S],
    limit: Option<u64>,
) -> Result<Vec<instance_config::Model>, StoreError> {
    use instance_config::Column;
    let keys = release_keys.iter().map(AsRef::as_ref);
    let others = namespace.select(since).filter(Column::ReleaseKey.is_not_in(keys)).limit(limit);
    readable::models(db, others.order_by_asc(Column::Id)).await
}

/// Number of instances with rows of the namespace that were changed later than `since`.
pub async fn count_of_namespace(
    db: &impl ConnectionTrait,
    namespace: ConfigNamespace<'_>,
    since: DateTime<Utc>,
) -> Result<u64, StoreError> {
    page::count(db, namespace.select(since)).await
}

/// Number of rows for each cluster and branch with a namespace of this name.
pub async fn counts_by_cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    namespace: &str,
    since: DateTime<Utc>,
) -> Result<Vec<(String, i64)>, StoreError> {
    use instance_config::{Column, Entity};
    let counts = Entity::find()
        .filter(Column::ConfigAppId.eq(app_id))
        .filter(Column::ConfigNamespaceName.eq(namespace))
        .filter(Column::DataChangeLastTime.gt(since));
    let counts = counts.select_only().column(Column::ConfigClusterName);
    let counts = counts.column_as(Column::Id.count(), "Count").group_by(Column::ConfigClusterName);
    Ok(counts.into_tuple().all(db).await?)
}

/// Removes the rows of a deleted namespace.
pub async fn delete_configs_of_namespace(
    db: &impl ConnectionTrait,
    namespace: ConfigNamespace<'_>,
) -> Result<u64, StoreError> {
    let gone = instance_config::Entity::delete_many().filter(namespace.condition());
    Ok(gone.exec(db).await?.rows_affected)
}

/// The namespace that is read, with the app that owns it; for a gray release, the cluster is the
/// branch.
#[derive(Clone, Copy, Debug)]
pub struct ConfigNamespace<'a> {
    pub app_id: &'a str,
    pub cluster: &'a str,
    pub namespace: &'a str,
}

impl ConfigNamespace<'_> {
    fn condition(self) -> Condition {
        use instance_config::Column;
        Condition::all()
            .add(Column::ConfigAppId.eq(self.app_id))
            .add(Column::ConfigClusterName.eq(self.cluster))
            .add(Column::ConfigNamespaceName.eq(self.namespace))
    }

    fn select(self, since: DateTime<Utc>) -> Select<instance_config::Entity> {
        use instance_config::{Column, Entity};
        Entity::find().filter(self.condition()).filter(Column::DataChangeLastTime.gt(since))
    }
}

impl From<&instance::Model> for Identity {
    fn from(row: &instance::Model) -> Self {
        Self {
            app_id: row.app_id.clone(),
            cluster: row.cluster_name.clone(),
            data_center: row.data_center.clone(),
            ip: row.ip.clone(),
        }
    }
}

fn with_identity(identities: &[Identity]) -> Select<instance::Entity> {
    use instance::{Column, Entity};
    let any = identities.iter().fold(Condition::any(), |any, identity| {
        let same = Condition::all()
            .add(Column::AppId.eq(identity.app_id.as_str()))
            .add(Column::ClusterName.eq(identity.cluster.as_str()))
            .add(Column::Ip.eq(identity.ip.as_str()))
            .add(Column::DataCenter.eq(identity.data_center.as_str()));
        any.add(same)
    });
    Entity::find().filter(any)
}

fn new_row(identity: &Identity, now: DateTime<Utc>) -> instance::ActiveModel {
    instance::ActiveModel {
        app_id: Set(identity.app_id.clone()),
        cluster_name: Set(identity.cluster.clone()),
        data_center: Set(identity.data_center.clone()),
        ip: Set(identity.ip.clone()),
        data_change_created_time: Set(now.into()),
        data_change_last_time: Set(now.into()),
        ..instance::ActiveModel::default()
    }
}

fn reading_row(reading: &Reading) -> instance_config::ActiveModel {
    instance_config::ActiveModel {
        instance_id: Set(Some(reading.instance_id)),
        config_app_id: Set(reading.config_app_id.clone()),
        config_cluster_name: Set(reading.config_cluster.clone()),
        config_namespace_name: Set(reading.config_namespace.clone()),
        release_key: Set(reading.release_key.clone()),
        release_delivery_time: Set(Some(reading.time.into())),
        data_change_created_time: Set(reading.time.into()),
        data_change_last_time: Set(reading.time.into()),
        ..instance_config::ActiveModel::default()
    }
}

fn to_instance() -> RelationDef {
    instance_config::Entity::belongs_to(instance::Entity)
        .from(instance_config::Column::InstanceId)
        .to(instance::Column::Id)
        .into()
}
