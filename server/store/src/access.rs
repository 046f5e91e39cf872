//! Which tables a statement accesses and how, and the statement that accesses a table in the same
//! way but no row: it waits for the same locks of whole tables, and needs the same privileges.

use std::collections::BTreeSet;
use std::fmt;

use sea_orm::DbBackend;

use crate::sequence::last_id;

/// A way to access a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Access {
    table: String,
    way: Way,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Read,
    /// PostgreSQL only: the sequence of the ids is read.
    LastId,
    /// Rows are read to be changed.
    Lock,
    Insert,
    Update {
        column: String,
    },
    Delete,
}

impl Access {
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.way, Way::Read | Way::LastId)
    }

    /// Reading the table.
    pub(super) fn reading(table: &str) -> Self {
        Self { table: table.to_owned(), way: Way::Read }
    }

    /// The statement that accesses no row.
    pub(super) fn check(&self, backend: DbBackend) -> String {
        let quoted = |name: &str| match backend {
            DbBackend::MySql => format!("`{name}`"),
            _ => format!("\"{name}\""),
        };
        let table = quoted(&self.table);
        match &self.way {
            Way::Read => format!("SELECT 1 FROM {table} LIMIT 1"),
            Way::LastId => format!("SELECT {}", last_id(&self.table)),
            Way::Lock => format!("SELECT 1 FROM {table} WHERE 1 = 0 FOR UPDATE"),
            Way::Insert if backend == DbBackend::Postgres => {
                let denied = denied_sequences(&table);
                format!(
                    "INSERT INTO {table} SELECT {table}.* FROM {table} RIGHT JOIN ({denied}) AS denied ON 1 = 0"
                )
            }
            Way::Insert => format!("INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 0"),
            Way::Update { column } => {
                let column = quoted(column);
                format!("UPDATE {table} SET {column} = {column} WHERE 1 = 0")
            }
            Way::Delete => format!("DELETE FROM {table} WHERE 1 = 0"),
        }
    }
}

/// PostgreSQL only: no row if the account may use the sequences that generate ids of the table, and
/// otherwise the error of an insert.
fn denied_sequences(table: &str) -> String {
    format!(
        "SELECT nextval(s.seqrelid::regclass) FROM pg_attrdef d \
         JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid \
         JOIN pg_sequence s ON p.refclassid = 'pg_class'::regclass AND s.seqrelid = p.refobjid \
         WHERE d.adrelid = '{table}'::regclass \
         AND NOT has_sequence_privilege(s.seqrelid, 'USAGE, UPDATE')"
    )
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = if self.is_read() { "read" } else { "changed" };
        write!(f, "the table {} cannot be {access}", self.table)
    }
}

/// The accesses of a statement that the query builder wrote: names are quoted, values are
/// parameters.
pub(super) fn accesses(sql: &str) -> BTreeSet<Access> {
    let mut words = sql.split(|c: char| c.is_whitespace() || "(),".contains(c));
    let mut words = words.by_ref().filter(|word| !word.is_empty());
    let Some(verb) = words.next() else { return BTreeSet::new() };
    let is_locking = verb == "SELECT" && sql.contains(" FOR UPDATE");
    let read = || if is_locking { Way::Lock } else { Way::Read };
    let (mut found, mut before, mut updated) = (BTreeSet::new(), verb, None);
    let mut inserted = None;
    for word in words {
        if let Some(name) = unquoted(word) {
            let way = match before {
                "UPDATE" if verb == "UPDATE" => {
                    updated = Some(name);
                    None
                }
                "SET" => updated.take().map(|table| (table, Way::Update { column: name.into() })),
                // What MySQL does with a row that exists.
                "UPDATE" => inserted.map(|table| (table, Way::Update { column: name.into() })),
                "INTO" => {
                    // What the others do: DO UPDATE SET.
                    (inserted, updated) = (Some(name), Some(name));
                    Some((name, Way::Insert))
                }
                "FROM" if verb == "DELETE" && found.is_empty() => Some((name, Way::Delete)),
                "FROM" | "JOIN" => Some((name, read())),
                _ => None,
            };
            found.extend(way.map(|(table, way)| Access { table: table.into(), way }));
        } else if before == "pg_get_serial_sequence"
            && let Some(table) = word.strip_prefix("'\"").and_then(|word| word.strip_suffix("\"'"))
        {
            found.insert(Access { table: table.into(), way: Way::LastId });
        }
        before = word;
    }
    found
}

