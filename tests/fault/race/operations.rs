//! The request of each operation that changes something, on an app that has one object of every
//! kind.

use reqwest::Method;
use serde_json::{Value, json};

use super::subject::Subject;
use crate::support::server::PASSWORD;

/// Every operation.
const OPERATIONS: &str = include_str!("operations.txt");

/// A change of the list of super administrators, which the deletion of a user changes as well: a
/// rival that is no operation of its own.
pub(crate) const SUPER_ADMINS: &str = "portal POST /openapi/v1/server/portal-db/config?superAdmin";

/// A request to one of the two ports.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) is_portal: bool,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

/// All operations, by their names in the list.
pub(crate) fn all() -> Vec<&'static str> {
    OPERATIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// An operation on a subject; `who` is a value of this caller.
pub(crate) fn request(operation: &str, subject: &Subject, who: &str) -> Request {
    let (port, rest) = operation.split_once(' ').unwrap();
    let (method, path) = rest.split_once(' ').unwrap();
    let is_portal = port == "portal";
    let (filled, body) = if is_portal {
        portal(method, path, subject, who)
    } else {
        admin(method, path, subject, who)
    };
    Request { is_portal, method: method.parse().unwrap(), path: filled, body }
}

/// Path and body. `at` fills in a path that differs only in the app.
fn admin(method: &str, path: &str, s: &Subject, who: &str) -> (String, Option<Value>) {
    let at = path
        .replace("{app_id}", &s.app_id)
        .replace("{cluster}", "default")
        .replace("{namespace}", "application")
        .replace("{branch}", &s.branch);
    let by = |path: String| format!("{path}?operator=u");
    let below = path.strip_prefix("/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}");
    match (method, below.unwrap_or(path)) {
        ("POST", "/apps") => (at, Some(s.app(&format!("{}-new", s.app_id), who))),
        ("PUT", "/apps/{app_id}") => (at, Some(s.app(&s.app_id, who))),
        ("DELETE", "/apps/{app_id}") => (by(at), None),
        ("POST", "/apps/{app_id}/accesskeys") => {
            let secret = format!("0123456789abcdef-{who}");
            (at, Some(json!({ "appId": s.app_id, "secret": secret, "dataChangeCreatedBy": "u" })))
        }
        ("PUT", "/apps/{app_id}/accesskeys/{id}/enable") => {
            // Observe-only mode, because clients of the subject do not sign.
            (format!("{}&mode=1", by(at.replace("{id}", &s.key_id.to_string()))), None)
        }
        (_, "/apps/{app_id}/accesskeys/{id}/disable" | "/apps/{app_id}/accesskeys/{id}") => {
            (by(at.replace("{id}", &s.key_id.to_string())), None)
        }
        ("POST", "/apps/{app_id}/clusters") => {
            (at, Some(json!({ "appId": s.app_id, "name": "new", "dataChangeCreatedBy": "u" })))
        }
        ("DELETE", "/apps/{app_id}/clusters/{cluster}") => {
            (by(format!("/apps/{}/clusters/c1", s.app_id)), None)
        }
        ("POST", "/apps/{app_id}/restorations") => (by(at), Some(s.restoration())),
        ("POST", "/apps/{app_id}/appnamespaces") => (at, Some(s.definition("new"))),
        ("DELETE", "/apps/{app_id}/appnamespaces/{name}") => {
            (by(at.replace("{name}", "application")), None)
        }
        ("POST", "/apps/{app_id}/clusters/{cluster}/namespaces") => {
            let names =
                json!({ "appId": s.app_id, "clusterName": "default", "namespaceName": "own" });
            (at, Some(s.signed(names)))
        }
        ("DELETE", "") => (by(at), None),
        ("POST", "/items") => (at, Some(s.signed(json!({ "key": "new", "value": who })))),
        ("POST", "/comment_items") => {
            (at, Some(s.signed(json!({ "namespaceId": s.namespace_id, "comment": "# one" }))))
        }
        ("PUT", "/items/{item}") => {
            let item = s.signed(json!({ "key": "k", "value": who }));
            (at.replace("{item}", &s.item_id.to_string()), Some(item))
        }
        ("DELETE", "/items/{id}") => (by(format!("/items/{}", s.item_id)), None),
        ("POST", "/itemset" | "/itemset/trial") => (at, Some(s.change_set(who))),
        ("POST", "/releases") => (format!("{at}?name=r&operator=u"), None),
        ("POST", "/gray-del-releases") => {
            let at = at.replace("clusters/default", &format!("clusters/{}", s.branch));
            (format!("{at}?releaseName=r&operator=u&grayDelKeys=k"), None)
        }
        ("POST", "/updateAndPublish") => (
            format!("{at}?releaseName=r&branchName={}&deleteBranch=true", s.branch),
            Some(s.change_set(who)),
        ),
        ("PUT", "/releases/{id}/rollback") => {
            (by(format!("/releases/{}/rollback", s.release_id)), None)
        }
        ("DELETE", "/instances/by-namespace") => {
            let names = format!("appId={}&clusterName=default&namespaceName=application", s.app_id);
            (format!("{at}?operator=u&instanceId={}&{names}", s.instance_id), None)
        }
        ("PUT", "/releases/{id}/withdrawal") => {
            (by(format!("/releases/{}/withdrawal", s.only_release_id)), None)
        }
        ("POST", "/branches") => {
            // A cluster whose namespace has no branch yet.
            (by(at.replace("clusters/default", "clusters/c1")), None)
        }
        ("DELETE", "/branches/{branch}") => (by(at), None),
        ("PUT", "/branches/{branch}/rules") => (at, Some(s.rules(who))),
        ("POST", "/server/config") => {
            let setting = json!({ "key": format!("race.{}", s.app_id), "cluster": "default", "value": who, "comment": who });
            (at, Some(s.signed(setting)))
        }
        ("DELETE", "/server/config") => {
            (format!("{at}?operator=u&key=race.{}&cluster=default", s.app_id), None)
        }
        unknown => panic!("no request for {unknown:?}: add a row"),
    }
}

