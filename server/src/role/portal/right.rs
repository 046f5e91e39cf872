//! Decides what a caller may do. Rights on all namespaces of a cluster apply to their gray
//! branches, too: in paths, a branch is a cluster that does not name its parent, so the environment
//! is asked for the parent of a cluster on which the caller has no right. Who has rights on no
//! cluster causes no call.

use std::collections::HashSet;

use super::Portal;
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
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

    /// The same place in the cluster that a branch belongs to, if the caller has a right on all
    /// namespaces of that cluster.
    async fn parent(&self, caller: &Identity, place: &Resource) -> Result<Option<Resource>> {
        if place.env.is_empty() || place.cluster.is_empty() {
            return Ok(None);
        }
        let held = self.rights().clusters(caller, &place.app_id, &place.env).await?;
        if held.is_empty() || held.contains(&place.cluster) {
            return Ok(None);
        }
        let environment = self.state.environments.find(&place.env)?;
        // An environment that cannot be asked opens nothing.
        let found = environment.find(Address::in_cluster(place, &[])).await;
        let Ok(Some(admin::Cluster { parent_cluster_id: parent @ 1.., .. })) = found else {
            return Ok(None);
        };
        let clusters = Address::new(["apps", &place.app_id, "clusters"]);
        let clusters: Vec<admin::Cluster> = environment.get(clusters).await.unwrap_or_default();
        let parent = clusters.into_iter().find(|cluster| cluster.id == parent);
        let parent = parent.and_then(|cluster| cluster.name).filter(|name| held.contains(name));
        Ok(parent.map(|cluster| Resource { cluster, ..place.clone() }))
    }
}
