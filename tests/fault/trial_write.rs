//! Tables without those of Castalia, on a database that refuses writes: a node is unhealthy until
//! writes work again.

use super::feed_node::{Kind, Node};
use crate::support::eventually::eventually;

#[tokio::test]
async fn only_a_write_that_is_kept_ends_the_alarm() {
    let Some(node) = Node::start(Kind::Postgres, &[]).await else { return };
    node.app.publish("1").await;
    let name = node.database.url.rsplit('/').next().unwrap().to_owned();
    let set = async |value: &str| {
        let read_only =
            format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let change = node.database.begin(&["SET TRANSACTION READ WRITE", &read_only]).await;
        change.commit().await.unwrap();
        node.database.run(&[end]).await;
    };
    node.database
        .run(&[r#"DROP TABLE "CastaliaInstallation""#, r#"DROP TABLE "CastaliaSchema""#])
        .await;
    set("on").await;
    eventually("a publish to be refused", async || {
        let refused = node.app.try_publish("default", "application").await;
        (refused.status == 503).then_some(())
    })
    .await;
    for _ in 0..10 {
        assert_eq!(node.get("/health").await.status, 503);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    set("off").await;
    eventually("the node to be well again", async || {
        (node.get("/health").await.status == 200).then_some(())
    })
    .await;
    node.app.publish("2").await;
    node.eventually_serves("2").await;
    node.end().await;
}
