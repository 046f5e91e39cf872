//! The body of a replication: changes that one server sends to another, and their outcomes, in the
//! same order and number.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::applications::small;
use crate::json::{self, InstanceMembers, Style};
use crate::limits::BODY;
use crate::members::{Members, parse};
use crate::registry::Lease;
use crate::{Instance, Invalid, Status};

/// Maximum number of items; Eureka's servers send at most 250.
const MOST: usize = 1_000;
/// Maximum size of all descriptions in the outcomes of a batch, in bytes.
const DESCRIPTIONS: usize = 4 * 1024 * 1024;

/// A replicated change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// App, in upper case.
    pub app: String,
    /// Id of the instance.
    pub id: String,
    /// The time of the description that the sender has.
    pub dirty: Option<i64>,
    /// The new status of a change of status.
    pub status: Option<Status>,
    /// The override that the sender has.
    pub overridden: Option<Status>,
    /// The change.
    pub task: Task,
}

/// Kinds of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// A registration with its description.
    Register(Arc<Instance>),
    /// A heartbeat.
    Heartbeat,
    /// The instance leaves.
    Cancel,
    /// An operator overrides the status.
    StatusUpdate,
    /// An operator removes the override.
    DeleteStatusOverride,
}

impl Task {
    /// Name on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Register(_) => "Register",
            Self::Heartbeat => "Heartbeat",
            Self::Cancel => "Cancel",
            Self::StatusUpdate => "StatusUpdate",
            Self::DeleteStatusOverride => "DeleteStatusOverride",
        }
    }
}

/// Outcome of an item.
#[derive(Debug)]
pub struct Outcome {
    /// Status as of a single call.
    pub status: u16,
    /// The receiver's newer description.
    pub newer: Option<Lease>,
}

/// Why a batch is not read.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// It has too many items.
    #[error("the batch has more than {MOST} items")]
    TooMany,
    /// It is not a batch.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Reads a batch; an item that cannot be accepted does not affect the others.
///
/// # Errors
/// Fails if the body is not a list of items, or too long.
pub fn read(body: &[u8]) -> Result<Vec<Result<Item, Invalid>>, BatchError> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow, rename = "replicationList")]
        list: Option<Items<'a>>,
    }
    let document: Document<'_> = serde_json::from_slice(body)
        .map_err(|error| Invalid::new(format!("cannot parse the body: {error}")))?;
    let Items(items) = document.list.ok_or_else(|| Invalid::new("Missing replicationList"))?;
    if items.len() > MOST {
        return Err(BatchError::TooMany);
    }
    Ok(items.into_iter().map(|text| item(text.get())).collect())
}

/// Items as they are written, at most one more than a batch may have. They are parsed one by one,
/// because a body of brackets takes many times its length in memory.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of changes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while items.len() <= MOST {
                    let Some(item) = list.next_element()? else { return Ok(Items(items)) };
                    items.push(item);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(items))
            }
        }

        deserializer.deserialize_seq(Reader)
    }
}

fn item(text: &str) -> Result<Item, Invalid> {
    if text.len() > BODY {
        return Err(Invalid::new("the item is too large"));
    }
    let value = parse(text.as_bytes())?;
    let members = Members::of(&value, "the item")?;
    let needed =
        |name: &str| members.filled(name)?.ok_or_else(|| Invalid::new(format!("Missing {name}")));
    let status = |name: &str| -> Result<Option<Status>, Invalid> {
        Ok(members.filled(name)?.and_then(|name| Status::find(&name)))
    };
    let app = needed("appName")?.to_ascii_uppercase();
    let id = needed("id")?;
    let task = match &*needed("action")? {
        "Register" => {
            let info = members.value("instanceInfo");
            let info = info.ok_or_else(|| Invalid::new("Missing instanceInfo"))?;
            let instance = Instance::from_value(info)?;
            if instance.app != app || instance.id() != id {
                return Err(Invalid::new("the item and its instanceInfo have different names"));
            }
            Task::Register(Arc::new(instance))
        }
        "Heartbeat" => Task::Heartbeat,
        "Cancel" => Task::Cancel,
        "StatusUpdate" => Task::StatusUpdate,
        "DeleteStatusOverride" => Task::DeleteStatusOverride,
        _ => return Err(Invalid::new("unknown action")),
    };
    Ok(Item {
        app,
        id,
        dirty: members.number("lastDirtyTimestamp")?,
        status: status("status")?,
        overridden: status("overriddenStatus")?,
        task,
    })
}

