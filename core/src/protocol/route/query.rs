//! Queries of the client endpoints.

use super::{
    POLL_PATH, Refusal, append, encode, notification_list, parameter, raw_parameter,
    undecoded_parameter,
};
use crate::protocol::namespace::{DEFAULT_NAMESPACE, NamespaceKey, UNKNOWN_NOTIFICATION_ID};
use crate::protocol::wire::{Notification, NotificationMessages};

/// The properties of a client that select data center, gray release and instance record.
///
/// ```
/// use castalia_core::protocol::route::Caller;
///
/// let caller = Caller::parse("ip=10.0.0.1&label=&dataCenter=east");
/// assert_eq!(caller.ip.as_deref(), Some("10.0.0.1"));
/// assert_eq!(caller.label, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Cluster that is tried after the requested one.
    pub data_center: Option<String>,
    /// IP address that gray release rules and instance records use.
    pub ip: Option<String>,
    /// Label that gray release rules match.
    pub label: Option<String>,
}

impl Caller {
    /// Parses the parameters. Empty ones are treated as missing.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        Self {
            data_center: parameter(query, "dataCenter"),
            ip: parameter(query, "ip"),
            label: parameter(query, "label"),
        }
    }
}

/// Parameters of `/configs` beside its [`NamespaceKey`].
///
/// ```
/// use castalia_core::NamespaceKey;
/// use castalia_core::protocol::route::ConfigQuery;
///
/// let target = NamespaceKey::new("demo", "default", "application");
/// let query = ConfigQuery { release_key: Some("a+b".to_owned()), ..ConfigQuery::default() };
/// let line = query.path_and_query(&target);
/// assert_eq!(line, "/configs/demo/default/application?releaseKey=a%2Bb");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigQuery {
    /// The client.
    pub caller: Caller,
    /// Merged release key that the client has.
    pub release_key: Option<String>,
    /// The client's last notification. The response must not be older.
    pub messages: Option<NotificationMessages>,
}

impl ConfigQuery {
    /// Reads a query; a `messages` text that is not valid JSON is ignored, as in the reference.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        Self {
            caller: Caller::parse(query),
            release_key: parameter(query, "releaseKey"),
            messages: parameter(query, "messages")
                .and_then(|text| serde_json::from_str(&text).ok()),
        }
    }

    /// Path and query of the request, exactly as sent and signed.
    #[must_use]
    pub fn path_and_query(&self, target: &NamespaceKey) -> String {
        let mut line = format!(
            "/configs/{}/{}/{}",
            encode(&target.app_id),
            encode(&target.cluster),
            encode(&target.namespace)
        );
        let messages = self.messages.as_ref().filter(|messages| !messages.details.is_empty());
        let messages = messages.and_then(|messages| serde_json::to_string(messages).ok());
        append(
            &mut line,
            &[
                ("releaseKey", self.release_key.as_deref()),
                ("dataCenter", self.caller.data_center.as_deref()),
                ("ip", self.caller.ip.as_deref()),
                ("label", self.caller.label.as_deref()),
                ("messages", messages.as_deref()),
            ],
        );
        line
    }
}

/// Parameters of `/notifications/v2` beside the app id.
///
/// ```
/// use castalia_core::protocol::route::PollQuery;
///
/// let list = r#"[{"namespaceName":"application","notificationId":-1}]"#;
/// let query = PollQuery::parse(&format!("cluster=default&notifications={list}")).unwrap();
/// assert_eq!(query.notifications[0].notification_id, -1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollQuery {
    /// Cluster of the client.
    pub cluster: String,
    /// Data center of the client.
    pub data_center: Option<String>,
    /// Notification ids that the client knows; never empty.
    pub notifications: Vec<Notification>,
}

impl PollQuery {
    /// Reads a query, with the list in either form.
    ///
    /// # Errors
    /// When `cluster` or the list is absent, or the latter holds no namespace.
    pub fn parse(query: &str) -> Result<Self, Refusal> {
        let (text, notifications) = match undecoded_parameter(query, notification_list::COMPACT) {
            Some(raw) => (raw.to_owned(), notification_list::parse_compact(raw)),
            None => {
                let text = raw_parameter(query, notification_list::JSON)
                    .ok_or(Refusal::MissingParameter(notification_list::JSON))?;
                let notifications = notification_list::parse_json(&text);
                (text, notifications)
            }
        };
        Ok(Self {
            cluster: raw_parameter(query, "cluster").ok_or(Refusal::MissingParameter("cluster"))?,
            data_center: parameter(query, "dataCenter"),
            notifications: notifications.ok_or(Refusal::InvalidNotifications(text))?,
        })
    }

