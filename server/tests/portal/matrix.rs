//! Who is admitted to each route (SEC-03): every route is called as every kind of caller, and
//! `matrix.txt` says who is admitted. A route without a line there fails, as does a line without a
//! route.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use castalia_server::domain::permission::{Action, NamedRole};
use castalia_server::http::route::Listed;
use castalia_server::role::portal::PortalAccess;
use castalia_server::settings::Installation;
use http::Method;
use serde_json::{Value, json};

use super::access::concrete;
use super::instance::read;
use super::tenant::{self, Filled};
use super::world::{Answer, Caller, NS, PASSWORD, World, item};

const LIST: &str = include_str!("matrix.txt");

/// The callers in the order of the marks of a line.
const CALLERS: [&str; 16] = [
    "anonymous",
    "stranger",
    "reader",
    "editor",
    "releaser",
    "master",
    "root",
    "consumer without a role",
    "consumer of the namespace",
    "consumer of the app",
    "consumer of the system",
    "token of the stranger",
    "token of the editor",
    "token of the releaser",
    "token of root to read",
    "token of root",
];

#[tokio::test]
async fn the_matrix_says_who_is_admitted_to_each_route_of_a_fresh_installation() {
    check(Installation::Fresh).await;
}

#[tokio::test]
async fn the_matrix_says_who_is_admitted_to_each_route_of_an_adopted_installation() {
    check(Installation::Adopted).await;
}

async fn check(installation: Installation) {
    let lines = lines();
    let (mut faults, mut unused) = (Vec::new(), lines.keys().cloned().collect::<BTreeSet<_>>());
    for (column, name) in CALLERS.into_iter().enumerate() {
        // A portal for each caller, so that no call changes what another caller finds.
        let mut world = World::with(installation, &[]).await;
        let targets = Targets::create(&mut world, name == "reader").await;
        let caller = caller(&world, name).await;
        for route in in_order(&world.routes) {
            let at = format!("{} {}", route.method, route.path);
            unused.remove(&at);
            let answer = targets.call(&caller, route).await;
            let found = mark(route, &answer);
            let expected = lines.get(&at).map(|marks| match (marks[column], installation) {
                ('a', Installation::Adopted) | ('f', Installation::Fresh) => '+',
                ('a', Installation::Fresh) | ('f', Installation::Adopted) => '-',
                (mark, _) => mark,
            });
            if expected != Some(found) {
                let body: String = answer.body.chars().take(100).collect();
                faults
                    .push(format!("{at}\t{name}\t{expected:?}\t{found}\t{} {body}", answer.status));
            }
        }
    }
    assert!(
        faults.is_empty() && unused.is_empty(),
        "{installation:?}: route, caller, expected and found mark, answer:\n{}\nlines without a route: {unused:?}",
        faults.join("\n")
    );
}

/// The marks by method and path.
fn lines() -> BTreeMap<String, Vec<char>> {
    let mut lines = BTreeMap::new();
    for line in LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (marks, at) = line.split_once("  ").unwrap();
        let marks: Vec<_> = marks.chars().filter(|mark| *mark != ' ').collect();
        assert_eq!(marks.len(), CALLERS.len(), "{line}");
        assert!(marks.iter().all(|mark| "+-afo".contains(*mark)), "{line}");
        assert!(lines.insert(at.to_owned(), marks).is_none(), "twice: {line}");
    }
    lines
}

/// The routes, so that no call removes what a later one needs: reads, changes, deletions from the
/// inside to the outside, and signing out.
fn in_order(routes: &[Listed<PortalAccess>]) -> Vec<&Listed<PortalAccess>> {
    let mut routes: Vec<_> = routes.iter().collect();
    routes.sort_by_key(|route| {
        let kind = match route.method {
            _ if route.path == "/user/logout" => 3,
            Method::GET | Method::HEAD => 0,
            Method::DELETE => 2,
            _ => 1,
        };
        (kind, Reverse(route.path.split('/').count()))
    });
    routes
}

