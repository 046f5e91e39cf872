//! Searches for apps by id or name, or else by the key of an item.

use std::collections::HashSet;

use axum::extract::{Extension, State};
use futures_util::future::join_all;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{PAGE_SIZE, shown};
use crate::domain::page::{Page, Paged};
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_app;
use crate::environment::{Address, Environment};
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

/// Items of a page of the search by key in an environment. It has fewer namespaces than items where
/// one has the key twice, or was deleted. One with less than half is the last one: to read an empty
/// page behind it would cost as much as the whole search.
const ITEMS_AT_ONCE: usize = 500;
/// Maximum number of these pages that are read, and counted, in one environment.
const PAGES: usize = 10;

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

/// A page of the namespaces with an item of this key whose values the caller may see, in the form
/// of apps, and the number of all of them. Others are not counted, because their number would show
/// that they have the key. If an environment does not answer, the pages before count.
async fn with_item(
    portal: &Portal,
    caller: &Caller,
    key: &str,
    paging: Paging,
) -> Result<(Vec<App>, u64)> {
    let searches = portal.state.environments.active().into_iter().map(|environment| async move {
        let mut places = Vec::new();
        if let Err(error) = read_places(&environment, key, &mut places).await {
            report(environment.name(), &error);
        }
        places
    });
    let places = join_all(searches).await.concat();
    let seen = portal.visible_among(&caller.identity, &places).await?;
    let places = only(places, seen);
    let mut present = Vec::with_capacity(places.len());
    for of_env in places.chunk_by(|one, next| one.env == next.env) {
        present.extend(portal.present_in(&of_env[0].env, of_env).await?);
    }
    let places = only(places, present);
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (first, size) = (paging.page.saturating_mul(paging.size), paging.size);
    let total = places.len() as u64;
    let page = places.into_iter().skip(number(first)).take(number(size));
    Ok((page.map(|place| shown_place(place, key)).collect(), total))
}

/// Appends the first namespaces of an environment that have an item of this key.
async fn read_places(
    environment: &Environment,
    key: &str,
    places: &mut Vec<Resource>,
) -> Result<()> {
    let mut known = HashSet::new();
    let size = ITEMS_AT_ONCE.to_string();
    for number in 0..PAGES {
        let address = Address::new(["namespaces", "find-by-item"]);
        let number = number.to_string();
        let address = address.with(&[("itemKey", key), ("page", &number), ("size", &size)]);
        let page: admin::Page<admin::Namespace> = environment.get(address).await?;
        let is_last = page.content.len() < ITEMS_AT_ONCE / 2;
        let new = page.content.into_iter().filter(|found| known.insert(found.id));
        places.extend(new.map(|found| Resource {
            env: environment.name().to_owned(),
            app_id: found.app_id.unwrap_or_default(),
            cluster: found.cluster_name.unwrap_or_default(),
            namespace: found.namespace_name.unwrap_or_default(),
        }));
        if is_last {
            break;
        }
    }
    Ok(())
}

/// The places whose flags are set.
fn only(places: Vec<Resource>, flags: Vec<bool>) -> Vec<Resource> {
    let flagged = places.into_iter().zip(flags);
    flagged.filter_map(|(place, is_set)| is_set.then_some(place)).collect()
}

fn shown_place(place: Resource, key: &str) -> App {
    App {
        name: Some(format!("{} / {} / {}", place.env, place.cluster, place.namespace)),
        org_id: Some(format!("{}+{}+{}", place.env, place.cluster, place.namespace)),
        org_name: Some(format!("SearchByItem+{key}")),
        app_id: Some(place.app_id),
        ..App::default()
    }
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
