//! Asks the environments whether they accept the items of an archive, before anything is changed:
//! each has limits of its own, and a namespace that is refused in the middle of an import would
//! leave half of it.

use std::collections::HashMap;

use super::OnConflict;
use super::apply::Import;
use super::plan::{Problems, leniency, lines};
use crate::domain::archive_path::Formats;
use crate::domain::draft::{Line, import};
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment};
use crate::error::{Reaction, Result};
use crate::role::portal::open_api::draft::{change_sets, draft, stored};

impl Import<'_> {
    /// Requires that each environment accepts the items of all its namespaces.
    ///
    /// # Errors
    /// Names the entries that are not accepted, with the reasons.
    pub(super) async fn check_limits(
        &self,
        namespaces: &[(usize, Resource)],
        formats: &Formats,
    ) -> Result<()> {
        let paths: Vec<_> = self.archive.paths().collect();
        let mut problems = Problems::default();
        let mut created: HashMap<_, u64> = HashMap::new();
        for (position, place) in namespaces {
            let text = self.archive.read(*position).await?;
            let lines = lines(&text, formats.of(place), leniency(self.portal))?;
            let environment = self.portal.state.environments.find(&place.env)?;
            let created = created.entry((&place.env, &place.app_id, &place.cluster)).or_default();
            let trial = Trial { on_conflict: self.on_conflict, operator: self.operator };
            match trial.run(&environment, place, &lines, created).await {
                Ok(()) => {}
                Err(error)
                    if matches!(error.reaction(), Reaction::BadRequest | Reaction::Internal) =>
                {
                    let path = paths[*position];
                    tracing::debug!(path, %error, "an entry of an archive is not accepted");
                    problems.add(path, error.message());
                }
                Err(error) => return Err(error),
            }
        }
        problems.check()
    }
}

/// The parts of an import that its trial depends on.
#[derive(Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) on_conflict: OnConflict,
    pub(super) operator: &'a str,
}

impl Trial<'_> {
    /// Requires that an environment accepts the items of one namespace. `created` counts the
    /// namespaces that the import creates in the cluster.
    pub(super) async fn run(
        self,
        environment: &Environment,
        place: &Resource,
        lines: &[Line],
        created: &mut u64,
    ) -> Result<()> {
        let (id, draft) = match stored(environment, place).await {
            Err(error) if error.reaction() == Reaction::NotFound => {
                *created += 1;
                (0, Vec::new())
            }
            found => (found?.id, draft(environment, place).await?),
        };
        let is_skipped = self.on_conflict == OnConflict::Ignore && !draft.is_empty();
        let changes = import::changes(&draft, lines);
        if is_skipped || (changes.is_empty() && id != 0) {
            return Ok(());
        }
        let address = Address::in_namespace(place, &["itemset", "trial"]);
        let address = address.with(&[("created", &created.to_string())]);
        match environment.examine(address, &change_sets(id, changes, self.operator)).await {
            // An admin service of Apollo does not have the operation, which it answers with 404 or,
            // in older versions, with 500. It checks the items when they are applied.
            Err(error) if matches!(error.reaction(), Reaction::NotFound | Reaction::Service) => {
                Ok(())
            }
            tried => tried,
        }
    }
}
