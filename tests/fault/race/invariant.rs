//! Invariants of the database after two concurrent callers.

use crate::support::database::Database;

/// Queries that find violations; each with its meaning.
const FORBIDDEN: [(&str, &str); 10] = [
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
        // Nothing is removed by age or number here. Releases of a branch remain when it ends.
        "an entry in the history has its release",
        r#"SELECT "Id" FROM "ReleaseHistory" WHERE "AppId" = '{app}' AND NOT {deleted}
           AND ("ReleaseId" > 0 OR "Operation" IN (0, 2, 4, 5, 6))
           AND NOT EXISTS (SELECT 1 FROM "Release" WHERE "Release"."Id" = "ReleaseHistory"."ReleaseId"
             AND "Release"."AppId" = "ReleaseHistory"."AppId"
             AND "Release"."ClusterName" IN ("ReleaseHistory"."ClusterName", "ReleaseHistory"."BranchName")
             AND "Release"."NamespaceName" = "ReleaseHistory"."NamespaceName" AND NOT "Release".{deleted})"#,
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
        // With its app it is deleted as it is, and restored as it was.
        "an access key is switched off before it is deleted",
        r#"SELECT "Id" FROM "AccessKey" WHERE "AppId" = '{app}' AND {deleted} AND "IsEnabled"
           AND EXISTS (SELECT 1 FROM "App" WHERE "App"."AppId" = '{app}' AND NOT "App".{deleted})"#,
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

/// Rows of the portal's database that exist once: their meaning, their table, and the columns that
/// identify them.
const ONCE: [(&str, &str, &[&str]); 9] = [
    ("an app", "App", &["AppId"]),
    ("an app namespace", "AppNamespace", &["AppId", "Name"]),
    ("a role", "Role", &["RoleName"]),
    ("a permission", "Permission", &["PermissionType", "TargetId"]),
    ("the permission of a role", "RolePermission", &["RoleId", "PermissionId"]),
    ("the role of a user", "UserRole", &["UserId", "RoleId"]),
    ("a consumer", "Consumer", &["AppId"]),
    ("the role of a consumer", "ConsumerRole", &["ConsumerId", "RoleId"]),
    ("a setting", "ServerConfig", &["Key"]),
];

/// Queries on the portal's database that find violations; each with its meaning.
const FORBIDDEN_IN_PORTAL: [(&str, &str); 9] = [
    (
        "a public name belongs to one app",
        r#"SELECT "Name" FROM "AppNamespace" WHERE "IsPublic" AND NOT "IsDeleted"
           GROUP BY "Name" HAVING COUNT(*) > 1"#,
    ),
    (
        "a deleted consumer has no token and no role",
        r#"SELECT "Consumer"."Id" FROM "Consumer" WHERE "IsDeleted" AND (
             EXISTS (SELECT 1 FROM "ConsumerToken" WHERE "ConsumerId" = "Consumer"."Id"
               AND NOT "ConsumerToken"."IsDeleted")
             OR EXISTS (SELECT 1 FROM "ConsumerRole" WHERE "ConsumerId" = "Consumer"."Id"
               AND NOT "ConsumerRole"."IsDeleted"))"#,
    ),
    (
        "a name belongs to one user",
        r#"SELECT "Username" FROM "Users" GROUP BY "Username" HAVING COUNT(*) > 1"#,
    ),
    (
        "a user has an authority once",
        r#"SELECT "Username" FROM "Authorities" GROUP BY "Username", "Authority" HAVING COUNT(*) > 1"#,
    ),
    (
        "a deleted user has no authority",
        r#"SELECT "Id" FROM "Authorities" WHERE NOT EXISTS (SELECT 1 FROM "Users"
             WHERE "Users"."Username" = "Authorities"."Username")"#,
    ),
    (
        "a deleted user has no session",
        r#"SELECT "UserId" FROM "CastaliaSession" WHERE NOT EXISTS (SELECT 1 FROM "Users"
             WHERE "Users"."Username" = "CastaliaSession"."UserId")"#,
    ),
    (
        "a disabled user has no session",
        r#"SELECT "UserId" FROM "CastaliaSession" JOIN "Users"
           ON "Users"."Username" = "CastaliaSession"."UserId" WHERE "Enabled" = 0"#,
    ),
    (
        "a deleted user has no token",
        r#"SELECT "Id" FROM "UserToken" WHERE NOT "IsDeleted" AND NOT EXISTS (SELECT 1 FROM "Users"
             WHERE "Users"."Username" = "UserToken"."UserId")"#,
    ),
    (
        "a deleted user has no role",
        r#"SELECT "Id" FROM "UserRole" WHERE NOT "IsDeleted" AND NOT EXISTS (SELECT 1 FROM "Users"
             WHERE "Users"."Username" = "UserRole"."UserId")"#,
    ),
];

/// Panics if an app has roles that the portal does not have.
pub(super) async fn check_roles(portal: &Database, app_id: &str, what: &str) {
    let sql = format!(
        r#"SELECT "RoleName" FROM "Role" WHERE NOT "IsDeleted"
           AND ("RoleName" LIKE '%+{app_id}' OR "RoleName" LIKE '%+{app_id}+%')
           AND NOT EXISTS (SELECT 1 FROM "App" WHERE "App"."AppId" = '{app_id}' AND NOT "App"."IsDeleted")"#
    );
    let found = portal.rows(&sql).await;
    assert!(found.is_empty(), "{app_id} does not exist, but after {what} it has roles: {found:?}");
}

