//! Queries on ConfigDB on which engines could differ.

use castalia_store::entity::*;
use castalia_store::instance::{ConfigNamespace, Identity, Reading};
use castalia_store::length::Measured;
use castalia_store::release::Line;
use castalia_store::{
    Deletion, Id, Page, Secret, Small, Sort, Store, StoreError, access_key as keys, app as apps,
    audit as audits, feed, installation, instance as instances, item as items, message,
    namespace as namespaces, now, release as releases, service_registry as registry,
};
use chrono::TimeDelta;
use futures_util::future::{BoxFuture, join_all};
use sea_orm::{DatabaseTransaction, EntityTrait, Set};

use crate::config_row::*;
use crate::database::{Database, on_each_database};

/// Runs a job that needs no input.
async fn write<T: Send + 'static>(
    store: &Store,
    job: impl for<'c> Fn(&'c DatabaseTransaction, &'c ()) -> BoxFuture<'c, Result<T, StoreError>>
    + Send
    + Sync
    + 'static,
) -> T {
    store.write((), job).await.unwrap()
}

on_each_database! {
    async fn releases_are_found_by_what_clients_and_operators_ask(database: Database) {
        let store = database.config().await;
        let ids: Vec<Id> = write(&store, |tx, ()| Box::pin(async move {
            let mut ids = Vec::new();
            for number in 0..5 {
                let configurations = Set(r#"{"k":"ä"}"#.to_owned());
                let row = release::ActiveModel { configurations, ..release_row("default", number) };
                ids.push(insert(tx, row).await?.id);
            }
            insert(tx, release_row("other", 9)).await?;
            Ok(ids)
        })).await;
        let db = store.read();
        let place = ("a", "default", "n");
        let latest = releases::latest_active(db, place.0, place.1, place.2).await.unwrap().unwrap();
        assert_eq!(latest.id, ids[4]);
        store.write(ids.clone(), |tx, ids| Box::pin(async move {
            releases::abandon(tx, &ids[3..], "operator").await
        })).await.unwrap();
        let latest = releases::latest_active(db, place.0, place.1, place.2).await.unwrap().unwrap();
        assert_eq!(latest.id, ids[2]);
        let abandoned = releases::by_id(db, ids[4]).await.unwrap().unwrap();
        assert_eq!(abandoned.data_change_last_modified_by.as_deref(), Some("operator"));
        let between =
            releases::active_between(db, place.0, place.1, place.2, ids[1], ids[4]).await.unwrap();
        assert_eq!(between.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[2], ids[1]]);
        let (second, all) = (Page::new(1, 2), Page::new(0, 9));
        let page =
            releases::measured_page(db, place.0, place.1, place.2, true, &second).await.unwrap();
        let rows = releases::in_order(db, &page, true).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[2], ids[1]]);
        let lengths: Vec<_> = rows.iter().map(|row| row.configurations.len() as u64).collect();
        assert_eq!(page.iter().map(|row| row.bytes).collect::<Vec<_>>(), lengths);
        assert_eq!(lengths, [10, 10], "in bytes");
        let without = releases::in_order(db, &page, false).await.unwrap();
        let without: Vec<_> = without.iter().map(|row| (row.id, &*row.configurations)).collect();
        assert_eq!(without, [(ids[2], "{}"), (ids[1], "{}")]);
        let active = releases::measured_page(db, place.0, place.1, place.2, false, &all).await;
        assert_eq!(active.unwrap().len(), 3);
        let active = releases::active_page(db, place.0, place.1, place.2, &Page::new(0, 2)).await;
        assert_eq!(active.unwrap()[0].id, ids[2]);
        let many: Vec<Id> = (0..1200).map(Id).collect();
        assert_eq!(releases::by_ids(db, &many).await.unwrap().len(), 6);
        assert_eq!(releases::by_keys(db, &["key-default-3", "none"]).await.unwrap().len(), 1);
        write(&store, |tx, ()| Box::pin(async move { releases::delete_of_namespace(tx, "a", "default", "n", &Deletion::by("o")).await })).await;
        assert!(releases::latest_active(db, place.0, place.1, place.2).await.unwrap().is_none());
        assert_eq!(releases::by_ids(db, &many).await.unwrap().len(), 1);
    }

    async fn retention_removes_what_nothing_names_any_more(database: Database) {
        let store = database.config().await;
        let ids = write(&store, |tx, ()| Box::pin(async move {
            let mut ids = Vec::new();
            for number in 0..4 {
                let release = insert(tx, release_row("default", number)).await?;
                let previous = ids.last().copied().unwrap_or(Id(0));
                insert(tx, history_row(release.id, previous)).await?;
                ids.push(release.id);
            }
            insert(tx, rule_row(ids[0], 1)).await?;
            Ok(ids)
        })).await;
        let db = store.read();
        let [a, cluster, n] = ["a", "default", "n"].map(str::to_owned);
        let line = Line { app_id: a, branch: cluster.clone(), cluster, namespace: n };
        let newest = releases::max_history_id(db).await.unwrap();
        let after = releases::histories_after(db, Id(newest.0 - 1), 10).await.unwrap();
        assert_eq!(after.readable, [(newest, line.clone())]);
        let third = releases::nth_newest_history(db, &line, 2).await.unwrap();
        let old = releases::histories_up_to(db, &line, third.unwrap(), 100).await.unwrap();
        assert_eq!(old.iter().map(|row| row.1).collect::<Vec<_>>(), ids[..2]);
        let gone: Vec<Id> = old.iter().map(|row| row.0).collect();
        store.write(gone, |tx, gone| Box::pin(releases::delete_histories(tx, gone))).await.unwrap();
        let named = releases::still_referenced(db, &ids[..2]).await.unwrap();
        // The first is served by a rule, the second is the one that the third release replaced.
        assert_eq!(named.len(), 2);
        let page = releases::histories(db, "a", "default", "n", &Page::new(0, 1)).await.unwrap();
        assert_eq!((page.total, page.rows[0].release_id), (2, ids[3]));
        let none = releases::nth_newest_history(db, &line, 2).await.unwrap();
        assert_eq!(none, None);
        let purged = store.write(ids[0], |tx, id| Box::pin(releases::purge(tx, std::slice::from_ref(id)))).await;
        assert_eq!(purged.unwrap(), 1);
        let found = releases::histories_by_release(db, ids[3], Small(0), &Page::new(0, 10)).await;
        assert_eq!(found.unwrap().total, 1);
        let found = releases::histories_by_previous_release(db, ids[2], Small(0), &Page::new(0, 10)).await;
        assert_eq!(found.unwrap().rows[0].release_id, ids[3]);
        let found = releases::latest_history(db, ids[3], &[Small(2), Small(0)]).await.unwrap();
        assert_eq!(found.unwrap().previous_release_id, ids[2]);
    }

    async fn the_newest_rule_of_each_existing_branch_is_in_force(database: Database) {
        let store = database.config().await;
        // As two concurrent writers without a lock leave them: two active rows of one branch.
        let newest = write(&store, |tx, ()| Box::pin(async move {
            insert(tx, rule_row(Id(3), 1)).await?;
            Ok(insert(tx, rule_row(Id(4), 1)).await?.id)
        })).await;
        let db = store.read();
        let rule = releases::latest_rule(db, "a", "default", "n", "branch").await.unwrap().unwrap();
        assert_eq!((rule.release_id, rule.branch_status), (Id(4), Some(Small(1))));
        let in_force = async || {
            let (lines, _) = feed::published(db, ("a", "default", "n")).await.unwrap();
            lines.into_iter().filter_map(|line| Some(line.rule?.unwrap().0)).collect::<Vec<_>>()
        };
        assert_eq!(in_force().await, [], "there is no such branch");
        write(&store, |tx, ()| Box::pin(insert(tx, cluster_row("branch", Id(1))))).await;
        assert_eq!(in_force().await, [rule.id]);
        assert_eq!(releases::rules_of_namespace(db, "a", "default", "n").await.unwrap().len(), 2);
        store.write(newest, |tx, newest| Box::pin(async move {
            releases::remove_rules_before(tx, ("a", "default", "n"), "branch", *newest).await
        })).await.unwrap();
        let rules = releases::rules_of_namespace(db, "a", "default", "n").await.unwrap();
        assert_eq!(rules, std::slice::from_ref(&rule));
        // The row that closes the branch is the newest, whatever other rows are active.
        write(&store, |tx, ()| Box::pin(insert(tx, rule_row(Id(4), 0)))).await;
        assert_eq!(in_force().await, []);
    }

    async fn messages_are_scanned_and_thinned_out(database: Database) {
        let store = database.config().await;
        let ids = write(&store, |tx, ()| Box::pin(async move {
            let mut ids = Vec::new();
            for text in ["a+d+n", "b+d+n", "a+d+n", "a+d+n"] {
                ids.push(message::insert(tx, text).await?.id);
            }
            Ok(ids)
        })).await;
        let db = store.read();
        assert_eq!(message::max_id(db).await.unwrap(), ids[3]);
        let next = message::after(db, ids[0], 2).await.unwrap();
        assert_eq!(next.readable.iter().map(|row| row.0).collect::<Vec<_>>(), ids[1..3]);
        let newest = ids[3];
        let older = |limit| store.write((newest, limit), |tx, (newest, limit)| {
            Box::pin(message::delete_older(tx, "a+d+n", *newest, *limit))
        });
        assert_eq!(older(1).await.unwrap(), 1);
        assert_eq!(older(100).await.unwrap(), 1);
        assert_eq!(older(100).await.unwrap(), 0);
        assert_eq!(message::after(db, 0, 10).await.unwrap().count, 2);
    }

    async fn namespaces_and_clusters_are_found_by_place_and_by_name(database: Database) {
        let store = database.config().await;
        write(&store, |tx, ()| Box::pin(async move {
            let parent = insert(tx, cluster_row("default", Id(0))).await?;
            insert(tx, cluster_row("branch", parent.id)).await?;
            for cluster in ["default", "branch"] {
                insert(tx, namespace_row("a", cluster, "n")).await?;
            }
            insert(tx, namespace_row("b", "default", "n")).await?;
            insert(tx, definition_row("a", "n", true)).await?;
            insert(tx, definition_row("b", "private", false)).await
        })).await;
        let db = store.read();
        let clusters = apps::clusters(db, "a").await.unwrap();
        assert_eq!(clusters.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["default"]);
        assert_eq!(apps::child_clusters(db, clusters[0].id).await.unwrap()[0].name, "branch");
        assert_eq!(apps::clusters_with_branches(db, "a").await.unwrap().len(), 2);
        assert_eq!(namespaces::named(db, "a", "n").await.unwrap().len(), 2);
        assert_eq!(namespaces::named_page(db, "n", &Page::new(0, 2)).await.unwrap().len(), 2);
        assert_eq!(namespaces::count_named_elsewhere(db, "n", "a").await.unwrap(), 1);
        let largest = namespaces::largest_cluster(db, "a", &["none", "default"]).await.unwrap();
        assert_eq!(largest, Some(("default".to_owned(), 1)));
        assert_eq!(namespaces::largest_cluster(db, "a", &["none"]).await.unwrap(), None);
        assert_eq!(namespaces::public_app_namespace(db, "n").await.unwrap().unwrap().app_id, "a");
        assert!(namespaces::public_app_namespace(db, "private").await.unwrap().is_none());
        assert_eq!(namespaces::public_app_namespaces(db).await.unwrap().len(), 1);
        let id = namespaces::find(db, "a", "branch", "n").await.unwrap().unwrap().id;
        let by = Deletion::by("o");
        let deleted = store.write((id, by), |tx, (id, by)| Box::pin(namespaces::delete(tx, *id, by))).await;
        assert!(deleted.unwrap());
        assert!(namespaces::by_id(db, id).await.unwrap().is_none());
        let by = Deletion::by("o");
        let again = store.write((id, by), |tx, (id, by)| Box::pin(namespaces::delete(tx, *id, by))).await;
        assert!(!again.unwrap(), "a row is hidden once");
        let gone = write(&store, |tx, ()| Box::pin(async move { namespaces::delete_app_namespaces(tx, "a", &Deletion::by("o")).await })).await;
        assert_eq!(gone, 1);
    }

    async fn items_have_lines_counts_and_a_search(database: Database) {
        let store = database.config().await;
        let (first, second) = write(&store, |tx, ()| Box::pin(async move {
            let namespace = insert(tx, namespace_row("a", "default", "n")).await?;
            let empty = insert(tx, namespace_row("a", "default", "empty")).await?;
            for (line, key, value) in [(2, "second.key", "Two"), (1, "first.key", "one"), (3, "", "")] {
                insert(tx, item_row(namespace.id, line, key, value)).await?;
            }
            Ok((namespace.id, empty.id))
        })).await;
        let db = store.read();
        let rows = items::readable_of_namespace(db, first).await.unwrap();
        let lines: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(lines, ["first.key", "second.key", ""]);
        assert_eq!(items::last_line(db, first).await.unwrap(), Some(Id(3)));
        assert_eq!(items::last_line(db, second).await.unwrap(), None);
        assert_eq!(items::count_with_key(db, first).await.unwrap(), 2);
        assert_eq!(items::count(db, first).await.unwrap(), 3);
        assert_eq!(items::by_key(db, first, "first.key").await.unwrap().unwrap().value, "one");
        assert!(items::comment_line(db, first, "c").await.unwrap().is_some());
        let (past, future) = (now() - TimeDelta::hours(1), now() + TimeDelta::seconds(5));
        let modified = items::modified_after(db, &[(first, past), (second, past)]).await.unwrap();
        assert_eq!(modified.len(), 3);
        assert!(items::modified_after(db, &[(first, future)]).await.unwrap().is_empty());
        let lengths = items::modified_lengths(db, &[(first, past), (second, past)]).await.unwrap();
        assert_eq!(lengths, [Measured { id: first, bytes: 6 }]);
        assert_eq!(items::length_in_namespaces(db, &[first, second]).await.unwrap(), 6);
        assert_eq!(items::namespaces_with_items(db, &[first, second]).await.unwrap(), [first]);
        assert_eq!(items::readable_of_namespaces(db, &[second, first]).await.unwrap(), rows);
        let hits = items::search(db, "key", "two", &Page::new(0, 10)).await.unwrap();
        assert_eq!(hits.total, 1, "a search ignores case on every engine");
        assert_eq!(hits.rows[0].namespace_name, "n");
        let all = items::search(db, "", "", &Page::new(1, 2)).await.unwrap();
        assert_eq!((all.total, all.rows.len()), (3, 1));
        let sort = vec![Sort { property: "lineNum".into(), is_descending: true }];
        let page = items::page_of_namespace(db, first, &Page::new(0, 2).sorted_by(sort)).await.unwrap();
        assert_eq!((page.total, page.rows[0].line_num), (3, Some(Id(3))));
        let unknown = vec![Sort { property: "none".into(), is_descending: true }];
        assert!(items::page_of_namespace(db, first, &Page::new(0, 2).sorted_by(unknown)).await.is_err());
        assert_eq!(items::page_by_key(db, "first.key", &Page::new(0, 2)).await.unwrap().len(), 1);
        let gone = store.write(first, |tx, id| Box::pin(async move { items::delete_of_namespace(tx, *id, &Deletion::by("o")).await })).await;
        assert_eq!(gone.unwrap(), 3);
    }

    async fn names_are_compared_as_the_engine_does(database: Database) {
        let store = database.config().await;
        write(&store, |tx, ()| Box::pin(insert(tx, app_row("Foo")))).await;
        let db = store.read();
        assert!(apps::by_app_id(db, "Foo").await.unwrap().is_some());
        for other in ["fOO", "Foo "] {
            let found = apps::by_app_id(db, other).await.unwrap().is_some();
            assert_eq!(found, database.is_mysql(), "{other:?}");
        }
        let found = apps::search(db, "fo", &Page::new(0, 10)).await.unwrap();
        assert_eq!(found.total, 1, "a search ignores case on every engine");
        for wildcard in ["f_o", "%", "_", "!"] {
            let found = apps::search(db, wildcard, &Page::new(0, 10)).await.unwrap();
            assert_eq!(found.total, 0, "a search has no wildcards");
        }
        write(&store, |tx, ()| Box::pin(insert(tx, app_row("50%_!x")))).await;
        let found = apps::search(db, "%_!X", &Page::new(0, 10)).await.unwrap();
        assert_eq!(found.total, 1);
        assert_eq!(apps::by_name_part(db, "%a_e%").await.unwrap().len(), 2, "wildcards are active");
    }

    async fn access_keys_that_changed_are_noticed(database: Database) {
        let store = database.config().await;
        let within = async |from, to| {
            let times = now() + TimeDelta::seconds(from)..=now() + TimeDelta::seconds(to);
            keys::changes_within(store.read(), &times).await.unwrap()
        };
        assert_eq!(within(-60, 60).await, keys::Changes::default());
        let key = write(&store, |tx, ()| Box::pin(insert(tx, key_row()))).await;
        let found = [within(-60, 60).await, within(60, 90).await, within(-90, -60).await];
        let found = found.map(|found| (found.is_any_recent, found.newest));
        assert_eq!(found, [true, false, false].map(|is_recent| (is_recent, vec![key.id])));
        assert_eq!(keys::count_of_app(store.read(), "a").await.unwrap(), 1);
        assert!(keys::find_locked(store.read(), "b", key.id).await.unwrap().is_none());
        let found = keys::find_locked(store.read(), "a", key.id).await.unwrap().unwrap();
        let enabled = access_key::Model { is_enabled: true, ..found.clone() };
        let states = (found, enabled);
        let update = store.write(states, |tx, (old, new)| Box::pin(keys::update(tx, old, new)));
        assert!(update.await.unwrap());
        assert!(keys::of_app(store.read(), "a").await.unwrap()[0].is_enabled);
        assert!(store.write(key.id, |tx, id| Box::pin(keys::delete(tx, *id, "o"))).await.unwrap());
        assert!(keys::of_app(store.read(), "a").await.unwrap().is_empty());
        assert_eq!(within(0, 0).await.newest, [key.id], "a key that was deleted is not a new one");
    }

    async fn audit_trail_is_written_and_searched(database: Database) {
        let store = database.config().await;
        write(&store, |tx, ()| Box::pin(async move {
            audits::record(tx, "ItemSet", None, "INSERT", "apollo").await?;
            let long = "a".repeat(64);
            let concerned = audits::Influence::concerns(&long, "App", &long);
            let influences = vec![influence("Name"), influence("AppId"), concerned];
            audits::log(tx, operation("App.create"), influences).await
        })).await;
        let db = store.read();
        let page = Page::new(0, 10);
        assert_eq!(audits::logs(db, &page).await.unwrap().len(), 1);
        assert_eq!(audits::logs_of_trace(db, "t").await.unwrap().len(), 1);
        let soon = Some(now() + TimeDelta::seconds(5));
        let named = |from, to| {
            audits::Search { name: Some("App.create".to_owned()), from, to, ..Default::default() }
        };
        let text = audits::Search { text: "APP".to_owned(), ..Default::default() };
        assert_eq!(audits::search_logs(db, &named(None, soon), &page).await.unwrap().len(), 1);
        assert!(audits::search_logs(db, &named(soon, None), &page).await.unwrap().is_empty());
        assert_eq!(audits::search_logs(db, &text, &page).await.unwrap().len(), 1);
        for (length, found) in [(64, 1), (49, 0)] {
            let app_id = Some("a".repeat(length));
            let of_app = audits::Search { app_id, ..Default::default() };
            assert_eq!(audits::search_logs(db, &of_app, &page).await.unwrap().len(), found);
        }
        let influences = audits::influences_on_field(db, "App", "7", "Name", &page).await.unwrap();
        assert_eq!(influences[0].field_new_value.as_deref(), Some("new"));
        assert_eq!(audits::influences_of_spans(db, &["s"]).await.unwrap().len(), 3);
    }

    async fn services_live_by_their_heartbeats(database: Database) {
        let store = database.config().await;
        let start = now();
        for (uri, age) in [("http://a/", 0), ("http://a/", 0), ("http://b/", 100), ("http://c/", 90_000)] {
            let time = start - TimeDelta::seconds(age);
            store.write((uri, time), |tx, (uri, time)| {
                Box::pin(registry::heartbeat(tx, "apollo-configservice", uri, "default", "{}", *time))
            }).await.unwrap();
        }
        let since = start - TimeDelta::seconds(61);
        let alive = registry::alive(store.read(), "default", since).await.unwrap();
        assert_eq!(alive.iter().map(|service| service.2.as_str()).collect::<Vec<_>>(), ["http://a/"]);
        let before = start - TimeDelta::days(1);
        store.write(before, |tx, before| Box::pin(registry::remove_older(tx, *before))).await.unwrap();
        let left = async || service_registry::Entity::find().all(store.read()).await.unwrap().len();
        assert_eq!(left().await, 2);
        write(&store, |tx, ()| Box::pin(registry::remove(tx, "apollo-configservice", "http://a/"))).await;
        assert_eq!(left().await, 1);
    }

    async fn instances_are_recorded_once_whoever_is_first(database: Database) {
        let store = database.config().await;
        let identities: Vec<Identity> = (0..300).map(|number| identity(&format!("10.0.0.{number}"))).collect();
        let nodes = join_all((0..3).map(|_| {
            let input = (identities.clone(), now());
            store.write(input, |tx, (identities, now)| Box::pin(instances::upsert(tx, identities, *now)))
        })).await;
        let mut ids: Vec<Vec<Id>> = nodes
            .into_iter()
            .map(|rows| rows.unwrap().into_iter().map(|row| row.id).collect())
            .collect();
        ids.iter_mut().for_each(|ids| ids.sort());
        assert_eq!(ids[0].len(), 300);
        assert!(ids.iter().all(|others| *others == ids[0]));
        let time = now() - TimeDelta::hours(1);
        for key in ["key-1", "key-2"] {
            let readings: Vec<Reading> = ids[0].iter().map(|id| reading(*id, key, time)).collect();
            store.write(readings, |tx, readings| Box::pin(instances::record_readings(tx, readings)))
                .await.unwrap();
        }
        readers_are_counted(&store, &ids[0]).await;
    }

    async fn first_node_decides_what_the_installation_shares(database: Database) {
        let store = database.config().await;
        let offers = (0..4).map(|number| {
            installation::value_or_insert(&store, "nudge", Secret::new(number.to_string()))
        });
        let values: Vec<Secret> =
            join_all(offers).await.into_iter().map(|value| value.unwrap().unwrap()).collect();
        assert!(values.iter().all(|value| *value == values[0]));
        let stored = installation::value(store.read(), "nudge").await.unwrap();
        assert_eq!(stored.as_ref(), values.first());
    }
}

