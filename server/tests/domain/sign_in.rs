//! A sign-in concurrent with a change of the same user's password.

use std::collections::BTreeMap;

use castalia_server::domain::session as sessions;
use castalia_server::domain::user::{self as accounts, PasswordRule, SignIn};
use castalia_server::server_config::ServerConfig;
use castalia_server::settings::Installation;
use castalia_store::Secret;
use castalia_store::user::{self, UserRow, session};

use crate::database::{Database, on_each_database};

on_each_database! {
    async fn a_sign_in_begins_nothing_once_the_password_is_another(database: Database) {
        let store = database.portal().await;
        let row = user("{noop}old");
        store.write(row, |tx, row| Box::pin(user::create(tx, row))).await.unwrap();
        let signed_in = accounts::sign_in(&store, Installation::Adopted, "u1", "old".into()).await;
        let SignIn::Accepted(verified) = signed_in.unwrap() else { panic!("the password fits") };
        assert!(sessions::begin(&store, &verified).await.unwrap().is_some());
        let new = Some(Secret::new("horse52stable"));
        let rule = PasswordRule::new(Installation::Adopted, &ServerConfig::new(BTreeMap::new()));
        accounts::set_password(&store, &rule, "u1", new).await.unwrap();
        // The password was compared before the reset, and the sign-in continues after it.
        assert!(sessions::begin(&store, &verified).await.unwrap().is_none());
        assert!(session::users(store.read()).await.unwrap().is_empty());
    }

    // The newer hash takes longer than the change on any usual machine; otherwise the test shows
    // nothing.
    async fn a_hash_that_is_renewed_overwrites_no_new_password(database: Database) {
        let store = database.portal().await;
        let row = user("{noop}old");
        let made = store.write(row, |tx, row| Box::pin(user::create(tx, row))).await.unwrap();
        let signing_in = tokio::spawn({
            let store = store.clone();
            async move { accounts::sign_in(&store, Installation::Fresh, "u1", "old".into()).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let new = user("{noop}new");
        let change = store.write((made, new), |tx, (found, row)| Box::pin(user::change(tx, found.clone(), row)));
        assert!(change.await.unwrap());
        signing_in.await.unwrap().unwrap();
        let found = user::find(store.read(), "u1").await.unwrap().unwrap();
        assert_eq!(found.password.expose(), "{noop}new");
    }
}

fn user(password: &str) -> UserRow {
    UserRow {
        username: "u1".into(),
        display_name: Some("Display".into()),
        email: Some("a@b".into()),
        password: Some(Secret::new(password)),
        is_enabled: None,
    }
}
