//! No operation that reads sends a statement for each element: every GET and HEAD operation sends
//! the same number of statements on few rows and on many, for a super administrator and for the
//! owner of the app. A new operation needs a row in the table.

use http::Method;

use super::many_rows::{Rows, Size};
use super::world::Caller;

/// Statements that the length of lists may add: texts are looked up in pieces of some hundreds.
const PIECES: u64 = 3;
/// Maximum number of attempts, because the scan of the feed may send statements meanwhile.
const ATTEMPTS: u32 = 4;

/// They read one namespace at a time, so that memory holds the items of one namespace only.
const EXPORTS: [&str; 2] = ["exportAppConfig", "exportAllConfigs"];

/// Every operation, with its query. `{...}` is an id of the rows.
pub(super) const OPERATIONS: [(&str, &str); 102] = [
    ("findAuditLogs", "?page=0&size=500"),
    ("searchAuditLogs", "?query=create&page=0&size=500"),
    ("findAuditDataInfluencesByField", "?entityName=App&entityId=1&fieldName=AppId"),
    ("findAuditLogsByOpName", "?opName=App.create&size=500"),
    ("getAuditProperties", ""),
    ("findAuditTraceDetails", "?traceId={trace}"),
    ("getAppNamespaces", ""),
    ("findApps", ""),
    ("findAppsAuthorized", ""),
    ("getAppsBySelf", "?page=0&size=500"),
    ("searchAppsByAppIdOrName", "?query=a&page=0&size=500"),
    ("getApp", ""),
    ("getAppNamespacesByAppId", ""),
    ("findAppNamespace", ""),
    ("findAppNamespaceUsage", ""),
    ("getEnvClusterInfo", ""),
    ("getEnvClusters", ""),
    ("findAccessKeys", ""),
    ("findUnsignedClients", ""),
    ("exportAppConfig", ""),
    ("checkExportAppConfig", ""),
    ("findMissingNamespaces", ""),
    ("hasClusterNamespacePermission", "?userId=u2"),
    ("getClusterNamespaceRoles", ""),
    ("findCommits", "?page=0&size=500"),
    ("exportNamespaceItems", ""),
    ("findReleaseHistoriesByNamespace", "?page=0&size=500"),
    ("findNamespaceUsage", ""),
    ("hasEnvNamespacePermission", "?userId=u2"),
    ("getNamespaceEnvRoleUsers", ""),
    ("findMissEnvs", ""),
    ("getNamespacesReleaseStatus", ""),
    ("hasNamespacePermission", "?userId=u2"),
    ("getNamespaceRoles", ""),
    ("hasAppPermission", "?userId=u2"),
    ("getAppRoles", ""),
    ("exportAllConfigs", "?envs=LOCAL"),
    ("getConsumerTokenByAppId", "?appId=consumer0"),
    ("getConsumerRoles", "?appId=consumer0"),
    ("getConsumerList", "?page=0&size=500"),
    ("getEnvs", ""),
    ("getPublicAppNamespaceInstances", "?page=0&size=500"),
    ("getCluster", ""),
    ("findNamespaces", "?extendInfo=true"),
    ("findNamespace", "?extendInfo=true"),
    ("findPublicNamespaceForAssociatedNamespace", "?extendInfo=true"),
    ("findBranch", ""),
    ("findBranchItems", ""),
    ("getBranchGrayRules", ""),
    ("findGrayAudiences", ""),
    ("getItemByEncodedKey", ""),
    ("getInstanceCountByNamespace", ""),
    ("findItemsByNamespace", "?page=0&size=500"),
    ("getItem", ""),
    ("getNamespaceLock", ""),
    ("getNamespaceSchema", ""),
    ("findSchemaViolations", ""),
    ("findActiveReleases", "?page=0&size=500"),
    ("loadLatestActiveRelease", ""),
    ("getByNamespace", "?{names}&page=0&size=500"),
    ("getByReleasesAndNamespaceNotIn", "?{names}&releaseIds={first},{last}"),
    ("getByRelease", "?releaseId={last}&page=0&size=500"),
    ("compareRelease", "?baseReleaseId={first}&toCompareReleaseId={last}"),
    ("getReleaseById", ""),
    ("findFavorites", "?userId=u1&page=0&size=500"),
    ("findRecentApps", ""),
    ("getPreferences", ""),
    ("findDeletedObjects", ""),
    ("findDeletedApps", ""),
    ("findConsumerCalls", "?appId=consumer0"),
    ("findUserTokenCalls", ""),
    ("adminFindUserTokenCalls", ""),
    ("findAccessRequests", "?appId=demo"),
    ("findWaitingAccessRequests", ""),
    ("searchItemInfoByKeyOrValue", "?key=k&value="),
    ("getOrganization", ""),
    ("getPageSettings", ""),
    ("getSignInModes", ""),
    ("search", "?q=a"),
    ("findKnownSettings", ""),
    ("hasRootPermission", "?userId=u2"),
    ("findAllConfigDBConfig", ""),
    ("findAllPortalDBConfig", ""),
    ("getSystemInfo", ""),
    ("checkSystemHealth", "?instanceId=none"),
    ("findEurekaRegistry", ""),
    ("isManageAppMasterPermissionEnabled", ""),
    ("hasCreateApplicationPermission", "?userId=u2"),
    ("getCreateApplicationRoleUsers", ""),
    ("getCurrentUser", ""),
    ("getUserByUserId", ""),
    ("listUserTokens", ""),
    ("adminListUserTokens", ""),
    ("getUserTokenCapabilities", ""),
    // Refused to sessions: they concern the one token of the caller.
    ("getCurrentUserToken", ""),
    ("getCurrentUserTokenCapabilities", ""),
    ("getCurrentUserTokenWhoami", ""),
    ("findWebhooks", ""),
    ("findWebhookDeliveries", "?page=0&size=500"),
    // Opening the stream: a page that missed events resumes with one check of the permission each.
    ("streamEvents", ""),
    ("readTogether", "?paths=user%0Aenvs"),
    ("searchUsers", "?keyword=&offset=0&limit=500&includeInactiveUsers=true"),
];

