//! What only the environments of an import know: whether they answer, and whether they have the
//! clusters of the namespaces that the archive brings without their clusters.

use std::collections::{BTreeMap, HashSet};

use castalia_core::protocol::namespace::DEFAULT_CLUSTER;

use super::plan::{Plan, Problems};
use crate::archive::ArchiveReader;
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment};
use crate::error::{Error, Result, if_found};
use crate::role::portal::Portal;
use crate::settings::environment::normalise;
use crate::wire::admin;

/// Requires that each environment that the import would change answers and has the clusters, but no
/// app or namespace that it still has to delete.
pub(super) async fn check_targets(
    portal: &Portal,
    archive: &ArchiveReader,
    plan: &Plan,
    environments: &[Environment],
) -> Result<()> {
    check_reachable(plan, environments).await?;
    for environment in environments {
        check_missed_deletions(portal, plan, environment.name()).await?;
    }
    let paths: Vec<_> = archive.paths().collect();
    let mut problems = Problems::default();
    let needed = needed(plan);
    for environment in environments {
        let env = normalise(environment.name());
        for ((_, app_id), places) in needed.iter().filter(|((of, _), _)| *of == env) {
            let clusters = clusters(environment, app_id).await?;
            for (position, place) in places {
                if !clusters.contains(&place.cluster) {
                    let problem =
                        format!("neither {env} nor archive has the cluster {}", place.cluster);
                    problems.add(paths[*position], &problem);
                }
            }
        }
    }
    problems.check()
}

/// Requires that the environment does not still have to delete an app or a namespace of the import.
pub(super) async fn check_missed_deletions(portal: &Portal, plan: &Plan, env: &str) -> Result<()> {
    let apps = plan.app_ids().into_iter().map(|app_id| (app_id, ""));
    let places = plan.namespaces.iter().map(|(_, place)| place);
    let places = places.filter(|place| normalise(&place.env) == env);
    let namespaces = places.map(|place| (place.app_id.as_str(), place.namespace.as_str()));
    let objects: Vec<_> = apps.chain(namespaces).collect();
    portal.check_missed_deletions(env, &objects).await
}

/// The namespaces whose clusters the import does not create, by environment and app.
fn needed(plan: &Plan) -> BTreeMap<(String, &str), Vec<(usize, &Resource)>> {
    // An app that is created has the default cluster.
    let apps: HashSet<_> = plan.apps.iter().map(|(_, app)| app.app_id.as_str()).collect();
    let made: HashSet<_> = plan
        .clusters
        .iter()
        .map(|(_, place, _)| (&place.env, &place.app_id, &place.cluster))
        .collect();
    let mut needed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (position, place) in &plan.namespaces {
        let comes_with_app =
            place.cluster == DEFAULT_CLUSTER && apps.contains(place.app_id.as_str());
        if comes_with_app || made.contains(&(&place.env, &place.app_id, &place.cluster)) {
            continue;
        }
        let key = (normalise(&place.env), place.app_id.as_str());
        needed.entry(key).or_default().push((*position, place));
    }
    needed
}

/// The names of the clusters of an app; none if the environment does not have the app.
async fn clusters(environment: &Environment, app_id: &str) -> Result<HashSet<String>> {
    let found = environment.get(Address::new(["apps", app_id, "clusters"])).await;
    let clusters: Option<Vec<admin::Cluster>> =
        if_found(found).map_err(|error| unreachable(environment, &error))?;
    Ok(clusters.into_iter().flatten().filter_map(|cluster| cluster.name).collect())
}

/// Requires an answer of each environment that the import would change.
async fn check_reachable(plan: &Plan, environments: &[Environment]) -> Result<()> {
    let app_id = plan.apps.first().map(|(_, details)| details.app_id.as_str());
    let places = plan.namespaces.first().map(|(_, place)| place.app_id.as_str());
    let Some(app_id) = app_id.or(places) else { return Ok(()) };
    for environment in environments {
        let found = environment.get::<admin::App>(Address::new(["apps", app_id])).await;
        if_found(found).map_err(|error| unreachable(environment, &error))?;
    }
    Ok(())
}

fn unreachable(environment: &Environment, error: &Error) -> Error {
    let message = format!("Nothing was imported. {}: {}", environment.name(), error.message());
    Error::new(error.reaction(), message).with_code(error.code())
}
