//! Invariants of the database after two concurrent callers.

use crate::support::database::Database;

/// Queries that find violations; each with its meaning.
const FORBIDDEN: [(&str, &str); 9] = [
    (
        "a branch has one live rule",
        r#"SELECT "BranchName" FROM "GrayReleaseRule" WHERE "AppId" = '{app}' AND NOT {deleted}
           GROUP BY "ClusterName", "NamespaceName", "BranchName" HAVING COUNT(*) > 1"#,
    ),
    (
        "a namespace has one branch",
        r#"SELECT MIN("Namespace"."Id") AS "Id" FROM "Cluster" JOIN "Namespace"
           ON "Namespace"."AppId" = "Cluster"."AppId" AND "Namespace"."ClusterName" = "Cluster"."Name"
           WHERE "Cluster"."AppId" = '{app}' AND "ParentClusterId" > 0
           AND NOT "Cluster".{deleted} AND NOT "Namespace".{deleted}
           GROUP BY "ParentClusterId", "NamespaceName" HAVING COUNT(*) > 1"#,
    ),
    (
        // Histories of a branch remain with its parent.
        "a live release has its namespace",
        r#"SELECT "Id" FROM "Release" WHERE "AppId" = '{app}' AND NOT {deleted}
           AND NOT EXISTS (SELECT 1 FROM "Namespace" WHERE "Namespace"."AppId" = "Release"."AppId"
             AND "Namespace"."ClusterName" = "Release"."ClusterName"
             AND "Namespace"."NamespaceName" = "Release"."NamespaceName" AND NOT "Namespace".{deleted})
           AND NOT EXISTS (SELECT 1 FROM "Cluster" WHERE "Cluster"."AppId" = "Release"."AppId"
             AND "Cluster"."Name" = "Release"."ClusterName" AND "ParentClusterId" > 0)"#,
    ),
    (
        "a key has one item",
        r#"SELECT MIN("Item"."Id") AS "Id" FROM "Item" JOIN "Namespace" ON "Namespace"."Id" = "Item"."NamespaceId"
           WHERE "AppId" = '{app}' AND NOT "Item".{deleted} AND NOT "Namespace".{deleted} AND "Item"."Key" <> ''
           GROUP BY "NamespaceId", "Item"."Key" HAVING COUNT(*) > 1"#,
    ),
    (
        "a live release has one entry in the history",
        r#"SELECT "Id" FROM "Release" WHERE "AppId" = '{app}' AND NOT {deleted}
           AND 1 <> (SELECT COUNT(*) FROM "ReleaseHistory" WHERE "ReleaseHistory"."ReleaseId" = "Release"."Id"
             AND "Operation" IN (0, 2, 4, 5, 6) AND NOT "ReleaseHistory".{deleted})
           AND EXISTS (SELECT 1 FROM "Namespace" WHERE "Namespace"."AppId" = "Release"."AppId"
             AND "Namespace"."ClusterName" = "Release"."ClusterName"
             AND "Namespace"."NamespaceName" = "Release"."NamespaceName" AND NOT "Namespace".{deleted})"#,
    ),
    (
        "no two releases replaced the same one",
        r#"SELECT MIN("Id") AS "Id" FROM "ReleaseHistory" WHERE "AppId" = '{app}' AND NOT {deleted}
           AND "Operation" IN (0, 4) AND NOT EXISTS (SELECT 1 FROM "ReleaseHistory" AS "Other"
             WHERE "Other"."AppId" = '{app}' AND "Other"."Operation" = 1)
           GROUP BY "ClusterName", "NamespaceName", "PreviousReleaseId" HAVING COUNT(*) > 1"#,
    ),
    (
        "an app has five access keys at most",
        r#"SELECT MIN("Id") AS "Id" FROM "AccessKey" WHERE "AppId" = '{app}' AND NOT {deleted}
           GROUP BY "AppId" HAVING COUNT(*) > 5"#,
    ),
    (
        "an access key is switched off before it is deleted",
        r#"SELECT "Id" FROM "AccessKey" WHERE "AppId" = '{app}' AND {deleted} AND "IsEnabled""#,
    ),
    (
        "nothing is left of an app that was deleted",
        r#"SELECT "Id" FROM "Namespace" WHERE "AppId" = '{app}' AND NOT {deleted}
           AND EXISTS (SELECT 1 FROM "App" WHERE "App"."AppId" = '{app}')
           AND NOT EXISTS (SELECT 1 FROM "App" WHERE "App"."AppId" = '{app}' AND NOT "App".{deleted})"#,
    ),
];

/// Panics with the violated invariant of an app.
pub(super) async fn check(config: &Database, app_id: &str, what: &str) {
    for (meaning, sql) in FORBIDDEN {
        let sql = sql.replace("{app}", app_id).replace("{deleted}", r#""IsDeleted""#);
        let found = config.rows(&sql).await;
        assert!(found.is_empty(), "{meaning}, but not after {what} on {app_id}: {found:?}");
    }
}

/// Panics if a name that no unique key protects belongs to two apps.
pub(super) async fn check_portal(portal: &Database, what: &str) {
    let sql = r#"SELECT "Name" FROM "AppNamespace" WHERE "IsPublic" AND NOT "IsDeleted"
                 GROUP BY "Name" HAVING COUNT(*) > 1"#;
    let found = portal.rows(sql).await;
    assert!(found.is_empty(), "a public name belongs to one app, but not after {what}: {found:?}");
}
