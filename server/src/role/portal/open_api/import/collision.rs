//! Objects of an archive that cannot exist beside each other, or beside what the portal has: the
//! order of the entries would decide, or the import would fail after its first changes.

use std::collections::HashMap;
use std::hash::Hash;

use super::plan::{Plan, Problems};
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_app::{self, App};
use crate::domain::portal_namespace::{self, AppNamespace, NewDefinition};
use crate::error::Result;
use castalia_store::Store;

/// Requires that no two entries describe one object, since their order would decide.
pub(super) fn check_distinct(plan: &Plan, paths: &[&str], problems: &mut Problems) {
    let apps = plan.apps.iter().map(|(at, app)| (*at, app.app_id.to_ascii_lowercase()));
    one_each(apps, paths, problems);
    let names = |place: &Resource| {
        [&place.env, &place.app_id, &place.cluster, &place.namespace].map(Clone::clone)
    };
    one_each(plan.clusters.iter().map(|(at, place, _)| (*at, names(place))), paths, problems);
    one_each(plan.namespaces.iter().map(|(at, place)| (*at, names(place))), paths, problems);
}

/// Requires that an app of the archive does not have the id of another app in the database of the
/// portal: MySQL and MariaDB ignore case.
pub(super) async fn check_app_ids(
    store: &Store,
    known: &[App],
    plan: &Plan,
    paths: &[&str],
    problems: &mut Problems,
) -> Result<()> {
    for (position, new) in &plan.apps {
        let is_other =
            |app: &&App| app.app_id != new.app_id && app.app_id.eq_ignore_ascii_case(&new.app_id);
        let Some(other) = known.iter().find(is_other) else { continue };
        if portal_app::check_spelling(store, &new.app_id).await.is_err() {
            let problem = format!("the app {} has the same id in another case", other.app_id);
            problems.add(paths[*position], &problem);
        }
    }
    Ok(())
}

/// Requires that new definitions have names that are free in the portal and in the archive. One
/// that the portal has already is imported again without a change.
pub(super) fn check_definitions(
    known: &[AppNamespace],
    plan: &Plan,
    paths: &[&str],
    problems: &mut Problems,
) {
    let mut by_name: HashMap<String, Vec<&AppNamespace>> = HashMap::new();
    for row in known {
        by_name.entry(row.name.to_lowercase()).or_default().push(row);
    }
    let mut earlier: HashMap<String, Vec<(usize, &NewDefinition)>> = HashMap::new();
    for (position, new) in &plan.definitions {
        let (path, name) = (paths[*position], new.name.to_lowercase());
        let known = by_name.get(&name).map_or(&[][..], |rows| rows);
        let same_name = earlier.entry(name).or_default();
        let in_archive =
            same_name.iter().find(|(_, other)| collide(new, &other.app_id, other.is_public));
        if let Some((other, definition)) = in_archive {
            let is_same = definition.app_id == new.app_id && definition.name == new.name;
            let what = if is_same { "describes the same object" } else { "has the same name" };
            problems.add(path, &format!("{} {what}", paths[*other]));
        }
        same_name.push((*position, new));
        let own = known.iter().find(|row| row.app_id == new.app_id && row.name == new.name);
        if let Some(row) = own {
            if (row.is_public, &row.format) != (new.is_public, &new.format) {
                let kind = if row.is_public { "public" } else { "private" };
                let format = &row.format;
                problems.add(path, &format!("the portal has it as {kind}, of the format {format}"));
            }
            continue;
        }
        // A portal with such a name can import its own export.
        problems.take(path, portal_namespace::check_suffix(new));
        let in_portal = known.iter().find(|row| collide(new, &row.app_id, row.is_public));
        if let Some(row) = in_portal {
            let kind = if row.is_public { "public namespace" } else { "namespace" };
            problems.add(path, &format!("the app {} already has this {kind}", row.app_id));
        }
    }
}

/// Whether a definition cannot exist beside another one with its name.
fn collide(new: &NewDefinition, app_id: &str, is_public: bool) -> bool {
    new.is_public || is_public || new.app_id == app_id
}

fn one_each<T: Eq + Hash>(
    entries: impl Iterator<Item = (usize, T)>,
    paths: &[&str],
    problems: &mut Problems,
) {
    let mut seen = HashMap::new();
    for (position, object) in entries {
        if let Some(other) = seen.insert(object, position) {
            let problem = format!("{} describes the same object", paths[other]);
            problems.add(paths[position], &problem);
        }
    }
}
