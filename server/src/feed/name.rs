//! Stored spellings of apps, clusters and namespaces. Clients may write namespaces in another case,
//! and also apps and clusters if the installation folds names. All later stages use the stored
//! spellings.
//!
//! Only ASCII letters are folded. An accent, a full-width letter or a blank never makes two names
//! equal.

mod declared;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

pub use self::declared::{AppNamespace, Cluster, Contest, Public, UndecodableNamespace};
use super::folded::{Folded, FoldedMap};

/// All names in the database. Reads take no lock and allocate nothing.
#[derive(Debug)]
pub struct Names {
    folds: bool,
    index: ArcSwap<Index>,
    /// Row ids of namespaces that were deleted according to the last read of these: a read that
    /// began before the deletion may end after it. Held while the index is changed, so that none is
    /// replaced while names are added to it.
    deleted: Mutex<HashSet<i64>>,
    /// Whether a name that was added is contested, and names were not all read since: that read may
    /// be cut off. Changed together with the index.
    are_contested: AtomicBool,
    is_loaded: AtomicBool,
}

/// New names are added in place. A complete read replaces the whole index, and so does the removal
/// of names.
#[derive(Debug, Default)]
struct Index {
    apps: FoldedMap<1, Spellings>,
    clusters: Arc<FoldedMap<2, Spellings>>,
    /// Oldest first.
    own: FoldedMap<2, Vec<Declared>>,
    /// The one of the oldest row.
    public: FoldedMap<1, (i64, Public)>,
    unknown: Vec<UndecodableNamespace>,
    last_namespace: AtomicI64,
    last_cluster: AtomicI64,
}

/// A namespace of an app, by the id of its row.
#[derive(Debug, Clone)]
struct Declared {
    id: i64,
    app: Arc<str>,
    name: Arc<str>,
    is_public: bool,
}

/// Stored names that differ only in case; nearly always one.
type Spellings = Vec<Arc<str>>;

impl Names {
    /// An empty index. `folds` sets whether apps and clusters match without regard to ASCII case.
    #[must_use]
    pub fn new(folds: bool) -> Self {
        Self {
            folds,
            index: ArcSwap::default(),
            deleted: Mutex::default(),
            are_contested: AtomicBool::new(false),
            is_loaded: AtomicBool::new(false),
        }
    }

    /// Whether apps and clusters match without regard to ASCII case.
    #[must_use]
    pub fn folds(&self) -> bool {
        self.folds
    }

    /// Replaces all names with those of the database, except deleted ones. Returns the public names
    /// that two apps declare.
    pub fn replace(
        &self,
        namespaces: Vec<AppNamespace>,
        clusters: Vec<Cluster>,
        unknown: Vec<UndecodableNamespace>,
    ) -> Vec<Contest> {
        let deleted = self.deleted.lock();
        let index = Index::new(unknown, Arc::default());
        let present = namespaces.into_iter().filter(|row| !deleted.contains(&row.id));
        let contests = present.filter_map(|row| index.add_namespace(row)).collect();
        clusters.into_iter().for_each(|row| index.add_cluster(row));
        self.index.store(index.into());
        self.are_contested.store(false, Ordering::Release);
        self.is_loaded.store(true, Ordering::Release);
        contests
    }

