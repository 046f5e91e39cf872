//! Reports how far an import is, to the pages of the user who started it. Only those that are
//! connected to this node get it.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::constraint::check_members;
use crate::domain::permission::requirement::Identity;
use crate::error::Result;
use crate::role::portal::Portal;
use crate::role::portal::events::JobProgress;
use crate::role::portal::identity::Caller;

/// Maximum length of the name of a job, in characters.
const NAME: usize = 64;
/// Shortest interval between two reports: a page must not lag behind because of them.
const INTERVAL: Duration = Duration::from_millis(250);

/// The progress of one import.
pub(super) struct ImportProgress<'a> {
    portal: &'a Portal,
    /// `None` if nobody asked for reports.
    job: Option<JobProgress>,
    reported: Option<Instant>,
}

impl<'a> ImportProgress<'a> {
    /// The progress of an import under the name that the caller chose for it.
    ///
    /// # Errors
    /// Fails if the name is too long.
    pub(super) fn new(portal: &'a Portal, caller: &Caller, name: Option<String>) -> Result<Self> {
        let name = name.filter(|name| !name.is_empty());
        check_members([("job", name.as_deref(), NAME)])?;
        let job = match (name, &caller.identity) {
            (Some(id), Identity::User(user)) => {
                Some(JobProgress { user: user.clone(), id, done: 0, total: 0, failed: 0 })
            }
            _ => None,
        };
        Ok(Self { portal, job, reported: None })
    }

    /// Reports the number of steps, of which none is done.
    pub(super) fn begin(&mut self, total: usize) {
        if let Some(job) = &mut self.job {
            job.total = total;
        }
        self.report();
    }

    /// Records the outcome of a step, and returns it.
    pub(super) fn step<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Some(job) = &mut self.job {
            job.done += 1;
            job.failed += usize::from(outcome.is_err());
        }
        self.report();
        outcome
    }

    fn report(&mut self) {
        let Some(job) = &self.job else { return };
        let is_due = self.reported.is_none_or(|time| time.elapsed() >= INTERVAL);
        if is_due || job.done == job.total {
            self.portal.own.events.report(job.clone());
            self.reported = Some(Instant::now());
        }
    }
}
