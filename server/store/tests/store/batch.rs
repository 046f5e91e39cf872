//! Many rows in few statements, on every engine: each row gets its own id.

use castalia_store::item::ItemRow;
use castalia_store::namespace::NamespaceRow;
use castalia_store::{Authorship, Id, Small, StoreError, item, namespace};

use crate::database::{Database, on_each_database};

fn row(number: i64, value: String) -> (ItemRow, Authorship) {
    let row = ItemRow {
        namespace_id: Id(1),
        // Comments have no key: rows with one name.
        key: if number % 3 == 0 { String::new() } else { format!("k{number}") },
        r#type: Small(0),
        value,
        comment: Some(format!("comment {number}")),
        line_num: Some(Id(number)),
    };
    (row, Authorship::of("operator"))
}

on_each_database! {
    async fn items_are_written_in_pieces_and_keep_their_order(database: Database) {
        let store = database.config().await;
        // More than one piece by number, and values that fill pieces by length.
        let values = |number: i64| if number < 600 { format!("v{number}") } else { "x".repeat(300_000) };
        let rows: Vec<_> = (1..=608).map(|number| row(number, values(number))).collect();
        let before = store.statements();
        let items = store.write(rows, |tx, rows| Box::pin(async move {
            item::insert_all(tx, Id(1), rows.clone()).await
        })).await.unwrap();
        let sent = store.statements() - before;
        assert!(sent <= 16, "{sent} statements");
        assert_eq!(items.len(), 608);
        let db = store.read();
        for (index, item) in items.iter().enumerate() {
            let number = index as i64 + 1;
            let stored = item::by_id(db, item.id).await.unwrap().unwrap();
            assert_eq!(stored.line_num, Some(Id(number)));
            assert_eq!(stored.value, values(number));
            assert_eq!((&stored.key, &stored.comment), (&item.key, &item.comment));
        }

        let (same, changed) = items.split_at(4);
        let new = |old: &item::Item| item::Item {
            value: format!("new {}", old.id.0),
            comment: None,
            data_change_last_modified_by: Some("editor".to_owned()),
            ..old.clone()
        };
        let changes: Vec<_> = same.iter().map(|old| (old.clone(), old.clone()))
            .chain(changed.iter().map(|old| (old.clone(), new(old)))).collect();
        let before = store.statements();
        store.write(changes, |tx, changes| Box::pin(async move {
            item::update_all(tx, changes.clone()).await
        })).await.unwrap();
        let sent = store.statements() - before;
        assert!(sent <= 4, "{sent} statements");
        let untouched = item::by_id(db, same[0].id).await.unwrap().unwrap();
        assert_eq!(untouched.data_change_last_modified_by.as_deref(), Some("operator"));
        for old in changed {
            let stored = item::by_id(db, old.id).await.unwrap().unwrap();
            assert_eq!(stored.value, format!("new {}", old.id.0));
            assert_eq!((stored.comment, stored.line_num), (None, old.line_num));
            assert_eq!(stored.data_change_last_modified_by.as_deref(), Some("editor"));
            assert_eq!(stored.data_change_created_by, "operator");
        }
        assert_eq!(item::count(db, Id(1)).await.unwrap(), 608);

        let ids: Vec<Id> = items.iter().map(|item| item.id).collect();
        let hidden = store.write(ids, |tx, ids| Box::pin(async move {
            item::delete_all(tx, &ids[..600], "operator").await
        })).await.unwrap();
        assert_eq!(hidden, 600);
        assert_eq!(item::count(db, Id(1)).await.unwrap(), 8);
    }

    // MySQL returns only the first id of several rows. A node of Apollo, which does not wait for our
    // locks, may have written others in between.
    async fn ids_are_those_of_the_own_rows(database: Database) {
        let store = database.config().await;
        let names = ["a", "b", "c"];
        let created = store.write((), move |tx, ()| Box::pin(async move {
            let row = |cluster: &str| NamespaceRow {
                app_id: "app".to_owned(),
                cluster_name: cluster.to_owned(),
                namespace_name: "n".to_owned(),
            };
            let rows = names.map(row).to_vec();
            let created = namespace::insert_all(tx, "app", rows, "operator").await?;
            namespace::insert_all(tx, "app", Vec::new(), "operator").await?;
            Ok::<_, StoreError>(created)
        })).await.unwrap();
        for (row, name) in created.iter().zip(names) {
            let stored = namespace::by_id(store.read(), row.id).await.unwrap().unwrap();
            assert_eq!(stored.cluster_name, name);
        }
        assert_eq!(created.len(), 3);
    }
}
