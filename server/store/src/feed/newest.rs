//! Query: the newest row of a table that the feed reads. What an empty table means is not known
//! here.

use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect};

use crate::entity::{app_namespace, cluster, gray_release_rule, release};
use crate::error::StoreError;
use crate::number::Id;
use crate::row::{Standard, primary_key};

/// A table of rows that the feed keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedTable {
    Release,
    GrayReleaseRule,
    Cluster,
    AppNamespace,
}

impl FeedTable {
    pub const ALL: [Self; 4] =
        [Self::Release, Self::GrayReleaseRule, Self::Cluster, Self::AppNamespace];
}

/// The greatest id in the table, also of a row that is marked as deleted; 0 if there is no row.
pub async fn newest_id(db: &impl ConnectionTrait, table: FeedTable) -> Result<Id, StoreError> {
    match table {
        FeedTable::Release => newest_of::<release::Entity>(db).await,
        FeedTable::GrayReleaseRule => newest_of::<gray_release_rule::Entity>(db).await,
        FeedTable::Cluster => newest_of::<cluster::Entity>(db).await,
        FeedTable::AppNamespace => newest_of::<app_namespace::Entity>(db).await,
    }
}

async fn newest_of<E: Standard>(db: &impl ConnectionTrait) -> Result<Id, StoreError> {
    let id = primary_key::<E>();
    let newest = E::find().select_only().column(id).order_by_desc(id).limit(1);
    Ok(newest.into_tuple().one(db).await?.unwrap_or(Id(0)))
}
