//! Notices of publishes and their deliveries: a queue in the database. A notice is announced before
//! its publish begins, so that what was published is delivered even if the process ends before it
//! could record the outcome; it is delivered at least once to each receiver, or the log of
//! deliveries says why not. All times are those of the shared clock, because one node retries what
//! another one tried. How the outcome is found, and how a delivery is sent, is not known here.

pub use castalia_store::notice::delivery::{Delivery, DeliveryState, Outcome, Receiver};
pub use castalia_store::notice::{KnownPublish, Notice, NoticeState};

use std::collections::BTreeMap;
use std::time::Duration;

use castalia_store::clock::shared_time;
use castalia_store::notice::delivery;
use castalia_store::{Id, Page, Small, Store, notice};
use chrono::{DateTime, Utc};

use super::history::ReleaseOperation;
use super::permission::requirement::Resource;
use super::webhook::random_hex;
use crate::error::{Error, Result};

/// Time in which the outcome of a publish is recorded; afterwards it is searched.
const OUTCOME_PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two searches for the outcome of a publish, and between two attempts to read what
/// was published.
const RETRY: Duration = Duration::from_secs(30);
/// How long one attempt may take; afterwards another node may deliver.
const LEASE: Duration = Duration::from_secs(60);
/// Age at which an announced publish that is not found did not take place.
const LONGEST_PUBLISH: Duration = Duration::from_secs(600);
/// Age at which a notice is given up whose environment does not answer.
const LONGEST_SEARCH: Duration = Duration::from_secs(24 * 3600);
/// Maximum number of attempts: with these pauses within 13 hours.
const ATTEMPTS: u32 = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);
/// A time that is later than the longest pause allows by more than this means that the clock was
/// set back.
const SET_BACK: Duration = Duration::from_secs(60);
/// Notices that are worked on in one round.
const BATCH: u64 = 100;
/// Maximum length of a problem in the log.
const PROBLEM: usize = 256;

/// How a delivery is sent. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// A request to a webhook.
    Webhook = 0,
    /// A mail.
    Mail = 1,
    /// A request to a webhook that only tests it.
    Test = 2,
}

/// A publish that is about to begin.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// The published namespace; that of the main line for a branch.
    pub place: Resource,
    /// What is done.
    pub operation: ReleaseOperation,
    /// User who does it.
    pub operator: String,
    /// The release that a rollback leaves, else 0.
    pub left_release: i64,
}

/// Stores an announcement and returns its id.
pub async fn announce(store: &Store, new: Announcement) -> Result<Id> {
    let Resource { app_id, env, cluster, namespace } = new.place;
    let row = notice::NewNotice {
        env,
        app_id,
        cluster,
        namespace,
        operation: new.operation.code(),
        operator: new.operator,
        release_id: Id(new.left_release),
        state: NoticeState::Announced,
        pause: OUTCOME_PATIENCE,
        body: None,
    };
    store
        .write(row, |tx, row| {
            Box::pin(async move { Ok::<_, Error>(notice::insert(tx, row.clone()).await?) })
        })
        .await
}

/// Records that an announced publish was made. `release_id` is the new release; for a rollback the
/// one that it left.
pub async fn confirm(store: &Store, id: Id, release_id: i64) -> Result<()> {
    store
        .write((), move |tx, ()| {
            Box::pin(async move { Ok::<_, Error>(notice::publish(tx, id, Id(release_id)).await?) })
        })
        .await
}

/// Removes an announcement whose publish did not take place.
pub async fn withdraw(store: &Store, id: Id) -> Result<()> {
    store
        .write((), move |tx, ()| {
            Box::pin(async move { Ok::<_, Error>(notice::delete(tx, id).await?) })
        })
        .await
}

/// The environments with notices whose deliveries do not exist.
pub async fn environments(store: &Store) -> Result<Vec<String>> {
    Ok(notice::environments(store.read()).await?)
}

/// The notices of an environment whose deliveries do not exist, by the time at which they are due.
/// Each environment is read alone, so that the notices of one that hangs hide no others.
pub async fn open(store: &Store, env: &str) -> Result<Vec<Notice>> {
    Ok(notice::open(store.read(), env, BATCH).await?)
}

/// The present time of the queue.
pub async fn time(store: &Store) -> Result<DateTime<Utc>> {
    Ok(shared_time(store.read()).await?)
}

