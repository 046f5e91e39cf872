//! Rows of a database, without the columns that hold secrets in clear because the server has to
//! know them.

use std::fmt::Write as _;

use crate::support::database::Database;

/// Table, column, and why it is not a hash.
const CLEAR: [(&str, &str, &str); 10] = [
    ("AccessKey", "Secret", "signatures of clients are computed with it"),
    ("ServerConfig", "Value", "Apollo's table; the values are used"),
    ("CastaliaWebhook", "Secret", "signatures of calls are computed with it"),
    ("CastaliaWebhook", "Url", "the address that is called may have a token"),
    ("CastaliaSession", "CsrfToken", "useless without the cookie, of which there is a hash"),
    ("CastaliaDelivery", "Target", "the same for an address in a setting"),
    ("CastaliaNotice", "Body", "a call that is not delivered yet, with values"),
    ("Item", "Value", "values are what the database is for"),
    ("Commit", "ChangeSets", "the history of values"),
    ("Release", "Configurations", "published values"),
];

/// Every row, as JSON.
pub(super) async fn dump(database: &Database) -> String {
    let tables = match database.url.split(':').next().unwrap() {
        "sqlite" => r#"SELECT "name" FROM "sqlite_master" WHERE "type" = 'table'"#,
        "mysql" => {
            r#"SELECT TABLE_NAME AS "name" FROM information_schema.TABLES
               WHERE TABLE_SCHEMA = DATABASE()"#
        }
        _ => {
            r#"SELECT "table_name" AS "name" FROM information_schema.tables
               WHERE "table_schema" = 'public'"#
        }
    };
    let mut text = String::new();
    for table in database.rows(tables).await {
        let table = table["name"].as_str().unwrap();
        for row in database.rows(&format!(r#"SELECT * FROM "{table}""#)).await {
            let columns = row.as_object().unwrap().iter();
            let is_clear = |column: &str| {
                let same = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
                CLEAR.iter().any(|(of, name, _)| same(of, table) && same(name, column))
            };
            let hidden = columns.filter(|(column, _)| !is_clear(column));
            writeln!(text, "{table}: {:?}", hidden.collect::<Vec<_>>()).unwrap();
        }
    }
    text
}
