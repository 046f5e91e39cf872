//! Access keys in memory, by app. They decide which clients may read the configuration of an app.

mod table;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use castalia_core::protocol::signature::Signer;
use castalia_store::feed as stored;
use castalia_store::{Secret, Small};
use parking_lot::Mutex;

use self::table::KeyTable;
use super::definition::DefinitionScan;
use super::folded::{Folded, FoldedMap};
use crate::error::{Error, Result};

/// How a key treats a request that it does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Rejects it.
    Filter,
    /// Only logs it.
    Observe,
}

/// One row of the database.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Id of the row.
    pub id: i64,
    /// App that the key is for.
    pub app_id: String,
    /// Secret, prepared for verification.
    pub signer: Signer,
    /// How the key treats requests that do not match.
    pub mode: Mode,
    /// Disabled keys have no effect.
    pub is_enabled: bool,
}

impl AccessKey {
    /// Converts a row. A row whose content cannot be read becomes a key that rejects every request:
    /// leaving it out would open its app.
    ///
    /// # Errors
    /// Fails if the operating system provides no random bytes.
    pub(super) fn of_row(row: stored::Key, app_id: String) -> Result<Self> {
        let (secret, mode, is_enabled) = match row.content {
            Some((secret, Small(0), is_enabled)) => (secret, Mode::Filter, is_enabled),
            Some((secret, _, is_enabled)) => (secret, Mode::Observe, is_enabled),
            None => (nobodys_secret()?, Mode::Filter, true),
        };
        let signer = Signer::new(secret.expose());
        Ok(Self { id: row.id.0, app_id, signer, mode, is_enabled })
    }
}

fn nobodys_secret() -> Result<Secret> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal("cannot generate random bytes", error))?;
    Ok(Secret::new(hex::encode(bytes)))
}

/// The enabled keys of one app.
#[derive(Debug, Clone, Default)]
pub struct AppKeys {
    /// Keys that reject requests, with the ids of their rows.
    pub filter: Vec<(i64, Signer)>,
    /// Keys that only log; used if there is no filter key.
    pub observe: Vec<(i64, Signer)>,
}

impl AppKeys {
    /// Whether a request that this filter key authenticated, or none, would be admitted now.
    #[must_use]
    pub fn admit(&self, key: Option<i64>) -> bool {
        self.filter.is_empty()
            || key.is_some_and(|key| self.filter.iter().any(|(id, _)| *id == key))
    }

    fn admits_the_same_as(&self, other: &Self) -> bool {
        self.filter.iter().map(|(id, _)| id).eq(other.filter.iter().map(|(id, _)| id))
    }
}

/// All enabled keys. A set that was never loaded is not an empty one: a node that knows no keys
/// must not admit any client.
#[derive(Debug)]
pub struct AccessKeys {
    folds: bool,
    loaded: ArcSwapOption<Loaded>,
    /// Origin of the times below, which are in milliseconds.
    begun: Instant,
    /// When the keys were last confirmed to equal those in the database.
    current: AtomicU64,
    table: Mutex<KeyTable>,
}

#[derive(Debug)]
struct Loaded {
    apps: FoldedMap<1, Vec<App>>,
}

/// One app by the spelling of its keys.
#[derive(Debug, Clone)]
struct App {
    app_id: Arc<str>,
    keys: Arc<AppKeys>,
}

impl AccessKeys {
    /// An empty set that was not loaded. `folds` sets whether app ids match without regard to ASCII
    /// case.
    #[must_use]
    pub fn new(folds: bool) -> Self {
        let current = AtomicU64::new(0);
        let (loaded, table) = (ArcSwapOption::empty(), Mutex::default());
        Self { folds, loaded, begun: Instant::now(), current, table }
    }

    /// Records that the database was read and no key has changed.
    pub fn confirm(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.current.store(now, Ordering::Release);
    }

    /// Replaces the keys with all rows that are not deleted. Returns the apps whose parked polls
    /// may no longer be admitted.
    pub fn replace(&self, rows: impl IntoIterator<Item = AccessKey>) -> Vec<Arc<str>> {
        let mut apps: HashMap<String, (Arc<str>, AppKeys)> = HashMap::new();
        for row in rows.into_iter().filter(|row| row.is_enabled) {
            let (_, keys) = apps
                .entry(self.folded(&row.app_id))
                .or_insert_with(|| (row.app_id.into(), AppKeys::default()));
            match row.mode {
                Mode::Filter => keys.filter.push((row.id, row.signer)),
                Mode::Observe => keys.observe.push((row.id, row.signer)),
            }
        }
        let loaded = Loaded { apps: FoldedMap::default() };
        for (app_id, keys) in apps.into_values() {
            let app = App { app_id, keys: keys.into() };
            loaded.apps.update([&app.app_id], |others| {
                let mut apps = others.cloned().unwrap_or_default();
                apps.push(app.clone());
                apps
            });
        }
        self.confirm();
        let before = self.loaded.swap(Some(Arc::new(loaded)));
        before.map_or_else(Vec::new, |before| self.changed_since(&before))
    }

    /// Keys that remain in effect beside these rows, without which their apps would be open: such an
    /// app may have been deleted, and while its names are known, everybody would receive its
    /// releases. Requests a read of names when it first finds one; once that has succeeded, the key
    /// has ended.
    pub(super) fn ending(&self, rows: &[AccessKey], names: &DefinitionScan) -> Vec<AccessKey> {
        let mut keys = self.last_filters(rows);
        let mut table = self.table.lock();
        let known = mem::take(&mut table.ending);
        keys.retain(|key| {
            let request = known.get(&key.id).copied().unwrap_or_else(|| names.request());
            let is_ending = !names.has_answered(request);
            if is_ending {
                table.ending.insert(key.id, request);
            }
            is_ending
        });
        keys
    }