/// Consumers, webhooks, requests for access and settings.
fn administration(
    method: &str,
    path: &str,
    s: &Subject,
    who: &str,
) -> Option<(String, Option<Value>)> {
    if let Some(at) = path.strip_suffix("?superAdmin") {
        let list = format!("apollo,{}", s.user);
        return Some((at.to_owned(), Some(json!({ "key": "superAdmin", "value": list }))));
    }
    let at = path
        .replace("{env}", "DEV")
        .replace("{token}", &s.token)
        .replace("{webhookId}", &s.webhook_id.to_string())
        .replace("{requestId}", &s.request_id.to_string());
    let key = format!("race.{}", s.app_id);
    let body = if path.ends_with("/assign-role") {
        json!({ "appId": s.app_id })
    } else if path.contains("/consumer") {
        json!({ "appId": s.app_id, "name": who, "orgId": "TEST1", "ownerName": "apollo" })
    } else if path.contains("/webhooks") {
        // Disabled, so that no publish of the race is sent.
        let webhook = json!({ "url": "http://a.example/", "enabled": false });
        return Some((at, (method != "DELETE").then_some(webhook)));
    } else if path.ends_with("/decision") {
        json!({ "granted": true })
    } else if path.ends_with("/change-sets") {
        let set = json!({
            "appId": s.app_id, "env": "DEV", "clusterName": "default",
            "namespaceName": "application",
            "create": [{ "key": "new", "value": who, "type": 0 }],
        });
        return Some((format!("{at}?operator=apollo"), Some(json!({ "changeSets": [set] }))));
    } else if path.ends_with("/access-grants") {
        let grant = json!({
            "appId": s.app_id, "namespaceName": "application", "roleType": "ModifyNamespace",
            "userId": "apollo",
        });
        return Some((at, Some(json!([grant]))));
    } else if path.contains("/access-requests") {
        // A role that does not exist yet, so that a super administrator does not have it.
        let role = "ModifyNamespacesInCluster";
        json!({ "appId": s.app_id, "env": "DEV", "clusterName": "asked", "roleType": role, "note": who })
    } else if path.contains("/server/") {
        json!({ "key": key, "value": who })
    } else {
        return None;
    };
    let role = format!("roleName=Master%2B{}", s.app_id);
    let parameters = format!("appId={}&type=AppRole&key={key}&cluster=default&{role}", s.app_id);
    Some((format!("{at}?{parameters}"), (method != "DELETE").then_some(body)))
}