const FEW: Size = Size { items: 10, namespaces: 5, clusters: 3, apps: 5, others: 4 };

#[tokio::test]
async fn more_items_cost_no_more_statements() {
    compare(Size { items: 100, ..FEW }, &[]).await;
}

#[tokio::test]
async fn more_namespaces_cost_no_more_statements() {
    compare(Size { namespaces: 50, ..FEW }, &EXPORTS).await;
}

#[tokio::test]
async fn more_clusters_cost_no_more_statements() {
    compare(Size { clusters: 30, ..FEW }, &EXPORTS).await;
}

#[tokio::test]
async fn more_apps_cost_no_more_statements() {
    compare(Size { apps: 40, ..FEW }, &EXPORTS).await;
}

/// Releases, commits, instances, users, roles, consumers, webhooks, favourites and settings.
#[tokio::test]
async fn more_rows_of_other_kinds_cost_no_more_statements() {
    compare(Size { others: 30, ..FEW }, &[]).await;
}

async fn compare(many: Size, except: &[&str]) {
    let (few, many) = (Rows::create(FEW).await, Rows::create(many).await);
    let (mut growing, mut known) = (Vec::new(), 0);
    for user in ["apollo", "u1"] {
        let callers = [few.world.user(user).await, many.world.user(user).await];
        for route in &few.world.routes {
            let Some(operation) = route.operation else { continue };
            if !matches!(route.method, Method::GET | Method::HEAD) {
                continue;
            }
            let id = operation.about.id;
            let row = OPERATIONS.iter().find(|(name, _)| *name == id);
            let (_, query) = row.unwrap_or_else(|| panic!("{id} has no row in the table"));
            known += 1;
            if except.contains(&id) {
                continue;
            }
            let path = format!("{}{query}", route.path);
            let mut found = (0, u64::MAX);
            for _ in 0..ATTEMPTS {
                let before = statements(&few, &callers[0], id, &route.method, &path).await;
                let after = statements(&many, &callers[1], id, &route.method, &path).await;
                found = (before.max(found.0), after.min(found.1));
                if found.1 <= found.0 + PIECES {
                    break;
                }
            }
            if found.1 > found.0 + PIECES {
                growing.push(format!("{id} for {user}: {} statements, then {}", found.0, found.1));
            }
        }
    }
    assert_eq!(known, 2 * OPERATIONS.len(), "the table has a row of an unknown operation");
    assert!(growing.is_empty(), "statements for each element:\n{}", growing.join("\n"));
}

/// Statements on both databases for one request.
async fn statements(
    rows: &Rows,
    caller: &Caller<'_>,
    id: &str,
    method: &Method,
    path: &str,
) -> u64 {
    let sent = || rows.world.store.statements() + rows.world.environment_store.statements();
    let path = rows.fill(id, path);
    let before = sent();
    let answer = caller.send(method.clone(), &path, "", String::new()).await;
    // An operation that failed early shows nothing.
    let is_fine = answer.status == 200 || answer.status == 403 || id == "checkSystemHealth"
        // There is no such token for another user than its owner, `u1`.
        || id == "findUserTokenCalls";
    assert!(is_fine, "{id} {path}: {answer:?}");
    sent() - before
}
