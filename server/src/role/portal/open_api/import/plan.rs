//! Checks a whole archive and lists what to do: every entry is read, parsed and compared with the
//! others and with the portal. Any problem refuses the archive. Changes nothing, but creates the
//! accounts of owners whom only the directory knows.

use std::collections::{BTreeSet, HashSet};

use castalia_archive::path::{self as archive_path, EntryKind, EntryNames};
use castalia_core::protocol::namespace::Format;

use super::collision::{check_app_ids, check_definitions, check_distinct};
use super::target::{check_missed_deletions, check_targets};
use crate::archive::ArchiveReader;
use crate::domain::archive_path::Formats;
use crate::domain::constraint::{NAME, can_be_stored, check_members};
use crate::domain::draft::Line;
use crate::domain::item::COMMENT;
use crate::domain::item_rules::Leniency;
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_app::PortalAppDetails;
use crate::domain::portal_namespace::NewDefinition;
use crate::domain::{cluster, portal_app, portal_namespace, user};
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::settings::environment::normalise;
use crate::wire::archive::{ArchivedApp, ArchivedAppNamespace, ArchivedCluster, ArchivedItem};

/// Maximum number of problems in one answer.
const PROBLEMS: usize = 20;
/// Key of the only item of a document.
const CONTENT: &str = "content";

/// What an archive contains, with the position of each entry.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) apps: Vec<(usize, PortalAppDetails)>,
    pub(super) definitions: Vec<(usize, NewDefinition)>,
    /// With their descriptions.
    pub(super) clusters: Vec<(usize, Resource, String)>,
    pub(super) namespaces: Vec<(usize, Resource)>,
    /// Entries of environments that were not chosen.
    pub(super) skipped: Vec<usize>,
    /// The chosen environments.
    pub(super) envs: Vec<String>,
}

/// The problems of an archive, of which the first are shown.
#[derive(Debug, Default)]
pub(super) struct Problems {
    shown: Vec<String>,
    count: usize,
}

impl Problems {
    pub(super) fn add(&mut self, path: &str, problem: &str) {
        self.count += 1;
        if self.shown.len() < PROBLEMS {
            self.shown.push(format!("{path}: {problem}"));
        }
    }

    /// Takes the value of a check, or records its problem.
    pub(super) fn take<T>(&mut self, path: &str, checked: Result<T>) -> Option<T> {
        checked.map_err(|error| self.add(path, error.message())).ok()
    }

    pub(super) fn check(self) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let hidden = self.count - self.shown.len();
        let rest = if hidden > 0 { format!("; and {hidden} more") } else { String::new() };
        Err(refused(format!("Nothing was imported. {}{rest}", self.shown.join("; "))))
    }
}

/// The plan for an archive of everything.
pub(super) async fn of_everything(
    portal: &Portal,
    caller: &Caller,
    archive: &ArchiveReader,
    environments: &[Environment],
) -> Result<Plan> {
    let mut problems = Problems::default();
    let mut plan = Plan { envs: names(environments), ..Plan::default() };
    for (position, path) in archive.paths().enumerate() {
        let kind = match archive_path::parse(path) {
            Ok(kind) => kind,
            Err(problem) => {
                problems.add(path, problem);
                continue;
            }
        };
        let is_chosen = |env: &str| plan.envs.iter().any(|name| *name == normalise(env));
        if kind.env().is_some_and(|env| !is_chosen(env)) {
            plan.skipped.push(position);
            continue;
        }
        if let EntryKind::Namespace { place } = kind {
            // Its items are read when its format is known.
            plan.namespaces.push((position, normalised(place)));
            continue;
        }
        let Some(text) = problems.take(path, archive.read(position).await) else { continue };
        let added = plan.add(position, kind, &text);
        problems.take(path, added);
    }
    let (formats, owners) = check_objects(portal, archive, &plan, &mut problems).await?;
    check_items(portal, archive, &plan, &formats, &mut problems).await;
    check_owners(portal, caller, &owners, &mut problems).await?;
    problems.check()?;
    check_targets(portal, archive, &plan, environments).await?;
    Ok(plan)
}

