//! The calls of clients, peers and operators, and how each changes a lease.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    APPS, Action, Decided, Lease, Moment, Origin, PER_APP, Refused, Registry, Renewal, Status,
    effective,
};
use crate::{Contradiction, Instance, Invalid, limits};

impl Registry {
    /// Registers an instance, or renews its registration. Returns the lease, and whether a newer
    /// description than this one was kept.
    ///
    /// # Errors
    /// Returns the reason why it is not registered.
    pub fn register(
        &mut self,
        mut instance: Instance,
        origin: Origin,
        now: Moment,
    ) -> Result<(Lease, bool), Refused> {
        let (app, id) = (instance.app.clone(), instance.id().to_owned());
        self.check(&app, &id, origin)?;
        let existing = self.get(&app, &id);
        // One that reports no time is newer than any before it, also on a node whose clock is
        // behind.
        let known = existing.and_then(|lease| lease.instance.dirty);
        let dirty = instance.dirty.unwrap_or(now.wall.max(known.unwrap_or(now.wall)));
        let newer = existing.filter(|lease| lease.instance.dirty > Some(dirty));
        let kept = newer.map(|lease| Arc::clone(&lease.instance));
        let previous = existing.map(|lease| lease.instance.status);
        let up_since = existing.map_or(0, |lease| lease.up_since);
        let is_kept = kept.is_some();
        instance = kept.map_or(instance, Arc::unwrap_or_clone);
        instance.dirty.get_or_insert(dirty);
        let reported = instance.overridden_status;
        if reported != Status::Unknown && self.overrides.get(&app, &id).is_none() {
            if origin == Origin::Peer && self.is_removed_override(&app, &id, now) {
                instance.overridden_status = Status::Unknown;
                // Its own status is not known, only the one that was set in place of it.
                if instance.status == reported {
                    let known = previous.filter(|status| *status != Status::Unknown);
                    instance.status = known.unwrap_or(Status::Up);
                }
            } else {
                self.overrides.set(&app, &id, reported);
            }
        }
        let override_ = self.overrides.get(&app, &id);
        self.overrides.set_left(&app, &id, None);
        self.early.forget(&app, &id);
        instance.overridden_status = override_.unwrap_or(instance.overridden_status);
        let previous = previous.filter(|_| origin != Origin::Peer);
        instance.status = effective(instance.status, override_, previous);
        let is_up = instance.status == Status::Up;
        let mut lease = Lease {
            up_since: if up_since == 0 && is_up { now.wall } else { up_since },
            updated: now.wall,
            action: Some(Action::Added),
            is_own: origin == Origin::Own,
            ..Lease::unregistered(instance)
        };
        lease.register(now);
        let ends = [self.next_end, lease.end()];
        self.next_end = ends.into_iter().flatten().min();
        let leases = self.apps.entry(app.clone()).or_default();
        if leases.insert(id.clone(), lease.clone()).is_none() {
            self.size += 1;
        }
        if lease.is_own {
            self.own.insert((app.clone(), id.clone()));
        }
        self.changed(&app, &id, None, now);
        Ok((lease, is_kept))
    }

    fn check(&self, app: &str, id: &str, origin: Origin) -> Result<(), Refused> {
        if origin == Origin::Own {
            return Ok(());
        }
        if !self.options.apps.is_empty() && !self.options.apps.contains(app) {
            return Err(Refused::App);
        }
        if self.own.contains(&(app.to_owned(), id.to_owned())) {
            return Err(Refused::OwnId);
        }
        match self.get(app, id) {
            Some(_) => Ok(()),
            None => {
                let in_app = self.apps.get(app).map(BTreeMap::len);
                let is_full = self.size >= self.options.max_instances
                    || in_app.map_or(self.apps.len() >= APPS, |number| number >= PER_APP);
                if is_full { Err(Refused::Full) } else { Ok(()) }
            }
        }
    }

