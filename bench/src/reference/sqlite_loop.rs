//! The minimal cost of a durable publish: its statements on SQLite without a server, one
//! transaction each, synchronous FULL. Uses a database that the product created, so that tables and
//! indexes are the same.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::measure::number;
use crate::print;
use crate::seed::{APP, NAMESPACE};

/// Copies the config database of a data directory that is not in use.
pub(crate) fn copy_database(data: &Path, copy: &Path) -> Result<()> {
    let file = data.join("config.db");
    let database =
        Connection::open(&file).with_context(|| format!("cannot open {}", file.display()))?;
    // Not a copy of the file alone: some of the data may still be in its write-ahead log.
    database
        .execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .context("cannot copy the database")?;
    Ok(())
}

/// Publishes the seeded namespace repeatedly.
#[derive(Debug)]
pub(crate) struct Publisher {
    database: Connection,
    namespace: i64,
    /// Releases so far, from which the next release key is derived.
    count: i64,
}

impl Publisher {
    /// Opens a config database that contains the app of the suite.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let database =
            Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "FULL")?;
        let sql = r#"SELECT "Id" FROM "Namespace" WHERE "AppId" = ?1 AND "NamespaceName" = ?2 AND "IsDeleted" = FALSE"#;
        let namespace = database.query_row(sql, [APP, NAMESPACE], |row| row.get(0));
        let namespace = namespace.context("the database holds no namespace of the suite")?;
        let sql = r#"SELECT max("Id") FROM "Release""#;
        let count = database
            .query_row(sql, [], |row| row.get(0))
            .context("the namespace was never published")?;
        Ok(Self { database, namespace, count })
    }

    /// Publishes once; durable when this returns.
    pub(crate) fn publish(&mut self) -> Result<()> {
        self.count += 1;
        let key = format!("bare-{}", self.count);
        let tx = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let configurations = read_items(&tx, self.namespace)?;
        let release = insert_release(&tx, &key, &configurations)?;
        let history = insert_history(&tx, release)?;
        let mut audit = tx.prepare_cached(
            r#"INSERT INTO "Audit" ("EntityName", "EntityId", "OpName", "DataChange_CreatedBy")
               VALUES ('Release', ?1, 'INSERT', 'bench'), ('ReleaseHistory', ?2, 'INSERT', 'bench')"#,
        )?;
        audit.execute(params![release, history])?;
        drop(audit);
        let message = format!("{APP}+default+{NAMESPACE}");
        tx.prepare_cached(r#"INSERT INTO "ReleaseMessage" ("Message") VALUES (?1)"#)?
            .execute([message])?;
        Ok(tx.commit()?)
    }
}

/// The items as the JSON object that a release stores.
fn read_items(tx: &Transaction<'_>, namespace: i64) -> Result<String> {
    let mut items = tx.prepare_cached(
        r#"SELECT "Key", "Value" FROM "Item" WHERE "NamespaceId" = ?1 AND "IsDeleted" = FALSE ORDER BY "LineNum""#,
    )?;
    let mut rows = items.query([namespace])?;
    let mut text = String::from("{");
    while let Some(row) = rows.next()? {
        let separator = if text.len() > 1 { "," } else { "" };
        let (key, value): (String, String) = (row.get(0)?, row.get(1)?);
        write!(
            text,
            "{separator}{}:{}",
            serde_json::to_string(&key)?,
            serde_json::to_string(&value)?
        )?;
    }
    text.push('}');
    Ok(text)
}

fn insert_release(tx: &Transaction<'_>, key: &str, configurations: &str) -> Result<i64> {
    let mut insert = tx.prepare_cached(
        r#"INSERT INTO "Release" ("ReleaseKey", "Name", "AppId", "ClusterName", "NamespaceName", "Configurations",
               "DataChange_CreatedBy", "DataChange_LastModifiedBy")
           VALUES (?1, 'bench', ?2, 'default', ?3, ?4, 'bench', 'bench')"#,
    )?;
    Ok(insert.insert(params![key, APP, NAMESPACE, configurations])?)
}

fn insert_history(tx: &Transaction<'_>, release: i64) -> Result<i64> {
    let mut insert = tx.prepare_cached(
        r#"INSERT INTO "ReleaseHistory" ("AppId", "ClusterName", "NamespaceName", "BranchName", "ReleaseId",
               "PreviousReleaseId", "Operation", "OperationContext", "DataChange_CreatedBy", "DataChange_LastModifiedBy")
           VALUES (?1, 'default', ?2, 'default', ?3, ?3 - 1, 0, '{"isEmergencyPublish":false}', 'bench', 'bench')"#,
    )?;
    Ok(insert.insert(params![APP, NAMESPACE, release])?)
}

/// Arguments: database file, seconds. Prints publishes per second.
pub(super) fn run(arguments: &[String]) -> Result<()> {
    let [file, seconds] = arguments else {
        anyhow::bail!("name a database file and a number of seconds")
    };
    let time = Duration::from_secs_f64(seconds.parse().context("the seconds are no number")?);
    let mut publisher = Publisher::open(Path::new(file))?;
    let before = publisher.count;
    let began = Instant::now();
    while began.elapsed() < time {
        publisher.publish()?;
    }
    print(&format!("{}", number(publisher.count - before) / began.elapsed().as_secs_f64()));
    Ok(())
}
