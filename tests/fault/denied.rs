//! PostgreSQL: an account that loses its privileges, as in a rotation of accounts. Requests and
//! `/health` report an outage, not an error of the server, and both recover by themselves.

use super::feed_node::{Kind, Node};
use crate::support::eventually::eventually;

const REVOKE: &str = "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM castalia";
const GRANT: &str = "GRANT ALL ON ALL TABLES IN SCHEMA public TO castalia";

#[tokio::test]
async fn an_account_without_privileges_is_an_outage() {
    let Some(node) = Node::start(Kind::Postgres, &[]).await else { return };
    node.app.publish("old").await;
    node.eventually_serves("old").await;
    for round in 0..2 {
        node.database.run(&[REVOKE]).await;
        let refused = node.app.try_publish("default", "application").await;
        assert_eq!(refused.status, 503, "{refused:?}");
        eventually("the outage and its reason to be reported", async || {
            let health = node.get("/health").await;
            (health.status == 503 && health.text.contains("privileges")).then_some(())
        })
        .await;
        node.database.run(&[GRANT]).await;
        eventually("the node to be well again", async || {
            (node.get("/health").await.status == 200).then_some(())
        })
        .await;
        let value = format!("new {round}");
        node.app.publish(&value).await;
        node.eventually_serves(&value).await;
    }
    node.end().await;
}
