//! A deletion that the reachable environments make before the portal, and the others after it.

use castalia_store::Id;

use super::FanOut;
use crate::domain::pending_change::PendingOperation;
use crate::environment::Environment;
use crate::error::Result;
use crate::role::portal::Portal;

/// A deletion of an app or of a definition that has begun. A portal that ends before it has made
/// it leaves it stored, and the environments then receive what the portal has.
pub(in crate::role::portal) struct Deletion {
    /// The environments that make it first.
    pub(in crate::role::portal) reachable: Vec<Environment>,
    begun: FanOut,
    missed: FanOut,
}

impl Deletion {
    /// Stores the deletion of the object that has this row in the portal; `namespace` is empty for
    /// the app itself.
    pub(in crate::role::portal) async fn announce(
        portal: &Portal,
        id: Id,
        (app_id, namespace): (&str, &str),
        operator: &str,
    ) -> Result<Self> {
        let (reachable, away): (Vec<_>, Vec<_>) =
            portal.state.environments.addressed().into_iter().partition(Environment::is_up);
        let announce = async |environments| {
            let operation = PendingOperation::Delete(id);
            FanOut::announce(portal, environments, operation, (app_id, namespace), operator).await
        };
        let begun = announce(reachable.clone()).await?;
        let missed = announce(away).await?;
        Ok(Self { reachable, begun, missed })
    }

    /// Ends it with what the reachable environments and the portal have made of it; returns what is
    /// to be sent to the others.
    pub(in crate::role::portal) async fn end(
        self,
        portal: &Portal,
        made: Result<()>,
    ) -> Result<FanOut> {
        self.begun.withdraw(portal).await;
        self.missed.unless_refused(portal, made).await?;
        Ok(self.missed)
    }
}
