//! A transaction inserts more release messages than a scan reads in one statement, and then waits
//! for a row lock of another transaction. Messages with greater ids are announced meanwhile, and
//! all of the early ones once it commits.

use std::time::Duration;

use super::feed_node::{Kind, Node};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};

/// More than two reads of a scan.
const MESSAGES: usize = 1_200;

async fn a_batch_behind_a_row_lock_delays_nobody_and_is_announced(kind: Kind) {
    let variables = [("CASTALIA_FEED_RECONCILIATION_INTERVAL", "86400")];
    let Some(node) = Node::start(kind, &variables).await else { return };
    let other = App::create(&Http::new(&node.server.admin), "other").await;
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    let (waiting, known) = node.poll().await;

    let lock =
        r#"UPDATE "Namespace" SET "DataChange_LastModifiedBy" = 'lock' WHERE "AppId" = 'demo'"#;
    let holder = node.database.begin(&[lock]).await;
    let messages = |text: &dyn Fn(usize) -> String| {
        let texts: Vec<_> = (0..MESSAGES).map(|at| format!("('{}')", text(at))).collect();
        format!(r#"INSERT INTO "ReleaseMessage" ("Message") VALUES {}"#, texts.join(","))
    };
    let place = "'20260101000000-000000000000000b','demo','default','application'";
    let release = format!(
        r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations") VALUES ({place},'{{"k":"early"}}')"#
    );
    let last = r#"INSERT INTO "ReleaseMessage" ("Message") VALUES ('demo+default+application')"#;
    let inserts = [release, messages(&|at| format!("demo+default+n{at}")), last.to_owned()];
    let batch = tokio::spawn({
        let database = node.database.clone();
        async move {
            let [release, messages, last] = &inserts;
            database.begin(&[release, messages, last, lock]).await.commit().await.unwrap();
        }
    });
    eventually("the ids to be reserved", async || {
        other.publish("0").await;
        let id = node.database.newest("other+default+application").await;
        (id > known + MESSAGES as i64).then_some(())
    })
    .await;
    for round in 1..=3 {
        other.publish(&round.to_string()).await;
        let id = node.database.newest("other+default+application").await;
        eventually("the greater id", async || {
            (position(&node.http, "other", "application").await == id).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(!batch.is_finished() && node.value().await == "1");

    let path = poll::path("demo", &[("n0", -1), (&format!("n{}", MESSAGES - 1), -1)]);
    let of_batch = Waiting::start(&node.http, &path).await;
    holder.rollback().await.unwrap();
    batch.await.unwrap();
    let early = newest(&waiting.soon().await.ok());
    let later = node.database.newest("other+default+application").await;
    assert!(known < early && early < later, "{known} {early} {later}");
    node.eventually_serves("early").await;
    assert!(newest(&of_batch.soon().await.ok()) > known);
    for at in [0, 499, 500, 501, 1_000, MESSAGES - 1] {
        assert!(position(&node.http, "demo", &format!("n{at}")).await > known);
    }
    assert_eq!(node.get("/health").await.status, 200);
    node.end().await;
}

#[tokio::test]
async fn a_batch_behind_a_row_lock_on_mysql_delays_nobody_and_is_announced() {
    a_batch_behind_a_row_lock_delays_nobody_and_is_announced(Kind::MySql).await;
}

#[tokio::test]
async fn a_batch_behind_a_row_lock_on_postgres_delays_nobody_and_is_announced() {
    a_batch_behind_a_row_lock_delays_nobody_and_is_announced(Kind::Postgres).await;
}
