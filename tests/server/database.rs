//! Databases that a node must not use, or not unchanged: of another installation, damaged,
//! replaced, accessible to others, in use, or without the right to create tables.

mod installation;
mod refused_start;
mod restored;
mod schema_check;
mod switch;
mod unfinished;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::health::becomes;
use crate::support::http::Http;
use crate::support::server::{Options, Server, command, wait_with_output};

const APOLLO_CONFIG: &str = include_str!("../../server/store/tests/store/apollo_2_4_config.sql");
const APOLLO_PORTAL: &str = include_str!("../../server/store/tests/store/apollo_2_4_portal.sql");

fn options() -> Options {
    Options::new()
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

fn run(arguments: &[&str], data_dir: &Path) -> Output {
    let mut command = command(arguments);
    command.args(["--data-dir".as_ref(), data_dir.as_os_str()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    wait_with_output(command.spawn().unwrap())
}

/// The message of a start that is refused.
#[track_caller]
fn refused(arguments: &[&str], data_dir: &Path) -> String {
    let ports = ["--config-port", "0", "--admin-port", "0", "--portal-port", "0"];
    let output = run(&[&["serve"], arguments, &ports].concat(), data_dir);
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    text.into_owned()
}

/// Publishes are refused and reported, while clients are served from memory.
async fn takes_no_publishes(app: &App, config: &Http) {
    assert_eq!(app.try_publish("default", "application").await.status, 503);
    assert_eq!(config.get("/health").await.status, 503);
    config.get("/configs/demo/default/application").await.ok();
}

#[tokio::test]
async fn a_file_that_is_deleted_while_open_takes_no_more_publishes_until_it_is_back() {
    let server = Server::start_with(options().flag("--roles", "config,meta,admin"));
    let config = Http::new(&server.config);
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    config.get("/configs/demo/default/application").await.ok();
    let (file, moved) = (server.data_dir().join("config.db"), server.data_dir().join("moved"));
    std::fs::rename(&file, &moved).unwrap();
    takes_no_publishes(&app, &config).await;
    std::fs::rename(&moved, &file).unwrap();
    eventually("the file to be accepted again", async || {
        (config.get("/health").await.status == 200).then_some(())
    })
    .await;
    app.publish("2").await;
}

/// A connection that is opened meanwhile works on the other file, and adopts the log beside it. So
/// only a restart restores the first file, as the server's log says.
#[tokio::test]
async fn a_file_that_is_replaced_while_open_takes_no_more_publishes_until_a_restart_with_the_first()
{
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let mut server = Server::start_in(data, options().flag("--roles", "config,meta,admin"));
    let config = Http::new(&server.config);
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    config.get("/configs/demo/default/application").await.ok();
    let (file, moved) = (data.join("config.db"), data.join("moved"));
    std::fs::rename(&file, &moved).unwrap();
    std::fs::copy(&moved, &file).unwrap();
    takes_no_publishes(&app, &config).await;
    assert!(server.terminate().success());
    std::fs::rename(&moved, &file).unwrap();
    let server = Server::start_in(data, options().flag("--roles", "config,meta,admin"));
    let served = Http::new(&server.config).get("/configs/demo/default/application").await;
    assert_eq!(served.ok().json()["configurations"]["k"], "1");
    App::existing(&Http::new(&server.admin), "demo").publish("2").await;
}

#[tokio::test]
async fn a_damaged_file_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path(), options());
    assert!(server.terminate().success());
    let file = directory.path().join("config.db");
    let whole = std::fs::read(&file).unwrap();
    // Pages of tables and indexes; the first one is kept, so that the file is still a database.
    let mut damaged = whole.clone();
    for byte in &mut damaged[4096 * 3..4096 * 12] {
        *byte ^= 0x5a;
    }
    let mut damaged_head = whole.clone();
    damaged_head[..16].fill(0x5a);
    // SQLite reads missing bytes of the last page as zeros, which they may have been.
    let halves =
        [whole.len() / 2, whole.len() - 4096, 4096, 50].map(|length| whole[..length].to_vec());
    for bytes in [damaged, damaged_head].into_iter().chain(halves) {
        let length = bytes.len();
        std::fs::write(&file, bytes).unwrap();
        let text = refused(&[], directory.path());
        assert!(text.contains("--config-db") && text.contains("backup"), "{length}: {text}");
    }
    std::fs::write(&file, whole).unwrap();
    drop(Server::start_in(directory.path(), options()));
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// SEC-36: files that a server writes are closed to other users, whatever the umask is.
#[tokio::test]
async fn files_of_a_server_are_closed_whatever_the_umask() {
    for umask in ["000", "077"] {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let server = Server::start_in(&data, options().before(&format!("umask {umask}")));
        App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
        assert_eq!(mode(&data), 0o700, "umask {umask}");
        let files: Vec<_> =
            std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 3, "{files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "umask {umask}: {}", file.display());
        }
    }
}

#[tokio::test]
async fn others_lose_their_rights_on_an_existing_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut server = Server::start_in(&data, options());
    server.kill();
    let names = ["config.db", "config.db-wal", "portal.db", "portal.db-wal"];
    for name in names {
        std::fs::set_permissions(data.join(name), PermissionsExt::from_mode(0o644)).unwrap();
    }
    // As an installation has it whose password was generated.
    std::fs::write(data.join("initial-password"), "").unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o777)).unwrap();
    let server = Server::start_in(&data, options());
    assert_eq!(mode(&data), 0o700);
    for name in names {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    drop(server);
    // A directory with other files is not restricted, and not trusted either.
    std::fs::write(data.join("other"), "").unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o777)).unwrap();
    let text = refused(&[], &data);
    let inside = data.join("castalia");
    let remedy = format!("--data-dir {}", inside.display());
    assert!(text.contains("other users may write") && text.contains(&remedy), "{text}");
    drop(Server::start_in(&inside, options()));
}