/// Users, and their access tokens as administrators see them.
fn accounts(path: &str, s: &Subject, who: &str) -> Option<(String, Option<Value>)> {
    let at = path.replace("{userId}", &s.user).replace("{tokenId}", &s.user_token_id.to_string());
    match path {
        "/openapi/v1/users" => {
            let account = json!({
                "username": s.user, "password": PASSWORD, "userDisplayName": who,
                "email": format!("{who}@acme.com"), "enabled": 1,
            });
            Some((format!("{at}?isCreate=true"), Some(account)))
        }
        "/openapi/v1/users/enabled" => {
            Some((at, Some(json!({ "username": s.user, "enabled": 0 }))))
        }
        _ => path.starts_with("/openapi/v1/user").then_some((at, None)),
    }
}

/// Roles; their objects are those of the path.
fn access(method: &str, path: &str, at: &str) -> Option<(String, Option<Value>)> {
    let role_type = if path.contains("{clusterName}") {
        "ModifyNamespacesInCluster"
    } else if path.contains("{namespaceName}") {
        "ModifyNamespace"
    } else {
        "Master"
    };
    let mut at = at.replace("{roleType}", role_type);
    if at.contains("/roles/") {
        // The cluster that is deleted.
        at = at.replace("clusters/default", "clusters/c1");
    }
    let path = format!("{at}?operator=apollo&userId=apollo");
    let body = (method == "POST" && at.contains("create-application")).then(|| json!(["apollo"]));
    let is_role = at.contains("/roles/") || at.ends_with("/permission-init");
    is_role.then_some((path, body))
}

