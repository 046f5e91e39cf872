//! `/openapi/v1/.../branches`: the gray branch of a namespace, its items and its rules;
//! `branch/publish.rs` publishes and merges it. The admin API takes any cluster for a branch, so
//! each handler first finds the branch of the namespace whose permission was checked.

pub(super) mod preview;
pub(super) mod publish;

use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::content_read::{ContentRead, length};
use super::namespace::{self, View};
use super::release::named::without_values;
use super::{By, people};
use crate::domain::branch::not_found;
use crate::domain::constraint::check_members;
use crate::domain::gray_rule::RULES;
use crate::domain::namespace::NamespaceKey;
use crate::domain::permission::Action;
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Result, if_found};
use crate::http::request::{Body, Path};
use crate::json::{self, Json, OrEmpty};
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::wire::admin;
use crate::wire::open_api::{GrayReleaseRule, GrayReleaseRuleItem, Item, Namespace};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct BranchName {
    /// Name of the branch.
    branch_name: String,
}

/// The branch of a namespace with its items; empty if there is none. A user who may not see the
/// values receives the branch without them.
pub(super) async fn find(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    reading: ContentRead,
) -> Result<OrEmpty<Namespace>> {
    let is_visible = portal.allows(&caller.identity, Requirement::See, &place).await?;
    if !is_visible && caller.identity.is_program() {
        return Err(refusal(Requirement::See));
    }
    let environment = portal.state.environments.find(&place.env)?;
    let Some(branch) = present(&environment, &place).await? else { return Ok(OrEmpty(None)) };
    let view = View { fill_item_detail: is_visible, extend_info: true, ..View::default() };
    let read = namespace::read_one(&reading, &portal, environment, place.app_id, branch, view);
    let (mut branch, _kept) = read.await?;
    if let Some(extend) = &mut branch.extend_info {
        extend.is_config_hidden = !is_visible;
    }
    Ok(OrEmpty(Some(branch)))
}

/// Creates the branch of a namespace, empty and without rules.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<Json<Namespace>> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    // The message of the admin API says that the namespace does not exist.
    if let Some(branch) = present(&environment, &place).await? {
        let name = branch.cluster_name.unwrap_or_default();
        let message = format!("The namespace {} already has the branch {name}", place.namespace);
        return Err(Error::bad_request(message).with_code(Code::BranchExists));
    }
    let address = Address::in_namespace(&place, &["branches"]);
    let made: admin::Namespace = environment.submit(address, &[("operator", &operator)]).await?;
    let mut made = [Namespace::from(made)];
    people::name_people(&portal, &mut made).await?;
    let [made] = made;
    Ok(Json(made))
}

/// Abandons a branch. A user who may edit but not publish the namespace may abandon one that was
/// never published.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
    Query(by): Query<By>,
) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let branch = branch_of(&environment, &place, &branch_name).await?;
    let publish = Requirement::Permission(Action::Release);
    let operator = portal.operator(&caller, by.operator, None).await?;
    let mut fields = vec![("operator", &*operator)];
    if !portal.allows(&caller.identity, publish, &place).await? {
        let active = Address::in_namespace(&branch, &["releases", "active"]);
        let newest = active.with(&[("page", "0"), ("size", "1"), ("onlyKey", "")]);
        let reading = ContentRead::for_change(&caller);
        if !without_values(&reading, &portal, &environment, newest).await?.is_empty() {
            return Err(refusal(publish));
        }
        // Checked again with the deletion.
        fields.push(("branchReleaseId", "0"));
    }
    let address = Address::in_namespace(&place, &["branches", &branch.cluster]);
    environment.delete(address.with(&fields)).await
}

/// The rules of a branch; empty before they are set.
pub(super) async fn rules(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
) -> Result<OrEmpty<GrayReleaseRule>> {
    let environment = portal.state.environments.find(&place.env)?;
    let branch = branch_of(&environment, &place, &branch_name).await?;
    let address = Address::in_namespace(&place, &["branches", &branch.cluster, "rules"]);
    let found: Option<admin::GrayReleaseRule> = environment.find(address).await?;
    let mut found: Vec<_> = found.into_iter().map(GrayReleaseRule::from).collect();
    people::name_people(&portal, &mut found).await?;
    Ok(OrEmpty(found.pop()))
}

