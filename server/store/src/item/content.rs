//! Queries: the content of a release, from the present items of a namespace.

use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{
    ConnectionTrait, DbBackend, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
    Select,
};

use super::by_line;
use crate::entity::item::{Column, Entity};
use crate::error::StoreError;
use crate::number::Id;
use crate::row::Standard;
use crate::row::decode;

/// Columns that are decoded for each entry.
const COLUMNS: [Column; 4] = [Column::Id, Column::Key, Column::Value, Column::IsDeleted];

/// Whether SQLite stores the columns of an item in the types that the table declares.
const INTACT: &str = r#"typeof("Item"."Key") = 'text' AND typeof("Item"."Value") = 'text'
    AND typeof("Item"."NamespaceId") = 'integer' AND "Item"."IsDeleted" IS 0"#;

/// Keys and values of the namespace by line, the content of a release.
pub async fn content_of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Vec<(String, String)>, StoreError> {
    let content = by_line(namespace_id).select_only().columns(COLUMNS);
    let rows: Vec<(Id, String, String, bool)> = decode::tuples(db, content, COLUMNS).await?;
    Ok(rows.into_iter().map(|(_, key, value, _)| (key, value)).collect())
}

/// What is published of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Keys and values by line.
    pub entries: Vec<(String, String)>,
    /// Items that belong to no namespace, because its id cannot be decoded, with their keys as far
    /// as those can be: they may be missing here. Only SQLite stores such ids.
    pub misplaced: Vec<(Id, Option<String>)>,
}

/// The content of a release in one statement, or in two if a row is damaged.
pub async fn content_to_publish(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Content, StoreError> {
    let backend = db.get_database_backend();
    if backend != DbBackend::Sqlite {
        let entries = content_of_namespace(db, namespace_id).await?;
        return Ok(Content { entries, ..Content::default() });
    }
    let row = db.query_one_raw(in_one_row(namespace_id).build(backend)).await?;
    match row.as_ref().and_then(intact) {
        Some(entries) => Ok(Content { entries, ..Content::default() }),
        None => content_row_by_row(db, namespace_id).await,
    }
}

/// SQLite only: one row, which [`intact`] reads, of the namespace whose id this expression has.
/// sqlx sends each row of a result through a channel to another thread, which costs more than the
/// encoding as JSON.
pub(crate) fn in_one_row(namespace_id: impl Into<Expr>) -> Select<Entity> {
    let order = r#"ORDER BY "Item"."LineNum", "Item"."Id""#;
    let entries = format!(
        r#"json_group_array(json_array("Item"."Key", "Item"."Value") {order}) FILTER (WHERE {INTACT})"#
    );
    let damaged = format!("count(*) FILTER (WHERE NOT ({INTACT}))");
    own_and_misplaced(namespace_id)
        .select_only()
        .expr(Expr::cust(entries))
        .expr(Expr::cust(damaged))
}

/// The entries in the row of [`in_one_row`]. `None` if a row of the namespace is damaged or belongs
/// to none; [`content_row_by_row`] finds out which.
pub(crate) fn intact(row: &QueryResult) -> Option<Vec<(String, String)>> {
    let damaged: i64 = row.try_get_by(1).ok()?;
    // Text that is not UTF-8 cannot be decoded.
    let entries: String = row.try_get_by(0).ok()?;
    if damaged > 0 { None } else { serde_json::from_str(&entries).ok() }
}

/// SQLite only: the content of a namespace with damaged rows.
pub(crate) async fn content_row_by_row(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Content, StoreError> {
    let rows = own_and_misplaced(namespace_id)
        .order_by_asc(Column::LineNum)
        .order_by_asc(Column::Id)
        .select_only()
        .columns(COLUMNS)
        .column(Column::NamespaceId);
    let mut content = Content::default();
    for row in db.query_all_raw(rows.build(DbBackend::Sqlite)).await? {
        if row.try_get_by::<Id, _>(COLUMNS.len()).is_err() {
            content.misplaced.push((row.try_get_by(0)?, row.try_get_by(1).ok()));
            continue;
        }
        let (_, key, value, _): (Id, String, String, bool) =
            decode::tuple::<Entity, _, 4>(&row, COLUMNS)?;
        content.entries.push((key, value));
    }
    Ok(content)
}

/// The live items of a namespace, and those that belong to none.
fn own_and_misplaced(namespace_id: impl Into<Expr>) -> Select<Entity> {
    let is_own = Expr::col((Entity, Column::NamespaceId)).eq(namespace_id);
    // Any text or blob is greater than any number, so that the index finds these rows.
    let misplaced = Expr::cust(r#""Item"."NamespaceId" >= ''"#);
    Entity::live().filter(Condition::any().add(is_own).add(misplaced))
}
