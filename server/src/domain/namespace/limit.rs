//! The maximum number of namespaces in a cluster of an app, which operators set.

use castalia_store::Connection;

use crate::error::{Code, Error, Result};
use crate::server_config::{ServerConfig, keys};

/// Maximum number of namespaces in a cluster of an app; `None` means no limit.
#[derive(Debug, Clone, Copy)]
pub struct NamespaceLimit(Option<u64>);

impl NamespaceLimit {
    /// The effective limit for an app.
    #[must_use]
    pub fn of(config: &ServerConfig, app_id: &str) -> Self {
        let is_on = config.get(&keys::NAMESPACES_LIMITED)
            && !config.get(&keys::NAMESPACES_UNLIMITED).iter().any(|app| app == app_id);
        Self(is_on.then(|| config.get(&keys::NAMESPACES)))
    }

    /// Checks whether a cluster may have this many more.
    pub(in crate::domain) async fn check(
        self,
        db: &impl Connection,
        app_id: &str,
        cluster: &str,
        more: u64,
    ) -> Result<()> {
        self.check_each(db, app_id, &[cluster], more).await
    }

    /// Checks whether each of the clusters may have this many more.
    pub(in crate::domain) async fn check_each(
        self,
        db: &impl Connection,
        app_id: &str,
        clusters: &[&str],
        more: u64,
    ) -> Result<()> {
        let (Some(limit), Some(first)) = (self.0, clusters.first()) else { return Ok(()) };
        let largest = castalia_store::namespace::largest_cluster(db, app_id, clusters).await?;
        let (cluster, count) = largest.unwrap_or_else(|| ((*first).to_owned(), 0));
        if count.saturating_add(more) > limit {
            let message = format!(
                "namespace[appId = {app_id}, cluster= {cluster}] nowCount= {count}, maxCount ={limit}"
            );
            return Err(Error::service(message).with_code(Code::TooManyNamespaces));
        }
        Ok(())
    }
}
