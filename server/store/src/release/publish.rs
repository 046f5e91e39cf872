//! Query: the rows of a publish of a main line. On SQLite they are sent as one message. The
//! purpose of a publish is not known here.

use sea_orm::sea_query::{Expr, Func, Query};
use sea_orm::{
    ActiveValue, ConnectionTrait, DbBackend, EntityTrait, NotSet, Set, TryIntoModel as _,
};

use super::history::{ReleaseHistoryRow, insert_history};
use super::{ReleaseRow, insert};
use crate::audit::{self, Entry};
use crate::combined::combined;
use crate::entity::{audit as audits, release, release_history};
use crate::error::StoreError;
use crate::message;
use crate::number::Id;
use crate::row::{self, Authorship};

/// A release with its records. The database generates the ids.
#[derive(Clone, Debug)]
pub struct Publish<'a> {
    pub release: ReleaseRow,
    /// The id of the release is replaced by that of the new one.
    pub history: ReleaseHistoryRow,
    /// The author of all rows.
    pub operator: &'a str,
    /// Watch key that changes.
    pub message: &'a str,
}

/// Names of the two tables in the audit.
const RELEASE: &str = "Release";
const HISTORY: &str = "ReleaseHistory";
/// Name of an insert in the audit.
const INSERTED: &str = "INSERT";

/// Writes release, history, audit and message, in this order.
pub async fn publish(
    db: &impl ConnectionTrait,
    publish: Publish<'_>,
) -> Result<release::Model, StoreError> {
    if db.get_database_backend() == DbBackend::Sqlite {
        return at_once(db, publish).await;
    }
    let Publish { release, history, operator, message } = publish;
    let release = insert(db, release, Authorship::of(operator)).await?;
    let history = ReleaseHistoryRow { release_id: release.id, ..history };
    let history = insert_history(db, history, Authorship::of(operator)).await?;
    let entry = |entity, id| Entry { entity, id: Some(id), operation: INSERTED };
    let entries = [entry(RELEASE, release.id), entry(HISTORY, history.id)];
    audit::record_all(db, operator, &entries).await?;
    message::insert(db, message).await?;
    Ok(release)
}

/// SQLite only: no other transaction writes, so the newest id of a table is that of the row before.
async fn at_once(
    db: &impl ConnectionTrait,
    publish: Publish<'_>,
) -> Result<release::Model, StoreError> {
    let Publish { release, history, operator, message } = publish;
    let mut release = release::ActiveModel::of(release, Authorship::of(operator));
    let history = release_history::ActiveModel::of(history, Authorship::of(operator));
    let history = release_history::ActiveModel { release_id: NotSet, ..history };
    let audited = |entity: &str| audits::ActiveModel {
        entity_name: Set(entity.to_owned()),
        op_name: Set(INSERTED.to_owned()),
        comment: Set(None),
        ..audits::ActiveModel::created_by(operator)
    };
    let id_of_release = || newest_id::<release::Entity>(release::Column::Id);
    let id_of_history = newest_id::<release_history::Entity>(release_history::Column::Id);
    let id = audits::Column::EntityId;
    let inserts = [
        row::insertion(release.clone(), [])?.returning_col(release::Column::Id).take(),
        row::insertion(history, [(release_history::Column::ReleaseId, id_of_release())])?,
        row::insertion(audited(RELEASE), [(id, id_of_release())])?,
        row::insertion(audited(HISTORY), [(id, id_of_history)])?,
        row::insertion(message::new(message), [])?,
    ];
    let inserts = inserts.iter().map(|insert| DbBackend::Sqlite.build(insert));
    let returned = db.query_all_raw(combined(inserts)).await?;
    let returned = returned.first().map(|row| row.try_get_by::<Id, _>(0)).transpose()?;
    let id = returned.ok_or_else(|| StoreError::other("an insert returned no id"))?;
    release.id = ActiveValue::Unchanged(id);
    Ok(release.try_into_model()?)
}

fn newest_id<E: EntityTrait>(id: E::Column) -> Expr {
    let newest = Query::select().expr(Func::max(Expr::col(id))).from(E::default()).take();
    Expr::SubQuery(None, Box::new(newest.into()))
}