#[tokio::test]
async fn one_sqlite_file_has_one_node_however_it_is_named() {
    for (roles, flag, name) in
        [("config,meta,admin", "--config-db", "config.db"), ("portal", "--portal-db", "portal.db")]
    {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let _server = Server::start_in(first.path(), options().flag("--roles", roles));
        let file = first.path().join(name);
        let (link, hard_link) = (second.path().join("link.db"), second.path().join("hard.db"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        std::fs::hard_link(&file, &hard_link).unwrap();
        for path in [file, link, hard_link] {
            let url = format!("sqlite://{}", path.display());
            let text = refused(&["--roles", roles, flag, &url], second.path());
            assert!(text.contains("in use by another"), "{url}: {text}");
        }
    }
}

#[tokio::test]
async fn after_a_clean_stop_the_file_alone_holds_everything() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path(), options());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    assert!(server.terminate().success());
    let copy = tempfile::tempdir().unwrap();
    for (name, sql) in [
        ("config.db", r#"SELECT "Id" FROM "Release""#),
        ("portal.db", r#"SELECT "Id" FROM "ServerConfig" WHERE "Key" = 'superAdmin'"#),
    ] {
        std::fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
        let log = directory.path().join(format!("{name}-wal"));
        assert!(std::fs::metadata(&log).map_or(0, |log| log.len()) == 0, "{name}-wal holds data");
        assert_eq!(Database::file(copy.path(), name).rows(sql).await.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn schema_check_serves_a_complete_schema_and_names_what_is_missing() {
    schema_check::serves_only_a_complete_schema(&[], "AppNamespace").await;
}

#[test]
fn migrate_check_names_every_table_and_makes_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(&["migrate", "--check"], directory.path());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// The same database for an account that may only read and write rows.
fn rows_only(url: &str) -> String {
    url.replace("castalia:castalia@", "castalia_rows:castalia@")
}

async fn fill(database: &Database, tables: &str) {
    let statements = tables.split(";\n").map(str::trim).filter(|sql| !sql.is_empty());
    database.run(&statements.collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn an_account_without_ddl_rights_starts_on_apollos_tables_or_says_what_is_missing() {
    let Some(config) = Fresh::on(Engine::MySql).await else { return };
    let portal = Fresh::on(Engine::MySql).await.unwrap();
    fill(&config.database, APOLLO_CONFIG).await;
    fill(&portal.database, APOLLO_PORTAL).await;
    let (config_url, portal_url) = (&config.database.url, &portal.database.url);
    let (config_rows, portal_rows) = (rows_only(config_url), rows_only(portal_url));
    let directory = tempfile::tempdir().unwrap();
    let environment =
        options().flag("--roles", "config,meta,admin").flag("--config-db", &config_rows);

    // The environment needs only Apollo's own tables.
    let server = Server::start_in(directory.path(), environment.clone());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    let served = Http::new(&server.config).get("/configs/demo/default/application").await;
    assert_eq!(served.ok().json()["configurations"]["k"], "1");
    drop(server);

    // The portal needs additional tables: one message says which, how to create them, and with
    // which rights.
    let text = refused(&["--roles", "portal", "--portal-db", &portal_rows], directory.path());
    for part in ["CastaliaSession", "CastaliaConsumerGrant", "castalia migrate", "CREATE, INDEX"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let both = ["--config-db", config_url, "--portal-db", portal_url];
    let check = run(&[&["migrate", "--check"], &both[..]].concat(), directory.path());
    let check = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.contains("CastaliaSession") && check.contains("CastaliaSchema"), "{check}");
    let migrated = run(&[&["migrate"], &both[..]].concat(), directory.path());
    assert!(migrated.status.success(), "{migrated:?}");
    let check = run(&[&["migrate", "--check"], &both[..]].concat(), directory.path());
    let check = String::from_utf8_lossy(&check.stdout).into_owned();
    assert_eq!(check.matches("tables to create: none").count(), 2, "{check}");

    // Afterwards the account is sufficient for all roles.
    let all = options().flag("--config-db", &config_rows).flag("--portal-db", &portal_rows);
    let server = Server::start_in(directory.path(), all);
    becomes(&Http::new(&server.portal), "/health", 200).await;
    drop(server);
    config.remove().await;
    portal.remove().await;
}

#[tokio::test]
async fn on_postgres_an_account_without_ddl_rights_is_told_what_is_missing() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    let directory = tempfile::tempdir().unwrap();
    let (url, rows) = (&fresh.database.url, rows_only(&fresh.database.url));
    let arguments = ["--roles", "config,meta,admin", "--config-db", rows.as_str()];
    let text = refused(&arguments, directory.path());
    for part in ["AppNamespace", "castalia migrate", "USAGE and CREATE on the schema"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let migrated = run(&["migrate", "--config-db", url], directory.path());
    assert!(migrated.status.success(), "{migrated:?}");
    fresh
        .database
        .run(&[
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO castalia_rows",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO castalia_rows",
        ])
        .await;
    let server = Server::start_in(
        directory.path(),
        options().flag("--roles", "config,meta,admin").flag("--config-db", &rows),
    );
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    drop(server);
    fresh.remove().await;
}

/// Both have tables with the same names. The part that is created first decides what the database
/// is.
async fn one_database_for_both_is_refused(data_dir: &Path, url: &str, names_schemas: bool) {
    let both = ["--config-db", url, "--portal-db", url];
    for command in [&["migrate"][..], &["serve"], &["migrate", "--check"]] {
        let text = match command {
            ["serve"] => refused(&both, data_dir),
            _ => {
                let output = run(&[command, &both[..]].concat(), data_dir);
                assert!(!output.status.success(), "{output:?}");
                String::from_utf8_lossy(&output.stderr).into_owned()
            }
        };
        for part in ["--portal-db", "this is the config database", "Create a second database"] {
            assert!(text.contains(part), "{command:?} {part}: {text}");
        }
        assert_eq!(text.contains("options[search_path]"), names_schemas, "{text}");
    }
}

#[tokio::test]
async fn one_sqlite_file_for_both_databases_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("both.db").display());
    one_database_for_both_is_refused(directory.path(), &url, false).await;
}

#[tokio::test]
async fn one_mysql_database_for_both_is_refused() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    let directory = tempfile::tempdir().unwrap();
    one_database_for_both_is_refused(directory.path(), &fresh.database.url, false).await;
    fresh.remove().await;
}

/// Apollo's tables of both databases in one, which Apollo cannot use either.
#[tokio::test]
async fn apollos_databases_that_were_merged_are_refused() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    fill(&fresh.database, APOLLO_CONFIG).await;
    let portal = APOLLO_PORTAL.replace("CREATE TABLE `", "CREATE TABLE IF NOT EXISTS `");
    fill(&fresh.database, &portal).await;
    let directory = tempfile::tempdir().unwrap();
    one_database_for_both_is_refused(directory.path(), &fresh.database.url, false).await;
    fresh.remove().await;
}

#[tokio::test]
async fn one_postgres_database_serves_both_from_two_schemas_only() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    let directory = tempfile::tempdir().unwrap();
    let url = &fresh.database.url;
    one_database_for_both_is_refused(directory.path(), url, true).await;

    fresh.database.run(&["CREATE SCHEMA portal"]).await;
    let portal = format!("{url}?options[search_path]=portal");
    let options = options().flag("--config-db", url).flag("--portal-db", &portal);
    let server = Server::start_in(directory.path(), options);
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    let served = Http::new(&server.config).get("/configs/demo/default/application").await;
    assert_eq!(served.ok().json()["configurations"]["k"], "1");
    becomes(&Http::new(&server.portal), "/health", 200).await;
    for (table, is_empty) in [("ServerConfig", false), ("App", true)] {
        let rows = fresh.database.rows(&format!(r#"SELECT "Id" FROM portal."{table}""#)).await;
        assert_eq!(rows.is_empty(), is_empty, "{table}");
    }
    drop(server);
    fresh.remove().await;
}
