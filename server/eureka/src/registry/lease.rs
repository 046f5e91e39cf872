//! What the registry knows about one instance, and when its lease ends. Leases are measured on a
//! clock that never jumps; what readers see are times of the wall clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Moment;
use crate::instance::MACHINE;
use crate::{Action, Instance};

/// An instance, and what the registry knows about it. All times are milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Its description, with the status that is in effect.
    pub instance: Arc<Instance>,
    /// Time of the registration.
    pub registered: i64,
    /// Time of the last renewal plus the duration of the lease, as Eureka writes it.
    pub renewed: i64,
    /// When it ended; 0 if it did not.
    pub evicted: i64,
    /// When it was first registered as `UP`; 0 if it was not.
    pub up_since: i64,
    /// When this registry last changed it.
    pub updated: i64,
    /// The last change.
    pub action: Option<Action>,
    /// Whether it describes a service of this process.
    pub is_own: bool,
    /// `None` if no registry has it.
    pub(super) times: Option<Times>,
}

/// Times of a lease on the clock that never jumps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) registered: Instant,
    /// `None` without a heartbeat.
    pub(super) renewed: Option<Instant>,
}

impl Lease {
    /// A lease that no registry has, for sending a description.
    #[must_use]
    pub fn unregistered(instance: Instance) -> Self {
        Self {
            instance: Arc::new(instance),
            registered: 0,
            renewed: 0,
            evicted: 0,
            up_since: 0,
            updated: 0,
            action: None,
            is_own: false,
            times: None,
        }
    }

    /// As readers need it once it has ended: with what identifies the instance. Those that left are
    /// stored for minutes, also when a caller registers and cancels all the time.
    #[must_use]
    pub(super) fn without_metadata(mut self) -> Self {
        let instance = Arc::make_mut(&mut self.instance);
        instance.metadata.clear();
        if let Some(amazon) = &mut instance.data_center.amazon {
            amazon.retain(|key, _| key == MACHINE);
        }
        self
    }

    /// Time of the last heartbeat, or of the registration without one.
    #[must_use]
    pub fn heartbeat(&self) -> i64 {
        // The time of a registration lacks the duration.
        match self.renewed == self.registered {
            true => self.registered,
            false => self.renewed - self.duration(),
        }
    }

    /// Milliseconds for which a renewal holds.
    fn duration(&self) -> i64 {
        i64::from(self.instance.lease_duration) * 1000
    }

    /// When it ends unless it is renewed; a service of this process does not.
    pub(super) fn end(&self) -> Option<Instant> {
        let duration = Duration::from_secs(self.instance.lease_duration.into());
        let Times { registered, renewed } = self.times.filter(|_| !self.is_own)?;
        renewed.unwrap_or(registered).checked_add(duration)
    }

    /// Whether it has ended; preservation may keep it in the lists nevertheless.
    #[must_use]
    pub fn is_expired(&self, now: Moment) -> bool {
        self.end().is_some_and(|end| now.at > end)
    }

    /// Whether it was registered after this time: what a peer reports about an earlier one does not
    /// concern it.
    #[must_use]
    pub fn is_newer(&self, than: Instant) -> bool {
        self.times.is_some_and(|times| times.registered > than)
    }

    /// Time since the last heartbeat, or since the registration without one.
    pub(crate) fn silence(&self, now: Moment) -> Duration {
        self.times.map_or(Duration::ZERO, |Times { registered, renewed }| {
            now.at.saturating_duration_since(renewed.unwrap_or(registered))
        })
    }

    /// Whether a heartbeat is missing: one that is only late arrives within half an interval.
    pub(crate) fn is_overdue(&self, now: Moment) -> bool {
        let interval = Duration::from_secs(self.instance.renewal_interval.into());
        self.silence(now) > interval * 3 / 2 || self.is_expired(now)
    }

    /// Begins anew.
    pub(super) fn register(&mut self, now: Moment) {
        self.times = Some(Times { registered: now.at, renewed: None });
        (self.registered, self.renewed) = (now.wall, now.wall);
    }

    pub(super) fn renew(&mut self, now: Moment) {
        let registered = self.times.map_or(now.at, |times| times.registered);
        self.times = Some(Times { registered, renewed: Some(now.at) });
        self.renewed = now.wall.saturating_add(self.duration());
    }

    /// Extends it by the time for which this process was stopped until now, or by the part of it
    /// since the lease was renewed: heartbeats may arrive before the pause is noticed.
    pub(super) fn grant(&mut self, pause: Duration, now: Moment) {
        if let Some(Times { registered, renewed }) = &mut self.times {
            // Without a heartbeat, readers compute its end from the registration.
            let start = renewed.as_mut().unwrap_or(registered);
            let pause = pause.min(now.at.saturating_duration_since(*start));
            *start = start.checked_add(pause).unwrap_or(*start);
        }
    }
}