/// The plan for an archive of one cluster, whose entries must all be of it.
pub(super) async fn of_cluster(
    portal: &Portal,
    archive: &ArchiveReader,
    cluster: &Resource,
) -> Result<Plan> {
    let mut problems = Problems::default();
    let mut plan = Plan { envs: vec![cluster.env.clone()], ..Plan::default() };
    for (position, path) in archive.paths().enumerate() {
        match archive_path::parse_in_cluster(path, &cluster.into(), normalise) {
            Ok(Some(place)) => plan.namespaces.push((position, place.into())),
            Ok(None) => plan.skipped.push(position),
            Err(problem) => problems.add(path, problem),
        }
    }
    if plan.namespaces.is_empty() && problems.count == 0 {
        return Err(refused("The configuration to be imported is empty.".to_owned()));
    }
    let (formats, _) = check_objects(portal, archive, &plan, &mut problems).await?;
    check_items(portal, archive, &plan, &formats, &mut problems).await;
    problems.check()?;
    check_missed_deletions(portal, &plan, &cluster.env).await?;
    Ok(plan)
}

/// The items of a text for a namespace that exists or can be created.
pub(super) async fn checked_lines(
    portal: &Portal,
    place: &Resource,
    text: &str,
) -> Result<Vec<Line>> {
    let store = &portal.state.store;
    let mut formats = Formats::new(&portal_namespace::public(store).await?);
    formats.add_all(&portal_namespace::of_app(store, &place.app_id).await?);
    lines(text, formats.of(place), leniency(portal))
}

impl Plan {
    /// The apps that an import creates or changes.
    pub(super) fn app_ids(&self) -> BTreeSet<&str> {
        let apps = self.apps.iter().map(|(_, app)| app.app_id.as_str());
        let definitions = self.definitions.iter().map(|(_, new)| new.app_id.as_str());
        let clusters = self.clusters.iter().map(|(_, place, _)| place.app_id.as_str());
        let namespaces = self.namespaces.iter().map(|(_, place)| place.app_id.as_str());
        apps.chain(definitions).chain(clusters).chain(namespaces).collect()
    }

    /// The number of objects that an import creates or changes.
    pub(super) fn steps(&self) -> usize {
        self.apps.len() + self.definitions.len() + self.clusters.len() + self.namespaces.len()
    }

    fn add(&mut self, position: usize, kind: EntryKind, text: &str) -> Result<()> {
        match kind {
            EntryKind::App { app_id } => {
                let app: ArchivedApp = parsed(text)?;
                let details = details(app);
                same(&details.app_id, &app_id)?;
                details.check()?;
                self.apps.push((position, details));
            }
            EntryKind::AppNamespace { app_id, name } => {
                let found: ArchivedAppNamespace = parsed(text)?;
                let definition = definition(found);
                same(&definition.app_id, &app_id)?;
                same(&definition.name, &name)?;
                portal_namespace::check_full(&definition)?;
                self.definitions.push((position, definition));
            }
            EntryKind::Cluster { place } => {
                let found: ArchivedCluster = parsed(text)?;
                same(&found.name.unwrap_or_default(), &place.cluster)?;
                same(&found.app_id.unwrap_or_default(), &place.app_id)?;
                let comment = found.comment.unwrap_or_default();
                check_members([("comment", Some(&*comment), cluster::COMMENT)])?;
                self.clusters.push((position, normalised(place), comment));
            }
            // Listed without its text.
            EntryKind::Namespace { .. } => {}
        }
        Ok(())
    }
}

/// Checks that all that the entries refer to exists, in the portal or in the archive, and returns
/// the formats of all namespaces, and the owners of new apps behind the paths of the entries.
async fn check_objects<'p>(
    portal: &Portal,
    archive: &'p ArchiveReader,
    plan: &'p Plan,
    problems: &mut Problems,
) -> Result<(Formats, Vec<(&'p str, &'p str)>)> {
    let paths: Vec<_> = archive.paths().collect();
    check_distinct(plan, &paths, problems);
    let store = &portal.state.store;
    let apps = portal_app::all(store).await?;
    check_app_ids(store, &apps, plan, &paths, problems).await?;
    let mut known: HashSet<&str> = apps.iter().map(|app| app.app_id.as_str()).collect();
    let mut owners = Vec::new();
    for (position, details) in &plan.apps {
        if known.insert(&details.app_id) {
            owners.push((paths[*position], details.owner_name.as_str()));
        }
    }
    let definitions = portal_namespace::all(store).await?;
    let mut formats = Formats::new(&definitions);
    check_definitions(&definitions, plan, &paths, problems);
    for (position, new) in &plan.definitions {
        if !known.contains(new.app_id.as_str()) {
            problems.add(paths[*position], "neither portal nor archive has the app");
        }
        formats.add(&new.app_id, &new.name, &new.format, new.is_public);
    }
    let clusters = plan.clusters.iter().map(|(position, place, _)| (position, place));
    for (position, place) in clusters.chain(plan.namespaces.iter().map(|(p, place)| (p, place))) {
        if !known.contains(place.app_id.as_str()) {
            problems.add(paths[*position], "neither portal nor archive has the app");
        }
        if !can_be_stored(&place.cluster, NAME) {
            problems.add(paths[*position], "the name of the cluster is invalid");
        }
    }
    for (position, place) in &plan.namespaces {
        if !formats.is_defined(place) {
            problems.add(paths[*position], "neither portal nor archive defines the namespace");
        }
    }
    Ok((formats, owners))
}

