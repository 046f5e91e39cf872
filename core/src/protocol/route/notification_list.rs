//! The list of known notification ids in a poll, in two forms: the reference's JSON, and a compact
//! one of Castalia with a third of the bytes.
//!
//! Only servers that send [`POLL_LINE_HEADER`](super::POLL_LINE_HEADER) read the compact form:
//! `name~id,name~id`, with each name percent-encoded by itself.

use serde::Deserialize;

use super::{encode, form_decode};
use crate::protocol::wire::Notification;

/// Query parameter of the JSON form.
pub(super) const JSON: &str = "notifications";
/// Query parameter of the compact form.
pub(super) const COMPACT: &str = "known";

/// The compact form, encoded for a query.
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

/// Bytes of a namespace in a query, in the compact form or in JSON, with the longest id that
/// Apollo's databases can contain.
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

/// Parses a compact list as it appears in a query; `None` if it is empty or an entry is not a name
/// and an id.
pub(super) fn parse_compact(raw: &str) -> Option<Vec<Notification>> {
    let entries = raw.split(',').map(|entry| {
        // The last `~`: it is an unreserved character and may occur in a name.
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

/// The JSON form, not yet percent-encoded.
pub(super) fn to_json(notifications: &[Notification]) -> String {
    let known: Vec<_> = notifications
        .iter()
        .map(|n| serde_json::json!({"namespaceName": n.namespace_name, "notificationId": n.notification_id}))
        .collect();
    serde_json::Value::from(known).to_string()
}

/// Parses the JSON form like the reference: elements without a name are skipped, a missing id is 0,
/// and an id may be a string. `None` if no element remains.
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
