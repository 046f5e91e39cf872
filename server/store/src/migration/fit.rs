//! Compares the tables of a database with those of the entities. Order and width of columns are
//! ignored, and so are further columns and tables. Names are compared as the server does it: where
//! it distinguishes their case, statements do not find a table in another case. Also checks whether
//! other nodes write times in this node's time zone.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, EntityName, EntityTrait, IdenStatic, Iterable, QueryOrder, Statement,
};

use super::{Origin, Part};
use crate::entity;
use crate::error::StoreError;
use crate::row::now;
use crate::url::Dialect;

/// Maximum age of the heartbeat of a live node, in seconds; the limit of Apollo's nodes.
const HEARTBEAT_WINDOW: i64 = 61;
/// Maximum difference of time zones, in hours; an older heartbeat is that of a dead node.
const MOST_HOURS: i64 = 14;

/// A table that this program uses.
struct Expected {
    name: &'static str,
    columns: Vec<&'static str>,
}

/// The existing tables and their columns. Names whose case the server ignores are in lower case.
pub(super) struct ExistingTables {
    tables: HashMap<String, HashSet<String>>,
    dialect: Dialect,
    /// Whether the server ignores the case of tables. It ignores that of columns unless it is
    /// PostgreSQL.
    folds_tables: bool,
}

pub(super) async fn read(
    db: &impl ConnectionTrait,
    dialect: Dialect,
) -> Result<ExistingTables, StoreError> {
    let sql = match dialect {
        Dialect::Sqlite => {
            "SELECT m.name AS TableName, c.name AS ColumnName, 1 AS IsFolded FROM sqlite_master m \
             JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
        }
        Dialect::MySql => {
            "SELECT TABLE_NAME AS TableName, COLUMN_NAME AS ColumnName, \
             CAST(@@lower_case_table_names AS SIGNED) AS IsFolded \
             FROM information_schema.columns WHERE TABLE_SCHEMA = DATABASE()"
        }
        Dialect::Postgres => {
            "SELECT table_name::text AS \"TableName\", column_name::text AS \"ColumnName\", \
             0::bigint AS \"IsFolded\" \
             FROM information_schema.columns WHERE table_schema = current_schema()"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let mut found = ExistingTables { tables: HashMap::new(), dialect, folds_tables: false };
    for row in rows {
        let table: String = row.try_get("", "TableName")?;
        let column: String = row.try_get("", "ColumnName")?;
        found.folds_tables = row.try_get::<i64>("", "IsFolded")? != 0;
        let (table, column) = (found.table_key(&table), found.column_key(&column));
        found.tables.entry(table).or_default().insert(column);
    }
    Ok(found)
}

impl ExistingTables {
    /// Whether the record of steps exists.
    pub(super) fn has_record(&self) -> bool {
        self.has_table(entity::castalia_schema::Entity.table_name())
    }

    pub(super) fn has_table(&self, table: &str) -> bool {
        self.columns(table).is_some()
    }

    /// Apollo's tables that exist.
    pub(super) fn present(&self) -> BTreeSet<&'static str> {
        let expected = [Part::Config, Part::Portal].into_iter().flat_map(expected);
        expected.map(|table| table.name).filter(|table| self.has_table(table)).collect()
    }

    /// A database with one of Apollo's tables and without a record was created by Apollo.
    pub(super) fn origin(&self, part: Part) -> Origin {
        let adopted = expected(part).iter().any(|table| self.has_table(table.name));
        if adopted { Origin::Adopted } else { Origin::Fresh }
    }

    /// Whether all tables exist that only this part has.
    pub(super) fn holds(&self, part: Part) -> bool {
        let others = expected(part.other());
        let is_own = |table: &&Expected| others.iter().all(|other| other.name != table.name);
        expected(part).iter().filter(is_own).all(|table| self.has_table(table.name))
    }

    pub(super) fn absent_tables(&self, part: Part) -> Vec<String> {
        expected(part)
            .iter()
            .filter(|table| !self.has_table(table.name))
            .map(|table| table.name.to_owned())
            .collect()
    }

    /// One line for each of these tables that exists in another case only. Otherwise empty ones
    /// would be created beside them. Those of Apollo come together, while another program may have
    /// one or two with the same columns, such as `authorities` of Spring Security.
    pub(super) fn misspelled(
        &self,
        part: Part,
        tables: impl Iterator<Item = &'static str>,
    ) -> Vec<String> {
        let expected = expected(part);
        let exists = |table: &&Expected| {
            self.has_table(table.name) || self.in_another_case(table.name, &table.columns).is_some()
        };
        if expected.iter().filter(exists).count() * 2 <= expected.len() {
            return Vec::new();
        }
        let misspelled = |table: &'static str| {
            let columns = match expected.iter().find(|other| other.name == table) {
                Some(table) => &table.columns[..],
                None if table.starts_with("Castalia") => &[],
                None => return None,
            };
            let name = self.in_another_case(table, columns)?;
            Some(self.misspelled_table(table, name))
        };
        tables.filter(|table| !self.has_table(table)).filter_map(misspelled).collect()
    }

    /// The table with this name in any case and most of these columns: one of another program has
    /// others, and an older version of Apollo has fewer.
    fn in_another_case(&self, table: &str, columns: &[&str]) -> Option<&str> {
        let is_same = |(name, existing): &(&String, &HashSet<String>)| {
            let exists = |column: &&&str| another_case(existing, column).is_some();
            let known = columns.iter().filter(exists).count();
            name.eq_ignore_ascii_case(table) && (columns.is_empty() || known * 2 > columns.len())
        };
        self.tables.iter().find(is_same).map(|(name, _)| name.as_str())
    }

    /// One line for each missing column of an existing table, with Apollo's upgrade script that
    /// adds it.
    pub(super) fn faults(&self, part: Part) -> Vec<String> {
        let mut faults = Vec::new();
        for table in expected(part) {
            let Some(columns) = self.columns(table.name) else {
                continue;
            };
            for column in table.columns {
                if !columns.contains(&self.column_key(column)) {
                    faults.push(match another_case(columns, column) {
                        Some(other) => misspelled_column(table.name, column, other),
                        None => fault(part, table.name, column),
                    });
                }
            }
        }
        faults
    }

    fn columns(&self, table: &str) -> Option<&HashSet<String>> {
        self.tables.get(&self.table_key(table))
    }

    fn table_key(&self, name: &str) -> String {
        if self.folds_tables { name.to_lowercase() } else { name.to_owned() }
    }

    fn column_key(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Postgres => name.to_owned(),
            Dialect::Sqlite | Dialect::MySql => name.to_lowercase(),
        }
    }

    fn misspelled_table(&self, table: &str, name: &str) -> String {
        let remedy = match self.dialect {
            Dialect::Postgres => format!(r#"ALTER TABLE "{name}" RENAME TO "{table}""#),
            Dialect::Sqlite | Dialect::MySql => format!("RENAME TABLE `{name}` TO `{table}`"),
        };
        format!("table {table} is named {name}, and this server distinguishes case; run: {remedy}")
    }
}