/// The audiences of an app in an environment, of the namespaces that the caller may see and whose
/// definition the environment does not still have to delete. Apollo's admin service does not have
/// them.
pub(super) async fn audiences(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<GrayReleaseRule>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let address = Address::new(["apps", &place.app_id, "gray-audiences"]);
    let found: Vec<admin::GrayReleaseRule> =
        if_found(environment.get(address).await)?.unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let places: Vec<_> = found
        .iter()
        .map(|row| Resource {
            cluster: text(&row.cluster_name),
            namespace: text(&row.namespace_name),
            ..place.clone()
        })
        .collect();
    let visible = portal.rights().visible_among(&caller.identity, &places).await?;
    let present = portal.present_in(environment.name(), &places).await?;
    let shown = visible.into_iter().zip(present).map(|(is_seen, is_present)| is_seen && is_present);
    let seen = found.into_iter().zip(shown).filter(|(_, is_shown)| *is_shown);
    let mut seen: Vec<_> = seen.map(|(row, _)| GrayReleaseRule::from(row)).collect();
    people::name_people(&portal, &mut seen).await?;
    Ok(Json(seen))
}

/// Replaces the rules of a branch. The names in the body are ignored.
pub(super) async fn set_rules(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
    Query(by): Query<By>,
    Body(rules): Body<GrayReleaseRule>,
) -> Result<()> {
    let line = |line: GrayReleaseRuleItem| admin::GrayReleaseRuleItem {
        client_app_id: line.client_app_id,
        client_ip_list: line.client_ip_list,
        client_label_list: line.client_label_list,
    };
    let lines: Vec<_> = rules.rule_items.into_iter().flatten().map(line).collect();
    check_members([("ruleItems", Some(&*json::write(&lines)?), RULES)])?;
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let branch = branch_of(&environment, &place, &branch_name).await?;
    let address = Address::in_namespace(&place, &["branches", &branch.cluster, "rules"]);
    let body = admin::GrayReleaseRule {
        app_id: Some(place.app_id),
        cluster_name: Some(place.cluster),
        namespace_name: Some(place.namespace),
        branch_name: Some(branch.cluster),
        rule_items: Some(lines),
        data_change_created_by: Some(operator.clone()),
        data_change_last_modified_by: Some(operator),
        ..admin::GrayReleaseRule::default()
    };
    environment.put(address, &body).await
}

/// The items of a branch.
pub(super) async fn items(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    Path(BranchName { branch_name }): Path<BranchName>,
    reading: ContentRead,
) -> Result<Json<Vec<Item>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let branch = branch_of(&environment, &place, &branch_name).await?;
    let address = Address::in_namespace(&branch, &["items"]);
    let read = reading.of(&portal, environment, |environment| async move {
        environment.get::<Vec<admin::Item>>(address).await
    });
    let (items, _turn) = read.await?;
    let _kept = reading.keep(length(items.iter().map(|item| item.value.as_deref())))?;
    let mut items: Vec<_> = items.into_iter().map(Item::from).collect();
    people::name_people(&portal, &mut items).await?;
    Ok(Json(items))
}

/// The branch of a namespace, if it has one.
async fn present(environment: &Environment, place: &Resource) -> Result<Option<admin::Namespace>> {
    environment.find(Address::in_namespace(place, &["branches"])).await
}

/// The namespace of a branch, if it is the branch of this namespace.
pub(super) async fn branch_of(
    environment: &Environment,
    place: &Resource,
    name: &str,
) -> Result<Resource> {
    let found = present(environment, place).await?.and_then(|branch| branch.cluster_name);
    match found.filter(|found| found == name) {
        Some(cluster) => Ok(Resource { cluster, ..place.clone() }),
        None => {
            let key = NamespaceKey::new(&place.app_id, &place.cluster, &place.namespace);
            Err(not_found(&key, name))
        }
    }
}
