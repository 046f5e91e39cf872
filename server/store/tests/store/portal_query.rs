//! Queries on PortalDB on which engines could differ.

use castalia_store::entity::*;
use castalia_store::user::role::Names;
use castalia_store::user::token::Usage;
use castalia_store::user::{self, UserRow, favorite as favorites, role as roles, session};
use castalia_store::{
    Deletion, Id, Page, Secret, StoreError, app as apps, consumer as consumers,
    namespace as namespaces, now, server_config as settings,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use sea_orm::{DatabaseTransaction, Set};

use crate::database::{Database, on_each_database};

on_each_database! {
    async fn users_are_created_changed_and_searched(database: Database) {
        let store = database.portal().await;
        let created = store.write(user_row("Apollo"), |tx, row| Box::pin(user::create(tx, row))).await.unwrap();
        let twice = store.write(user_row("Apollo"), |tx, row| Box::pin(user::create(tx, row))).await;
        assert!(twice.is_err_and(|error| error.is_duplicate()));
        let db = store.read();
        assert_eq!(user::find(db, "Apollo").await.unwrap(), Some(created.clone()));
        assert_eq!(user::search(db, "APO", false, Some(20)).await.unwrap().len(), 1);
        assert_eq!(user::by_names(db, &["Apollo", "none"]).await.unwrap().len(), 1);
        let change = UserRow { is_enabled: Some(false), password: Some(Secret::new("new")), ..user_row("Apollo") };
        let input = (created, change);
        let changed = store.write(input.clone(), |tx, (found, row)| Box::pin(user::change(tx, found.clone(), row)));
        assert!(changed.await.unwrap());
        let found = user::find(db, "Apollo").await.unwrap().unwrap();
        assert_eq!(found.password.expose(), "new");
        assert!(!format!("{found:?}").contains("new"), "hashes are not printed");
        let again = store.write((found, input.1), |tx, (found, row)| Box::pin(user::change(tx, found.clone(), row)));
        assert!(!again.await.unwrap(), "nothing differs");
        assert!(user::search(db, "", false, None).await.unwrap().is_empty());
        assert_eq!(user::search(db, "", true, None).await.unwrap().len(), 1);
    }

    async fn names_of_apps_and_namespaces_are_compared_without_case_where_another_case_is_taken(database: Database) {
        let store = database.portal().await;
        let definition = |name: &str| app_namespace::ActiveModel {
            name: Set(name.to_owned()),
            app_id: Set("lib".to_owned()),
            format: Set("properties".to_owned()),
            is_public: Set(true),
            comment: Set(String::new()),
            ..app_namespace::ActiveModel::created_by("o")
        };
        store.write(definition("common.mysql"), |tx, row| Box::pin(insert(tx, row.clone()))).await.unwrap();
        let app = app::ActiveModel {
            app_id: Set("demo".to_owned()),
            name: Set("n".to_owned()),
            org_id: Set("o".to_owned()),
            org_name: Set("o".to_owned()),
            owner_name: Set("u".to_owned()),
            owner_email: Set("u".to_owned()),
            ..app::ActiveModel::created_by("o")
        };
        store.write(app, |tx, row| Box::pin(insert(tx, row.clone()))).await.unwrap();
        for name in ["common.mysql", "COMMON.mysql"] {
            let found = namespaces::app_namespaces_named(store.read(), &[name]).await.unwrap();
            assert_eq!(found.len(), 1, "{name}");
        }
        assert!(namespaces::app_namespaces_named(store.read(), &["common"]).await.unwrap().is_empty());
        for id in ["demo", "DEMO"] {
            assert_eq!(apps::stored_id(store.read(), id).await.unwrap().as_deref(), Some("demo"));
        }
        assert_eq!(apps::stored_id(store.read(), "dem").await.unwrap(), None);
    }

    async fn rights_are_reached_through_live_roles_only(database: Database) {
        let store = database.portal().await;
        let role = store.write((), |tx, ()| Box::pin(grant(tx, "Master+a_b", "AssignRole", "a_b"))).await.unwrap();
        store.write((), |tx, ()| Box::pin(grant(tx, "Master+axb", "AssignRole", "axb"))).await.unwrap();
        let db = store.read();
        let both = [("ModifyNamespace", "x"), ("AssignRole", "a_b")];
        assert!(roles::user_holds_any(db, "u", &both).await.unwrap());
        assert!(roles::consumer_holds_any(db, Id(9), &both).await.unwrap());
        for pair in [("ModifyNamespace", "a_b"), ("AssignRole", "A_B"), ("AssignRole", "a_b ")] {
            assert!(!roles::user_holds_any(db, "u", &[pair]).await.unwrap(), "{pair:?}");
        }
        assert!(!roles::user_holds_any(db, "other", &both).await.unwrap());
        assert!(!roles::user_holds_any(db, "u", &[]).await.unwrap());
        assert_eq!(roles::permissions_of_user(db, "u").await.unwrap().len(), 2);
        assert_eq!(roles::permissions_of_consumer(db, Id(9)).await.unwrap().len(), 2);
        assert_eq!(roles::roles_of_user(db, "u").await.unwrap().len(), 2);
        assert_eq!(roles::roles_of_consumer(db, Id(9)).await.unwrap().len(), 2);
        assert_eq!(roles::users_of_roles(db, &[role]).await.unwrap()[0].user_id.as_deref(), Some("u"));
        let revoked = store.write(role, |tx, role| {
            Box::pin(roles::revoke_from_users(tx, *role, &["u", "none"], "o"))
        }).await;
        assert_eq!(revoked.unwrap(), 1);
        assert!(!roles::user_holds_any(db, "u", &both).await.unwrap());
        let revoked = store.write(role, |tx, role| {
            Box::pin(roles::revoke_from_consumer(tx, *role, Id(9), "o"))
        }).await;
        assert!(revoked.unwrap());
        assert!(roles::user_holds_any(db, "u", &[("AssignRole", "axb")]).await.unwrap());
    }

    async fn deletion_by_pattern_takes_underscores_literally(database: Database) {
        let store = database.portal().await;
        for app_id in ["a_b", "axb"] {
            store.write(app_id, |tx, app_id| Box::pin(async move {
                grant(tx, &format!("Master+{app_id}"), "AssignRole", app_id).await?;
                let target = format!("{app_id}+n");
                grant(tx, &format!("ModifyNamespace+{target}"), "ModifyNamespace", &target).await
            })).await.unwrap();
        }
        store.write((), |tx, ()| Box::pin(async move {
            let names = Names { exact: vec!["Master+a_b".into()], prefixes: vec!["ModifyNamespace+a_b+".into()] };
            roles::delete_roles(tx, &names, &Deletion::by("o")).await?;
            let targets = Names { exact: vec!["a_b".into()], prefixes: vec!["a_b+".into()] };
            roles::delete_permissions(tx, &["AssignRole", "ModifyNamespace"], &targets, &Deletion::by("o")).await
        })).await.unwrap();
        let db = store.read();
        let left = roles::roles_of_user(db, "u").await.unwrap();
        let left: Vec<_> = left.iter().map(|role| role.role_name.as_str()).collect();
        assert_eq!(left, ["Master+axb", "ModifyNamespace+axb+n"]);
        assert!(roles::find(db, "Master+a_b").await.unwrap().is_none());
        assert!(roles::permission(db, "AssignRole", "a_b").await.unwrap().is_none());
        assert!(roles::permission(db, "AssignRole", "axb").await.unwrap().is_some());
        assert_eq!(roles::permissions_on(db, &["AssignRole"], "axb").await.unwrap().len(), 1);
        assert_eq!(roles::named(db, &["Master+axb", "master+axb"]).await.unwrap().len(), 1);
        assert!(roles::consumer_holds_any(db, Id(9), &[("AssignRole", "axb")]).await.unwrap());
    }

    async fn favorites_have_an_order(database: Database) {
        let store = database.portal().await;
        store.write((), |tx, ()| Box::pin(async move {
            for (app_id, position) in [("a", 10000), ("b", 9999), ("c", 10000)] {
                insert(tx, favorite_row(app_id, position)).await?;
            }
            Ok::<_, StoreError>(())
        })).await.unwrap();
        let db = store.read();
        let list = favorites::of_user(db, "u", &Page::new(0, 10)).await.unwrap();
        assert_eq!(list.iter().map(|row| row.app_id.as_str()).collect::<Vec<_>>(), ["b", "a", "c"]);
        assert_eq!(favorites::first_position(db, "u").await.unwrap(), Some(9999));
        assert_eq!(favorites::first_position(db, "nobody").await.unwrap(), None);
        let id = favorites::find(db, "u", "b").await.unwrap().unwrap().id;
        assert!(store.write(id, |tx, id| Box::pin(favorites::remove(tx, *id))).await.unwrap());
        assert!(favorites::by_id(db, id).await.unwrap().is_none());
        let by = Deletion::by("o");
        let gone = store.write(by, |tx, by| Box::pin(favorites::delete_of_app(tx, "a", by))).await;
        assert_eq!(gone.unwrap(), 1);
        assert_eq!(favorites::of_app(db, "c", &Page::new(0, 10)).await.unwrap().len(), 1);
    }

    async fn sessions_end_by_time_and_by_word(database: Database) {
        let store = database.portal().await;
        for hash in ["h1", "h2", "h3"] {
            store.write(session_row(hash), |tx, row| Box::pin(session::create(tx, row))).await.unwrap();
        }
        let db = store.read();
        let (found, time) = session::find(db, "h1").await.unwrap().unwrap();
        assert_eq!(found.csrf_token.expose(), "csrf");
        assert!((time - now()).abs() < TimeDelta::minutes(1), "{time}");
        assert!(session::find(db, "H1").await.unwrap().is_none());
        store.write(now(), |tx, now| Box::pin(session::touch(tx, "h1", *now, *now))).await.unwrap();
        assert!(session::find(db, "h1").await.unwrap().is_none());
        let later = now() + TimeDelta::hours(2);
        store.write(later, |tx, later| {
            Box::pin(session::touch(tx, "h1", *later, *later + TimeDelta::hours(1)))
        }).await.unwrap();
        assert!(session::find(db, "h1").await.unwrap().is_some());
        let expired = store.write(later, |tx, later| Box::pin(session::delete_expired(tx, *later))).await;
        assert_eq!(expired.unwrap(), 2);
        store.write(session_row("h4"), |tx, row| Box::pin(session::create(tx, row))).await.unwrap();
        let others = store.write((), |tx, ()| Box::pin(session::delete_of_user(tx, "u", Some("h1")))).await;
        assert_eq!(others.unwrap(), 1);
        assert!(store.write((), |tx, ()| Box::pin(session::delete(tx, "h1"))).await.unwrap());
    }

    async fn tokens_are_found_exactly_and_before_they_expire(database: Database) {
        let store = database.portal().await;
        let consumer = store.write((), |tx, ()| Box::pin(consumer_with_token(tx))).await.unwrap();
        let db = store.read();
        let at = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        let in_time = at("2030-01-01T00:00:00");
        let found = consumers::token(db, "abc", in_time).await.unwrap().unwrap();
        assert_eq!(found.consumer_id, Some(consumer));
        assert!(consumers::token(db, "ABC", in_time).await.unwrap().is_none());
        assert!(consumers::token(db, "abc", at("2031-01-01T00:00:01")).await.unwrap().is_none());
        assert_eq!(consumers::tokens(db, consumer).await.unwrap().len(), 1);
        assert!(!consumers::has_all_apps(db, consumer).await.unwrap());
        for all_apps in [true, false, true] {
            let input = (consumer, all_apps);
            store.write(input, |tx, (id, all)| Box::pin(consumers::set_all_apps(tx, *id, *all, "o"))).await.unwrap();
            assert_eq!(consumers::has_all_apps(db, consumer).await.unwrap(), all_apps);
        }
        assert!(store.write(consumer, |tx, id| Box::pin(consumers::delete(tx, *id, "o"))).await.unwrap());
        assert!(consumers::token(db, "abc", in_time).await.unwrap().is_none());
        assert!(!consumers::has_all_apps(db, consumer).await.unwrap());
        assert!(consumers::by_app_id(db, "third").await.unwrap().is_none());
    }

    async fn use_of_a_personal_token_does_not_count_as_a_change(database: Database) {
        let store = database.portal().await;
        let token = store.write((), |tx, ()| Box::pin(insert(tx, user_token_row()))).await.unwrap();
        let usage = Usage {
            token_id: token.id,
            time: "2030-01-01T00:00:00".parse().unwrap(),
            ip: Some("10.0.0.1".into()),
            user_agent: None,
        };
        store.write(vec![usage], |tx, usages| Box::pin(user::token::record_usage(tx, usages))).await.unwrap();
        let found = user::token::by_prefix(store.read(), "Prefix").await.unwrap().unwrap();
        assert_eq!(found.last_used_ip.as_deref(), Some("10.0.0.1"));
        assert_eq!(found.data_change_last_time, token.data_change_last_time);
        assert!(user::token::by_prefix(store.read(), "PREFIX").await.unwrap().is_none());
        assert_eq!(user::token::of_user(store.read(), "u").await.unwrap().len(), 1);
        let deleted = store.write(token.id, |tx, id| Box::pin(user::token::delete(tx, *id, "o"))).await;
        assert!(deleted.unwrap());
        assert!(user::token::all(store.read()).await.unwrap().is_empty());
    }

    async fn settings_of_the_portal_have_one_row_each(database: Database) {
        let store = database.portal().await;
        for value in ["1", "2"] {
            store.write(value, |tx, value| {
                Box::pin(settings::upsert_of_portal(tx, "own", value, None, "o"))
            }).await.unwrap();
        }
        let row = settings::portal_to_replace(store.read(), "own").await.unwrap().unwrap();
        assert_eq!(row.value, "2");
        assert!(store.write((), |tx, ()| Box::pin(settings::delete_of_portal(tx, "own", "o"))).await.unwrap());
        assert!(settings::portal_to_replace(store.read(), "own").await.unwrap().is_none());
    }
}

/// A role with one permission, assigned to the user `u` and the consumer 9.
async fn grant(
    tx: &DatabaseTransaction,
    name: &str,
    kind: &str,
    target: &str,
) -> Result<Id, StoreError> {
    let role =
        role::ActiveModel { role_name: Set(name.into()), ..role::ActiveModel::created_by("o") };
    let role = insert(tx, role).await?.id;
    let permission = permission::ActiveModel {
        permission_type: Set(kind.into()),
        target_id: Set(target.into()),
        ..permission::ActiveModel::created_by("o")
    };
    let binding = role_permission::ActiveModel {
        role_id: Set(Some(role)),
        permission_id: Set(Some(insert(tx, permission).await?.id)),
        ..role_permission::ActiveModel::created_by("o")
    };
    insert(tx, binding).await?;
    let held = user_role::ActiveModel {
        user_id: Set(Some("u".into())),
        role_id: Set(Some(role)),
        ..user_role::ActiveModel::created_by("o")
    };
    insert(tx, held).await?;
    let held = consumer_role::ActiveModel {
        consumer_id: Set(Some(Id(9))),
        role_id: Set(Some(role)),
        ..consumer_role::ActiveModel::created_by("o")
    };
    insert(tx, held).await?;
    Ok(role)
}

async fn consumer_with_token(tx: &DatabaseTransaction) -> Result<Id, StoreError> {
    let consumer = consumer::ActiveModel {
        app_id: Set("third".into()),
        name: Set("third".into()),
        org_id: Set("o".into()),
        org_name: Set("o".into()),
        owner_name: Set("o".into()),
        owner_email: Set("o".into()),
        ..consumer::ActiveModel::created_by("o")
    };
    let consumer = insert(tx, consumer).await?.id;
    let token = consumer_token::ActiveModel {
        consumer_id: Set(Some(consumer)),
        token: Set(Secret::new("abc")),
        rate_limit: Set(0),
        expires: Set("2031-01-01T00:00:00".parse::<NaiveDateTime>().unwrap().into()),
        ..consumer_token::ActiveModel::created_by("o")
    };
    insert(tx, token).await?;
    Ok(consumer)
}

fn user_row(username: &str) -> UserRow {
    UserRow {
        username: username.into(),
        display_name: Some("Display".into()),
        email: Some("a@b".into()),
        password: Some(Secret::new("hash")),
        is_enabled: None,
    }
}

fn favorite_row(app_id: &str, position: i32) -> favorite::ActiveModel {
    favorite::ActiveModel {
        user_id: Set("u".into()),
        app_id: Set(app_id.into()),
        position: Set(position),
        ..favorite::ActiveModel::created_by("u")
    }
}

fn session_row(hash: &str) -> castalia_session::Model {
    castalia_session::Model {
        id_hash: hash.into(),
        user_id: "u".into(),
        csrf_token: Secret::new("csrf"),
        created_time: now().into(),
        last_seen_time: now().into(),
        expiry_time: (now() + TimeDelta::hours(1)).into(),
    }
}

fn user_token_row() -> user_token::ActiveModel {
    let long_ago: DateTime<Utc> = "2020-01-01T00:00:00Z".parse().unwrap();
    user_token::ActiveModel {
        user_id: Set("u".into()),
        name: Set("n".into()),
        token_prefix: Set("Prefix".into()),
        token_hash: Set("hash".into()),
        scopes: Set(None),
        rate_limit: Set(0),
        expires: Set("2031-01-01T00:00:00".parse::<NaiveDateTime>().unwrap().into()),
        last_used_time: Set(None),
        last_used_ip: Set(None),
        last_used_user_agent: Set(None),
        revoked_at: Set(None),
        revoked_by: Set(None),
        data_change_last_time: Set(Some(long_ago.into())),
        ..user_token::ActiveModel::created_by("u")
    }
}