/// The same name in any case.
fn another_case<'a>(names: &'a HashSet<String>, name: &str) -> Option<&'a String> {
    names.iter().find(|other| other.eq_ignore_ascii_case(name))
}

/// Only PostgreSQL distinguishes the case of columns.
fn misspelled_column(table: &str, column: &str, name: &str) -> String {
    format!(
        "column {column} of table {table} is named {name}, and this server distinguishes case; run: \
         ALTER TABLE \"{table}\" RENAME COLUMN \"{name}\" TO \"{column}\""
    )
}

/// The warning if the newest heartbeat of any node differs from the clock by whole hours: the nodes
/// that wrote it use another time zone than this node assumes.
pub(super) async fn zone_warning(
    db: &impl ConnectionTrait,
    found: &ExistingTables,
) -> Result<Option<String>, StoreError> {
    use entity::service_registry::{Column, Entity};
    if !found.has_table(Entity.table_name()) {
        return Ok(None);
    }
    let newest = Entity::find().order_by_desc(Column::DataChangeLastTime).one(db).await?;
    Ok(newest.and_then(|row| hours_apart(*row.data_change_last_time, now())).map(|hours| {
        format!(
            "the newest heartbeat in ServiceRegistry is {hours} h off the current time: set \
             store.time_zone to the time zone of the Java nodes that share this database"
        )
    }))
}

