//! The published content of one namespace of one cluster: the current release, gray releases, and
//! their clients. Values only.

use std::sync::Arc;

pub use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::namespace::watch_key;
use castalia_core::protocol::wire::Configurations;
use serde::{Deserialize, Serialize};

use castalia_store::feed::Fingerprint;

/// The three names of a [`NamespaceKey`], borrowed, so that a look-up allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamespaceRef<'a> {
    /// App id.
    pub app_id: &'a str,
    /// Cluster.
    pub cluster: &'a str,
    /// Namespace.
    pub namespace: &'a str,
}

impl<'a> NamespaceRef<'a> {
    /// The names of a key, borrowed.
    #[must_use]
    pub fn of(key: &'a NamespaceKey) -> Self {
        Self { app_id: &key.app_id, cluster: &key.cluster, namespace: &key.namespace }
    }

    /// The names, owned.
    #[must_use]
    pub fn to_key(self) -> NamespaceKey {
        NamespaceKey::new(self.app_id, self.cluster, self.namespace)
    }

    /// The three names in their order.
    #[must_use]
    pub fn names(self) -> (&'a str, &'a str, &'a str) {
        (self.app_id, self.cluster, self.namespace)
    }

    /// The watch key of the same three names.
    #[must_use]
    pub fn watch_key(self) -> String {
        watch_key(self.app_id, self.cluster, self.namespace)
    }
}

/// One immutable release.
#[derive(Debug)]
pub struct Release {
    /// Id of the row.
    pub id: i64,
    /// Identity that clients compare.
    pub release_key: String,
    /// App, cluster (a branch name for a gray release) and namespace.
    pub key: NamespaceKey,
    /// Content in stored order.
    pub configurations: Configurations,
    /// Digest of the stored text; a different one under the same key means that the row was
    /// changed by hand.
    pub digest: u64,
    /// Whether other content was served under the same key before: a client that has the key may
    /// have other content.
    pub is_rewritten: bool,
}

impl Release {
    /// Whether both have the same content. The digests alone do not show that: they are those of
    /// the rows, and the values in memory may be wrong, as after a fault of the memory.
    fn has_content_of(&self, other: &Self) -> bool {
        self.digest == other.digest && self.configurations == other.configurations
    }
}

/// Compares what was read.
impl PartialEq for Release {
    fn eq(&self, other: &Self) -> bool {
        (self.id, &self.release_key, &self.key) == (other.id, &other.release_key, &other.key)
            && self.has_content_of(other)
    }
}

impl Eq for Release {}

/// A gray release and the clients that it is served to.
#[derive(Debug, PartialEq, Eq)]
pub struct GrayRelease {
    /// Id of the row of the rule.
    pub rule_id: i64,
    /// Cluster of the branch.
    pub branch: String,
    /// The clients that receive it; `None` if they are unknown, because the rule cannot be decoded
    /// and was never read before.
    pub rules: Option<Vec<GrayRule>>,
    /// Whether the rule cannot be decoded; `rules` are then an earlier copy.
    pub is_rule_unreadable: bool,
    /// The release; `None` if it is abandoned or deleted.
    pub release: Option<Arc<Release>>,
    /// Whether there is a release whose content cannot be read.
    pub is_unreadable: bool,
}

/// One line of a gray rule, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrayRule {
    /// App whose clients match.
    pub client_app_id: String,
    /// Addresses, or `*`.
    pub client_ip_list: Vec<String>,
    /// Labels, or `*`.
    pub client_label_list: Vec<String>,
}

impl GrayRule {
    /// Whether any client can match.
    #[must_use]
    pub fn names_clients(&self) -> bool {
        !self.client_ip_list.is_empty() || !self.client_label_list.is_empty()
    }
}

/// The published content of one namespace of one cluster.
#[derive(Debug, Default)]
pub struct Published {
    /// Newest release message that this reflects.
    pub notification_id: i64,
    /// The current release.
    pub main: Option<Arc<Release>>,
    /// Whether there is a current release whose content cannot be read; `main` is then an earlier
    /// copy.
    pub is_main_unreadable: bool,
    /// Active gray releases, oldest rule first.
    pub gray: Vec<GrayRelease>,
    /// Ids of the rows that it was built from, including those that could not be decoded.
    pub fingerprint: Fingerprint,
}

impl Published {
    /// Whether clients see no release here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.main.is_none() && self.gray.is_empty() && !self.is_main_unreadable
    }

    /// Keeps the earlier copy of an unreadable release or rule: a damaged row must not take values
    /// away from clients, and must not give them to others.
    pub(super) fn keep_unreadable(&mut self, before: &Self) {
        if self.is_main_unreadable {
            self.main.clone_from(&before.main);
        }
        for gray in self.gray.iter_mut().filter(|gray| gray.is_rule_unreadable) {
            let known = before.gray.iter().find(|known| known.rule_id == gray.rule_id);
            if let Some(known) = known {
                gray.branch.clone_from(&known.branch);
                gray.rules.clone_from(&known.rules);
            }
        }
        for gray in self.gray.iter_mut().filter(|gray| gray.is_unreadable) {
            let known = before.gray.iter().find(|known| known.branch == gray.branch);
            gray.release = known.and_then(|known| known.release.clone());
        }
    }

    /// Whether a release or a rule cannot be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        let is_unreadable = |gray: &GrayRelease| gray.is_unreadable || gray.is_rule_unreadable;
        self.is_main_unreadable || self.gray.iter().any(is_unreadable)
    }

    /// Whether a row of an earlier read is missing, and no newer one replaced it.
    pub(super) fn lacks_rows_of(&self, before: &Self) -> bool {
        let (now, before) = (self.fingerprint, before.fingerprint);
        now.main < before.main || now.rule < before.rule
    }

    /// Marks the releases whose content is not the one that was in memory.
    pub(super) fn mark_rewritten(&mut self, before: &Self) {
        let known: Vec<_> = before.releases().collect();
        let releases =
            self.main.iter_mut().chain(self.gray.iter_mut().flat_map(|g| &mut g.release));
        for release in releases {
            let same_key = known.iter().find(|known| known.release_key == release.release_key);
            let Some(known) = same_key else { continue };
            if let Some(release) = Arc::get_mut(release) {
                release.is_rewritten = known.is_rewritten || !known.has_content_of(release);
            }
        }
    }

    pub(super) fn releases(&self) -> impl Iterator<Item = &Arc<Release>> {
        self.main.iter().chain(self.gray.iter().filter_map(|gray| gray.release.as_ref()))
    }

    /// Whether two reads found the same rows with the same content. Copies of unreadable releases
    /// are not compared.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let is_same_gray = |(one, other): (&GrayRelease, &GrayRelease)| {
            let is_kept = one.is_unreadable && other.is_unreadable;
            let is_rule_kept = one.is_rule_unreadable && other.is_rule_unreadable;
            let is_same_rule = (&one.branch, &one.rules) == (&other.branch, &other.rules);
            one.rule_id == other.rule_id
                && one.is_rule_unreadable == other.is_rule_unreadable
                && (is_rule_kept || is_same_rule)
                && one.is_unreadable == other.is_unreadable
                && (is_kept || one.release == other.release)
        };
        let is_main_kept = self.is_main_unreadable && other.is_main_unreadable;
        self.fingerprint == other.fingerprint
            && self.is_main_unreadable == other.is_main_unreadable
            && (is_main_kept || self.main == other.main)
            && self.gray.len() == other.gray.len()
            && self.gray.iter().zip(&other.gray).all(is_same_gray)
    }
}