/// What an answer means for the caller. A request that is wrong in another way passed the check.
fn mark(route: &Listed<PortalAccess>, answer: &Answer) -> char {
    let may_hide = matches!(route.access, PortalAccess::Read(..) | PortalAccess::ByContent(_));
    match answer.status {
        401 | 403 => '-',
        302 if route.access == PortalAccess::Page => '-',
        200 if route.method == Method::GET && may_hide && is_without_values(answer) => 'o',
        _ => '+',
    }
}

fn is_without_values(answer: &Answer) -> bool {
    match answer.body.as_str() {
        "" | "[]" | "0" => true,
        body => body.starts_with('{') && answer.json()["total"] == 0,
    }
}

async fn caller<'w>(world: &'w World, name: &str) -> Caller<'w> {
    let roles = json!({ "appId": "demo", "namespaceName": "application" });
    match name {
        "anonymous" => world.nobody(),
        "root" => world.user("apollo").await,
        "reader" => world.user("stranger").await,
        "stranger" | "editor" | "releaser" | "master" => world.user(name).await,
        "consumer without a role" => consumer(world, false, None).await,
        "consumer of the namespace" => consumer(world, false, Some(("NamespaceRole", roles))).await,
        "consumer of the app" => consumer(world, false, Some(("AppRole", roles))).await,
        "consumer of the system" => consumer(world, true, None).await,
        "token of root to read" => {
            world.program("apollo", json!({ "operations": ["config:read"] })).await
        }
        "token of root" => world.program("apollo", json!({})).await,
        name => world.program(name.strip_prefix("token of the ").unwrap(), json!({})).await,
    }
}

/// A consumer that may create apps and manage users, or may not, with this kind of role.
async fn consumer<'w>(
    world: &'w World,
    is_of_system: bool,
    role: Option<(&str, Value)>,
) -> Caller<'w> {
    let root = world.user("apollo").await;
    let wanted = json!({
        "appId": "ci", "name": "CI", "orgId": "TEST1", "orgName": "One", "ownerName": "u1",
        "allowCreateApplication": is_of_system, "allowManageUsers": is_of_system,
    });
    let made = root.post("/openapi/v1/consumers", wanted).await.ok();
    let token = made["token"].as_str().unwrap();
    if let Some((kind, body)) = role {
        let path = format!("/openapi/v1/consumers/{token}/assign-role?type={kind}");
        root.post(&path, body).await.ok();
    }
    world.consumer(token)
}

/// The objects that requests name.
struct Targets {
    filled: Filled,
    request_id: Value,
    token_id: Value,
    instance_id: Value,
}

impl Targets {
    /// The app `demo` with an item, a release, a published branch, an instance, an access key and a
    /// request for a role, and the users of the matrix. Values are hidden from those without a
    /// role, unless every user may read.
    async fn create(world: &mut World, is_open: bool) -> Self {
        let filled = tenant::fill(world).await;
        for name in ["stranger", "editor", "releaser", "master", "wisher"] {
            world.add_user(name, &format!("{{noop}}{PASSWORD}")).await;
        }
        let on_namespace = |act| vec![NamedRole::namespace(act, "demo", "application")];
        world.grant("editor", on_namespace(Action::Modify)).await;
        world.grant("releaser", on_namespace(Action::Release)).await;
        world.grant("master", vec![NamedRole::master("demo")]).await;
        let owner = world.user("u1").await;
        let branch = format!("{NS}/branches/{}", filled.branch);
        let rules = json!({ "ruleItems": [{
            "clientAppId": "demo", "clientIpList": ["10.0.0.1"], "clientLabelList": [],
        }]});
        owner.put(&format!("{branch}/rules"), rules).await.empty();
        owner.post(&format!("{branch}/releases"), json!({ "releaseTitle": "g" })).await.ok();
        // Violated, so that callers who see the values see a violation.
        let schema = json!({ "schema": { "required": ["absent"] } });
        owner.put(&format!("{NS}/schema"), schema).await.empty();
        let release =
            castalia_store::release::by_id(world.environment_store.read(), filled.release_id);
        let key = release.await.unwrap().unwrap().release_key;
        read(&world.environment_store, "client", "10.0.0.2", &key).await;
        let instances = "/openapi/v1/envs/LOCAL/instances/by-namespace?appId=demo&clusterName=default&namespaceName=application";
        let instance_id = owner.get(instances).await.ok()["instances"][0]["id"].clone();
        let wisher = world.user("wisher").await;
        let wanted = json!({
            "appId": "demo", "namespaceName": "application", "roleType": "ModifyNamespace",
        });
        let request_id =
            wisher.post("/openapi/v1/access-requests", wanted).await.ok()["id"].clone();
        let token = wisher.post("/openapi/v1/user-tokens", json!({ "name": "ci" })).await.ok();
        let targets = Self { filled, request_id, token_id: token["id"].clone(), instance_id };
        drop((owner, wisher));
        world.set("role.create-application.enabled", "true");
        if !is_open {
            world.set("configView.memberOnly.envs", "local");
        }
        targets
    }

