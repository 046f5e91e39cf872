//! Leaks of secrets (SEC-12): recognisable secrets are put into every setting and request that
//! takes one; then everything that others may read is searched for them. Here a portal and an
//! environment are separate; requests of every kind are in `everywhere.rs`, secrets of other
//! systems in `peer.rs`, passwords of users in `user.rs`.

mod dump;
mod everywhere;
mod peer;
mod row;
pub(super) mod search;
mod sweep;
mod user;

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use serde_json::json;

use self::search::Search;
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::logged::Logged;
use crate::support::poll;
use crate::support::server::{Options, Server, command};
use crate::support::sign;

/// As in `tests/databases.sh`.
const DATABASE: &str = "marked-database-password-41c6e0b27d95";
const ADMINISTRATOR: &str = "planted-secret-of-the-first-user-9b2e7c40d1";
const METRICS: &str = "planted-secret-metrics-token-5d0c1f7e93ab46288ce1";
const ADMIN_TOKEN: &str = "planted-secret-admin-token-e70b5d1c9a3f44d1";
const VALUE: &str = "planted-secret-value-of-an-item-3fd2a81b";
const WRONG: &str = "planted-secret-wrong-password-of-somebody-77ac";

/// An environment on MariaDB that logs text, and a separate portal on PostgreSQL that logs JSON,
/// both at the finest level.
struct World {
    directory: tempfile::TempDir,
    environment: Logged,
    portal: Logged,
    databases: [Fresh; 2],
    portal_url: String,
}

