//! A node of this server beside the nodes at the given addresses, on their database: what one
//! writes and publishes, the other reads and announces. Runs if `CASTALIA_TEST_CONFIG_DB` is set.

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server};
use crate::support::variable;

/// Config and admin service of one implementation.
struct Node {
    config: Http,
    admin: Http,
}

/// The node at the given addresses and a started one; `None` without addresses.
async fn nodes() -> Option<(Server, [Node; 2])> {
    let [config, admin, database] =
        ["CASTALIA_TEST_CONFIG_URL", "CASTALIA_TEST_ADMIN_URL", "CASTALIA_TEST_CONFIG_DB"]
            .map(variable);
    let theirs = Node { config: Http::new(&config?), admin: Http::new(&admin?) };
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--config-db", &database?)
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let ours = Node { config: Http::new(&server.config), admin: Http::new(&server.admin) };
    Some((server, [theirs, ours]))
}

/// A new app with an id that no other run uses.
async fn create(admin: &Http, name: &str) -> App {
    App::create(admin, &format!("{name}-{}", std::process::id())).await
}

/// A publish through either node wakes a poll at the other one, and a load there returns at least
/// this release.
#[tokio::test]
async fn a_publish_through_one_reaches_a_poll_on_the_other() {
    let Some((_server, [theirs, ours])) = nodes().await else { return };
    for (publisher, reader, name) in
        [(&theirs, &ours, "from-theirs"), (&ours, &theirs, "from-ours")]
    {
        let app = create(&publisher.admin, name).await;
        app.publish("1").await;
        let mut known = position(&reader.config, &app.id, "application").await;
        for value in ["2", "3"] {
            let path = poll::path(&app.id, &[("application", known)]);
            let waiting = Waiting::start(&reader.config, &path).await;
            app.publish(value).await;
            known = newest(&waiting.soon().await.ok());
            let path = format!("/configs/{}/default/application", app.id);
            let config = reader.config.get(&path).await.ok().json();
            assert_eq!(config["configurations"], json!({ "k": value }), "{name}");
        }
    }
}

/// Writes rows of every kind.
async fn write(app: &App) -> String {
    let public = format!("{}.public", app.id);
    app.add_cluster("bj").await;
    app.add_namespace("db.json", false).await;
    app.add_namespace(&public, true).await;
    app.release("default", "application", &[("a", "1"), ("b", "<&'=中😀")]).await;
    let second = app.release("default", "application", &[("a", "2"), ("c", "3")]).await;
    app.roll_back(&second).await;
    app.release("bj", "application", &[("a", "bj")]).await;
    app.release("default", "db.json", &[("content", r#"{"a":1}"#)]).await;
    app.release("default", &public, &[("p", "1")]).await;
    let branch = app.add_branch("application", &["10.9.9.9"], &["canary"]).await;
    app.release(&branch, "application", &[("a", "gray")]).await;
    app.add_key("observer", 1, true).await;
    branch
}

/// The admin service's answers about an app, and about its branch, if any.
async fn told(admin: &Http, app: &App, branch: Option<&str>) -> Vec<(String, Value)> {
    let id = &app.id;
    let mut paths: Vec<String> =
        ["", "/clusters", "/appnamespaces", "/accesskeys", "/namespaces/publish_info"]
            .map(|path| format!("/apps/{id}{path}"))
            .into();
    for cluster in ["default", "bj"].into_iter().chain(branch) {
        paths.push(format!("/apps/{id}/clusters/{cluster}/namespaces"));
        for path in
            ["items", "items/deleted", "commit", "releases/all", "releases/latest", "branches"]
        {
            paths.push(format!("{}/{path}", app.path(cluster, "application")));
        }
    }
    let namespace = app.path("default", "application");
    paths.push(format!("{namespace}/releases/histories?size=50"));
    paths.extend(branch.map(|branch| format!("{namespace}/branches/{branch}/rules")));
    let mut answers = Vec::new();
    for path in paths {
        let answer = admin.get(&path).await.ok();
        let body = if answer.text.is_empty() { Value::Null } else { answer.json() };
        answers.push((path, body));
    }
    answers
}

/// Whichever node created an app, both admin services return the same, and both config services
/// serve the same.
#[tokio::test]
async fn both_nodes_read_what_either_writes() {
    let Some((_server, nodes)) = nodes().await else { return };
    for (writer, name) in nodes.iter().zip(["theirs", "ours"]) {
        let app = create(&writer.admin, &format!("written-by-{name}")).await;
        let branch = write(&app).await;
        let [theirs, ours] = &nodes;
        assert_eq!(
            told(&ours.admin, &app, Some(&branch)).await,
            told(&theirs.admin, &app, Some(&branch)).await
        );
        for node in &nodes {
            position(&node.config, &app.id, &format!("{}.public", app.id)).await;
        }
        for path in [
            "default/application?ip=10.0.0.1",
            "default/application?ip=10.9.9.9",
            "bj/application?ip=10.0.0.1",
            "default/db.json",
        ] {
            let path = format!("/configs/{}/{path}", app.id);
            let [theirs, ours] = [&theirs.config, &ours.config].map(|config| config.get(&path));
            assert_eq!(ours.await.ok().json(), theirs.await.ok().json(), "{path}");
        }
    }
}

/// What either node wrote can be edited, published, rolled back and deleted through the other.
#[tokio::test]
async fn either_node_goes_on_where_the_other_stopped() {
    let Some((_server, nodes)) = nodes().await else { return };
    let [theirs, ours] = &nodes;
    for (first, second, name) in [(theirs, ours, "theirs-first"), (ours, theirs, "ours-first")] {
        let app = create(&first.admin, name).await;
        let branch = write(&app).await;
        let app = App::existing(&second.admin, &app.id);
        let release =
            app.release("default", "application", &[("a", "5"), ("b", "6"), ("d", "7")]).await;
        let gray = app.release(&branch, "application", &[("a", "gray-2")]).await;
        app.set_rules("application", &branch, &["10.9.9.8"], &[]).await;
        app.roll_back(&release).await;
        let branch_path = format!("{}/branches/{branch}", app.path("default", "application"));
        second.admin.delete(&format!("{branch_path}?operator=apollo")).await.ok();
        let by_second = told(&second.admin, &app, None).await;
        assert_eq!(told(&first.admin, &app, None).await, by_second, "{name}");
        assert!(gray.id > release.id);
        second.admin.delete(&format!("/apps/{}?operator=apollo", app.id)).await.ok();
        assert_eq!(first.admin.get(&format!("/apps/{}", app.id)).await.status, 404);
    }
}
