//! Query: the rows of a publish of a main line. On SQLite they are sent as one statement, which
//! also returns what the next scan of release messages would read. The purpose of a publish is not
//! known here.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Func, JoinType, Query, SelectStatement};
use sea_orm::{
    ActiveValue, ConnectionTrait, DbBackend, DbErr, EntityTrait, NotSet, QueryResult, Set,
    Statement, TryIntoModel as _, Value,
};

use super::history::{ReleaseHistoryRow, insert_history};
use super::{ReleaseRow, insert};
use crate::audit::{self, Entry};
use crate::combined::combined;
use crate::entity::{audit as audits, release, release_history, release_message};
use crate::error::StoreError;
use crate::feed::{Appended, Message};
use crate::message;
use crate::row::{self, Authorship};
use crate::time::StoredTime;

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

/// A release that was stored with its message.
#[derive(Clone, Debug)]
pub struct PublishedRelease {
    pub release: release::Model,
    /// SQLite only, and only if the id of the message follows that of another one.
    pub appended: Option<Appended>,
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
) -> Result<PublishedRelease, StoreError> {
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
    Ok(PublishedRelease { release, appended: None })
}

async fn at_once(
    db: &impl ConnectionTrait,
    publish: Publish<'_>,
) -> Result<PublishedRelease, StoreError> {
    let mut rows = PublishedRows::of(publish);
    let insert = Statement::from_sql_and_values(DbBackend::Sqlite, rows.text()?, rows.parameters());
    // Ends with the first row, without a further message that the statement ended.
    let row = db.query_one_raw(insert).await?;
    let row = row.ok_or_else(|| StoreError::other("a publish returned no row"))?;
    rows.release.id = ActiveValue::Unchanged(row.try_get_by(0)?);
    // It is stored whatever precedes its message.
    let appended = appended(&row).ok();
    Ok(PublishedRelease { release: rows.release.try_into_model()?, appended })
}

fn appended(row: &QueryResult) -> Result<Appended, DbErr> {
    let message = |first: usize| -> Result<Message, DbErr> {
        let time: StoredTime<release_message::Entity> = row.try_get_by(first + 2)?;
        let time: DateTime<Utc> = *time;
        Ok(Message { id: row.try_get_by(first)?, text: row.try_get_by(first + 1)?, time })
    };
    Ok(Appended { message: message(1)?, before: message(4)? })
}

/// SQLite only: the rows of a publish, which are inserted as one message.
struct PublishedRows {
    release: release::ActiveModel,
    history: release_history::ActiveModel,
    audits: [audits::ActiveModel; 2],
    message: release_message::ActiveModel,
}

impl PublishedRows {
    fn of(publish: Publish<'_>) -> Self {
        let Publish { release, history, operator, message } = publish;
        let history = release_history::ActiveModel::of(history, Authorship::of(operator));
        let audited = |entity: &str| audits::ActiveModel {
            entity_name: Set(entity.to_owned()),
            op_name: Set(INSERTED.to_owned()),
            comment: Set(None),
            ..audits::ActiveModel::created_by(operator)
        };
        Self {
            release: release::ActiveModel::of(release, Authorship::of(operator)),
            history: release_history::ActiveModel { release_id: NotSet, ..history },
            audits: [RELEASE, HISTORY].map(audited),
            message: message::new(message),
        }
    }

    /// The text of the inserts, which is built once: the same columns of all rows are set.
    fn text(&self) -> Result<&'static str, StoreError> {
        static TEXT: OnceLock<String> = OnceLock::new();
        match TEXT.get() {
            Some(text) => Ok(text),
            None => {
                let text = self.built()?;
                Ok(TEXT.get_or_init(|| text))
            }
        }
    }

    /// No other transaction writes, so the newest id of a table is that of the row before. Only the
    /// last statement returns a row.
    fn built(&self) -> Result<String, StoreError> {
        let id_of_release = newest_id::<release::Entity>(release::Column::Id);
        let id_of_history = newest_id::<release_history::Entity>(release_history::Column::Id);
        let of_history = (release_history::Column::ReleaseId, id_of_release.clone());
        let [of_release, other] = &self.audits;
        let id = audits::Column::EntityId;
        let audited = [(of_release, id_of_release.clone()), (other, id_of_history)];
        let inserts = [
            row::insertion([(&self.release, None)])?,
            row::insertion([(&self.history, Some(of_history))])?,
            row::insertion(audited.map(|(row, expression)| (row, Some((id, expression)))))?,
            row::insertion([(&self.message, None)])?,
        ];
        let inserts = inserts.iter().map(|insert| DbBackend::Sqlite.build(insert));
        let returned = DbBackend::Sqlite.build(&newest_messages(id_of_release));
        Ok(combined(inserts.chain([returned])).sql)
    }

    /// In the order of the text.
    fn parameters(&self) -> impl Iterator<Item = Value> {
        row::parameters(&self.release)
            .chain(row::parameters(&self.history))
            .chain(self.audits.iter().flat_map(row::parameters))
            .chain(row::parameters(&self.message))
    }
}

fn newest_id<E: EntityTrait>(id: E::Column) -> Expr {
    let newest = Query::select().expr(Func::max(Expr::col(id))).from(E::default()).take();
    Expr::SubQuery(None, Box::new(newest.into()))
}

/// Selects an expression, the newest message, and the one with the id before it.
fn newest_messages(first: Expr) -> SelectStatement {
    use release_message::{Column, Entity};
    let (newest, before) = (Alias::new("newest"), Alias::new("before"));
    let columns = || [Column::Id, Column::Message, Column::DataChangeLastTime];
    let precedes =
        Expr::col((before.clone(), Column::Id))
            .eq(Expr::col((newest.clone(), Column::Id)).sub(Expr::cust("1")));
    Query::select()
        .expr(first)
        .columns(columns().map(|column| (newest.clone(), column)))
        .columns(columns().map(|column| (before.clone(), column)))
        .from_as(Entity, newest.clone())
        .join_as(JoinType::LeftJoin, Entity, before, precedes)
        .and_where(Expr::col((newest, Column::Id)).eq(newest_id::<Entity>(Column::Id)))
        .take()
}
