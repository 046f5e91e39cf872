//! Watch keys that wake a client (pure).

use castalia_core::protocol::namespace::{DEFAULT_CLUSTER, is_no_app_id, watch_key};

/// Clusters in which a client's release is looked for, first hit first; each once.
#[must_use]
pub fn clusters<'a>(cluster: &'a str, data_center: Option<&'a str>) -> Vec<&'a str> {
    let mut clusters = Vec::with_capacity(3);
    if cluster != DEFAULT_CLUSTER {
        clusters.push(cluster);
    }
    if let Some(data_center) = data_center.filter(|name| !name.is_empty() && *name != cluster) {
        clusters.push(data_center);
    }
    if !clusters.contains(&DEFAULT_CLUSTER) {
        clusters.push(DEFAULT_CLUSTER);
    }
    clusters
}

/// Keys of one namespace of one app; none for the placeholder app id.
#[must_use]
pub fn watch_keys(app_id: &str, cluster: &str, data_center: Option<&str>, namespace: &str) -> Vec<String> {
    if is_no_app_id(app_id) {
        return Vec::new();
    }
    clusters(cluster, data_center).into_iter().map(|cluster| watch_key(app_id, cluster, namespace)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requested_cluster_then_data_center_then_default() {
        assert_eq!(clusters("bj", Some("dc1")), ["bj", "dc1", "default"]);
        assert_eq!(clusters("default", Some("dc1")), ["dc1", "default"]);
        assert_eq!(clusters("bj", Some("bj")), ["bj", "default"]);
        assert_eq!(clusters("bj", Some("default")), ["bj", "default"]);
        assert_eq!(clusters("default", None), ["default"]);
    }

    #[test]
    fn the_placeholder_has_no_keys_of_its_own() {
        assert!(watch_keys("apollonoappidplaceholder", "default", None, "application").is_empty());
        assert_eq!(watch_keys("demo", "bj", None, "n"), ["demo+bj+n", "demo+default+n"]);
    }
}
