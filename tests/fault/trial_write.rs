//! Trial writes: on a database that refuses writes, a node is unhealthy until writes work again;
//! a change that waited for another one in vain is no outage.

use super::feed_node::{Kind, Node};
use crate::support::eventually::eventually;
use crate::support::health::is_well;

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

/// The trial write after a conflict raises an alarm only for an outage, not for an error of its
/// own.
#[tokio::test]
async fn a_conflict_raises_no_alarm() {
    let Some(node) = Node::start(Kind::Postgres, &[]).await else { return };
    node.app.publish("1").await;
    let function = r#"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW."Message" = 'castalia+write+check' THEN RAISE EXCEPTION 'refused'; END IF;
        RETURN NEW; END $$"#;
    let trigger = r#"CREATE TRIGGER refuse BEFORE INSERT ON "ReleaseMessage"
        FOR EACH ROW EXECUTE FUNCTION refuse()"#;
    node.database.run(&[function, trigger]).await;
    let row = r#"SELECT 1 FROM "Namespace" FOR UPDATE"#;
    let other = node.database.begin(&[row]).await;
    let refused = node.app.try_publish("default", "application").await;
    assert!(refused.status >= 400, "{refused:?}");
    for _ in 0..5 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        is_well(&node.http).await;
    }
    other.rollback().await.unwrap();
    node.app.publish_patiently("default", "application").await;
    node.end().await;
}
