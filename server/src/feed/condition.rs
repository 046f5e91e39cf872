//! The present faults of the feed, described for operators: `/health` reports them. Makes no
//! decisions.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Longest time of a round that is no fault: many reads of a slow database, or the pauses after a
/// few panics.
const LONGEST_ROUND: Duration = Duration::from_secs(300);

/// A task of the feed that succeeds again and again.
#[derive(Debug, Clone, Copy)]
pub(super) enum FeedTask {
    /// Reads release messages.
    Scan,
    /// Reads names.
    Names,
    /// Reads access keys.
    Keys,
    /// Compares the cache with the database.
    Reconciliation,
}

impl FeedTask {
    const ALL: [Self; 4] = [Self::Scan, Self::Names, Self::Keys, Self::Reconciliation];

    fn purpose(self) -> &'static str {
        match self {
            Self::Scan => "reading release messages",
            Self::Names => "reading names",
            Self::Keys => "reading access keys",
            Self::Reconciliation => "comparing releases in memory with the database",
        }
    }

    /// What follows if it does not succeed.
    pub(super) fn effect(self) -> &'static str {
        match self {
            Self::Scan => ": published changes do not reach clients",
            Self::Names => {
                ": new names are unknown to clients, and an app keeps its last access key even if it was deleted or disabled"
            }
            Self::Keys => ": changes of access keys do not take effect",
            Self::Reconciliation => "",
        }
    }
}

/// The condition of a feed.
#[derive(Debug, Default)]
pub(super) struct Condition(Mutex<ConditionState>);

#[derive(Debug, Default)]
struct ConditionState {
    /// In the order of [`FeedTask::ALL`].
    tasks: [TaskState; FeedTask::ALL.len()],
    rewind: Option<Rewind>,
    /// Number of access keys whose app cannot be decoded.
    unreadable_keys: usize,
    /// Number of access keys in effect whose rows are missing.
    missing_keys: usize,
    /// Number of definitions of namespaces that cannot be decoded.
    unreadable_names: usize,
}

/// The outcomes of a task.
#[derive(Debug, Default)]
struct TaskState {
    /// Start of the period in which it fails.
    failing: Option<Instant>,
    /// When it last succeeded, or was first started; `None` before that.
    succeeded: Option<Instant>,
    /// Pause before the present round.
    pause: Duration,
}

/// A decrease of the ids of release messages.
#[derive(Debug, Clone, Copy)]
struct Rewind {
    from: i64,
    to: i64,
    time: Instant,
    /// Whether everything has been read again since.
    is_healed: bool,
}

impl Condition {
    /// Records that a round of a task begins after this pause. One that panics has no outcome.
    pub(super) fn begins(&self, task: FeedTask, pause: Duration) {
        self.0.lock().tasks[task as usize].begin(pause, Instant::now());
    }

    /// Records the outcome of a round; returns whether the outcome changed.
    pub(super) fn ended(&self, task: FeedTask, is_failing: bool) -> bool {
        self.0.lock().tasks[task as usize].end(is_failing, Instant::now())
    }

    /// Records the number of access keys whose app cannot be determined.
    pub(super) fn keys_read(&self, unreadable: usize) {
        metrics::gauge!("castalia_unreadable_access_keys").set(unreadable as f64);
        self.0.lock().unreadable_keys = unreadable;
    }

    /// Records the number of access keys that remain in effect although their rows are missing.
    pub(super) fn keys_missing(&self, missing: usize) {
        let known = std::mem::replace(&mut self.0.lock().missing_keys, missing);
        if known == 0 && missing > 0 {
            tracing::error!(
                missing,
                "rows of AccessKey are missing and were not marked as deleted: the database was restored or failed over; \
                 these keys remain in effect until all releases are reloaded, as long as the table is empty, and for half a \
                 minute after its rows last went missing or were added"
            );
        }
    }

    /// Records the number of definitions of namespaces that cannot be decoded.
    pub(super) fn names_read(&self, unreadable: usize) {
        self.0.lock().unreadable_names = unreadable;
    }

    /// Records that the newest id decreased from `from` to `to`.
    pub(super) fn rewound(&self, from: i64, to: i64) {
        let rewind = Rewind { from, to, time: Instant::now(), is_healed: false };
        self.0.lock().rewind = Some(rewind);
    }

    /// Records that everything was read again after the ids went back.
    pub(super) fn healed(&self) {
        if let Some(rewind) = &mut self.0.lock().rewind {
            rewind.is_healed = true;
        }
    }

    /// The greatest id known before the ids went back, while the rewind is reported.
    pub(super) fn lost_id(&self, hold: Duration) -> Option<i64> {
        let rewind = self.0.lock().rewind?;
        rewind.is_reported(hold).then_some(rewind.from)
    }

    /// When the ids last went back.
    pub(super) fn last_rewind(&self) -> Option<Instant> {
        self.0.lock().rewind.map(|rewind| rewind.time)
    }