    /// Renews a lease. `dirty` is the time of the caller's description, and `override_` what a peer
    /// reports about its own.
    pub fn renew(
        &mut self,
        app: &str,
        id: &str,
        dirty: Option<i64>,
        override_: Option<Status>,
        origin: Origin,
        now: Moment,
    ) -> Renewal {
        let remembered = self.overrides.get(app, id);
        let Some(lease) = self.lease_mut(app, id) else { return Renewal::Unknown };
        let own = &lease.instance;
        let previous = Some(own.status).filter(|_| origin != Origin::Peer);
        let status = effective(own.status, remembered, previous);
        if status == Status::Unknown {
            return Renewal::Unknown;
        }
        let has_changed = status != own.status;
        if has_changed {
            Arc::make_mut(&mut lease.instance).status = status;
            lease.updated = now.wall;
            lease.action = Some(Action::Modified);
        }
        lease.renew(now);
        let known = lease.instance.dirty;
        let renewed = lease.clone();
        if has_changed {
            self.changed(app, id, None, now);
        }
        if dirty.is_none() || dirty == known {
            // The sender may have learned of it while this registry was not there.
            let reported = override_.filter(|status| *status != Status::Unknown);
            let reported = reported.filter(|_| origin == Origin::Peer);
            let adopted = reported.and_then(|status| self.adopt_override(app, id, status, now));
            return Renewal::Renewed(adopted.unwrap_or(renewed));
        }
        if dirty > known {
            let reported = override_.filter(|status| *status != Status::Unknown);
            if let Some(status) = reported.filter(|_| origin == Origin::Peer)
                && !self.is_removed_override(app, id, now)
            {
                self.overrides.set(app, id, status);
                self.modify(app, id, now, |instance| instance.overridden_status = status);
            }
            return Renewal::Outdated(renewed);
        }
        if origin == Origin::Peer { Renewal::Newer(renewed) } else { Renewal::Renewed(renewed) }
    }

    /// Whether a peer that reports an override sent it before it knew that it was removed here.
    fn is_removed_override(&mut self, app: &str, id: &str, now: Moment) -> bool {
        let is_removed = self.overrides.is_known(app, id) && self.overrides.get(app, id).is_none();
        if is_removed {
            self.overrides.confirm_removal(app, id, now.at);
        }
        is_removed
    }

    /// Ends a lease and forgets its override. Returns the lease as it was.
    pub fn cancel(&mut self, app: &str, id: &str, now: Moment) -> Option<Lease> {
        let lease = self.end(app, id, now)?;
        // If it had none, nothing was removed that a peer could still report.
        if self.overrides.get(app, id).is_some() {
            self.overrides.remove(app, id, now.at);
        }
        Some(lease)
    }

    /// Overrides the status of an instance, unless it has this status anyway. Returns its lease, if
    /// there is one, and whether the override is known now. What a Castalia node has recorded is
    /// recorded here in any case: they would differ as soon as the instance reports another status.
    /// So is what an operator sets after a removal, which some peer may have missed.
    pub fn set_status(
        &mut self,
        app: &str,
        id: &str,
        status: Status,
        dirty: Option<i64>,
        decided: Decided,
        now: Moment,
    ) -> Option<(Lease, bool)> {
        let known = self.overrides.get(app, id);
        let is_recorded = match decided {
            Decided::Here => known.is_none() && self.overrides.is_known(app, id),
            Decided::ByNode => known != Some(status),
            Decided::ByServer => false,
        };
        let lease = self.lease_mut(app, id)?;
        lease.renew(now);
        if lease.instance.status == status && !is_recorded {
            return Some((lease.clone(), known == Some(status)));
        }
        if lease.up_since == 0 && status == Status::Up {
            lease.up_since = now.wall;
        }
        self.overrides.set(app, id, status);
        let changed = self.modify(app, id, now, |instance| {
            instance.status = status;
            instance.overridden_status = status;
            instance.dirty = instance.dirty.max(dirty);
        });
        changed.map(|lease| (lease, true))
    }

    /// Removes an override; without a status, the instance has to report its own. Returns its
    /// lease, if there is one; that of an instance that is not here stays. A Castalia node sends
    /// the status that the instance has there since, with or without an override before.
    pub fn remove_override(
        &mut self,
        app: &str,
        id: &str,
        status: Option<Status>,
        dirty: Option<i64>,
        decided: Decided,
        now: Moment,
    ) -> Option<Lease> {
        self.get(app, id)?;
        let is_known = self.overrides.is_known(app, id);
        let overridden = self.overrides.get(app, id);
        let was_overridden = self.overrides.remove(app, id, now.at);
        let lease = self.lease_mut(app, id)?;
        lease.renew(now);
        // A peer that missed the removal may have brought the status back.
        let is_left = is_known && lease.instance.status == Status::OutOfService;
        let differs = status.is_some_and(|status| lease.instance.status != status);
        if !was_overridden && !(differs && (is_left || decided == Decided::ByNode)) {
            return Some(lease.clone());
        }
        // It reported this itself, after the removal that a peer sends late.
        let reported = Some(lease.instance.status).filter(|own| Some(*own) != overridden);
        let reported = reported.filter(|_| dirty.is_some() && lease.instance.dirty > dirty);
        self.modify(app, id, now, |instance| {
            instance.status = reported.or(status).unwrap_or(Status::Unknown);
            instance.overridden_status = Status::Unknown;
            instance.dirty = instance.dirty.max(dirty);
        })
    }

