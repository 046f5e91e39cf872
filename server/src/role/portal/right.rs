//! Decides what a caller may do. Rights on all namespaces of a cluster apply to their gray
//! branches, too: in paths, a branch is a cluster that does not name its parent, so the environment
//! is asked for the parent of a cluster on which the caller has no right. Who has rights on no
//! cluster causes no call.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::Portal;
use crate::domain::permission::requirement::{HeldClusters, Identity, Requirement, Resource};
use crate::environment::Address;
use crate::error::Result;
use crate::wire::admin;

impl Portal {
    /// Whether the caller has the required permission.
    pub(super) async fn allows(
        &self,
        caller: &Identity,
        requirement: Requirement,
        place: &Resource,
    ) -> Result<bool> {
        if self.rights().allow(caller, requirement, place).await? {
            return Ok(true);
        }
        match self.parent(caller, place).await? {
            Some(parent) => self.rights().allow(caller, requirement, &parent).await,
            None => Ok(false),
        }
    }

    /// The namespaces of one cluster, or of a branch, whose values the caller may see.
    pub(super) async fn visible<'n>(
        &self,
        caller: &Identity,
        cluster: &Resource,
        namespaces: &[&'n str],
    ) -> Result<HashSet<&'n str>> {
        let visible = self.rights().visible(caller, cluster, namespaces).await?;
        // A branch has one namespace.
        if !visible.is_empty() || namespaces.len() != 1 {
            return Ok(visible);
        }
        match self.parent(caller, cluster).await? {
            Some(parent) => self.rights().visible(caller, &parent, namespaces).await,
            None => Ok(visible),
        }
    }

    /// Whether the caller may see the values of each of these namespaces, of any apps, also in
    /// branches. Reads a few lists, and asks about each cluster once.
    pub(super) async fn visible_among(
        &self,
        caller: &Identity,
        places: &[Resource],
    ) -> Result<Vec<bool>> {
        let mut visible = self.rights().visible_among(caller, places).await?;
        if !visible.contains(&false) {
            return Ok(visible);
        }
        let held = self.rights().clusters(caller).await?;
        let (mut parents, mut in_branches) = (HashMap::new(), Vec::new());
        for (at, place) in places.iter().enumerate() {
            if visible[at] {
                continue;
            }
            let parent = match parents.entry((&place.app_id, &place.env, &place.cluster)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.parent_among(&held, place).await),
            };
            if let Some(cluster) = parent {
                in_branches.push((at, Resource { cluster: cluster.clone(), ..place.clone() }));
            }
        }
        let (at, in_parents): (Vec<_>, Vec<_>) = in_branches.into_iter().unzip();
        let seen = self.rights().visible_among(caller, &in_parents).await?;
        for (at, is_seen) in at.into_iter().zip(seen) {
            visible[at] = is_seen;
        }
        Ok(visible)
    }

    /// The same place in the cluster that a branch belongs to, if the caller has a right on all
    /// namespaces of that cluster.
    async fn parent(&self, caller: &Identity, place: &Resource) -> Result<Option<Resource>> {
        if place.env.is_empty() || place.cluster.is_empty() {
            return Ok(None);
        }
        let held = self.rights().clusters(caller).await?;
        let parent = self.parent_among(&held, place).await;
        Ok(parent.map(|cluster| Resource { cluster, ..place.clone() }))
    }

    /// The cluster that a branch belongs to, if it is one of these.
    async fn parent_among(&self, held: &HeldClusters, place: &Resource) -> Option<String> {
        let held = held.of(&place.app_id, &place.env);
        if held.is_empty() || held.contains(place.cluster.as_str()) {
            return None;
        }
        // An environment that does not exist any more, or cannot be asked, opens nothing.
        let environment = self.state.environments.find(&place.env).ok()?;
        let found = environment.find(Address::in_cluster(place, &[])).await;
        let Ok(Some(admin::Cluster { parent_cluster_id: parent @ 1.., .. })) = found else {
            return None;
        };
        let clusters = Address::new(["apps", &place.app_id, "clusters"]);
        let clusters: Vec<admin::Cluster> = environment.get(clusters).await.unwrap_or_default();
        let parent = clusters.into_iter().find(|cluster| cluster.id == parent)?;
        parent.name.filter(|name| held.contains(name.as_str()))
    }
}
