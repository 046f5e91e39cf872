//! Concurrent searches over all items: publishes still arrive, and callers beyond the limit are
//! asked to retry later.

use std::time::{Duration, Instant};

use super::feed_node::{Kind, Node, on_each_kind};
use crate::support::http::Http;
use crate::support::poll::newest;

/// Many items of 4 KB in one namespace; a search reads all of them.
const ITEMS: u32 = 40_000;

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
    let admin = Http::new(&node.server.admin);
    let searches: Vec<_> = (0..20)
        .map(|_| {
            let admin = admin.clone();
            let path = "/items-search/key-and-value?key=&value=absent&page=0&size=10";
            tokio::spawn(async move {
                let start = Instant::now();
                let mut answers = Vec::new();
                while start.elapsed() < Duration::from_secs(4) {
                    answers.push(admin.get(path).await);
                }
                answers
            })
        })
        .collect();
    for round in 1..=4 {
        let (waiting, id) = node.poll().await;
        let value = round.to_string();
        node.app.publish(&value).await;
        assert!(newest(&waiting.soon().await.ok()) > id);
        node.eventually_serves(&value).await;
    }
    for search in searches {
        for answer in search.await.unwrap() {
            let is_refused = answer.status == 503 && !answer.header("retry-after").is_empty();
            assert!(answer.status == 200 || is_refused, "{answer:?}");
        }
    }
    node.end().await;
}

on_each_kind!(many_searches_do_not_starve_the_feed);