    /// Whether keys are in effect that end when names have been read.
    pub(super) fn is_ending_any(&self) -> bool {
        !self.table.lock().ending.is_empty()
    }

    /// The enabled filter keys of the apps that would have none with these rows.
    fn last_filters(&self, rows: &[AccessKey]) -> Vec<AccessKey> {
        let filters = rows.iter().filter(|row| row.is_enabled && row.mode == Mode::Filter);
        let closed: HashSet<_> = filters.map(|row| self.folded(&row.app_id)).collect();
        let mut last = Vec::new();
        self.each(|key| {
            if key.mode == Mode::Filter && !closed.contains(&self.folded(&key.app_id)) {
                last.push(key);
            }
        });
        last
    }

    /// The same text for all spellings of an app.
    fn folded(&self, app_id: &str) -> String {
        if self.folds { app_id.to_ascii_lowercase() } else { app_id.to_owned() }
    }

    /// Records the ids of all rows, also deleted ones; returns whether the newest one decreased.
    /// Releases in memory may be newer than the keys since.
    pub(super) fn went_back(&self, ids: &HashSet<i64>) -> bool {
        self.table.lock().read(ids)
    }

    /// Keys that remain in effect although their rows are missing, after [`Self::went_back`]. Without
    /// them, their apps would be open while a backup is restored.
    pub(super) fn missing(&self, ids: &HashSet<i64>) -> Vec<AccessKey> {
        let mut table = self.table.lock();
        let mut missing = Vec::new();
        if table.keeps_missing() {
            self.each(|key| missing.extend((!ids.contains(&key.id)).then_some(key)));
        }
        table.is_missing_any = !missing.is_empty();
        missing
    }

    /// Whether keys are in effect whose rows are missing.
    pub(super) fn is_missing_any(&self) -> bool {
        self.table.lock().is_missing_any
    }

    /// How often the newest id has decreased, for [`Self::reloaded`].
    pub(super) fn losses(&self) -> u64 {
        self.table.lock().losses
    }

    /// Records that all releases were read again after so many losses.
    pub(super) fn reloaded(&self, losses: u64) {
        self.table.lock().reloaded = losses;
    }

    /// Whether releases have not been read again since the newest id last decreased.
    pub(super) fn awaits_reload(&self) -> bool {
        self.table.lock().awaits_reload()
    }

    /// All enabled keys.
    fn each(&self, mut visit: impl FnMut(AccessKey)) {
        let loaded = self.loaded.load();
        let Some(loaded) = loaded.as_ref() else { return };
        loaded.apps.each(|apps| {
            for App { app_id, keys } in apps {
                for (mode, of_mode) in
                    [(Mode::Filter, &keys.filter), (Mode::Observe, &keys.observe)]
                {
                    for (id, signer) in of_mode {
                        let (app_id, signer) = (app_id.to_string(), signer.clone());
                        visit(AccessKey { id: *id, app_id, signer, mode, is_enabled: true });
                    }
                }
            }
        });
    }

    /// The apps of these enabled keys by the ids of their rows, as of the last read.
    pub(super) fn apps_of(&self, ids: &HashSet<i64>) -> HashMap<i64, Arc<str>> {
        let (mut found, loaded) = (HashMap::new(), self.loaded.load());
        let Some(loaded) = loaded.as_ref() else { return found };
        loaded.apps.each(|apps| {
            for App { app_id, keys } in apps {
                let enabled = keys.filter.iter().chain(&keys.observe).map(|(id, _)| *id);
                found.extend(
                    enabled.filter(|id| ids.contains(id)).map(|id| (id, Arc::clone(app_id))),
                );
            }
        });
        found
    }

    fn changed_since(&self, before: &Loaded) -> Vec<Arc<str>> {
        let mut changed = Vec::new();
        let mut compare = |app: &App, other: Option<Arc<AppKeys>>| {
            if !app.keys.admits_the_same_as(&other.unwrap_or_default()) {
                changed.push(Arc::clone(&app.app_id));
            }
        };
        before.apps.each(|apps| apps.iter().for_each(|app| compare(app, self.of(&app.app_id))));
        if let Some(now) = self.loaded.load().as_ref() {
            now.apps.each(|apps| {
                apps.iter().for_each(|app| compare(app, self.find(before, &app.app_id)))
            });
        }
        changed
    }

    /// Whether keys were ever read.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded.load().is_some()
    }

    /// Time since the keys were read or confirmed; `None` if they were never read.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.loaded.load().as_ref()?;
        let current = Duration::from_millis(self.current.load(Ordering::Acquire));
        Some(self.begun.elapsed().saturating_sub(current))
    }

    /// The keys of an app in its stored spelling; `None` if it has no enabled key.
    #[must_use]
    pub fn of(&self, app_id: &str) -> Option<Arc<AppKeys>> {
        self.find(self.loaded.load().as_deref()?, app_id)
    }

    fn find(&self, loaded: &Loaded, app_id: &str) -> Option<Arc<AppKeys>> {
        let is_meant = |app: &&App| self.folds || *app.app_id == *app_id;
        let keys = |apps: &Vec<App>| apps.iter().find(is_meant).map(|app| Arc::clone(&app.keys));
        loaded.apps.get(&Folded([app_id]), keys).flatten()
    }
}
