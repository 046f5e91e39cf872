//! Rows that belong to no namespace, because a name in them cannot be decoded. Where the release
//! history names the namespace, the row is treated as one that cannot be read there, so that
//! clients never receive an older release instead. All of them are reported.

use arc_swap::ArcSwap;
use castalia_store::Reader;
use castalia_store::feed::{self as stored, Fingerprint, Misplaced};

use super::published::{GrayRelease, NamespaceRef, Published};
use crate::error::Result;

/// Rows that a fault names.
const NAMED: usize = 10;
/// Tables whose rows are served.
const RELEASE: &str = "Release";
const RULE: &str = "GrayReleaseRule";

/// The rows as of the last read.
#[derive(Debug, Default)]
pub(super) struct MisplacedRows(ArcSwap<Vec<Misplaced>>);

impl MisplacedRows {
    /// Reads them. What was known before of a row is kept.
    pub(super) async fn refresh(&self, db: &Reader) -> Result<()> {
        let found = stored::misplaced(db).await?;
        self.0.rcu(|known| {
            let mut rows = found.clone();
            for row in rows.iter_mut().filter(|row| row.place.is_none()) {
                let same =
                    known.iter().find(|known| (known.table, known.id) == (row.table, row.id));
                row.place = same.and_then(|known| known.place.clone());
            }
            rows
        });
        Ok(())
    }

    /// Assigns rows without a history to this namespace if they were served in it.
    pub(super) fn assign(&self, place: NamespaceRef<'_>, served: &Published) {
        let Fingerprint { main, rule, .. } = served.fingerprint;
        let (app_id, cluster, namespace) = place.names();
        self.0.rcu(|known| {
            let mut rows = known.to_vec();
            for row in rows.iter_mut().filter(|row| row.place.is_none()) {
                let was_served = match row.table {
                    RELEASE => main == Some(row.id),
                    RULE => rule == Some(row.id),
                    _ => false,
                };
                if was_served {
                    row.place = Some((app_id.into(), cluster.into(), namespace.into()));
                }
            }
            rows
        });
    }

    /// Whether the content of this namespace depends on them.
    pub(super) fn concern(&self, place: NamespaceRef<'_>) -> bool {
        self.0.load().iter().any(|row| is_of(row, place))
    }

    /// Marks what is missing in the content as unreadable. A newer row replaces a misplaced one.
    pub(super) fn apply(&self, place: NamespaceRef<'_>, published: &mut Published) {
        for row in self.0.load().iter().filter(|row| is_of(row, place)) {
            let is_newest_release = published.fingerprint.main.is_none_or(|main| main < row.id);
            if row.table == RELEASE && is_newest_release {
                published.main = None;
                published.is_main_unreadable = true;
            }
            if row.table == RULE && published.fingerprint.rule.is_none_or(|rule| rule < row.id) {
                published.gray.push(unknown_rule(row.id.0));
            }
        }
    }

    /// Describes them for operators.
    pub(super) fn fault(&self) -> Option<String> {
        let rows = self.0.load();
        let named = rows.iter().take(NAMED).map(|row| format!("{} {}", row.table, row.id));
        let named = named.collect::<Vec<_>>().join(", ");
        (!rows.is_empty()).then(|| {
            format!(
                "{} rows belong to no namespace, because a name or the id of the namespace in them cannot be decoded \
                 (table and id: {named}): clients keep the values of a namespace that the release history names, or \
                 are refused; releases that would lose the key of such an item are refused; correct or delete these rows in the database",
                rows.len()
            )
        })
    }
}

fn is_of(row: &Misplaced, place: NamespaceRef<'_>) -> bool {
    let is_it = |(app_id, cluster, namespace): &(String, String, String)| {
        (app_id.as_str(), cluster.as_str(), namespace.as_str()) == place.names()
    };
    row.place.as_ref().is_some_and(is_it)
}

/// A rule of which only the id is known: an earlier copy replaces it.
fn unknown_rule(rule_id: i64) -> GrayRelease {
    GrayRelease {
        rule_id,
        branch: String::new(),
        rules: None,
        is_rule_unreadable: true,
        release: None,
        is_unreadable: true,
    }
}
