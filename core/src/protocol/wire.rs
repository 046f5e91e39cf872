//! JSON bodies of the config and meta services. Members are written in the protocol's order and left out when absent.

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Content of a namespace: keys and values in the server's order, hashed so that hostile keys cannot collide.
pub type Configurations = IndexMap<String, String, ahash::RandomState>;

/// Value of `configSyncType` in an incremental answer.
pub const INCREMENTAL_SYNC: &str = "IncrementalSync";
/// Value of `configSyncType` that means the same as none.
pub const FULL_SYNC: &str = "FullSync";

/// Answer of `/configs`: one namespace as one client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApolloConfig {
    /// App id as in the path.
    #[serde(default, deserialize_with = "null_as_default")]
    pub app_id: String,
    /// Cluster that served the app's own release: requested, data center, `default`, or the name of a gray branch.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cluster: String,
    /// Namespace exactly as the client spelled it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub namespace_name: String,
    /// Full content; absent in an incremental answer.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_configurations"
    )]
    pub configurations: Option<Configurations>,
    /// Release keys joined with `+`: opaque to clients.
    #[serde(default, deserialize_with = "null_as_default")]
    pub release_key: String,
    /// Absent or [`FULL_SYNC`] for a full answer, [`INCREMENTAL_SYNC`] for changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_sync_type: Option<String>,
    /// Changes against the release key that the client sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_changes: Option<Vec<ConfigurationChange>>,
}

/// One key of an incremental answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationChange {
    /// Key that changed.
    pub key: String,
    /// Value after the change; absent when deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_value: Option<String>,
    /// `ADDED`, `DELETED` or `MODIFIED`; clients ignore any other text.
    pub configuration_change_type: String,
}

/// Element of the `notifications` parameter and of the answer of a long poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Namespace, in the client's spelling without `.properties`.
    pub namespace_name: String,
    /// Position of the client, or of the newest release message.
    pub notification_id: i64,
    /// Watch keys that moved; only in answers of `/notifications/v2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<NotificationMessages>,
}

/// Watch keys and the ids of their newest release messages; sent back on load so that a node that is behind reads anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationMessages {
    /// Watch key to release message id.
    #[serde(default, deserialize_with = "null_as_default")]
    pub details: BTreeMap<String, i64>,
}

impl NotificationMessages {
    /// Takes over the entries of `other`, keeping the larger id of each key: ids never go back.
    pub fn merge(&mut self, other: &Self) {
        for (key, id) in &other.details {
            let known = self.details.entry(key.clone()).or_insert(*id);
            *known = (*known).max(*id);
        }
    }
}

/// Element of the answer of `/services/config` and `/services/admin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceInstance {
    /// Name of the service.
    #[serde(default, deserialize_with = "null_as_default")]
    pub app_name: String,
    /// NamespaceKey of this instance within the service.
    #[serde(default, deserialize_with = "null_as_default")]
    pub instance_id: String,
    /// Base address; paths are appended to it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub homepage_url: String,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn optional_configurations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Configurations>, D::Error> {
    #[derive(Deserialize)]
    struct LenientMap(#[serde(deserialize_with = "configurations")] Configurations);

    Ok(Option::<LenientMap>::deserialize(deserializer)?.map(|lenient| lenient.0))
}

/// Reads an object of configurations as the Java client does: texts as they are, numbers and booleans as their JSON text, null
/// as an absent key, nested values as compact JSON text; of duplicate keys the last wins. For `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is no object.
pub fn configurations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Configurations, D::Error> {
    struct ConfigurationsVisitor;

    impl<'de> Visitor<'de> for ConfigurationsVisitor {
        type Value = Configurations;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut values = Configurations::default();
            while let Some((key, value)) = map.next_entry::<String, serde_json::Value>()? {
                match value {
                    serde_json::Value::Null => {
                        values.shift_remove(&key);
                    }
                    serde_json::Value::String(text) => {
                        values.insert(key, text);
                    }
                    other => {
                        values.insert(key, other.to_string());
                    }
                }
            }
            Ok(values)
        }
    }

    deserializer.deserialize_map(ConfigurationsVisitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_texts_become_texts() {
        // C040: number, boolean, null and nested values in configurations.
        let body = r#"{"appId":"a","cluster":"default","namespaceName":"n","releaseKey":"k",
            "configurations":{"n":1,"b":true,"z":null,"o":{"x":[1,2]},"s":"text"}}"#;
        let config: ApolloConfig = serde_json::from_str(body).unwrap();
        let values: Vec<_> = config.configurations.unwrap().into_iter().collect();
        let expected = [("n", "1"), ("b", "true"), ("o", r#"{"x":[1,2]}"#), ("s", "text")];
        assert_eq!(values, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn members_are_in_the_protocols_order_and_absent_ones_are_left_out() {
        let config = ApolloConfig {
            app_id: "demo".into(),
            cluster: "default".into(),
            namespace_name: "application".into(),
            configurations: Some(Configurations::default()),
            release_key: "k1".into(),
            config_sync_type: None,
            configuration_changes: None,
        };
        assert_eq!(
            serde_json::to_string(&config).unwrap(),
            r#"{"appId":"demo","cluster":"default","namespaceName":"application","configurations":{},"releaseKey":"k1"}"#
        );
    }

    #[test]
    fn messages_keep_the_larger_id_of_each_key() {
        let mut known =
            NotificationMessages { details: BTreeMap::from([("a".into(), 5), ("b".into(), 9)]) };
        known.merge(&NotificationMessages {
            details: BTreeMap::from([("a".into(), 7), ("b".into(), 3)]),
        });
        assert_eq!(known.details, BTreeMap::from([("a".into(), 7), ("b".into(), 9)]));
    }

    /// F049, F060d: one member that is null costs neither the list of services nor the release.
    #[test]
    fn a_text_that_is_null_is_an_absent_one() {
        let list = r#"[{"appName":null,"instanceId":null,"homepageUrl":"http://a/"},{"homepageUrl":null}]"#;
        let listed: Vec<ServiceInstance> = serde_json::from_str(list).unwrap();
        let addresses: Vec<_> = listed.iter().map(|one| one.homepage_url.as_str()).collect();
        assert_eq!(addresses, ["http://a/", ""]);
        let body = r#"{"appId":null,"cluster":null,"namespaceName":null,"releaseKey":null,"configurations":{}}"#;
        let config: ApolloConfig = serde_json::from_str(body).unwrap();
        assert_eq!((config.app_id.as_str(), config.release_key.as_str()), ("", ""));
    }

    #[test]
    fn null_details_mean_none() {
        let messages: NotificationMessages = serde_json::from_str(r#"{"details":null}"#).unwrap();
        assert!(messages.details.is_empty());
    }
}
