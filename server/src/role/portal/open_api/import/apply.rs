//! Applies a checked plan: apps, then definitions, clusters, and the items of namespaces, each
//! namespace in one transaction. The first failure ends it: what it did is taken back, and the
//! answer names what failed and what stays.

use futures_util::future::join_all;

use super::OnConflict;
use super::creation::Object;
use super::failure::{partly_failed, reaction};
use super::plan::{Plan, leniency, lines};
use super::progress::ImportProgress;
use super::turn::ImportTurn;
use super::undo::{AppliedChange, NotUndone, Undo};
use crate::archive::ArchiveReader;
use crate::domain::archive_path::Formats;
use crate::domain::draft::Line;
use crate::domain::draft::import::{self, Imported};
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_app::{self, NewApp, PortalAppDetails};
use crate::domain::portal_namespace::{self, NewDefinition};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Reaction, Result, if_found};
use crate::role::portal::Portal;
use crate::role::portal::fan_out::{app, is_refusal};
use crate::role::portal::open_api::draft::{apply, draft, is_retried, stored};
use crate::role::portal::open_api::{app_namespace, cluster, namespace};
use crate::state::PortalState;
use crate::wire::admin;
use crate::wire::open_api::{ImportReport, ImportedEntry};

/// An import with a checked archive.
#[derive(Clone, Copy)]
pub(super) struct Import<'a> {
    pub(super) portal: &'a Portal,
    pub(super) turn: &'a ImportTurn<'a>,
    pub(super) archive: &'a ArchiveReader,
    pub(super) on_conflict: OnConflict,
    pub(super) operator: &'a str,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Created,
    Changed,
    Unchanged,
    Skipped,
}

/// What happened to the entries of the archive, by position.
type Outcomes = Vec<(usize, (Outcome, usize))>;

/// The reason why an import ended early.
struct Failed {
    /// Position of the entry.
    at: usize,
    error: Error,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
        }
    }

    fn of(is_new: bool) -> Self {
        if is_new { Self::Created } else { Self::Unchanged }
    }
}

