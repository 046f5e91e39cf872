//! Names of clients, users and archives lead to no file outside of the directories of the server
//! and of the client, checked by a tracer of the file system (SEC-14).

use std::path::{Path, PathBuf};
use std::process::Command;

use castalia_core::{Client, Settings};
use flate2::Crc;
use serde_json::json;

use crate::support::demo::Demo;
use crate::support::http::Http;
use crate::support::raw;
use crate::support::server::{Options, Server};
use crate::support::session;
use crate::support::trace::{IS_ALLOWED, Trace, files};
use crate::support::variable;

/// Part of all names, so that a path that was formed from one is recognised.
const CANARY: &str = "canary";
const CONTENT: &str = "nobody may read this: 5b1f";

/// Names that would leave a directory if they became a part of a path, on some system.
fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = [
        "..",
        "../canary",
        "../../canary",
        "canary/../../canary",
        "canary/../../../canary",
        "./canary",
        "..\\canary",
        "..\\..\\canary",
        "C:\\canary",
        "C:canary",
        "\\\\canary\\share",
        "NUL",
        "NUL.canary",
        "CON",
        "canary%2f..%2fcanary",
        "..%2fcanary",
        "..%2f..%2fcanary",
        "..%252fcanary",
        "%2e%2e%2fcanary",
        "..%c0%afcanary",
        "....//canary",
        "..;/canary",
        "~/canary",
        "file:///canary",
        "canary\0",
        "canary:stream",
        "canary\n",
        ".canary",
        "canary.",
        "\u{ff0e}\u{ff0e}\u{ff0f}canary",
    ]
    .map(str::to_owned)
    .into();
    names.push(root.join(CANARY).display().to_string());
    names.push(format!("{CANARY}{}", "x".repeat(300 - CANARY.len())));
    names.push(format!("{}{CANARY}", "../".repeat(98)));
    names
}

/// In percent encoding, so that any name is one step of a path.
fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Static files, and the names that clients read.
async fn read(server: &Server, names: &[String]) {
    for name in names {
        let verbatim = name.replace(['\0', '\n'], "");
        for step in [encoded(name), verbatim] {
            for target in
                [format!("/assets/{step}"), format!("/assets/x/{step}"), format!("/{step}")]
            {
                let answer =
                    raw::send(&server.portal, &raw::request("GET", &target, &server.portal, &[]))
                        .await;
                assert!(!answer.is_ok_and(|answer| answer.text.contains(CONTENT)), "{target}");
            }
            for target in [
                format!("/configs/{step}/default/application"),
                format!("/configs/demo/{step}/application"),
                format!("/configs/demo/default/{step}"),
                format!("/configfiles/json/demo/default/{step}"),
                format!("/configfiles/raw/demo/default/{step}?dataCenter={step}"),
            ] {
                let answer =
                    raw::send(&server.config, &raw::request("GET", &target, &server.config, &[]))
                        .await;
                assert!(!answer.is_ok_and(|answer| answer.text.contains(CONTENT)), "{target}");
            }
        }
    }
}

/// Names in bodies; and of users, who may have any name, and whose apps are exported.
async fn write(demo: &Demo, root: &Http, names: &[String]) {
    for (index, name) in names.iter().enumerate() {
        let app = |id: &str, owner: &str| {
            let app = json!({ "appId": id, "name": name, "orgId": "o", "orgName": name, "ownerName": owner });
            json!({ "app": app, "admins": [] })
        };
        root.post("/openapi/v1/apps", app(name, "apollo")).await;
        let user = json!({ "username": name, "password": "correct horse battery", "enabled": 1 });
        if root.post("/openapi/v1/users?isCreate=true", user).await.status == 200 {
            root.post("/openapi/v1/apps", app(&format!("of-{index}"), name)).await;
        }
        let cluster = json!({ "appId": "demo", "name": name, "dataChangeCreatedBy": "apollo" });
        root.post("/openapi/v1/envs/DEV/apps/demo/clusters", cluster).await;
        let namespace = json!({ "appId": "demo", "name": name, "format": "properties" });
        root.post("/openapi/v1/apps/demo/appnamespaces", namespace).await;
        let item = json!({ "key": name, "value": name, "dataChangeCreatedBy": "apollo" });
        root.post(&format!("{}/items", demo.path()), item).await;
    }
}

/// Archives whose entries have these names, as files and as links; and files that are named so.
async fn transfer(demo: &Demo, root: &Http, names: &[String]) {
    let cluster = "/openapi/v1/apps/demo/envs/DEV/clusters/default";
    let items = json!([{ "key": "k", "value": "v" }]).to_string();
    for name in names {
        for mode in [FILE, LINK] {
            let content = if mode == LINK { name } else { &items };
            for path in [
                name.clone(),
                format!("demo/DEV/{name}"),
                format!("demo/DEV/demo+default+{name}.properties"),
            ] {
                let archive = archive(&path, content, mode);
                root.upload(&format!("{cluster}/import"), "a.zip", &archive).await;
                let all = "/openapi/v1/configs/import?envs=DEV&conflictAction=cover";
                root.upload(all, "a.zip", &archive).await;
            }
        }
        let file = name.replace(['\0', '\n'], "");
        let path = format!("{}/items/import", demo.path());
        root.upload(&path, &format!("{file}.properties"), b"k = v").await;
    }
    for path in ["/openapi/v1/configs/export?envs=DEV".to_owned(), format!("{cluster}/export")] {
        let exported = root.download(&path).await;
        assert!(exported.starts_with(b"PK"), "{path}: {}", String::from_utf8_lossy(&exported));
    }
}

