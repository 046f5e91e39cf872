//! An invalid time in any column of any table prevents reading neither its row nor other rows.

use castalia_store::Store;
use castalia_store::entity::*;
use chrono::DateTime;
use sea_orm::sea_query::ColumnType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IdenStatic, IntoActiveModel,
    Iterable, ModelTrait, PrimaryKeyToColumn, QueryOrder, TryIntoModel, Value,
};

use crate::database::{Database, on_each_database};
use crate::round_trip::round_trip;

on_each_database! {
    async fn rows_of_config_db_are_read_whatever_their_times_hold(database: Database) {
        let store = database.config().await;
        damage(&store, &database, access_key::Entity).await;
        damage(&store, &database, app::Entity).await;
        damage(&store, &database, app_namespace::Entity).await;
        damage(&store, &database, audit::Entity).await;
        damage(&store, &database, audit_log::Entity).await;
        damage(&store, &database, audit_log_data_influence::Entity).await;
        damage(&store, &database, cluster::Entity).await;
        damage(&store, &database, commit::Entity).await;
        damage(&store, &database, gray_release_rule::Entity).await;
        damage(&store, &database, instance::Entity).await;
        damage(&store, &database, instance_config::Entity).await;
        damage(&store, &database, item::Entity).await;
        damage(&store, &database, namespace::Entity).await;
        damage(&store, &database, namespace_lock::Entity).await;
        damage(&store, &database, release::Entity).await;
        damage(&store, &database, release_history::Entity).await;
        damage(&store, &database, release_message::Entity).await;
        damage(&store, &database, service_registry::Entity).await;
    }

    async fn rows_of_portal_db_are_read_whatever_their_times_hold(database: Database) {
        let store = database.portal().await;
        damage(&store, &database, app::Entity).await;
        damage(&store, &database, app_namespace::Entity).await;
        damage(&store, &database, audit_log::Entity).await;
        damage(&store, &database, consumer::Entity).await;
        damage(&store, &database, consumer_audit::Entity).await;
        damage(&store, &database, consumer_role::Entity).await;
        damage(&store, &database, consumer_token::Entity).await;
        damage(&store, &database, favorite::Entity).await;
        damage(&store, &database, permission::Entity).await;
        damage(&store, &database, role::Entity).await;
        damage(&store, &database, role_permission::Entity).await;
        damage(&store, &database, user_role::Entity).await;
        damage(&store, &database, user_token::Entity).await;
    }
}

/// Invalid times of an engine, in SQL.
fn bad_times(database: &Database) -> &'static [&'static str] {
    if database.is_sqlite() {
        &["X'80FF'", "'no time'", "''", "1e300", "-9223372036854775808"]
    } else if database.is_mysql() {
        &["'0000-00-00 00:00:00'"]
    } else {
        &["'infinity'", "'-infinity'", "'294000-01-01 00:00:00'"]
    }
}

/// Writes two rows and makes every time of the first one invalid, in each way that the engine has.
async fn damage<E>(store: &Store, database: &Database, table: E)
where
    E: EntityTrait,
    E::ActiveModel: ActiveModelTrait<Entity = E> + TryIntoModel<E::Model> + Send + Sync,
    E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Send + Sync,
    <E::PrimaryKey as sea_orm::PrimaryKeyTrait>::ValueType: Into<Value> + Send,
{
    round_trip(store, table).await;
    let (name, key) = (table.table_name(), E::PrimaryKey::iter().next().unwrap().into_column());
    let rows = async || {
        let rows = E::find().order_by_asc(key).all(store.read()).await;
        rows.unwrap_or_else(|error| panic!("{name}: {error:?}"))
    };
    let sound = rows().await;
    let is_time = |column: &E::Column| {
        matches!(
            column.def().get_column_type(),
            ColumnType::TimestampWithTimeZone | ColumnType::DateTime
        )
    };
    let quote = if database.is_mysql() { '`' } else { '"' };
    let raw = database.raw().await;
    for bad in bad_times(database) {
        for column in E::Column::iter().filter(is_time) {
            let Value::BigInt(Some(first)) = sound[0].get(key) else { panic!("{name}: no id") };
            let (q, at) = (quote, column.as_str());
            let sql =
                format!("UPDATE {q}{name}{q} SET {q}{at}{q} = {bad} WHERE {q}Id{q} = {first}");
            raw.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let found = rows().await;
            assert_eq!(found[1..], sound[1..], "{name}: the others");
            let epoch: [Value; 2] =
                [DateTime::UNIX_EPOCH.into(), DateTime::UNIX_EPOCH.naive_utc().into()];
            let read = found[0].get(column);
            assert!(epoch.contains(&read), "{name}.{}: {bad} is {read:?}", column.as_str());
        }
    }
    raw.close().await.unwrap();
}
