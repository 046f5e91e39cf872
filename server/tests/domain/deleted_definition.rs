//! The deletion of a definition beside a change of what it deletes.

use castalia_server::domain::app_namespace::delete;
use castalia_store::entity::{app, app_namespace, cluster, gray_release_rule, namespace, release};
use castalia_store::removal::{Scope, lock_namespaces};
use castalia_store::{Id, Small, Store, StoreError};
use sea_orm::{EntityTrait as _, QueryOrder as _};

use crate::config_row::{
    app_row, cluster_row, definition_row, namespace_row, release_row, rule_row,
};
use crate::database::{Database, on_each_database};
use crate::held::beside;

/// A definition with a namespace and its branch, which has a release.
async fn define(store: &Store) {
    let write = store.write((), |tx, ()| {
        Box::pin(async move {
            app::Entity::insert(app_row("a")).exec_without_returning(tx).await?;
            let definition = app_namespace::Entity::insert(definition_row("a", "n", false));
            definition.exec_without_returning(tx).await?;
            for (name, parent) in [("default", Id(0)), ("branch", Id(1))] {
                let cluster = cluster::Entity::insert(cluster_row(name, parent));
                cluster.exec_without_returning(tx).await?;
                let row = namespace::Entity::insert(namespace_row("a", name, "n"));
                row.exec_without_returning(tx).await?;
            }
            let release = release::Entity::insert(release_row("branch", 1));
            release.exec_without_returning(tx).await?;
            Ok::<_, StoreError>(())
        })
    });
    write.await.unwrap();
}

on_each_database! {
    // Nodes of Apollo on the same database learn of new rows only: without one, they go on to serve
    // the gray release.
    async fn a_rule_that_is_stored_beside_the_deletion_is_ended(database: Database) {
        let store = database.config().await;
        define(&store).await;
        let deleted = beside(
            &store,
            |tx| {
                Box::pin(async move {
                    lock_namespaces(tx, Scope::of_definition("a", "n")).await?;
                    let rule = gray_release_rule::Entity::insert(rule_row(Id(1), 1));
                    rule.exec_without_returning(tx).await?;
                    Ok(())
                })
            },
            delete(&store, "a", "n", "o"),
        );
        deleted.await.unwrap();
        let rules = gray_release_rule::Entity::find();
        let rules = rules.order_by_asc(gray_release_rule::Column::Id).all(store.read()).await;
        let rules: Vec<_> = rules
            .unwrap()
            .into_iter()
            .map(|rule| (rule.branch_name, rule.branch_status, rule.is_deleted))
            .collect();
        let ended = ("branch".to_owned(), Some(Small(0)), false);
        assert_eq!(rules.last(), Some(&ended), "{rules:?}");
    }
}
