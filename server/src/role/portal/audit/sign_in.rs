//! Records sign-ins and sign-outs. A refused sign-in is an act of an unknown client, so only a
//! limited number of them is recorded: the throttle limits the attempts of each address, and this
//! file those of all addresses together.

use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::trail;
use crate::domain::audit_log::OperationKind::{self, Create, Delete, Rpc};
use crate::domain::audit_log::request::{Request as Audited, Trail};
use crate::domain::permission::need::Resource;
use crate::domain::user;
use crate::error::{Error, Result};
use crate::role::portal::Portal;

/// Refused sign-ins that are recorded at once.
const AT_ONCE: f64 = 100.0;
/// Time after which one more is recorded, that is, ten per minute.
const PAUSE: Duration = Duration::from_secs(6);
const REFUSED: &str = "Auth.signInRefused";
/// Operator of an attempt without the name of a user.
const NOBODY: &str = "anonymous";

/// Limits the records of refused sign-ins, in memory of this node; one for each portal.
#[derive(Debug)]
pub(in crate::role::portal) struct RefusedSignIns(Mutex<Allowance>);

#[derive(Debug)]
struct Allowance {
    left: f64,
    at: Instant,
    suppressed: u64,
}

impl Default for RefusedSignIns {
    fn default() -> Self {
        Self(Mutex::new(Allowance { left: AT_ONCE, at: Instant::now(), suppressed: 0 }))
    }
}

impl RefusedSignIns {
    /// Whether a further one is recorded: with the number of those that were not recorded before
    /// it.
    fn admit(&self) -> Option<u64> {
        let mut allowance = self.0.lock();
        let now = Instant::now();
        let restored = now.duration_since(allowance.at).as_secs_f64() / PAUSE.as_secs_f64();
        allowance.left = (allowance.left + restored).min(AT_ONCE);
        allowance.at = now;
        if allowance.left < 1.0 {
            allowance.suppressed += 1;
            return None;
        }
        allowance.left -= 1.0;
        Some(std::mem::take(&mut allowance.suppressed))
    }
}

impl Portal {
    /// The trail of a sign-in, which is recorded together with the session.
    pub(in crate::role::portal) fn signs_in(
        &self,
        user_id: &str,
        address: IpAddr,
    ) -> Result<Option<Trail>> {
        self.act(Create, "Auth.signIn", user_id, &format!("from {address}"))
    }

    /// The trail of a sign-out.
    pub(in crate::role::portal) fn signs_out(
        &self,
        user_id: &str,
        address: IpAddr,
    ) -> Result<Option<Trail>> {
        self.act(Delete, "Auth.signOut", user_id, &format!("from {address}"))
    }

    /// The trail of a refused sign-in that changes something.
    pub(in crate::role::portal) fn refuses(
        &self,
        user_id: &str,
        address: IpAddr,
    ) -> Result<Option<Trail>> {
        self.act(Rpc, REFUSED, user_id, &format!("from {address}"))
    }

    /// Records a sign-in with a wrong name or password. The name is recorded only if a user has it:
    /// it may be a password in the wrong field.
    pub(in crate::role::portal) async fn refused_sign_in(&self, username: &str, address: IpAddr) {
        let Some(suppressed) = self.own.refused_sign_ins.admit() else { return };
        if let Err(error) = self.record_refused(username, address, suppressed).await {
            tracing::error!(%error, %address, "a refused sign-in is not in the audit log");
        }
    }

    async fn record_refused(&self, username: &str, address: IpAddr, suppressed: u64) -> Result<()> {
        let known = user::find(&self.state.store, username).await?;
        let operator = known.map_or_else(|| NOBODY.to_owned(), |user| user.username);
        let mut description = format!("from {address}");
        if suppressed > 0 {
            description += &format!("; {suppressed} earlier ones were not recorded");
        }
        match self.act(Rpc, REFUSED, &operator, &description)? {
            Some(trail) => trail.record().await.map_err(Error::from),
            None => Ok(()),
        }
    }

    fn act(
        &self,
        kind: OperationKind,
        name: &str,
        operator: &str,
        description: &str,
    ) -> Result<Option<Trail>> {
        let resource = &Resource::default();
        trail(self, &Audited { kind, name, operator, description, resource })
    }
}

/// Runs a part of a request under a trail, if there is one.
pub(in crate::role::portal) async fn within<F: Future>(trail: Option<Trail>, part: F) -> F::Output {
    match trail {
        Some(trail) => trail.scope(part).await,
        None => part.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn refused_sign_ins_cannot_fill_the_audit_log() {
        let limit = RefusedSignIns::default();
        let recorded = || (0..10_000).filter(|_| limit.admit().is_some()).count();
        assert_eq!(recorded(), 100);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(limit.admit(), Some(9_900), "the next record says how many are missing");
        assert_eq!(recorded(), 9);
    }
}
