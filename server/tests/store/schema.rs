//! The created schema: it holds every column of every table, and creating it twice changes nothing.

use castalia_server::store::{Origin, Part, Store, StoreOptions, entity, insert, migration};
use sea_orm::EntityTrait;

#[tokio::test]
async fn fresh_schema_is_created_once() {
    let store = Store::connect("sqlite::memory:", StoreOptions::new("config-db")).await.unwrap();
    for part in [Part::Config, Part::Portal] {
        let origin = migration::apply(&store, part, |_| Box::pin(async { Ok(()) })).await;
        assert_eq!(origin.unwrap(), Origin::Fresh);
    }
    let row = entity::release_message::ActiveModel {
        message: sea_orm::Set("a+default+application".into()),
        data_change_last_time: sea_orm::Set(castalia_server::store::now()),
        ..Default::default()
    };
    let id = store
        .write(row, |tx, row| Box::pin(insert(tx, row.clone())))
        .await
        .unwrap()
        .id;
    let rows = entity::release_message::Entity::find().all(store.read()).await.unwrap();
    assert_eq!(rows[0].id, id);
    let report = migration::check(&store, Part::Config).await.unwrap();
    assert_eq!(report.absent_tables, Vec::<String>::new());
    assert_eq!(report.faults, Vec::<String>::new());
}
