//! Queries: rows that belong to no namespace, because a name in them, or the id of the namespace,
//! cannot be decoded: no query for a namespace finds them. The release history still names the
//! namespace of a release. Only SQLite stores such values, so other engines are not asked. What
//! follows for clients is not known here.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use super::readable::report;
use crate::error::StoreError;
use crate::number::Id;

/// Maximum number of rows that are reported of each group with equal names.
const ROWS: i64 = 100;
/// Releases that may be served, by names. The index contains all of it.
const RELEASES: MisplacedTable =
    MisplacedTable { name: "Release", is_in_use: r#""row"."IsAbandoned" IS NOT TRUE"# };
/// Rules of branches that are neither deleted nor merged.
const RULES: MisplacedTable = MisplacedTable {
    name: "GrayReleaseRule",
    is_in_use: r#"COALESCE("row"."BranchStatus", 1) NOT IN (0, 2) AND "row"."ReleaseId" <> 0"#,
};
/// Any text or blob is greater than any number, so that the index finds these rows.
const ITEMS: &str =
    r#"SELECT "Id" FROM "Item" WHERE "NamespaceId" >= '' AND "IsDeleted" IS NOT TRUE LIMIT 100"#;

/// `Operation` of the end of a branch in the release history: deleted, alone or after a merge.
const ENDS: &str = "7, 8";

/// App, cluster and namespace.
type NamespaceNames = (String, String, String);

/// A row that belongs to no namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misplaced {
    pub table: &'static str,
    pub id: Id,
    /// The namespace to which the row belongs according to the release history.
    pub place: Option<NamespaceNames>,
}

struct MisplacedTable {
    name: &'static str,
    /// Whether a row may have an effect.
    is_in_use: &'static str,
}

/// All rows in use that belong to no namespace, by table.
pub async fn misplaced(db: &impl ConnectionTrait) -> Result<Vec<Misplaced>, StoreError> {
    let mut found = Vec::new();
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(found);
    }
    for id in nameless(db, &RELEASES).await? {
        found.push(Misplaced { table: RELEASES.name, id, place: place_of_release(db, id).await? });
    }
    found.extend(misplaced_rules(db).await?);
    for row in all(db, ITEMS, []).await? {
        let error = DbErr::Type("NamespaceId is not an integer".to_owned());
        let id = row.try_get_by(0)?;
        report("Item", id, &error);
        found.push(Misplaced { table: "Item", id, place: None });
    }
    Ok(found)
}

/// A newer rule of the same namespace replaces an older one, also if both are misplaced.
async fn misplaced_rules(db: &impl ConnectionTrait) -> Result<Vec<Misplaced>, StoreError> {
    let mut ids = nameless(db, &RULES).await?;
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let mut found: Vec<Misplaced> = Vec::new();
    for id in ids {
        let place = place_of_rule(db, id).await?;
        let has_newer = place.is_some() && found.iter().any(|newer| newer.place == place);
        if !has_newer && !is_replaced(db, id, place.as_ref()).await? {
            found.push(Misplaced { table: RULES.name, id, place });
        }
    }
    Ok(found)
}

/// What the release history of a namespace says about the rows that should be found for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordedHistory {
    /// The release that is active after the last operation on the main line.
    pub main: Option<Id>,
    /// Whether there is a branch with a release: its last operation is not its end.
    pub has_branch: bool,
}

/// The history of a namespace; empty on engines that store no misplaced rows.
pub async fn recorded(
    db: &impl ConnectionTrait,
    (app_id, cluster, namespace): (&str, &str, &str),
) -> Result<RecordedHistory, StoreError> {
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(RecordedHistory::default());
    }
    let of_namespace = r#""ReleaseHistory" WHERE "AppId" = ?1 AND "ClusterName" = ?2 AND "NamespaceName" = ?3
                          AND "IsDeleted" IS NOT TRUE"#;
    let sql = format!(
        r#"SELECT (SELECT "ReleaseId" FROM {of_namespace} AND "BranchName" = ?2 ORDER BY "Id" DESC LIMIT 1),
           COALESCE((SELECT "ReleaseId" <> 0 AND "Operation" NOT IN ({ENDS}) FROM {of_namespace}
           AND "BranchName" <> ?2 ORDER BY "Id" DESC LIMIT 1), 0)"#
    );
    let found = all(db, &sql, [app_id.into(), cluster.into(), namespace.into()]).await?;
    let Some(row) = found.first() else { return Ok(RecordedHistory::default()) };
    Ok(RecordedHistory { main: row.try_get_by(0).ok().flatten(), has_branch: row.try_get_by(1)? })
}

