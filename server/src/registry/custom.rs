//! Services that the operator lists in two keys of ServerConfig, read for each request: for
//! installations whose nodes are found through a load balancer or Kubernetes.

use castalia_core::protocol::namespace::CONFIG_SERVICE;
use castalia_core::protocol::wire::ServiceInstance;

use crate::server_config::{ServerConfig, keys};

/// Instances of a service; empty if the key is not set.
pub(super) fn instances(config: &ServerConfig, service: &str) -> Vec<ServiceInstance> {
    let key = match service {
        CONFIG_SERVICE => keys::CONFIG_SERVICE_URL,
        _ => keys::ADMIN_SERVICE_URL,
    };
    let instance = |url: String| ServiceInstance {
        app_name: service.to_owned(),
        instance_id: format!("{service}:{url}"),
        homepage_url: url,
    };
    config.get(&key).into_iter().map(instance).collect()
}
