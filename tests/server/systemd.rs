//! The unit file of systemd: the server works under its restrictions, which tests apply without
//! systemd, and needs none of the privileges that it takes away.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::roles::a_publish_reaches_a_client;
use crate::support::database::{Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::health::ports_are_ready;
use crate::support::http::Http;
use crate::support::sandbox::{self, USER, directives};
use crate::support::server::Server;
use crate::support::session;

const ARCHIVE: &str = "/openapi/v1/configs/export?envs=DEV";
const IMPORT: &str = "/openapi/v1/configs/import?envs=DEV";
/// The errors that the operating system returns for what the unit does not allow.
const REFUSED: [u8; 5] = [1, 13, 30, 38, 97];

/// What each directive refuses. Outside of the sandbox it succeeds, in a directory `$1` with a
/// file; `$2` is a directory of another program.
const PROBES: [(&str, &str); 16] = [
    ("CapabilityBoundingSet", "unshare --mount true"),
    ("DynamicUser", "test $(id -u) = 0"),
    ("LockPersonality", "setarch --addr-no-randomize true"),
    ("MemoryDenyWriteExecute", "/usr/bin/python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=7)'"),
    ("NoNewPrivileges", "grep -qx 'NoNewPrivs:.0' /proc/self/status"),
    ("PrivateDevices", "test -e /dev/kmsg"),
    ("PrivateTmp", r#"test -e "$2""#),
    ("ProcSubset", "test -e /proc/meminfo"),
    ("ProtectHome", "ls /root"),
    ("ProtectProc", "test -e /proc/1"),
    ("ProtectSystem", "test -w /run/lock"),
    (
        "RestrictAddressFamilies",
        "/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'",
    ),
    ("RestrictNamespaces", "unshare --user true"),
    ("RestrictSUIDSGID", "chmod u+s file"),
    // Of its own file, which needs no privilege.
    ("SystemCallFilter", "chown 61184 file"),
    ("UMask", "test $(stat --format %a file) != 600"),
];

/// The value of a setting in a section.
fn setting(section: &str, name: &str) -> Option<&'static str> {
    directives(section).find(|(other, _)| *other == name).map(|(_, value)| value)
}

/// S75: systemd otherwise gives up after five starts within ten seconds, for good.
#[test]
fn systemd_repeats_a_failed_start_without_end() {
    assert_eq!(setting("Service", "Restart"), Some("always"));
    assert_eq!(setting("Unit", "StartLimitIntervalSec"), Some("0"));
    // Not so often that the failures fill the log.
    let pause: u32 = setting("Service", "RestartSec").unwrap().parse().unwrap();
    assert!((3..=30).contains(&pause), "{pause}");
}

/// X147: an argument would take precedence over the variables of the operator's file, which take
/// precedence over those of the unit.
#[test]
fn the_unit_sets_nothing_that_the_file_of_variables_cannot_replace() {
    let defaults = "CASTALIA_DATA_DIR=/var/lib/castalia CASTALIA_BIND=0.0.0.0";
    assert_eq!(setting("Service", "Environment"), Some(defaults));
    assert_eq!(setting("Service", "EnvironmentFile"), Some("-/etc/castalia/environment"));
    assert_eq!(setting("Service", "ExecStart"), Some("/usr/local/bin/castalia serve"));
}

/// Whether a command succeeds in a directory, below this command line.
fn succeeds(line: &[String], command: &str, directory: &Path, other: &Path) -> bool {
    let script = format!(r#"cd "$1" && rm -f file && touch file && {command}"#);
    let own = ["/bin/bash", "-c", &script, "bash"].map(str::to_owned);
    let line = [line, &own].concat();
    let output = Command::new(&line[0]).args(&line[1..]).args([directory, other]).output();
    output.unwrap().status.success()
}

/// The sandbox of these tests takes away what the unit does. It follows the unit, so that this also
/// fails if one of these directives is removed there.
#[test]
fn the_sandbox_refuses_what_the_unit_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let (state, own) = (directory.path().join("state"), Path::new("/var/lib/castalia"));
    let line = sandbox::command_line(&state);
    assert!(succeeds(&line, "touch /tmp/file /var/tmp/file", own, &state), "nothing works in it");
    for (directive, command) in PROBES {
        let inside = succeeds(&line, command, own, &state);
        assert!(!inside, "{directive} does not refuse: {command}");
        assert!(succeeds(&[], command, &state, &state), "refused without {directive}: {command}");
    }
}

/// The kernel's record of the process.
fn is_confined(server: &Server) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let user = format!("Uid:\t{USER}\t{USER}\t{USER}\t{USER}");
    let none = "0000000000000000";
    let privileges = ["CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|set| format!("{set}:\t{none}"));
    let others = ["NoNewPrivs:\t1", "Seccomp:\t2", "Umask:\t0077"].map(str::to_owned);
    for line in [&[user][..], &privileges, &others].concat() {
        assert!(status.lines().any(|other| other == line), "no {line:?} in {status}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: Vec<_> = files.split_whitespace().collect();
    let limit = setting("Service", "LimitNOFILE").unwrap();
    assert_eq!(files[..2], [limit, limit], "the soft limit is raised to the hard one");
}

/// Ends a server; the operating system has refused nothing that it tried.
fn ends_without_refusals(server: &mut Server) {
    let lines = server.all_printed_until_exit();
    for error in REFUSED.map(|error| format!("(os error {error})")) {
        let line = lines.iter().find(|line| line.contains(&error));
        assert_eq!(line, None);
    }
}

/// SEC-35: the first start, a restart, and in between what users, operators and clients do.
async fn works_with_the_restrictions_of_the_unit(engine: Option<Engine>) {
    let (directory, mut databases) = (tempfile::tempdir().unwrap(), Vec::new());
    for flag in ["--config-db", "--portal-db"] {
        let Some(engine) = engine else { break };
        let Some(fresh) = Fresh::on(engine).await else { return };
        databases.push((flag, fresh));
    }
    let state = directory.path().join("state");
    let start = || {
        let options = sandbox::options(&state);
        let flags = databases.iter();
        let options =
            flags.fold(options, |options, (flag, fresh)| options.flag(flag, &fresh.database.url));
        Server::start_in(&state, options)
    };
    let mut server = start();
    is_confined(&server);
    ports_are_ready(&server).await;
    let demo = Demo::create(&server, "demo").await;
    let meta = Http::new(&server.config);
    a_publish_reaches_a_client(&demo, &meta, "first").await;
    let root = session::root(&server).await;
    let namespace = json!({ "appId": "demo", "name": "more", "format": "properties" });
    root.post("/openapi/v1/apps/demo/appnamespaces", namespace).await.ok();
    let archive = root.download(ARCHIVE).await;
    ends_without_refusals(&mut server);

    let mut server = start();
    is_confined(&server);
    let meta = Http::new(&server.config);
    let served = meta.get("/configs/demo/default/application").await.ok().json();
    assert_eq!(served["configurations"], json!({ "k": "first again" }));
    a_publish_reaches_a_client(&demo.on(&server), &meta, "second").await;
    session::root(&server).await.upload(IMPORT, "a.zip", &archive).await.ok();
    ports_are_ready(&server).await;
    ends_without_refusals(&mut server);
    for (_, fresh) in databases {
        fresh.remove().await;
    }
}

#[tokio::test]
async fn a_server_works_with_the_restrictions_of_the_unit_on_files() {
    works_with_the_restrictions_of_the_unit(None).await;
}

#[tokio::test]
async fn a_server_works_with_the_restrictions_of_the_unit_on_mysql() {
    works_with_the_restrictions_of_the_unit(Some(Engine::MySql)).await;
}

#[tokio::test]
async fn a_server_works_with_the_restrictions_of_the_unit_on_postgres() {
    works_with_the_restrictions_of_the_unit(Some(Engine::Postgres)).await;
}
