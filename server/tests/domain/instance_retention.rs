//! The removal of instances: two days after they last read something, and not as soon as nothing is
//! recorded of that, because nodes of Apollo go on to use their ids.

use std::collections::BTreeMap;

use castalia_server::domain::instance::of_namespace;
use castalia_server::domain::instance_retention::remove_old;
use castalia_server::domain::namespace::NamespaceKey;
use castalia_server::domain::page::Page;
use castalia_server::server_config::ServerConfig;
use castalia_store::instance::{self, ConfigNamespace};
use castalia_store::{Id, Store, now};
use chrono::TimeDelta;

use crate::config_row::{identity, reading};
use crate::database::{Database, on_each_database};

/// Inserts an instance this many hours ago.
async fn insert(store: &Store, ip: &str, hours: i64) -> Id {
    let input = (vec![identity(ip)], now() - TimeDelta::hours(hours));
    let inserted = store
        .write(input, |tx, (identities, time)| Box::pin(instance::upsert(tx, identities, *time)));
    inserted.await.unwrap()[0].id
}

/// Records that an instance read the namespace this many hours ago.
async fn read(store: &Store, id: Id, hours: i64) {
    let readings = vec![reading(id, "key", now() - TimeDelta::hours(hours))];
    let recorded =
        store.write(readings, |tx, readings| Box::pin(instance::record_readings(tx, readings)));
    recorded.await.unwrap();
}

/// Removes what was read, as with the deletion of the namespace.
async fn delete_reads(store: &Store) {
    let deleted = store.write((), |tx, ()| {
        let namespace = ConfigNamespace { app_id: "a", cluster: "default", namespace: "n" };
        Box::pin(instance::delete_configs_of_namespace(tx, namespace))
    });
    assert_eq!(deleted.await.unwrap(), 1);
}

/// Removes what is older than this many hours. Returns the number of rows.
async fn remove(store: &Store, hours: &str) -> u64 {
    let retention = ("instance.retention.hours".to_owned(), hours.to_owned());
    remove_old(store, &ServerConfig::new(BTreeMap::from([retention]))).await.unwrap()
}

on_each_database! {
    // Otherwise what a node of Apollo records under the id a day later would be counted, and not
    // listed.
    async fn an_instance_outlives_the_deletion_of_what_it_read(database: Database) {
        let store = database.config().await;
        let id = insert(&store, "10.0.0.1", 200).await;
        read(&store, id, 23).await;
        assert_eq!(remove(&store, "48").await, 0);
        delete_reads(&store).await;
        assert_eq!(remove(&store, "48").await, 0);
        assert_eq!(remove(&store, "26").await, 0);
        read(&store, id, 0).await;
        let key = NamespaceKey::new("a", "default", "n");
        let listed = of_namespace(&store, &key, None, &Page::new(0, 9)).await.unwrap();
        let ids: Vec<Id> = listed.rows.iter().map(|row| row.id).collect();
        assert_eq!((listed.total, ids), (1, vec![id]));
    }

    // Neither does a deletion keep them longer: anybody can have instances recorded.
    async fn instances_are_removed_two_days_after_they_last_read_something(database: Database) {
        let store = database.config().await;
        let expired = insert(&store, "10.0.0.1", 49).await;
        read(&store, expired, 49).await;
        insert(&store, "10.0.0.2", 49).await;
        let recent = insert(&store, "10.0.0.3", 47).await;
        let running = insert(&store, "10.0.0.4", 200).await;
        read(&store, running, 47).await;
        assert_eq!(remove(&store, "48").await, 3);
        let left = instance::by_ids(store.read(), &[expired, recent, running]).await.unwrap();
        assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [recent, running]);
        assert_eq!(instance::count(store.read()).await.unwrap(), (2, 1));
        delete_reads(&store).await;
        assert_eq!(remove(&store, "48").await, 0);
        assert_eq!(remove(&store, "46").await, 2);
    }
}
