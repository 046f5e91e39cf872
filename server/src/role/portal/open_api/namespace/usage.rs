//! Who uses a namespace, and where it has unpublished changes. Apollo's admin service has no call
//! for all clusters of an app; there they are asked one by one.

use std::collections::BTreeMap;

use axum::extract::{Extension, State};
use castalia_core::protocol::namespace::{DEFAULT_CLUSTER, DEFAULT_NAMESPACE};
use futures_util::future::{join_all, try_join_all};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::permission::requirement::{Requirement, Resource};
use crate::domain::portal_namespace;
use crate::environment::{Address, Environment};
use crate::error::{Error, Result, if_found};
use crate::http::request::Path;
use crate::json::Json;
use crate::log_rate::LogRate;
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::people;
use crate::server_config::keys;
use crate::settings::environment::normalise;
use crate::wire::admin;
use crate::wire::open_api::{Namespace, NamespaceUsage};

/// Default number of namespaces of a page, as in Apollo.
const PAGE_SIZE: u64 = 10;

/// Who uses a namespace of one cluster, as a list with one element.
pub(in super::super) async fn of_namespace(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<NamespaceUsage>>> {
    let environment = portal.state.environments.find(&place.env)?;
    Ok(Json(vec![of_place(&environment, &place, 0).await?]))
}

/// Who uses the namespaces of a definition, in all clusters of all reachable environments that do
/// not still have to delete an earlier one. Namespaces that nobody uses are left out.
pub(in super::super) async fn of_definition(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<NamespaceUsage>>> {
    let names = [place.namespace.clone()];
    let definitions =
        portal_namespace::definitions_of(&portal.state.store, &place.app_id, &names).await?;
    let is_public = definitions
        .get(&place.namespace)
        .is_some_and(|row| row.is_public && row.app_id == place.app_id);
    let mut environments = Vec::new();
    for environment in portal.state.environments.active() {
        if portal.is_present_in(environment.name(), &place).await? {
            environments.push(environment);
        }
    }
    let questions =
        environments.iter().map(|environment| in_environment(environment, &place, is_public));
    let found = try_join_all(questions).await?;
    let is_used = |usage: &NamespaceUsage| {
        usage.instance_count + usage.branch_instance_count + usage.linked_namespace_count > 0
    };
    Ok(Json(found.into_iter().flatten().filter(is_used).collect()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct PublicName {
    /// Name of a public namespace.
    public_namespace_name: String,
}

/// A page of the namespaces that have this public name, without their items: those whose values
/// the caller may see, and whose app the environment does not still have to delete.
pub(in super::super) async fn of_public_name(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(PublicName { public_namespace_name }): Path<PublicName>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<Namespace>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let [page, size] = paging.or_size(PAGE_SIZE).texts();
    let address = Address::new(["appnamespaces", &public_namespace_name, "namespaces"]);
    let found: Vec<admin::Namespace> =
        environment.get(address.with(&[("page", &page), ("size", &size)])).await?;
    let found: Vec<_> = found.into_iter().map(Namespace::from).collect();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let place = |row: &Namespace| Resource {
        env: place.env.clone(),
        app_id: text(&row.app_id),
        cluster: text(&row.cluster_name),
        namespace: text(&row.namespace_name),
    };
    let places: Vec<_> = found.iter().map(place).collect();
    let visible = portal.rights().visible_among(&caller.identity, &places).await?;
    let present = portal.present_in(environment.name(), &places).await?;
    let shown = visible.into_iter().zip(present).map(|(is_seen, is_present)| is_seen && is_present);
    let seen = found.into_iter().zip(shown).filter(|(_, is_shown)| *is_shown);
    let mut seen: Vec<_> = seen.map(|(row, _)| row).collect();
    people::name_people(&portal, &mut seen).await?;
    Ok(Json(seen))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct Reported {
    /// Whether to include the environments that the setting does not name, but for those whose
    /// values are hidden from the caller.
    #[param(nullable = false)]
    all_envs: Option<bool>,
}

/// Whether each cluster of an app has unpublished changes, in the environments that a setting
/// names. An environment that does not answer, or still has to delete an earlier app, is left out.
pub(in super::super) async fn unpublished(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(reported): Query<Reported>,
) -> Result<Json<BTreeMap<String, BTreeMap<String, bool>>>> {
    let named = portal.state.config.get(&keys::PUBLISH_TIPS);
    let named: Vec<_> = named.iter().map(|name| normalise(name)).collect();
    let mut environments = Vec::new();
    for environment in portal.state.environments.active() {
        let env = environment.name();
        let is_reported = named.iter().any(|name| name == env)
            || reported.all_envs.unwrap_or_default()
                && sees(&portal, &caller, &place.app_id, env).await?;
        if is_reported && portal.is_present_in(env, &place).await? {
            environments.push(environment);
        }
    }
    let questions = environments.iter().map(|environment| async {
        let address = Address::new(["apps", &place.app_id, "namespaces", "publish_info"]);
        (environment.name().to_owned(), environment.get(address).await)
    });
    let mut found = BTreeMap::new();
    for (env, answer) in join_all(questions).await {
        match answer {
            Ok(clusters) => {
                found.insert(env, clusters);
            }
            Err(error) => report(&place.app_id, &env, &error),
        }
    }
    Ok(Json(found))
}

fn report(app_id: &str, env: &str, error: &Error) {
    static FAILURES: LogRate = LogRate::new();
    if let Some(suppressed) = FAILURES.admit() {
        tracing::warn!(app_id, env, %error, suppressed, "cannot read which clusters have unpublished changes");
    }
}

/// Whether the caller sees the namespace that every app has.
async fn sees(portal: &Portal, caller: &Caller, app_id: &str, env: &str) -> Result<bool> {
    let place = Resource {
        app_id: app_id.to_owned(),
        env: env.to_owned(),
        cluster: DEFAULT_CLUSTER.to_owned(),
        namespace: DEFAULT_NAMESPACE.to_owned(),
    };
    portal.allows(&caller.identity, Requirement::See, &place).await
}

async fn in_environment(
    environment: &Environment,
    place: &Resource,
    is_public: bool,
) -> Result<Vec<NamespaceUsage>> {
    let linked = if is_public { linked(environment, &place.namespace).await? } else { 0 };
    let address =
        Address::new(["apps", &place.app_id, "appnamespaces", &place.namespace, "readers"]);
    let found: Option<Vec<admin::ClusterReaders>> = if_found(environment.get(address).await)?;
    let Some(found) = found else {
        return by_cluster(environment, place, linked).await;
    };
    let usage = |readers: admin::ClusterReaders| NamespaceUsage {
        namespace_name: Some(place.namespace.clone()),
        app_id: Some(place.app_id.clone()),
        cluster_name: Some(readers.cluster_name),
        env_name: Some(environment.name().to_owned()),
        instance_count: readers.instance_count,
        branch_instance_count: readers.branch_instance_count,
        linked_namespace_count: linked,
    };
    Ok(found.into_iter().map(usage).collect())
}

/// Asks for the clusters one by one, all at the same time.
async fn by_cluster(
    environment: &Environment,
    place: &Resource,
    linked: i64,
) -> Result<Vec<NamespaceUsage>> {
    let clusters: Vec<admin::Cluster> =
        environment.get(Address::new(["apps", &place.app_id, "clusters"])).await?;
    let places: Vec<_> = clusters
        .into_iter()
        .filter_map(|cluster| cluster.name)
        .map(|cluster| Resource { cluster, env: environment.name().to_owned(), ..place.clone() })
        .collect();
    try_join_all(places.iter().map(|place| of_place(environment, place, linked))).await
}

async fn linked(environment: &Environment, namespace: &str) -> Result<i64> {
    let address = Address::new(["appnamespaces", namespace, "associated-namespaces", "count"]);
    environment.get(address).await
}

async fn of_place(
    environment: &Environment,
    place: &Resource,
    linked: i64,
) -> Result<NamespaceUsage> {
    // A cluster without this namespace has no branch, which the admin API refuses to look for.
    let branch = environment
        .find::<admin::Namespace>(Address::in_namespace(place, &["branches"]))
        .await
        .ok()
        .flatten();
    let branch_instances = match branch.and_then(|branch| branch.cluster_name) {
        Some(cluster) => instances(environment, &Resource { cluster, ..place.clone() }).await?,
        None => 0,
    };
    Ok(NamespaceUsage {
        namespace_name: Some(place.namespace.clone()),
        app_id: Some(place.app_id.clone()),
        cluster_name: Some(place.cluster.clone()),
        env_name: Some(place.env.clone()),
        instance_count: instances(environment, place).await?,
        branch_instance_count: branch_instances,
        linked_namespace_count: linked,
    })
}

async fn instances(environment: &Environment, place: &Resource) -> Result<i64> {
    let address = Address::new(["instances", "by-namespace", "count"]).with(&[
        ("appId", &place.app_id),
        ("clusterName", &place.cluster),
        ("namespaceName", &place.namespace),
    ]);
    environment.get(address).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::in_memory::Lines;

    /// X85
    #[test]
    fn reads_that_fail_do_not_flood_the_log() {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
        tracing::subscriber::with_default(log, || {
            for _ in 0..1000 {
                report("demo", "LOCAL", &Error::unavailable("away"));
            }
        });
        let written = lines.text().lines().count();
        // Five in each second that this took on a slow machine.
        assert!((1..=100).contains(&written), "{written}");
    }
}
