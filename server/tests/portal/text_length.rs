//! Texts of bodies that are too long are the caller's mistake: 400, with the member, its limit and
//! its length. Every member of every body in the document has such a limit, or a reason below.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::contract::DOCUMENT;
use super::world::{NS, World};

/// Longer than any limit, and than an address.
const LENGTH: usize = 70_000;

/// Members without a limit of this kind, by operation or for all (`*`).
const WITHOUT_LIMIT: &[(&str, &str, &str)] = &[
    ("*", "key", "the environment limits keys"),
    ("*", "value", "the environment limits values"),
    ("*", "configText", "the environment limits values"),
    ("*", "env", "has to be an environment"),
    ("*", "format", "has to be a format"),
    ("*", "operator", "has to be a user"),
    ("*", "releasedBy", "has to be a user"),
    ("*", "ownerName", "has to be a user"),
    ("*", "admins", "have to be users"),
    ("*", "dataChangeCreatedBy", "has to be a user, or is ignored"),
    ("*", "dataChangeLastModifiedBy", "has to be a user, or is ignored"),
    ("*", "dataChangeCreatedByDisplayName", "is ignored"),
    ("*", "dataChangeLastModifiedByDisplayName", "is ignored"),
    ("*", "dataChangeCreatedTime", "is a date, or ignored"),
    ("*", "dataChangeLastModifiedTime", "is a date, or ignored"),
    ("*", "revision", "is ignored"),
    ("*", "ownerEmail", "is ignored"),
    ("*", "ownerDisplayName", "is ignored"),
    ("*", "extendInfo", "is ignored"),
    ("*", "grayDelKeys", "have to be keys"),
    ("*", "password", "only its hash is stored"),
    ("addCreateApplicationRoleToUsers", "", "have to be users"),
    ("batchDeleteItems", "", "have to be keys"),
    ("changeAccessGrants", "*", "each grant is checked as its own operation"),
    ("changeItemsOfNamespaces", "*", "each change set is checked as its own operation"),
    ("previewBranchRules", "*", "is not stored"),
    ("createRestoration", "kind", "has to be a kind"),
    ("createRestoration", "clusterName", "has to be a deleted cluster"),
    ("createRestoration", "namespaceName", "has to be a deleted namespace"),
    ("createRestoration", "deletedTime", "is a date"),
    ("createAccessRequest", "appId", "has to be an app"),
    ("createAccessRequest", "roleType", "has to be a type of roles"),
    ("addFavorite", "appId", "has to be an app"),
    ("addFavorite", "userId", "has to be the user"),
    ("assignRoleToConsumer", "appId", "has to be an app"),
    ("assignRoleToConsumer", "namespaceName", "has to be a namespace"),
    ("assignRoleToConsumer", "clusterName", "has to be a cluster"),
    ("createAppInEnv", "*", "has to be an app"),
    ("createAppNamespace", "appId", "has to be that of the path"),
    ("updateApp", "appId", "has to be that of the path"),
    ("createCluster", "appId", "has to be that of the path"),
    ("createConsumer", "appId", "has to be a name"),
    ("createItem", "comment", "has a message of its own, as in Apollo"),
    ("updateItem", "comment", "has a message of its own, as in Apollo"),
    ("updateItemByEncodedKey", "comment", "has a message of its own, as in Apollo"),
    ("batchCreateItems", "comment", "has a message of its own, as in Apollo"),
    ("changeItems", "comment", "has a message of its own, as in Apollo"),
    ("changeItems", "delete", "have to be keys"),
    ("batchUpdateItems", "comment", "has a message of its own, as in Apollo"),
    ("updateBranchRules", "appId", "is ignored"),
    ("updateBranchRules", "branchName", "is ignored"),
    ("updateBranchRules", "clusterName", "is ignored"),
    ("updateBranchRules", "namespaceName", "is ignored"),
    ("createUserToken", "operations", "have to be operations"),
    ("createUserToken", "envs", "have to be environments"),
    ("createUserToken", "expires", "is a date"),
    ("createOrUpdatePortalDBConfig", "cluster", "is ignored"),
    ("updateNamespaceSchema", "*", "the body has a limit"),
    ("changePreferences", "*", "has to be one of the known values"),
    ("changeUserEnabled", "*", "has to be a user"),
    ("createWebhook", "url", "has a message of its own"),
    ("updateWebhook", "url", "has a message of its own"),
    ("createWebhook", "secret", "has a message of its own"),
    ("updateWebhook", "secret", "has a message of its own"),
];

/// An operation with a body.
struct Operation {
    id: String,
    method: Method,
    path: String,
    schema: Value,
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    all.filter_map(|(path, method, operation)| {
        let schema = operation["requestBody"]["content"]["application/json"].get("schema")?;
        Some(Operation {
            id: operation["operationId"].as_str().unwrap().to_owned(),
            method: method.to_uppercase().parse().unwrap(),
            path: path.clone(),
            schema: schema.clone(),
        })
    })
    .collect()
}