    /// Whether names were ever read. An index that was never read is not an empty one.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Acquire)
    }

    /// Whether namespaces are known, and not as deleted ones, whose rows are not among these.
    #[must_use]
    pub fn has_others_than(&self, ids: &HashSet<i64>) -> bool {
        let deleted = self.deleted.lock();
        let is_other = |id| !ids.contains(&id) && !deleted.contains(&id);
        !self.index.load().namespaces(is_other).is_empty()
    }

    /// Whether clusters are known, which are only if names are folded.
    #[must_use]
    pub fn has_clusters(&self) -> bool {
        self.last_ids().1 > 0
    }

    /// Adds rows; known and deleted ones change nothing. Returns whether a name that was added since
    /// all were read is also declared by another row of the app, or a public one by an older row of
    /// another app, as far as is known here: that row may have been deleted meanwhile, and that of
    /// the app was if it was restored.
    #[must_use]
    pub fn add(&self, namespaces: Vec<AppNamespace>, clusters: Vec<Cluster>) -> bool {
        let deleted = self.deleted.lock();
        let index = self.index.load();
        let mut are_contested = self.are_contested.load(Ordering::Acquire);
        for row in namespaces {
            if !deleted.contains(&row.id) && !index.knows(&row) {
                are_contested |= index.declares(&row, |id| id != row.id);
                are_contested |= index.add_namespace(row).is_some();
            }
        }
        clusters.into_iter().for_each(|row| index.add_cluster(row));
        self.are_contested.store(are_contested, Ordering::Release);
        are_contested
    }

    /// Forgets the namespaces with these row ids, so that their names lead to what is left, and adds
    /// none of them until the next call. Each call has all that were deleted lately.
    pub fn forget(&self, ids: HashSet<i64>) {
        let mut deleted = self.deleted.lock();
        *deleted = ids;
        let known = self.index.load();
        if known.namespaces(|id| deleted.contains(&id)).is_empty() {
            return;
        }
        let mut rest = known.namespaces(|id| !deleted.contains(&id));
        rest.sort_by_key(|row| row.id);
        let index = Index::new(known.unknown.clone(), Arc::clone(&known.clusters));
        index.last_namespace.store(known.last_namespace.load(Ordering::Acquire), Ordering::Release);
        index.last_cluster.store(known.last_cluster.load(Ordering::Acquire), Ordering::Release);
        rest.into_iter().for_each(|row| drop(index.add_namespace(row)));
        self.index.store(index.into());
    }

    /// Greatest row ids that were read: of namespaces, of clusters.
    #[must_use]
    pub fn last_ids(&self) -> (i64, i64) {
        let index = self.index.load();
        (index.last_namespace.load(Ordering::Acquire), index.last_cluster.load(Ordering::Acquire))
    }

    /// The stored spelling of an app id; `None` for an app that is not stored, or that matches more
    /// than one.
    #[must_use]
    pub fn app(&self, app_id: &str) -> Option<Arc<str>> {
        self.index.load().apps.get(&Folded([app_id]), |stored| self.pick(stored, app_id)).flatten()
    }

    /// The stored spelling of a cluster of an app; `None` if the text itself is the only spelling.
    #[must_use]
    pub fn cluster(&self, app_id: &str, cluster: &str) -> Option<Arc<str>> {
        let pick = |stored: &Spellings| self.pick(stored, cluster);
        self.folds
            .then(|| self.index.load().clusters.get(&Folded([app_id, cluster]), pick))
            .flatten()
            .flatten()
    }

    /// The stored spelling of a namespace: the app's own, else a public one; `None` if the text
    /// itself is the only spelling.
    #[must_use]
    pub fn namespace(&self, app_id: &str, name: &str) -> Option<Arc<str>> {
        self.own(app_id, name).or_else(|| self.public(name).map(|public| public.name))
    }

    /// The stored spelling of a namespace that the app itself declares, public or not.
    #[must_use]
    pub fn own(&self, app_id: &str, name: &str) -> Option<Arc<str>> {
        let pick = |declared: &Vec<Declared>| {
            let exact = declared.iter().find(|one| *one.app == *app_id);
            let found = exact.or_else(|| declared.first().filter(|_| self.folds));
            found.map(|one| Arc::clone(&one.name))
        };
        self.index.load().own.get(&Folded([app_id, name]), pick).flatten()
    }

    /// Owner and stored name of a public namespace.
    #[must_use]
    pub fn public(&self, name: &str) -> Option<Public> {
        self.index.load().public.get(&Folded([name]), |(_, public)| public.clone())
    }

    /// Whether a row that cannot be decoded may declare this namespace, of the app or public. An
    /// app that is not stored is `None`.
    #[must_use]
    pub fn may_be_declared(&self, app_id: Option<&str>, name: &str) -> bool {
        let is_own = app_id.is_some_and(|app_id| self.own(app_id, name).is_some());
        self.index.load().unknown.iter().any(|unknown| {
            let may_be_it =
                |names: &Vec<String>| names.iter().any(|known| known.eq_ignore_ascii_case(name));
            let may_be_public = unknown.is_public != Some(false) && !is_own;
            let may_be_own = unknown.app_id.is_none() && app_id.is_none();
            unknown.names.as_ref().is_none_or(may_be_it) && (may_be_public || may_be_own)
        })
    }

    /// The declared namespaces with these row ids, as of the last read.
    pub(super) fn by_ids(&self, ids: &HashSet<i64>) -> HashMap<i64, AppNamespace> {
        let found = self.index.load().namespaces(|id| ids.contains(&id));
        found.into_iter().map(|row| (row.id, row)).collect()
    }

    /// Whether two spellings identify the same app or cluster in this installation.
    #[must_use]
    pub fn is_same(&self, one: &str, other: &str) -> bool {
        one == other || (self.folds && one.eq_ignore_ascii_case(other))
    }

    /// The form of a watch key under which polls wait: the same for all spellings of one namespace,
    /// so that a poll that was parked before its cluster or namespace existed is woken by the
    /// spelling that is stored then.
    #[must_use]
    pub fn waiting_key(&self, watch_key: &str) -> String {
        match watch_key.rsplit_once('+') {
            Some((place, namespace)) if !self.folds => {
                format!("{place}+{}", namespace.to_ascii_lowercase())
            }
            _ => watch_key.to_ascii_lowercase(),
        }
    }

    fn pick(&self, stored: &Spellings, text: &str) -> Option<Arc<str>> {
        let exact = stored.iter().find(|name| ***name == *text);
        let only = || stored.first().filter(|_| self.folds && stored.len() == 1);
        exact.or_else(only).cloned()
    }
}

