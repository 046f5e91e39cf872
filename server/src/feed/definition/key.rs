//! Reads access keys: changed ones before a release message is delivered and at short intervals, all
//! of them each minute. When they are due is not known here.

use std::sync::atomic::Ordering;

use castalia_store::Id;
use castalia_store::access_key as stored_key;
use castalia_store::feed as stored;
use chrono::{DateTime, Utc};

use super::OVERLAP;
use crate::error::Result;
use crate::feed::ReleaseFeed;
use crate::feed::access_key::AccessKey;

/// What was known of the table of access keys when they were last read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::feed) struct KeysRead {
    newest: Vec<Id>,
    /// Number of changes by this process.
    changes_here: u64,
}

impl ReleaseFeed {
    /// Reads changed access keys before clients are served what these may protect. If they cannot be
    /// read soon, also because another read of them takes long, those last read remain in effect, as
    /// for all requests.
    pub(in crate::feed) async fn read_keys(&self) -> Result<()> {
        let (feed, since) = (self.clone(), self.0.keys_scan.last_read());
        let read = async move { feed.read_changed_keys(since).await };
        if let Err(error) = self.0.keys_scan.soon(read).await {
            self.check_database().await?;
            tracing::warn!(%error, "cannot look for changed access keys; clients are served with the keys that were last read");
        }
        Ok(())
    }

    /// The caller has the turn of the scan.
    pub(super) async fn read_changed_keys(&self, since: DateTime<Utc>) -> Result<()> {
        // Before the keys: what changes while they are read is noticed by the next read.
        let changes_here = self.0.changes_here.load(Ordering::Acquire);
        // A key that is dated further ahead would be a recent one until then.
        let times = since - OVERLAP..=castalia_store::now() + OVERLAP;
        let changes = stored_key::changes_within(self.0.store.read(), &times).await?;
        let present = KeysRead { newest: changes.newest, changes_here };
        let are_changed = changes.is_any_recent || *self.0.keys_read.lock() != present;
        if are_changed || self.keys().is_missing_any() || self.keys().is_ending_any() {
            self.rebuild_keys().await?;
            *self.0.keys_read.lock() = present;
        } else {
            self.keys().confirm();
        }
        Ok(())
    }

    /// Reads all access keys. The caller has the turn of the scan.
    pub(super) async fn rebuild_keys(&self) -> Result<()> {
        let stored::Keys { live: rows, deleted } = stored::access_keys(self.0.store.read()).await?;
        let ids = rows.iter().map(|row| row.id).chain(deleted).map(|id| id.0).collect();
        if self.keys().went_back(&ids) {
            self.request_reload(Vec::new());
        }
        let (mut keys, mut unreadable) = (self.keys().missing(&ids), 0);
        self.0.condition.keys_missing(keys.len());
        let nameless = rows.iter().filter(|row| row.app_id.is_none()).map(|row| row.id.0);
        let known = self.keys().apps_of(&nameless.collect());
        for mut row in rows {
            let is_known = row.app_id.is_some();
            let app_id = row.app_id.take();
            let app_id = app_id.or_else(|| Some(known.get(&row.id.0)?.to_string()));
            unreadable += usize::from(!is_known && row.content.as_ref().is_none_or(|key| key.2));
            if let Some(app_id) = app_id {
                keys.push(AccessKey::of_row(row, app_id)?);
            }
        }
        self.0.condition.keys_read(unreadable);
        let ending = self.keys().ending(&keys, &self.0.names_scan);
        keys.extend(ending);
        for app_id in self.keys().replace(keys) {
            let app_id = self.names().app(&app_id).unwrap_or(app_id);
            let ended = self.hub().rekey(&app_id);
            tracing::info!(app_id = &*app_id, polls = ended, "the access keys of an app changed");
        }
        Ok(())
    }
}
