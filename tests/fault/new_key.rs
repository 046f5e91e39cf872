//! An access key that another node created: it is in force on every node within seconds, and no
//! release that was published behind it is served without it. Reads of names or keys that wait for a
//! lock delay neither. The last key of an app ends when names have been read since.

use std::time::Duration;

use serde_json::json;

use super::database::on_each_engine;
use super::feed_node::{Kind, Node, on_each_kind, value_of};
use super::locked_table::{Locked, Others};
use super::member::Member;
use super::read_back::key_with_an_old_time;
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::health::becomes;
use crate::support::sign;

const PATH: &str = "/configs/demo/default/application";
/// The same of a client that was notified of a message which the node has not read.
const NOTIFIED: &str = "/configs/demo/default/application?messages=%7B%22details%22%3A%7B%22demo%2Bdefault%2Bapplication%22%3A999999%7D%7D";
/// Far less than the minute between two complete reads of the keys.
const SOON: Duration = Duration::from_secs(25);
/// Less than the five seconds after which a read of a locked table is refused.
const BEFORE_REFUSAL: Duration = Duration::from_secs(4);
const PLACE: [&str; 3] = ["demo", "default", "application"];
const OTHER: [&str; 3] = ["other", "default", "application"];
const RELEASE_KEY: &str = "20260101000000-0000000000000001";
const NEW_KEY: &str = r#"INSERT INTO "AccessKey" ("AppId","Secret","Mode","IsEnabled")
   VALUES ('demo','0123456789abcdef',0,true)"#;
const KEY_OF_ANOTHER_APP: &str = r#"INSERT INTO "AccessKey" ("AppId","Secret","Mode","IsEnabled")
   VALUES ('other','fedcba9876543210',0,true)"#;
const DELETED_KEY: &str =
    r#"UPDATE "AccessKey" SET "IsDeleted" = true, "DeletedAt" = 1 WHERE "AppId" = 'demo'"#;

async fn a_key_with_a_time_of_its_caller_is_in_force_on_every_node(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let url = &fresh.database.url;
    let (here, there) = (Member::start(url, 0).await, Member::start(url, 0).await);
    let app = App::create(&here.admin, "demo").await;
    app.publish("1").await;
    becomes(&there.config, PATH, 200).await;
    here.admin.post("/apps/demo/accesskeys", key_with_an_old_time()).await.ok();
    let refused = becomes(&there.config, PATH, 401);
    tokio::time::timeout(SOON, refused).await.unwrap();
    drop((here, there));
    fresh.remove().await;
}

/// The node was cut off, and finds the key and the message of the release at the same time.
async fn a_release_behind_a_new_key_is_not_served_before_the_key_is_known(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let url = &fresh.database.url;
    let (here, there) = (Member::start(url, 0).await, Member::start(url, 0).await);
    let app = App::create(&here.admin, "demo").await;
    app.publish("open").await;
    let value = async || value_of(&there.config.get(PATH).await);
    eventually("the first release", async || (value().await == "open").then_some(())).await;
    there.gate.shut();
    app.add_key("k", 0, true).await;
    let secret = json!({ "k": "secret" });
    fresh.database.release(PLACE, RELEASE_KEY, &secret).await;
    assert_eq!(value().await, "open");
    there.gate.open();
    eventually("unsigned requests to be refused", async || {
        let values = [value_of(&there.config.get(NOTIFIED).await), value().await];
        assert!(values.iter().all(|value| value != "secret"), "{values:?}");
        (values[1] == "401").then_some(())
    })
    .await;
    eventually("the release for clients with the key", async || {
        let answer = sign::get(there.config.base(), PATH, "k").await;
        (value_of(&answer) == "secret").then_some(())
    })
    .await;
    drop((here, there));
    fresh.remove().await;
}

/// As while the table is altered: apps without a key need not wait until that is done.
async fn keys_that_cannot_be_read_delay_a_release_for_a_second(engine: Engine) {
    a_locked_table_delays_a_release_for_a_second(engine, "AccessKey").await;
}

/// The same for the names of all apps.
async fn names_that_cannot_be_read_delay_a_release_for_a_second(engine: Engine) {
    a_locked_table_delays_a_release_for_a_second(engine, "AppNamespace").await;
}