impl Index {
    fn new(unknown: Vec<UndecodableNamespace>, clusters: Arc<FoldedMap<2, Spellings>>) -> Self {
        let index = Self { unknown, clusters, ..Self::default() };
        for app in index.unknown.iter().filter_map(|unknown| unknown.app_id.as_deref()) {
            let app: Arc<str> = app.into();
            index.apps.update([&app], |stored| push(stored, &app));
        }
        index
    }

    /// The namespaces with row ids that are wanted.
    fn namespaces(&self, is_wanted: impl Fn(i64) -> bool) -> Vec<AppNamespace> {
        let mut found = Vec::new();
        self.own.each(|declared| {
            for Declared { id, app, name, is_public } in declared {
                if is_wanted(*id) {
                    let (app_id, name) = (app.to_string(), name.to_string());
                    found.push(AppNamespace { id: *id, app_id, name, is_public: *is_public });
                }
            }
        });
        found
    }

    fn knows(&self, row: &AppNamespace) -> bool {
        let is_public = || self.public.get(&Folded([&row.name]), |_| ()).is_some();
        self.declares(row, |id| id == row.id) && (!row.is_public || is_public())
    }

    /// Whether a row with an id that is wanted declares the same namespace of the same app.
    fn declares(&self, row: &AppNamespace, is_wanted: impl Fn(i64) -> bool) -> bool {
        let is_it =
            |one: &Declared| *one.app == *row.app_id && *one.name == *row.name && is_wanted(one.id);
        let declared = |declared: &Vec<Declared>| declared.iter().any(is_it);
        self.own.get(&Folded([&row.app_id, &row.name]), declared) == Some(true)
    }

    fn add_namespace(&self, row: AppNamespace) -> Option<Contest> {
        let (app, name): (Arc<str>, Arc<str>) = (row.app_id.into(), row.name.into());
        self.apps.update([&app], |stored| push(stored, &app));
        self.own.update([&app, &name], |declared| {
            let mut declared = declared.cloned().unwrap_or_default();
            let (app, name) = (Arc::clone(&app), Arc::clone(&name));
            declared.push(Declared { id: row.id, app, name, is_public: row.is_public });
            declared.sort_by_key(|one| one.id);
            declared
        });
        self.last_namespace.fetch_max(row.id, Ordering::AcqRel);
        row.is_public.then(|| self.add_public(row.id, app, name)).flatten()
    }

    /// The oldest row keeps the name: an app that declares it later must not become the source of
    /// what clients of all apps receive.
    fn add_public(&self, id: i64, app: Arc<str>, name: Arc<str>) -> Option<Contest> {
        let known = self.public.get(&Folded([&name]), Clone::clone);
        let new = (id, Public { owner: Arc::clone(&app), name: Arc::clone(&name) });
        self.public.update([&name], |known| match known {
            Some(older) if older.0 <= id => older.clone(),
            _ => new.clone(),
        });
        let (known_id, known) = known.filter(|(_, known)| known.owner != app)?;
        let (owner, loser) = if known_id <= id { (known.owner, app) } else { (app, known.owner) };
        Some(Contest { owner, loser, name })
    }

    fn add_cluster(&self, row: Cluster) {
        let name: Arc<str> = row.name.into();
        self.clusters.update([&row.app_id, &name], |stored| push(stored, &name));
        self.last_cluster.fetch_max(row.id, Ordering::AcqRel);
    }
}

fn push(stored: Option<&Spellings>, name: &Arc<str>) -> Spellings {
    let mut stored = stored.cloned().unwrap_or_default();
    if !stored.contains(name) {
        stored.push(Arc::clone(name));
    }
    stored
}

#[cfg(test)]
mod tests;
