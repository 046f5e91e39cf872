//! `/openapi/v1/global-search`: searches the items of all environments by key and value. Callers find
//! only what they may see. An environment that does not answer is named, and hides no other one.

use axum::extract::{Extension, State};
use futures_util::future::join_all;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::permission::need::{Identity, Need, Resource};
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

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Criteria {
    /// Part of a key.
    #[param(default = "")]
    key: String,
    /// Part of a value.
    #[param(default = "")]
    value: String,
}

/// What one environment found.
struct Found {
    items: Vec<FoundItem>,
    has_more: bool,
}

pub(super) async fn items(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(criteria): Query<Criteria>,
) -> Result<Json<FoundItems>> {
    let Identity::User(user_id) = &caller.identity else { return Err(refusal(Need::Person)) };
    if criteria.key.is_empty() && criteria.value.is_empty() {
        let message = "Please enter at least one search criterion in either key or value.";
        return Err(Error::bad_request(message).with_code(Code::MissingParameter));
    }
    let most = portal.state.config.get(&keys::SEARCH_RESULTS);
    let searches = portal.state.environments.active().into_iter().map(async |environment| {
        let found = search(&portal, user_id, &environment, &criteria, most).await;
        (environment.name().to_owned(), found)
    });
    let (mut answer, mut limited, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (env, found) in join_all(searches).await {
        match found {
            Ok(found) => {
                answer.extend(found.items);
                limited.extend(found.has_more.then_some(env));
            }
            Err(error) => failed.push(format!("{env} cannot be searched: {}", error.message())),
        }
    }
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
        body: Some(answer),
    }))
}

async fn search(
    portal: &Portal,
    user_id: &str,
    environment: &Environment,
    criteria: &Criteria,
    most: u64,
) -> Result<Found> {
    let size = most.to_string();
    let parameters = [
        ("key", criteria.key.as_str()),
        ("value", &criteria.value),
        ("page", "0"),
        ("size", &size),
    ];
    let address = Address::new(["items-search", "key-and-value"]).with(&parameters);
    let page: admin::Page<admin::ItemInfo> = environment.get(address).await?;
    let env = environment.name();
    let places: Vec<_> = page.content.iter().map(|found| place(env, found)).collect();
    let visible = portal.rights().visible_in(user_id, env, &places).await?;
    let hits = page
        .content
        .into_iter()
        .zip(visible)
        .filter_map(|(hit, is_visible)| is_visible.then_some(hit));
    let items = hits.map(|found| FoundItem {
        app_id: found.app_id,
        env_name: Some(env.to_owned()),
        cluster_name: found.cluster_name,
        namespace_name: found.namespace_name,
        key: found.key,
        value: found.value,
    });
    Ok(Found { items: items.collect(), has_more: page.total > most })
}

fn place(env: &str, found: &admin::ItemInfo) -> Resource {
    Resource {
        app_id: found.app_id.clone().unwrap_or_default(),
        env: env.to_owned(),
        cluster: found.cluster_name.clone().unwrap_or_default(),
        namespace: found.namespace_name.clone().unwrap_or_default(),
    }
}
