//! Releases that were acknowledged: each has a row of its own and an entry in the history, whatever
//! raced beside it, and nothing but a deletion removes them.

use crate::support::database::Database;
use crate::support::http::Answer;

/// Ends of the paths of operations that return a release.
const PUBLISHES: [&str; 5] =
    ["/releases", "/gray-del-releases", "/updateAndPublish", "/merge", "/branches/{branchName}"];

/// Panics if the release of an answer is missing.
pub(super) async fn check(config: &Database, calls: &[(&str, &Answer)], what: &str) {
    const REMOVALS: [&str; 4] = ["DELETE", "withdrawal", "updateAndPublish", "merge"];
    let is_removed = |(operation, _): &(&str, &Answer)| {
        REMOVALS.iter().any(|removal| operation.contains(removal))
    };
    let alive = if calls.iter().any(is_removed) { "" } else { r#"AND NOT "IsDeleted""# };
    let mut ids = Vec::new();
    for (operation, answer) in calls {
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
