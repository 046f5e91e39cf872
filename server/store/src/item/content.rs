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

/// The content of a release in one statement.
pub async fn content_to_publish(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Content, StoreError> {
    let backend = db.get_database_backend();
    if backend != DbBackend::Sqlite {
        let entries = content_of_namespace(db, namespace_id).await?;
        return Ok(Content { entries, ..Content::default() });
    }
    decoded(&db.query_all_raw(to_publish(namespace_id).build(backend)).await?)
}

/// SQLite only: the rows that [`decoded`] reads, of the namespace whose id this expression has.
pub(crate) fn to_publish(namespace_id: impl Into<Expr>) -> Select<Entity> {
    let is_own = Expr::col((Entity, Column::NamespaceId)).eq(namespace_id);
    // Any text or blob is greater than any number, so that the index finds these rows.
    let misplaced = Expr::cust(r#""Item"."NamespaceId" >= ''"#);
    Entity::live()
        .filter(Condition::any().add(is_own).add(misplaced))
        .order_by_asc(Column::LineNum)
        .order_by_asc(Column::Id)
        .select_only()
        .columns(COLUMNS)
        .column(Column::NamespaceId)
}

/// The content in rows of [`to_publish`].
pub(crate) fn decoded(rows: &[QueryResult]) -> Result<Content, StoreError> {
    let mut content = Content::default();
    for row in rows {
        if row.try_get_by::<Id, _>(COLUMNS.len()).is_err() {
            content.misplaced.push((row.try_get_by(0)?, row.try_get_by(1).ok()));
            continue;
        }
        let (_, key, value, _): (Id, String, String, bool) =
            decode::tuple::<Entity, _, 4>(row, COLUMNS)?;
        content.entries.push((key, value));
    }
    Ok(content)
}