impl World {
    async fn start() -> Option<Self> {
        let databases = [Fresh::on(Engine::MySql).await?, Fresh::on(Engine::Postgres).await?];
        let marked = |fresh: &Fresh| {
            let account = format!("castalia_marked:{DATABASE}@");
            fresh.database.url.replace("castalia:castalia@", &account)
        };
        let [config_url, portal_url] = [&databases[0], &databases[1]].map(marked);
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let common = [
            ("CASTALIA_ADMIN_PASSWORD", ADMINISTRATOR),
            ("CASTALIA_METRICS_TOKEN", METRICS),
            ("CASTALIA_LOG_LEVEL", "trace"),
        ];
        let environment: Vec<_> = common
            .into_iter()
            .chain([
                ("CASTALIA_CONFIG_DB", config_url.as_str()),
                ("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "true"),
                ("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", ADMIN_TOKEN),
            ])
            .collect();
        let arguments =
            ["--roles", "config,meta,admin", "--env", "FAT", "--advertise", "http://127.0.0.1"];
        let environment =
            Logged::start(&at("environment"), &at("text.log"), 2, &arguments, &environment);
        let tokens = json!({ "FAT": ADMIN_TOKEN }).to_string();
        let meta = environment.address("config");
        let portal: Vec<_> = common
            .into_iter()
            .chain([
                ("CASTALIA_PORTAL_DB", portal_url.as_str()),
                ("CASTALIA_APOLLO_PORTAL_ENVS", "FAT"),
                ("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", tokens.as_str()),
                ("FAT_META", meta.as_str()),
            ])
            .collect();
        let arguments = ["--roles", "portal", "--log-format", "json"];
        let portal = Logged::start(&at("portal"), &at("json.log"), 1, &arguments, &portal);
        Some(Self { directory, environment, portal, databases, portal_url })
    }

    /// The output of the command is intended for its caller only.
    fn consumer_token(&self) -> String {
        let mut command = command(&["token", "create", "--name", "planted", "--all-apps"]);
        command.env("CASTALIA_PORTAL_DB", &self.portal_url);
        command.args(["--data-dir".as_ref(), self.directory.path().join("portal").as_os_str()]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().split_whitespace().next_back().unwrap().to_owned()
    }

    async fn end(self) {
        let Self { environment, portal, databases, .. } = self;
        drop((environment, portal));
        for fresh in databases {
            fresh.remove().await;
        }
    }
}

/// Signs in, with the correct password and a wrong one; registers the secrets that the browser
/// receives.
async fn sign_in(search: &mut Search, portal: &Http) {
    for (name, password) in [("apollo", WRONG), ("nobody", WRONG), (WRONG, WRONG)] {
        let form = [("username", name), ("password", password)];
        search.answer("a refused sign-in", &portal.form("/signin", &form).await);
    }
    let form = [("username", "apollo"), ("password", ADMINISTRATOR)];
    let answer = portal.form("/signin", &form).await;
    assert_eq!(answer.header("location"), "/", "{answer:?}");
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    search.plant("a session", cookie.strip_prefix("SESSION=").unwrap());
    let user = portal.clone().with("cookie", &cookie);
    let csrf = user.get("/openapi/v1/user").await.ok().header("x-csrf-token").to_owned();
    search.plant("a CSRF token", &csrf);
    let user = user.with("x-csrf-token", &csrf);
    search.answer("a refused change", &user.post("/openapi/v1/apps", json!({})).await);
    search.answer("no such app", &user.get("/openapi/v1/apps/none").await);
}

/// Edits and publishes, with successes and failures, through the portal and on the admin port.
async fn edit(search: &mut Search, world: &World, api: &Http) {
    let demo = Demo::create_in(api.clone(), "FAT", "demo").await;
    demo.set("k", VALUE).await;
    demo.publish().await;
    let items = format!("{}/items", demo.path());
    let item = json!({ "key": "k", "value": VALUE, "dataChangeCreatedBy": "apollo" });
    let late = api.clone().with("Castalia-Revision", "0000000000000000");
    for answer in [
        api.post(&items, item.clone()).await,
        api.post(&items, json!({ "key": "x".repeat(500), "value": VALUE })).await,
        api.post(&items, json!({ "value": VALUE, "dataChangeCreatedBy": "nobody" })).await,
        late.put(&format!("{items}/k?operator=apollo"), item).await,
        api.text(&items, "{\"value\": \"planted-secret-value-of-an-item-3fd2a81b\", }").await,
    ] {
        assert!(answer.status >= 400, "{answer:?}");
        search.answer("a refused edit", &answer);
    }
    let admin = Http::new(&world.environment.address("admin"));
    for token in ["", WRONG] {
        let answer = admin.clone().with("Authorization", token).get("/apps").await;
        assert_eq!(answer.status, 401);
        search.answer("a refused call", &answer);
    }
    let admin = admin.with("Authorization", ADMIN_TOKEN);
    let app = App::existing(&admin, "demo");
    app.add_key("planted access key", 0, true).await;
    search.plant("the secret of an access key", &sign::secret("planted access key"));
    let key = json!({
        "appId": "demo", "secret": sign::secret("planted access key"), "mode": 0, "enabled": true,
        "dataChangeCreatedBy": "apollo",
    });
    search.answer("the same key again", &admin.post("/apps/demo/accesskeys", key).await);
    let short = json!({ "appId": "demo", "secret": "short", "dataChangeCreatedBy": "apollo" });
    search.answer("a weak key", &admin.post("/apps/demo/accesskeys", short).await);
}

/// Reads as clients do, with and without a signature.
async fn read(search: &mut Search, config: &str) {
    let path = "/configs/demo/default/application";
    let is_served = async || {
        let answer = sign::get(config, path, "planted access key").await;
        answer.text.contains(VALUE).then_some(())
    };
    eventually("the value", is_served).await;
    for path in [path.to_owned(), poll::path("demo", &[("application", -1)])] {
        search.answer("an unsigned read", &sign::get(config, &path, "another secret").await);
    }
}

/// Reads what operators and strangers may see.
async fn look(search: &mut Search, world: &World) {
    for (server, role) in
        [(&world.environment, "config"), (&world.environment, "admin"), (&world.portal, "portal")]
    {
        let open = Http::new(&server.address(role));
        let operator = open.clone().with("Authorization", &format!("Bearer {METRICS}"));
        for path in ["/metrics", "/prometheus", "/info", "/apollo/net", "/apollo/server", "/health"]
        {
            search.answer(&format!("{role}{path}"), &open.get(path).await);
            search.answer(&format!("{role}{path} for operators"), &operator.get(path).await);
        }
        operator.get("/metrics").await.ok();
        let pid = server.child.id();
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        search.add("the list of processes", String::from_utf8_lossy(&arguments).into_owned());
    }
}

/// Makes the database reject every statement that handles secrets.
async fn break_databases(search: &mut Search, world: &World, api: &Http) {
    world.databases[0].database.run(&[r#"ALTER TABLE "AccessKey" RENAME TO "A""#]).await;
    world.databases[0].database.run(&[r#"ALTER TABLE "Item" RENAME TO "I""#]).await;
    let tables = ["Users", "ConsumerToken", "CastaliaSession"];
    // Its tables belong to the account that created them.
    let owner = Database::at(&world.portal_url);
    for table in tables {
        owner.run(&[&format!(r#"ALTER TABLE "{table}" RENAME TO "X{table}""#)]).await;
    }
    let admin = Http::new(&world.environment.address("admin")).with("Authorization", ADMIN_TOKEN);
    let portal = Http::new(&world.portal.address("portal"));
    let key = json!({ "appId": "demo", "secret": WRONG, "mode": 0, "dataChangeCreatedBy": "u" });
    let item = json!({ "key": "n", "value": VALUE, "dataChangeCreatedBy": "u" });
    let path = "/apps/demo/clusters/default/namespaces/application/items";
    for answer in [
        admin.post("/apps/demo/accesskeys", key).await,
        admin.post(path, item).await,
        api.get("/openapi/v1/apps").await,
        portal.form("/signin", &[("username", "apollo"), ("password", WRONG)]).await,
        portal.with("cookie", &format!("SESSION={WRONG}")).get("/openapi/v1/apps").await,
    ] {
        assert!(answer.status >= 500, "{answer:?}");
        search.answer("a fault of the database", &answer);
    }
}

/// SEC-12: no secret and no value is in the log at its finest level, in an error, in metrics,
/// health or the process list.
#[tokio::test]
async fn secrets_leave_by_no_side() {
    let Some(world) = World::start().await else { return };
    let mut search = Search::default();
    search.plant("the password of the databases", DATABASE);
    let token = world.consumer_token();
    search.plant("the token of a consumer", &token);
    let portal = Http::new(&world.portal.address("portal"));
    let api = portal.clone().with("Authorization", &token);
    sign_in(&mut search, &portal).await;
    edit(&mut search, &world, &api).await;
    read(&mut search, &world.environment.address("config")).await;
    look(&mut search, &world).await;
    break_databases(&mut search, &world, &api).await;
    for (server, role) in [(&world.environment, "admin"), (&world.portal, "portal")] {
        Http::new(&server.address(role)).get("/the-last-request").await;
        let is_written = async || server.log().contains("/the-last-request").then_some(());
        eventually("the last line of the log", is_written).await;
    }
    // Only the lines of this project: which ones libraries add depends on the features of a build.
    let logs = [("the text log", world.environment.log()), ("the JSON log", world.portal.log())];
    for (place, log) in logs {
        for line in ["request answered", "request refused", "request failed"] {
            assert!(log.contains(line), "{place} has no `{line}`");
        }
        search.add(place, log);
    }
    search.run();
    world.end().await;
}

/// SEC-12: a process that aborts leaves no core file, whatever limit it was started with.
#[test]
fn a_server_that_aborts_dumps_no_memory() {
    let mut server = Server::start_with(Options::new().before("ulimit -c unlimited"));
    let killed = Command::new("kill").args(["-ABRT", &server.pid().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = server.wait();
    assert_eq!(status.signal(), Some(6), "{status:?}");
    assert!(!status.core_dumped(), "{status:?}");
}

/// SEC-12: an invalid setting is reported without the secret that it contains.
#[test]
fn a_refused_secret_is_not_repeated() {
    let url = format!("mysql://u:{DATABASE}@127.0.0.1:1/none");
    let broken = format!("mysql:u:{DATABASE}@h/d");
    let tokens = json!({ "FAT": ADMIN_TOKEN }).to_string();
    for variables in [
        &[("CASTALIA_CONFIG_DB", url.as_str())][..],
        &[("CASTALIA_PORTAL_DB", url.as_str()), ("CASTALIA_ROLES", "portal")],
        &[("CASTALIA_CONFIG_DB", broken.as_str())],
        &[("CASTALIA_METRICS_TOKEN", "short-0a9f3e71")],
        &[("CASTALIA_ADMIN_PASSWORD", "s-0a9f3e71")],
        &[("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", tokens.as_str()), ("CASTALIA_ROLES", "none")],
    ] {
        let directory = tempfile::tempdir().unwrap();
        let output = command(&["serve", "--log-level", "trace", "--data-dir"])
            .arg(directory.path())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(!output.status.success(), "{variables:?}: {text}");
        for secret in [DATABASE, ADMIN_TOKEN, "0a9f3e71"] {
            assert!(!text.contains(secret), "{variables:?}: {text}");
        }
    }
}
