//! `/openapi/v1/apps`: apps and their clusters. An app is created in the portal first, then in
//! every environment. One that does not receive it gets it later.

pub(super) mod presence;
pub(super) mod recent;
pub(super) mod search;

use axum::extract::{Extension, State};
use futures_util::future::join_all;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{By, check_same_app, people};
use crate::domain::audit_log::request::concern_app;
use crate::domain::pending_change::PendingOperation;
use crate::domain::permission::requirement::{Identity, Resource};
use crate::domain::portal_app::{self, NewApp, PortalAppDetails};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::request::Body;
use crate::http::revision::{At, On};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::fan_out::{FanOut, Pending, app};
use crate::role::portal::identity::Caller;
use crate::wire::admin;
use crate::wire::open_api::{App, Cluster, CreateApp, EnvClusterInfo, EnvClusters};

/// Default number of apps of a page, as in Apollo.
const PAGE_SIZE: u64 = 20;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct AppFilter {
    /// App ids, separated by commas; all apps by default.
    #[serde(rename = "appIds")]
    #[param(nullable = false)]
    app_ids: Option<String>,
}

/// Creates an app.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<CreateApp>,
) -> Result<Pending> {
    let Some(app) = body.app else {
        return Err(
            Error::bad_request("Params(app) can not be empty").with_code(Code::MissingMember)
        );
    };
    let operator = portal.operator(&caller, None, app.data_change_created_by.clone()).await?;
    let consumer = match &caller.identity {
        Identity::Consumer(consumer) if body.assign_app_role_to_self => Some(consumer.id),
        _ => None,
    };
    let active = portal.state.environments.active();
    let new = NewApp {
        details: details(*app),
        admins: body
            .admins
            .unwrap_or_default()
            .into_iter()
            .filter(|admin| !admin.trim().is_empty())
            .collect(),
        consumer,
        envs: portal.state.environments.names(),
        active_envs: active.iter().map(|environment| environment.name().to_owned()).collect(),
    };
    concern_app(&new.details.app_id);
    new.details.check()?;
    check_environments(&portal, &caller.identity, &new.details.app_id).await?;
    portal.know(&caller, &[&new.details.owner_name]).await?;
    portal.know(&caller, &new.admins).await?;
    let fan_out = announce(&portal, &new.details.app_id, &operator).await?;
    let made = portal_app::create(&portal.state.store, new, &operator).await;
    let row = fan_out.unless_refused(&portal, made).await?;
    let create =
        async |environment| app::create(&portal.state, &environment, &row, &operator).await;
    Ok(fan_out.send(&portal, create).await)
}

async fn announce(portal: &Portal, app_id: &str, operator: &str) -> Result<FanOut> {
    let environments = portal.state.environments.addressed();
    FanOut::announce(portal, environments, PendingOperation::Write, (app_id, ""), operator).await
}

