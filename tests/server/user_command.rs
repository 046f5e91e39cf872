//! `castalia user delete`, `castalia user password` and `castalia token create`, beside a server on the
//! same data and without one.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::json;

use crate::support::database::{Engine, Fresh};
use crate::support::http::Http;
use crate::support::server::{Options, PASSWORD, Server, command};
use crate::support::session;

fn delete(server: &Server, name: &str) -> Output {
    let data_dir = server.data_dir().to_str().unwrap();
    command(&["user", "delete", name, "--data-dir", data_dir]).output().unwrap()
}

/// The access of the user ends at once for the running server, and the only super administrator
/// stays.
#[tokio::test]
async fn the_command_deletes_a_user() {
    let server = Server::start();
    let root = session::root(&server).await;
    let account = json!({
        "username": "leaver", "userDisplayName": "L", "email": "l@example.com",
        "password": PASSWORD, "enabled": 1,
    });
    root.post("/openapi/v1/users?isCreate=true", account).await.ok();
    let portal = Http::new(&server.portal);
    let form = [("username", "leaver"), ("password", PASSWORD)];
    let signed_in = portal.form("/signin", &form).await;
    let cookies = signed_in.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.filter_map(|value| value.to_str().ok());
    let cookie = cookies.find(|text| text.starts_with("SESSION=")).unwrap().to_owned();
    let leaver = Http::new(&server.portal).with("Cookie", cookie.split(';').next().unwrap());
    leaver.get("/openapi/v1/apps").await.ok();

    let output = delete(&server, "leaver");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "The user leaver is deleted.\n");
    assert_eq!(leaver.get("/openapi/v1/apps").await.status, 401);
    let again = portal.form("/signin", &form).await;
    assert_eq!(again.header("location"), "/signin?#/error");
    let record = "/openapi/v1/apollo/audit/logs/opName?opName=User.delete&page=0&size=5";
    let records = root.get(record).await.ok().json();
    let by = |record: &serde_json::Value| record["operator"].clone();
    assert_eq!(
        records.as_array().unwrap().iter().map(by).collect::<Vec<_>>(),
        [json!("castalia user delete")]
    );

    for (name, problem) in
        [("leaver", "leaver"), ("apollo", "The last super administrator cannot be deleted")]
    {
        let output = delete(&server, name);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(problem), "{output:?}");
    }
    root.get("/openapi/v1/apps").await.ok();
}

/// What was to write the password may have failed; a new one would be known to nobody.
#[tokio::test]
async fn a_password_is_not_replaced_without_one() {
    let server = Server::start();
    let data_dir = server.data_dir().to_str().unwrap();
    for device in ["/dev/null", "/dev/zero"] {
        let mut password = command(&["user", "password", "apollo", "--data-dir", data_dir]);
        let output = password.stdin(File::open(device).unwrap()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains("nothing was changed"), "{output:?}");
    }
    session::root(&server).await.get("/openapi/v1/apps").await.ok();
}

/// The commands that need an existing portal.
const COMMANDS: [&[&str]; 3] = [
    &["user", "delete", "apollo"],
    &["user", "password", "apollo"],
    &["token", "create", "--name", "ci", "--all-apps"],
];

/// The message of each command that finds no portal; none prints a result.
fn refusals(data_dir: &Path, arguments: &[&str]) -> Vec<String> {
    let refused = |words: &&[&str]| {
        let mut refused = command(words);
        refused.args(arguments).arg("--data-dir").arg(data_dir);
        refused.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = refused.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"a long password\n").ok();
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{words:?}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    COMMANDS.iter().map(refused).collect()
}

