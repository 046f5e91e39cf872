//! Records sign-ins and sign-outs. A refused sign-in is an act of an unknown client, so only a
//! limited number of them is recorded: the throttle limits the attempts of each address, and this
//! file those of all addresses together.

use std::net::IpAddr;

use parking_lot::Mutex;

use super::allowance::Allowance;
use super::{omitted, trail};
use crate::domain::audit_log::OperationKind::{self, Create, Delete, Rpc};
use crate::domain::audit_log::request::{Request as Audited, Trail};
use crate::domain::permission::requirement::Resource;
use crate::domain::user;
use crate::error::{Error, Result};
use crate::role::portal::Portal;

const REFUSED: &str = "Auth.signInRefused";
/// Operator of an attempt without the name of a user.
const NOBODY: &str = "anonymous";

/// Limits the records of refused sign-ins; one for each portal.
#[derive(Debug, Default)]
pub(in crate::role::portal) struct RefusedSignIns(Mutex<Allowance>);

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
        let Some(suppressed) = self.own.refused_sign_ins.0.lock().admit() else { return };
        if let Err(error) = self.record_refused(username, address, suppressed).await {
            tracing::error!(%error, %address, "a refused sign-in is not in the audit log");
        }
    }

    async fn record_refused(&self, username: &str, address: IpAddr, suppressed: u64) -> Result<()> {
        let known = user::find(&self.state.store, username).await?;
        let operator = known.map_or_else(|| NOBODY.to_owned(), |user| user.username);
        let description = format!("{}from {address}", omitted(suppressed));
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