/// Clusters that were deleted and have not returned, but not with their app, which the portal still
/// has if only the environment deleted it.
const DELETED_CLUSTERS: &str = r#"SELECT DISTINCT "Name" FROM "Cluster"
    WHERE "AppId" = '{app}' AND "ParentClusterId" = 0 AND "IsDeleted"
    AND NOT EXISTS (SELECT 1 FROM "Cluster" AS "Live" WHERE "Live"."AppId" = "Cluster"."AppId"
      AND "Live"."Name" = "Cluster"."Name" AND NOT "Live"."IsDeleted")
    AND NOT EXISTS (SELECT 1 FROM "App" WHERE "App"."AppId" = "Cluster"."AppId"
      AND "App"."DeletedAt" = "Cluster"."DeletedAt")
    AND EXISTS (SELECT 1 FROM "App" WHERE "App"."AppId" = "Cluster"."AppId" AND NOT "App"."IsDeleted")"#;
/// Whether somebody has a role.
const HELD: &str = r#"(EXISTS (SELECT 1 FROM "UserRole" WHERE "UserRole"."RoleId" = "Role"."Id"
      AND NOT "UserRole"."IsDeleted")
    OR EXISTS (SELECT 1 FROM "ConsumerRole" WHERE "ConsumerRole"."RoleId" = "Role"."Id"
      AND NOT "ConsumerRole"."IsDeleted"))"#;
/// Parts of operations that create roles of existing clusters. If a cluster is deleted just before,
/// roles that nobody has may be left, which are deleted before the next cluster of the name is
/// created.
const CREATING_ROLES: [&str; 4] =
    ["/import", "/restorations", "/apps/envs/{env}", "portal PUT /openapi/v1/apps/{appId}"];

/// Panics if the portal has roles or permissions of a cluster that was deleted.
pub(super) async fn check_cluster_roles(
    [config, portal]: [&Database; 2],
    app_id: &str,
    operations: &[&str],
    what: &str,
) {
    let creates = |operation: &&str| CREATING_ROLES.iter().any(|part| operation.contains(part));
    let may_be_left = operations.iter().any(creates);
    for row in config.rows(&DELETED_CLUSTERS.replace("{app}", app_id)).await {
        let target = format!("{app_id}+DEV+{}", row["Name"].as_str().unwrap());
        let condition = if may_be_left { HELD } else { "1 = 1" };
        let roles = format!(
            r#"SELECT "RoleName" FROM "Role" WHERE NOT "Role"."IsDeleted"
               AND "RoleName" LIKE '%+{target}' AND {condition}"#
        );
        let mut found = portal.rows(&roles).await;
        if !may_be_left {
            let permissions = format!(
                r#"SELECT "PermissionType" FROM "Permission" WHERE NOT "IsDeleted" AND "TargetId" = '{target}'"#
            );
            found.extend(portal.rows(&permissions).await);
        }
        assert!(
            found.is_empty(),
            "{target} is deleted, but after {what} the portal has: {found:?}"
        );
    }
}

/// Panics if nobody is left who administers the portal.
async fn check_super_admins(portal: &Database, what: &str) {
    let sql =
        r#"SELECT "Value" FROM "ServerConfig" WHERE "Key" = 'superAdmin' AND NOT "IsDeleted""#;
    let lists = portal.rows(sql).await;
    let lists: Vec<_> = lists.iter().filter_map(|row| row["Value"].as_str()).collect();
    let enabled = portal.rows(r#"SELECT "Username" FROM "Users" WHERE "Enabled" = 1"#).await;
    let is_listed = |name: &str| {
        lists.iter().flat_map(|list| list.split(',')).any(|listed| listed.trim() == name)
    };
    let is_left = enabled.iter().any(|row| row["Username"].as_str().is_some_and(is_listed));
    assert!(is_left, "no super administrator is enabled after {what}: {lists:?}, {enabled:?}");
}

/// Panics with the violated invariant of the portal.
pub(super) async fn check_portal(portal: &Database, what: &str) {
    for (meaning, sql) in FORBIDDEN_IN_PORTAL {
        let found = portal.rows(sql).await;
        assert!(found.is_empty(), "{meaning}, but not after {what}: {found:?}");
    }
    check_super_admins(portal, what).await;
    for (meaning, table, columns) in ONCE {
        exists_once(portal, meaning, table, columns, what).await;
    }
}

/// Panics if a setting of the environment exists twice.
pub(super) async fn check_settings(config: &Database, what: &str) {
    exists_once(config, "a setting", "ServerConfig", &["Key", "Cluster"], what).await;
}

async fn exists_once(
    database: &Database,
    meaning: &str,
    table: &str,
    columns: &[&str],
    what: &str,
) {
    let columns: Vec<_> = columns.iter().map(|column| format!(r#""{column}""#)).collect();
    let columns = columns.join(", ");
    let sql = format!(
        r#"SELECT {columns} FROM "{table}" WHERE NOT "IsDeleted" GROUP BY {columns} HAVING COUNT(*) > 1"#
    );
    let found = database.rows(&sql).await;
    assert!(found.is_empty(), "{meaning} exists once, but not after {what}: {found:?}");
}