/// Writes a batch.
#[must_use]
pub fn write<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        #[serde(rename = "replicationList")]
        list: Vec<Body<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        app_name: &'a str,
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_dirty_timestamp: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        overridden_status: Option<Status>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<Status>,
        #[serde(skip_serializing_if = "Option::is_none")]
        instance_info: Option<InstanceMembers<'a>>,
        action: &'static str,
    }
    let described = items.into_iter().map(|item| match &item.task {
        Task::Register(instance) => (item, Some(Lease::unregistered((**instance).clone()))),
        _ => (item, None),
    });
    let described: Vec<_> = described.collect();
    let list = described.iter().map(|(item, lease)| Body {
        app_name: &item.app,
        id: &item.id,
        last_dirty_timestamp: item.dirty,
        overridden_status: item.overridden,
        status: item.status,
        instance_info: lease.as_ref().map(|lease| json::members(lease, Style::Full)),
        action: item.task.name(),
    });
    json::write(&Document { list: list.collect() })
}

/// Writes the outcomes of a batch. A description that repeats is left out, and those beyond 4 MiB:
/// a sender of heartbeats asks again.
#[must_use]
pub fn write_outcomes(outcomes: &[Outcome]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        #[serde(rename = "responseList")]
        list: Vec<Body<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        status_code: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        response_entity: Option<InstanceMembers<'a>>,
    }
    let (mut described, mut size) = (HashSet::new(), 0);
    let mut is_written = |lease: &Lease| {
        let after = size + lease.instance.size();
        let fits = after <= DESCRIPTIONS && described.insert(Arc::as_ptr(&lease.instance));
        if fits {
            size = after;
        }
        fits
    };
    let list = outcomes.iter().map(|outcome| {
        let newer = outcome.newer.as_ref().filter(|lease| is_written(lease));
        let response_entity = newer.map(|lease| json::members(lease, Style::Full));
        Body { status_code: outcome.status, response_entity }
    });
    json::write(&Document { list: list.collect() })
}

/// Writes the outcomes of a batch without any description.
#[must_use]
pub fn write_statuses(outcomes: &[Outcome]) -> Vec<u8> {
    let statuses = outcomes.iter().map(|outcome| Outcome { status: outcome.status, newer: None });
    write_outcomes(&statuses.collect::<Vec<_>>())
}

