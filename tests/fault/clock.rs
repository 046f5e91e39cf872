//! REL-15: the system clock of a node is wrong by weeks or years. What is old enough to be removed,
//! the clock of the database decides.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::database::on_each_engine;
use super::locked_portal::create_app;
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::poll::position;
use crate::support::server::{Options, PASSWORD, Server, command};
use crate::support::session;

const PACKAGE: &str = "libfaketime";
pub(super) const HOUR: i64 = 3600;
/// How long a poll is held.
pub(super) const HOLD: Duration = Duration::from_secs(4);

/// The library that changes the clock of a process; installed if it is missing.
fn library() -> PathBuf {
    let find = || {
        let output = Command::new("dpkg").args(["-L", PACKAGE]).output().unwrap();
        let files = String::from_utf8(output.stdout).unwrap();
        files.lines().find(|line| line.ends_with("/libfaketimeMT.so.1")).map(PathBuf::from)
    };
    find().unwrap_or_else(|| {
        let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/apt");
        let status = Command::new(install).arg(PACKAGE).status();
        assert!(status.is_ok_and(|status| status.success()), "install {PACKAGE}, or run as root");
        find().unwrap()
    })
}

/// The system clock of one server.
pub(crate) struct Clock {
    file: PathBuf,
}

impl Clock {
    pub(crate) fn new(directory: &Path) -> Self {
        let clock = Self { file: directory.join("clock") };
        clock.jump(0);
        clock
    }

    /// Sets the offset to the true time in seconds.
    pub(crate) fn jump(&self, seconds: i64) {
        self.set(&format!("{seconds:+}"));
    }

