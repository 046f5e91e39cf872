//! Every column of every table is written and read back, with a value and without one.

use castalia_store::entity::*;
use castalia_store::{Id, Store};
use chrono::{DateTime, NaiveDateTime, Utc};
use sea_orm::sea_query::ColumnType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IdenStatic, IntoActiveModel,
    Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter, TryIntoModel, Value,
};

use crate::database::{Database, on_each_database};

on_each_database! {
    async fn every_column_of_config_db_round_trips(database: Database) {
        let store = database.config().await;
        round_trip(&store, access_key::Entity).await;
        round_trip(&store, app::Entity).await;
        round_trip(&store, app_namespace::Entity).await;
        round_trip(&store, audit::Entity).await;
        round_trip(&store, audit_log::Entity).await;
        round_trip(&store, audit_log_data_influence::Entity).await;
        round_trip(&store, cluster::Entity).await;
        round_trip(&store, commit::Entity).await;
        round_trip(&store, gray_release_rule::Entity).await;
        round_trip(&store, instance::Entity).await;
        round_trip(&store, instance_config::Entity).await;
        round_trip(&store, item::Entity).await;
        round_trip(&store, namespace::Entity).await;
        round_trip(&store, namespace_lock::Entity).await;
        round_trip(&store, release::Entity).await;
        round_trip(&store, release_history::Entity).await;
        round_trip(&store, release_message::Entity).await;
        round_trip(&store, server_config::Entity).await;
        round_trip(&store, service_registry::Entity).await;
        round_trip_own(&store, castalia_installation::Entity).await;
    }

    async fn every_column_of_portal_db_round_trips(database: Database) {
        let store = database.portal().await;
        round_trip(&store, app::Entity).await;
        round_trip(&store, app_namespace::Entity).await;
        round_trip(&store, audit_log::Entity).await;
        round_trip(&store, audit_log_data_influence::Entity).await;
        round_trip(&store, authorities::Entity).await;
        round_trip(&store, consumer::Entity).await;
        round_trip(&store, consumer_audit::Entity).await;
        round_trip(&store, consumer_role::Entity).await;
        round_trip(&store, consumer_token::Entity).await;
        round_trip(&store, favorite::Entity).await;
        round_trip(&store, permission::Entity).await;
        round_trip(&store, portal_server_config::Entity).await;
        round_trip(&store, role::Entity).await;
        round_trip(&store, role_permission::Entity).await;
        round_trip(&store, user_role::Entity).await;
        // Its audit refers to the tokens with the ids 1 and 2.
        round_trip(&store, user_token::Entity).await;
        round_trip(&store, user_token_audit::Entity).await;
        round_trip(&store, users::Entity).await;
        round_trip_own(&store, castalia_session::Entity).await;
        round_trip_own(&store, castalia_consumer_grant::Entity).await;
        round_trip(&store, castalia_webhook::Entity).await;
        round_trip(&store, castalia_notice::Entity).await;
        round_trip(&store, castalia_delivery::Entity).await;
        round_trip(&store, castalia_event::Entity).await;
    }

    async fn long_text_of_any_script_round_trips(database: Database) {
        let store = database.config().await;
        let text = "aé样😀\u{2028}\\'\"%_\n".repeat(20_000);
        let mut row = filled::<commit::Entity>(1, true);
        row.change_sets = sea_orm::Set(text.clone());
        store.write(row, |tx, row| Box::pin(insert(tx, row.clone()))).await.unwrap();
        let rows = commit::Entity::find().all(store.read()).await.unwrap();
        assert_eq!(rows[0].change_sets, text);
    }
}

/// A table with ids that the database generates.
pub(crate) async fn round_trip<E>(store: &Store, _table: E)
where
    E: EntityTrait,
    E::ActiveModel: ActiveModelTrait<Entity = E> + TryIntoModel<E::Model> + Send + Sync,
    E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Send + Sync,
    <E::PrimaryKey as sea_orm::PrimaryKeyTrait>::ValueType: Into<Value> + Send,
{
    let key = E::PrimaryKey::iter().next().unwrap().into_column();
    for (number, with_optional) in [(1, true), (2, false)] {
        let row = filled::<E>(number, with_optional);
        let written = store
            .write(row, |tx, row| Box::pin(insert(tx, row.clone())))
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", E::default().table_name()));
        let read = E::find().filter(key.eq(written.get(key))).one(store.read()).await;
        let read = read.unwrap_or_else(|error| panic!("{}: {error:?}", E::default().table_name()));
        assert_eq!(read, Some(written));
    }
}

/// A table of Castalia, with keys that the caller provides.
async fn round_trip_own<E>(store: &Store, _table: E)
where
    E: EntityTrait,
    E::ActiveModel: ActiveModelTrait<Entity = E> + TryIntoModel<E::Model> + Send + Sync,
    E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Send + Sync,
{
    let key = E::PrimaryKey::iter().next().unwrap().into_column();
    let mut row = filled::<E>(1, true);
    row.set(key, value(key, 1));
    let written = row.clone().try_into_model().unwrap();
    store.write(row, |tx, row| Box::pin(insert_own::<E, _>(tx, row.clone()))).await.unwrap();
    let read = E::find().filter(key.eq(written.get(key))).one(store.read()).await.unwrap();
    assert_eq!(read, Some(written));
}

async fn insert_own<E, C>(db: &C, row: E::ActiveModel) -> Result<(), castalia_store::StoreError>
where
    E: EntityTrait,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
    C: ConnectionTrait,
{
    E::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// A row with a distinct value in each column but the key; optional ones are set or empty.
fn filled<E>(number: i64, with_optional: bool) -> E::ActiveModel
where
    E: EntityTrait,
    E::ActiveModel: ActiveModelTrait<Entity = E>,
{
    let key = E::PrimaryKey::iter().next().unwrap().into_column();
    let mut row = E::ActiveModel::default();
    for column in E::Column::iter() {
        if column.as_str() == key.as_str() {
            continue;
        }
        let value = value(column, number);
        // The time of the last change is always written, and AccessKey requires it.
        let is_optional = column.def().is_null() && column.as_str() != "DataChange_LastTime";
        let is_empty = is_optional && !with_optional;
        row.set(column, if is_empty { value.as_null() } else { value });
    }
    row
}

fn value(column: impl ColumnTrait, number: i64) -> Value {
    let time: DateTime<Utc> = "2031-02-03T04:05:06Z".parse().unwrap();
    let wall: NaiveDateTime = "2031-02-03T04:05:06".parse().unwrap();
    match column.def().get_column_type() {
        ColumnType::BigInteger => Id(number).into(),
        ColumnType::SmallInteger => i16::try_from(number).unwrap().into(),
        ColumnType::Integer => i32::try_from(number).unwrap().into(),
        ColumnType::Boolean => true.into(),
        ColumnType::TimestampWithTimeZone => time.into(),
        ColumnType::DateTime => wall.into(),
        ColumnType::String(_) | ColumnType::Text => format!("é样😀 {number}").into(),
        other => panic!("no value for {other:?}"),
    }
}
