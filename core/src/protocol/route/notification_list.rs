//! The list of what a poll knows, in two forms: the reference's JSON, and a compact one of ours in a third of the bytes.
//!
//! Only servers that send [`POLL_LINE_HEADER`](super::POLL_LINE_HEADER) read the compact form: `name~id,name~id`, each name
//! percent-encoded by itself.

use serde::Deserialize;

use super::{encode, form_decode};
use crate::protocol::wire::Notification;

/// Parameter of the JSON form.
pub(super) const JSON: &str = "notifications";
/// Parameter of the compact form.
pub(super) const COMPACT: &str = "known";

/// A compact list, ready for a query.
pub(super) fn to_compact(notifications: &[Notification]) -> String {
    let mut text = String::new();
    for notification in notifications {
        if !text.is_empty() {
            text.push(',');
        }
        push_compact(&mut text, &notification.namespace_name, notification.notification_id);
    }
    text
}

fn push_compact(text: &mut String, name: &str, id: i64) {
    text.push_str(&encode(name));
    text.push('~');
    text.push_str(&id.to_string());
}

/// Bytes that a namespace takes in a query, with the longest id that the databases of Apollo can hold, in the compact form or in JSON.
#[must_use]
pub fn cost(namespace: &str, is_compact: bool) -> usize {
    let longest = i64::from(u32::MAX);
    if is_compact {
        let mut entry = ",".to_owned();
        push_compact(&mut entry, namespace, longest);
        return entry.len();
    }
    encode(&format!(r#"{{"namespaceName":"{namespace}","notificationId":{longest}}},"#)).len()
}

/// Reads a compact list as it is in a query; `None` when a part of it is no name and id, or nothing is in it.
pub(super) fn parse_compact(raw: &str) -> Option<Vec<Notification>> {
    let entries = raw.split(',').map(|entry| {
        let (name, id) = entry.rsplit_once('~')?;
        let namespace_name = form_decode(name);
        let notification_id = id.parse().ok()?;
        (!namespace_name.is_empty()).then_some(Notification {
            namespace_name,
            notification_id,
            messages: None,
        })
    });
    entries.collect()
}

/// The JSON form. Characters of it are not yet encoded.
pub(super) fn to_json(notifications: &[Notification]) -> String {
    let known: Vec<_> = notifications
        .iter()
        .map(|n| serde_json::json!({"namespaceName": n.namespace_name, "notificationId": n.notification_id}))
        .collect();
    serde_json::Value::from(known).to_string()
}

/// Reads the JSON form: elements without a name are skipped, a missing id is 0, a numeric text is a number; `None` when nothing usable remains.
pub(super) fn parse_json(text: &str) -> Option<Vec<Notification>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Element {
        #[serde(default)]
        namespace_name: Option<String>,
        #[serde(default)]
        notification_id: Id,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(i64),
        Text(String),
    }

    impl Default for Id {
        fn default() -> Self {
            Self::Number(0)
        }
    }

    let elements: Vec<Element> = serde_json::from_str(text).ok()?;
    let mut notifications = Vec::with_capacity(elements.len());
    for element in elements {
        let notification_id = match element.notification_id {
            Id::Number(id) => id,
            Id::Text(text) => text.parse().ok()?,
        };
        if let Some(namespace_name) = element.namespace_name.filter(|name| !name.is_empty()) {
            notifications.push(Notification { namespace_name, notification_id, messages: None });
        }
    }
    (!notifications.is_empty()).then_some(notifications)
}