    /// Present faults, one sentence each. A rewind is reported for at least `hold`, so that
    /// monitoring sees it.
    pub(super) fn faults(&self, hold: Duration) -> Vec<String> {
        let state = self.0.lock();
        let mut faults = state.faults_of_tasks(Instant::now());
        if let Some(rewind) = state.rewind.filter(|rewind| rewind.is_reported(hold)) {
            let Rewind { from, to, .. } = rewind;
            faults.push(format!(
                "the newest id of release messages decreased from {from} to {to}: the database was restored or failed over, \
                 and acknowledged publishes may be lost"
            ));
        }
        if state.unreadable_keys > 0 {
            faults.push(format!(
                "the app of {} access keys cannot be decoded: the apps that they protect may be unprotected after the next \
                 start; correct or delete these rows of AccessKey, whose ids are in the log",
                state.unreadable_keys
            ));
        }
        if state.missing_keys > 0 {
            faults.push(format!(
                "the rows of {} access keys are missing and were not marked as deleted: these keys remain in effect until \
                 all releases are reloaded, as long as the table AccessKey is empty, and for half a minute after its rows \
                 last went missing or were added; complete the restore, or restart the node if the table is to remain empty",
                state.missing_keys
            ));
        }
        if state.unreadable_names > 0 {
            faults.push(format!(
                "{} rows of AppNamespace cannot be decoded: a public namespace that one of them defines stays as it \
                 was read before, or is refused; correct or delete these rows, the log contains their ids",
                state.unreadable_names
            ));
        }
        faults
    }
}

impl ConditionState {
    /// The tasks that fail, or else those that have had no outcome for too long: an outage delays
    /// them, too.
    fn faults_of_tasks(&self, now: Instant) -> Vec<String> {
        let faults = |fault: fn(&TaskState, FeedTask, Instant) -> Option<String>| {
            let tasks = FeedTask::ALL.into_iter().zip(&self.tasks);
            tasks.filter_map(|(task, state)| fault(state, task, now)).collect::<Vec<_>>()
        };
        let failing = faults(TaskState::failure);
        if failing.is_empty() { faults(TaskState::delay) } else { failing }
    }
}

impl TaskState {
    fn begin(&mut self, pause: Duration, now: Instant) {
        self.succeeded.get_or_insert(now);
        self.pause = pause;
    }

    fn end(&mut self, is_failing: bool, now: Instant) -> bool {
        let was_failing = self.failing.is_some();
        if is_failing {
            self.failing.get_or_insert(now);
        } else {
            (self.failing, self.succeeded) = (None, Some(now));
        }
        was_failing != is_failing
    }

    fn failure(&self, task: FeedTask, now: Instant) -> Option<String> {
        let seconds = now.saturating_duration_since(self.failing?).as_secs();
        Some(format!("{} has failed for {seconds} s{}", task.purpose(), task.effect()))
    }

    /// A task that panics in each round, or waits for something that does not happen. The clock is
    /// the monotonic one, which does not go on while the machine is suspended.
    fn delay(&self, task: FeedTask, now: Instant) -> Option<String> {
        let since = now.saturating_duration_since(self.succeeded?);
        let (purpose, seconds, effect) = (task.purpose(), since.as_secs(), task.effect());
        (since > self.pause.saturating_add(LONGEST_ROUND))
            .then(|| format!("{purpose} has not succeeded for {seconds} s{effect}"))
    }
}

impl Rewind {
    fn is_reported(&self, hold: Duration) -> bool {
        !self.is_healed || self.time.elapsed() < hold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewind_is_reported_until_it_is_healed_and_for_a_while() {
        let condition = Condition::default();
        assert!(condition.faults(Duration::ZERO).is_empty());
        assert_eq!(condition.last_rewind(), None);
        condition.rewound(110, 100);
        assert!(condition.last_rewind().is_some());
        assert!(condition.faults(Duration::ZERO)[0].contains("from 110 to 100"));
        assert_eq!(condition.lost_id(Duration::ZERO), Some(110));
        condition.healed();
        assert_eq!(condition.faults(Duration::from_secs(60)).len(), 1);
        assert!(condition.faults(Duration::ZERO).is_empty());
    }

    #[test]
    fn reads_that_fail_are_reported_until_one_succeeds() {
        for task in FeedTask::ALL {
            let condition = Condition::default();
            let ended = |is_failing| condition.ended(task, is_failing);
            assert!(!ended(false));
            assert!(ended(true) && !ended(true));
            let faults = condition.faults(Duration::ZERO);
            assert!(faults.len() == 1 && faults[0].contains("has failed for "), "{faults:?}");
            assert!(ended(false) && condition.faults(Duration::ZERO).is_empty());
        }
    }

    /// S88: a round that panics has no outcome.
    #[test]
    fn a_task_without_an_outcome_is_reported_until_it_succeeds() {
        const PAUSE: Duration = Duration::from_secs(60);
        const SECOND: Duration = Duration::from_secs(1);
        for task in FeedTask::ALL {
            let mut condition = ConditionState::default();
            let start = Instant::now();
            let due = start + PAUSE + LONGEST_ROUND;
            assert!(condition.faults_of_tasks(due + SECOND).is_empty(), "it was not started");
            condition.tasks[task as usize].begin(PAUSE, start);
            // Restarted after a panic.
            condition.tasks[task as usize].begin(PAUSE, due);
            assert!(condition.faults_of_tasks(due).is_empty());
            let faults = condition.faults_of_tasks(due + SECOND);
            assert!(faults.len() == 1 && faults[0].starts_with(task.purpose()), "{faults:?}");
            assert!(faults[0].contains("has not succeeded for "), "{faults:?}");
            for failing in FeedTask::ALL {
                condition.tasks[failing as usize].end(true, due);
                let faults = condition.faults_of_tasks(due + SECOND);
                assert!(faults.len() == 1 && faults[0].contains("has failed for"), "{faults:?}");
                condition.tasks[failing as usize].failing = None;
            }
            condition.tasks[task as usize].begin(PAUSE * 2, due);
            assert!(condition.faults_of_tasks(due + SECOND).is_empty(), "its pause is longer");
            condition.tasks[task as usize].begin(PAUSE, due);
            condition.tasks[task as usize].end(false, due);
            assert!(condition.faults_of_tasks(due + SECOND).is_empty());
        }
    }
}