    /// Path and query of the request, as sent and signed. `ip` is for the server's log only.
    #[must_use]
    pub fn path_and_query(&self, app_id: &str, ip: Option<&str>) -> String {
        let mut line = self.without_list(app_id, ip);
        append(
            &mut line,
            &[(notification_list::JSON, Some(&notification_list::to_json(&self.notifications)))],
        );
        line
    }

    /// Like [`PollQuery::path_and_query`] with the compact list, for servers that send
    /// [`POLL_LINE_HEADER`](super::POLL_LINE_HEADER).
    #[must_use]
    pub fn compact_path_and_query(&self, app_id: &str, ip: Option<&str>) -> String {
        let mut line = self.without_list(app_id, ip);
        line.push('&');
        line.push_str(notification_list::COMPACT);
        line.push('=');
        line.push_str(&notification_list::to_compact(&self.notifications));
        line
    }

    fn without_list(&self, app_id: &str, ip: Option<&str>) -> String {
        let mut line = POLL_PATH.to_owned();
        append(
            &mut line,
            &[
                ("appId", Some(app_id)),
                ("cluster", Some(&self.cluster)),
                ("dataCenter", self.data_center.as_deref()),
                ("ip", ip),
            ],
        );
        line
    }
}

/// Parameters of `/notifications` beside the app id.
///
/// ```
/// use castalia_core::protocol::route::LegacyPollQuery;
///
/// let query = LegacyPollQuery::parse("appId=demo&cluster=default").unwrap();
/// assert_eq!(query.namespace, "application");
/// assert_eq!(query.notification_id, -1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyPollQuery {
    /// Cluster of the client.
    pub cluster: String,
    /// Data center of the client.
    pub data_center: Option<String>,
    /// The only namespace that the client waits for.
    pub namespace: String,
    /// Notification id that the client knows.
    pub notification_id: i64,
}

