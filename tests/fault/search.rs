//! Concurrent searches over all items: publishes still arrive, and callers beyond the limit are
//! asked to retry later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::feed_node::{Kind, Node, on_each_kind, slow_down};
use super::locked_portal::create_app;
use crate::support::app::App;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::poll::newest;
use crate::support::server::{Options, PASSWORD, Server};
use crate::support::session;
use crate::support::stopwatch::{Limit, Stopwatch};

/// Many items of 4 KB in one namespace; a search reads all of them.
const ITEMS: u32 = 40_000;
/// Concurrent callers: more than are served while a search waits, if three searches of about a
/// second run at a time.
const CALLERS: usize = 40;
/// The same of one user, whose searches wait five times as long.
const OF_ONE: usize = 100;
/// Time until a release is announced. When it waited for a connection behind the searches, it took
/// twelve seconds.
const ANNOUNCED: Limit = Limit { usual: Duration::from_secs(5), most: Duration::from_secs(20) };
/// Requests in a row of which each waits for the end of a slow read if these leave no connection. On a
/// machine that is busy for a while, they wait for its processors.
const IN_A_ROW: usize = 20;
const ROUNDS: usize = 5;
const OF_ALL: (u16, &str) = (503, "Too many concurrent searches");
const OF_USER: (u16, &str) = (429, "Other searches of yours last");
const APPS: &str = "/openapi/v1/apps/search/by-appid-or-name?query=demo&page=0&size=10";

/// S11
async fn many_searches_do_not_starve_the_feed(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.publish("0").await;
    let text = match kind {
        Kind::Sqlite => "hex(zeroblob(2000))",
        Kind::MySql | Kind::Postgres => "REPEAT('0', 4000)",
    };
    let fill = format!(
        r#"INSERT INTO "Item" ("NamespaceId","Key","Value")
           WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})
           SELECT 999999, 'k', {text} FROM numbers"#,
        if kind == Kind::MySql { 900 } else { ITEMS }
    );
    for _ in 0..if kind == Kind::MySql { ITEMS / 900 } else { 1 } {
        node.database.run(&[&fill]).await;
    }
    let (ended, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let searches: Vec<_> = (0..20)
        .map(|_| {
            let (ended, is_over) = (Arc::clone(&ended), Arc::clone(&is_over));
            let admin = Http::new(&node.server.admin);
            let path = "/items-search/key-and-value?key=&value=absent&page=0&size=10";
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !is_over.load(Ordering::SeqCst) {
                    answers.push(admin.get(path).await);
                    ended.fetch_add(1, Ordering::SeqCst);
                }
                answers
            })
        })
        .collect();
    eventually("the searches to run", async || (ended.load(Ordering::SeqCst) > 2).then_some(()))
        .await;
    let mut round = 0;
    let announcement = async || {
        round += 1;
        let (waiting, id) = node.poll().await;
        node.app.publish(&round.to_string()).await;
        let published = Stopwatch::start();
        assert!(newest(&waiting.soon().await.ok()) > id);
        let time = published.elapsed();
        node.eventually_serves(&round.to_string()).await;
        time
    };
    ANNOUNCED.check("an announcement", announcement).await;
    is_over.store(true, Ordering::SeqCst);
    for search in searches {
        for answer in search.await.unwrap() {
            let is_refused = answer.status == 503 && !answer.header("retry-after").is_empty();
            assert!(answer.status == 200 || is_refused, "{answer:?}");
        }
    }
    node.end().await;
}

/// Searches for a key: they find no index, and any user may send them.
async fn searches_for_a_key_wait_for_their_turn(kind: Kind) {
    let Some(node) = Node::start(kind, &[]).await else { return };
    node.app.set("default", "application", &[("k", "1")]).await;
    node.slow_down("Item").await;
    node.slow_down("Commit").await;
    let admin = Http::new(&node.server.admin);
    for path in [
        "/namespaces/find-by-item?itemKey=k&page=0&size=10".to_owned(),
        format!("{}/commit?key=k&page=0&size=10", node.app.path("default", "application")),
    ] {
        search_at_once(&admin, &path, CALLERS, OF_ALL).await;
    }
    node.end().await;
}