    /// Removes the override of an instance that is not here: it would take effect when the instance
    /// comes back. Returns whether there was one.
    pub fn forget_override(&mut self, app: &str, id: &str, now: Moment) -> bool {
        self.overrides.get(app, id).is_some() && self.overrides.remove(app, id, now.at)
    }

    /// What this registry knows of an override, if a peer reports another one.
    #[must_use]
    pub fn contradiction(
        &self,
        app: &str,
        id: &str,
        reported: Option<Status>,
    ) -> Option<Contradiction> {
        let reported = reported.filter(|status| *status != Status::Unknown)?;
        let known = self.overrides.get(app, id);
        let is_other = self.overrides.is_known(app, id) && known != Some(reported);
        is_other.then_some(Contradiction { here: known.unwrap_or(Status::Unknown), reported })
    }

    /// The apps and ids of the instances whose override was removed lately.
    #[must_use]
    pub fn removed_overrides(&self) -> Vec<(String, String)> {
        self.overrides.removed().cloned().collect()
    }

    /// Records that these overrides were removed at a peer, as long as there is space, unless this
    /// registry knows better.
    pub fn copy_removed_overrides(&mut self, removed: Vec<(String, String)>, now: Moment) {
        for (app, id) in removed {
            if self.overrides.is_full() {
                return;
            }
            if !self.overrides.is_known(&app, &id) {
                self.overrides.remove(&app, &id, now.at);
            }
        }
    }

    /// Adopts the override that a peer remembers, unless this registry knows better: it has not
    /// always been there. Returns the lease that changed.
    pub fn adopt_override(
        &mut self,
        app: &str,
        id: &str,
        status: Status,
        now: Moment,
    ) -> Option<Lease> {
        if status == Status::Unknown {
            return None;
        }
        if self.overrides.is_known(app, id) {
            self.overrides.confirm_removal(app, id, now.at);
            return None;
        }
        self.overrides.set(app, id, status);
        if self.get(app, id).is_none() {
            self.overrides.set_left(app, id, Some(now.at));
        }
        self.modify(app, id, now, |instance| {
            instance.status = effective(instance.status, Some(status), None);
            instance.overridden_status = status;
        })
    }

    /// Sets entries of the metadata, until the instance registers anew. Returns its lease, if there
    /// is one.
    ///
    /// # Errors
    /// Fails if the metadata would be too large.
    pub fn set_metadata(
        &mut self,
        app: &str,
        id: &str,
        entries: impl IntoIterator<Item = (String, String)>,
        now: Moment,
    ) -> Result<Option<Lease>, Invalid> {
        let Some(lease) = self.lease_mut(app, id) else { return Ok(None) };
        let mut metadata = lease.instance.metadata.clone();
        // Java's clients would take this entry for the name of a class, as in a registration.
        metadata.extend(entries.into_iter().filter(|(key, _)| key != "@class"));
        limits::check_metadata(&metadata, lease.instance.data_center.amazon.as_ref())?;
        lease.register(now);
        lease.renew(now);
        let changed = self.modify(app, id, now, |instance| instance.metadata = metadata);
        let Some(lease) = self.lease_mut(app, id) else { return Ok(changed) };
        lease.action = Some(Action::Added);
        Ok(Some(lease.clone()))
    }

    fn modify(
        &mut self,
        app: &str,
        id: &str,
        now: Moment,
        change: impl FnOnce(&mut Instance),
    ) -> Option<Lease> {
        let lease = self.lease_mut(app, id)?;
        change(Arc::make_mut(&mut lease.instance));
        lease.updated = now.wall;
        lease.action = Some(Action::Modified);
        let modified = lease.clone();
        self.changed(app, id, None, now);
        Some(modified)
    }
}