impl LegacyPollQuery {
    /// Reads a query.
    ///
    /// # Errors
    /// When `cluster` is absent or `notificationId` is no integer.
    pub fn parse(query: &str) -> Result<Self, Refusal> {
        let notification_id = match parameter(query, "notificationId") {
            Some(text) => text.parse().map_err(|_| Refusal::InvalidParameter("notificationId"))?,
            None => UNKNOWN_NOTIFICATION_ID,
        };
        Ok(Self {
            cluster: raw_parameter(query, "cluster").ok_or(Refusal::MissingParameter("cluster"))?,
            data_center: parameter(query, "dataCenter"),
            namespace: parameter(query, "namespace")
                .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            notification_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::protocol::route::ClientRequest;

    fn target_of(app_id: &str, cluster: &str, namespace: &str) -> NamespaceKey {
        NamespaceKey { app_id: app_id.into(), cluster: cluster.into(), namespace: namespace.into() }
    }

    #[test]
    fn a_plus_in_a_query_is_a_space() {
        assert_eq!(ConfigQuery::parse("releaseKey=a+b").release_key.as_deref(), Some("a b"));
        assert_eq!(ConfigQuery::parse("releaseKey=a%2Bb").release_key.as_deref(), Some("a+b"));
        assert_eq!(ConfigQuery::parse("releaseKey=").release_key, None);
        assert_eq!(ConfigQuery::parse("messages=%7Bbroken").messages, None);
    }

    #[test]
    fn query_is_encoded_as_it_is_signed() {
        let query = ConfigQuery {
            caller: Caller {
                data_center: Some("上海".into()),
                ip: Some("10.0.0.1".into()),
                label: Some("v 1&2".into()),
            },
            release_key: Some("k1+k2".into()),
            messages: None,
        };
        let line = query.path_and_query(&target_of("a.b_c-d", "default", "FX.apollo"));
        assert_eq!(
            line,
            "/configs/a.b_c-d/default/FX.apollo?releaseKey=k1%2Bk2&dataCenter=%E4%B8%8A%E6%B5%B7&ip=10.0.0.1&label=v%201%262"
        );
        let (path, rest) = line.split_once('?').unwrap();
        assert_eq!(ClientRequest::parse(path, rest).unwrap().app_id(), "a.b_c-d");
        assert_eq!(ConfigQuery::parse(rest), query);
    }

    #[test]
    fn notifications_that_hold_no_namespace_are_refused_with_their_text() {
        for text in
            ["[]", "abc", "{}", "", "null", "[{}]", r#"[{"namespaceName":"","notificationId":1}]"#]
        {
            let query = format!("cluster=default&notifications={}", encode(text));
            assert_eq!(
                PollQuery::parse(&query),
                Err(Refusal::InvalidNotifications(text.into())),
                "{text}"
            );
        }
        assert_eq!(PollQuery::parse("cluster=c"), Err(Refusal::MissingParameter("notifications")));
        let missing_cluster = format!("notifications={}", encode(r#"[{"namespaceName":"a"}]"#));
        assert_eq!(PollQuery::parse(&missing_cluster), Err(Refusal::MissingParameter("cluster")));
    }

    #[test]
    fn a_compact_list_with_a_part_that_is_none_is_refused() {
        for text in ["", "a", "a~", "~1", "a~1,", "a~1,b", "a~x", "a~1.5"] {
            let query = format!("cluster=default&known={text}");
            assert_eq!(PollQuery::parse(&query), Err(Refusal::InvalidNotifications(text.into())));
        }
        let query = PollQuery::parse("cluster=c&known=a~1,b%7E%2C~-1").unwrap();
        let names: Vec<_> = query.notifications.iter().map(|n| n.namespace_name.as_str()).collect();
        assert_eq!(names, ["a", "b~,"]);
    }

    #[test]
    fn a_notification_without_id_counts_from_zero() {
        let list = r#"[{"namespaceName":"a"},{"namespaceName":"b","notificationId":"7"},{"notificationId":3}]"#;
        let query = PollQuery::parse(&format!("cluster=&notifications={}", encode(list))).unwrap();
        let ids: Vec<_> = query
            .notifications
            .iter()
            .map(|n| (n.namespace_name.as_str(), n.notification_id))
            .collect();
        assert_eq!(ids, [("a", 0), ("b", 7)]);
        assert_eq!(query.cluster, "");
        let fraction = encode(r#"[{"namespaceName":"a","notificationId":1.5}]"#).into_owned();
        assert!(PollQuery::parse(&format!("cluster=c&notifications={fraction}")).is_err());
    }

    #[test]
    fn legacy_poll_has_defaults() {
        let query = LegacyPollQuery::parse("appId=demo&cluster=default").unwrap();
        assert_eq!((query.namespace.as_str(), query.notification_id), ("application", -1));
        assert_eq!(
            LegacyPollQuery::parse("cluster=c&notificationId=abc"),
            Err(Refusal::InvalidParameter("notificationId"))
        );
    }

    proptest! {
        #[test]
        fn what_the_client_builds_the_server_reads(
            namespace in "[0-9a-zA-Z_-][0-9a-zA-Z_.-]{0,20}", key in ".*", label in ".*", id in any::<i64>(),
        ) {
            let target = target_of("demo", "default", &namespace);
            let query = ConfigQuery {
                caller: Caller { label: Some(label).filter(|l| !l.is_empty()), ..Caller::default() },
                release_key: Some(key).filter(|k| !k.is_empty()),
                messages: Some(NotificationMessages { details: BTreeMap::from([("a+b+c".to_owned(), id)]) }),
            };
            let line = query.path_and_query(&target);
            let (path, rest) = line.split_once('?').unwrap();
            prop_assert_eq!(ClientRequest::parse(path, rest), Ok(ClientRequest::Config(target)));
            prop_assert_eq!(ConfigQuery::parse(rest), query);

            let poll = PollQuery {
                cluster: "c".into(),
                data_center: None,
                notifications: vec![Notification { namespace_name: namespace, notification_id: id, messages: None }],
            };
            for line in [poll.path_and_query("demo", None), poll.compact_path_and_query("demo", None)] {
                let (path, rest) = line.split_once('?').unwrap();
                prop_assert_eq!(ClientRequest::parse(path, rest), Ok(ClientRequest::Poll("demo".into())));
                prop_assert_eq!(PollQuery::parse(rest), Ok(poll.clone()));
            }
        }

        #[test]
        fn a_compact_list_is_read_as_it_was_written(
            names in proptest::collection::vec(".{1,20}", 1..5), id in any::<i64>(),
        ) {
            let named = |name| Notification { namespace_name: name, notification_id: id, messages: None };
            let notifications: Vec<_> = names.into_iter().map(named).collect();
            let poll = PollQuery { cluster: "c".into(), data_center: None, notifications };
            let line = poll.compact_path_and_query("demo", None);
            prop_assert_eq!(PollQuery::parse(line.split_once('?').unwrap().1), Ok(poll));
        }

        #[test]
        fn no_input_makes_the_parser_panic(path in ".*", query in ".*") {
            let _ = ClientRequest::parse(&path, &query);
            let _ = ConfigQuery::parse(&query);
            let _ = PollQuery::parse(&query);
            let _ = LegacyPollQuery::parse(&query);
        }
    }
}