    /// Gains so many seconds in each second since a moment. The library knows rates too, but with
    /// them a process does not wait for events as long as it asks for.
    pub(super) async fn slew(&self, gain: f64, since: Instant) {
        loop {
            self.set(&format!("{:+.3}", gain * since.elapsed().as_secs_f64()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stands still at the time when the process started: each reading adds nothing.
    pub(super) fn stop(&self) {
        self.set("+0 i0.0");
    }

    /// The file is replaced, so that it is never read half-written.
    fn set(&self, rule: &str) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{rule}\n")).unwrap();
        std::fs::rename(&next, &self.file).unwrap();
    }

    pub(super) fn options(&self) -> Options {
        let options = Options::new()
            .flag("--roles", "config,meta,admin")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
            .variable("CASTALIA_LONG_POLLING_TIMEOUT", &HOLD.as_secs().to_string());
        self.rules(options)
    }

    /// Adds this clock to the options of a server.
    pub(crate) fn rules(&self, options: Options) -> Options {
        let variables = self.variables();
        variables.iter().fold(options, |options, (name, value)| options.variable(name, value))
    }

    /// The environment of a process that has this clock.
    fn variables(&self) -> [(&'static str, String); 4] {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("LD_PRELOAD", text(&library())),
            ("FAKETIME_TIMESTAMP_FILE", text(&self.file)),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}

/// A board without a battery starts in 1970 or, in some zones and after a wrong correction, before.
#[tokio::test]
async fn a_clock_before_1970_stops_no_request() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    let mut server = Server::start_in(directory.path(), clock.options());
    let admin = Http::new(&server.admin);
    let app = App::create(&admin, "demo").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    clock.jump(-60 * 366 * 24 * HOUR);
    app.publish("2").await;
    eventually("the release", async || {
        let config = http.get("/configs/demo/default/application").await.ok().json();
        (config["configurations"]["k"] == "2").then_some(())
    })
    .await;
    admin.get("/apps/unknown").await;
    for _ in 0..3 {
        // Longer than the pause of the tasks that scan.
        tokio::time::sleep(Duration::from_secs(1)).await;
        is_well(&http).await;
    }
    let lines = server.printed_until_exit();
    let panics = lines.iter().filter(|line| line.contains("panicked")).collect::<Vec<_>>();
    assert!(panics.is_empty(), "{panics:?}");
}

/// Days after which rows are removed, and by which the clock of a node is ahead.
const KEPT: &str = "30";
const AHEAD: i64 = 40 * 24 * HOUR;
/// A time that is old by any clock.
const OLD: &str = "'2001-01-01 00:00:00'";

/// Today's rows, and in each table old ones, with which today's rows would be removed if they were
/// old. Returns the id of the old entry of the release history.
async fn fill(server: &Server, database: &Database) -> i64 {
    let app = App::create(&Http::new(&server.admin), "demo").await;
    for value in ["1", "2", "3", "4", "5"] {
        app.publish(value).await;
    }
    let http = Http::new(&server.config);
    position(&http, "demo", "application").await;
    for address in ["10.0.0.1", "10.0.0.2"] {
        http.get(&format!("/configs/demo/default/application?ip={address}")).await.ok();
    }
    eventually("the records of two instances", async || {
        (database.rows(r#"SELECT "Id" FROM "InstanceConfig""#).await.len() == 2).then_some(())
    })
    .await;
    let ids = numbers(database, "Id", "ReleaseHistory").await;
    assert_eq!(ids.len(), 5);
    let history = format!(
        r#"UPDATE "ReleaseHistory" SET "DataChange_CreatedTime" = {OLD} WHERE "Id" = {}"#,
        ids[0]
    );
    let instance =
        format!(r#"UPDATE "Instance" SET "DataChange_LastTime" = {OLD} WHERE "Ip" = '10.0.0.1'"#);
    let reading = format!(
        r#"UPDATE "InstanceConfig" SET "DataChange_LastTime" = {OLD}
           WHERE "InstanceId" IN (SELECT "Id" FROM "Instance" WHERE "Ip" = '10.0.0.1')"#
    );
    let unsigned = format!(
        r#"INSERT INTO "CastaliaUnsignedClient" ("AppId","Ip","LastTime")
           VALUES ('demo','10.0.0.1',{OLD}), ('demo','10.0.0.2',CURRENT_TIMESTAMP)"#
    );
    // Higher numbers than those of the seals that the node itself makes.
    let seal = |number: i64, time: &str| format!("({number},0,0,0,'r','d',{time})");
    let seals = format!(
        r#"INSERT INTO "CastaliaAuditSeal"
             ("Number","LastLogId","LastInfluenceId","LastAuditId","Records","Digest","SealedTime")
           VALUES {}, {}, {}"#,
        seal(1_001, OLD),
        seal(1_002, OLD),
        seal(1_003, "CURRENT_TIMESTAMP")
    );
    database.run(&[&history, &instance, &reading, &unsigned, &seals]).await;
    ids[0]
}

/// A column of numbers, in order.
async fn numbers(database: &Database, column: &str, table: &str) -> Vec<i64> {
    let sql = format!(r#"SELECT "{column}" FROM "{table}" ORDER BY "{column}""#);
    database.rows(&sql).await.iter().map(|row| row[column].as_i64().unwrap()).collect()
}

/// The addresses in a table.
async fn addresses(database: &Database, table: &str) -> Vec<String> {
    let rows = database.rows(&format!(r#"SELECT "Ip" FROM "{table}" ORDER BY "Ip""#)).await;
    rows.iter().map(|row| row["Ip"].as_str().unwrap().to_owned()).collect()
}

/// A node whose clock is ahead by more than rows are kept removes what is old by the clock of the
/// database, and nothing of today.
async fn a_node_that_is_ahead_removes_nothing_of_today(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let database = &fresh.database;
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    let options = clock.options().flag("--config-db", &database.url);
    let mut right = Server::start_in(directory.path(), options.clone());
    let old = fill(&right, database).await;
    assert!(right.terminate().success());
    clock.jump(AHEAD);
    let options = options
        .variable("CASTALIA_RELEASE_HISTORY_RETENTION_DAYS", KEPT)
        .variable("CASTALIA_AUDIT_LOG_RETENTION_DAYS", KEPT);
    let ahead = Server::start_in(directory.path(), options);
    // Each removal takes all rows that it considers old at once, so it is over when one is gone.
    eventually("the removal of the old entry of the history", async || {
        let ids = numbers(database, "Id", "ReleaseHistory").await;
        (!ids.contains(&old)).then_some(())
    })
    .await;
    assert_eq!(numbers(database, "Id", "ReleaseHistory").await.len(), 4);
    for table in ["Instance", "CastaliaUnsignedClient"] {
        eventually(&format!("the removal of the old row of {table}"), async || {
            let left = addresses(database, table).await;
            (!left.contains(&"10.0.0.1".to_owned())).then_some(())
        })
        .await;
        assert_eq!(addresses(database, table).await, ["10.0.0.2"], "{table}");
    }
    assert_eq!(numbers(database, "Id", "InstanceConfig").await.len(), 1);
    eventually("the removal of the old seal", async || {
        let left = numbers(database, "Number", "CastaliaAuditSeal").await;
        (!left.contains(&1_001)).then_some(())
    })
    .await;
    let seals = numbers(database, "Number", "CastaliaAuditSeal").await;
    assert!(seals.starts_with(&[1_002, 1_003]), "{seals:?}");
    drop(ahead);
    fresh.remove().await;
}

/// Longer than decisions on requests for access are kept.
const LATER: i64 = 100 * 24 * HOUR;

/// S63: a request for access removes old decisions on others.
async fn a_portal_that_is_ahead_keeps_decisions_of_today(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let database = &fresh.database;
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    clock.jump(LATER);
    let options = clock.rules(Options::new().flag("--portal-db", &database.url));
    let server = Server::start_in(directory.path(), options);
    let root = session::root(&server).await;
    create_app(&root).await;
    let user = json!({ "username": "other", "password": PASSWORD, "enabled": 1 });
    root.post("/openapi/v1/users?isCreate=true", user).await.ok();
    let decided = |time: &str| {
        format!("(1,'','','n','ModifyNamespace','other','',2,{time},'apollo',{time},'r')")
    };
    let decisions = format!(
        r#"INSERT INTO "CastaliaAccessRequest"
             ("AppRow","Env","ClusterName","NamespaceName","RoleType","UserId","Note","State",
              "CreatedTime","DecidedBy","DecidedTime","Reason")
           VALUES {}, {}"#,
        decided(OLD),
        decided("CURRENT_TIMESTAMP")
    );
    database.run(&[&decisions]).await;
    let before = numbers(database, "Id", "CastaliaAccessRequest").await;
    let other = session::sign_in_as(&server.portal, "other", PASSWORD).await;
    let request = json!({
        "appId": "demo", "namespaceName": "application", "roleType": "ModifyNamespace",
    });
    other.post("/openapi/v1/access-requests", request).await.ok();
    let left = numbers(database, "Id", "CastaliaAccessRequest").await;
    assert_eq!((left.len(), left[0]), (2, before[1]), "{before:?}, {left:?}");
    drop(server);
    fresh.remove().await;
}

/// A new log without seals is not taken for one whose seals were removed, although the computer that
/// compares it is an hour ahead.
async fn an_audit_log_is_verified_by_the_clock_of_the_database(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let url = fresh.database.url.as_str();
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    let options = clock.options().flag("--config-db", url);
    let mut server = Server::start_in(directory.path(), options);
    App::create(&Http::new(&server.admin), "demo").await;
    // Earlier than it seals the records, which takes 90 s.
    assert!(server.terminate().success());
    clock.jump(HOUR);
    let data_dir = directory.path().to_str().unwrap();
    let mut verify = command(&["audit", "verify", "--data-dir", data_dir]);
    verify.args(["--roles", "config,meta,admin", "--config-db", url]);
    let output = verify.envs(clock.variables()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    fresh.remove().await;
}

on_each_engine!(
    a_node_that_is_ahead_removes_nothing_of_today,
    a_portal_that_is_ahead_keeps_decisions_of_today,
    an_audit_log_is_verified_by_the_clock_of_the_database
);
