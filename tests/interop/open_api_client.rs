//! The official Java client of the open API, unmodified, against this server: all of its methods,
//! with the answers that it makes of ours (A87). The program itself reports the methods that it
//! does not call, so that those of a newer client are not forgotten.

use super::java::program;
use crate::support::server::{Server, wait_with_output};

/// One line for each answer, in the order of the calls.
const ANSWERS: &str = r"getAllApps: java-app
getAuthorizedApps: java-app
getAppsByIds: java-app
getEnvClusterInfo: DEV [default]
getOrganizations: TEST1
createCluster: bj
getCluster: bj
createAppNamespace: limits.json
getNamespace: application
getNamespaces: [application, limits.json]
getNamespaceLock: application false
getItem absent: null
createItem: timeout=100
getItem: 200
findItemsByNamespace: mode of 2 on page 1
getNamespace bare: true
getNamespaces bare: [application, limits.json]
item a/b: 3
removeItem a/b: null
item a\b: 3
removeItem a\b: null
item /???: 3
removeItem /???: null
item />>>: 3
removeItem />>>: null
getLatestActiveRelease none: null
publishNamespace: {mode=b, timeout=200}
publishNamespace again: {timeout=200}
rollbackRelease: first {mode=b, timeout=200}
getInstanceCountByNamespace: 0
";

#[test]
fn the_official_open_api_client_succeeds_with_all_of_its_methods() {
    let server = Server::start();
    let token = server.token("java", &["--all-apps"]);
    let child = program("OpenApi", &[]).args([&server.portal, &token]).spawn().unwrap();
    let output = wait_with_output(child);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    let (answers, refusal) = printed.split_at(printed.find("refusal: ").unwrap());
    assert_eq!(answers, ANSWERS);
    // They send no request.
    let own = "[getPortalUrl()Ljava/lang/String;, getToken()Ljava/lang/String;]";
    assert!(refusal.ends_with(&format!("not called: {own}\n")), "{refusal}");
    // The exception of the client contains the status and the message of the server.
    assert!(refusal.contains("status code: 400"), "{refusal}");
    assert!(refusal.contains("item already exists for itemKey:timeout"), "{refusal}");
}
