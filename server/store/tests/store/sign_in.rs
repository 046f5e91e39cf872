//! The account may no longer sign in, as after a change of its password. The database may lock it
//! after some more attempts, and logs each, so requests do not cause them.

use std::time::{Duration, Instant};

use castalia_store::{Part, Store, StoreError, StoreOptions, message};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::connection::ping;
use crate::database::{Database, apply, on_each_database, patient};
use crate::way::Way;

/// Each of them would sign in.
const REQUESTS: u32 = 300;
/// More than there are connections, and attempts while the requests are refused, on a busy machine.
const SIGN_INS: u32 = 60;
/// Longest wait for a refusal or a recovery, on a busy machine.
const LATEST: Duration = Duration::from_secs(60);

/// A database and an account of it, with the statements that refuse its sign-ins, admit them again,
/// and remove it.
struct Account {
    url: String,
    beside: DatabaseConnection,
    refuse: String,
    admit: String,
    remove: Option<String>,
}

impl Account {
    async fn of(database: &Database) -> Self {
        let (server, name) = database.url.rsplit_once('/').unwrap();
        if database.is_postgres() {
            // Tests may not create an account there.
            let beside = sea_orm::Database::connect(format!("{server}/postgres")).await.unwrap();
            return Self {
                url: database.url.clone(),
                beside,
                refuse: format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC, CURRENT_USER"),
                admit: format!("GRANT CONNECT ON DATABASE {name} TO CURRENT_USER"),
                remove: None,
            };
        }
        let (address, account) =
            (server.rsplit_once('@').unwrap().1, format!("'{name}'@'127.0.0.1'"));
        let created = Self {
            url: format!("mysql://{name}:x@{address}/{name}"),
            beside: database.raw().await,
            refuse: format!("ALTER USER {account} ACCOUNT LOCK"),
            admit: format!("ALTER USER {account} ACCOUNT UNLOCK"),
            remove: Some(format!("DROP USER {account}")),
        };
        created.run(&format!("CREATE USER {account} IDENTIFIED BY 'x'")).await;
        created.run(&format!("GRANT ALL ON {name}.* TO {account}")).await;
        created
    }

    async fn run(&self, sql: &str) {
        self.beside.execute_unprepared(sql).await.unwrap();
    }
}

on_each_database! {
    // S90
    async fn requests_do_not_sign_in_while_the_account_is_refused(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let account = Account::of(&database).await;
        let way = Way::to(&account.url).await;
        let options = StoreOptions { max_connections: 2, ..patient("config-db") };
        let store = Store::connect(&way.url, options).await.unwrap();
        apply(&store, Part::Config).await.unwrap();
        ping(&store).await;

        account.run(&account.refuse).await;
        let before = way.opened();
        way.reset();
        let begun = Instant::now();
        while read(&store).await.is_ok() {
            assert!(begun.elapsed() < LATEST, "the account may still sign in");
        }
        for _ in 0..REQUESTS {
            read(&store).await.unwrap_err();
            write(&store).await.unwrap_err();
            store.ping().await.unwrap_err();
        }
        let signed_in = way.opened() - before;
        assert!(signed_in < SIGN_INS, "{signed_in}");

        account.run(&account.admit).await;
        let begun = Instant::now();
        while !store.status().is_writable() {
            assert!(begun.elapsed() < LATEST, "{:?}", store.status());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        read(&store).await.unwrap();
        write(&store).await.unwrap();
        store.close().await.unwrap();
        if let Some(remove) = &account.remove {
            account.run(remove).await;
        }
    }
}

async fn read(store: &Store) -> Result<(), StoreError> {
    message::after(store.read(), 0, 10).await.map(drop)
}

async fn write(store: &Store) -> Result<(), StoreError> {
    store.write((), |tx, ()| Box::pin(message::insert(tx, "a+b+c"))).await.map(drop)
}
