//! Takes back what an import did before it failed, so that no half of it stays: first the changes
//! in namespaces, then what it created (`creation.rs`).

use std::collections::{BTreeSet, HashSet};

use super::super::draft::{apply, draft, is_retried, stored};
use super::creation::Object;
use super::turn::ImportTurn;
use crate::domain::configurations::Configurations;
use crate::domain::draft::import::Imported;
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment};
use crate::error::{Error, Reaction, Result, if_found};
use crate::feed::cache::stored_configurations;
use crate::role::portal::Portal;
use crate::role::portal::fan_out::is_refusal;
use crate::wire::admin;

/// What an import did, in its order.
#[derive(Default)]
pub(super) struct Undo {
    /// With the positions of their entries.
    created: Vec<(usize, Object)>,
    changes: Vec<AppliedChange>,
}

/// What could not be taken back.
pub(super) struct NotUndone {
    /// Positions of the entries of objects.
    pub(super) entries: BTreeSet<usize>,
    /// Namespaces with changes.
    pub(super) namespaces: Vec<Resource>,
}

/// What happened, or may have happened, to a namespace.
pub(super) struct AppliedChange {
    pub(super) place: Resource,
    /// Whether the import created it.
    pub(super) is_new: bool,
    pub(super) imported: Imported,
}

impl Undo {
    /// Records a change before it is made: the answer to it may be lost.
    pub(super) fn record(&mut self, change: AppliedChange) {
        self.changes.push(change);
    }

    /// Forgets the last change, which was refused.
    pub(super) fn forget_last(&mut self) {
        self.changes.pop();
    }

    /// Records an object of an entry that was created.
    pub(super) fn created(&mut self, at: usize, object: Object) {
        self.created.push((at, object));
    }

    /// Records an object of an entry, unless its creation was refused: the answer may be lost.
    pub(super) fn may_have_created<T>(
        &mut self,
        at: usize,
        object: Object,
        made: Result<T>,
    ) -> Result<T> {
        if !made.as_ref().is_err_and(is_refusal) {
            self.created(at, object);
        }
        made
    }

    /// Takes everything back, the last first, while the turn allows it.
    pub(super) async fn run(
        self,
        portal: &Portal,
        turn: &ImportTurn<'_>,
        operator: &str,
    ) -> NotUndone {
        let namespaces = take_back(self.changes, portal, turn, operator).await;
        let (mut entries, mut of_apps) = (BTreeSet::new(), HashSet::new());
        for (at, object) in self.created.into_iter().rev() {
            let is_kept = object.is_app() && of_apps.contains(object.app_id());
            if is_kept {
                entries.insert(at);
                continue;
            }
            let removed = match turn.may_take_back().await {
                true => object.remove(portal, operator).await,
                false => Err(turn_ended()),
            };
            if let Err(error) = removed {
                let app_id = object.app_id().to_owned();
                tracing::warn!(app_id, %error, "what a failed import created cannot be removed");
                of_apps.insert(app_id);
                entries.insert(at);
            }
        }
        NotUndone { entries, namespaces }
    }
}

/// Takes changes back; returns the namespaces where that failed.
async fn take_back(
    changes: Vec<AppliedChange>,
    portal: &Portal,
    turn: &ImportTurn<'_>,
    operator: &str,
) -> Vec<Resource> {
    let mut failed = Vec::new();
    for change in changes.into_iter().rev() {
        let taken_back = match turn.may_take_back().await {
            true => change.take_back(portal, operator).await,
            false => Err(turn_ended()),
        };
        match taken_back {
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

/// Why nothing is taken back any more, for the log.
fn turn_ended() -> Error {
    Error::unavailable("the node is about to end, or another import may have begun")
}

impl AppliedChange {
    /// A namespace without items.
    pub(super) fn creation(place: &Resource) -> Self {
        Self { place: place.clone(), is_new: true, imported: Imported::default() }
    }

    async fn take_back(&self, portal: &Portal, operator: &str) -> Result<()> {
        let environment = portal.state.environments.find(&self.place.env)?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Some(found) = if_found(stored(&environment, &self.place).await)? else {
                return Ok(());
            };
            let released = self.released(&environment).await?;
            let Some(lines) = if_found(draft(&environment, &self.place).await)? else {
                return Ok(());
            };
            let reversal = self.imported.reversal(&lines);
            let is_empty = lines.len() == reversal.delete.len();
            let outcome = if is_empty && self.is_new && released.is_none() {
                let address = Address::in_namespace(&self.place, &[]);
                let unpublished = [("operator", operator), ("releaseId", "0")];
                environment.delete_on_last_read(address.with(&unpublished)).await
            } else {
                apply(&environment, &self.place, found.id, reversal, operator, None).await
            };
            match outcome {
                // Somebody deleted the namespace or one of the items meanwhile.
                Err(error) if error.reaction() == Reaction::NotFound && attempt == 1 => {}
                Err(error) if is_retried(&error, attempt).await => {}
                outcome => {
                    outcome?;
                    return self.check_unpublished(released.as_ref());
                }
            }
        }
    }

    /// What clients receive of the namespace.
    async fn released(&self, environment: &Environment) -> Result<Option<Configurations>> {
        let address = Address::in_namespace(&self.place, &["releases", "latest"]);
        let release: Option<admin::Release> = environment.find(address).await?;
        let text = release.map(|release| release.configurations.unwrap_or_default());
        // Clients do not receive what is not JSON.
        Ok(text.map(|text| stored_configurations(&text).unwrap_or_default()))
    }

    /// Somebody may have published what the import brought, which nothing takes back.
    fn check_unpublished(&self, released: Option<&Configurations>) -> Result<()> {
        let is_published = released.is_some_and(|released| {
            self.is_new || self.imported.is_in(|key| released.get(key).map(|value| &**value))
        });
        match is_published {
            true => Err(Error::bad_request("its items were published meanwhile")),
            false => Ok(()),
        }
    }
}
