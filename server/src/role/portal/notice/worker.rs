//! The task that delivers notices. It sleeps until a publish wakes it or something is due; without
//! receivers it does nothing. Each receiver and each environment has at most one job at a time, so
//! that one that hangs delays no other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep};

use super::{is_used, mail, outcome, webhook};
use crate::domain::notice::{
    self, Attempt, Delivery, DeliveryKind, DeliveryState, Notice, Receiver,
};
use crate::error::Result;
use crate::outgoing::guarded::GuardedClient;
use crate::server_config::keys;
use crate::state::PortalState;

/// Interval at which the queue is read for what other nodes left, if there are receivers.
const LOOK: Duration = Duration::from_secs(60);
/// Pause after the database did not answer.
const RETRY: Duration = Duration::from_secs(5);
/// Interval at which the log is trimmed, if anything was delivered.
const TRIM: Duration = Duration::from_secs(600);
/// Maximum number of requests at a time to receivers that answer, and to those that failed last.
const CONCURRENT: usize = 16;
const CONCURRENT_FAILING: usize = 8;

/// What a job works on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NoticeJob {
    Environment(String),
    Receiver(Receiver),
}

/// The requests that may run at a time. Receivers whose last attempt failed have a share of their
/// own, so that those that hang do not take the turns of those that answer.
struct Permits {
    answering: Semaphore,
    failing: Semaphore,
    failed: Mutex<HashSet<Receiver>>,
}

impl Permits {
    fn new() -> Self {
        Self {
            answering: Semaphore::new(CONCURRENT),
            failing: Semaphore::new(CONCURRENT_FAILING),
            failed: Mutex::default(),
        }
    }

    async fn acquire(
        &self,
        receiver: &Receiver,
    ) -> std::result::Result<SemaphorePermit<'_>, AcquireError> {
        let has_failed = self.failed.lock().contains(&server(receiver));
        if has_failed { self.failing.acquire().await } else { self.answering.acquire().await }
    }

    fn record(&self, receiver: &Receiver, outcome: DeliveryState) {
        let mut failed = self.failed.lock();
        match outcome {
            DeliveryState::Delivered => failed.remove(&server(receiver)),
            DeliveryState::Pending | DeliveryState::Failed => failed.insert(server(receiver)),
        };
    }
}

/// What answers for a receiver: one server accepts the mail for all recipients.
fn server(receiver: &Receiver) -> Receiver {
    let is_mail = receiver.kind == DeliveryKind::Mail as i16;
    let target = if is_mail { String::new() } else { receiver.target.clone() };
    Receiver { target, ..*receiver }
}

struct Worker {
    state: PortalState,
    client: Option<(Vec<String>, GuardedClient)>,
    permits: Arc<Permits>,
    jobs: JoinSet<()>,
    running: HashMap<Id, NoticeJob>,
    trimmed: Option<Instant>,
}

/// Works until the node ends. Jobs end with it; what they sent is sent again after the restart
/// unless its outcome was recorded.
pub(super) async fn run(state: PortalState) {
    let mut worker = Worker {
        client: None,
        permits: Arc::new(Permits::new()),
        jobs: JoinSet::new(),
        running: HashMap::new(),
        trimmed: None,
        state: state.clone(),
    };
    loop {
        let pause = match worker.round().await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::debug!(%error, "cannot read the queue of notices; retrying");
                Some(RETRY)
            }
        };
        tokio::select! {
            () = state.notices.notified() => {}
            Some(ended) = worker.jobs.join_next_with_id() => worker.end(&ended),
            () = sleep(pause.unwrap_or(LOOK)), if pause.is_some() => {}
        }
    }
}

impl Worker {
    /// Starts what is due, and returns the time until something else is; `None` if only a publish
    /// can be the reason.
    async fn round(&mut self) -> Result<Option<Duration>> {
        let now = notice::time(&self.state.store).await?;
        let mut next = None;
        for env in notice::environments(&self.state.store).await? {
            let open = notice::open(&self.state.store, &env).await?;
            if let Some(due) = open.iter().map(|found| notice::due_time(found, now)).min() {
                self.at(due, now, NoticeJob::Environment(env), &mut next)?;
            }
        }
        for (receiver, (_, due)) in notice::pending(&self.state.store).await? {
            self.at(due, now, NoticeJob::Receiver(receiver), &mut next)?;
        }
        self.trim().await?;
        if next.is_none() && self.jobs.is_empty() {
            return Ok(is_used(&self.state).await?.then_some(LOOK));
        }
        let until = |due: DateTime<Utc>| (due - now).to_std().unwrap_or_default();
        Ok(Some(next.map_or(LOOK, until).min(LOOK)))
    }