async fn a_locked_table_delays_a_release_for_a_second(engine: Engine, table: &str) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let node = Member::start(&fresh.database.url, 0).await;
    App::create(&node.admin, "demo").await.publish("old").await;
    serves(&node, "old").await;
    let locked = Locked::of(&fresh.database, engine, &[table], Others::Nothing).await;
    fresh.database.release(PLACE, RELEASE_KEY, &json!({ "k": "new" })).await;
    tokio::time::timeout(BEFORE_REFUSAL, serves(&node, "new")).await.unwrap();
    locked.end().await;
    drop(node);
    fresh.remove().await;
}

/// Each read of names is refused after five seconds.
async fn a_new_key_is_in_force_while_names_cannot_be_read(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let node = Member::start(&fresh.database.url, 0).await;
    App::create(&node.admin, "demo").await.publish("open").await;
    serves(&node, "open").await;
    let locked = Locked::of(&fresh.database, engine, &["AppNamespace"], Others::Nothing).await;
    fresh.database.run(&[NEW_KEY]).await;
    tokio::time::timeout(BEFORE_REFUSAL, serves(&node, "401")).await.unwrap();
    locked.end().await;
    drop(node);
    fresh.remove().await;
}

/// S105: the app may have been deleted with its key. Other keys take effect as without the lock.
async fn the_last_key_of_an_app_does_not_end_while_names_cannot_be_read(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let node = Member::start(&fresh.database.url, 0).await;
    for [app_id, ..] in [PLACE, OTHER] {
        App::create(&node.admin, app_id).await.publish("open").await;
    }
    let other = async || value_of(&node.config.get("/configs/other/default/application").await);
    eventually("the other app", async || (other().await == "open").then_some(())).await;
    serves(&node, "open").await;
    fresh.database.run(&[NEW_KEY]).await;
    serves(&node, "401").await;
    let locked = Locked::of(&fresh.database, engine, &["AppNamespace"], Others::Nothing).await;
    fresh.database.run(&[DELETED_KEY]).await;
    let health = async || {
        assert_eq!(value_of(&node.config.get(PATH).await), "401");
        let health = node.config.get("/health").await.text;
        assert!(!health.contains("reading access keys"), "{health}");
        health
    };
    eventually("the fault", async || {
        health().await.contains("an app keeps its last access key").then_some(())
    })
    .await;
    fresh.database.run(&[KEY_OF_ANOTHER_APP]).await;
    fresh.database.release(OTHER, RELEASE_KEY, &json!({ "k": "secret" })).await;
    let closed = eventually("the key of the other app", async || {
        let value = other().await;
        assert_ne!(value, "secret");
        (value == "401").then_some(())
    });
    tokio::time::timeout(BEFORE_REFUSAL, closed).await.unwrap();
    health().await;
    locked.end().await;
    serves(&node, "open").await;
    drop(node);
    fresh.remove().await;
}

async fn serves(node: &Member, value: &str) {
    eventually("the release", async || {
        (value_of(&node.config.get(PATH).await) == value).then_some(())
    })
    .await;
}

/// The node reads the key together with the release for which the request waits.
async fn a_request_that_waits_for_a_release_needs_the_key_of_that_moment(kind: Kind) {
    let variables = [("CASTALIA_APOLLO_MESSAGE_SCAN_INTERVAL", "30000")];
    let Some(node) = Node::start(kind, &variables).await else { return };
    node.app.publish("open").await;
    node.eventually_serves("open").await;
    let rows = [
        NEW_KEY,
        r#"INSERT INTO "Release" ("ReleaseKey","AppId","ClusterName","NamespaceName","Configurations")
           VALUES ('20260101000000-0000000000000001','demo','default','application','{"k":"secret"}')"#,
        r#"INSERT INTO "ReleaseMessage" ("Message") VALUES ('demo+default+application')"#,
    ];
    node.database.begin(&rows).await.commit().await.unwrap();
    assert_eq!(value_of(&node.get(NOTIFIED).await), "401");
    assert_eq!(node.value().await, "401");
    node.end().await;
}

on_each_engine!(
    a_key_with_a_time_of_its_caller_is_in_force_on_every_node,
    a_release_behind_a_new_key_is_not_served_before_the_key_is_known,
    keys_that_cannot_be_read_delay_a_release_for_a_second,
    names_that_cannot_be_read_delay_a_release_for_a_second,
    a_new_key_is_in_force_while_names_cannot_be_read,
    the_last_key_of_an_app_does_not_end_while_names_cannot_be_read
);
on_each_kind!(a_request_that_waits_for_a_release_needs_the_key_of_that_moment);