impl Import<'_> {
    pub(super) async fn apply(
        self,
        plan: Plan,
        mut progress: ImportProgress<'_>,
    ) -> Result<ImportReport> {
        let formats = self.formats(&plan).await?;
        self.check_limits(&plan.namespaces, &formats).await?;
        progress.begin(plan.steps());
        let skipped = plan.skipped.iter().map(|at| (*at, (Outcome::Skipped, 0)));
        let mut outcomes: Outcomes = skipped.collect();
        let mut undo = Undo::default();
        let made = self.make(&plan, &mut progress, &mut outcomes, &mut undo).await;
        let applied = match made {
            Ok(()) => self.fill(&plan, &formats, &mut progress, &mut outcomes, &mut undo).await,
            failed => failed,
        };
        if let Err(failed) = applied {
            let kept = undo.run(self.portal, self.turn, self.operator).await;
            return Err(self.failure(failed, &kept));
        }
        outcomes.sort_by_key(|(at, _)| *at);
        Ok(self.report(outcomes))
    }

    /// Creates what the namespaces need.
    async fn make(
        self,
        plan: &Plan,
        progress: &mut ImportProgress<'_>,
        outcomes: &mut Outcomes,
        undo: &mut Undo,
    ) -> Result<(), Failed> {
        for (at, details) in &plan.apps {
            let app = self.app(*at, details.clone(), &plan.envs, undo);
            outcomes.push((*at, none(self.step(*at, progress, app).await?)));
        }
        for (at, definition) in &plan.definitions {
            let definition = self.definition(*at, definition.clone(), undo);
            outcomes.push((*at, none(self.step(*at, progress, definition).await?)));
        }
        for (at, place, comment) in &plan.clusters {
            let cluster = self.cluster(*at, place, comment.clone(), undo);
            outcomes.push((*at, none(self.step(*at, progress, cluster).await?)));
        }
        Ok(())
    }

    /// Brings the items.
    async fn fill(
        self,
        plan: &Plan,
        formats: &Formats,
        progress: &mut ImportProgress<'_>,
        outcomes: &mut Outcomes,
        undo: &mut Undo,
    ) -> Result<(), Failed> {
        for (at, place) in &plan.namespaces {
            let namespace = self.namespace(*at, place, formats, undo);
            outcomes.push((*at, self.step(*at, progress, namespace).await?));
        }
        Ok(())
    }

    /// Does what an entry needs, unless the turn has ended.
    async fn step<T>(
        self,
        at: usize,
        progress: &mut ImportProgress<'_>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T, Failed> {
        let failed = |error| Failed { at, error };
        self.turn.check().await.map_err(failed)?;
        progress.step(work.await).map_err(failed)
    }

    async fn formats(&self, plan: &Plan) -> Result<Formats> {
        let mut formats = Formats::new(&portal_namespace::all(&self.portal.state.store).await?);
        for (_, new) in &plan.definitions {
            formats.add(&new.app_id, &new.name, &new.format, new.is_public);
        }
        Ok(formats)
    }

    /// Creates an app in the portal and in the chosen environments, where it is missing.
    async fn app(
        &self,
        at: usize,
        details: PortalAppDetails,
        envs: &[String],
        undo: &mut Undo,
    ) -> Result<Outcome> {
        let state = &self.portal.state;
        let known = portal_app::named(&state.store, &[&details.app_id]).await?;
        let is_new = known.is_empty();
        let mut is_created = is_new;
        let row = match known.into_iter().next() {
            Some(row) => row,
            None => {
                let new = NewApp {
                    details,
                    admins: Vec::new(),
                    consumer: None,
                    envs: state.environments.names(),
                    active_envs: envs.to_vec(),
                };
                let lacking = lacking(state, &new.details.app_id).await;
                let row = portal_app::create(&state.store, new, self.operator).await?;
                undo.created(at, Object::App { row: row.clone(), lacking });
                row
            }
        };
        for env in envs {
            let environment = state.environments.find(env)?;
            let address = Address::new(["apps", &row.app_id]);
            match environment.get::<admin::App>(address).await {
                Err(error) if error.reaction() == Reaction::NotFound => {
                    let added = app::add(state, &environment, &row, self.operator).await;
                    let object = Object::AppInEnv { row: row.clone(), env: env.clone(), is_new };
                    undo.may_have_created(at, object, added)?;
                    is_created = true;
                }
                found => drop(found?),
            }
        }
        Ok(Outcome::of(is_created))
    }

    async fn definition(&self, at: usize, new: NewDefinition, undo: &mut Undo) -> Result<Outcome> {
        let state = &self.portal.state;
        let own = portal_namespace::of_app(&state.store, &new.app_id).await?;
        if own.iter().any(|row| row.name == new.name) {
            return Ok(Outcome::Unchanged);
        }
        let envs = state.environments.names();
        let fan_out = app_namespace::announce(self.portal, (&new.app_id, &new.name), self.operator);
        let fan_out = fan_out.await?;
        let made = portal_namespace::restore(&state.store, new, &envs, self.operator).await;
        let row = fan_out.unless_refused(self.portal, made).await?;
        undo.created(at, Object::Definition(row.clone()));
        // Namespaces of environments that miss it fail below, and are reported.
        let _ = app_namespace::send(self.portal, fan_out, &row, self.operator).await;
        Ok(Outcome::Created)
    }

    async fn cluster(
        &self,
        at: usize,
        place: &Resource,
        comment: String,
        undo: &mut Undo,
    ) -> Result<Outcome> {
        let environment = self.portal.state.environments.find(&place.env)?;
        let address = Address::in_cluster(place, &[]);
        if let Some(found) = if_found(environment.get::<admin::Cluster>(address).await)? {
            same_spelling(&place.cluster, found.name.as_deref())?;
            // An import that ended with its node may have created it, and no roles.
            cluster::open(self.portal, place, self.operator).await?;
            return Ok(Outcome::Unchanged);
        }
        cluster::prepare(self.portal, place, self.operator).await?;
        let body = admin::Cluster {
            name: Some(place.cluster.clone()),
            app_id: Some(place.app_id.clone()),
            comment: Some(comment),
            data_change_created_by: Some(self.operator.to_owned()),
            data_change_last_modified_by: Some(self.operator.to_owned()),
            ..admin::Cluster::default()
        };
        let address = Address::new(["apps", &place.app_id, "clusters"]);
        let made = environment.create::<admin::Cluster>(address, &body).await;
        let id = made.as_ref().ok().map(|made| made.id);
        undo.may_have_created(at, Object::Cluster(place.clone(), id), made)?;
        cluster::open(self.portal, place, self.operator).await?;
        Ok(Outcome::Created)
    }

    async fn namespace(
        &self,
        at: usize,
        place: &Resource,
        formats: &Formats,
        undo: &mut Undo,
    ) -> Result<(Outcome, usize)> {
        let text = self.archive.read(at).await?;
        let lines = lines(&text, formats.of(place), leniency(self.portal))?;
        let brought =
            bring(self.portal, place, &lines, self.on_conflict, self.operator, true, undo);
        let brought = brought.await?;
        if let (Outcome::Created | Outcome::Changed, _) = brought {
            self.portal.edited(place, self.operator);
        }
        Ok(brought)
    }

    fn report(&self, outcomes: Outcomes) -> ImportReport {
        let paths: Vec<_> = self.archive.paths().collect();
        let entry = |(at, (outcome, items)): (usize, (Outcome, usize))| ImportedEntry {
            path: Some(paths[at].to_owned()),
            outcome: Some(outcome.name().to_owned()),
            items: i64::try_from(items).unwrap_or(i64::MAX),
        };
        ImportReport { entries: Some(outcomes.into_iter().map(entry).collect()) }
    }

    fn failure(&self, failed: Failed, kept: &NotUndone) -> Error {
        let Failed { at, error } = failed;
        let paths: Vec<_> = self.archive.paths().collect();
        tracing::warn!(path = paths[at], %error, "an entry of an archive cannot be imported");
        let kept = kept.names(&paths);
        if kept.is_empty() {
            let message = format!("Nothing was imported. {}: {}", paths[at], error.message());
            return Error::new(reaction(&error), message).with_code(error.code());
        }
        partly_failed(paths[at], &error, &kept)
    }
}