/// The creator of an app may edit and publish it in every environment. Therefore no environment may
/// already have the app, from scripts, another portal or from before this portal lost its database,
/// unless a super administrator adopts it. An environment that does not answer is treated as if it
/// had the app.
async fn check_environments(portal: &Portal, caller: &Identity, app_id: &str) -> Result<()> {
    let may_adopt = match caller {
        Identity::Consumer(consumer) => consumer.all_apps,
        user => portal.rights().changes_as_root(user).await?,
    };
    let questions = portal.state.environments.addressed().into_iter().map(|environment| async {
        let found: Result<admin::App> = environment.get(Address::new(["apps", app_id])).await;
        (environment, found)
    });
    for (environment, found) in join_all(questions).await {
        let env = environment.name();
        match found {
            Ok(found) if found.app_id.as_deref().is_some_and(|stored| stored != app_id) => {
                let stored = found.app_id.unwrap_or_default();
                let message =
                    format!("app already exists for appId:{stored} in {env}, which ignores case");
                return Err(Error::bad_request(message).with_code(Code::AppExists));
            }
            Ok(_) if !may_adopt => {
                let message = format!(
                    "app already exists for appId:{app_id} in {env}; only a super administrator can \
                     add it to the portal"
                );
                return Err(Error::bad_request(message).with_code(Code::AppExists));
            }
            Err(error) if error.reaction() != Reaction::NotFound && !may_adopt => {
                let message = format!(
                    "{env} does not answer, so it is unknown whether the app {app_id} exists there; retry \
                     later, or have a super administrator create the app"
                );
                return Err(Error::unavailable(message)
                    .with_code(Code::EnvUnreachable)
                    .caused_by(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// All apps, or those with the given ids.
pub(super) async fn list(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(wanted): Query<AppFilter>,
) -> Result<Json<Vec<App>>> {
    let app_ids = wanted.app_ids.unwrap_or_default();
    let app_ids: Vec<_> =
        app_ids.split(',').map(str::trim).filter(|app_id| !app_id.is_empty()).collect();
    let mut rows = match app_ids.is_empty() {
        true => portal_app::all(&portal.state.store).await?,
        false => portal_app::named(&portal.state.store, &app_ids).await?,
    };
    rows.retain(|row| caller.identity.reaches_app(&row.app_id));
    Ok(Json(shown(&portal, &caller, rows).await?))
}

/// Apps in which the caller has a role.
pub(super) async fn authorized(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<App>>> {
    let rows = portal_app::of(&portal.state.store, &caller.identity).await?;
    Ok(Json(shown(&portal, &caller, rows).await?))
}

/// The same, in pages.
pub(super) async fn by_self(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<App>>> {
    let Paging { page, size } = paging.or_size(PAGE_SIZE);
    let rows = portal_app::of(&portal.state.store, &caller.identity).await?;
    let skipped = usize::try_from(page.saturating_mul(size)).unwrap_or(usize::MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let rows = rows.into_iter().skip(skipped).take(size).collect();
    Ok(Json(shown(&portal, &caller, rows).await?))
}

/// One app.
pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<At<Json<App>>> {
    let row = portal_app::find(&portal.state.store, &place.app_id).await?;
    let revision = portal_app::revision(&row);
    Ok(At(revision, Json(shown(&portal, &caller, vec![row]).await?.swap_remove(0))))
}

/// Changes the details of an app, here and in every reachable environment.
pub(super) async fn update(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    On(base): On,
    Body(app): Body<App>,
) -> Result<Pending> {
    check_same_app(&place.app_id, app.app_id.as_deref().unwrap_or_default())?;
    let operator =
        portal.operator(&caller, by.operator, app.data_change_last_modified_by.clone()).await?;
    let (store, details) = (&portal.state.store, details(app));
    let present = portal_app::find(store, &place.app_id).await?;
    // Before it is announced to the environments.
    portal_app::check_base(&present, &base, Some(&details))?;
    portal.know(&caller, &[&details.owner_name]).await?;
    let fan_out = announce(&portal, &place.app_id, &operator).await?;
    let made = portal_app::update(store, details, &operator, base).await;
    let row = fan_out.unless_refused(&portal, made).await?;
    let write = async |environment| app::write(&portal.state, &environment, &row, &operator).await;
    Ok(fan_out.send(&portal, write).await)
}

/// Names of the app's clusters, by environment. One that cannot be read returns the reason.
pub(super) async fn env_clusters(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<EnvClusters>>> {
    let asked = clusters_by_env(&portal, &place).await.into_iter().map(|(environment, asked)| {
        let env = Some(environment.name().to_owned());
        match asked {
            Ok(clusters) => {
                let names = clusters.into_iter().filter_map(|cluster| cluster.name).collect();
                EnvClusters { env, clusters: Some(names), error: None }
            }
            Err(error) => {
                EnvClusters { env, clusters: None, error: Some(error.message().to_owned()) }
            }
        }
    });
    Ok(Json(asked.collect()))
}

/// The app's clusters, by environment. One that cannot be read returns the reason.
pub(super) async fn env_cluster_info(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<EnvClusterInfo>>> {
    let mut found = Vec::new();
    for (environment, asked) in clusters_by_env(&portal, &place).await {
        let env = Some(environment.name().to_owned());
        found.push(match asked {
            Ok(clusters) => {
                let mut clusters: Vec<Cluster> = clusters.into_iter().map(Cluster::from).collect();
                people::name_people(&portal, &mut clusters).await?;
                EnvClusterInfo {
                    code: 200,
                    message: Some("OK".to_owned()),
                    env,
                    clusters: Some(clusters),
                }
            }
            Err(error) => {
                let message = Some(format!(
                    "load env:{} cluster error.{}",
                    environment.name(),
                    error.message()
                ));
                EnvClusterInfo { code: 500, message, env, clusters: None }
            }
        });
    }
    Ok(Json(found))
}

/// Asks all environments at once, so that a slow one delays no other.
async fn clusters_by_env(
    portal: &Portal,
    place: &Resource,
) -> Vec<(Environment, Result<Vec<admin::Cluster>>)> {
    let questions = portal.state.environments.all().into_iter().map(|environment| async {
        let asked = clusters(portal, &environment, &place.app_id).await;
        (environment, asked)
    });
    join_all(questions).await
}

async fn clusters(
    portal: &Portal,
    environment: &Environment,
    app_id: &str,
) -> Result<Vec<admin::Cluster>> {
    portal.check_missed_deletion(environment.name(), app_id).await?;
    environment.get(Address::new(["apps", app_id, "clusters"])).await
}

fn details(app: App) -> PortalAppDetails {
    PortalAppDetails {
        app_id: app.app_id.unwrap_or_default(),
        name: app.name.unwrap_or_default(),
        org_id: app.org_id.unwrap_or_default(),
        org_name: app.org_name.unwrap_or_default(),
        owner_name: app.owner_name.unwrap_or_default(),
    }
}

/// What a caller sees of apps. The mail address of an owner is shown to those who see it among the
/// users: everybody may create an app that somebody else owns.
pub(super) async fn shown(
    portal: &Portal,
    caller: &Caller,
    rows: Vec<portal_app::App>,
) -> Result<Vec<App>> {
    let people = rows.iter().flat_map(|row| {
        let modified = row.data_change_last_modified_by.as_deref();
        [Some(row.owner_name.as_str()), Some(row.data_change_created_by.as_str()), modified]
            .into_iter()
            .flatten()
    });
    let names = people::called(portal, people).await?;
    let called = |name: &str| names.get(name).cloned();
    let address = |row: &portal_app::App| {
        let is_seen = people::sees_address(portal, caller, &row.owner_name);
        if is_seen { row.owner_email.clone() } else { String::new() }
    };
    let body = |row: portal_app::App| App {
        owner_email: Some(address(&row)),
        owner_display_name: called(&row.owner_name),
        data_change_created_by_display_name: called(&row.data_change_created_by),
        data_change_last_modified_by_display_name: row
            .data_change_last_modified_by
            .as_deref()
            .and_then(called),
        name: Some(row.name),
        app_id: Some(row.app_id),
        org_id: Some(row.org_id),
        org_name: Some(row.org_name),
        owner_name: Some(row.owner_name),
        data_change_created_by: Some(row.data_change_created_by),
        data_change_last_modified_by: row.data_change_last_modified_by,
        data_change_created_time: Some(*row.data_change_created_time),
        data_change_last_modified_time: row.data_change_last_time.map(|time| *time),
    };
    Ok(rows.into_iter().map(body).collect())
}