/// Checks the owners of new apps. Those whom only the directory knows receive accounts, hence last,
/// and not if the archive is refused anyway.
async fn check_owners(
    portal: &Portal,
    caller: &Caller,
    owners: &[(&str, &str)],
    problems: &mut Problems,
) -> Result<()> {
    if problems.count > 0 && portal.has_directory() {
        return Ok(());
    }
    let names: BTreeSet<&str> = owners.iter().map(|(_, owner)| *owner).collect();
    portal.know_all(caller, &names.into_iter().collect::<Vec<_>>()).await?;
    for (path, owner) in owners {
        if user::find(&portal.state.store, owner).await?.is_none() {
            problems.add(path, &format!("the owner {owner} is not a user"));
        }
    }
    Ok(())
}

async fn check_items(
    portal: &Portal,
    archive: &ArchiveReader,
    plan: &Plan,
    formats: &Formats,
    problems: &mut Problems,
) {
    let paths: Vec<_> = archive.paths().collect();
    for (position, place) in &plan.namespaces {
        let path = paths[*position];
        let text = archive.read(*position).await;
        let checked = text.and_then(|text| lines(&text, formats.of(place), leniency(portal)));
        problems.take(path, checked);
    }
}

/// The items of an entry, checked as far as the environment's own limits are not needed.
pub(super) fn lines(text: &str, format: Format, leniency: Leniency) -> Result<Vec<Line>> {
    let items: Vec<ArchivedItem> = parsed(text)?;
    let line = |item: ArchivedItem| Line {
        key: item.key.unwrap_or_default(),
        value: item.value.unwrap_or_default(),
        kind: item.r#type,
        comment: item.comment.unwrap_or_default(),
        ..Line::default()
    };
    let lines: Vec<_> = items.into_iter().map(line).collect();
    for line in &lines {
        if !(0..=3).contains(&line.kind) {
            return Err(refused(format!("the type of the key {} is not in [0, 3]", line.key)));
        }
        check_members([("comment", Some(&*line.comment), COMMENT)])?;
    }
    let mut keys = HashSet::new();
    for line in lines.iter().filter(|line| !line.key.is_empty()) {
        if !keys.insert(line.key.as_str()) {
            return Err(refused(format!("the key {} occurs twice", line.key)));
        }
    }
    if format.is_document() {
        if lines.iter().any(|line| line.key != CONTENT) {
            return Err(refused(format!("a document has one item, `{CONTENT}`")));
        }
        lines.iter().try_for_each(|line| leniency.check(format, &line.value))?;
    }
    Ok(lines)
}

pub(super) fn leniency(portal: &Portal) -> Leniency {
    let compat = portal.state.compat;
    Leniency {
        duplicate_members: compat.json_duplicate_members,
        broken_documents: compat.accept_broken_documents,
    }
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    json::read(text.as_bytes()).map_err(|error| refused(format!("the JSON is invalid: {error}")))
}

fn same(content: &str, path: &str) -> Result<()> {
    if content == path {
        return Ok(());
    }
    Err(refused(format!("the path says {path}, the content {content}")))
}

fn details(app: ArchivedApp) -> PortalAppDetails {
    PortalAppDetails {
        app_id: app.app_id.unwrap_or_default(),
        name: app.name.unwrap_or_default(),
        org_id: app.org_id.unwrap_or_default(),
        org_name: app.org_name.unwrap_or_default(),
        owner_name: app.owner_name.unwrap_or_default(),
    }
}

fn definition(found: ArchivedAppNamespace) -> NewDefinition {
    NewDefinition {
        app_id: found.app_id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        format: found.format.unwrap_or_default(),
        is_public: found.is_public,
        append_prefix: false,
        comment: found.comment.unwrap_or_default(),
    }
}

fn names(environments: &[Environment]) -> Vec<String> {
    environments.iter().map(|environment| environment.name().to_owned()).collect()
}

fn normalised(place: EntryNames) -> Resource {
    EntryNames { env: normalise(&place.env), ..place }.into()
}

fn refused(message: String) -> Error {
    Error::bad_request(message).with_code(Code::InvalidArchive)
}
