//! One node on one of the three engines, with one published app, whose tables a test changes
//! directly.

use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::poll::{self, Waiting, position};
use crate::support::server::{Options, Server};

/// The database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    MySql,
    Postgres,
}

/// A node with one app, `demo`.
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) server: Server,
    pub(crate) app: App,
    pub(crate) http: Http,
    pub(crate) database: Database,
    options: Options,
    directory: tempfile::TempDir,
    fresh: Option<Fresh>,
}

impl Node {
    /// `None` if the run is restricted to SQLite. `variables` are settings of the feed.
    pub(crate) async fn start(kind: Kind, variables: &[(&str, &str)]) -> Option<Self> {
        let fresh = match kind {
            Kind::Sqlite => None,
            Kind::MySql => Some(Fresh::on(Engine::MySql).await?),
            Kind::Postgres => Some(Fresh::on(Engine::Postgres).await?),
        };
        let mut options = Options::new()
            .flag("--roles", "config,meta,admin")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        if let Some(fresh) = &fresh {
            options = options.flag("--config-db", &fresh.database.url);
        }
        for (name, value) in variables {
            options = options.variable(name, value);
        }
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start_in(directory.path(), options.clone());
        let database = match &fresh {
            Some(fresh) => fresh.database.clone(),
            None => Database::file(directory.path(), "config.db"),
        };
        let app = App::create(&Http::new(&server.admin), "demo").await;
        let http = Http::new(&server.config);
        Some(Self { kind, server, app, http, database, options, directory, fresh })
    }

    /// The same node after a restart; `meanwhile` runs in between.
    pub(crate) async fn restart(self, meanwhile: impl AsyncFnOnce(&Database)) -> Self {
        let Self { mut server, options, directory, database, .. } = self;
        assert!(server.terminate().success());
        meanwhile(&database).await;
        let server = Server::start_in(directory.path(), options.clone());
        let app = App::existing(&Http::new(&server.admin), "demo");
        let http = Http::new(&server.config);
        Self { server, app, http, options, directory, database, ..self }
    }

    /// Makes every read of rows of a table take about a second.
    pub(crate) async fn slow_down(&self, table: &str) {
        slow_down(&self.database, self.kind, table).await;
    }

    pub(crate) async fn end(self) {
        drop(self.server);
        if let Some(fresh) = self.fresh {
            fresh.remove().await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.http.get(path).await
    }

    /// The value of the key `k` for a client of the app; the status if it is not 200.
    pub(crate) async fn value(&self) -> String {
        value_of(&self.get("/configs/demo/default/application?ip=10.0.0.1").await)
    }

    pub(crate) async fn eventually_serves(&self, value: &str) {
        eventually(&format!("the value {value}"), async || {
            (self.value().await == value).then_some(())
        })
        .await;
    }

    /// A poll with the id of the newest message, and that id.
    pub(crate) async fn poll(&self) -> (Waiting, i64) {
        let id = eventually("the newest message to be known", async || {
            let known = position(&self.http, "demo", "application").await;
            (known == self.database.newest("demo+default+application").await).then_some(known)
        })
        .await;
        let path = poll::path("demo", &[("application", id)]);
        (Waiting::start(&self.http, &path).await, id)
    }

    /// Value of the metric whose line begins like this; 0 if there is none.
    pub(crate) async fn metric(&self, start: &str) -> f64 {
        let path = self.directory.path().join("metrics.token");
        let token = std::fs::read_to_string(&path).unwrap_or_default();
        let http = self.http.clone().with("Authorization", &format!("Bearer {}", token.trim()));
        let text = http.get("/prometheus").await.ok().text;
        let lines = text.lines().filter_map(|line| line.strip_prefix(start));
        lines.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }
}

/// Makes every read of rows of a table take about a second.
pub(crate) async fn slow_down(database: &Database, kind: Kind, table: &str) {
    let slow = match kind {
        Kind::Sqlite => {
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) \
             SELECT MAX(i) FROM n) > 0"
        }
        Kind::MySql => "SLEEP(1) = 0",
        Kind::Postgres => "pg_sleep(1)::text = ''",
    };
    let hide = format!(r#"ALTER TABLE "{table}" RENAME TO "Hidden{table}""#);
    let view = format!(r#"CREATE VIEW "{table}" AS SELECT * FROM "Hidden{table}" WHERE {slow}"#);
    database.run(&[&hide, &view]).await;
}

pub(crate) fn value_of(answer: &Answer) -> String {
    if answer.status != 200 {
        return answer.status.to_string();
    }
    answer.json()["configurations"]["k"].as_str().unwrap_or("nothing").to_owned()
}

/// One test for each engine.
macro_rules! on_each_kind {
    ($($name:ident),*) => { $(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn sqlite() {
                super::$name(Kind::Sqlite).await;
            }

            #[tokio::test]
            async fn mysql() {
                super::$name(Kind::MySql).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name(Kind::Postgres).await;
            }
        }
    )* };
}

pub(crate) use on_each_kind;
