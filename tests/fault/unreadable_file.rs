//! A SQLite file of which nothing can be read, or single pages cannot: whoever needs them is
//! refused, and `/health` names the tables as long as that lasts, also if nobody asks for anything
//! meanwhile.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use super::disk::Disk;
use super::feed_node::{Kind, Node};
use super::locked_table::{recovers, reports};
use super::rewind::restore;
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::health::becomes;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session;

const PAGE: usize = 4096;
/// Begins the values; found in the pages that hold items and releases.
const MARK: &str = "a value that fills the pages of the file ";

fn options() -> Options {
    Options::new().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

fn is_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{answer:?}");
}

async fn publish(app: &App, namespace: &str) {
    let keys: Vec<String> = (0..40).map(|number| format!("k{number}")).collect();
    let value = format!("{MARK}{}", "-".repeat(1500));
    let items: Vec<_> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
    app.release("default", namespace, &items).await;
}

const READY: &str = "/health/ready";
const ITEMS: &str = "/apps/demo/clusters/default/namespaces/application/items";

/// Not for a moment 200, whether or not something is asked for.
async fn remains_unhealthy(http: &Http) {
    for _ in 0..10 {
        let health = http.get("/health").await;
        assert_eq!(health.status, 503, "{health:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_reported_with_the_first_request() {
    let (disk, file) = (Disk::new(), "config.db");
    let mut server = disk.start_with(options(), &disk.data().join(file));
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.add_namespace("demo.other", true).await;
    for namespace in ["demo.other", "application"] {
        publish(&app, namespace).await;
    }
    // Its pages are not in memory after a restart.
    assert!(server.terminate().success());
    let server = disk.start_with(options(), &disk.data().join(file));
    let (admin, config) = (Http::new(&server.admin), Http::new(&server.config));
    config.get("/configs/demo/default/application").await.ok();
    becomes(&config, READY, 200).await;
    disk.set("eio-read");
    is_refused(&admin.get(ITEMS).await);
    for http in [&config, &admin] {
        let health = http.get("/health").await;
        assert_eq!(health.status, 503, "{health:?}");
        assert!(health.text.contains("the table "), "{health:?}");
    }
    becomes(&admin, READY, 503).await;
    becomes(&config, READY, 200).await;
    config.get("/configs/demo/default/application").await.ok();
    let refused = config.get("/configs/demo/default/demo.other").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    becomes(&config, READY, 503).await;
    remains_unhealthy(&config).await;
    disk.set("");
    // Without a request that needs the file.
    recovers(&config).await;
    for http in [&config, &admin] {
        becomes(http, READY, 200).await;
    }
    admin.get(ITEMS).await.ok();
    config.get("/configs/demo/default/demo.other").await.ok();
}

#[tokio::test]
async fn a_file_of_the_portal_that_cannot_be_read_is_reported_with_the_first_request() {
    let (disk, file) = (Disk::new(), "portal.db");
    let mut server = disk.start_with(options(), &disk.data().join(file));
    session::root(&server).await;
    assert!(server.terminate().success());
    let server = disk.start_with(options(), &disk.data().join(file));
    let portal = session::root(&server).await;
    disk.set("eio-read");
    let search = "/openapi/v1/users?keyword=apollo&includeInactiveUsers=false&offset=0&limit=10";
    is_refused(&portal.get(search).await);
    let health = portal.get("/health").await;
    assert_eq!(health.status, 503, "{health:?}");
    becomes(&portal, READY, 503).await;
    becomes(&Http::new(&server.config), READY, 200).await;
    remains_unhealthy(&portal).await;
    disk.set("");
    recovers(&portal).await;
    becomes(&portal, READY, 200).await;
    portal.get(search).await.ok();
}

/// The pages that hold the values, and what they held.
struct Damage {
    file: File,
    pages: Vec<(u64, Vec<u8>)>,
}

impl Damage {
    fn of(path: &Path, is_meant: fn(&[u8]) -> bool) -> Self {
        let content = std::fs::read(path).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        let holds = |page: &[u8]| page.windows(MARK.len()).any(|text| text == MARK.as_bytes());
        let pages = content.chunks(PAGE).enumerate();
        let pages = pages.filter(|(_, page)| holds(page) && is_meant(page));
        let pages: Vec<_> =
            pages.map(|(number, page)| ((number * PAGE) as u64, page.to_vec())).collect();
        assert!(!pages.is_empty());
        for (at, _) in &pages {
            file.write_all_at(&[0xff; PAGE], *at).unwrap();
        }
        Self { file, pages }
    }

    fn repair(self) {
        for (at, page) in self.pages {
            self.file.write_all_at(&page, at).unwrap();
        }
    }
}

/// `config.db` in the data directory of the server.
fn damage(server: &Server) -> Damage {
    Damage::of(&server.data_dir().join("config.db"), |_| true)
}

/// The same without the pages that hold the beginning of a row, of which others hold a part. A page
/// of rows begins with the number 13.
fn damage_rest_of_rows(server: &Server) -> Damage {
    Damage::of(&server.data_dir().join("config.db"), |page| page[0] != 13)
}

/// The same with only the pages that hold the beginning of a row.
fn damage_beginning_of_rows(server: &Server) -> Damage {
    Damage::of(&server.data_dir().join("config.db"), |page| page[0] == 13)
}

#[tokio::test]
async fn a_damaged_page_is_reported_until_it_can_be_read() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    publish(&node.app, "application").await;
    let node = node.restart(async |_| ()).await;
    let admin = Http::new(&node.server.admin);
    becomes(&node.http, READY, 200).await;
    let damaged = damage(&node.server);
    is_refused(&admin.get(ITEMS).await);
    let health = node.get("/health").await;
    assert!(health.status == 503 && health.text.contains("the table Item"), "{health:?}");
    becomes(&admin, READY, 503).await;
    becomes(&node.http, READY, 200).await;
    assert_eq!(node.value().await, "503");
    reports(&node.http, &["the table Release".into(), "demo+default+application".into()]).await;
    becomes(&node.http, READY, 503).await;
    remains_unhealthy(&node.http).await;
    damaged.repair();
    recovers(&node.http).await;
    becomes(&node.http, READY, 200).await;
    becomes(&admin, READY, 200).await;
    admin.get(ITEMS).await.ok();
    node.get("/configs/demo/default/application").await.ok();
    node.end().await;
}

/// The namespaces that can be read are read again after the ids of messages went back, and compared
/// with the database in the rounds that follow.
#[tokio::test]
async fn a_damaged_page_keeps_no_other_namespace_from_being_read_again() {
    const OTHERS: [&str; 6] = ["n0", "n1", "n2", "n3", "n4", "n5"];
    let variables =
        [("CASTALIA_FEED_REWIND_ALARM", "0"), ("CASTALIA_FEED_RECONCILIATION_INTERVAL", "1")];
    let Some(node) = Node::start(Kind::Sqlite, &variables).await else { return };
    publish(&node.app, "application").await;
    for name in OTHERS {
        node.app.add_namespace(name, false).await;
        node.app.release("default", name, &[("k", "kept")]).await;
    }
    let newest = async |table: &str| {
        let rows = node.database.rows(&format!(r#"SELECT MAX("Id") AS "Id" FROM "{table}""#)).await;
        rows[0]["Id"].as_i64().unwrap()
    };
    let (release, message) = (newest("Release").await, newest("ReleaseMessage").await);
    for name in OTHERS {
        node.app.release("default", name, &[("k", "lost")]).await;
    }
    let node = node.restart(async |_| ()).await;
    let serves = async |name: &str, value: &str| {
        let answer = node.get(&format!("/configs/demo/default/{name}")).await;
        (answer.status == 200 && answer.text.contains(&format!(r#""k":"{value}""#))).then_some(())
    };
    node.get("/configs/demo/default/application").await.ok();
    for name in OTHERS {
        eventually("the last release", || serves(name, "lost")).await;
    }
    let damaged = damage_rest_of_rows(&node.server);
    restore(&node, release, message).await;
    for name in OTHERS {
        eventually("what the database has", || serves(name, "kept")).await;
    }
    reports(&node.http, &["demo+default+application".into()]).await;
    node.get("/configs/demo/default/application").await.ok();
    let changed = r#"UPDATE "Release" SET "Configurations" = '{"k":"changed"}' WHERE "NamespaceName" LIKE 'n_'"#;
    node.database.run(&[changed]).await;
    for name in OTHERS {
        eventually("what was changed by hand", || serves(name, "changed")).await;
    }
    damaged.repair();
    recovers(&node.http).await;
    node.end().await;
}

/// The ids of 64 namespaces are compared in one statement. The first releases of the others, which
/// no message announces, are found by this comparison only.
#[tokio::test]
async fn a_damaged_page_keeps_no_other_namespace_from_being_compared() {
    const OTHERS: usize = 69;
    let variables = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "1")];
    let Some(node) = Node::start(Kind::Sqlite, &variables).await else { return };
    publish(&node.app, "application").await;
    // Each fills a page behind the one that is damaged below. Hidden until then, and shown by a
    // statement that reads none of the pages before them.
    let insert = |name: &str| {
        format!(
            r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations","IsDeleted")
               VALUES ('key of {name}','demo','default','{name}','{{"k":"first","filler":"{}"}}',1)"#,
            "-".repeat(3_600)
        )
    };
    let names: Vec<String> = (0..OTHERS).map(|number| format!("n{number}")).collect();
    let inserts: Vec<String> =
        std::iter::once("filler").chain(names.iter().map(String::as_str)).map(insert).collect();
    node.database.run(&inserts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let first = r#"SELECT "Id" FROM "Release" WHERE "NamespaceName" = 'n0'"#;
    let first = node.database.rows(first).await[0]["Id"].as_i64().unwrap();
    let node = node.restart(async |_| ()).await;
    let path = |name: &str| format!("/configs/demo/default/{name}");
    becomes(&node.http, &path("application"), 200).await;
    for name in &names {
        becomes(&node.http, &path(name), 404).await;
    }
    let damaged = damage_beginning_of_rows(&node.server);
    let show = format!(r#"UPDATE "Release" SET "IsDeleted" = 0 WHERE "Id" >= {first}"#);
    node.database.run(&[&show]).await;
    for name in &names {
        becomes(&node.http, &path(name), 200).await;
    }
    reports(&node.http, &["demo+default+application".into()]).await;
    node.get(&path("application")).await.ok();
    damaged.repair();
    recovers(&node.http).await;
    node.end().await;
}
