//! Queries: app namespaces, that is, definitions of namespaces. Both databases have the table.

use std::collections::HashSet;

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::audit::trail;
use crate::condition::{chunks, contains_exactly, is_as_long_as};
use crate::entity::app_namespace::{ActiveModel, Column, Entity, Model};
use crate::entity::namespace;
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::{is_set, is_unset};
use crate::number::Id;
use crate::page::{self, Page, Paged};
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, Standard};

pub use crate::entity::app_namespace::{Model as AppNamespace, Row as AppNamespaceRow};

pub async fn app_namespace(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live().filter(of_name(app_id, name))).await
}

/// The same, for a caller that removes it.
pub async fn app_namespace_to_remove(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    decode::repaired(db, Entity::live().filter(of_name(app_id, name))).await
}

/// The app's definitions by id, without rows that cannot be decoded.
pub async fn app_namespaces(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Vec<Model>, StoreError> {
    let definitions = Entity::live().filter(Column::AppId.eq(app_id)).order_by_asc(Column::Id);
    readable::models(db, definitions).await
}

/// The names of the app's definitions, by id. None may be omitted: a namespace of each is created.
pub async fn app_namespace_names(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Vec<String>, StoreError> {
    names(db, Entity::live().filter(Column::AppId.eq(app_id))).await
}

/// The same for the definitions without a namespace in this cluster. The database decides whether
/// two spellings are one name.
pub async fn app_namespace_names_without(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
) -> Result<Vec<String>, StoreError> {
    use namespace::Column as Own;
    let own = |column| Expr::col((namespace::Entity, column));
    let mut present = Query::select();
    present
        .expr(Expr::val(1))
        .from(namespace::Entity)
        .and_where(own(Own::AppId).eq(app_id))
        .and_where(own(Own::ClusterName).eq(cluster))
        .and_where(own(Own::NamespaceName).equals((Entity, Column::Name)))
        .and_where(is_unset(own(Own::IsDeleted)));
    let definitions = Entity::live().filter(Column::AppId.eq(app_id));
    names(db, definitions.filter(Expr::exists(present).not())).await
}

async fn names(
    db: &impl ConnectionTrait,
    definitions: Select<Entity>,
) -> Result<Vec<String>, StoreError> {
    let columns = [Column::Id, Column::Name, Column::IsDeleted];
    let definitions = definitions.order_by_asc(Column::Id).select_only().columns(columns);
    let rows: Vec<(Id, String, bool)> = decode::tuples(db, definitions, columns).await?;
    Ok(rows.into_iter().map(|(_, name, _)| name).collect())
}

/// The definitions with these names in all apps, public or not. The case of ASCII letters is
/// ignored on every engine, because clients request namespaces in any case. The database does not
/// compare: in some locales, it does not find `REDIS` for `redis`.
pub async fn app_namespaces_named(
    db: &impl ConnectionTrait,
    names: &[&str],
) -> Result<Vec<Model>, StoreError> {
    let as_long = Entity::live().filter(is_as_long_as(Column::Name, names.iter().copied()));
    let as_long = as_long.select_only().columns([Column::Id, Column::Name]);
    let mut rows: Vec<(Id, String)> = readable::read(db, as_long).await?.readable;
    let wanted: HashSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    rows.retain(|(_, name)| wanted.contains(&name.to_ascii_lowercase()));
    let ids: Vec<Id> = rows.into_iter().map(|(id, _)| id).collect();
    let mut found = Vec::new();
    for chunk in chunks(&ids) {
        found.extend(decode::all(db, Entity::live().filter(Column::Id.is_in(chunk))).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

/// The public definition with this name; the oldest if there are several.
pub async fn public_app_namespace(
    db: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    let public = Entity::live()
        .filter(Column::Name.eq(name))
        .filter(is_set(Column::IsPublic.into_expr()))
        .order_by_asc(Column::Id);
    decode::one(db, public).await
}

/// The public definitions with these names; of several with one name, the one with the lowest id is
/// the first.
pub async fn public_app_namespaces_named(
    db: &impl ConnectionTrait,
    names: &[&str],
) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(names) {
        let public = Entity::live()
            .filter(Column::Name.is_in(chunk))
            .filter(is_set(Column::IsPublic.into_expr()))
            .order_by_asc(Column::Id);
        found.extend(readable::models(db, public).await?);
    }
    Ok(found)
}

/// All public definitions, by id.
pub async fn public_app_namespaces(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    let public =
        Entity::live().filter(is_set(Column::IsPublic.into_expr())).order_by_asc(Column::Id);
    readable::models(db, public).await
}

/// The definitions of all apps by id, without rows that cannot be decoded.
pub async fn all_app_namespaces(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    readable::models(db, Entity::live().order_by_asc(Column::Id)).await
}

/// Definitions of all apps whose name contains the text.
pub async fn search_app_namespaces(
    db: &impl ConnectionTrait,
    text: &str,
    page: &Page,
) -> Result<Paged<Model>, StoreError> {
    page::paged(db, Entity::live().filter(contains_exactly(db, Column::Name, text)), page).await
}

pub async fn insert_app_namespace(
    db: &impl ConnectionTrait,
    row: AppNamespaceRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    let created = row::insert(db, ActiveModel::of(row, author)).await?;
    let is_public = created.is_public.to_string();
    let fields = [
        ("Name", Some(created.name.as_str())),
        ("AppId", Some(&created.app_id)),
        ("Format", Some(&created.format)),
        ("IsPublic", Some(&is_public)),
    ];
    trail::wrote("AppNamespace", created.id, &fields);
    Ok(created)
}

/// Hides one definition; returns whether it existed.
pub async fn delete_app_namespace(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: &str,
    by: &Deletion,
) -> Result<bool, StoreError> {
    trail::deleted("AppNamespace", "Name", name);
    Ok(by.hide::<Entity>(db, of_name(app_id, name)).await? > 0)
}

/// Hides all definitions of the app.
pub async fn delete_app_namespaces(
    db: &impl ConnectionTrait,
    app_id: &str,
    by: &Deletion,
) -> Result<u64, StoreError> {
    trail::deleted("AppNamespace", "AppId", app_id);
    let condition = Condition::all().add(Column::AppId.eq(app_id));
    by.hide::<Entity>(db, condition).await
}

fn of_name(app_id: &str, name: &str) -> Condition {
    Condition::all().add(Column::AppId.eq(app_id)).add(Column::Name.eq(name))
}
