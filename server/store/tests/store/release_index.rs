//! PostgreSQL, whose indexes do not contain the id of each row: the newest releases and entries of
//! the history of a namespace are found by an index in their order.

use std::sync::Mutex;

use castalia_store::release::Line;
use castalia_store::{feed, namespace, release as releases};
use sea_orm::entity::prelude::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};

use crate::database::Database;

const RELEASE: &str = "Release_IX_Namespace_Id";
const HISTORY: &str = "ReleaseHistory_IX_Namespace_Id";
/// Rows of a hundred namespaces, in turn.
const ROWS: [&str; 4] = [
    r#"INSERT INTO "Release" ("ReleaseKey", "AppId", "ClusterName", "NamespaceName", "Configurations")
       SELECT 'key-' || n, 'a', 'c' || n % 100, 'n', '{}' FROM generate_series(1, 20000) n"#,
    r#"INSERT INTO "ReleaseHistory" ("AppId", "ClusterName", "NamespaceName", "BranchName", "OperationContext")
       SELECT 'a', 'c' || n % 100, 'n', 'c' || n % 100, '{}' FROM generate_series(1, 20000) n"#,
    r#"ANALYZE "Release""#,
    r#"ANALYZE "ReleaseHistory""#,
];

/// A connection that keeps the queries.
struct Recorder {
    db: DatabaseConnection,
    sent: Mutex<Vec<Statement>>,
}

#[async_trait::async_trait]
impl ConnectionTrait for Recorder {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.sent.lock().unwrap().push(statement.clone());
        self.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.sent.lock().unwrap().push(statement.clone());
        self.db.query_all_raw(statement).await
    }
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// S100
#[tokio::test]
async fn the_newest_rows_of_a_namespace_are_found_by_an_index() {
    let Some(database) = Database::postgres().await else { return };
    drop(database.config().await);
    let recorder = Recorder { db: database.raw().await, sent: Mutex::default() };
    for sql in ROWS {
        recorder.execute_unprepared(sql).await.unwrap();
    }
    let place = ("a", "c7", "n");
    let line = Line {
        app_id: "a".into(),
        cluster: "c7".into(),
        namespace: "n".into(),
        branch: "c7".into(),
    };
    assert_ne!(releases::latest_active_id(&recorder, "a", "c7", "n").await.unwrap().0, 0);
    assert_eq!(feed::published(&recorder, place).await.unwrap().0.len(), 1);
    assert!(feed::fingerprints(&recorder, &[place]).await.unwrap()[0].main.is_some());
    namespace::publish_states(&recorder, "a", "n").await.unwrap();
    let of_releases = recorder.sent.lock().unwrap().len();
    assert!(releases::nth_newest_history(&recorder, &line, 9).await.unwrap().is_some());
    assert_eq!(releases::newest_of_branch(&recorder, place, "c7", 5).await.unwrap().len(), 5);
    let sent = recorder.sent.lock().unwrap().clone();
    for (number, statement) in sent.iter().enumerate() {
        let index = if number < of_releases { RELEASE } else { HISTORY };
        let plan = texts(&recorder.db, &format!("EXPLAIN {statement}")).await.join("\n");
        assert!(plan.contains(index), "{statement}:\n{plan}");
    }
    recorder.db.close().await.unwrap();
}
