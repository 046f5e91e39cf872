//! Namespaces, their definitions (app namespaces), and edit locks.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use indexmap::IndexMap;

use super::body::{bodies, page_body};
use super::long_read::{self, contents};
use super::request::{FormParameters, QueryParameters};
use super::{AdminAccess, AdminRoutes, NamespaceNames, key};
use crate::domain::revision::Revision;
use crate::domain::{app_namespace, lock, namespace, unpublished};
use crate::error::Result;
use crate::http::request::{Body, Path};
use crate::http::revision::{At, On};
use crate::json::Json;
use crate::json::OrEmpty;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .post("/apps/{app_id}/appnamespaces", AdminAccess::Token, create_definition)
        .get("/apps/{app_id}/appnamespaces", AdminAccess::Token, definitions)
        .delete("/apps/{app_id}/appnamespaces/{name}", AdminAccess::Token, delete_definition)
        .get("/appnamespaces/{name}/namespaces", AdminAccess::Token, public_namespaces)
        .get(
            "/appnamespaces/{name}/associated-namespaces/count",
            AdminAccess::Token,
            count_associated,
        )
        .post("/apps/{app_id}/clusters/{cluster}/namespaces", AdminAccess::Token, create)
        .get("/apps/{app_id}/clusters/{cluster}/namespaces", AdminAccess::Token, list)
        .get(in_namespace!(""), AdminAccess::Token, find)
        .delete(in_namespace!(""), AdminAccess::Token, delete)
        .get(in_namespace!("/associated-public-namespace"), AdminAccess::Token, associated_public)
        .get(in_namespace!("/lock"), AdminAccess::Token, find_lock)
        .get("/namespaces/{id}", AdminAccess::Token, by_id)
        .get("/namespaces/find-by-item", AdminAccess::Token, find_by_item)
        .get("/apps/{app_id}/namespaces/publish_info", AdminAccess::Token, unpublished_clusters)
}

/// The body names the app; that of the path is ignored, as in Apollo.
async fn create_definition(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
    Body(body): Body<wire::AppNamespace>,
) -> Result<Json<wire::AppNamespace>> {
    let silently = parameters.flag("silentCreation", false)?;
    let definition =
        app_namespace::create(&state.store, &state.config, body.into(), silently).await?;
    state.redefined().await;
    Ok(Json(definition.into()))
}

async fn definitions(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<Vec<wire::AppNamespace>>> {
    Ok(Json(bodies(app_namespace::list(&state.store, &app_id).await?)))
}

async fn delete_definition(
    State(state): State<EnvironmentState>,
    Path((app_id, name)): Path<(String, String)>,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    app_namespace::delete(&state.store, &app_id, &name, &parameters.text("operator")?).await?;
    state.redefined().await;
    state.published().await;
    Ok(())
}

async fn public_namespaces(
    State(state): State<EnvironmentState>,
    Path(name): Path<String>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::Namespace>>> {
    let rows = app_namespace::public_namespaces(&state.store, &name, &parameters.page()).await?;
    Ok(Json(bodies(rows)))
}

async fn count_associated(
    State(state): State<EnvironmentState>,
    Path(name): Path<String>,
) -> Result<Json<u64>> {
    Ok(Json(app_namespace::count_associated(&state.store, &name).await?))
}

async fn create(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster)): Path<(String, String)>,
    Body(body): Body<wire::Namespace>,
) -> Result<Json<wire::Namespace>> {
    let created =
        namespace::create(&state.store, &state.config, &app_id, &cluster, body.into()).await?;
    Ok(Json(created.into()))
}

async fn list(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster)): Path<(String, String)>,
) -> Result<Json<Vec<wire::Namespace>>> {
    Ok(Json(bodies(namespace::list(&state.store, &app_id, &cluster).await?)))
}

/// With the revision, unless the caller does not want it: it costs a read of all items.
async fn find(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Response> {
    let found = namespace::find(state.store.read(), &key(&names)).await?;
    let id = found.id;
    let body = Json(wire::Namespace::from(found));
    if !parameters.flag("revision", true)? {
        return Ok(body.into_response());
    }
    let read =
        contents(&state.store, |store| async move { Revision::current(store.read(), id).await });
    Ok(At(read.await?, body).into_response())
}

async fn delete(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    let base = base.on_release(parameters.release("releaseId")?);
    namespace::delete(&state.store, &key(&names), &parameters.text("operator")?, base).await?;
    state.published().await;
    Ok(())
}

async fn by_id(
    State(state): State<EnvironmentState>,
    Path(id): Path<i64>,
) -> Result<Json<wire::Namespace>> {
    Ok(Json(namespace::by_id(state.store.read(), id).await?.into()))
}

async fn find_by_item(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<wire::Page<wire::Namespace>>> {
    let (item_key, page) = (parameters.text("itemKey")?, parameters.page());
    let wanted = page.clone();
    let search = long_read::search(&state.store, |store| async move {
        namespace::find_by_item(&store, &item_key, &wanted).await
    });
    Ok(Json(page_body(&page, search.await?)))
}

async fn associated_public(
    State(state): State<EnvironmentState>,
    Path((_, cluster, name)): Path<NamespaceNames>,
) -> Result<Json<wire::Namespace>> {
    Ok(Json(namespace::associated_public(&state.store, &cluster, &name).await?.into()))
}

async fn find_lock(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
) -> Result<OrEmpty<wire::NamespaceLock>> {
    Ok(OrEmpty(lock::find(&state.store, &state.config, &key(&names)).await?.map(Into::into)))
}

async fn unpublished_clusters(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<IndexMap<String, bool>>> {
    let read =
        contents(&state.store, |store| async move { unpublished::clusters(&store, &app_id).await });
    Ok(Json(read.await?))
}
