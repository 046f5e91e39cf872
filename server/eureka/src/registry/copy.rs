//! The lists of peers, with which a registry starts. They are older than the changes that peers
//! send while they are copied, so that those of instances that are not here yet are remembered
//! until then.

use std::collections::HashMap;

use super::{LeaseKey, Moment, Origin, Refused, Registry, Status};
use crate::Instance;
use crate::batch::Task;
use crate::limits::{is_app_name, is_id};

/// What happened to an instance before the list that contains it arrived.
#[derive(Debug, Clone, Copy)]
enum Early {
    Left,
    /// Its override was removed, and it has this status since.
    Reports(Status),
}

/// The changes of instances that are not here yet; `None` while no list is copied.
#[derive(Debug, Default)]
pub(super) struct EarlyChanges(Option<HashMap<LeaseKey, Early>>);

impl EarlyChanges {
    pub(super) fn forget(&mut self, app: &str, id: &str) {
        self.0.as_mut().and_then(|changes| changes.remove(&(app.to_owned(), id.to_owned())));
    }

    /// Adds a change unless there are too many. Returns whether it was added.
    fn add(&mut self, app: &str, id: &str, change: Early, largest: usize) -> bool {
        let changes = self.0.as_mut().filter(|changes| changes.len() < largest);
        let key = (app.to_owned(), id.to_owned());
        changes.map(|changes| changes.insert(key, change)).is_some()
    }

    fn get(&self, app: &str, id: &str) -> Option<Early> {
        self.0.as_ref()?.get(&(app.to_owned(), id.to_owned())).copied()
    }
}

impl Registry {
    /// The lists of peers are copied from now on.
    pub fn begin_copy(&mut self) {
        self.early = EarlyChanges(Some(HashMap::new()));
    }

    /// All lists are copied.
    pub fn end_copy(&mut self) {
        self.early = EarlyChanges(None);
    }

    /// Registers an instance of a peer's list, unless its client or a peer described it meanwhile:
    /// the list is older. Returns false if it left meanwhile.
    ///
    /// # Errors
    /// Returns the reason why it is not registered.
    pub fn copy(&mut self, mut instance: Instance, now: Moment) -> Result<bool, Refused> {
        let (app, id) = (instance.app.as_str(), instance.id());
        let here = self.get(app, id);
        let is_described = here.is_some_and(|lease| lease.instance.dirty >= instance.dirty);
        match self.early.get(app, id) {
            Some(Early::Left) => return Ok(false),
            _ if self.changes.has_left(app, id) => return Ok(false),
            Some(Early::Reports(status)) if here.is_none() => {
                instance.status = status;
                instance.overridden_status = Status::Unknown;
            }
            _ => {}
        }
        if is_described {
            return Ok(true);
        }
        self.register(instance, Origin::Peer, now).map(|_| true)
    }

    /// Remembers a change of an instance that is not here: what was decided takes effect when it
    /// comes back, and the lists of peers that are copied may still contain it. `status` is that of
    /// the change.
    pub fn remember(
        &mut self,
        app: &str,
        id: &str,
        task: &Task,
        status: Option<Status>,
        now: Moment,
    ) {
        let is_admitted = self.options.apps.is_empty() || self.options.apps.contains(app);
        if !is_admitted || !is_app_name(app) || !is_id(id) {
            return;
        }
        let change = match (task, status) {
            (Task::Cancel, _) => Early::Left,
            (Task::DeleteStatusOverride, status) => {
                // Without one, the instance has to report its own.
                Early::Reports(status.unwrap_or(Status::Unknown))
            }
            (Task::StatusUpdate, Some(status)) => {
                self.early.forget(app, id);
                self.overrides.set(app, id, status);
                return self.overrides.set_left(app, id, Some(now.at));
            }
            _ => return,
        };
        // What was decided about it ends with its departure.
        let has_left = matches!(self.early.get(app, id), Some(Early::Left));
        if has_left && matches!(change, Early::Reports(_)) {
            return;
        }
        let is_listed = self.early.add(app, id, change, self.options.max_instances);
        if is_listed || self.overrides.get(app, id).is_some() {
            self.overrides.remove(app, id, now.at);
        }
    }
}
