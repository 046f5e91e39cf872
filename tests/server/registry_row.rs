//! I19: a row that does not fit into the table ServiceRegistry stops the start if it would be
//! written. Others would never find the node.

use std::process::Stdio;

use crate::support::database::{Database, Engine, Fresh};
use crate::support::server::{Options, Server, command, wait_with_output};

/// An address that is too long, even without the port.
const LONG: &str = "http://castalia-config-service.configuration-center.svc.cluster.local";
const SHORT: &str = "http://127.0.0.1";
const URI: &str = "CASTALIA_APOLLO_SERVICE_REGISTRY_URI";
const CLUSTER: &str = "CASTALIA_APOLLO_SERVICE_REGISTRY_CLUSTER";
const ENABLED: &str = "CASTALIA_APOLLO_SERVICE_REGISTRY_ENABLED";

/// The error of a start that is refused.
fn refused(database: &Database, flags: &[&str], variables: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut serve = command(&["serve", "--roles", "config,meta,admin", "--config-port", "0"]);
    serve.args(["--admin-port", "0", "--config-db", &database.url]).args(flags);
    serve.args(["--data-dir".as_ref(), directory.path().as_os_str()]);
    serve.envs(variables.iter().copied()).stdin(Stdio::null());
    let output =
        wait_with_output(serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{flags:?} {variables:?} started: {error}");
    error
}

/// Flags and variables with which the start is refused, and the setting that the error names.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

/// The addresses in the table while a node with these options runs.
async fn announced(database: &Database, options: Options) -> Vec<String> {
    let options = options.flag("--roles", "config,meta,admin").flag("--config-db", &database.url);
    let server = Server::start_with(options);
    let rows = database.rows(r#"SELECT "Uri" FROM "ServiceRegistry""#).await;
    drop(server);
    rows.iter().map(|row| row["Uri"].as_str().unwrap().to_owned()).collect()
}

async fn a_row_that_does_not_fit_stops_the_start(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let database = &fresh.database;
    let cluster = "c".repeat(65);
    let cluster = cluster.as_str();
    let cases: [Case<'_>; 4] = [
        (&["--advertise", LONG], &[], "--advertise: "),
        (&["--advertise", SHORT, "--advertise-admin", LONG], &[], "--advertise-admin: "),
        (&["--advertise", SHORT], &[(CLUSTER, cluster)], "apollo.service.registry.cluster: "),
        (&[], &[(URI, LONG)], "apollo.service.registry.uri: "),
    ];
    for (flags, variables, setting) in cases {
        let error = refused(database, flags, variables);
        assert!(error.contains(setting) && error.contains("holds 64"), "{setting}: {error}");
    }
    // No row is written.
    let options = Options::new().flag("--advertise", LONG);
    for options in
        [options.clone().flag("--registry", "custom"), options.clone().variable(ENABLED, "false")]
    {
        assert_eq!(announced(database, options).await, [""; 0]);
    }
    let widen = match engine {
        Engine::MySql => r#"ALTER TABLE "ServiceRegistry" MODIFY "Uri" varchar(128) NOT NULL"#,
        Engine::Postgres => r#"ALTER TABLE "ServiceRegistry" ALTER "Uri" TYPE varchar(128)"#,
    };
    database.run(&[widen]).await;
    let rows = announced(database, options).await;
    assert!(rows.len() == 2 && rows.iter().all(|uri| uri.starts_with(LONG)), "{rows:?}");
    fresh.remove().await;
}

#[tokio::test]
async fn a_row_that_does_not_fit_into_mysql_stops_the_start() {
    a_row_that_does_not_fit_stops_the_start(Engine::MySql).await;
}

#[tokio::test]
async fn a_row_that_does_not_fit_into_postgres_stops_the_start() {
    a_row_that_does_not_fit_stops_the_start(Engine::Postgres).await;
}

/// Its columns have no width.
#[tokio::test]
async fn a_long_address_starts_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::file(directory.path(), "config.db");
    let options = Options::new().flag("--advertise", LONG);
    let rows = announced(&database, options).await;
    assert!(rows.len() == 2 && rows.iter().all(|uri| uri.starts_with(LONG)), "{rows:?}");
}
