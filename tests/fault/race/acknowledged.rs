//! What was acknowledged: each release has a row of its own and an entry in the history, whatever
//! raced beside it, and nothing but a deletion removes them; an item has the value of the last
//! change.

use std::collections::BTreeMap;

use super::is_accepted;
use crate::support::database::Database;
use crate::support::http::Answer;

/// Ends of the paths of operations that return a release.
const PUBLISHES: [&str; 5] =
    ["/releases", "/gray-del-releases", "/updateAndPublish", "/merge", "/branches/{branchName}"];
/// Parts of operations that remove items of the namespace, or replace them by those of a file or of
/// a branch.
const OTHER_CHANGES: [&str; 9] = [
    "DELETE ",
    "/items/batch-delete",
    "/items/revocation",
    "/import",
    "/restorations",
    "/change-sets",
    "/updateAndPublish",
    "/merge",
    "/branches/{branchName}",
];

/// A call that was answered.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) operation: &'a str,
    /// The value of the caller.
    pub(super) who: &'a str,
    pub(super) answer: &'a Answer,
}

/// Panics if the release of an answer is missing.
pub(super) async fn check_releases(config: &Database, calls: &[Call<'_>], what: &str) {
    const REMOVALS: [&str; 4] = ["DELETE", "withdrawal", "updateAndPublish", "merge"];
    let is_removed =
        |call: &Call<'_>| REMOVALS.iter().any(|removal| call.operation.contains(removal));
    let alive = if calls.iter().any(is_removed) { "" } else { r#"AND NOT "IsDeleted""# };
    let mut ids = Vec::new();
    for Call { operation, answer, .. } in calls {
        let is_publish =
            operation.contains("POST ") && PUBLISHES.iter().any(|end| operation.ends_with(end));
        if !is_publish || answer.status != 200 {
            continue;
        }
        let id = answer.json()["id"].as_i64();
        let id = id.unwrap_or_else(|| panic!("{operation} returns no release: {answer:?}"));
        assert!(!ids.contains(&id), "{what}: two calls were answered with release {id}");
        ids.push(id);
    }
    if ids.is_empty() {
        return;
    }
    let list = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    for (table, column) in [("Release", "Id"), ("ReleaseHistory", "ReleaseId")] {
        let sql = format!(
            r#"SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IN ({list}) {alive}"#
        );
        let rows = config.rows(&sql).await;
        assert_eq!(
            rows.len(),
            ids.len(),
            "{what}: {ids:?} are acknowledged, but not all in {table}"
        );
    }
}

/// Panics if a key has another value than one of those that were acknowledged: any of several
/// concurrent changes may be the last one. A change that failed at the end may have been made, and
/// then nothing is known.
pub(super) async fn check_items(config: &Database, app_id: &str, calls: &[Call<'_>], what: &str) {
    let accepted = || calls.iter().filter(|call| is_accepted(call.answer));
    let is_other = |call: &Call<'_>| OTHER_CHANGES.iter().any(|part| call.operation.contains(part));
    if calls.iter().any(|call| call.answer.status >= 500) || accepted().any(is_other) {
        return;
    }
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for call in accepted() {
        for key in keys_set_by(call.operation) {
            values.entry(key).or_default().push(call.who);
        }
    }
    for (key, values) in values {
        let sql = format!(
            r#"SELECT "Value" FROM "Item" JOIN "Namespace" ON "Namespace"."Id" = "Item"."NamespaceId"
               WHERE "AppId" = '{app_id}' AND "ClusterName" = 'default' AND "NamespaceName" = 'application'
               AND "Item"."Key" = '{key}' AND NOT "Item"."IsDeleted" AND NOT "Namespace"."IsDeleted""#
        );
        let rows = config.rows(&sql).await;
        let stored = rows.first().and_then(|row| row["Value"].as_str());
        assert!(
            stored.is_some_and(|stored| values.contains(&stored)),
            "{what}: {values:?} are acknowledged for {key}, which is {rows:?}"
        );
    }
}

/// The keys that an operation sets to the value of its caller; that of `batch-create` adds another
/// one, which a text without it removes.
fn keys_set_by(operation: &str) -> &'static [&'static str] {
    let (_, path) = operation.split_once(' ').unwrap();
    let (method, path) = path.split_once(' ').unwrap();
    let mut names = ["{namespace}/", "{namespaceName}/"].into_iter();
    let (_, below) = names.find_map(|name| path.split_once(name)).unwrap_or_default();
    match (method, below) {
        ("POST", "items" | "items/batch-create") | ("PUT", "encodedItems/{key}") => &["new"],
        ("PUT", "items/{item}" | "items/{key}" | "items/batch-update") => &["k"],
        ("POST", "itemset" | "changes") | ("PUT", "items") => &["k", "new"],
        _ => &[],
    }
}
