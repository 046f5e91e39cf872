//! Archives that are refused, after which nothing has changed (REL-64), and paths that would leave
//! a folder (SEC-14).

use http::Method;
use serde_json::json;

use super::archive::archive;
use super::world::{Answer, Caller, NS, World, app, item};

const CLUSTER: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/import";
const ALL: &str = "/openapi/v1/configs/import?envs=LOCAL&conflictAction=cover";
const GOOD_OF_ALL: &str = "u1/demo/LOCAL/demo+default+application.properties";
const GOOD: &str = "demo/LOCAL/demo+default+application.properties";

fn items(key: &str) -> String {
    json!([item(key, "v")]).to_string()
}

/// Requires that a request for all of the archive is refused and that the namespace is still empty.
async fn refused(owner: &Caller<'_>, answer: Answer, message: &str) {
    answer.fails(400, message);
    assert_eq!(answer.json()["code"], "invalid_archive", "{answer:?}");
    assert_eq!(owner.get(&format!("{NS}/items")).await.ok()["total"], 0, "{message}");
}

/// A82, and other entries that are not of the cluster.
#[tokio::test]
async fn an_archive_with_one_wrong_entry_changes_nothing() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let definition = json!({ "appId": "demo", "name": "shared", "format": "properties" });
    owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    let two = json!([item("k", "1"), item("k", "2")]).to_string();
    for (path, content, message) in [
        ("other/LOCAL/other+default+application.properties", items("k"), "The content of the file"),
        ("demo/PRO/demo+default+application.properties", items("k"), "The content of the file"),
        ("demo/LOCAL/demo+c2+application.properties", items("k"), "The content of the file"),
        ("u1/demo/LOCAL/demo+default+application.properties", items("k"), "Invalid file path"),
        ("demo/LOCAL/demo+default+application.exe", items("k"), "the name does not end"),
        ("demo/LOCAL/demo+default+unknown.yml", items("content"), "neither portal nor archive"),
        ("demo/LOCAL/demo+default+shared.properties", "{}".into(), "the JSON is invalid"),
        ("demo/LOCAL/demo+default+shared.properties", "[".repeat(100_000), "the JSON is invalid"),
        ("demo/LOCAL/demo+default+shared.properties", two, "the key k occurs twice"),
    ] {
        let bytes = archive(&[(GOOD, items("k")), (path, content)]);
        let message = format!("Nothing was imported. {path}: {message}");
        refused(&owner, owner.upload(CLUSTER, "c.zip", &bytes).await, &message).await;
    }
    let none: [(&str, &str); 0] = [];
    let empty = owner.upload(CLUSTER, "c.zip", &archive(&none)).await;
    refused(&owner, empty, "The configuration to be imported is empty.").await;
}

/// SEC-14: no entry is a path on disk, whatever it is named.
#[tokio::test]
async fn paths_that_leave_a_folder_are_refused() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    for path in [
        "../../etc/cron.d/x",
        "demo/LOCAL/../../x",
        "/etc/passwd",
        "C:\\windows\\x",
        "demo\\..\\x",
        "demo//x",
        "demo/LOCAL/demo+default+a\n.properties",
    ] {
        let bytes = archive(&[(GOOD, items("k")), (path, items("k"))]);
        let answer = owner.upload(CLUSTER, "../../c.zip", &bytes).await;
        refused(&owner, answer, &format!("{path:?} is not a path of an export")).await;
    }
}