/// In the directory of no portal, a command would otherwise make one: the next start would not be
/// the first one, and the token would be known to no server.
#[test]
fn a_directory_without_a_portal_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let misspelt = directory.path().join("misspelt");
    let file = directory.path().join("misspelt.db");
    let url = format!("sqlite://{}", file.display());
    let arguments = ["--portal-db", url.as_str()];
    for (data_dir, arguments, missing) in [
        (directory.path(), &[][..], "portal.db does not exist"),
        (&misspelt, &[], "portal.db does not exist"),
        (&misspelt, &arguments, "the file does not exist"),
    ] {
        for error in refusals(data_dir, arguments) {
            assert!(error.contains(missing), "{error}");
        }
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// A refused start, or one on a full disk, leaves an empty file.
#[test]
fn an_empty_file_is_no_portal() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["config.db", "portal.db"] {
        std::fs::write(directory.path().join(name), "").unwrap();
    }
    for error in refusals(directory.path(), &[]) {
        assert!(error.contains("this is not the database of a portal"), "{error}");
    }
    let mut token = command(&["token", "admin", "--data-dir"]);
    let output = token.arg(directory.path()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("this is not the database of an environment"), "{error}");
}

/// A command that is called in `/`, or with a file system that cannot be written.
#[test]
fn a_portal_that_has_a_url_needs_no_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    migrate(directory.path());
    let url = format!("sqlite://{}", directory.path().join("portal.db").display());
    for data_dir in ["/proc/castalia", "absent"] {
        let mut token = command(&["token", "create", "--name", "ci", "--all-apps"]);
        token.args(["--portal-db", &url, "--data-dir", data_dir]).current_dir(directory.path());
        let output = token.output().unwrap();
        assert!(output.status.success(), "{data_dir}: {output:?}");
    }
    assert!(!directory.path().join("absent").exists());
}

#[tokio::test]
async fn a_database_of_a_server_without_a_portal_is_left_alone() {
    for (engine, schema) in [(Engine::MySql, "DATABASE()"), (Engine::Postgres, "current_schema()")]
    {
        let Some(fresh) = Fresh::on(engine).await else { continue };
        let directory = tempfile::tempdir().unwrap();
        for error in refusals(directory.path(), &["--portal-db", &fresh.database.url]) {
            assert!(error.contains("this is not the database of a portal"), "{error}");
        }
        let tables = format!(
            r#"SELECT COUNT(*) AS "Count" FROM information_schema.tables WHERE table_schema = {schema}"#
        );
        assert_eq!(fresh.database.rows(&tables).await[0]["Count"], 0, "{engine:?}");
        fresh.remove().await;
    }
}

/// A token for a server that starts later.
#[tokio::test]
async fn a_portal_that_was_migrated_has_tokens_before_its_first_start() {
    let directory = tempfile::tempdir().unwrap();
    migrate(directory.path());
    let mut token = command(&["token", "create", "--name", "ci", "--all-apps", "--data-dir"]);
    let output = token.arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let token = String::from_utf8(output.stdout).unwrap();
    let server = Server::start_in(directory.path(), Options::new());
    let portal = Http::new(&server.portal).with("Authorization", token.trim_end());
    portal.get("/openapi/v1/apps").await.ok();
}

/// X148: scripts read the token from standard output, also where the log of the server is JSON.
#[test]
fn only_the_token_goes_to_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    migrate(directory.path());
    for words in [&["token", "create", "--name", "ci", "--all-apps"][..], &["token", "admin"]] {
        let mut token = command(words);
        token.arg("--data-dir").arg(directory.path()).env("CASTALIA_LOG_FORMAT", "json");
        let output = token.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        assert!(error.contains(r#""setting":"log_format""#), "{error}");
        let text = String::from_utf8(output.stdout).unwrap();
        let token = text.strip_suffix('\n').unwrap();
        let is_hex = token.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(token.len() == 64 && is_hex, "{text:?}");
    }
}

/// Creates the databases in a directory without a start.
fn migrate(data_dir: &Path) {
    let output = command(&["migrate", "--data-dir"]).arg(data_dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The output may be all that is left of a secret, or a seal that is to be kept elsewhere.
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    migrate(directory.path());
    let mut token = command(&["token", "create", "--name", "lost", "--all-apps", "--data-dir"]);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = token.arg(directory.path()).stdout(full).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("standard output"), "{output:?}");
}