/// Ids of the rows in use with a name that cannot be decoded.
async fn nameless(
    db: &impl ConnectionTrait,
    table: &MisplacedTable,
) -> Result<Vec<Id>, StoreError> {
    let MisplacedTable { name, is_in_use } = *table;
    let names = r#""AppId", "ClusterName", "NamespaceName""#;
    let groups = format!(r#"SELECT {names}, MAX("Id") FROM "{name}" GROUP BY {names}"#);
    // Compared in the database, because a value that cannot be decoded cannot be sent back.
    let rows = format!(
        r#"SELECT "row"."Id" FROM "{name}" AS "row", "{name}" AS "one" WHERE "one"."Id" = ?
           AND "row"."AppId" = "one"."AppId" AND "row"."ClusterName" = "one"."ClusterName"
           AND "row"."NamespaceName" = "one"."NamespaceName"
           AND "row"."IsDeleted" IS NOT TRUE AND {is_in_use}
           ORDER BY "row"."Id" DESC LIMIT {ROWS}"#
    );
    let mut ids = Vec::new();
    for group in all(db, &groups, []).await? {
        let texts: Result<Vec<String>, DbErr> = (0..3).map(|at| group.try_get_by(at)).collect();
        let Err(error) = texts else { continue };
        let one: Id = group.try_get_by(3)?;
        for row in all(db, &rows, [one.into()]).await? {
            let id = row.try_get_by(0)?;
            report(name, id, &error);
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The namespace of a release: that of the branch for the release of a branch.
async fn place_of_release(
    db: &impl ConnectionTrait,
    id: Id,
) -> Result<Option<NamespaceNames>, StoreError> {
    let sql = r#"SELECT "AppId", "BranchName", "NamespaceName" FROM "ReleaseHistory"
                 WHERE "ReleaseId" = ? AND "IsDeleted" IS NOT TRUE ORDER BY "Id" DESC LIMIT 1"#;
    Ok(place(&all(db, sql, [id.into()]).await?))
}

/// The namespace whose clients a rule concerns: that of its release.
async fn place_of_rule(
    db: &impl ConnectionTrait,
    id: Id,
) -> Result<Option<NamespaceNames>, StoreError> {
    let sql = r#"SELECT "AppId", "ClusterName", "NamespaceName" FROM "ReleaseHistory"
                 WHERE "ReleaseId" = (SELECT "ReleaseId" FROM "GrayReleaseRule" WHERE "Id" = ?)
                 AND "IsDeleted" IS NOT TRUE ORDER BY "Id" DESC LIMIT 1"#;
    Ok(place(&all(db, sql, [id.into()]).await?))
}

/// Whether the namespace has a newer rule, active or not: it has one branch at a time.
async fn is_replaced(
    db: &impl ConnectionTrait,
    id: Id,
    place: Option<&NamespaceNames>,
) -> Result<bool, StoreError> {
    let Some((app_id, cluster, namespace)) = place else { return Ok(false) };
    let sql = r#"SELECT 1 FROM "GrayReleaseRule" WHERE "AppId" = ? AND "ClusterName" = ?
                 AND "NamespaceName" = ? AND "Id" > ? AND "IsDeleted" IS NOT TRUE LIMIT 1"#;
    let values =
        [app_id.as_str().into(), cluster.as_str().into(), namespace.as_str().into(), id.into()];
    Ok(!all(db, sql, values).await?.is_empty())
}

fn place(found: &[QueryResult]) -> Option<NamespaceNames> {
    let row = found.first()?;
    let name = |at: usize| row.try_get_by::<String, _>(at).ok();
    Some((name(0)?, name(1)?, name(2)?))
}

async fn all(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Result<Vec<QueryResult>, StoreError> {
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
    Ok(db.query_all_raw(statement).await?)
}
