//! Searches for apps by id or name, or else by the key of an item.

use axum::extract::{Extension, State};
use futures_util::future::join_all;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{PAGE_SIZE, shown};
use crate::domain::page::{Page, Paged};
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_app;
use crate::environment::Address;
use crate::error::{Error, Result};
use crate::http::search::IN_PORTAL;
use crate::json::Json;
use crate::log_rate::LogRate;
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::server_config::keys;
use crate::wire::admin;
use crate::wire::open_api::{App, AppPage};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(in super::super) struct WantedApps {
    /// Part of an app id or of a name, or the key of an item; all apps by default.
    #[param(nullable = false)]
    query: Option<String>,
}

/// A page of apps, or of namespaces with an item of this key if no app is found.
pub(in super::super) async fn search(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(WantedApps { query }): Query<WantedApps>,
    Query(paging): Query<Paging>,
) -> Result<Json<AppPage>> {
    let (query, paging) = (query.unwrap_or_default(), paging.or_size(PAGE_SIZE));
    if query.is_empty() {
        return Ok(Json(matches(&portal, &caller, &query, paging).await?));
    }
    let (here, of) = (portal.clone(), caller.clone());
    let search = async move { matches(&here, &of, &query, paging).await };
    Ok(Json(portal.run_search(&caller, search).await?))
}

async fn matches(portal: &Portal, caller: &Caller, query: &str, paging: Paging) -> Result<AppPage> {
    let Paging { page, size } = paging;
    let found = find(portal, query, Page::new(page, size)).await?;
    let (mut apps, mut total) = (shown(portal, caller, found.rows).await?, found.total);
    let by_item = !query.is_empty() && portal.state.config.get(&keys::SEARCH_BY_ITEM);
    if total == 0 && by_item {
        (apps, total) = with_item(portal, caller, query, paging).await?;
    }
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(AppPage {
        page: number(page),
        size: number(size),
        total: number(total),
        content: Some(apps),
    })
}

/// A page of the apps whose id or name contains a text. No index finds them, so that only some
/// searches run concurrently. The list of all apps, with which the web UI begins, is no search.
pub(in super::super) async fn find(
    portal: &Portal,
    text: &str,
    page: Page,
) -> Result<Paged<portal_app::App>> {
    if text.is_empty() {
        return portal_app::search(&portal.state.store, text, &page).await;
    }
    let (store, text) = (portal.state.store.clone(), text.to_owned());
    IN_PORTAL.run(async move { portal_app::search(&store, &text, &page).await }).await
}

/// Namespaces with an item of this key whose values the caller may see, in the form of apps. An
/// environment that does not answer is left out.
async fn with_item(
    portal: &Portal,
    caller: &Caller,
    key: &str,
    paging: Paging,
) -> Result<(Vec<App>, u64)> {
    let [page, size] = paging.texts();
    let questions = portal.state.environments.active().into_iter().map(|environment| {
        let address = Address::new(["namespaces", "find-by-item"]);
        let address = address.with(&[("itemKey", key), ("page", &page), ("size", &size)]);
        async move {
            let found: Result<admin::Page<admin::Namespace>> = environment.get(address).await;
            (environment, found)
        }
    });
    let (mut places, mut present, mut total) = (Vec::new(), Vec::new(), 0);
    for (environment, found) in join_all(questions).await {
        let env = environment.name();
        match found {
            Ok(found) => {
                total += found.total;
                let found = found.content.into_iter().map(|row| Resource {
                    env: env.to_owned(),
                    app_id: row.app_id.unwrap_or_default(),
                    cluster: row.cluster_name.unwrap_or_default(),
                    namespace: row.namespace_name.unwrap_or_default(),
                });
                let found: Vec<_> = found.collect();
                present.extend(portal.present_in(env, &found).await?);
                places.extend(found);
            }
            Err(error) => report(env, &error),
        }
    }
    let visible = portal.rights().visible_among(&caller.identity, &places).await?;
    let shown = visible.into_iter().zip(present).map(|(is_seen, is_present)| is_seen && is_present);
    let shown: Vec<_> = shown.collect();
    let hidden = shown.iter().filter(|is_shown| !**is_shown).count() as u64;
    let app = |place: Resource| App {
        name: Some(format!("{} / {} / {}", place.env, place.cluster, place.namespace)),
        org_id: Some(format!("{}+{}+{}", place.env, place.cluster, place.namespace)),
        org_name: Some(format!("SearchByItem+{key}")),
        app_id: Some(place.app_id),
        ..App::default()
    };
    let seen = places.into_iter().zip(shown).filter(|(_, is_shown)| *is_shown);
    Ok((seen.map(|(place, _)| app(place)).collect(), total.saturating_sub(hidden)))
}

fn report(env: &str, error: &Error) {
    static FAILURES: LogRate = LogRate::new();
    if let Some(suppressed) = FAILURES.admit() {
        tracing::warn!(env, %error, suppressed, "cannot search an environment for an item");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::in_memory::Lines;

    /// X85
    #[test]
    fn searches_that_fail_do_not_flood_the_log() {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
        tracing::subscriber::with_default(log, || {
            for _ in 0..1000 {
                report("LOCAL", &Error::unavailable("away"));
            }
        });
        let written = lines.text().lines().count();
        // Five in each second that this took on a slow machine.
        assert!((1..=100).contains(&written), "{written}");
    }
}