/// When a notice is due. No pause is longer than these, so a later time means that the clock was
/// set back.
#[must_use]
pub fn due_time(found: &Notice, now: DateTime<Utc>) -> DateTime<Utc> {
    let next = *found.next_time;
    if next > now + OUTCOME_PATIENCE.max(RETRY) + SET_BACK { now } else { next }
}

/// Reserves a due notice for this node.
pub async fn claim(store: &Store, found: &Notice) -> Result<bool> {
    let claimed = store.write(found.clone(), |tx, found| {
        Box::pin(async move { Ok::<_, Error>(notice::claim(tx, found, RETRY).await?) })
    });
    claimed.await
}

/// Whether a notice is given up: if its environment was searched without a result, after the time
/// that a publish may take, else after a day.
#[must_use]
pub fn is_expired(notice: &Notice, was_searched: bool, now: DateTime<Utc>) -> bool {
    let longest = match was_searched && notice.state == NoticeState::Announced.code() {
        true => LONGEST_PUBLISH,
        false => LONGEST_SEARCH,
    };
    *notice.created_time + longest < now
}

/// The publishes that the other notices about the same namespace are about.
pub async fn known(store: &Store, found: &Notice) -> Result<Vec<KnownPublish>> {
    Ok(notice::known(store.read(), found).await?)
}

/// Queues a notice for its receivers, unless another notice is about the publish with these ids;
/// returns whether none is. A receiver whose queue is full is recorded as failed. A notice that is
/// no longer as it was read stays as it is.
pub async fn queue(
    store: &Store,
    found: &Notice,
    (release_id, history_id): (i64, i64),
    body: String,
    receivers: Vec<Receiver>,
    longest_queue: u64,
) -> Result<bool> {
    let pending = pending(store).await?;
    let mut rows = Vec::with_capacity(receivers.len());
    for receiver in receivers {
        let is_full = pending.get(&receiver).is_some_and(|(count, _)| *count >= longest_queue);
        rows.push((receiver, random_hex::<16>()?, is_full.then_some("The queue is full")));
    }
    let (input, ids) = ((found.clone(), body, rows), (Id(release_id), Id(history_id)));
    store
        .write(input, move |tx, (found, body, rows)| {
            Box::pin(async move {
                // Another node may have given the same publish to another notice since this one
                // chose it.
                if notice::is_taken(tx, found, ids).await? {
                    return Ok::<_, Error>(false);
                }
                if notice::queue(tx, found, ids, body).await? {
                    for (receiver, key, problem) in rows {
                        delivery::insert(tx, found.id, receiver, key, *problem).await?;
                    }
                }
                Ok(true)
            })
        })
        .await
}

/// Queues a body that no publish belongs to, to test a webhook.
pub async fn queue_test(store: &Store, webhook_id: Id, operator: &str, body: &str) -> Result<()> {
    let row = notice::NewNotice {
        env: String::new(),
        app_id: String::new(),
        cluster: String::new(),
        namespace: String::new(),
        operation: Small(-1),
        operator: operator.to_owned(),
        release_id: Id(0),
        state: NoticeState::Queued,
        pause: Duration::ZERO,
        body: Some(body.to_owned()),
    };
    let receiver = Receiver { kind: DeliveryKind::Test as i16, webhook_id, target: String::new() };
    let input = (row, receiver, random_hex::<16>()?);
    store
        .write(input, |tx, (row, receiver, key)| {
            Box::pin(async move {
                let id = notice::insert(tx, row.clone()).await?;
                Ok::<_, Error>(delivery::insert(tx, id, receiver, key, None).await?)
            })
        })
        .await
}

/// The number of pending deliveries of each receiver, and when the next one is due.
pub async fn pending(store: &Store) -> Result<BTreeMap<Receiver, (u64, DateTime<Utc>)>> {
    Ok(delivery::pending(store.read()).await?)
}

/// The next due delivery of a receiver with its notice, reserved for this node.
pub async fn take(
    store: &Store,
    receiver: &Receiver,
) -> Result<Option<(Delivery, Option<Notice>)>> {
    loop {
        let Some(found) = delivery::due(store.read(), receiver).await? else {
            return Ok(None);
        };
        let claimed = store.write(found.clone(), |tx, found| {
            Box::pin(async move { Ok::<_, Error>(delivery::claim(tx, found, LEASE).await?) })
        });
        if claimed.await? {
            let notice = notice::by_ids(store.read(), &[found.notice_id]).await?.pop();
            return Ok(Some((found, notice)));
        }
    }
}

