//! Releases, gray rules and history without a namespace. A node of Apollo that publishes while this
//! server deletes the namespace takes no lock, and its rows remain. Clients would receive them from
//! a namespace that is created or restored under these names.

use castalia_store::removal::{Scope, hide_published, published};
use castalia_store::{Deletion, Transaction};

use super::NamespaceKey;
use crate::domain::gray_rule;
use crate::error::Result;

/// Time of the deletion of leftovers, in milliseconds since 1970: near to no other one, of which they
/// would seem to be a part.
const APART: i64 = 24 * 3600 * 1000;

/// Hides what is left at those of these places, each a cluster and a name, all of which have no
/// namespace. Returns the watch keys whose clients have to be woken.
pub(in crate::domain) async fn hide_leftovers(
    tx: &Transaction,
    app_id: &str,
    vacant: &[(&str, &str)],
    operator: &str,
) -> Result<Vec<String>> {
    let mut watch_keys = Vec::new();
    for (cluster, namespace) in published(tx, app_id, vacant).await? {
        let active = castalia_store::release::active_rules_named(tx, app_id, &namespace).await?;
        let (active, _): (Vec<_>, Vec<_>) =
            active.into_iter().partition(|rule| rule.cluster_name == cluster);
        let scope = [&*cluster];
        let scope = Scope::of_namespace(app_id, &scope, &namespace);
        hide_published(tx, scope, &Deletion::at(operator, APART)).await?;
        gray_rule::close_removed(tx, &active, operator).await?;
        watch_keys.push(NamespaceKey::new(app_id, &cluster, &namespace).watch_key());
        tracing::warn!(
            app_id,
            cluster,
            namespace,
            "deleted releases that another program published after the namespace was deleted; the new namespace starts empty"
        );
    }
    Ok(watch_keys)
}