#[tokio::test]
async fn damaged_files_are_refused() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let whole = archive(&[(GOOD, items("k")), ("demo/LOCAL/demo+default+b.yml", items("content"))]);
    for length in [0, 1, 40, whole.len() / 2, whole.len() - 1] {
        let answer = owner.upload(CLUSTER, "c.zip", &whole[..length]).await;
        refused(&owner, answer, "The file is not a complete zip archive").await;
    }
    // A bit in the compressed data of the first entry, after its header and name.
    let mut damaged = archive(&[(GOOD, items("k"))]);
    damaged[30 + GOOD.len() + 4] ^= 1;
    let answer = owner.upload(CLUSTER, "c.zip", &damaged).await;
    refused(&owner, answer, &format!("Nothing was imported. {GOOD}: ")).await;
    let twice = archive(&[(GOOD, items("a")), (GOOD, items("b"))]);
    let answer = owner.upload(CLUSTER, "c.zip", &twice).await;
    refused(&owner, answer, &format!("{GOOD}: the archive has this entry twice")).await;
    let answer = owner.send(Method::POST, CLUSTER, "application/json", "{}").await;
    answer.fails(400, "send a multipart form with the file in the field `file`");
    let form = "--B\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n1\r\n--B--\r\n";
    let answer = owner.send(Method::POST, CLUSTER, "multipart/form-data; boundary=B", form).await;
    answer.fails(400, "Required part 'file' is not present.");
}

#[tokio::test]
async fn bombs_are_refused_before_they_are_decompressed() {
    let mut world = World::with_demo().await;
    for (key, value) in [
        ("import.archive.entries", "1000"),
        ("import.archive.entry.mib", "1"),
        ("import.archive.total.mib", "3"),
        ("import.archive.file.mib", "1"),
    ] {
        world.set(key, value);
    }
    let owner = world.user("u1").await;
    let path = |number: usize| format!("demo/LOCAL/demo+default+n{number}.yml");
    let large = " ".repeat((1 << 20) + 1);
    let answer = owner.upload(CLUSTER, "c.zip", &archive(&[(path(1), large)])).await;
    refused(&owner, answer, "demo/LOCAL/demo+default+n1.yml: 1048577 bytes are more").await;
    let full = " ".repeat(1 << 20);
    let many: Vec<_> = (0..4).map(|number| (path(number), full.as_str())).collect();
    let answer = owner.upload(CLUSTER, "c.zip", &archive(&many)).await;
    refused(&owner, answer, "The entries have more than 3145728 bytes together.").await;
    let many: Vec<_> = (0..1001).map(|number| (path(number), "")).collect();
    let answer = owner.upload(CLUSTER, "c.zip", &archive(&many)).await;
    refused(&owner, answer, "The archive has more than 1000 entries.").await;
    // An entry that is larger than the list of entries states.
    let bytes = archive(&[(GOOD, " ".repeat(100_000))]);
    let mut lying = bytes.clone();
    let stated = 100_000_u32.to_le_bytes();
    let at = lying.windows(4).rposition(|window| window == stated).unwrap();
    lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    let answer = owner.upload(CLUSTER, "c.zip", &lying).await;
    refused(&owner, answer, &format!("Nothing was imported. {GOOD}: ")).await;
    let answer = owner.upload(CLUSTER, "c.zip", &vec![b' '; 1 << 20]).await;
    answer.fails(413, "The body is larger than 1048576 bytes.");
}

/// Its items would be read as another format, or nobody could link it.
#[tokio::test]
async fn a_definition_that_differs_from_the_portals_is_refused() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    for (is_public, format) in [(true, "properties"), (false, "json")] {
        let definition = json!({
            "appId": "demo", "name": "application", "format": format, "isPublic": is_public,
        });
        let path = "demo+application.appnamespace.metadata";
        let bytes = archive(&[(path, definition.to_string())]);
        let reason = "the portal has it as private, of the format properties";
        let answer = root.upload(ALL, "all.zip", &bytes).await;
        answer.fails(400, &format!("Nothing was imported. {path}: {reason}"));
    }
}

