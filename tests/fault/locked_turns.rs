//! Another session holds a lock on one table, and more changes need it than there are connections:
//! what does not need it goes on, and `/health` names the table and no outage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::database::on_each_engine;
use super::feed_node::Node;
use super::locked_table::{Locked, Others, kind, recovers, reports};
use crate::support::app::App;
use crate::support::database::Engine;
use crate::support::http::Http;

/// Pause between two changes that need the table: in the five seconds for which each waits, six times
/// as many arrive as there are connections.
const PAUSE: Duration = Duration::from_millis(50);
/// Apps that are created meanwhile, one in each second. Some may be refused because the machine is
/// busy; otherwise nearly all would be.
const APPS: usize = 16;
const OUTAGES: [&str; 2] = ["the database cannot be reached", "no connection to the database"];

/// Edits and publishes a namespace until told to stop; returns the statuses of the answers.
fn change(app: &App, admin: &Http, is_over: &Arc<AtomicBool>) -> JoinHandle<Vec<u16>> {
    let (app, admin, is_over) = (app.clone(), admin.clone(), Arc::clone(is_over));
    tokio::spawn(async move {
        let mut changes = JoinSet::new();
        for number in 0.. {
            if is_over.load(Ordering::SeqCst) {
                break;
            }
            let (app, admin) = (app.clone(), admin.clone());
            changes.spawn(async move {
                if number % 2 == 0 {
                    return app.try_publish("default", "application").await.status;
                }
                let item = json!({
                    "key": format!("key-{number}"), "value": "1", "comment": "", "lineNum": 2,
                    "dataChangeCreatedBy": "apollo", "dataChangeLastModifiedBy": "apollo",
                });
                let path = format!("{}/items", app.path("default", "application"));
                admin.post(&path, item).await.status
            });
            sleep(PAUSE).await;
        }
        changes.join_all().await
    })
}

/// S99
async fn a_locked_table_stops_only_what_needs_it(engine: Engine) {
    let Some(node) = Node::start(kind(engine), &[]).await else { return };
    let admin = Http::new(&node.server.admin);
    node.app.publish("1").await;
    let locked = Locked::of(&node.database, engine, &["Item"], Others::Nothing).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let changes = change(&node.app, &admin, &is_over);
    let (mut created, mut outages) = (0, 0);
    for number in 0..APPS {
        sleep(Duration::from_secs(1)).await;
        let id = format!("app-{number}");
        let app = json!({
            "appId": id, "name": id, "orgId": "TEST1", "orgName": "Test", "ownerName": "apollo",
            "ownerEmail": "apollo@acme.com", "dataChangeCreatedBy": "apollo",
            "dataChangeLastModifiedBy": "apollo",
        });
        created += usize::from(admin.post("/apps", app).await.status == 200);
        let health = node.get("/health").await.text;
        outages += usize::from(OUTAGES.iter().any(|outage| health.contains(outage)));
    }
    assert!(created > APPS / 2, "{created} of {APPS} apps were created");
    assert!(outages < APPS / 2, "/health reported an outage {outages} times");
    reports(&node.http, &["the table Item cannot be".to_owned()]).await;
    is_over.store(true, Ordering::SeqCst);
    let statuses = changes.await.unwrap();
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    locked.end().await;
    recovers(&node.http).await;
    node.app.publish("2").await;
    node.eventually_serves("2").await;
    node.end().await;
}

on_each_engine!(a_locked_table_stops_only_what_needs_it);
