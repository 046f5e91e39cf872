//! Each column of each row of an app is damaged in turn, in an app of its own, as SQLite's loose
//! types or a half-restored backup leave it. The columns are those that the database has, so that a
//! new one is covered. Whatever is damaged: no request of anybody else fails, nobody gets content
//! that was not published, and what is damaged can be deleted.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::feed_node::{Kind, Node, value_of};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};

/// Requests at a time.
const AT_ONCE: usize = 6;

/// The rows whose columns are damaged; `{app}` stands for the app, `{branch}` for its branch.
const TARGETS: [(&str, &str, &str); 15] = [
    ("App", "App", r#""AppId" = '{app}'"#),
    ("AppNamespace", "AppNamespace", r#""AppId" = '{app}' AND "Name" = '{app}.other'"#),
    ("Cluster", "Cluster", r#""AppId" = '{app}' AND "Name" = 'second'"#),
    ("Cluster", "the branch's Cluster", r#""AppId" = '{app}' AND "Name" = '{branch}'"#),
    (
        "Namespace",
        "Namespace",
        r#""AppId" = '{app}' AND "ClusterName" = 'default' AND "NamespaceName" = 'application'"#,
    ),
    ("Namespace", "the branch's Namespace", r#""AppId" = '{app}' AND "ClusterName" = '{branch}'"#),
    (
        "Item",
        "Item",
        r#""Key" = 'k' AND "NamespaceId" = (SELECT "Id" FROM "Namespace" WHERE "AppId" = '{app}' AND "ClusterName" = 'default' AND "NamespaceName" = 'application')"#,
    ),
    (
        "Release",
        "the newest Release",
        r#""Id" = (SELECT MAX("Id") FROM "Release" WHERE "AppId" = '{app}' AND "ClusterName" = 'default' AND "NamespaceName" = 'application')"#,
    ),
    (
        "Release",
        "the older Release",
        r#""Id" = (SELECT MIN("Id") FROM "Release" WHERE "AppId" = '{app}' AND "ClusterName" = 'default' AND "NamespaceName" = 'application')"#,
    ),
    ("Release", "the branch's Release", r#""AppId" = '{app}' AND "ClusterName" = '{branch}'"#),
    ("GrayReleaseRule", "GrayReleaseRule", r#""AppId" = '{app}'"#),
    ("ReleaseHistory", "ReleaseHistory", r#""AppId" = '{app}'"#),
    ("Commit", "Commit", r#""AppId" = '{app}'"#),
    ("AccessKey", "AccessKey", r#""AppId" = '{app}'"#),
    ("ServerConfig", "ServerConfig", r#""Key" = '{app}'"#),
];

/// One damaged column in an app of its own.
#[derive(Debug, Clone)]
struct Case {
    /// What is damaged, for messages.
    what: String,
    table: &'static str,
    column: String,
    rows: String,
    /// Whether the node had read the releases before.
    is_cached: bool,
    app: App,
    branch: String,
    key: i64,
    release: i64,
    item: i64,
}

/// What the admin API lists of an app with a branch.
pub(super) fn lists(app: &App, branch: &str) -> [String; 19] {
    let (id, namespace) = (&app.id, app.path("default", "application"));
    [
        "/apps".to_owned(),
        format!("/apps/{id}"),
        format!("/apps/{id}/clusters"),
        format!("/apps/{id}/clusters/default/namespaces"),
        format!("/apps/{id}/appnamespaces"),
        format!("/apps/{id}/accesskeys"),
        format!("/apps/{id}/namespaces/publish_info"),
        namespace.clone(),
        format!("{namespace}/items"),
        format!("{namespace}/items-with-page?page=0&size=10"),
        format!("{namespace}/items/deleted"),
        format!("{namespace}/commit?page=0&size=10"),
        format!("{namespace}/branches"),
        format!("{namespace}/branches/{branch}/rules"),
        format!("{namespace}/releases/latest"),
        format!("{namespace}/releases/active?page=0&size=10"),
        format!("{namespace}/releases/all?page=0&size=10"),
        format!("{namespace}/releases/histories?page=0&size=10"),
        format!("{namespace}/lock"),
    ]
}

struct World {
    admin: Http,
    config: Http,
}

impl World {
    async fn create(
        &self,
        number: usize,
        target: (&'static str, &str, &str),
        columns: &[String],
    ) -> Case {
        let column = columns.join(", ");
        let (table, name, rows) = target;
        let id = format!("bad{number}");
        let app = App::create(&self.admin, &id).await;
        app.add_namespace(&format!("{id}.other"), true).await;
        app.add_cluster("second").await;
        app.release("default", "application", &[("k", "1")]).await;
        let release = app.release("default", "application", &[("k", "2")]).await.id;
        app.release("default", &format!("{id}.other"), &[("k", "other")]).await;
        let branch = app.add_branch("application", &["10.0.0.9"], &[]).await;
        app.release(&branch, "application", &[("k", "gray")]).await;
        let key = app.add_key(&id, 1, true).await;
        let config = json!({ "key": id, "value": "1", "dataChangeCreatedBy": "u" });
        self.admin.post("/server/config", config).await.ok();
        let items = self.admin.get(&format!("{}/items", app.path("default", "application"))).await;
        let item = items.ok().json()[0]["id"].as_i64().unwrap();
        let rows = rows.replace("{app}", &id).replace("{branch}", &branch);
        let is_cached = number.is_multiple_of(2);
        let what = format!("{name}.{column}{} ({id})", if is_cached { ", cached" } else { "" });
        Case { what, table, column, rows, is_cached, app, branch, key, release, item }
    }

    /// What a client of the app receives.
    async fn served(&self, case: &Case, namespace: &str, ip: &str) -> Answer {
        self.config.get(&format!("/configs/{}/default/{namespace}?ip={ip}", case.app.id)).await
    }

    /// Clients get what was published last, or are told to come again.
    async fn check_served(&self, case: &Case, is_published: bool, faults: &mut Faults) {
        let wanted = ["2", "gray"];
        for (ip, wanted) in [("10.0.0.1", wanted[0]), ("10.0.0.9", wanted[1])] {
            let answer = self.served(case, "application", ip).await;
            let value = value_of(&answer);
            // A damaged access key protects its app.
            if case.table == "AccessKey" && value == "401" {
                continue;
            }
            if value != wanted && value != "503" {
                faults.add(case, format!("a client of {ip} gets {value} instead of {wanted}"));
            }
            if case.is_cached && value == "503" && !is_published {
                faults.add(case, format!("a client of {ip} loses {wanted}, which is in memory"));
            }
        }
        let public = format!("{}.other", case.app.id);
        let own = self.served(case, &public, "10.0.0.1").await;
        let elsewhere = self.config.get(&format!("/configs/demo/default/{public}")).await;
        for (what, answer) in [("its app", own), ("another app", elsewhere)] {
            let value = value_of(&answer);
            let may_wait = case.table == "AppNamespace" && what == "another app" && value == "503";
            let is_protected = case.table == "AccessKey" && value == "401";
            if value != "other" && !may_wait && !is_protected {
                faults.add(case, format!("another namespace is answered {value} for {what}"));
            }
        }
    }

    async fn lists(&self, case: &Case, faults: &mut Faults) {
        for path in lists(&case.app, &case.branch) {
            let answer = self.admin.get(&path).await;
            if answer.status >= 500 {
                faults.add(case, format!("GET {path}: {} {:.200}", answer.status, answer.text));
            }
        }
    }

    /// Publishes, edits and rolls back; a refusal is right where it says why.
    async fn change(&self, case: &Case, faults: &mut Faults) {
        let other = case.app.try_publish("default", &format!("{}.other", case.app.id)).await;
        let published = case.app.try_publish("default", "application").await;
        let refused = published.status == 409;
        faults.server_error(case, "publish", &published);
        if other.status != 200 && !matches!(case.table, "App") {
            faults.add(
                case,
                format!("publish of another namespace: {} {:.200}", other.status, other.text),
            );
        }
        let of_branch = case.app.try_publish(&case.branch, "application").await;
        faults.server_error(case, "publish of the branch", &of_branch);
        self.check_served(case, true, faults).await;
        let path = format!("/releases/{}/rollback?operator=u", case.release);
        let rolled_back = self.admin.put(&path, Value::Null).await;
        faults.server_error(case, "rollback", &rolled_back);
        if !refused {
            let items = format!("{}/items", case.app.path("default", "application"));
            let item = json!({
                "key": "new", "value": "n", "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
            });
            faults.server_error(case, "a new item", &self.admin.post(&items, item).await);
        }
    }

    /// Whatever is damaged can be deleted or written again.
    async fn delete(&self, case: &Case, faults: &mut Faults) {
        let id = &case.app.id;
        let namespace = case.app.path("default", "application");
        let (branch, key) = (&case.branch, case.key);
        let gone = |path: String| async move { (path.clone(), self.admin.delete(&path).await) };
        let put =
            |path: String| async move { (path.clone(), self.admin.put(&path, Value::Null).await) };
        let config = json!({ "key": id, "value": "2", "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u" });
        let mut answers = vec![
            gone(format!("/items/{}?operator=u", case.item)).await,
            ("/server/config".to_owned(), self.admin.post("/server/config", config).await),
            gone(format!("/server/config?key={id}&cluster=default&operator=u")).await,
            put(format!("/apps/{id}/accesskeys/{key}/disable?operator=u")).await,
            gone(format!("/apps/{id}/accesskeys/{key}?operator=u")).await,
            gone(format!("{namespace}/branches/{branch}?operator=u")).await,
            gone(format!("/apps/{id}/clusters/second?operator=u")).await,
            gone(format!("/apps/{id}/appnamespaces/{id}.other?operator=u")).await,
            gone(format!("{namespace}?operator=u")).await,
        ];
        let app = gone(format!("/apps/{id}?operator=u")).await;
        if app.1.status != 200 && (case.table, case.column.as_str()) != ("App", "AppId") {
            answers.push(app);
        }
        // A name by which a row is addressed may be damaged; then there is no such row.
        let is_name = [
            "AppId",
            "Name",
            "Key",
            "Cluster",
            "ClusterName",
            "NamespaceName",
            "NamespaceId",
            "BranchName",
            "IsDeleted",
        ]
        .contains(&case.column.as_str());
        for (path, answer) in answers {
            let is_fine =
                answer.status == 200 || (is_name && matches!(answer.status, 400 | 404 | 409));
            if !is_fine {
                faults.add(case, format!("{path}: {} {:.200}", answer.status, answer.text));
            }
        }
    }
}

#[derive(Debug, Default)]
struct Faults(BTreeMap<String, Vec<String>>);

impl Faults {
    fn add(&mut self, case: &Case, fault: String) {
        self.0.entry(case.what.clone()).or_default().push(fault);
    }

    fn server_error(&mut self, case: &Case, what: &str, answer: &Answer) {
        if answer.status >= 500 || (answer.status == 409 && !answer.text.contains("unreadable_row"))
        {
            self.add(case, format!("{what}: {} {:.200}", answer.status, answer.text));
        }
    }
}

/// Columns that only describe their row. They are damaged together, which saves half of the time.
const DESCRIPTIVE: [&str; 10] = [
    "DataChange_CreatedBy",
    "DataChange_LastModifiedBy",
    "DeletedAt",
    "Comment",
    "Format",
    "LineNum",
    "OrgId",
    "OrgName",
    "OwnerName",
    "OwnerEmail",
];

/// Columns that are damaged at a time: all but ids, which SQLite protects, and times, whose test is
/// `bad_row.rs`.
async fn columns(node: &Node, table: &str) -> Vec<Vec<String>> {
    let sql = format!(r#"SELECT name AS "Name" FROM pragma_table_info('{table}')"#);
    let rows = node.database.rows(&sql).await;
    let names = rows.iter().map(|row| row["Name"].as_str().unwrap().to_owned());
    let names = names.filter(|name| name != "Id" && !name.ends_with("Time"));
    let (together, alone): (Vec<_>, Vec<_>) =
        names.partition(|name| DESCRIPTIVE.contains(&name.as_str()));
    alone.into_iter().map(|name| vec![name]).chain([together]).collect()
}

async fn bystander_is_served(node: &Node, value: &str) {
    node.app.publish(value).await;
    node.eventually_serves(value).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_column_stays_in_its_row() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    bystander_is_served(&node, "before").await;
    let world = World { admin: Http::new(&node.server.admin), config: node.http.clone() };
    let mut wanted = Vec::new();
    for target in TARGETS {
        for columns in columns(&node, target.0).await {
            wanted.push((target, columns));
        }
    }
    let cases = wanted
        .iter()
        .enumerate()
        .map(|(number, (target, columns))| world.create(number, *target, columns));
    let cases: Vec<Case> = futures_util::stream::iter(cases).buffered(AT_ONCE).collect().await;
    for case in cases.iter().filter(|case| case.is_cached) {
        world.served(case, "application", "10.0.0.1").await;
    }
    // Bytes that are neither a text nor a number, and unlike those of other rows.
    let damage: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let set = case.column.split(", ");
            let set = set.map(|column| format!(r#""{column}" = X'80FF{number:04X}'"#));
            let set = set.collect::<Vec<_>>().join(", ");
            format!(r#"UPDATE "{}" SET {set} WHERE {}"#, case.table, case.rows)
        })
        .collect();
    node.database.run(&damage.iter().map(String::as_str).collect::<Vec<_>>()).await;
    bystander_is_served(&node, "damaged").await;

    let checks = cases.iter().map(|case| async {
        let mut faults = Faults::default();
        world.check_served(case, false, &mut faults).await;
        world.lists(case, &mut faults).await;
        world.change(case, &mut faults).await;
        world.delete(case, &mut faults).await;
        faults.0
    });
    let faults: Vec<_> =
        futures_util::stream::iter(checks).buffer_unordered(AT_ONCE).collect().await;
    let faults: BTreeMap<_, _> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{faults:#?}");
    eventually("the bystander to be served", async || {
        node.app.publish("after").await;
        (node.value().await == "after").then_some(())
    })
    .await;
    node.end().await;
}
