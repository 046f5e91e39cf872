//! Requests and polls of every anonymous kind.

use super::attack::{
    Honest, INSTANCES, assert_publishes_arrive, assert_returned, flood, hold, options, scale, text,
};
use crate::support::app::App;
use crate::support::http::Http;
use crate::support::memory::{assert_small, resident_kib};
use crate::support::poll::position;
use crate::support::rows::rows;
use crate::support::server::Server;

/// REL-56, SEC-21, SEC-22: whatever anonymous clients request, in whatever number, a node remains
/// within 128 MiB and serves its clients.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_cost_a_bounded_amount_of_memory() {
    let server = Server::start_with(options());
    let admin = Http::new(&server.admin);
    let demo = App::create(&admin, "demo").await;
    demo.add_namespace("Team.public", true).await;
    demo.publish("1").await;
    let large = "v".repeat(15_000);
    demo.release("default", "Team.public", &[("a", &large), ("b", &large)]).await;
    position(&Http::new(&server.config), "demo", "application").await;
    let honest = Honest::start(&server);
    let before = resident_kib(&server);

    let none = String::new;
    flood(&server, scale(48_000), |at| {
        (format!("/configs/demo/{}/application", text(at, 15_000)), none())
    })
    .await;
    assert_small(&server, "long clusters");
    flood(&server, scale(48_000), |at| {
        (format!("/configs/demo/default/{}", text(at, 15_000)), none())
    })
    .await;
    assert_small(&server, "long namespaces");
    flood(&server, scale(32_000), |at| {
        (
            format!("/configs/demo/{}/{}?dataCenter={}", text(at, 32), text(at, 32), text(at, 31)),
            none(),
        )
    })
    .await;
    assert_small(&server, "names that could exist");
    flood(&server, scale(32_000), |at| {
        let key = text(at, 12_000);
        (format!("/configs/demo/default/application?releaseKey={key}"), none())
    })
    .await;
    assert_small(&server, "release keys");
    flood(&server, scale(64_000), |at| {
        let key = text(at, 60);
        (format!("/configs/demo/default/application?releaseKey={key}"), none())
    })
    .await;
    assert_small(&server, "release keys that could exist");
    flood(&server, scale(32_000), |at| {
        (format!("/configs/other{at}/{}/Team.public", text(at, 32)), none())
    })
    .await;
    assert_small(&server, "bodies that repeat a cluster");
    assert_publishes_arrive(&server, &demo, "2").await;

    let polls = scale(1600);
    let every_name: String = (0..6700).map(|name| format!("{name:x}~-1,")).collect();
    for (app_id, cluster) in [("demo", "default"), ("demo", "random"), ("made-up", "default")] {
        let fat = hold(&server, polls, |at| {
            let cluster = if cluster == "random" { text(at, 20_000) } else { cluster.to_owned() };
            let names = &every_name[..every_name.len().min(60_000 - cluster.len())];
            let names = &names[..names.rfind(',').unwrap()];
            format!("/notifications/v2?appId={app_id}&cluster={cluster}&known={names}")
        })
        .await;
        assert_publishes_arrive(&server, &demo, cluster).await;
        assert_small(&server, &format!("fat polls of {app_id} in {cluster}"));
        drop(fat);
    }

    flood(&server, scale(32_000), |at| {
        let address = format!("10.{}.{}.{}", at >> 16, at >> 8 & 255, at & 255);
        let target = format!("/configs/demo/{}/application?dataCenter={at}", text(at, 20));
        (target, format!("x-forwarded-for: {address}\r\n"))
    })
    .await;
    assert_small(&server, "instances");
    assert_publishes_arrive(&server, &demo, "3").await;
    honest.end().await;
    assert_returned(&server, before).await;
    let sql = r#"SELECT COUNT(*) AS "Count" FROM "Instance""#;
    let recorded = rows(server.data_dir(), "config.db", sql).await[0]["Count"].as_u64().unwrap();
    assert!((1..=INSTANCES + 1).contains(&recorded), "{recorded} instances");
}
