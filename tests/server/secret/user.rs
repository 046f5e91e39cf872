//! New passwords of users, however they are set, and a failure while one is handled.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::dump::dump;
use super::search::Search;
use super::{ADMINISTRATOR, METRICS, WRONG};
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::logged::Logged;
use crate::support::server::command;
use crate::support::session;
use crate::support::trace::{IS_ALLOWED, files};

const USERS: &str = "/openapi/v1/users";
const CREATED: &str = "planted-secret-for-a-new-user-8c3d0e";
const CHANGED: &str = "planted-secret-by-a-change-71fa9b";
const RESET: &str = "planted-secret-by-a-reset-e04d6c";
const REFUSED: &str = "planted-secret-but-too-long-b5c1";
const LOST: &str = "planted-secret-during-a-panic-93ab7d";

fn account(name: &str, password: &str) -> Value {
    json!({ "username": name, "userDisplayName": name, "password": password, "enabled": 1 })
}

/// Creates a user and changes the password, with successes and failures.
async fn set(search: &mut Search, root: &Http) {
    let create = format!("{USERS}?isCreate=true");
    search.answer("a new user", &root.post(&create, account("planted", CREATED)).await.ok());
    search.answer("a change", &root.post(USERS, account("planted", CHANGED)).await.ok());
    for answer in [
        root.post(&create, account("planted", CREATED)).await,
        root.post(USERS, account("nobody", CHANGED)).await,
        root.post(USERS, account("planted", &REFUSED.repeat(6))).await,
        root.post(USERS, json!({ "username": 1, "password": REFUSED })).await,
        root.post(USERS, json!({ "username": "planted", "password": [REFUSED] })).await,
        root.post(USERS, json!([[REFUSED]])).await,
    ] {
        assert!((400..500).contains(&answer.status), "{answer:?}");
        search.answer("a refused password", &answer);
    }
    search.answer("the users", &root.get(&format!("{USERS}?keyword=p")).await.ok());
}

pub(super) fn arguments(search: &mut Search, process: u32) {
    let arguments = std::fs::read(format!("/proc/{process}/cmdline")).unwrap();
    search.add("the list of processes", String::from_utf8_lossy(&arguments).into_owned());
}

/// Resets the password on the command line.
fn reset(search: &mut Search, directory: &Path, password: &str) -> bool {
    let mut command = command(&["user", "password", "planted", "--log-level", "trace"]);
    command.args(["--data-dir".as_ref(), directory.as_os_str()]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    arguments(search, child.id());
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    search.add("the output of the command", String::from_utf8_lossy(&text).into_owned());
    output.status.success()
}

/// Lets the operating system refuse new threads, on which passwords are hashed.
fn refuse_threads(process: u32) -> Child {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=?clone,?clone3"]);
    command.args(["-e", "inject=?clone,?clone3:error=EPERM", "-p", &process.to_string()]);
    command.spawn().unwrap()
}

/// Makes handlers fail while they have a password. The next ones succeed, although more have failed
/// than are hashed at a time.
pub(super) async fn fail(search: &mut Search, server: &Logged, root: &Http) {
    if !*IS_ALLOWED {
        return;
    }
    let (portal, create) = (Http::new(root.base()), format!("{USERS}?isCreate=true"));
    let mut tracer = refuse_threads(server.child.id());
    let form = [("username", "apollo"), ("password", LOST)];
    let mut names = (0..).map(|number| format!("lost-{number}"));
    let mut failed = 0;
    // The tracer needs a moment to begin.
    while failed < 4 {
        let made = names.by_ref().take(4).map(|name| {
            let create = &create;
            async move { root.post(create, account(&name, LOST)).await }
        });
        let made: Vec<_> = made.collect();
        let signed = (0..4).map(|_| portal.form("/signin", &form));
        let (mut answers, signed) = tokio::join!(
            futures_util::future::join_all(made),
            futures_util::future::join_all(signed)
        );
        answers.extend(signed);
        for answer in &answers {
            search.answer("an answer without threads", answer);
        }
        let is_failed = |answer: &&Answer| answer.text.contains("No thread can be started");
        failed += answers.iter().filter(is_failed).count();
    }
    tracer.kill().unwrap();
    tracer.wait().unwrap();
    let next = portal.form("/signin", &form).await;
    assert!(next.status < 500, "{next:?}");
}

/// SEC-12: new passwords of users are in no log, answer, row, file and argument, also not if
/// no thread can be started to hash them.
#[tokio::test]
async fn passwords_of_users_leave_by_no_side() {
    let mut search = Search::default();
    let directories = tempfile::tempdir().unwrap();
    let directory = directories.path().join("data");
    let variables = [
        ("CASTALIA_ADMIN_PASSWORD", ADMINISTRATOR),
        ("CASTALIA_METRICS_TOKEN", METRICS),
        ("CASTALIA_LOG_LEVEL", "trace"),
        ("RUST_BACKTRACE", "full"),
    ];
    let file = directories.path().join("server.log");
    let server = Logged::start(&directory, &file, 2, &[], &variables);
    let root = session::sign_in(&server.address("portal"), ADMINISTRATOR).await;
    set(&mut search, &root).await;
    assert!(!reset(&mut search, &directory, &REFUSED.repeat(6)));
    assert!(reset(&mut search, &directory, RESET));
    let portal = Http::new(root.base());
    for (password, target) in
        [(RESET, "/"), (CHANGED, "/signin?#/error"), (WRONG, "/signin?#/error")]
    {
        let form = [("username", "planted"), ("password", password)];
        let answer = portal.form("/signin", &form).await;
        assert_eq!(answer.header("location"), target, "{answer:?}");
        search.answer("a sign-in", &answer);
    }
    fail(&mut search, &server, &root).await;
    arguments(&mut search, server.child.id());
    let operator = Http::new(&server.address("config"));
    let operator = operator.with("Authorization", &format!("Bearer {METRICS}"));
    search.answer("metrics", &operator.get("/metrics").await.ok());
    portal.get("/the-last-request").await;
    let is_written = async || server.log().contains("/the-last-request").then_some(());
    eventually("the last line of the log", is_written).await;
    search.add("the log", server.log());
    search.add("the database", dump(&Database::file(&directory, "portal.db")).await);
    for file in files(&directory).iter().filter(|path| path.is_file()) {
        let bytes = std::fs::read(file).unwrap();
        search.add(&file.display().to_string(), String::from_utf8_lossy(&bytes).into_owned());
    }
    search.run();
}