/// Records the result of an attempt, with the deliveries that follow it: a failure is retried after
/// a growing pause, unless it is the last attempt or cannot succeed.
pub async fn settle(store: &Store, found: &Delivery, attempt: Attempt) -> Result<DeliveryState> {
    let made = u32::from(found.attempts.0.unsigned_abs()) + 1;
    let (state, pause) = match (&attempt.problem, pause_after(made)) {
        (None, _) => (DeliveryState::Delivered, Duration::ZERO),
        (Some(_), Some(pause)) if !attempt.is_final => (DeliveryState::Pending, pause),
        (Some(_), _) => (DeliveryState::Failed, Duration::ZERO),
    };
    let problem = attempt.problem.unwrap_or_default().chars().take(PROBLEM).collect();
    let outcome = Outcome { state, status: Small(attempt.status), problem, pause };
    let Delivery { id, notice_id, kind, webhook_id, .. } = *found;
    let mut next = Vec::with_capacity(attempt.next.len());
    for target in attempt.next {
        next.push((Receiver { kind: kind.0, webhook_id, target }, random_hex::<16>()?));
    }
    store
        .write((outcome, next), move |tx, (outcome, next)| {
            Box::pin(async move {
                delivery::settle(tx, id, outcome).await?;
                for (receiver, key) in next {
                    delivery::insert(tx, notice_id, receiver, key, None).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok(state)
}

/// The result of an attempt.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Status of the answer; 0 without one.
    pub status: i16,
    /// Why it failed; `None` if it succeeded.
    pub problem: Option<String>,
    /// Whether a retry cannot succeed.
    pub is_final: bool,
    /// Targets of deliveries that follow this one: those whom a part of it did not reach.
    pub next: Vec<String>,
}

/// The pause after a number of failed attempts; `None` after the last one.
fn pause_after(attempts: u32) -> Option<Duration> {
    let pause = Duration::from_secs(4_u64.saturating_pow(attempts.saturating_sub(1)));
    (attempts < ATTEMPTS).then(|| pause.min(LONGEST_PAUSE))
}

/// A page of the log, newest first: all of it, or that of one webhook. The notices have no bodies.
pub async fn log(
    store: &Store,
    webhook_id: Option<Id>,
    page: &Page,
) -> Result<Vec<(Delivery, Option<Notice>)>> {
    let rows = delivery::log(store.read(), webhook_id, page).await?;
    let mut ids: Vec<_> = rows.iter().map(|row| row.notice_id).collect();
    ids.dedup();
    let notices = notice::by_ids_without_body(store.read(), &ids).await?;
    let notices: BTreeMap<_, _> = notices.into_iter().map(|row| (row.id, row)).collect();
    let with_notice = |row: Delivery| {
        let notice = notices.get(&row.notice_id).cloned();
        (row, notice)
    };
    Ok(rows.into_iter().map(with_notice).collect())
}

/// Removes finished deliveries that are too old or too many from the log.
pub async fn trim(store: &Store, age: Duration, kept: u64) -> Result<()> {
    let behind = delivery::time_behind(store.read(), kept).await?;
    let before = behind.unwrap_or(DateTime::UNIX_EPOCH).max(time(store).await? - age);
    loop {
        let removed = store.write((), move |tx, ()| {
            Box::pin(
                async move { Ok::<_, Error>(delivery::delete_finished(tx, before, BATCH).await?) },
            )
        });
        if removed.await? < BATCH {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = (1..=ATTEMPTS).map(pause_after).collect();
        let seconds = |pause: &Option<Duration>| pause.map(|pause| pause.as_secs());
        assert_eq!(
            pauses.iter().take(3).map(seconds).collect::<Vec<_>>(),
            [Some(1), Some(4), Some(16)]
        );
        assert_eq!(pauses[8], Some(LONGEST_PAUSE));
        assert_eq!(pauses[9], None);
        let all: Duration = pauses.iter().flatten().sum();
        assert!(all < Duration::from_secs(13 * 3600), "{all:?}");
    }
}
