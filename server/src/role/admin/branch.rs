//! `.../branches`: gray branches of a namespace and their rules.

use axum::extract::State;

use super::request::FormParameters;
use super::{AdminAccess, AdminRoutes, NamespaceNames, key};
use crate::domain::{branch, gray_rule};
use crate::error::Result;
use crate::http::request::{Body, Path};
use crate::http::revision::{After, At, On};
use crate::json::Json;
use crate::json::OrEmpty;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

type BranchNames = (String, String, String, String);

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .post(in_namespace!("/branches"), AdminAccess::Token, create)
        .get(in_namespace!("/branches"), AdminAccess::Token, find)
        .delete(in_namespace!("/branches/{branch}"), AdminAccess::Token, delete)
        .get(in_namespace!("/branches/{branch}/rules"), AdminAccess::Token, rules)
        .put(in_namespace!("/branches/{branch}/rules"), AdminAccess::Token, update_rules)
}

async fn create(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<Json<wire::Namespace>> {
    let created =
        branch::create(&state.store, &key(&names), &parameters.text("operator")?, base).await?;
    Ok(Json(created.into()))
}

async fn find(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
) -> Result<OrEmpty<wire::Namespace>> {
    Ok(OrEmpty(branch::find(&state.store, &key(&names)).await?.map(Into::into)))
}

async fn delete(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster, namespace, branch)): Path<BranchNames>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    let key = key(&(app_id, cluster, namespace));
    let base = base.on_release(parameters.release("branchReleaseId")?);
    let operator = parameters.text("operator")?;
    branch::delete(&state.store, &key, &branch, &operator, base).await?;
    state.published().await;
    Ok(())
}

async fn rules(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster, namespace, branch)): Path<BranchNames>,
) -> Result<At<OrEmpty<wire::GrayReleaseRule>>> {
    let found = gray_rule::find(&state.store, &key(&(app_id, cluster, namespace)), &branch).await?;
    let revision = gray_rule::revision(found.as_ref().map(|found| &*found.rules))?;
    Ok(At(revision, OrEmpty(found.map(Into::into))))
}

async fn update_rules(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster, namespace, branch)): Path<BranchNames>,
    On(base): On,
    Body(body): Body<wire::GrayReleaseRule>,
) -> Result<After<()>> {
    let new = gray_rule::NewRules { base, ..body.into() };
    let key = key(&(app_id, cluster, namespace));
    let transition = gray_rule::update(&state.store, &key, &branch, new).await?;
    state.published().await;
    Ok(After(transition, ()))
}
