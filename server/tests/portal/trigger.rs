//! Triggers, by which a database fails, or changes something else, when a certain row changes.

use castalia_store::{Dialect, Store, StoreError};
use sea_orm::ConnectionTrait as _;

/// A trigger of one table.
pub(crate) struct Trigger<'t> {
    /// Its name, and that of its function.
    pub(crate) name: &'t str,
    pub(crate) table: &'t str,
    /// `BEFORE` or `AFTER`, with the kind of change.
    pub(crate) when: &'t str,
    /// Column and value of the rows that it is for; all rows without it.
    pub(crate) row: Option<(&'t str, &'t str)>,
    /// What it runs; without it, the change fails.
    pub(crate) statement: Option<&'t str>,
}

impl Trigger<'_> {
    pub(crate) async fn create(&self, store: &Store) {
        let Self { name, table, when, row, statement } = self;
        let fails = match store.dialect() {
            Dialect::Sqlite => "SELECT RAISE(ABORT, 'failure')",
            Dialect::MySql => "SIGNAL SQLSTATE '45000'",
            Dialect::Postgres => "RAISE EXCEPTION 'failure'",
        };
        let statement = statement.unwrap_or(fails);
        let condition = row.map_or_else(
            || "1 = 1".to_owned(),
            |(column, value)| format!(r#"NEW."{column}" = '{value}'"#),
        );
        let trigger = format!(r#"CREATE TRIGGER {name} {when} ON "{table}""#);
        let statements = match store.dialect() {
            Dialect::Sqlite => vec![format!("{trigger} WHEN {condition} BEGIN {statement}; END")],
            Dialect::MySql => vec![
                format!("{trigger} FOR EACH ROW IF {condition} THEN {statement}; END IF")
                    .replace('"', "`"),
            ],
            Dialect::Postgres => vec![
                format!(
                    "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN {statement}; RETURN NEW; END $$"
                ),
                format!("{trigger} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {name}()"),
            ],
        };
        execute(store, statements).await;
    }

    pub(crate) async fn drop(&self, store: &Store) {
        let Self { name, table, .. } = self;
        let statements = match store.dialect() {
            Dialect::Postgres => {
                vec![
                    format!(r#"DROP TRIGGER {name} ON "{table}""#),
                    format!("DROP FUNCTION {name}"),
                ]
            }
            Dialect::MySql | Dialect::Sqlite => vec![format!("DROP TRIGGER {name}")],
        };
        execute(store, statements).await;
    }
}

async fn execute(store: &Store, statements: Vec<String>) {
    let done: Result<_, StoreError> = store
        .write(statements, |tx, statements| {
            Box::pin(async move {
                for statement in statements.iter() {
                    tx.execute_unprepared(statement).await?;
                }
                Ok(())
            })
        })
        .await;
    done.unwrap();
}
