//! Writes instances and lists of applications in JSON, with the types that Java's clients expect:
//! some numbers are texts, and lists are always arrays. `xml.rs` converts the same members to XML.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::registry::{Lease, Listing};
use crate::{Action, DataCenter, Port, Status};

/// Names that select a class in Java's clients.
const CLASS: &str = "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo";
const AMAZON: &str = "com.netflix.appinfo.AmazonInfo";
const EMPTY: &str = "java.util.Collections$EmptyMap";

/// How much of an instance is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// Every member.
    Full,
    /// What is needed to call it.
    Compact,
}

/// The document of one instance.
#[must_use]
pub fn instance(lease: &Lease) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        instance: InstanceMembers<'a>,
    }
    write(&Document { instance: members(lease, Style::Full) })
}

/// The document of one app.
#[must_use]
pub fn application(name: &str, leases: &[Lease], style: Style) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        application: Application<'a>,
    }
    write(&Document { application: Application::new(name, leases, style) })
}

/// The document of a list.
#[must_use]
pub fn applications(listing: &Listing, style: Style) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        applications: Applications<'a>,
    }
    #[derive(Serialize)]
    struct Applications<'a> {
        #[serde(rename = "versions__delta", serialize_with = "as_text")]
        version: i64,
        #[serde(rename = "apps__hashcode")]
        hash: &'a str,
        application: Vec<Application<'a>>,
    }
    let apps = listing.apps.iter();
    write(&Document {
        applications: Applications {
            version: listing.version,
            hash: &listing.hash,
            application: apps.map(|(name, leases)| Application::new(name, leases, style)).collect(),
        },
    })
}

#[derive(Serialize)]
struct Application<'a> {
    name: &'a str,
    instance: Vec<InstanceMembers<'a>>,
}

impl<'a> Application<'a> {
    fn new(name: &'a str, leases: &'a [Lease], style: Style) -> Self {
        Self { name, instance: leases.iter().map(|lease| members(lease, style)).collect() }
    }
}

/// Members of an instance; absent ones are not written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InstanceMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    host_name: &'a str,
    app: &'a str,
    ip_addr: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    overridden_status: Option<Status>,
    #[serde(serialize_with = "port")]
    port: Port,
    #[serde(serialize_with = "port")]
    secure_port: Port,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_id: Option<i64>,
    #[serde(serialize_with = "data_center")]
    data_center_info: &'a DataCenter,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_info: Option<LeaseInfo>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "metadata")]
    metadata: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_group_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_page_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_page_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_health_check_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_vip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asg_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_coordinating_discovery_server: Option<&'static str>,
    last_updated_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_dirty_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_type: Option<Action>,
}

/// A time in milliseconds. The compact form has numbers, the full one texts.
enum Timestamp {
    Number(i64),
    Text(i64),
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(time) => serializer.serialize_i64(*time),
            Self::Text(time) => serializer.collect_str(time),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeaseInfo {
    renewal_interval_in_secs: u32,
    duration_in_secs: u32,
    registration_timestamp: i64,
    last_renewal_timestamp: i64,
    eviction_timestamp: i64,
    service_up_timestamp: i64,
}

pub(crate) fn members(lease: &Lease, style: Style) -> InstanceMembers<'_> {
    let instance = &*lease.instance;
    let is_full = style == Style::Full;
    let dirty = is_full.then_some(instance.dirty).flatten();
    let coordinates = if lease.is_own { "true" } else { "false" };
    let updated = if is_full { Timestamp::Text } else { Timestamp::Number };
    let full = is_full.then_some(instance);
    InstanceMembers {
        instance_id: instance.instance_id.as_deref(),
        host_name: &instance.host_name,
        app: &instance.app,
        ip_addr: &instance.ip_addr,
        sid: full.and_then(|full| full.sid.as_deref()),
        status: instance.status,
        overridden_status: is_full.then_some(instance.overridden_status),
        port: instance.port,
        secure_port: instance.secure_port,
        country_id: is_full.then_some(instance.country_id),
        data_center_info: &instance.data_center,
        lease_info: is_full.then(|| lease_info(lease)),
        metadata: is_full.then_some(&instance.metadata),
        app_group_name: full.and_then(|full| full.app_group_name.as_deref()),
        home_page_url: full.and_then(|full| full.home_page_url.as_deref()),
        status_page_url: full.and_then(|full| full.status_page_url.as_deref()),
        health_check_url: full.and_then(|full| full.health_check_url.as_deref()),
        secure_health_check_url: full.and_then(|full| full.secure_health_check_url.as_deref()),
        vip_address: instance.vip_address.as_deref(),
        secure_vip_address: instance.secure_vip_address.as_deref(),
        asg_name: full.and_then(|full| full.asg_name.as_deref()),
        is_coordinating_discovery_server: is_full.then_some(coordinates),
        last_updated_timestamp: updated(lease.updated),
        last_dirty_timestamp: dirty.map(Timestamp::Text),
        action_type: lease.action,
    }
}

fn lease_info(lease: &Lease) -> LeaseInfo {
    LeaseInfo {
        renewal_interval_in_secs: lease.instance.renewal_interval,
        duration_in_secs: lease.instance.lease_duration,
        registration_timestamp: lease.registered,
        last_renewal_timestamp: lease.renewed,
        eviction_timestamp: lease.evicted,
        service_up_timestamp: lease.up_since,
    }
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn port<S: Serializer>(port: &Port, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Body {
        #[serde(rename = "$")]
        number: i64,
        #[serde(rename = "@enabled", serialize_with = "as_text")]
        is_enabled: bool,
    }
    Body { number: port.number, is_enabled: port.is_enabled }.serialize(serializer)
}

fn data_center<S: Serializer>(info: &DataCenter, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(rename = "@class")]
        class: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "metadata")]
        metadata: Option<&'a BTreeMap<String, String>>,
    }
    let class = if info.amazon.is_some() { AMAZON } else { CLASS };
    Body { class, name: &info.name, metadata: info.amazon.as_ref() }.serialize(serializer)
}

/// Texts by name; an empty map has a marker, because Java's clients expect at least one member.
fn metadata<S: Serializer>(
    texts: &Option<&BTreeMap<String, String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match texts {
        Some(texts) if !texts.is_empty() => texts.serialize(serializer),
        _ => BTreeMap::from([("@class", EMPTY)]).serialize(serializer),
    }
}

/// Serialising into memory fails only if a map has keys that are not texts, and none has.
pub(crate) fn write(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}