/// Whole hours from the clock to the heartbeat, if it is so close to a whole hour that a time zone
/// explains it.
fn hours_apart(heartbeat: DateTime<Utc>, clock: DateTime<Utc>) -> Option<i64> {
    let seconds = (heartbeat - clock).num_seconds();
    let hours = (seconds + 1800).div_euclid(3600);
    let is_near = (seconds - hours * 3600).abs() <= HEARTBEAT_WINDOW;
    (hours != 0 && hours.abs() <= MOST_HOURS && is_near).then_some(hours)
}

/// The reason why both parts cannot use the same database. `App` is an example: an app that is
/// created in the portal would already exist when the environment creates it, and would never
/// receive a cluster.
pub(super) fn shared(part: Part, dialect: Dialect) -> String {
    let (own, other) = match part {
        Part::Config => ("config", "portal"),
        Part::Portal => ("portal", "config"),
    };
    let schema = match dialect {
        Dialect::Postgres => {
            ", or a second schema in this one, selected by `?options[search_path]=NAME` at the \
             end of the URL"
        }
        Dialect::Sqlite | Dialect::MySql => "",
    };
    format!(
        "this is the {other} database, and the {own} database must be a separate one: both have tables App, \
         AppNamespace and ServerConfig, with different rows. Create a second database{schema}"
    )
}

fn fault(part: Part, table: &str, column: &str) -> String {
    let database = match part {
        Part::Config => "apolloconfigdb",
        Part::Portal => "apolloportaldb",
    };
    let versions = match (table, column) {
        (_, "DeletedAt") => "v190-v200",
        ("Item", "Type") => "v200-v210",
        ("Cluster", "Comment") => "v220-v230",
        _ => "v230-v240",
    };
    format!(
        "column {column} of table {table} is missing: run Apollo's upgrade scripts up to version 2.4, \
         first {database}-{versions}.sql"
    )
}

fn expected(part: Part) -> Vec<Expected> {
    match part {
        Part::Config => config_tables(),
        Part::Portal => portal_tables(),
    }
}

fn config_tables() -> Vec<Expected> {
    use entity::*;
    vec![
        table::<app::Entity>(),
        table::<app_namespace::Entity>(),
        table::<audit::Entity>(),
        table::<cluster::Entity>(),
        table::<commit::Entity>(),
        table::<gray_release_rule::Entity>(),
        table::<instance::Entity>(),
        table::<instance_config::Entity>(),
        table::<item::Entity>(),
        table::<namespace::Entity>(),
        table::<namespace_lock::Entity>(),
        table::<release::Entity>(),
        table::<release_history::Entity>(),
        table::<release_message::Entity>(),
        table::<server_config::Entity>(),
        table::<access_key::Entity>(),
        table::<service_registry::Entity>(),
        table::<audit_log::Entity>(),
        table::<audit_log_data_influence::Entity>(),
    ]
}

fn portal_tables() -> Vec<Expected> {
    use entity::*;
    vec![
        table::<app::Entity>(),
        table::<app_namespace::Entity>(),
        table::<consumer::Entity>(),
        table::<consumer_audit::Entity>(),
        table::<consumer_role::Entity>(),
        table::<consumer_token::Entity>(),
        table::<user_token::Entity>(),
        table::<user_token_audit::Entity>(),
        table::<favorite::Entity>(),
        table::<permission::Entity>(),
        table::<role::Entity>(),
        table::<role_permission::Entity>(),
        table::<portal_server_config::Entity>(),
        table::<user_role::Entity>(),
        table::<users::Entity>(),
        table::<authorities::Entity>(),
        table::<audit_log::Entity>(),
        table::<audit_log_data_influence::Entity>(),
    ]
}

fn table<E: EntityTrait>() -> Expected {
    Expected {
        name: E::default().as_str(),
        columns: E::Column::iter().map(|column| column.as_str()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeat_of_another_zone_is_told_from_one_of_a_dead_node() {
        let clock: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().unwrap();
        let hours = |text: &str| hours_apart(text.parse().unwrap(), clock);
        assert_eq!(hours("2026-01-01T19:59:30Z"), Some(8));
        assert_eq!(hours("2026-01-01T06:59:55Z"), Some(-5));
        assert_eq!(hours("2026-01-01T11:59:50Z"), None);
        assert_eq!(hours("2026-01-01T10:31:00Z"), None);
        assert_eq!(hours("2025-12-30T12:00:00Z"), None);
    }
}
