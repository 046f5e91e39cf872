//! Rehearsals: jobs whose transactions are rolled back in any case. Those of a node insert rows as
//! large as those of a publish and of an operation of the portal. A table that cannot grow rejects
//! them, while smaller rows still fit into it or into other tables. They have an id of their own,
//! so that they use up none. SQLite, whose tables share one file, writes as much as was refused.

use futures_util::future::BoxFuture;
use sea_orm::{ActiveModelTrait, ConnectionTrait as _, EntityTrait, Set};

use crate::entity::{audit_log, item, release};
use crate::error::{JobError, StoreError};
use crate::number::{Id, Small};
use crate::row::now;
use crate::{Store, Transaction};

/// No row has it: the numbers of all tables begin with 1.
const UNUSED: Id = Id(0);
const NAME: &str = "castalia.write.check";
const OPERATOR: &str = "castalia";
/// More characters than a page of a table has room for.
const VALUE: usize = 9 * 1024;
const DESCRIPTION: usize = 200;
/// Maximum number of bytes that are written to a SQLite file; larger writes are rare, and these are
/// repeated each second.
const MOST: u64 = 64 * 1024 * 1024;

/// The end of a rehearsal, an error in any case, so that it is rolled back.
enum RehearsalEnd<E> {
    Accepted,
    Rejected(E),
}

impl<E: From<StoreError>> From<StoreError> for RehearsalEnd<E> {
    fn from(error: StoreError) -> Self {
        Self::Rejected(error.into())
    }
}

impl<E: JobError> JobError for RehearsalEnd<E> {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Accepted => None,
            Self::Rejected(error) => error.store_error(),
        }
    }
}

impl Store {
    /// Runs a job like [`Store::write`], and rolls its transaction back in any case. Numbers that
    /// the database generated for its rows are not used again.
    pub async fn rehearse<I, T, E, F>(&self, input: I, job: F) -> Result<(), E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: JobError,
        F: for<'c> Fn(&'c Transaction, &'c I) -> BoxFuture<'c, Result<T, E>>
            + Send
            + Sync
            + 'static,
    {
        let rehearsed = self.write((input, job), |tx, (input, job)| {
            Box::pin(async move {
                job(tx, input).await.map_err(RehearsalEnd::Rejected)?;
                Err::<(), _>(RehearsalEnd::Accepted)
            })
        });
        match rehearsed.await {
            Ok(()) | Err(RehearsalEnd::Accepted) => Ok(()),
            Err(RehearsalEnd::Rejected(error)) => Err(error),
        }
    }
}

/// Inserts a release and an item.
pub(super) async fn publish(store: &Store) -> Result<(), StoreError> {
    store
        .rehearse((), |tx, ()| {
            Box::pin(async move {
                let release = release::ActiveModel {
                    id: Set(UNUSED),
                    release_key: Set(NAME.to_owned()),
                    name: Set(NAME.to_owned()),
                    comment: Set(None),
                    app_id: Set(NAME.to_owned()),
                    cluster_name: Set(NAME.to_owned()),
                    namespace_name: Set(NAME.to_owned()),
                    configurations: Set(incompressible()),
                    is_abandoned: Set(false),
                    ..release::ActiveModel::created_by(OPERATOR)
                };
                insert(tx, release).await?;
                let item = item::ActiveModel {
                    id: Set(UNUSED),
                    namespace_id: Set(UNUSED),
                    key: Set(NAME.to_owned()),
                    r#type: Set(Small(0)),
                    value: Set(incompressible()),
                    comment: Set(None),
                    line_num: Set(None),
                    ..item::ActiveModel::created_by(OPERATOR)
                };
                insert(tx, item).await
            })
        })
        .await
}

/// Inserts the record of an operation.
pub(super) async fn operation(store: &Store) -> Result<(), StoreError> {
    store
        .rehearse((), |tx, ()| {
            Box::pin(async move {
                let operation = audit_log::ActiveModel {
                    id: Set(UNUSED),
                    trace_id: Set(NAME.to_owned()),
                    span_id: Set(NAME.to_owned()),
                    parent_span_id: Set(None),
                    follows_from_span_id: Set(None),
                    operator: Set(OPERATOR.to_owned()),
                    op_type: Set("CREATE".to_owned()),
                    op_name: Set(NAME.to_owned()),
                    description: Set(Some("-".repeat(DESCRIPTION))),
                    is_deleted: Set(false),
                    deleted_at: Set(0),
                    data_change_created_by: Set(None),
                    data_change_created_time: Set(now().into()),
                    data_change_last_modified_by: Set(None),
                    data_change_last_time: Set(Some(now().into())),
                };
                insert(tx, operation).await
            })
        })
        .await
}

/// Writes this many bytes to the log of a SQLite file. The log keeps its length when they are
/// rolled back, so the space that they needed is there for the next transaction.
pub(super) async fn space(store: &Store, bytes: u64) -> Result<(), StoreError> {
    let fill = format!("CREATE TABLE castalia_write_check AS SELECT zeroblob({})", bytes.min(MOST));
    store
        .rehearse(fill, |tx, fill| {
            Box::pin(async move {
                // With room for a few pages in memory, the others are written before the commit.
                tx.execute_unprepared("PRAGMA cache_size = 10").await?;
                let filled = tx.execute_unprepared(fill).await;
                tx.execute_unprepared("PRAGMA cache_size = -2000").await?;
                Ok::<_, StoreError>(filled.map(drop)?)
            })
        })
        .await
}

/// `ActiveModelTrait::insert` would read the row again.
async fn insert<A: ActiveModelTrait>(tx: &Transaction, row: A) -> Result<(), StoreError> {
    A::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// PostgreSQL compresses long values, which would then fit into a page.
fn incompressible() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(VALUE).collect()
}