    /// Starts a job that is due, or notes when it is.
    fn at(
        &mut self,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
        job: NoticeJob,
        next: &mut Option<DateTime<Utc>>,
    ) -> Result<()> {
        // A job that runs reads what is due itself.
        if self.running.values().any(|running| *running == job) {
            return Ok(());
        }
        if due > now {
            let due = due + TimeDelta::milliseconds(1);
            *next = Some(next.map_or(due, |next| next.min(due)));
            return Ok(());
        }
        let state = self.state.clone();
        let handle = match &job {
            NoticeJob::Environment(env) => {
                let env = env.clone();
                self.jobs.spawn(async move { queue_all(&state, &env).await })
            }
            NoticeJob::Receiver(receiver) => {
                let (receiver, client) = (receiver.clone(), self.client());
                let permits = Arc::clone(&self.permits);
                self.jobs
                    .spawn(async move { deliver_all(&state, &client, &receiver, &permits).await })
            }
        };
        self.running.insert(handle.id(), job);
        Ok(())
    }

    fn end(&mut self, ended: &std::result::Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.running.remove(&id);
    }

    /// The client for the hosts in the present settings.
    fn client(&mut self) -> GuardedClient {
        let urls = self.state.config.get(&keys::WEBHOOK_URLS);
        let own = urls.iter().filter_map(|url| reqwest::Url::parse(url).ok());
        let own = own.filter_map(|url| url.host_str().map(str::to_owned));
        let hosts: Vec<_> = self.state.settings.webhook_hosts.iter().cloned().chain(own).collect();
        if let Some((known, client)) = &self.client
            && *known == hosts
        {
            return client.clone();
        }
        let client = GuardedClient::new(hosts.clone());
        self.client = Some((hosts, client.clone()));
        client
    }

    async fn trim(&mut self) -> Result<()> {
        if self.trimmed.is_some_and(|time| time.elapsed() < TRIM) {
            return Ok(());
        }
        let config = &self.state.config;
        let (age, kept) = (config.get(&keys::WEBHOOK_RETENTION), config.get(&keys::WEBHOOK_LOG));
        notice::trim(&self.state.store, age, kept).await?;
        self.trimmed = Some(Instant::now());
        Ok(())
    }
}

/// Queues the due notices of one environment.
async fn queue_all(state: &PortalState, env: &str) {
    let outcome: Result<()> = async {
        let now = notice::time(&state.store).await?;
        let is_due = |found: &Notice| notice::due_time(found, now) <= now;
        for found in notice::open(&state.store, env).await?.into_iter().filter(is_due) {
            if !notice::claim(&state.store, &found).await? {
                continue;
            }
            if let Err(error) = outcome::settle(state, &found).await {
                tracing::debug!(env, %error, "cannot read what was published; retrying");
                if notice::is_expired(&found, false, now) {
                    outcome::give_up(state, &found, Some(outcome::NOT_FOUND)).await?;
                }
            }
        }
        Ok(())
    }
    .await;
    if let Err(error) = outcome {
        tracing::debug!(env, %error, "cannot queue notices; retrying");
        sleep(RETRY).await;
    }
}

/// Sends what is due for one receiver, in the order of the publishes.
async fn deliver_all(
    state: &PortalState,
    client: &GuardedClient,
    receiver: &Receiver,
    permits: &Permits,
) {
    let mut is_idle = true;
    loop {
        let Ok(permit) = permits.acquire(receiver).await else { return };
        let made = deliver(state, client, receiver).await;
        drop(permit);
        match made {
            Ok(Some(outcome)) => {
                permits.record(receiver, outcome);
                is_idle = false;
            }
            Ok(None) => {
                // Another node was faster, or a row cannot be decoded: not looked at again at once.
                if is_idle {
                    sleep(RETRY).await;
                }
                return;
            }
            Err(error) => {
                tracing::debug!(%error, "cannot read or write a delivery; retrying");
                sleep(RETRY).await;
                return;
            }
        }
    }
}

/// Makes one attempt; `None` if nothing was due.
async fn deliver(
    state: &PortalState,
    client: &GuardedClient,
    receiver: &Receiver,
) -> Result<Option<DeliveryState>> {
    let Some((delivery, found)) = notice::take(&state.store, receiver).await? else {
        return Ok(None);
    };
    let attempt = match found {
        Some(found) => send(state, client, &delivery, found).await?,
        None => Attempt {
            problem: Some("The notice was deleted".to_owned()),
            is_final: true,
            ..Attempt::default()
        },
    };
    let (problem, is_continued) = (attempt.problem.clone(), !attempt.next.is_empty());
    let outcome = notice::settle(&state.store, &delivery, attempt).await?;
    let label = match outcome {
        DeliveryState::Delivered => "delivered",
        DeliveryState::Failed if !is_continued => "failed",
        DeliveryState::Pending | DeliveryState::Failed => "retried",
    };
    metrics::counter!("castalia_deliveries_total", "outcome" => label).increment(1);
    if outcome == DeliveryState::Failed && !is_continued {
        let (delivery, problem) = (delivery.delivery_key, problem.unwrap_or_default());
        tracing::warn!(delivery, problem, "a notice of a publish was not delivered");
    }
    Ok(Some(outcome))
}

async fn send(
    state: &PortalState,
    client: &GuardedClient,
    delivery: &Delivery,
    found: Notice,
) -> Result<Attempt> {
    match delivery.kind.0 {
        kind if kind == DeliveryKind::Mail as i16 => mail::send(state, delivery, &found).await,
        _ => webhook::send(state, client, delivery, found).await,
    }
}
