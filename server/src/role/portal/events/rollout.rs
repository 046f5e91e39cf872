//! Counts the instances that have picked up a release, for some minutes after its publish. It runs
//! beside the reader of events, because an environment may take seconds to answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{self, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Broadcast, Hub, News};
use crate::background::Background;
use crate::domain::event::Event;
use crate::environment::Address;
use crate::wire::admin;

/// How long instances are counted after a publish, how often, and for how many publishes at a time.
const TIME: Duration = Duration::from_secs(300);
const INTERVAL: Duration = Duration::from_secs(2);
const MOST: usize = 20;
/// Publishes that wait while an environment answers slowly; further ones are not counted.
const WAITING: usize = 1_000;

/// A publish whose instances are counted.
struct Rollout {
    event: Arc<Event>,
    end: Instant,
    count: u64,
}

/// Starts the task. It ends with the returned sender of publishes.
pub(super) fn start(hub: Hub) -> mpsc::Sender<Arc<Event>> {
    let (sender, publishes) = mpsc::channel(WAITING);
    // One that starts after a panic continues with the queue.
    let publishes = Arc::new(sync::Mutex::new(publishes));
    let run = move || run(hub.clone(), Arc::clone(&publishes));
    Background::default().spawn("instances of releases", run);
    sender
}

async fn run(hub: Hub, publishes: Arc<sync::Mutex<mpsc::Receiver<Arc<Event>>>>) {
    let mut publishes = publishes.lock().await;
    let mut rollouts: Vec<Rollout> = Vec::new();
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            publish = publishes.recv() => {
                let Some(event) = publish else { return };
                rollouts.push(Rollout { event, end: Instant::now() + TIME, count: 0 });
                rollouts.drain(..rollouts.len().saturating_sub(MOST));
            }
            _ = tick.tick(), if !rollouts.is_empty() => {
                rollouts.retain(|rollout| rollout.end > Instant::now());
                join_all(rollouts.iter_mut().map(|rollout| count(&hub, rollout))).await;
            }
        }
    }
}

/// Counts the instances that have a release, and reports a change.
async fn count(hub: &Hub, rollout: &mut Rollout) {
    let event = &rollout.event;
    let Ok(environment) = hub.0.state.environments.find(&event.env) else { return };
    let id = event.release_id.to_string();
    let address = Address::new(["instances", "by-release"]);
    let address = address.with(&[("releaseId", &id), ("page", "0"), ("size", "1")]);
    let page = environment.get::<admin::Page<serde_json::Value>>(address);
    let Ok(Ok(page)) = timeout(INTERVAL, page).await else { return };
    if page.total != rollout.count {
        rollout.count = page.total;
        let _ = hub.0.news.send(News::Rollout(Broadcast::new(Arc::clone(event)), page.total));
    }
}