fn portal(method: &str, path: &str, s: &Subject, who: &str) -> (String, Option<Value>) {
    let at = path
        .replace("{env}", "DEV")
        .replace("{appId}", &s.app_id)
        .replace("{clusterName}", "default")
        .replace("{namespaceName}", "application")
        .replace("{branchName}", &s.branch)
        .replace("{accessKeyId}", &s.key_id.to_string());
    let by = |path: String| format!("{path}?operator=apollo");
    let of_users = access(method, path, &at).or_else(|| accounts(path, s, who));
    if let Some(request) = of_users.or_else(|| administration(method, path, s, who)) {
        return request;
    }
    let last = path.rsplit("/envs/{env}").next().unwrap();
    let below =
        last.strip_prefix("/apps/{appId}/clusters/{clusterName}/namespaces/{namespaceName}");
    let item = |key: &str| json!({ "key": key, "value": who, "dataChangeCreatedBy": "apollo" });
    match (method, below.unwrap_or(last)) {
        ("POST", "/openapi/v1/apps") => {
            (at, Some(json!({ "app": s.app(&format!("{}-new", s.app_id), who), "admins": [] })))
        }
        ("PUT", "/openapi/v1/apps/{appId}") => (by(at), Some(s.app(&s.app_id, who))),
        ("POST", "/openapi/v1/apps/{appId}/restorations") => (by(at), Some(s.restoration())),
        ("POST", "/openapi/v1/apps/{appId}/appnamespaces") => {
            let definition = json!({
                "appId": s.app_id, "name": format!("public-{}", s.number), "format": "properties", "isPublic": true,
                "appendNamespacePrefix": false, "comment": "", "dataChangeCreatedBy": "apollo",
            });
            (by(at), Some(definition))
        }
        ("POST", "/openapi/v1/namespaces") => {
            let namespace = json!({ "env": "DEV", "appId": s.app_id, "clusterName": "c1", "appNamespaceName": "application" });
            (by(at), Some(json!([namespace])))
        }
        ("POST", "/apps/{appId}/clusters") => {
            (at, Some(json!({ "appId": s.app_id, "name": "new", "dataChangeCreatedBy": "apollo" })))
        }
        ("DELETE", "/apps/{appId}/clusters/{clusterName}") => {
            (by(at.replace("clusters/default", "clusters/c1")), None)
        }
        // Sent with a file.
        ("POST", path) if path.ends_with("/import") => (at, None),
        ("POST", "/items") => (by(at), Some(item("new"))),
        ("PUT", "/items") => {
            let text = json!({ "configText": format!("k = {who}\nnew = {who}\n"), "format": "properties", "namespaceId": 0 });
            (by(at), Some(text))
        }
        ("POST", "/items/revocation") => (by(at), None),
        ("POST", "/items/batch-create") => (by(at), Some(json!([item("new"), item("newer")]))),
        ("PUT", "/items/batch-update") => (by(at), Some(json!([item("k")]))),
        ("POST", "/changes") => {
            (by(at), Some(json!({ "create": [item("new")], "update": [item("k")] })))
        }
        ("POST", "/items/batch-delete") => (by(at), Some(json!(["k"]))),
        ("PUT", "/items/{key}") => (by(at.replace("{key}", "k")), Some(item("k"))),
        ("DELETE", "/items/{key}") => (by(at.replace("{key}", "k")), None),
        // "k" and "new" in base64.
        ("PUT", "/encodedItems/{key}") => (
            format!("{}&createIfNotExists=true", by(at.replace("{key}", "bmV3"))),
            Some(item("new")),
        ),
        ("DELETE", "/encodedItems/{key}") => (by(at.replace("{key}", "aw==")), None),
        ("PUT", "/schema") => (by(at), Some(json!({ "schema": { "title": who } }))),
        ("POST", "/releases") => (at, Some(json!({ "releaseTitle": "r", "releasedBy": "apollo" }))),
        (
            "DELETE",
            "/openapi/v1/apps/{appId}" | "/openapi/v1/apps/{appId}/appnamespaces/{namespaceName}",
        ) => (by(at), None),
        ("DELETE", "/clusters/{clusterName}/namespaces/{namespaceName}")
        | ("POST", "/clusters/{clusterName}/missing-namespaces") => (by(at), None),
        // The last part of this path is empty.
        ("POST", "") => (by(at), Some(s.app(&s.app_id, who))),
        ("POST", "/items/validation") => {
            (at, Some(json!({ "configText": "{}", "format": "json" })))
        }
        ("POST", "/items/diff" | "/items/synchronize") => {
            let target = json!({ "env": "DEV", "appId": s.app_id, "clusterName": "c1", "namespaceName": "application" });
            (by(at), Some(json!({ "syncToNamespaces": [target], "syncItems": [item("new")] })))
        }
        ("POST", "/branches") => {
            // A cluster whose namespace has no branch yet.
            (by(at.replace("clusters/default", "clusters/c1")), None)
        }
        ("DELETE", "/branches/{branchName}") => (by(at), None),
        ("DELETE", "/instances/{instanceId}") => {
            (by(at.replace("{instanceId}", &s.instance_id.to_string())), None)
        }
        ("PUT", "/branches/{branchName}/rules") => (by(at), Some(s.rules(who))),
        ("POST", "/branches/{branchName}/rules/preview") => (at, Some(s.rules(who))),
        (
            "POST",
            "/branches/{branchName}/releases"
            | "/branches/{branchName}/merge"
            | "/branches/{branchName}"
            | "/branches/{branchName}/gray-del-releases",
        ) => {
            (at, Some(json!({ "releaseTitle": "r", "releasedBy": "apollo", "grayDelKeys": ["k"] })))
        }
        (
            _,
            "/accesskeys" | "/accesskeys/{accessKeyId}" | "/accesskeys/{accessKeyId}/deactivation",
        ) => (by(at), None),
        // Observe-only mode, because clients of the subject do not sign.
        ("PUT", "/accesskeys/{accessKeyId}/activation") => (format!("{}&mode=1", by(at)), None),
        ("PUT", "/releases/{releaseId}/rollback") => {
            (by(at.replace("{releaseId}", &s.release_id.to_string())), None)
        }
        ("PUT", "/releases/{releaseId}/withdrawal") => {
            (by(at.replace("{releaseId}", &s.only_release_id.to_string())), None)
        }
        unknown => panic!("no request for {unknown:?}: add a row"),
    }
}
