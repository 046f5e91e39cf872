//! Releases: publish, roll back, read; and their history.

use axum::extract::State;
use axum::response::Response;

use super::body::page_body;
use super::long_read::contents;
use super::release_list::{Memory, answer};
use super::request::{FormParameters, Parameters, QueryParameters};
use super::{AdminAccess, AdminRoutes, NamespaceNames, item, key};
use crate::domain::constraint::present;
use crate::domain::history::{self, ReleaseHistory};
use crate::domain::item_set::ChangeSet;
use crate::domain::page::{Page, Paged};
use crate::domain::release::{self, Merge, Publication, ReleaseRows};
use crate::domain::revision::Base;
use crate::domain::rollback;
use crate::domain::withdrawal;
use crate::error::Result;
use crate::http::request::{Body, LARGE_BODY, Path};
use crate::http::revision::{After, On};
use crate::json::Json;
use crate::json::OrEmpty;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .post(in_namespace!("/releases"), AdminAccess::Token, publish)
        .post(in_namespace!("/gray-del-releases"), AdminAccess::Token, publish_without)
        .post(in_namespace!("/updateAndPublish"), AdminAccess::Token, merge)
        .put("/releases/{id}/rollback", AdminAccess::Token, roll_back)
        .put("/releases/{id}/withdrawal", AdminAccess::Token, withdraw)
        .get("/releases/{id}", AdminAccess::Token, find)
        .get("/releases", AdminAccess::Token, by_ids)
        .get(in_namespace!("/releases/latest"), AdminAccess::Token, latest)
        .get(in_namespace!("/releases/active"), AdminAccess::Token, active)
        .get(in_namespace!("/releases/all"), AdminAccess::Token, all)
        .get(in_namespace!("/releases/histories"), AdminAccess::Token, histories)
        .get(
            "/releases/histories/by_release_id_and_operation",
            AdminAccess::Token,
            histories_of_release,
        )
        .get(
            "/releases/histories/by_previous_release_id_and_operation",
            AdminAccess::Token,
            histories_of_previous,
        )
}

async fn publish(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<Json<wire::Release>> {
    let publication = Publication { base, ..publication(&parameters, "name")? };
    let published = release::publish(&state.store, &key(&names), publication).await?;
    state.published_release(published.appended).await;
    Ok(Json(published.release.into()))
}

async fn publish_without(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<Json<wire::Release>> {
    let publication = Publication { base, ..publication(&parameters, "releaseName")? };
    let keys = parameters.list("grayDelKeys")?;
    let release = release::publish_without(&state.store, &key(&names), publication, keys).await?;
    state.published().await;
    Ok(Json(release.into()))
}

fn publication(parameters: &Parameters, title: &'static str) -> Result<Publication> {
    Ok(Publication {
        title: parameters.text(title)?,
        comment: parameters.optional("comment"),
        operator: parameters.text("operator")?,
        is_emergency: parameters.flag("isEmergencyPublish", false)?,
        base: Base::default(),
    })
}

async fn merge(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    On(base): On,
    QueryParameters(parameters): QueryParameters,
    Body(body): Body<wire::ItemChangeSets, LARGE_BODY>,
) -> Result<After<Json<wire::Release>>> {
    let merge = Merge {
        branch: parameters.text("branchName")?,
        branch_base: Base::new(parameters.optional("branchRevision"), false),
        deletes_branch: parameters.flag("deleteBranch", true)?,
        changes: ChangeSet::from(body),
    };
    let publication = Publication {
        title: parameters.text("releaseName")?,
        comment: parameters.optional("releaseComment"),
        operator: present(merge.changes.operator.clone(), "DataChange_CreatedBy")?,
        is_emergency: parameters.flag("isEmergencyPublish", false)?,
        base: base.on_release(parameters.release("releaseId")?),
    };
    let rules = item::rules(&state);
    let (revisions, release) =
        release::merge(&state.store, rules, &key(&names), publication, merge).await?;
    state.published().await;
    Ok(After(revisions, Json(release.into())))
}

async fn roll_back(
    State(state): State<EnvironmentState>,
    Path(id): Path<i64>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    let target = parameters.number_or("toReleaseId", -1)?;
    let target = (target > -1).then_some(target);
    let base = base.on_release(parameters.release("releaseId")?);
    rollback::roll_back(&state.store, id, target, &parameters.text("operator")?, base).await?;
    state.published().await;
    Ok(())
}

async fn withdraw(
    State(state): State<EnvironmentState>,
    Path(id): Path<i64>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    withdrawal::withdraw(&state.store, id, &parameters.text("operator")?, base).await?;
    state.published().await;
    Ok(())
}

async fn find(
    State(state): State<EnvironmentState>,
    Path(id): Path<i64>,
) -> Result<Json<wire::Release>> {
    let read = contents(&state.store, |store| async move { release::find(&store, id).await });
    Ok(Json(read.await?.into()))
}

async fn by_ids(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
    memory: Memory,
) -> Result<Response> {
    let rows = ReleaseRows::with_ids(&state.store, &parameters.ids("releaseIds")?).await?;
    answer(&state.store, rows, &parameters, memory).await
}

async fn latest(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
) -> Result<OrEmpty<wire::Release>> {
    let key = key(&names);
    let read =
        contents(&state.store, |store| async move { release::find_latest(&store, &key).await });
    Ok(OrEmpty(read.await?.map(Into::into)))
}

async fn active(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    QueryParameters(parameters): QueryParameters,
    memory: Memory,
) -> Result<Response> {
    let (key, page) = (key(&names), parameters.page());
    let rows = ReleaseRows::of_namespace(&state.store, &key, false, &page).await?;
    answer(&state.store, rows, &parameters, memory).await
}

async fn all(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    QueryParameters(parameters): QueryParameters,
    memory: Memory,
) -> Result<Response> {
    let (key, page) = (key(&names), parameters.page());
    let rows = ReleaseRows::of_namespace(&state.store, &key, true, &page).await?;
    answer(&state.store, rows, &parameters, memory).await
}

async fn histories(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    QueryParameters(parameters): QueryParameters,
) -> Result<OrEmpty<wire::Page<wire::ReleaseHistory>>> {
    let page = parameters.page();
    let found = history::of_namespace(&state.store, &key(&names), &page).await?;
    Ok(history_page(&page, found))
}

async fn histories_of_release(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<OrEmpty<wire::Page<wire::ReleaseHistory>>> {
    let page = parameters.page();
    let (id, operation) = (parameters.number("releaseId")?, parameters.small("operation")?);
    Ok(history_page(&page, history::of_release(&state.store, id, operation, &page).await?))
}

async fn histories_of_previous(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<OrEmpty<wire::Page<wire::ReleaseHistory>>> {
    let page = parameters.page();
    let (id, operation) = (parameters.number("previousReleaseId")?, parameters.small("operation")?);
    Ok(history_page(&page, history::of_previous_release(&state.store, id, operation, &page).await?))
}

/// A page without rows becomes an empty body.
fn history_page(
    page: &Page,
    found: Paged<ReleaseHistory>,
) -> OrEmpty<wire::Page<wire::ReleaseHistory>> {
    OrEmpty((!found.rows.is_empty()).then(|| page_body(page, found)))
}
