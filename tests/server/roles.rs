//! The usual distributions of roles over processes, on every database, created by this server or by
//! Apollo. In each of them a publish through the portal reaches a client that knows only the
//! address of a meta server.

mod adopted;

use std::path::Path;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::database::{Database, Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::health::ports_are_ready;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server, command};

/// Sets of roles that start at a time.
const AT_ONCE: usize = 3;

/// The roles of each process, in start order: a meta server then finds the services immediately.
const LAYOUTS: [&[&str]; 5] = [
    &["config,meta,admin,portal"],
    &["config,meta,admin", "portal"],
    &["admin,portal", "config,meta"],
    &["admin", "config,meta", "portal"],
    &["config", "admin", "meta", "portal"],
];

/// Rights on rows, without that to create tables.
const ROWS: [&str; 2] = [
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO castalia_rows",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO castalia_rows",
];

/// The databases of an installation.
struct Place {
    config: Database,
    portal: Database,
}

impl Place {
    /// Flags of a process with these roles. SQLite files are in directories that no two processes
    /// share.
    fn options(&self, roles: &str) -> Options {
        Options::new()
            .flag("--roles", roles)
            .flag("--config-db", &self.config.url)
            .flag("--portal-db", &self.portal.url)
            .flag("--advertise", "http://127.0.0.1")
    }

