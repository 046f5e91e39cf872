//! REL-57: statements of the portal and of its environment find their rows by an index. Those that
//! read a whole table are in `query_plan.txt`, each with its reason.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use castalia_server::domain::retention::{Walk, remove_left_items};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::release_history;
use castalia_store::{Id, Store, StoreError, Transaction};
use http::Method;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseBackend, EntityTrait as _, QueryFilter as _,
    Statement,
};
use tokio::process::Command;
use tracing::field::{Field, Visit};
use tracing::subscriber::set_global_default;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::many_rows::{Rows, Size};
use super::statement_count::OPERATIONS;
use super::statement_count_of_writes::write;

const REVIEWED: &str = include_str!("query_plan.txt");
const SIZE: Size = Size { items: 10, namespaces: 3, clusters: 2, apps: 3, others: 3 };

/// Texts of the statements that this process sends.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Sent {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

impl Visit for Sent {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "sql" {
            self.0.lock().unwrap().insert(value.to_owned());
        }
    }
}

/// In a process of its own, because it listens to all statements of the process.
#[tokio::test]
async fn statements_find_their_rows_by_an_index() {
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "portal::query_plan::scans_are_reviewed", "--ignored", "--nocapture"]);
    let done = test.output().await.unwrap();
    let text = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "statements_find_their_rows_by_an_index runs it"]
async fn scans_are_reviewed() {
    let sent = Sent::default();
    let filter = Targets::new().with_target("castalia_store::statement", LevelFilter::TRACE);
    let collector = tracing_subscriber::registry().with(sent.clone().with_filter(filter));
    set_global_default(collector).unwrap();
    let rows = Rows::create(SIZE).await;
    read(&rows).await;
    write(&rows, SIZE).await;
    shorten_histories(&rows.world.environment_store).await;
    // As after a start.
    let mut next = Some(Id(0));
    while let Some(last) = next {
        next = remove_left_items(&rows.world.environment_store, last).await.unwrap();
    }
    let sent = sent.0.lock().unwrap().clone();
    assert!(sent.len() > 300, "only {} statements were traced", sent.len());
    let mut scans = BTreeSet::new();
    for sql in sent.iter().filter(|sql| !is_other(sql)) {
        for store in [&rows.world.store, &rows.world.environment_store] {
            for table in scanned(store, sql).await {
                scans.insert(format!("{table}: {}", rest(sql)).trim_end().to_owned());
            }
        }
    }
    let reviewed: BTreeSet<_> =
        REVIEWED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let unknown: Vec<_> = scans.iter().filter(|scan| !reviewed.contains(scan.as_str())).collect();
    assert!(unknown.is_empty(), "these read whole tables: {unknown:#?}");
}

/// Performs every operation that reads.
async fn read(rows: &Rows) {
    for user in ["apollo", "u1"] {
        let caller = rows.world.user(user).await;
        for route in &rows.world.routes {
            let Some(operation) = route.operation else { continue };
            if !matches!(route.method, Method::GET | Method::HEAD) {
                continue;
            }
            let id = operation.about.id;
            let (_, query) = OPERATIONS.iter().find(|(name, _)| *name == id).unwrap();
            let path = rows.fill(id, &format!("{}{query}", route.path));
            caller.send(route.method.clone(), &path, "", String::new()).await;
        }
        // No app is found, so that items are searched for.
        caller.get("/openapi/v1/apps/search/by-appid-or-name?query=k1&page=0&size=500").await.ok();
    }
}

/// Removes what is too old and too much of the release history.
async fn shorten_histories(store: &Store) {
    let aged = release_history::Entity::update_many()
        .col_expr(
            release_history::Column::DataChangeCreatedTime,
            Expr::value(castalia_store::now() - chrono::TimeDelta::days(2)),
        )
        .filter(release_history::Column::Id.gt(Id(0)));
    let aged: Result<_, StoreError> = store
        .write(aged, |tx, aged| Box::pin(async move { Ok(aged.clone().exec(tx).await?) }))
        .await;
    aged.unwrap();
    let limits =
        [("release-history.retention.days", "1"), ("apollo.release-history.retention.size", "1")];
    for (key, value) in limits {
        let config = ServerConfig::new([(key.to_owned(), value.to_owned())].into());
        assert_ne!(Walk::default().pass(store, &config).await.unwrap(), 0, "{key}");
    }
}

