//! Queries: settings that operators keep in a database. ApolloConfigDB has them by key and cluster,
//! ApolloPortalDB by key. The meaning of a key is not known here.

use castalia_core::protocol::namespace::DEFAULT_CLUSTER;
use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::audit::trail;
use crate::entity::{portal_server_config, server_config};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::row::decode;
use crate::row::{self, Authorship, Standard, soft_delete};

pub use portal_server_config::{Model as PortalSetting, Row as PortalSettingRow};
pub use server_config::{Model as Setting, Row as SettingRow};

/// All rows of ApolloConfigDB, by id.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<server_config::Model>, StoreError> {
    use server_config::{Column, Entity};
    readable::models(db, Entity::live().order_by_asc(Column::Id)).await
}

/// A table of settings as nodes read it. Some values are secrets.
#[derive(Clone, Default)]
pub struct StoredValues {
    /// The values of rows that are not deleted, by id.
    pub live: Vec<StoredValue>,
    /// The ids of all rows, also of deleted ones.
    pub ids: Vec<Id>,
}

/// The value of a row.
#[derive(Clone)]
pub struct StoredValue {
    pub id: Id,
    pub key: String,
    /// `default` in ApolloPortalDB, which has no clusters.
    pub cluster: String,
    /// `None` if it cannot be decoded.
    pub value: Option<String>,
}

/// The values of ApolloConfigDB.
pub async fn values(db: &impl ConnectionTrait) -> Result<StoredValues, StoreError> {
    use server_config::{Column, Entity};
    let columns = [Column::Id, Column::IsDeleted, Column::Key, Column::Value, Column::Cluster];
    let rows = Entity::find().order_by_asc(Column::Id).select_only().columns(columns);
    stored_values(db, rows, true).await
}

/// The values of ApolloPortalDB.
pub async fn values_of_portal(db: &impl ConnectionTrait) -> Result<StoredValues, StoreError> {
    use portal_server_config::{Column, Entity};
    let columns = [Column::Id, Column::IsDeleted, Column::Key, Column::Value];
    let rows = Entity::find().order_by_asc(Column::Id).select_only().columns(columns);
    stored_values(db, rows, false).await
}

/// Reads id, flag, key and value, and perhaps the cluster. In one statement: of two, one could find a
/// table that is being restored before it is filled, and the other one afterwards.
async fn stored_values<E: EntityTrait>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    have_clusters: bool,
) -> Result<StoredValues, StoreError> {
    let rows = readable::read_with(db, rows, |row| {
        let id: Id = row.try_get_by(0)?;
        // A flag that cannot be decoded hides no row.
        if row.try_get_by(1).unwrap_or(false) {
            return Ok((id, None));
        }
        let text = |column: usize| {
            let text: Result<String, DbErr> = row.try_get_by(column);
            text.map_err(|error| readable::report("ServerConfig", id, &error)).ok()
        };
        // A damaged cluster may be that of this node: the row applies rather than none.
        let cluster = if have_clusters { text(4) } else { None };
        let cluster = cluster.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned());
        Ok((id, text(2).map(|key| StoredValue { id, key, cluster, value: text(3) })))
    });
    let mut values = StoredValues::default();
    for (id, live) in rows.await?.readable {
        values.ids.push(id);
        values.live.extend(live);
    }
    Ok(values)
}

/// The row of a key, for a caller that writes it again; locked until the end of the transaction.
pub async fn to_replace(
    db: &impl ConnectionTrait,
    key: &str,
    cluster: &str,
) -> Result<Option<server_config::Model>, StoreError> {
    let row = server_config::Entity::live().filter(of_key(key, cluster)).lock_exclusive();
    decode::healed(db, row).await
}

/// Inserts a setting of ApolloConfigDB.
pub async fn insert(
    db: &impl ConnectionTrait,
    row: SettingRow,
    author: Authorship,
) -> Result<Setting, StoreError> {
    row::insert(db, server_config::ActiveModel::of(row, author)).await
}

/// Writes the differences between two states of a setting of ApolloConfigDB; returns whether there
/// are any.
pub async fn update(
    db: &impl ConnectionTrait,
    old: &Setting,
    new: &Setting,
) -> Result<bool, StoreError> {
    row::update(db, old, new).await
}

