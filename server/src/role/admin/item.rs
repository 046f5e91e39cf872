//! Items, change sets and commits of a namespace, and the search over all of them.

use axum::extract::State;
use castalia_store::Store;

use super::body::{bodies, page_body};
use super::long_read::{self, contents};
use super::request::{FormParameters, QueryParameters};
use super::{AdminAccess, AdminRoutes, NamespaceNames, key};
use crate::domain::item_rules::{ItemRules, Leniency};
use crate::domain::namespace::NamespaceKey;
use crate::domain::{commit, item, item_set};
use crate::error::Result;
use crate::http::request::{Body, LARGE_BODY, Path};
use crate::http::revision::{After, At, On};
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .post(in_namespace!("/items"), AdminAccess::Token, create)
        .get(in_namespace!("/items"), AdminAccess::Token, list)
        .post(in_namespace!("/comment_items"), AdminAccess::Token, create_comment)
        .get(in_namespace!("/items/deleted"), AdminAccess::Token, deleted)
        .get(in_namespace!("/items/{item}"), AdminAccess::Token, by_key)
        .put(in_namespace!("/items/{item}"), AdminAccess::Token, update)
        .get(in_namespace!("/encodedItems/{key}"), AdminAccess::Token, by_encoded_key)
        .get(in_namespace!("/items-with-page"), AdminAccess::Token, page)
        .post(in_namespace!("/itemset"), AdminAccess::Token, apply)
        .get(in_namespace!("/commit"), AdminAccess::Token, commits)
        .get("/items/{id}", AdminAccess::Token, by_id)
        .delete("/items/{id}", AdminAccess::Token, delete)
        .get("/items-search/key-and-value", AdminAccess::Token, search)
}

/// The present rules for items of this installation.
pub(super) fn rules(state: &EnvironmentState) -> ItemRules {
    let leniency = Leniency {
        duplicate_members: state.compat.json_duplicate_members,
        broken_documents: state.compat.accept_broken_documents,
    };
    ItemRules::of(&state.config, leniency)
}

async fn create(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    On(base): On,
    Body(body): Body<wire::Item, LARGE_BODY>,
) -> Result<After<Json<wire::Item>>> {
    let (revisions, created) =
        item::create(&state.store, &state.config, &rules(&state), &key(&names), body.into(), base)
            .await?;
    Ok(After(revisions, Json(created.into())))
}

async fn create_comment(
    State(state): State<EnvironmentState>,
    On(base): On,
    Body(body): Body<wire::Item>,
) -> Result<After<Json<wire::Item>>> {
    let (revisions, created) = item::create_comment(&state.store, body.into(), base).await?;
    Ok(After(revisions, Json(created.into())))
}

async fn update(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster, namespace, id)): Path<(String, String, String, i64)>,
    On(base): On,
    Body(body): Body<wire::Item, LARGE_BODY>,
) -> Result<After<Json<wire::Item>>> {
    let key = key(&(app_id, cluster, namespace));
    let draft = item::ItemDraft { id, ..body.into() };
    let rules = rules(&state);
    let (revisions, changed) =
        item::update(&state.store, &state.config, &rules, &key, draft, base).await?;
    Ok(After(revisions, Json(changed.into())))
}

async fn delete(
    State(state): State<EnvironmentState>,
    Path(id): Path<i64>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<After<()>> {
    let operator = parameters.text("operator")?;
    let revisions = item::delete(&state.store, &state.config, id, &operator, base).await?;
    Ok(After(revisions, ()))
}

async fn apply(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    On(base): On,
    QueryParameters(parameters): QueryParameters,
    Body(body): Body<wire::ItemChangeSets, LARGE_BODY>,
) -> Result<After<()>> {
    let rules = rules(&state);
    let base = base.on_release(parameters.release("releaseId")?);
    let revisions =
        item_set::apply(&state.store, &state.config, rules, &key(&names), body.into(), base)
            .await?;
    Ok(After(revisions, ()))
}

async fn list(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
) -> Result<At<Json<Vec<wire::Item>>>> {
    let key = key(&names);
    let read = contents(&state.store, |store| async move { item::list(&store, &key).await });
    let (revision, items) = read.await?;
    Ok(At(revision, Json(bodies(items))))
}

async fn page(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    QueryParameters(parameters): QueryParameters,
) -> Result<At<Json<wire::Page<wire::Item>>>> {
    let (key, page) = (key(&names), parameters.page());
    let wanted = page.clone();
    let read =
        contents(&state.store, |store| async move { item::page(&store, &key, &wanted).await });
    let (revision, found) = read.await?;
    Ok(At(revision, Json(page_body(&page, found))))
}

async fn deleted(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
) -> Result<Json<Vec<wire::Item>>> {
    let key = key(&names);
    let read =
        contents(&state.store, |store| async move { commit::deleted_items(&store, &key).await });
    Ok(Json(bodies(read.await?)))
}

async fn by_key(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster, namespace, item_key)): Path<(String, String, String, String)>,
) -> Result<At<Json<wire::Item>>> {
    find(&state.store, key(&(app_id, cluster, namespace)), item_key).await
}

async fn by_encoded_key(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster, namespace, encoded)): Path<(String, String, String, String)>,
) -> Result<At<Json<wire::Item>>> {
    let item_key = item::decode_key(&encoded)?;
    find(&state.store, key(&(app_id, cluster, namespace)), item_key).await
}

/// For the revision, all items of the namespace are read.
async fn find(store: &Store, key: NamespaceKey, item_key: String) -> Result<At<Json<wire::Item>>> {
    let read = contents(store, |store| async move { item::by_key(&store, &key, &item_key).await });
    let (revision, found) = read.await?;
    Ok(At(revision, Json(found.into())))
}

/// No long read: it is one row, without a revision.
async fn by_id(
    State(state): State<EnvironmentState>,
    Path(id): Path<i64>,
) -> Result<Json<wire::Item>> {
    Ok(Json(item::by_id(&state.store, id).await?.into()))
}

async fn search(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<wire::Page<wire::ItemInfo>>> {
    let (item_key, value, page) =
        (parameters.text("key")?, parameters.text("value")?, parameters.page());
    let wanted = page.clone();
    let search = long_read::search(&state.store, |store| async move {
        item::search(&store, &item_key, &value, &wanted).await
    });
    Ok(Json(page_body(&page, search.await?)))
}

async fn commits(
    State(state): State<EnvironmentState>,
    Path(names): Path<NamespaceNames>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::Commit>>> {
    let (names, page) = (key(&names), parameters.page());
    let item_key = parameters.get("key").unwrap_or_default().to_owned();
    let is_search = !item_key.is_empty();
    let list = |store: Store| async move { commit::list(&store, &names, &item_key, &page).await };
    // A key is searched for in the texts of all commits of the namespace.
    let found = match is_search {
        true => long_read::search(&state.store, list).await?,
        false => contents(&state.store, list).await?,
    };
    Ok(Json(bodies(found)))
}
