//! Queries for what is restored in another order than the reverse of its deletion: hidden
//! namespaces are assigned to the later deletion of their cluster.

use std::collections::HashMap;

use sea_orm::sea_query::{CaseStatement, Condition, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::condition::chunks;
use crate::entity::{cluster, commit, item, namespace, release, release_history};
use crate::error::StoreError;
use crate::flag::is_set;
use crate::number::Id;
use crate::row::{InNamespace, Standard};

/// A hidden namespace, and the time of the later deletion of its cluster.
#[derive(Clone, Debug)]
pub struct Reassigned {
    pub id: Id,
    pub cluster: String,
    pub to: i64,
}

/// Those of the namespaces, which were hidden at one time, whose cluster was hidden later, with the
/// time of that. One whose cluster had another namespace of its name then is not among them.
pub async fn with_clusters_hidden_later(
    db: &impl ConnectionTrait,
    hidden: &[&namespace::Model],
) -> Result<Vec<Reassigned>, StoreError> {
    use cluster::{Column, Entity};
    let Some(first) = hidden.first() else { return Ok(Vec::new()) };
    let names: Vec<&str> = hidden.iter().map(|row| row.cluster_name.as_str()).collect();
    let (mut times, mut taken) = (HashMap::<String, i64>::new(), Vec::new());
    for chunk in chunks(&names) {
        let later = Entity::find()
            .filter(is_set(Column::IsDeleted.into_expr()))
            .filter(Column::AppId.eq(&first.app_id))
            .filter(Column::DeletedAt.gt(first.deleted_at))
            .filter(Column::Name.is_in(chunk.iter().copied()))
            .order_by_asc(Column::DeletedAt)
            .select_only()
            .columns([Column::Name, Column::DeletedAt]);
        for (name, at) in later.into_tuple::<(String, i64)>().all(db).await? {
            // The first deletion is that of the cluster that existed.
            times.entry(name).or_insert(at);
        }
        use namespace::Column as Own;
        let others = namespace::Entity::find()
            .filter(is_set(Own::IsDeleted.into_expr()))
            .filter(Own::AppId.eq(&first.app_id))
            .filter(Own::NamespaceName.eq(&first.namespace_name))
            .filter(Own::DeletedAt.gt(first.deleted_at))
            .filter(Own::ClusterName.is_in(chunk))
            .select_only()
            .columns([Own::ClusterName, Own::DeletedAt]);
        taken.extend(others.into_tuple::<(String, i64)>().all(db).await?);
    }
    let assigned = hidden.iter().filter_map(|row| {
        let cluster = row.cluster_name.clone();
        let to = *times.get(&cluster)?;
        let is_taken = taken.iter().any(|(name, at)| *name == cluster && *at == to);
        (!is_taken).then_some(Reassigned { id: row.id, cluster, to })
    });
    Ok(assigned.collect())
}

/// Changes the time at which namespaces with this name were hidden, and everything in them.
pub async fn reassign(
    db: &impl ConnectionTrait,
    (app_id, name): (&str, &str),
    at: i64,
    namespaces: &[Reassigned],
) -> Result<(), StoreError> {
    // Whoever hides their items waits for the namespaces, and finds the new time.
    for chunk in chunks(namespaces) {
        let ids: Vec<_> = chunk.iter().map(|one| (one.id, one.to)).collect();
        set_time::<namespace::Entity, _>(db, Condition::all(), namespace::Column::Id, at, &ids)
            .await?;
        set_time::<item::Entity, _>(db, Condition::all(), item::Column::NamespaceId, at, &ids)
            .await?;
        let named: Vec<_> = chunk.iter().map(|one| (one.cluster.as_str(), one.to)).collect();
        set_time_named::<commit::Entity>(db, (app_id, name), at, &named).await?;
        set_time_named::<release::Entity>(db, (app_id, name), at, &named).await?;
        set_time_named::<release_history::Entity>(db, (app_id, name), at, &named).await?;
    }
    Ok(())
}

async fn set_time_named<E: InNamespace>(
    db: &impl ConnectionTrait,
    (app_id, name): (&str, &str),
    at: i64,
    clusters: &[(&str, i64)],
) -> Result<(), StoreError> {
    let [app, cluster, namespace] = E::PLACE;
    let named = Condition::all().add(app.eq(app_id)).add(namespace.eq(name));
    set_time::<E, _>(db, named, cluster, at, clusters).await
}

/// Sets the time of the rows that match the condition and were hidden at this time, according to a
/// column.
async fn set_time<E: Standard, V: Into<sea_orm::Value> + Copy>(
    db: &impl ConnectionTrait,
    condition: Condition,
    column: E::Column,
    at: i64,
    times: &[(V, i64)],
) -> Result<(), StoreError> {
    let mut case = CaseStatement::new();
    for (value, to) in times {
        case = case.case(column.eq(*value), Expr::value(*to));
    }
    E::update_many()
        .col_expr(E::DELETED_AT, case.finally(Expr::value(at)).into())
        .filter(is_set(E::IS_DELETED.into_expr()))
        .filter(E::DELETED_AT.eq(at))
        .filter(column.is_in(times.iter().map(|(value, _)| *value)))
        .filter(condition)
        .exec(db)
        .await?;
    Ok(())
}