/// Writes value and comment of a key of ApolloConfigDB, and returns the row.
pub async fn upsert(
    db: &impl ConnectionTrait,
    key: &str,
    cluster: &str,
    value: &str,
    comment: Option<&str>,
    operator: &str,
) -> Result<server_config::Model, StoreError> {
    let Some(found) = to_replace(db, key, cluster).await? else {
        let row = SettingRow {
            key: key.to_owned(),
            cluster: cluster.to_owned(),
            value: value.to_owned(),
            comment: comment.map(str::to_owned),
        };
        return insert(db, row, Authorship::of(operator)).await;
    };
    let new = Setting {
        value: value.to_owned(),
        comment: comment.map(str::to_owned),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..found.clone()
    };
    update(db, &found, &new).await?;
    let written = decode::one(db, server_config::Entity::live_by_id(found.id)).await?;
    written.ok_or_else(|| StoreError::other("a setting was deleted while it was written"))
}

/// Hides the row; returns whether it existed.
pub async fn delete(
    db: &impl ConnectionTrait,
    key: &str,
    cluster: &str,
    operator: &str,
) -> Result<bool, StoreError> {
    Ok(soft_delete::<server_config::Entity>(db, of_key(key, cluster), operator).await? > 0)
}

/// All rows of ApolloPortalDB, by id.
pub async fn all_of_portal(
    db: &impl ConnectionTrait,
) -> Result<Vec<portal_server_config::Model>, StoreError> {
    use portal_server_config::{Column, Entity};
    readable::models(db, Entity::live().order_by_asc(Column::Id)).await
}

/// The value of a key of ApolloPortalDB; `Some(None)` is one that cannot be decoded. Of several
/// rows, the last one is in effect.
pub async fn value_of_portal(
    db: &impl ConnectionTrait,
    key: &str,
) -> Result<Option<Option<String>>, StoreError> {
    use portal_server_config::{Column, Entity};
    let columns = [Column::Id, Column::Key, Column::Value];
    let named = Entity::live().filter(Column::Key.eq(key)).order_by_asc(Column::Id);
    let named = named.select_only().columns(columns);
    let named: Vec<[Option<String>; 2]> = readable::lenient(db, named).await?;
    // The database may also find another spelling.
    let named = named.into_iter().rfind(|[name, _]| name.as_deref() == Some(key));
    Ok(named.map(|[_, value]| value))
}

/// The row of a key, for a caller that writes it again; locked until the end of the transaction.
pub async fn portal_to_replace(
    db: &impl ConnectionTrait,
    key: &str,
) -> Result<Option<portal_server_config::Model>, StoreError> {
    use portal_server_config::{Column, Entity};
    decode::healed(db, Entity::live().filter(Column::Key.eq(key)).lock_exclusive()).await
}

/// Inserts a setting of ApolloPortalDB.
pub async fn insert_of_portal(
    db: &impl ConnectionTrait,
    row: PortalSettingRow,
    author: Authorship,
) -> Result<portal_server_config::Model, StoreError> {
    let created = row::insert(db, portal_server_config::ActiveModel::of(row, author)).await?;
    note(&created);
    Ok(created)
}

/// Values are not noted: some are secrets.
fn note(setting: &portal_server_config::Model) {
    let comment = setting.comment.as_deref();
    let fields = [("Key", Some(setting.key.as_str())), ("Value", None), ("comment", comment)];
    trail::wrote("ServerConfig", setting.id, &fields);
}

/// Writes value and comment of a key of ApolloPortalDB, and returns the row.
pub async fn upsert_of_portal(
    db: &impl ConnectionTrait,
    key: &str,
    value: &str,
    comment: Option<&str>,
    operator: &str,
) -> Result<portal_server_config::Model, StoreError> {
    let Some(found) = portal_to_replace(db, key).await? else {
        let row = PortalSettingRow {
            key: key.to_owned(),
            value: value.to_owned(),
            comment: comment.map(str::to_owned),
        };
        return insert_of_portal(db, row, Authorship::of(operator)).await;
    };
    let new = portal_server_config::Model {
        value: value.to_owned(),
        comment: comment.map(str::to_owned),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..found.clone()
    };
    note(&new);
    row::update(db, &found, &new).await?;
    let written = decode::one(db, portal_server_config::Entity::live_by_id(found.id)).await?;
    written.ok_or_else(|| StoreError::other("a setting was deleted while it was written"))
}

/// Hides the row; returns whether it existed.
pub async fn delete_of_portal(
    db: &impl ConnectionTrait,
    key: &str,
    operator: &str,
) -> Result<bool, StoreError> {
    use portal_server_config::{Column, Entity};
    trail::deleted("ServerConfig", "Key", key);
    let condition = Condition::all().add(Column::Key.eq(key));
    Ok(soft_delete::<Entity>(db, condition, operator).await? > 0)
}

fn of_key(key: &str, cluster: &str) -> Condition {
    use server_config::Column;
    Condition::all().add(Column::Key.eq(key)).add(Column::Cluster.eq(cluster))
}
