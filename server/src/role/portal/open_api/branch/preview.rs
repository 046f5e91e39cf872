//! `/openapi/v1/.../branches/{branchName}/rules/preview`: which instances rules would match, before
//! they are stored. The labels of instances are not recorded, so that only addresses and `*` match.

use axum::extract::{Extension, State};
use castalia_core::protocol::route::Caller as Client;
use tokio::task::spawn_blocking;

use super::{BranchName, branch_of};
use crate::domain::gray;
use crate::domain::gray_rule::{self, GrayRule};
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment};
use crate::error::{Error, Result};
use crate::http::request::{Body, MAX_PAGE_SIZE, Path};
use crate::http::search::OF_AUDIENCES;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::instance::names;
use crate::wire::admin;
use crate::wire::open_api::{GrayAudience, GrayReleaseRule, GrayReleaseRuleItem};

/// Maximum number of pages of instances that are compared, of the namespace and of its branch.
const PAGES: u64 = 5;
/// Maximum number of instances in the answer.
const SHOWN: usize = 200;

pub(in super::super) async fn preview(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
    Body(rules): Body<GrayReleaseRule>,
) -> Result<Json<GrayAudience>> {
    let environment = portal.state.environments.find(&place.env)?;
    let branch = branch_of(&environment, &place, &branch_name).await?;
    let rules: Vec<_> = rules.rule_items.into_iter().flatten().map(rule).collect();
    gray_rule::check_length(&rules)?;
    let mut audience = GrayAudience::default();
    let mut compared = Vec::new();
    for place in [&place, &branch] {
        let (total, instances) = readers(&environment, place).await?;
        audience.total += count(total);
        compared.extend(instances);
    }
    audience.compared = count(compared.len() as u64);
    // Long rules and many instances would hold up other requests.
    let comparison = OF_AUDIENCES.run(async move {
        spawn_blocking(move || {
            compared.retain(|instance| is_matched(&rules, instance));
            compared
        })
        .await
        .map_err(|error| Error::internal("a comparison panicked", error))
    });
    let mut matched = portal.run_search(&caller, comparison).await?;
    audience.matched = count(matched.len() as u64);
    matched.truncate(SHOWN);
    audience.instances = Some(matched.into_iter().map(Into::into).collect());
    Ok(Json(audience))
}

/// The number of the instances that read a cluster of the namespace, and the first of them.
async fn readers(
    environment: &Environment,
    place: &Resource,
) -> Result<(u64, Vec<admin::Instance>)> {
    let (mut total, mut instances) = (0, Vec::new());
    for number in 0..PAGES {
        let (number, size) = (number.to_string(), MAX_PAGE_SIZE.to_string());
        let mut parameters = names(place).to_vec();
        parameters.extend([("page", number.as_str()), ("size", &size)]);
        let address = Address::new(["instances", "by-namespace"]).with(&parameters);
        let page: admin::Page<admin::Instance> = environment.get(address).await?;
        let is_last = page.content.is_empty();
        instances.extend(page.content);
        total = page.total;
        if is_last || instances.len() as u64 >= total {
            break;
        }
    }
    Ok((total, instances))
}

fn rule(line: GrayReleaseRuleItem) -> GrayRule {
    GrayRule {
        client_app_id: line.client_app_id.unwrap_or_default(),
        client_ip_list: line.client_ip_list.unwrap_or_default(),
        client_label_list: line.client_label_list.unwrap_or_default(),
    }
}

fn is_matched(rules: &[GrayRule], instance: &admin::Instance) -> bool {
    let client = Client { data_center: None, ip: instance.ip.clone(), label: None };
    gray::matches(rules, instance.app_id.as_deref().unwrap_or_default(), &client)
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