    /// As if Apollo had created the tables: no table of Castalia exists, and access control is off.
    async fn forget_us(&self) {
        for (database, tables) in [
            (
                &self.config,
                &[
                    "CastaliaSchema",
                    "CastaliaInstallation",
                    "CastaliaUnsignedClient",
                    "CastaliaAuditSeal",
                ][..],
            ),
            (
                &self.portal,
                &[
                    "CastaliaSchema",
                    "CastaliaSession",
                    "CastaliaConsumerGrant",
                    "CastaliaInstallation",
                    "CastaliaWebhook",
                    "CastaliaNotice",
                    "CastaliaDelivery",
                    "CastaliaEvent",
                    "CastaliaAuditSeal",
                    "CastaliaRecent",
                    "CastaliaAccessRequest",
                    "CastaliaPendingChange",
                    "CastaliaConsumerUse",
                    "CastaliaPreference",
                    "CastaliaNamespaceSchema",
                ],
            ),
        ] {
            let drops = tables.iter().map(|table| format!(r#"DROP TABLE IF EXISTS "{table}""#));
            let rows = r#"DELETE FROM "ServerConfig" WHERE "Key" LIKE 'admin-service%'"#.to_owned();
            let statements: Vec<_> = drops.chain([rows]).collect();
            let statements: Vec<_> = statements.iter().map(String::as_str).collect();
            database.run(&statements).await;
        }
    }

    /// The administrator of Apollo's scripts; this server adds none to their tables.
    async fn add_administrator(&self) {
        let user = r#"INSERT INTO "Users" ("Username","Password","UserDisplayName","Email","Enabled")
                      VALUES ('apollo','$2a$10$hash','apollo','a@b',1)"#;
        self.portal.run(&[user]).await;
    }

    async fn migrate(&self) {
        let output = command(&["migrate"])
            .args(["--config-db", &self.config.url, "--portal-db", &self.portal.url])
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The output of `castalia token admin`.
    fn admin_token(&self) -> Option<String> {
        let output = command(&["token", "admin", "--config-db", &self.config.url]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().next().map(str::to_owned)
    }
}

/// Two new databases on a server.
struct Pair {
    config: Fresh,
    portal: Fresh,
}

impl Pair {
    /// `None` where the run is restricted to SQLite.
    async fn on(engine: Engine) -> Option<Self> {
        Some(Self { config: Fresh::on(engine).await?, portal: Fresh::on(engine).await? })
    }

    fn place(&self) -> Place {
        Place { config: self.config.database.clone(), portal: self.portal.database.clone() }
    }

    /// The same with an account that may only read and write rows.
    fn rows_only(&self) -> Place {
        let of_rows = |fresh: &Fresh| {
            let url = &fresh.database.url;
            Database::at(&url.replace("castalia:castalia@", "castalia_rows:castalia@"))
        };
        Place { config: of_rows(&self.config), portal: of_rows(&self.portal) }
    }

    /// Lets that account use the tables that exist. On MySQL it may use all of them.
    async fn grant_rows(&self, engine: Engine) {
        if engine == Engine::Postgres {
            for fresh in [&self.config, &self.portal] {
                fresh.database.run(&ROWS).await;
            }
        }
    }

    async fn remove(self) {
        self.config.remove().await;
        self.portal.remove().await;
    }
}

/// Processes of one distribution.
struct Running(Vec<Server>);

impl Running {
    /// Starts a process for each set of roles. A portal without the admin role gets the meta server
    /// and the token.
    fn start(place: &Place, layout: &[&str]) -> Self {
        let mut servers: Vec<Server> = Vec::new();
        for roles in layout {
            let mut options = place.options(roles);
            if *roles == "portal" {
                let meta = layout.iter().position(|roles| roles.contains("meta")).unwrap();
                options = options.variable("DEV_META", &servers[meta].config);
                if let Some(token) = place.admin_token() {
                    let tokens = json!({ "DEV": token }).to_string();
                    options = options.variable("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", &tokens);
                }
            }
            servers.push(Server::start_with(options));
        }
        Self(servers)
    }

    fn with(&self, layout: &[&str], role: &str) -> &Server {
        &self.0[layout.iter().position(|roles| roles.contains(role)).unwrap()]
    }

    /// Terminated gracefully, so that the next distribution finds no addresses of this one.
    fn end(self) {
        for mut server in self.0.into_iter().rev() {
            assert!(server.terminate().success());
        }
    }
}

/// The address of the config service, as a client discovers it.
async fn config_service(meta: &Http) -> Http {
    let ask = async || {
        let services = meta.get("/services/config?appId=x").await.ok().json();
        services[0]["homepageUrl"].as_str().map(str::to_owned)
    };
    Http::new(
        eventually("a config service in the meta server's list", ask).await.trim_end_matches('/'),
    )
}

/// A publish through the portal reaches a client's next read and its parked poll.
pub(super) async fn a_publish_reaches_a_client(demo: &Demo, meta: &Http, value: &str) {
    demo.set("k", value).await;
    demo.publish().await;
    let client = config_service(meta).await;
    let id = position(&client, &demo.app_id, "application").await;
    let config = async || {
        let path = format!("/configs/{}/default/application", demo.app_id);
        client.get(&path).await.ok().json()["configurations"].clone()
    };
    assert_eq!(config().await, json!({ "k": value }));
    let path = poll::path(&demo.app_id, &[("application", id)]);
    let poll = Waiting::start(&client, &path).await;
    demo.set("k", &format!("{value} again")).await;
    demo.publish().await;
    let (answer, _) = poll.end().await;
    assert!(newest(&answer.ok()) > id);
    assert_eq!(config().await, json!({ "k": format!("{value} again") }));
}

async fn every_layout_works(place: &Place, layouts: &[&[&str]], origin: &str) {
    for (number, layout) in layouts.iter().enumerate() {
        let running = Running::start(place, layout);
        for server in &running.0 {
            ports_are_ready(server).await;
        }
        let portal = running.with(layout, "portal");
        let api = Http::new(&portal.portal)
            .with("Authorization", &portal.token(&format!("tests-{number}"), &["--all-apps"]));
        let envs = api.get("/openapi/v1/envs").await.ok().json();
        assert_eq!(envs, json!(["DEV"]), "{layout:?} on a database of {origin}");
        let demo = Demo::create_in(api, "DEV", &format!("demo-{number}")).await;
        let meta = Http::new(&running.with(layout, "meta").config);
        a_publish_reaches_a_client(&demo, &meta, &format!("{layout:?}")).await;
        running.end();
    }
}

async fn every_layout_works_on_a_server(engine: Engine) {
    let Some(pair) = Pair::on(engine).await else { return };
    every_layout_works(&pair.place(), &LAYOUTS, "ours").await;
    pair.remove().await;
}

#[tokio::test]
async fn every_layout_of_roles_works_on_mysql() {
    every_layout_works_on_a_server(Engine::MySql).await;
}

#[tokio::test]
async fn every_layout_of_roles_works_on_postgres() {
    every_layout_works_on_a_server(Engine::Postgres).await;
}

/// Every distribution with an account that may only read and write rows, after `castalia migrate`
/// with a more privileged one.
async fn every_layout_works_without_ddl_rights(engine: Engine) {
    let Some(pair) = Pair::on(engine).await else { return };
    pair.place().migrate().await;
    pair.grant_rows(engine).await;
    every_layout_works(&pair.rows_only(), &LAYOUTS, "ours, with an account for rows only").await;
    pair.remove().await;
}

#[tokio::test]
async fn every_layout_of_roles_works_on_mysql_without_ddl_rights() {
    every_layout_works_without_ddl_rights(Engine::MySql).await;
}

#[tokio::test]
async fn every_layout_of_roles_works_on_postgres_without_ddl_rights() {
    every_layout_works_without_ddl_rights(Engine::Postgres).await;
}

/// Two processes cannot share a SQLite file, so the roles of the environment are in one process.
fn layouts_for_files() -> Vec<&'static [&'static str]> {
    let fits = |layout: &&&[&str]| layout.iter().filter(|roles| **roles != "portal").count() <= 1;
    LAYOUTS.iter().filter(fits).copied().collect()
}

fn files(directory: &Path) -> Place {
    Place {
        config: Database::file(directory, "config.db"),
        portal: Database::file(directory, "portal.db"),
    }
}

#[tokio::test]
async fn every_layout_of_roles_works_on_files() {
    let directory = tempfile::tempdir().unwrap();
    every_layout_works(&files(directory.path()), &layouts_for_files(), "ours").await;
}

/// All sets of roles, a bit for each role.
const SETS: std::ops::Range<u8> = 1..16;
/// The sets that no layout has.
const IN_NO_LAYOUT: [u8; 7] = [0b0101, 0b0110, 0b1001, 0b1010, 0b1011, 0b1101, 0b1110];

/// Any set of roles starts on a new data directory and new databases, and every port that it opens
/// is ready.
#[tokio::test]
async fn every_set_of_roles_starts_and_is_ready() {
    let of_files = SETS.map(|set| (None, set));
    let servers = [Engine::MySql, Engine::Postgres].map(Some).into_iter();
    let of_servers = servers.flat_map(|engine| IN_NO_LAYOUT.map(|set| (engine, set)));
    let sets = of_files.chain(of_servers);
    let starts = |(engine, set)| a_set_of_roles_starts_and_is_ready(engine, set);
    stream::iter(sets).for_each_concurrent(AT_ONCE, starts).await;
}

/// The roles of a set.
fn names(set: u8) -> String {
    let roles = ["config", "meta", "admin", "portal"].into_iter().enumerate();
    let roles: Vec<_> = roles.filter(|(bit, _)| set & (1 << bit) != 0).collect();
    roles.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(",")
}

/// One set of roles, a bit for each, on SQLite if there is no engine.
async fn a_set_of_roles_starts_and_is_ready(engine: Option<Engine>, set: u8) {
    let roles = names(set);
    let (mut options, mut databases) = (Options::new().flag("--roles", &roles), Vec::new());
    if let Some(engine) = engine {
        for flag in ["--config-db", "--portal-db"] {
            let Some(fresh) = Fresh::on(engine).await else { return };
            options = options.flag(flag, &fresh.database.url);
            databases.push(fresh);
        }
    }
    let starts = tokio::task::spawn_blocking(move || Server::start_with(options));
    let mut server = starts.await.unwrap();
    ports_are_ready(&server).await;
    let ends = tokio::task::spawn_blocking(move || server.terminate().success());
    assert!(ends.await.unwrap(), "{roles} on {engine:?}");
    for fresh in databases {
        fresh.remove().await;
    }
}

/// The usual installation of Apollo: a separate portal over several environments, which variables
/// or its table define.
#[tokio::test]
async fn one_portal_serves_two_environments_elsewhere() {
    let environments = ["FAT", "UAT"].map(|env| {
        let options = Options::new().flag("--roles", "config,meta,admin").flag("--env", env);
        (env, Server::start_with(options))
    });
    let mut tokens = serde_json::Map::new();
    for (env, server) in &environments {
        let output = command(&["token", "admin", "--data-dir"]).arg(server.data_dir()).output();
        let token = String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned();
        assert!(token.len() >= 32, "{token}");
        tokens.insert((*env).to_owned(), token.into());
    }
    let [(_, fat), (_, uat)] = &environments;
    let meta_servers = json!({ "uat": uat.config }).to_string();
    let portal = Options::new()
        .flag("--roles", "portal")
        .variable("fat_meta", &fat.config)
        .variable("CASTALIA_APOLLO_PORTAL_META_SERVERS", &meta_servers)
        .variable("CASTALIA_APOLLO_PORTAL_ENVS", "FAT,UAT")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", &Value::from(tokens).to_string());
    let portal = Server::start_with(portal);
    let demo = Demo::create_in(portal.open_api(), "FAT", "demo").await;
    assert_eq!(demo.api.get("/openapi/v1/envs").await.ok().json(), json!(["FAT", "UAT"]));
    for (env, server) in &environments {
        let meta = Http::new(&server.config);
        a_publish_reaches_a_client(&demo.in_env(env), &meta, env).await;
    }
}