/// Whether a statement has no plan, or asks for tables and columns.
fn is_other(sql: &str) -> bool {
    let of_schema = ["sqlite_master", "information_schema", "pg_catalog"];
    let has_plan = match sql.split(' ').next() {
        Some("SELECT" | "UPDATE" | "DELETE" | "WITH") => true,
        Some("INSERT") => sql.contains("SELECT"),
        _ => false,
    };
    !has_plan || of_schema.iter().any(|name| sql.contains(name))
}

/// The tables that a statement reads as a whole; none if the database does not have its tables.
async fn scanned(store: &Store, sql: &str) -> Vec<String> {
    let scanned = store.write(sql.to_owned(), |tx, sql| {
        Box::pin(async move {
            match tx.get_database_backend() {
                DatabaseBackend::MySql => of_mysql(tx, sql).await,
                DatabaseBackend::Postgres => of_postgres(tx, sql).await,
                _ => of_sqlite(tx, sql).await,
            }
        })
    });
    scanned.await.unwrap_or_default()
}

async fn of_sqlite(tx: &Transaction, sql: &str) -> Result<Vec<String>, StoreError> {
    let plan = lines(tx, &format!("EXPLAIN QUERY PLAN {sql}"), "detail").await?;
    let scans = plan.iter().filter_map(|step| step.strip_prefix("SCAN ")).map(first);
    Ok(scans
        .filter(|table| !table.contains("-ROW") && *table != "CONSTANT")
        .map(str::to_owned)
        .collect())
}

/// PostgreSQL reads a small table as a whole, unless that is made expensive.
async fn of_postgres(tx: &Transaction, sql: &str) -> Result<Vec<String>, StoreError> {
    tx.execute_unprepared("SET LOCAL enable_seqscan = off").await?;
    tx.execute_unprepared("SET LOCAL plan_cache_mode = force_generic_plan").await?;
    tx.execute_unprepared(&format!("PREPARE examined AS {sql}")).await?;
    let count = (1..).take_while(|number| sql.contains(&format!("${number}"))).count();
    let values =
        if count == 0 { String::new() } else { format!("({})", vec!["NULL"; count].join(", ")) };
    let plan = lines(tx, &format!("EXPLAIN EXECUTE examined{values}"), "QUERY PLAN").await;
    tx.execute_unprepared("DEALLOCATE examined").await?;
    let scans: Vec<_> = plan?
        .iter()
        .filter_map(|step| {
            Some(first(step.split_once("Seq Scan on ")?.1).trim_matches('"').to_owned())
        })
        .collect();
    Ok(scans)
}

/// MariaDB reads a small table as a whole as well, but names the indexes that it could use.
async fn of_mysql(tx: &Transaction, sql: &str) -> Result<Vec<String>, StoreError> {
    // A text that is a number as well as a time.
    let literal = sql.replace("LIMIT ?", "LIMIT 1").replace("OFFSET ?", "OFFSET 1");
    let literal = literal.replace('?', "'2000-01-01'");
    let explained = Statement::from_string(tx.get_database_backend(), format!("EXPLAIN {literal}"));
    let rows = tx.query_all_raw(explained).await?;
    let mut scans = Vec::new();
    for row in rows {
        let kind: Option<String> = row.try_get("", "type")?;
        let usable: Option<String> = row.try_get("", "possible_keys")?;
        if kind.as_deref() == Some("ALL") && usable.is_none() {
            scans.push(row.try_get::<String>("", "table")?);
        }
    }
    Ok(scans)
}

async fn lines(tx: &Transaction, sql: &str, column: &str) -> Result<Vec<String>, StoreError> {
    let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    rows.iter().map(|row| Ok(row.try_get("", column)?)).collect()
}

fn first(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// The condition and the order of a statement, in the same spelling on every database and for lists
/// of any length.
fn rest(sql: &str) -> String {
    let plain = sql.replace(['"', '`'], "");
    let parts = [" WHERE ", " GROUP BY ", " ORDER BY "];
    let start = parts.iter().filter_map(|part| plain.find(part)).min();
    let mut words: Vec<String> = Vec::new();
    for word in plain[start.map_or(plain.len(), |at| at + 1)..].split_whitespace() {
        let word = word.replace('$', "?");
        let word: String = match word.find('?') {
            Some(at) => {
                word[..=at].to_owned()
                    + word[at..].trim_start_matches(|c: char| c == '?' || c.is_ascii_digit())
            }
            None => word,
        };
        match word.as_str() {
            "?," => {}
            "?)" if words.last().is_some_and(|last| last == "(?,") => {
                words.pop();
                words.push("(?)".to_owned());
            }
            _ => words.push(word),
        }
    }
    words.join(" ")
}
