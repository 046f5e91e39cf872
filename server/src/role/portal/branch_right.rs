//! Rights on all namespaces of a cluster apply to their gray branches, too. In paths, a branch is a
//! cluster that does not name its parent, so the parent is searched among the clusters on which the
//! caller has such a right; who has none causes no call.

use super::Portal;
use crate::domain::permission::need::{Identity, Resource};
use crate::environment::Address;
use crate::error::Result;
use crate::wire::admin;

/// Maximum number of clusters in which a branch is searched.
const MOST: usize = 16;

/// The namespace whose branch this place is, if the caller has a right on all of its cluster.
pub(super) async fn parent(
    portal: &Portal,
    caller: &Identity,
    place: &Resource,
) -> Result<Option<Resource>> {
    if place.env.is_empty() || place.cluster.is_empty() || place.namespace.is_empty() {
        return Ok(None);
    }
    let clusters = portal.rights().clusters(caller, &place.app_id, &place.env).await?;
    let environment = portal.state.environments.find(&place.env)?;
    for cluster in clusters.into_iter().take(MOST) {
        let parent = Resource { cluster, ..place.clone() };
        let branch: Result<Option<admin::Namespace>> =
            environment.find(Address::in_namespace(&parent, &["branches"])).await;
        // A cluster without the namespace, and one that cannot be asked, are not the parent.
        if let Ok(Some(branch)) = branch
            && branch.cluster_name.as_deref() == Some(&place.cluster)
        {
            return Ok(Some(parent));
        }
    }
    Ok(None)
}
