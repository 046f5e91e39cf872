//! JSON bodies of the config and meta services. Members are written in the order of the reference
//! and omitted if absent.

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The values of a namespace in the server's order. The hash is seeded, so that keys cannot be
/// chosen to collide.
pub type Configurations = IndexMap<String, String, ahash::RandomState>;

/// `configSyncType` of an incremental response.
pub const INCREMENTAL_SYNC: &str = "IncrementalSync";
/// `configSyncType` of a full response; the same as none.
pub const FULL_SYNC: &str = "FullSync";

/// Response of `/configs`: a namespace as one client sees it.
///
/// ```
/// use castalia_core::protocol::wire::ApolloConfig;
///
/// let body = r#"{"appId": "demo", "cluster": "default", "namespaceName": "application",
///     "configurations": {"timeout": 200}, "releaseKey": "k1"}"#;
/// let config: ApolloConfig = serde_json::from_str(body).unwrap();
/// assert_eq!(config.release_key, "k1");
/// assert_eq!(config.configurations.unwrap()["timeout"], "200");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApolloConfig {
    /// App id of the path.
    #[serde(default, deserialize_with = "null_as_default")]
    pub app_id: String,
    /// Cluster that the app's own release came from: the requested one, the data center,
    /// `default`, or a gray release branch.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cluster: String,
    /// Namespace as the client spelled it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub namespace_name: String,
    /// Full content; absent in an incremental answer.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_configurations"
    )]
    /// All values; absent in an incremental response.
    pub configurations: Option<Configurations>,
    /// Release keys joined with `+`. Opaque to clients.
    #[serde(default, deserialize_with = "null_as_default")]
    pub release_key: String,
    /// Absent or [`FULL_SYNC`] for all values, [`INCREMENTAL_SYNC`] for changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_sync_type: Option<String>,
    /// Changes since the release whose key the client sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_changes: Option<Vec<ConfigurationChange>>,
}

/// One key of an incremental response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationChange {
    /// Key that changed.
    pub key: String,
    /// Value after the change; absent if the key was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_value: Option<String>,
    /// `ADDED`, `DELETED` or `MODIFIED`. Clients ignore any other text.
    pub configuration_change_type: String,
}

/// Element of the `notifications` parameter and of the response of a long poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Namespace as the client spelled it, without `.properties`.
    pub namespace_name: String,
    /// In a request the id that the client knows, in a response that of the newest release
    /// message.
    pub notification_id: i64,
    /// Watch keys that changed; only in responses of `/notifications/v2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<NotificationMessages>,
}

/// Watch keys with the ids of their newest release messages. Clients send them back with a load, so
/// that a server that is behind reads its database first.
///
/// ```
/// use castalia_core::protocol::wire::NotificationMessages;
///
/// let key = "demo+default+application";
/// let mut known = NotificationMessages { details: [(key.to_owned(), 12)].into() };
/// known.merge(&NotificationMessages { details: [(key.to_owned(), 10)].into() });
/// assert_eq!(known.details[key], 12);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationMessages {
    /// Release message id by watch key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub details: BTreeMap<String, i64>,
}

impl NotificationMessages {
    /// Adds the entries of `other`, keeping the larger id of each key: responses of different
    /// servers may arrive out of order.
    pub fn merge(&mut self, other: &Self) {
        for (key, id) in &other.details {
            let known = self.details.entry(key.clone()).or_insert(*id);
            *known = (*known).max(*id);
        }
    }
}

/// Element of the response of `/services/config` and `/services/admin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceInstance {
    /// Name of the service.
    #[serde(default, deserialize_with = "null_as_default")]
    pub app_name: String,
    /// Id of the instance within the service.
    #[serde(default, deserialize_with = "null_as_default")]
    pub instance_id: String,
    /// Base address, to which paths are appended.
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

/// Deserializes an object of configurations like the Java client: strings as they are, numbers and
/// booleans as JSON text, null as a missing key, nested values as compact JSON. The last of
/// duplicate keys applies. For `#[serde(deserialize_with)]`.
///
/// # Errors
/// If the value is not an object.
pub fn configurations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Configurations, D::Error> {
    struct ConfigurationsVisitor;

    impl<'de> Visitor<'de> for ConfigurationsVisitor {
        type Value = Configurations;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of strings")
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
        // Number, boolean, null and nested values in configurations.
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

    /// A null member must not discard the list of services or the release.
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