/// A body for each text of a schema, in which that text is long and the others are short; with the
/// members that lead to it.
fn bodies(document: &Value, schema: &Value) -> Vec<(Vec<String>, Value)> {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return bodies(document, &document["components"]["schemas"][name]);
    }
    if let Some(all) = schema["allOf"].as_array() {
        return all.iter().flat_map(|part| bodies(document, part)).collect();
    }
    match schema["type"].as_str() {
        Some("string") => vec![(Vec::new(), json!("x".repeat(LENGTH)))],
        Some("array") => {
            let elements = bodies(document, &schema["items"]).into_iter();
            elements.map(|(path, element)| (path, json!([element]))).collect()
        }
        _ => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let short = short(document, schema);
            let of_member = |(name, kind): (&String, &Value)| {
                let (name, short) = (name.clone(), short.clone());
                bodies(document, kind).into_iter().map(move |(mut path, value)| {
                    path.insert(0, name.clone());
                    let mut body = short.clone();
                    body[&name] = value;
                    (path, body)
                })
            };
            members.flat_map(of_member).collect::<Vec<_>>()
        }
    }
}

/// A body with acceptable texts.
fn short(document: &Value, schema: &Value) -> Value {
    let mut body = json!({});
    for (name, kind) in schema["properties"].as_object().into_iter().flatten() {
        let text = match name.as_str() {
            "appId" => "demo",
            "env" => "LOCAL",
            "format" => "properties",
            "ownerName" | "username" | "releasedBy" => "u1",
            "url" => "http://127.0.0.1:1/x",
            "secret" | "password" => "a long enough Secret 9",
            name if name.starts_with("dataChange") || name == "expires" => continue,
            _ => "x",
        };
        let target = kind["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        if kind["type"] == "string" {
            body[name] = text.into();
        } else if let Some(target) = target {
            body[name] = short(document, &document["components"]["schemas"][target]);
        } else if name.starts_with("syncTo") || name == "syncItems" {
            let target = kind["items"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            body[name] = json!([short(document, &document["components"]["schemas"][target])]);
        }
    }
    body
}

fn has_no_limit(id: &str, path: &[String]) -> bool {
    let last = path.last().map_or("", String::as_str);
    // Settings have limits, although their members are called like those of items.
    let has_limit = matches!(last, "key" | "value" | "comment");
    if id.ends_with("DBConfig") && has_limit {
        return false;
    }
    WITHOUT_LIMIT.iter().any(|(operation, member, _)| {
        let is_of_it = *operation == "*" || *operation == id;
        is_of_it && (*member == "*" || *member == last || path.iter().any(|part| part == member))
    })
}

#[tokio::test]
async fn every_text_that_is_too_long_is_named_with_its_limit() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let (mut problems, mut limited) = (Vec::new(), BTreeSet::new());
    for operation in operations(&document) {
        let path = operation
            .path
            .replace("{env}", "LOCAL")
            .replace("{appId}", "demo")
            .replace("{clusterName}", "default")
            .replace("{namespaceName}", "application")
            .replace("{branchName}", "x")
            .replace("{key}", "x")
            .replace("{webhookId}", "1")
            .replace("{requestId}", "1")
            .replace("{token}", "x");
        let query = match operation.id.as_str() {
            "createOrUpdateUser" => "?isCreate=true",
            "assignRoleToConsumer" => "?type=AppRole",
            "updateConsumer" => "?appId=x",
            _ => "",
        };
        for (member, body) in bodies(&document, &operation.schema) {
            let (id, path) = (&operation.id, format!("{path}{query}"));
            let method = operation.method.clone();
            let answer = root.send(method, &path, "application/json", body.to_string()).await;
            let at = format!("{id} {}", member.join("."));
            if answer.status >= 500 {
                problems.push(format!("{at}: {} {:.200}", answer.status, answer.body));
            } else if !has_no_limit(id, &member) {
                let message = answer.body.contains(" characters: it has 70");
                let is_named = member.iter().any(|part| answer.body.contains(part.as_str()));
                if answer.status != 400 || !message || !is_named {
                    problems.push(format!("{at}: {} {:.200}", answer.status, answer.body));
                }
                limited.insert(at);
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(limited.len() > 40, "{limited:#?}");
}

#[tokio::test]
async fn a_text_of_the_largest_length_is_stored() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let clusters = "/openapi/v1/envs/LOCAL/apps/demo/clusters";
    let cluster =
        |comment: usize| json!({ "name": "c", "appId": "demo", "comment": "中".repeat(comment) });
    let refused = user.post(clusters, cluster(65)).await;
    refused.fails(400, "comment is longer than 64 characters: it has 65");
    assert_eq!(refused.json()["code"], "too_long");
    user.post(clusters, cluster(64)).await.ok();
    let releases = format!("{NS}/releases");
    let release = |title: usize| json!({ "releaseTitle": "t".repeat(title), "releaseComment": "c".repeat(256) });
    user.post(&releases, release(65)).await.fails(400, "releaseTitle is longer than 64 characters");
    user.post(&releases, release(64)).await.ok();
}