const FILE: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

/// An archive with one stored entry of this mode.
fn archive(path: &str, content: &str, mode: u32) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(content.as_bytes());
    let length = u32::try_from(content.len()).unwrap();
    let name = u16::try_from(path.len()).unwrap();
    let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0, 0];
    for number in [crc.sum(), length, length, u32::from(name)] {
        common.extend(number.to_le_bytes());
    }
    let mut bytes = [b"PK\x03\x04", &common[..], path.as_bytes(), content.as_bytes()].concat();
    let directory = u32::try_from(bytes.len()).unwrap();
    // Made by Unix, so that the mode counts.
    bytes.extend([b"PK\x01\x02\x14\x03", &common[..], &[0; 6]].concat());
    bytes.extend((mode << 16).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(path.as_bytes());
    let size = u32::try_from(bytes.len()).unwrap() - directory;
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend([size.to_le_bytes(), directory.to_le_bytes()].concat());
    bytes.extend([0; 2]);
    bytes
}

/// The paths, of which each is in one of the directories.
fn inside(paths: Vec<String>, directories: &[&Path]) -> Vec<String> {
    let system = ["/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/lib64"].map(Path::new);
    // Only files without a name are opened there.
    let temporary = std::env::temp_dir();
    for path in &paths {
        let is_in = |directory: &&Path| Path::new(path).starts_with(directory);
        let is_inside = directories.iter().chain(&system).any(is_in);
        let is_library = path.contains(".so");
        let is_temporary = Path::new(path) == temporary;
        assert!(is_inside || is_library || is_temporary, "{path} was opened");
        assert!(path.split(['/', '\\']).all(|step| step != ".."), "{path} was opened");
    }
    paths
}

/// A directory with a file that nobody may read beside the one that is used.
fn beside_a_canary() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(CANARY), CONTENT).unwrap();
    let used = directory.path().join("used");
    std::fs::create_dir(&used).unwrap();
    (directory, used)
}

#[tokio::test]
async fn no_name_leads_to_a_file_of_the_server() {
    let (root, data) = beside_a_canary();
    let trace = Trace::new();
    let traced = format!("exec {} \"$0\" \"$@\"", trace.command().join(" "));
    let server = Server::start_in(&data, Options::new().before(&traced));
    let demo = Demo::create(&server, "demo").await;
    let administrator = session::root(&server).await;
    let (before, begun) = (files(root.path()), trace.paths().len());
    let names = names(root.path());
    read(&server, &names).await;
    write(&demo, &administrator, &names).await;
    transfer(&demo, &administrator, &names).await;
    assert_eq!(files(root.path()), before);
    assert_eq!(std::fs::read_to_string(root.path().join(CANARY)).unwrap(), CONTENT);
    let is_used = |path: &String| Path::new(path).starts_with(&data);
    assert!(!*IS_ALLOWED || trace.paths().iter().any(is_used), "nothing was traced");
    // A debug build reads the files of the web UI where they were built.
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for path in
        inside(trace.paths().split_off(begun), &[&data, &repository.join("server/web/dist")])
    {
        let is_formed = path.split('/').any(|step| matches!(step, "NUL" | "CON"));
        assert!(!is_formed && !path.contains(CANARY), "{path} was formed from a name");
    }
}

/// The client runs in a process of its own, which is this test binary, so that it can be traced.
#[tokio::test]
async fn no_name_leads_to_a_file_beside_the_cache_of_a_client() {
    let (root, cache) = beside_a_canary();
    let server = Server::start();
    Demo::create(&server, "demo").await.publish().await;
    let trace = Trace::new();
    let mut command = trace.command();
    command.push(std::env::current_exe().unwrap().display().to_string());
    let child = Command::new(&command[0])
        .args(&command[1..])
        .args(["--exact", "--ignored", "server::file_name::the_traced_client"])
        .env("CASTALIA_TEST_TRACED_CACHE", &cache)
        .env("CASTALIA_TEST_TRACED_META", &server.config)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let beside = files(root.path()).into_iter().filter(|path| !path.starts_with(&cache));
    assert_eq!(beside.collect::<Vec<_>>(), [root.path().join(CANARY)]);
    let paths = inside(trace.paths(), &[&cache]);
    let is_used = |path: &String| Path::new(path).starts_with(&cache);
    assert!(!*IS_ALLOWED || paths.iter().any(is_used), "nothing was traced");
}

#[tokio::test]
#[ignore = "started by the test above"]
async fn the_traced_client() {
    let Some(cache) = variable("CASTALIA_TEST_TRACED_CACHE") else { return };
    let meta = variable("CASTALIA_TEST_TRACED_META").unwrap();
    let settings = |app: &str| {
        let settings = Settings::new().set("app.id", app).set("apollo.meta", &*meta);
        settings.set("apollo.cache-dir", &*cache)
    };
    let client = Client::new(settings("demo")).unwrap();
    client.config("application").await.unwrap();
    for name in names(Path::new(&cache).parent().unwrap()) {
        let _ = client.config(&name).await;
        let _ = client.config_of(&name, "application").await;
        for (setting, app) in
            [("apollo.cluster", "demo"), ("apollo.label", "demo"), ("app.id", &*name)]
        {
            let Ok(other) = Client::new(settings(app).set(setting, &*name)) else { continue };
            let _ = other.config("application").await;
        }
    }
}
