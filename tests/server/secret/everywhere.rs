//! More than a hundred secrets of every kind, in requests that succeed, are refused or are
//! malformed, to one server that logs everything, on each database (SEC-12).

use std::path::Path;

use super::dump::dump;
use super::peer::{peer, ways};
use super::row::{Secrets, Senders};
use super::search::Search;
use super::{ADMINISTRATOR, DATABASE, METRICS, row, sweep, user};
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::logged::Logged;
use crate::support::server::command;
use crate::support::session;
use crate::support::trace::files;

const ADMIN_TOKENS: &str = "planted-secret-first-admin-token,planted-secret-second-admin-token";
const HOSTED: &str = "planted-secret-password-of-the-hosted-eureka";
const LISTED: &str = "http://eu:planted-secret-password-of-a-peer@127.0.0.1:1/eureka/";

/// Starts all roles, with every setting that is a secret.
fn start(directory: &Path, way: &[(&'static str, String)], databases: &[Database]) -> Logged {
    let mut variables: Vec<(&str, String)> = [
        ("CASTALIA_ADMIN_PASSWORD", ADMINISTRATOR),
        ("CASTALIA_METRICS_TOKEN", METRICS),
        ("CASTALIA_LOG_LEVEL", "trace"),
        ("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "true"),
        ("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", ADMIN_TOKENS),
        ("CASTALIA_COMPAT_BASIC_AUTHENTICATION", "true"),
        ("CASTALIA_SIGN_IN_LOCAL_USERS", "apollo,first"),
        ("CASTALIA_SECURITY_WEBHOOK_HOSTS", "127.0.0.1"),
        ("CASTALIA_EUREKA_HOST", "on"),
        ("CASTALIA_EUREKA_USERNAME", "eu"),
        ("CASTALIA_EUREKA_PASSWORD", HOSTED),
        ("CASTALIA_EUREKA_SERVICE_URL", LISTED),
        ("RUST_BACKTRACE", "full"),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .into();
    variables.extend(way.iter().cloned());
    let names = ["CASTALIA_CONFIG_DB", "CASTALIA_PORTAL_DB"];
    variables.extend(names.into_iter().zip(databases.iter().map(|database| database.url.clone())));
    let variables: Vec<_> = variables.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let file = directory.with_extension("log");
    Logged::start(directory, &file, 3, &["--advertise", "http://127.0.0.1"], &variables)
}

/// The token of a new consumer; the output of the command is intended for its caller only.
fn consumer_token(directory: &Path, portal: &Database) -> String {
    let mut command = command(&["token", "create", "--name", "everywhere", "--all-apps"]);
    command.env("CASTALIA_PORTAL_DB", &portal.url).arg("--data-dir").arg(directory);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Signs in, and plants what the browser receives.
async fn root(search: &mut Search, portal: &str) -> Http {
    let root = session::sign_in(portal, ADMINISTRATOR).await;
    for (what, header) in [("a session", "Cookie"), ("a CSRF token", "X-CSRF-Token")] {
        search.plant(what, root.header(header).trim_start_matches("SESSION="));
    }
    root
}

/// Adds what operators, strangers and other processes of the machine can read.
async fn look(search: &mut Search, server: &Logged) {
    for role in ["config", "admin", "portal"] {
        let open = Http::new(&server.address(role));
        let operator = open.clone().with("Authorization", &format!("Bearer {METRICS}"));
        for path in ["/metrics", "/prometheus", "/info", "/health"] {
            search.answer(&format!("{role}{path}"), &open.get(path).await);
            search.answer(&format!("{role}{path} for operators"), &operator.get(path).await);
        }
    }
    user::arguments(search, server.child.id());
}

async fn plant_everywhere(engine: Option<Engine>, way: usize) {
    let mut fresh = Vec::new();
    for engine in engine.iter().chain(&engine) {
        let Some(one) = Fresh::on(*engine).await else { return };
        fresh.push(one);
    }
    let directories = tempfile::tempdir().unwrap();
    let directory = directories.path().join("data");
    let account = format!("castalia_marked:{DATABASE}@");
    let databases = match fresh.as_slice() {
        [config, portal] => [config, portal]
            .map(|fresh| Database::at(&fresh.database.url.replace("castalia:castalia@", &account))),
        _ => ["config.db", "portal.db"].map(|name| Database::file(&directory, name)),
    };
    let way = &ways(&peer().await)[way];
    let server = start(&directory, way, if engine.is_some() { &databases } else { &[] });
    let mut search = Search::default();
    search.plant("the password of the databases", DATABASE);
    let consumer = consumer_token(&directory, &databases[1]);
    search.plant("the token of a consumer", &consumer);
    let at = |role: &str| Http::new(&server.address(role));
    let admin = ADMIN_TOKENS.split(',').next().unwrap();
    let senders = Senders::from([
        ("nobody", at("portal")),
        ("root", root(&mut search, &server.address("portal")).await),
        ("consumer", at("portal").with("Authorization", &consumer)),
        ("admin", at("admin").with("Authorization", admin)),
        ("stranger", at("admin")),
        ("client", at("config")),
    ]);
    let mut secrets = Secrets::default();
    row::send_all(&mut search, &senders, &mut secrets).await;
    let of_kinds = secrets.0;
    sweep::send_all(&mut search, &senders, &mut secrets).await;
    println!("{of_kinds} secrets of every kind and {} on all operations", secrets.0 - of_kinds);
    assert!(of_kinds >= 100 && secrets.0 >= 500, "{of_kinds} and {}", secrets.0);
    // The address of its meta server contains a secret.
    let is_missed = async || server.log().contains("an environment is unreachable").then_some(());
    eventually("the probes of the environment FAT", is_missed).await;
    user::fail(&mut search, &server, &senders["root"]).await;
    look(&mut search, &server).await;
    at("portal").get("/the-last-request").await;
    let is_written = async || server.log().contains("/the-last-request").then_some(());
    eventually("the last line of the log", is_written).await;
    search.add("the log", server.log());
    for database in &databases {
        search.add("the database", dump(database).await);
    }
    drop(server);
    // With URLs of both databases there is none.
    let written = if directory.exists() { files(&directory) } else { Vec::new() };
    for file in written.iter().filter(|path| path.is_file()) {
        let name = file.file_name().unwrap().to_string_lossy();
        // Its rows are searched above.
        if !name.contains(".db") {
            let bytes = std::fs::read(file).unwrap();
            search.add(&name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    search.run();
    for fresh in fresh {
        fresh.remove().await;
    }
}

/// SEC-12, with OpenID Connect.
#[tokio::test]
async fn secrets_of_every_kind_leave_by_no_side_on_sqlite() {
    plant_everywhere(None, 0).await;
}

/// SEC-12, with a directory.
#[tokio::test]
async fn secrets_of_every_kind_leave_by_no_side_on_mysql() {
    plant_everywhere(Some(Engine::MySql), 1).await;
}

/// SEC-12, with a proxy.
#[tokio::test]
async fn secrets_of_every_kind_leave_by_no_side_on_postgres() {
    plant_everywhere(Some(Engine::Postgres), 2).await;
}
