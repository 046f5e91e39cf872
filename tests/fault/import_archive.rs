//! The archive of an app with many namespaces, and what an archive contains.

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::DeflateDecoder;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::import_shutdown::EXPORT;
use super::locked_portal::{NAMESPACE, accepted, create_app};
use crate::support::http::Http;
use crate::support::server::Server;
use crate::support::session;

/// Namespaces with items that a new node lacks: many more than are imported between two looks.
pub(super) const NAMESPACES: usize = 40;
/// Value of the key `k` of `application`, which is published nowhere.
pub(super) const IMPORTED: &str = "imported";
/// Key of the last item of each namespace.
pub(super) const LAST: &str = "last";

/// The items of each namespace, and `null` for each entry that describes something else, by path.
pub(super) type Content = BTreeMap<String, Value>;

/// An archive with the app `demo` and a smaller one, which is made once.
pub(super) async fn archive() -> &'static [u8] {
    static ARCHIVE: OnceCell<Vec<u8>> = OnceCell::const_new();
    ARCHIVE.get_or_init(make).await
}

async fn make() -> Vec<u8> {
    let server = Server::start();
    let root = session::root(&server).await;
    create_app(&root).await;
    let small = json!({
        "app": {
            "appId": "small", "name": "small", "orgId": "o", "orgName": "O", "ownerName": "apollo",
        },
    });
    accepted(async || root.post("/openapi/v1/apps", small.clone()).await).await;
    let cluster = json!({ "appId": "demo", "name": "other" });
    let path = "/openapi/v1/envs/DEV/apps/demo/clusters";
    accepted(async || root.post(path, cluster.clone()).await).await;
    let items = format!("k = {IMPORTED}\na = 1\n{LAST} = 2");
    write(&root, NAMESPACE, &items).await;
    write(&root, &NAMESPACE.replace("demo", "small"), &items).await;
    for number in 0..NAMESPACES {
        let name = format!("n{number}");
        let definition = json!({ "appId": "demo", "name": name, "format": "properties" });
        let path = "/openapi/v1/apps/demo/appnamespaces";
        accepted(async || root.post(path, definition.clone()).await).await;
        let place = NAMESPACE.replace("application", &name);
        write(&root, &place, &format!("# of {name}\n\na = 1\nb = {name}\n{LAST} = 2")).await;
    }
    root.download(EXPORT).await
}

/// Replaces the items of a namespace by those of a text.
async fn write(root: &Http, place: &str, text: &str) {
    let text = json!({ "format": "properties", "configText": text });
    accepted(async || root.put(&format!("{place}/items"), text.clone()).await).await;
}

/// Keys, values and comments in the order of their lines, without ids, authors and times.
pub(super) fn content(archive: &[u8]) -> Content {
    let item = |item: &Value| {
        Value::from(["key", "value", "comment", "type"].map(|member| item[member].clone()))
    };
    let items = |text: &str| -> Value {
        let items: Vec<Value> = serde_json::from_str(text).unwrap();
        items.iter().map(item).collect()
    };
    let entries = entries(archive).into_iter();
    let parsed = entries.map(|(path, text)| match path.ends_with(".metadata") {
        true => (path, Value::Null),
        false => (path, items(&text)),
    });
    parsed.collect()
}

/// The texts of a zip archive without a comment, by path: the list at its end names them all.
fn entries(archive: &[u8]) -> BTreeMap<String, String> {
    let number = |at: usize, length: usize| {
        let bytes = archive[at..at + length].iter().rev();
        bytes.fold(0_usize, |number, byte| (number << 8) | usize::from(*byte))
    };
    let end = archive.len() - 22;
    assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
    let mut entries = BTreeMap::new();
    let mut at = number(end + 16, 4);
    for _ in 0..number(end + 10, 2) {
        assert_eq!(&archive[at..at + 4], b"PK\x01\x02");
        let next = at + 46 + number(at + 28, 2) + number(at + 30, 2) + number(at + 32, 2);
        let path = &archive[at + 46..at + 46 + number(at + 28, 2)];
        let local = number(at + 42, 4);
        let data = local + 30 + number(local + 26, 2) + number(local + 28, 2);
        let mut text = String::new();
        let compressed = &archive[data..data + number(at + 20, 4)];
        DeflateDecoder::new(compressed).read_to_string(&mut text).unwrap();
        assert!(entries.insert(String::from_utf8(path.to_vec()).unwrap(), text).is_none());
        at = next;
    }
    entries
}
