//! `/openapi/v1/search`: apps, namespaces and keys that contain a text, of each kind the first few.
//! Everyone may see the names of apps and of their namespaces; callers find the keys only of
//! namespaces whose values they may see.

use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Criteria, Hits, find};
use crate::domain::page::Page;
use crate::domain::portal_namespace;
use crate::error::{Code, Error, Result};
use crate::http::search::IN_PORTAL;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::{app, app_namespace};
use crate::wire::open_api::FoundPlaces;

/// Maximum number of results of each kind, of keys in each environment.
const MOST: u64 = 8;
const KINDS: [&str; 3] = ["apps", "namespaces", "keys"];

#[derive(Debug, Deserialize, IntoParams)]
pub(in super::super) struct WantedMatches {
    /// The text.
    q: String,
    /// What is searched, separated by commas: `apps`, `namespaces`, `keys`; all by default.
    #[serde(rename = "in")]
    #[param(nullable = false)]
    kinds: Option<String>,
}

pub(in super::super) async fn search(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(wanted): Query<WantedMatches>,
) -> Result<Json<FoundPlaces>> {
    let (here, of) = (portal.clone(), caller.clone());
    let search = async move { matches(&here, &of, wanted).await };
    Ok(Json(portal.run_search(&caller, search).await?))
}

async fn matches(portal: &Portal, caller: &Caller, wanted: WantedMatches) -> Result<FoundPlaces> {
    let WantedMatches { q, kinds } = wanted;
    if q.trim().is_empty() {
        let message = "q should not be empty";
        return Err(Error::bad_request(message).with_code(Code::MissingParameter));
    }
    let kinds: Vec<_> = match &kinds {
        Some(kinds) => kinds.split(',').map(str::trim).collect(),
        None => KINDS.to_vec(),
    };
    if let Some(unknown) = kinds.iter().find(|kind| !KINDS.contains(*kind)) {
        let message = format!("`{unknown}` is not one of {}", KINDS.join(", "));
        return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    }
    let page = Page::new(0, MOST);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut found = FoundPlaces::default();
    if kinds.contains(&"apps") {
        let apps = app::search::find(portal, &q, page.clone()).await?;
        found.app_total = Some(number(apps.total));
        found.apps = Some(app::shown(portal, caller, apps.rows).await?);
    }
    if kinds.contains(&"namespaces") {
        let (store, text) = (portal.state.store.clone(), q.clone());
        let search = async move { portal_namespace::search(&store, &text, &page).await };
        let namespaces = IN_PORTAL.run(search).await?;
        found.namespace_total = Some(number(namespaces.total));
        found.namespaces = Some(app_namespace::shown(portal, namespaces.rows).await?);
    }
    if kinds.contains(&"keys") {
        let criteria = Criteria { key: q, is_exact: true, ..Criteria::default() };
        let Hits { items, limited, mut failed } = find(portal, caller, &criteria, MOST).await?;
        // The first of many are expected; none of many are not.
        if !limited.is_empty() && (items.len() as u64) < MOST {
            failed
                .push(format!("{} may have more keys: enter more of the key.", limited.join(", ")));
        }
        found.keys = Some(items);
        found.message = (!failed.is_empty()).then(|| failed.join(" "));
    }
    Ok(found)
}