fn unquoted(word: &str) -> Option<&str> {
    ['"', '`'].iter().find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_of_a_statement_is_checked_in_the_way_it_was_accessed() {
        let cases: [(&str, &[&str]); 9] = [
            (
                r#"SELECT "a"."Id" FROM "App" AS "a" INNER JOIN "Item" ON 1 WHERE "x" IN (SELECT 1 FROM "Commit")"#,
                &[
                    r#"SELECT 1 FROM "App" LIMIT 1"#,
                    r#"SELECT 1 FROM "Commit" LIMIT 1"#,
                    r#"SELECT 1 FROM "Item" LIMIT 1"#,
                ],
            ),
            (
                r#"SELECT "Id" FROM "App" WHERE "Id" = $1 FOR UPDATE"#,
                &[r#"SELECT 1 FROM "App" WHERE 1 = 0 FOR UPDATE"#],
            ),
            (
                r#"INSERT INTO "App" ("Id", "Name") VALUES ($1, $2) RETURNING "Id""#,
                &[
                    r#"INSERT INTO "App" SELECT "App".* FROM "App" RIGHT JOIN (..) AS denied ON 1 = 0"#,
                ],
            ),
            (
                r#"UPDATE "App" SET "Name" = $1, "b" = 2 WHERE "Id" IN (SELECT "Id" FROM "Item")"#,
                &[
                    r#"UPDATE "App" SET "Name" = "Name" WHERE 1 = 0"#,
                    r#"SELECT 1 FROM "Item" LIMIT 1"#,
                ],
            ),
            (
                r#"INSERT INTO "App" ("Id") VALUES ($1) ON CONFLICT ("Id") DO UPDATE SET "Name" = $2"#,
                &[
                    r#"INSERT INTO "App" SELECT "App".* FROM "App" RIGHT JOIN (..) AS denied ON 1 = 0"#,
                    r#"UPDATE "App" SET "Name" = "Name" WHERE 1 = 0"#,
                ],
            ),
            (r#"DELETE FROM "App" WHERE "Id" = $1"#, &[r#"DELETE FROM "App" WHERE 1 = 0"#]),
            (
                r#"SELECT pg_sequence_last_value(pg_get_serial_sequence('"App"', 'Id')::regclass) > 0"#,
                &[
                    r#"SELECT pg_sequence_last_value(pg_get_serial_sequence('"App"', 'Id')::regclass)"#,
                ],
            ),
            ("SELECT CURRENT_TIMESTAMP", &[]),
            ("", &[]),
        ];
        for (sql, expected) in cases {
            let sequences = denied_sequences(r#""App""#);
            let check =
                |access: &Access| access.check(DbBackend::Postgres).replace(&sequences, "..");
            let checks: Vec<_> = accesses(sql).iter().map(check).collect();
            assert_eq!(checks, expected, "{sql}");
        }
        let upsert = "INSERT INTO `App` (`Id`) VALUES (?) ON DUPLICATE KEY UPDATE `Name` = ?";
        let check = |access: &Access| access.check(DbBackend::MySql);
        assert_eq!(
            accesses(upsert).iter().map(check).collect::<Vec<_>>(),
            [
                "INSERT INTO `App` SELECT * FROM `App` WHERE 1 = 0",
                "UPDATE `App` SET `Name` = `Name` WHERE 1 = 0",
            ]
        );
    }
}