async fn readers_are_counted(store: &Store, ids: &[Id]) {
    let db = store.read();
    let place = ConfigNamespace { app_id: "a", cluster: "default", namespace: "n" };
    let since = now() - TimeDelta::hours(25);
    assert_eq!(instances::configs_of_instances(db, ids).await.unwrap().len(), 300);
    assert_eq!(instances::count_of_namespace(db, place, since).await.unwrap(), 300);
    assert_eq!(instances::count_of_namespace(db, place, now()).await.unwrap(), 0);
    let page = Page::new(1, 100);
    let found = instances::configs_by_release_key(db, "key-2", since, &page).await.unwrap();
    assert_eq!((found.total, found.rows.len()), (300, 100));
    let old = instances::configs_by_release_key(db, "key-1", since, &page).await.unwrap();
    assert_eq!(old.total, 0);
    for (app_id, total) in [(None, 300), (Some("client"), 300), (Some("other"), 0)] {
        let found = instances::configs_of_namespace(db, place, since, app_id, &page).await.unwrap();
        assert_eq!(found.total, total, "{app_id:?}");
    }
    let without =
        instances::configs_without_releases(db, place, since, &["key-1"], None).await.unwrap();
    assert_eq!(without.len(), 300);
    let config = without[0].id;
    let input = (vec![config], now() + TimeDelta::seconds(10));
    store
        .write(input, |tx, (ids, time)| Box::pin(instances::touch_configs(tx, ids, *time)))
        .await
        .unwrap();
    assert_eq!(instances::count_of_namespace(db, place, now()).await.unwrap(), 1);
    let gone = store
        .write((), |tx, ()| {
            let place = ConfigNamespace { app_id: "a", cluster: "default", namespace: "n" };
            Box::pin(instances::delete_configs_of_namespace(tx, place))
        })
        .await;
    assert_eq!(gone.unwrap(), 300);
    assert_eq!(instances::by_ids(db, ids).await.unwrap().len(), 300);
}