/// S58, S66: a file has four connections that read it. Those of one item and of a namespace read all
/// items for the revision.
#[tokio::test]
async fn searches_and_reads_of_contents_leave_a_connection_to_others() {
    let Some(node) = Node::start(Kind::Sqlite, &[]).await else { return };
    node.app.set("default", "application", &[("k", "1")]).await;
    node.slow_down("Item").await;
    let admin = Http::new(&node.server.admin);
    let search = "/items-search/key-and-value?key=k&value=&page=0&size=10".to_owned();
    let namespace = node.app.path("default", "application");
    let (items, item) = (format!("{namespace}/items"), format!("{namespace}/items/k"));
    let unpublished = "/apps/demo/namespaces/publish_info".to_owned();
    let ended = Arc::new(AtomicUsize::new(0));
    let mut slow = JoinSet::new();
    for path in [search, items, item, namespace, unpublished].map(|path| vec![path; 2]).concat() {
        let (admin, ended) = (admin.clone(), Arc::clone(&ended));
        slow.spawn(async move {
            for _ in 0..1000 {
                admin.get(&path).await;
                ended.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    eventually("all slow reads to run", async || (ended.load(Ordering::SeqCst) > 10).then_some(()))
        .await;
    let mut fewest = usize::MAX;
    for _ in 0..ROUNDS {
        let before = ended.load(Ordering::SeqCst);
        for _ in 0..IN_A_ROW {
            admin.get("/apps/demo").await.ok();
        }
        fewest = fewest.min(ended.load(Ordering::SeqCst) - before);
        if fewest < IN_A_ROW / 2 {
            break;
        }
    }
    assert!(fewest < IN_A_ROW / 2, "{IN_A_ROW} requests waited for {fewest} slow reads");
    slow.shutdown().await;
    node.end().await;
}

/// Sends a slow search many times, and requires that each is answered or has to wait for too long.
async fn search_at_once(http: &Http, path: &str, callers: usize, (status, reason): (u16, &str)) {
    let answers = join_all((0..callers).map(|_| http.get(path))).await;
    let is_refused = |answer: &&Answer| answer.status == status && answer.text.contains(reason);
    let refused = answers.iter().filter(is_refused).count();
    let found = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(found > 0 && refused > 0, "{path}: {answers:?}");
    assert_eq!(found + refused, callers, "{path}: {answers:?}");
}

/// S56: those of the portal for apps and namespaces, which find no index either.
#[tokio::test]
async fn searches_for_apps_and_namespaces_wait_for_their_turn() {
    let server = Server::start();
    let portal = session::root(&server).await;
    create_app(&portal).await;
    let database = Database::file(server.data_dir(), "portal.db");
    for table in ["App", "AppNamespace"] {
        slow_down(&database, Kind::Sqlite, table).await;
    }
    // The list of all apps does not wait for them: with them, it would be refused as most are.
    let list = "/openapi/v1/apps/search/by-appid-or-name?query=&page=0&size=10";
    let searches = join_all((0..CALLERS).map(|_| portal.get(APPS)));
    let (_, list) = tokio::join!(searches, portal.get(list));
    assert_eq!(list.status, 200, "{list:?}");
    for path in [
        APPS,
        "/openapi/v1/search?q=demo&in=apps",
        "/openapi/v1/search?q=application&in=namespaces",
    ] {
        search_at_once(&portal, path, OF_ONE, OF_USER).await;
    }
}

/// X72: those in the tables of the portal and in an environment.
#[tokio::test]
async fn searches_of_one_user_leave_turns_to_others() {
    let options = Options::new().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let root = session::root(&server).await;
    create_app(&root).await;
    let app = App::existing(&Http::new(&server.admin), "demo");
    app.set("default", "application", &[("k", "1")]).await;
    let user = json!({ "username": "other", "password": PASSWORD, "enabled": 1 });
    root.post("/openapi/v1/users?isCreate=true", user).await.ok();
    let other = session::sign_in_as(&server.portal, "other", PASSWORD).await;
    for (file, table) in [("portal.db", "App"), ("config.db", "Item")] {
        slow_down(&Database::file(server.data_dir(), file), Kind::Sqlite, table).await;
    }
    for path in [APPS, "/openapi/v1/global-search/item-info/by-key-or-value?key=k"] {
        // They do not come at the same time, so that some wait at any time.
        let mut searches = JoinSet::new();
        for caller in 0..CALLERS {
            let root = root.clone();
            searches.spawn(async move {
                sleep(Duration::from_millis(50) * u32::try_from(caller).unwrap()).await;
                for _ in 0..1000 {
                    root.get(path).await;
                }
            });
        }
        for _ in 0..6 {
            let answer = other.get(path).await.ok();
            assert!(!answer.text.contains("cannot be searched"), "{path}: {answer:?}");
        }
        searches.shutdown().await;
    }
}

on_each_kind!(many_searches_do_not_starve_the_feed, searches_for_a_key_wait_for_their_turn);
