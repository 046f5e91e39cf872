//! `/openapi/v1/global-search`: searches the items of all environments by key and value. Callers
//! find only what they may see. An environment that does not answer is named, and hides no other
//! one.

pub(super) mod everywhere;
mod turn;

use axum::extract::{Extension, State};
use futures_util::future::join_all;
use serde::Deserialize;
use utoipa::IntoParams;

use super::content_read::length;
use crate::domain::page::check_length;
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Result};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::server_config::keys;
use crate::wire::admin;
use crate::wire::open_api::{FoundItem, FoundItems};

/// Maximum number of pages that are read in one environment for a user who may see few hits.
const PAGES: u64 = 25;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Criteria {
    /// Part of a key.
    #[param(default = "")]
    key: String,
    /// Part of a value.
    #[param(default = "")]
    value: String,
    /// Whether `%` and `_` in the key are no wildcards.
    #[serde(skip)]
    #[param(ignore)]
    is_exact: bool,
}

impl Criteria {
    fn matches(&self, hit: &admin::ItemInfo) -> bool {
        let key = hit.key.as_deref().unwrap_or_default().to_lowercase();
        !self.is_exact || key.contains(&self.key.to_lowercase())
    }
}

/// What one environment found.
struct EnvironmentHits {
    items: Vec<FoundItem>,
    has_more: bool,
}

/// What all environments found.
struct Hits {
    items: Vec<FoundItem>,
    /// Environments that have more.
    limited: Vec<String>,
    /// Why others were not searched.
    failed: Vec<String>,
}

pub(super) async fn items(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(criteria): Query<Criteria>,
) -> Result<Json<FoundItems>> {
    if criteria.key.is_empty() && criteria.value.is_empty() {
        let message = "Please enter at least one search criterion in either key or value.";
        return Err(Error::bad_request(message).with_code(Code::MissingParameter));
    }
    let most = portal.state.config.get(&keys::SEARCH_RESULTS);
    let (here, of) = (portal.clone(), caller.clone());
    let search = async move { find(&here, &of, &criteria, most).await };
    let Hits { items, limited, failed } = portal.run_search(&caller, search).await?;
    let mut messages = Vec::new();
    if !limited.is_empty() {
        messages.push(format!(
            "In {} , more than {most} items found (Exceeded the maximum search quantity for a single \
             environment). Please enter more precise criteria to narrow down the search scope.",
            limited.join(" , ")
        ));
    }
    messages.extend(failed);
    let message = if messages.is_empty() { "OK".to_owned() } else { messages.join(" ") };
    Ok(Json(FoundItems {
        code: 200,
        message: Some(message),
        has_more_data: !limited.is_empty(),
        body: Some(items),
    }))
}

/// At most this number of items of each environment.
async fn find(portal: &Portal, caller: &Caller, criteria: &Criteria, most: u64) -> Result<Hits> {
    if !matches!(caller.identity, Identity::User(_)) {
        return Err(refusal(Requirement::Person));
    }
    let searches = portal.state.environments.active().into_iter().map(async |environment| {
        let found = search(portal, caller, &environment, criteria, most).await;
        (environment.name().to_owned(), found)
    });
    let mut hits = Hits { items: Vec::new(), limited: Vec::new(), failed: Vec::new() };
    for (env, found) in join_all(searches).await {
        match found {
            Ok(found) => {
                hits.items.extend(found.items);
                hits.limited.extend(found.has_more.then_some(env));
            }
            Err(error) => {
                hits.failed.push(format!("{env} cannot be searched: {}", error.message()));
            }
        }
    }
    Ok(hits)
}

/// Reads further pages while too few of the hits are visible to the user.
async fn search(
    portal: &Portal,
    caller: &Caller,
    environment: &Environment,
    criteria: &Criteria,
    most: u64,
) -> Result<EnvironmentHits> {
    let env = environment.name();
    let wanted = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut items, mut read) = (Vec::new(), 0);
    for number in 0..PAGES {
        let page = page(environment, criteria, number, most).await?;
        read += page.content.len() as u64;
        // Those that the environment does not return: they cannot be decoded, or are too long to be in
        // one page with others.
        let is_complete = read >= page.total;
        let is_last = page.content.is_empty() || is_complete;
        let places: Vec<_> = page.content.iter().map(|found| place(env, found)).collect();
        let visible = portal.visible_among(&caller.identity, &places).await?;
        let present = portal.present_in(env, &places).await?;
        let shown =
            visible.into_iter().zip(present).map(|(is_seen, is_present)| is_seen && is_present);
        let hits = page.content.into_iter().zip(shown);
        let hits = hits.filter_map(|(hit, is_shown)| is_shown.then_some(hit));
        let hits = hits.filter(|hit| criteria.matches(hit));
        items.extend(hits.map(|hit| found_item(env, hit)));
        if is_last && items.len() <= wanted {
            return Ok(EnvironmentHits { items, has_more: !is_complete });
        }
        let bytes = length(items.iter().map(|item| item.value.as_deref()));
        if items.len() >= wanted || check_length(bytes as u64).is_err() {
            break;
        }
    }
    items.truncate(wanted);
    Ok(EnvironmentHits { items, has_more: true })
}

async fn page(
    environment: &Environment,
    criteria: &Criteria,
    number: u64,
    size: u64,
) -> Result<admin::Page<admin::ItemInfo>> {
    let parameters = [
        ("key", criteria.key.as_str()),
        ("value", &criteria.value),
        ("page", &number.to_string()),
        ("size", &size.to_string()),
    ];
    let address = Address::new(["items-search", "key-and-value"]).with(&parameters);
    environment.get(address).await
}

fn found_item(env: &str, found: admin::ItemInfo) -> FoundItem {
    FoundItem {
        app_id: found.app_id,
        env_name: Some(env.to_owned()),
        cluster_name: found.cluster_name,
        namespace_name: found.namespace_name,
        key: found.key,
        value: found.value,
    }
}

fn place(env: &str, found: &admin::ItemInfo) -> Resource {
    Resource {
        app_id: found.app_id.clone().unwrap_or_default(),
        env: env.to_owned(),
        cluster: found.cluster_name.clone().unwrap_or_default(),
        namespace: found.namespace_name.clone().unwrap_or_default(),
    }
}