/// The environments that do not have an app.
async fn lacking(state: &PortalState, app_id: &str) -> Vec<Environment> {
    let questions = state.environments.addressed().into_iter().map(|environment| async {
        let found = environment.get::<admin::App>(Address::new(["apps", app_id])).await;
        matches!(if_found(found), Ok(None)).then_some(environment)
    });
    join_all(questions).await.into_iter().flatten().collect()
}

/// Brings items into a namespace, which is created if it is missing and the caller may do so. The
/// caller takes it back if this fails.
pub(super) async fn bring(
    portal: &Portal,
    place: &Resource,
    lines: &[Line],
    on_conflict: OnConflict,
    operator: &str,
    may_create: bool,
    undo: &mut Undo,
) -> Result<(Outcome, usize)> {
    let environment = portal.state.environments.find(&place.env)?;
    let mut is_new = false;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let found = match stored(&environment, place).await {
            Err(error) if error.reaction() == Reaction::NotFound && may_create && !is_new => {
                // Before, because the answer may be lost.
                undo.record(AppliedChange::creation(place));
                let made = namespace::make(portal, place, operator).await;
                if made.as_ref().is_err_and(is_refusal) {
                    undo.forget_last();
                }
                made?;
                is_new = true;
                stored(&environment, place).await?
            }
            found => found?,
        };
        same_spelling(&place.cluster, found.cluster_name.as_deref())?;
        same_spelling(&place.namespace, found.namespace_name.as_deref())?;
        let draft = draft(&environment, place).await?;
        if on_conflict == OnConflict::Ignore && !draft.is_empty() {
            return Ok((Outcome::Skipped, 0));
        }
        let changes = import::changes(&draft, lines);
        let items = changes.create.len() + changes.update.len();
        let outcome = match (draft.is_empty() && (is_new || items > 0), items) {
            (true, _) => Outcome::Created,
            (false, 0) => Outcome::Unchanged,
            (false, _) => Outcome::Changed,
        };
        let imported = Imported::new(&draft, &changes);
        undo.record(AppliedChange { place: place.clone(), is_new, imported });
        match apply(&environment, place, found.id, changes, operator, None).await {
            Err(error) if is_retried(&error, attempt).await => undo.forget_last(),
            done => return done.map(|()| (outcome, items)),
        }
    }
}

/// Refuses to bring an object into another one that only the database of the environment considers
/// equal: MySQL and MariaDB ignore case.
fn same_spelling(name: &str, stored: Option<&str>) -> Result<()> {
    match stored.filter(|stored| *stored != name) {
        None => Ok(()),
        Some(stored) => Err(Error::bad_request(format!(
            "the environment has `{stored}`, and its database does not distinguish `{name}` from it"
        ))
        .with_code(Code::InvalidName)),
    }
}

/// An object without items.
fn none(outcome: Outcome) -> (Outcome, usize) {
    (outcome, 0)
}
