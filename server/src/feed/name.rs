//! Stored spellings of namespaces: clients may write them in another case, and everything behind this point uses the stored one.

use std::collections::HashMap;

use arc_swap::ArcSwap;

/// One declared namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppNamespace {
    /// Id of the row; later rows win where two apps declare the same public name.
    pub id: i64,
    /// App that declares it.
    pub app_id: String,
    /// Full name, with the suffix of its format.
    pub name: String,
    /// Whether all apps may read it.
    pub is_public: bool,
}

#[derive(Debug, Default)]
struct Index {
    own: HashMap<String, String, ahash::RandomState>,
    public: HashMap<String, (String, String), ahash::RandomState>,
    last_id: i64,
}

/// All declared namespaces, looked up ignoring case.
#[derive(Debug, Default)]
pub struct NamespaceNames(ArcSwap<Index>);

impl NamespaceNames {
    /// Takes over everything that the database holds now.
    pub fn replace(&self, rows: Vec<AppNamespace>) {
        let mut index = Index::default();
        index.extend(rows);
        self.0.store(index.into());
    }

    /// Adds rows that are new since the last call.
    pub fn add(&self, rows: &[AppNamespace]) {
        self.0.rcu(|index| {
            let mut next = Index { own: index.own.clone(), public: index.public.clone(), last_id: index.last_id };
            next.extend(rows.to_vec());
            next
        });
    }

    /// Greatest id that was taken over.
    #[must_use]
    pub fn last_id(&self) -> i64 {
        self.0.load().last_id
    }

    /// The stored spelling: of the app's own namespace, else of a public one, else as given.
    #[must_use]
    pub fn canonical(&self, app_id: &str, name: &str) -> String {
        let index = self.0.load();
        let lower = name.to_lowercase();
        if let Some(stored) = index.own.get(&own_key(app_id, &lower)) {
            return stored.clone();
        }
        index.public.get(&lower).map_or_else(|| name.to_owned(), |(_, stored)| stored.clone())
    }

    /// Whether the app itself declares the namespace, public or not.
    #[must_use]
    pub fn is_own(&self, app_id: &str, name: &str) -> bool {
        self.0.load().own.contains_key(&own_key(app_id, &name.to_lowercase()))
    }

    /// App and stored name of a public namespace.
    #[must_use]
    pub fn public(&self, name: &str) -> Option<(String, String)> {
        self.0.load().public.get(&name.to_lowercase()).cloned()
    }
}

impl Index {
    fn extend(&mut self, rows: Vec<AppNamespace>) {
        for row in rows {
            let lower = row.name.to_lowercase();
            self.last_id = self.last_id.max(row.id);
            if row.is_public {
                self.public.insert(lower.clone(), (row.app_id.clone(), row.name.clone()));
            }
            self.own.insert(own_key(&row.app_id, &lower), row.name);
        }
    }
}

fn own_key(app_id: &str, lower_name: &str) -> String {
    format!("{}+{lower_name}", app_id.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, app_id: &str, name: &str, is_public: bool) -> AppNamespace {
        AppNamespace { id, app_id: app_id.into(), name: name.into(), is_public }
    }

    #[test]
    fn an_own_spelling_wins_over_a_public_one() {
        let names = NamespaceNames::default();
        names.replace(vec![row(1, "lib", "Team.common", true), row(2, "demo", "TEAM.Common", false)]);
        assert_eq!(names.canonical("demo", "team.common"), "TEAM.Common");
        assert_eq!(names.canonical("DEMO", "team.common"), "TEAM.Common");
        assert_eq!(names.canonical("other", "TEAM.COMMON"), "Team.common");
        assert_eq!(names.canonical("other", "Unknown"), "Unknown");
        assert_eq!(names.public("team.common"), Some(("lib".into(), "Team.common".into())));
        assert!(names.is_own("lib", "team.common") && !names.is_own("other", "team.common"));
    }

    #[test]
    fn new_rows_are_added_to_the_old_ones() {
        let names = NamespaceNames::default();
        names.replace(vec![row(1, "a", "x", false)]);
        names.add(&[row(5, "a", "Y", false)]);
        assert_eq!((names.canonical("a", "X"), names.canonical("a", "y"), names.last_id()), ("x".into(), "Y".into(), 5));
    }
}
