//! Tables that have lost all their rows, as while a backup is restored under a running node: they are
//! created again without rows, and filled one after the other. Services only mark rows as deleted,
//! so that what is missing from such a table is still in effect: it remains in memory as long as the
//! table is empty, and for a while after rows were added to it. What the rows mean is not known
//! here.

use castalia_store::Reader;
use castalia_store::feed::{FeedTable, Fingerprint, newest_id};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::ReleaseFeed;
use super::scan::in_time;
use crate::error::{Error, Result};
use crate::missing_row::REMOVED;

/// The tables of the feed.
#[derive(Debug, Default)]
pub(super) struct EmptiedTables(Mutex<[Rows; FeedTable::ALL.len()]>);

/// The rows of a table, as of the last look after some that are missing.
#[derive(Debug, Default)]
struct Rows {
    newest: i64,
    /// When the table was last empty, or received a row soon after it was.
    emptied: Option<Instant>,
}

impl Rows {
    /// Records the newest id; returns whether those that are missing may return.
    fn look(&mut self, newest: i64) -> bool {
        if newest == 0 || (self.may_return() && newest > self.newest) {
            self.emptied = Some(Instant::now());
        }
        self.newest = newest;
        self.may_return()
    }

    fn may_return(&self) -> bool {
        self.emptied.is_some_and(|at| at.elapsed() < REMOVED)
    }
}

impl EmptiedTables {
    /// Called when rows of these tables are missing that were read before.
    ///
    /// # Errors
    /// Fails if they may return.
    pub(super) async fn check(&self, db: &Reader, tables: &[FeedTable]) -> Result<()> {
        for &table in tables {
            let newest = newest_id(db, table).await?;
            if self.0.lock()[table as usize].look(newest.0) {
                return Err(returning(table));
            }
        }
        Ok(())
    }

    /// Compares two reads of a namespace; `before` is `None` for the first one.
    ///
    /// # Errors
    /// Fails if something is missing in the later one that may return.
    pub(super) async fn check_published(
        &self,
        db: &Reader,
        now: Fingerprint,
        before: Option<Fingerprint>,
    ) -> Result<()> {
        let Some(before) = before else {
            // It may have been published.
            let may_return = now.main.is_none() && self.may_return(FeedTable::Release);
            return if may_return { Err(returning(FeedTable::Release)) } else { Ok(()) };
        };
        if now.main < before.main || now.gray < before.gray {
            self.check(db, &[FeedTable::Release]).await?;
        }
        if now.rule < before.rule {
            self.check(db, &[FeedTable::GrayReleaseRule, FeedTable::Cluster]).await?;
        }
        Ok(())
    }

    fn may_return(&self, table: FeedTable) -> bool {
        self.0.lock()[table as usize].may_return()
    }

    /// Describes the tables for operators.
    pub(super) fn fault(&self) -> Option<String> {
        let tables = FeedTable::ALL.into_iter().filter(|table| self.may_return(*table));
        let names: Vec<_> = tables.map(|table| format!("{table:?}")).collect();
        (!names.is_empty()).then(|| {
            format!(
                "rows that this node has read are missing from {}, without being marked as deleted: clients receive what \
                 was read before as long as the table is empty, and for half a minute after rows were added; complete \
                 the restore, or restart the node if the table is to remain empty",
                names.join(", ")
            )
        })
    }
}

fn returning(table: FeedTable) -> Error {
    Error::unavailable(format!(
        "The table {table:?} has lost its rows, as while a backup is restored; what was read before remains in effect."
    ))
}

impl ReleaseFeed {
    /// # Errors
    /// Fails while rows of releases and branches in memory are missing that may return.
    pub(super) async fn check_tables(&self) -> Result<()> {
        let mut tables = Vec::new();
        if self.cache().has_any_with(|ids| ids.main.is_some() || ids.gray.is_some()) {
            tables.push(FeedTable::Release);
        }
        if self.cache().has_any_with(|ids| ids.rule.is_some()) {
            tables.extend([FeedTable::GrayReleaseRule, FeedTable::Cluster]);
        }
        in_time(self.0.emptied.check(self.0.store.read(), &tables)).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    /// S110
    #[tokio::test(start_paused = true)]
    async fn rows_of_a_table_that_was_empty_return_until_no_more_are_added() {
        let mut rows = Rows::default();
        assert!(!rows.look(7), "one was removed from a table with others");
        for newest in [0, 0, 3, 5] {
            assert!(rows.look(newest), "{newest}");
            advance(REMOVED - Duration::from_secs(1)).await;
        }
        assert!(rows.look(5));
        advance(Duration::from_secs(1)).await;
        // Later ones are those of publishes.
        for newest in [5, 6, 9] {
            assert!(!rows.look(newest), "{newest}");
        }
        assert!(rows.look(0));
        advance(REMOVED * 2).await;
        assert!(rows.look(0), "as long as it is empty");
    }
}