/// Three bytes for an item would become some hundred in memory.
#[tokio::test]
async fn a_namespace_with_too_many_items_is_refused_before_they_are_stored_in_memory() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let items = format!("[{{}}{}]", ",{}".repeat(100_000));
    let answer = owner.upload(CLUSTER, "c.zip", &archive(&[(GOOD, &items)])).await;
    let reason = "the JSON is invalid: more than 100000 objects";
    refused(&owner, answer, &format!("Nothing was imported. {GOOD}: {reason}")).await;
    let path = CLUSTER.replace("/import", "/namespaces/application/items/import");
    let file = "demo+default+application.properties";
    owner.upload(&path, file, items.as_bytes()).await.fails(400, reason);
}

#[tokio::test]
async fn everything_an_archive_refers_to_must_exist() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let of_app = |owner: &str, app_id: &str| {
        let mut body = app(app_id, owner)["app"].clone();
        body["ownerName"] = json!(owner);
        body.to_string()
    };
    let definition = |app_id: &str| {
        json!({ "appId": app_id, "name": "pub", "format": "properties", "isPublic": true })
            .to_string()
    };
    let public = |app_id: &str, name: &str| {
        json!({ "appId": app_id, "name": name, "format": "properties", "isPublic": true })
            .to_string()
    };
    let private = |app_id: &str, name: &str| {
        json!({ "appId": app_id, "name": name, "format": "properties" }).to_string()
    };
    let cluster =
        |comment: &str| json!({ "appId": "demo", "name": "c2", "comment": comment }).to_string();
    let with = |member: &str, value: serde_json::Value| {
        let mut item = item("k", "v");
        item[member] = value;
        json!([item]).to_string()
    };
    let owner = world.user("u1").await;
    let mine = json!({
        "appId": "demo", "name": "pub", "format": "properties", "isPublic": true,
        "appendNamespacePrefix": false,
    });
    owner.post("/openapi/v1/apps/demo/appnamespaces", mine).await.ok();
    for (entries, message) in [
        (
            vec![("ghost/new/app.metadata", of_app("ghost", "new"))],
            "ghost/new/app.metadata: the owner ghost is not a user",
        ),
        (
            vec![("u1/new/app.metadata", of_app("u1", "another"))],
            "u1/new/app.metadata: the path says new, the content another",
        ),
        (
            vec![
                ("u1/new/app.metadata", of_app("u1", "new")),
                ("new+pub.appnamespace.metadata", definition("new")),
            ],
            "new+pub.appnamespace.metadata: the app demo already has this public namespace",
        ),
        (
            vec![("u1/lost/LOCAL/lost+default+application.properties", items("k"))],
            "u1/lost/LOCAL/lost+default+application.properties: neither portal nor archive has",
        ),
        (
            vec![("u1/demo/LOCAL/demo+a b+application.properties", items("k"))],
            "u1/demo/LOCAL/demo+a b+application.properties: the name of the cluster is invalid",
        ),
        (vec![("readme.txt", String::new())], "readme.txt: no export has an entry"),
        (
            vec![
                ("u1/new/app.metadata", of_app("u1", "new")),
                ("apollo/new/app.metadata", of_app("apollo", "new")),
            ],
            "apollo/new/app.metadata: u1/new/app.metadata describes the same object",
        ),
        (
            vec![("u1/demo/local/demo+default+application.properties", items("other"))],
            "u1/demo/local/demo+default+application.properties: u1/demo/LOCAL/demo+default+",
        ),
        (
            vec![(
                "demo+w.json.appnamespace.metadata",
                json!({ "appId": "demo", "name": "w.json", "format": "properties" }).to_string(),
            )],
            "demo+w.json.appnamespace.metadata: the name `w.json` does not end as a namespace",
        ),
        (
            vec![
                ("u1/new/app.metadata", of_app("u1", "new")),
                ("demo+two.appnamespace.metadata", public("demo", "two")),
                ("new+Two.appnamespace.metadata", public("new", "Two")),
            ],
            "new+Two.appnamespace.metadata: demo+two.appnamespace.metadata has the same name",
        ),
        (
            vec![
                ("u1/new/app.metadata", of_app("u1", "new")),
                ("demo+two.appnamespace.metadata", public("demo", "two")),
                ("new+two.appnamespace.metadata", private("new", "two")),
            ],
            "new+two.appnamespace.metadata: demo+two.appnamespace.metadata has the same name",
        ),
        (
            vec![
                ("u1/new/app.metadata", of_app("u1", "new")),
                ("new+PUB.appnamespace.metadata", private("new", "PUB")),
            ],
            "new+PUB.appnamespace.metadata: the app demo already has this public namespace",
        ),
        (
            vec![("demo+Pub.appnamespace.metadata", private("demo", "Pub"))],
            "demo+Pub.appnamespace.metadata: the app demo already has this public namespace",
        ),
        (
            vec![("u1/demo/LOCAL/demo+c2+application.properties", items("k"))],
            "u1/demo/LOCAL/demo+c2+application.properties: neither LOCAL nor archive has the \
             cluster c2",
        ),
        (
            vec![("u1/demo/LOCAL/c2.cluster.metadata", cluster(&"c".repeat(65)))],
            "u1/demo/LOCAL/c2.cluster.metadata: comment is longer than 64 characters",
        ),
        (
            vec![("u1/demo/LOCAL/demo+default+pub.properties", with("type", json!(4)))],
            "u1/demo/LOCAL/demo+default+pub.properties: the type of the key k is not in [0, 3]",
        ),
        (
            vec![(
                "u1/demo/LOCAL/demo+default+pub.properties",
                with("comment", json!("c".repeat(1025))),
            )],
            "u1/demo/LOCAL/demo+default+pub.properties: comment is longer than 1024 characters",
        ),
    ] {
        let mut all = vec![(GOOD_OF_ALL, items("k"))];
        all.extend(entries);
        let answer = root.upload(ALL, "c.zip", &archive(&all)).await;
        refused(&owner, answer, &format!("Nothing was imported. {message}")).await;
        root.get("/openapi/v1/apps/new").await.fails(400, "App not found: new");
    }
    if super::engine::ignores_case() {
        let other_case = of_app("u1", "Demo");
        let bytes = archive(&[(GOOD_OF_ALL, items("k")), ("u1/Demo/app.metadata", other_case)]);
        let message = "Nothing was imported. u1/Demo/app.metadata: the app demo has the same id in";
        refused(&owner, root.upload(ALL, "c.zip", &bytes).await, message).await;
    }
}

