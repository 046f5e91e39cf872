//! Each column of each row of access control in the portal's database is damaged in turn: a damaged
//! row gives nobody a right, and keeps nobody else from working. SQLite, whose columns take any
//! bytes; other engines store at most an infinite time.

use serde_json::json;

use crate::support::database::{Database, Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session;

/// Tables and the rows that are damaged; those of consumers are of the one that is called `bad`.
const TARGETS: [(&str, &str); 12] = [
    ("App", r#""AppId" = 'demo'"#),
    ("AppNamespace", r#""AppId" = 'demo'"#),
    ("Consumer", r#""AppId" = 'bad'"#),
    ("ConsumerToken", r#""ConsumerId" = (SELECT "Id" FROM "Consumer" WHERE "AppId" = 'bad')"#),
    ("ConsumerRole", "1 = 1"),
    ("CastaliaConsumerGrant", "1 = 1"),
    ("Role", "1 = 1"),
    ("Permission", "1 = 1"),
    ("RolePermission", "1 = 1"),
    ("UserRole", "1 = 1"),
    ("Users", "1 = 1"),
    ("CastaliaSession", "1 = 1"),
];

/// The portal, its callers and its database.
struct World {
    good: Http,
    bad: Http,
    user: Http,
    demo: Demo,
    other: Demo,
    database: Database,
}

impl World {
    async fn of(server: &Server) -> Self {
        let demo = Demo::create(server, "demo").await;
        let other = Demo::create(server, "other").await;
        let portal = Http::new(&server.portal);
        let good = portal.clone().with("Authorization", &server.token("good", &["--all-apps"]));
        let bad = portal.clone().with("Authorization", &server.token("bad", &["--app", "demo"]));
        let user = session::root(server).await;
        let database = Database::file(server.data_dir(), "portal.db");
        Self { good, bad, user, demo, other, database }
    }

    async fn columns(&self, table: &str) -> Vec<String> {
        let sql =
            format!(r#"SELECT name AS "Name" FROM pragma_table_info('{table}') WHERE pk = 0"#);
        let rows = self.database.rows(&sql).await;
        rows.iter().map(|row| row["Name"].as_str().unwrap().to_owned()).collect()
    }

    /// What is wrong while this column is damaged.
    async fn faults(&self, table: &str, column: &str) -> Vec<String> {
        let item = json!({ "key": "k", "value": "v", "dataChangeCreatedBy": "apollo" });
        let forbidden = self.bad.post(&format!("{}/items", self.other.path()), item).await;
        let own = self.bad.get(&self.demo.path()).await;
        let list = self.good.get("/openapi/v1/apps").await;
        let user = self.user.get("/user").await;
        let mut faults = Vec::new();
        let mut check = |what: &str, answer: &Answer, is_right: bool| {
            if !is_right {
                let text = &answer.text;
                faults.push(format!("{table}.{column}: {what}: {} {text:.200}", answer.status));
            }
        };
        check("a right that was not granted", &forbidden, matches!(forbidden.status, 401 | 403));
        check("a request of the app's own token", &own, own.status < 500);
        if (table, column) == ("ConsumerToken", "Expires") {
            check("a token without a valid expiry", &own, own.status == 401);
        }
        let needs_other = table == "CastaliaConsumerGrant";
        let is_listed = list.status == 200 && list.text.contains("\"other\"");
        check("another consumer", &list, is_listed || (needs_other && list.status < 500));
        let is_own = matches!(table, "Users" | "CastaliaSession");
        check("another user", &user, user.status == 200 || (is_own && user.status < 500));
        faults
    }
}

#[tokio::test]
async fn a_damaged_row_of_access_control_grants_nothing_and_stops_nobody_else() {
    let server = Server::start();
    let world = World::of(&server).await;
    assert_eq!(world.faults("none", "none").await, Vec::<String>::new());
    let mut faults = Vec::new();
    for (table, rows) in TARGETS {
        // A session that is found invalid is deleted, so all rows are restored.
        let backup = format!(r#"CREATE TABLE "Backup{table}" AS SELECT * FROM "{table}""#);
        let clear = format!(r#"DELETE FROM "{table}""#);
        let restore = format!(r#"INSERT INTO "{table}" SELECT * FROM "Backup{table}""#);
        world.database.run(&[&backup]).await;
        for column in world.columns(table).await {
            let damage = format!(
                r#"UPDATE "{table}" SET "{column}" = CAST(X'80FF' || rowid AS BLOB) WHERE {rows}"#
            );
            world.database.run(&[&damage]).await;
            faults.extend(world.faults(table, &column).await);
            world.database.run(&[&clear, &restore]).await;
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// PostgreSQL compares an infinite expiry as later than now; as a time it cannot be decoded.
#[tokio::test]
async fn a_token_whose_expiry_cannot_be_decoded_is_refused_on_postgres() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    let server = Server::start_with(Options::new().flag("--portal-db", &fresh.database.url));
    let api = server.open_api();
    assert_eq!(api.get("/openapi/v1/apps").await.status, 200);
    let damage = r#"UPDATE "ConsumerToken" SET "Expires" = 'infinity'"#;
    fresh.database.run(&[damage]).await;
    assert_eq!(api.get("/openapi/v1/apps").await.status, 401);
    drop(server);
    fresh.remove().await;
}