/// Reads the outcomes of a batch: statuses, and newer descriptions that can be accepted. One by
/// one, as the items of a batch are.
///
/// # Errors
/// Fails if the body is not a list of outcomes, or too long.
pub fn read_outcomes(body: &[u8]) -> Result<Vec<(u16, Option<Instance>)>, Invalid> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow, rename = "responseList")]
        list: Option<Items<'a>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        #[serde(borrow)]
        status_code: &'a RawValue,
        #[serde(borrow, default)]
        response_entity: Option<&'a RawValue>,
    }
    let fault = |error| Invalid::new(format!("cannot parse the outcomes: {error}"));
    let document: Document<'_> = serde_json::from_slice(body).map_err(fault)?;
    let Items(list) = document.list.ok_or_else(|| Invalid::new("Missing responseList"))?;
    if list.len() > MOST {
        return Err(Invalid::new(format!("there are more than {MOST} outcomes")));
    }
    let outcome = |text: &RawValue| {
        let outcome: Body<'_> = serde_json::from_str(text.get()).map_err(fault)?;
        let status = outcome.status_code.get().trim_matches('"').trim().parse();
        let status = status.map_err(|_| Invalid::new("statusCode is not a status"))?;
        let newer = outcome.response_entity.and_then(|entity| small(entity).ok());
        Ok((status, newer.and_then(|entity| Instance::from_value(&entity).ok())))
    };
    list.into_iter().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statuses(body: &str) -> Result<Vec<bool>, BatchError> {
        Ok(read(body.as_bytes())?.iter().map(Result::is_ok).collect())
    }

    /// Case 52.
    #[test]
    fn an_item_that_cannot_be_accepted_does_not_affect_the_others() {
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        let large = json!({"appName": "A", "id": "a", "action": "Cancel", "x": "y".repeat(BODY)});
        let good = json!({"appName": "a", "id": "b", "action": "Cancel"});
        let body =
            format!(r#"{{"other": {deep}, "replicationList": [{deep}, {large}, 7, {good}]}}"#);
        assert_eq!(statuses(&body).unwrap(), [false, false, false, true]);
    }

    #[test]
    fn outcomes_are_read_one_by_one() {
        let entity = crate::instance::tests::sample("A", "a", 1);
        let large = "x".repeat(BODY);
        let list = json!({"responseList": [
            {"statusCode": 200}, {"statusCode": "404", "responseEntity": null},
            {"statusCode": 409, "responseEntity": entity},
            {"statusCode": 409, "responseEntity": {"other": large}},
        ]});
        let read = read_outcomes(list.to_string().as_bytes()).unwrap();
        let statuses: Vec<_> =
            read.iter().map(|(status, newer)| (*status, newer.is_some())).collect();
        assert_eq!(statuses, [(200, false), (404, false), (409, true), (409, false)]);
        for body in ["{}", "[]", "7", r#"{"responseList": [7]}"#, r#"{"responseList": [{}]}"#] {
            assert!(read_outcomes(body.as_bytes()).is_err(), "{body}");
        }
        let many = vec!["0"; 3 * MOST].join(",");
        assert!(read_outcomes(format!("{{\"responseList\":[{many}]}}").as_bytes()).is_err());
    }

    /// A few bytes of a heartbeat must not be answered with kilobytes any number of times.
    #[test]
    fn descriptions_in_outcomes_are_bounded() {
        let large = |id: &str| {
            let mut value = crate::instance::tests::sample("A", id, 1);
            for entry in 0..15 {
                value["metadata"][format!("k{entry}")] = json!("x".repeat(1000));
            }
            let instance = Instance::from_value(&value).unwrap();
            Outcome { status: 409, newer: Some(Lease::unregistered(instance)) }
        };
        let repeated = large("a");
        let repeat = || Outcome { status: 409, newer: repeated.newer.clone() };
        let outcomes: Vec<_> = std::iter::repeat_with(repeat).take(MOST).collect();
        let written = write_outcomes(&outcomes);
        assert!(written.len() < 64 * 1024, "{} bytes", written.len());
        assert_eq!(read_outcomes(&written).unwrap().len(), MOST);
        let outcomes: Vec<_> = (0..MOST).map(|number| large(&number.to_string())).collect();
        let written = write_outcomes(&outcomes);
        assert!(written.len() < 2 * DESCRIPTIONS, "{} bytes", written.len());
        let read = read_outcomes(&written).unwrap();
        let described = read.iter().filter(|(_, newer)| newer.is_some()).count();
        assert!((100..300).contains(&described) && read.len() == MOST, "{described}");
    }

    /// Case 53.
    #[test]
    fn what_is_not_a_list_of_items_is_refused() {
        for body in
            ["", "x", "{}", "[]", r#"{"replicationList": null}"#, r#"{"replicationList": {}}"#]
        {
            assert!(matches!(statuses(body), Err(BatchError::Invalid(_))), "{body}");
        }
        let list =
            |number: usize| format!(r#"{{"replicationList": [{}]}}"#, vec!["0"; number].join(","));
        assert_eq!(statuses(&list(MOST)).unwrap().len(), MOST);
        assert!(matches!(statuses(&list(MOST + 1)), Err(BatchError::TooMany)));
        assert!(statuses(r#"{"replicationList": []}"#).unwrap().is_empty());
    }
}