    async fn call(&self, caller: &Caller<'_>, route: &Listed<PortalAccess>) -> Answer {
        let path = format!("{}?{}", self.path(route.path), self.query(route.path));
        match route.method {
            Method::GET => caller.get(&path).await,
            Method::HEAD => caller.send(Method::HEAD, &path, "", String::new()).await,
            _ => {
                let body = body(&route.method, route.path).to_string();
                caller.send(route.method.clone(), &path, "application/json", body).await
            }
        }
    }

    fn path(&self, path: &str) -> String {
        let Filled { release_id, branch, access_key_id } = &self.filled;
        let filled = [
            ("{releaseId}", release_id.to_string()),
            ("{branchName}", branch.clone()),
            ("{accessKeyId}", access_key_id.to_string()),
            ("{requestId}", self.request_id.to_string()),
            ("{tokenId}", self.token_id.to_string()),
            ("{instanceId}", self.instance_id.to_string()),
            ("{roleType}", tenant::role_type(path).to_owned()),
            ("items/{key}", "items/k".to_owned()),
        ]
        .into_iter()
        .fold(path.to_owned(), |path, (name, value)| path.replace(name, &value));
        concrete(&filled)
    }

    /// Parameters that operations need to reach the check of the right.
    fn query(&self, path: &str) -> String {
        let release_id = self.filled.release_id;
        match path.rsplit('/').next() {
            Some("comparison") => format!("baseReleaseId=0&toCompareReleaseId={release_id}"),
            Some("by-namespace" | "by-namespace-and-releases-not-in") => {
                "appId=demo&clusterName=default&namespaceName=application&releaseIds=1000"
                    .to_owned()
            }
            Some("by-release") => format!("releaseId={release_id}"),
            _ => "userId=u1&appId=demo&keyword=&operator=u1&deleteBranch=false".to_owned(),
        }
    }
}

/// A body, complete only for operations that check the right when they have read it: others refuse
/// it after the check and change nothing.
fn body(method: &Method, path: &str) -> Value {
    let place = json!({
        "appId": "demo", "env": "LOCAL", "clusterName": "default", "namespaceName": "application",
        "appNamespaceName": "application",
    });
    match (method.as_str(), path.strip_prefix("/openapi/v1").unwrap_or(path)) {
        ("POST", "/namespaces") => json!([place]),
        ("POST", "/apps/envs/{env}") => json!({ "appId": "demo" }),
        ("PUT", "/access-requests/{requestId}/decision") => json!({ "granted": true }),
        ("POST", path) if path.ends_with("/items/diff") => {
            json!({ "syncToNamespaces": [place], "syncItems": [item("k", "v")] })
        }
        _ => json!({}),
    }
}
