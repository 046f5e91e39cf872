//! Takes back what an import changed in namespaces before it failed, so that no half of it stays.
//! Apps, clusters and definitions that it created stay: they are empty, and others may use them
//! already.

use super::super::draft::{ATTEMPTS, apply, draft, is_out_of_date, stored};
use crate::domain::draft::import::Imported;
use crate::domain::permission::need::Resource;
use crate::environment::{Address, Environment};
use crate::error::{Reaction, Result};
use crate::role::portal::Portal;
use crate::wire::admin;

/// The changes of an import, in their order.
#[derive(Default)]
pub(super) struct Undo(Vec<Change>);

/// What happened, or may have happened, to a namespace.
pub(super) struct Change {
    pub(super) place: Resource,
    /// Whether the import created it.
    pub(super) is_new: bool,
    pub(super) imported: Imported,
}

impl Undo {
    /// Records a change before it is made: the answer to it may be lost.
    pub(super) fn record(&mut self, change: Change) {
        self.0.push(change);
    }

    /// Forgets the last change, which was refused.
    pub(super) fn forget_last(&mut self) {
        self.0.pop();
    }

    /// Takes the changes back, the last one first. Returns the namespaces where that failed.
    pub(super) async fn run(self, portal: &Portal, operator: &str) -> Vec<Resource> {
        let mut failed = Vec::new();
        for change in self.0.into_iter().rev() {
            match change.take_back(portal, operator).await {
                Ok(()) => portal.edited(&change.place, operator),
                Err(error) => {
                    let Resource { app_id, env, cluster, namespace } = &change.place;
                    tracing::warn!(app_id, env, cluster, namespace, %error, "what a failed import changed in a namespace cannot be taken back");
                    failed.push(change.place);
                }
            }
        }
        failed
    }
}

impl Change {
    /// A namespace without items.
    pub(super) fn creation(place: &Resource) -> Self {
        Self { place: place.clone(), is_new: true, imported: Imported::default() }
    }

    async fn take_back(&self, portal: &Portal, operator: &str) -> Result<()> {
        let environment = portal.state.environments.find(&self.place.env)?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let found = match stored(&environment, &self.place).await {
                Err(error) if error.reaction() == Reaction::NotFound => return Ok(()),
                found => found?,
            };
            let is_kept = !self.is_new || self.is_released(&environment).await?;
            let lines = draft(&environment, &self.place).await?;
            let reversal = self.imported.reversal(&lines);
            let is_empty = lines.len() == reversal.delete.len();
            let outcome = if is_empty && !is_kept {
                let address = Address::in_namespace(&self.place, &[]);
                environment.delete_on_last_read(address.with(&[("operator", operator)])).await
            } else {
                apply(&environment, &self.place, found.id, reversal, operator).await
            };
            match outcome {
                Err(error) if is_out_of_date(&error) && attempt < ATTEMPTS => {}
                outcome => return outcome,
            }
        }
    }

    /// Somebody may have published what the import brought.
    async fn is_released(&self, environment: &Environment) -> Result<bool> {
        let address = Address::in_namespace(&self.place, &["releases", "latest"]);
        Ok(environment.find::<admin::Release>(address).await?.is_some())
    }
}
