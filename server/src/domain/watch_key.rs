//! The watch keys that wake a client (pure).

use castalia_core::protocol::namespace::{DEFAULT_CLUSTER, is_no_app_id, watch_key};

use super::constraint::{self, can_be_stored};
use crate::feed::name::Names;

/// The clusters in which a client's release is looked up, in this order, without duplicates.
/// Impossible names are omitted, so that they reach neither a cache nor the database nor the table
/// of watch keys.
pub fn clusters<'a>(
    cluster: &'a str,
    data_center: Option<&'a str>,
) -> impl Iterator<Item = &'a str> {
    let can_exist = |name: &&str| can_be_stored(name, constraint::NAME);
    let data_center = data_center.filter(|name| *name != cluster).filter(can_exist);
    let first = (cluster != DEFAULT_CLUSTER).then_some(cluster).filter(can_exist);
    let last = (data_center != Some(DEFAULT_CLUSTER)).then_some(DEFAULT_CLUSTER);
    [first, data_center, last].into_iter().flatten()
}

/// Keys of one namespace of one app, in stored spelling as far as it is known; none for the
/// placeholder app id.
#[must_use]
pub fn watch_keys(
    names: &Names,
    app_id: &str,
    (cluster, data_center): (&str, Option<&str>),
    namespace: &str,
) -> Vec<String> {
    if is_no_app_id(app_id) || !can_be_stored(app_id, constraint::APP_ID) {
        return Vec::new();
    }
    let key = |written: &str| {
        let stored = names.cluster(app_id, written);
        watch_key(app_id, stored.as_deref().unwrap_or(written), namespace)
    };
    clusters(cluster, data_center).map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order<'a>(cluster: &'a str, data_center: Option<&'a str>) -> Vec<&'a str> {
        clusters(cluster, data_center).collect()
    }

    #[test]
    fn requested_cluster_then_data_center_then_default() {
        assert_eq!(order("bj", Some("dc1")), ["bj", "dc1", "default"]);
        assert_eq!(order("default", Some("dc1")), ["dc1", "default"]);
        assert_eq!(order("bj", Some("bj")), ["bj", "default"]);
        assert_eq!(order("bj", Some("default")), ["bj", "default"]);
        assert_eq!(order("default", None), ["default"]);
        assert_eq!(order("default", Some("default")), ["default"]);
    }

    #[test]
    fn names_that_no_cluster_can_have_are_left_out() {
        let long = "x".repeat(33);
        assert_eq!(order(&long, Some("dc1")), ["dc1", "default"]);
        assert_eq!(order("b j", Some(&long)), ["default"]);
        assert_eq!(order("", Some("")), ["default"]);
    }

    #[test]
    fn the_placeholder_has_no_keys_of_its_own() {
        let names = Names::new(false);
        let keys = |app_id, place| watch_keys(&names, app_id, place, "n");
        assert!(keys("apollonoappidplaceholder", ("default", None)).is_empty());
        assert_eq!(keys("demo", ("bj", None)), ["demo+bj+n", "demo+default+n"]);
    }
}