#[tokio::test]
async fn an_environment_that_does_not_answer_refuses_the_import_before_any_change() {
    let mut world = World::with_demo().await;
    world.set("apollo.portal.envs", "local,far");
    let root = world.user("apollo").await;
    let entry = |env: &str| format!("u1/demo/{env}/demo+default+application.properties");
    let bytes = archive(&[(entry("LOCAL"), items("k")), (entry("FAR"), items("k"))]);
    let path = "/openapi/v1/configs/import?envs=LOCAL,FAR";
    root.upload(path, "c.zip", &bytes).await.fails(500, "Nothing was imported. FAR: No available");
    assert_eq!(root.get(&format!("{NS}/items")).await.ok()["total"], 0);
}

#[tokio::test]
async fn imports_are_for_those_who_may_change_the_target() {
    let world = World::with_demo().await;
    let bytes = archive(&[(GOOD, items("k"))]);
    let token = world.token_for_all("ci").await;
    let namespace = CLUSTER.replace("/import", "/namespaces/application/items/import");
    for path in [ALL, "/openapi/v1/import?envs=LOCAL", CLUSTER, &namespace] {
        let stranger = world.user("u2").await;
        stranger.upload(path, "a.properties", &bytes).await.fails(403, "Access is denied");
        let consumer = world.consumer(&token);
        let answer = consumer.upload(path, "a.properties", &bytes).await;
        answer.fails(403, "Portal user session is required");
    }
    let owner = world.user("u1").await;
    owner.upload(ALL, "c.zip", &bytes).await.fails(403, "Access is denied");
}
