//! An app whose access key is enforced is restored on one node: no other one serves it unsigned.

use super::database::on_each_engine;
use super::member::Member;
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;

const PATH: &str = "/configs/guarded/default/application";

async fn no_node_serves_a_restored_app_unsigned(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let url = &fresh.database.url;
    let (here, there) = (Member::start(url, 0).await, Member::start(url, 0).await);
    let app = App::create(&here.admin, "guarded").await;
    app.publish("secret").await;
    app.add_key("fedcba9876543210", 0, true).await;
    let answers = async |status: u16| {
        eventually(&format!("{status}"), async || {
            (there.config.get(PATH).await.status == status).then_some(())
        })
        .await;
    };
    answers(401).await;
    here.admin.delete("/apps/guarded?operator=u").await.ok();
    answers(404).await;
    let deleted = here.admin.get("/apps/guarded/deleted").await.ok().json()[0].clone();
    let restoration = async {
        here.admin.post("/apps/guarded/restorations?operator=u", deleted).await.ok();
    };
    let watch = async {
        loop {
            let answer = there.config.get(PATH).await;
            assert_ne!(answer.status, 200, "{engine:?}: {}", answer.text);
            if answer.status == 401 {
                return;
            }
        }
    };
    tokio::join!(restoration, watch);
    for _ in 0..50 {
        assert_eq!(there.config.get(PATH).await.status, 401);
    }
    drop((here, there));
    fresh.remove().await;
}

on_each_engine!(no_node_serves_a_restored_app_unsigned);
