//! The description of one instance, as it describes itself, and how it is read. `json.rs` writes
//! it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::members::{Members, parse};
use crate::{Invalid, Status, limits, xml};

/// Entry of the metadata of a machine at Amazon that identifies the machine.
pub(crate) const MACHINE: &str = "instance-id";

/// A port, and whether it accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Number.
    pub number: i64,
    /// Whether it accepts connections.
    pub is_enabled: bool,
}

/// Where an instance runs. Only what Amazon's instances report in addition is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCenter {
    /// `MyOwn`, `Netflix` or `Amazon`.
    pub name: String,
    /// What an instance at Amazon reports.
    pub amazon: Option<BTreeMap<String, String>>,
}

/// The description of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are named as on the wire")]
pub struct Instance {
    pub instance_id: Option<String>,
    pub host_name: String,
    /// Name of its service, in upper case.
    pub app: String,
    pub ip_addr: String,
    pub sid: Option<String>,
    pub status: Status,
    pub overridden_status: Status,
    pub port: Port,
    pub secure_port: Port,
    pub country_id: i64,
    pub data_center: DataCenter,
    /// Seconds between two heartbeats.
    pub renewal_interval: u32,
    /// Seconds without a heartbeat after which its lease ends.
    pub lease_duration: u32,
    pub metadata: BTreeMap<String, String>,
    pub app_group_name: Option<String>,
    pub home_page_url: Option<String>,
    pub status_page_url: Option<String>,
    pub health_check_url: Option<String>,
    pub secure_health_check_url: Option<String>,
    pub vip_address: Option<String>,
    pub secure_vip_address: Option<String>,
    pub asg_name: Option<String>,
    /// The instance's own time of its last change; `None` if it reports none.
    pub dirty: Option<i64>,
}

impl Instance {
    /// Bytes of its texts, which are most of what it takes in memory.
    pub(crate) fn size(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let entries = self.metadata.iter().chain(self.data_center.amazon.iter().flatten());
        let texts = [
            &self.instance_id,
            &self.sid,
            &self.app_group_name,
            &self.home_page_url,
            &self.status_page_url,
            &self.health_check_url,
            &self.secure_health_check_url,
            &self.vip_address,
            &self.secure_vip_address,
            &self.asg_name,
        ];
        size_of::<Self>()
            + self.host_name.len()
            + self.app.len()
            + self.ip_addr.len()
            + texts.into_iter().map(length).sum::<usize>()
            + entries.map(|(key, value)| key.len() + value.len()).sum::<usize>()
    }

    /// Reads the body of a registration in JSON.
    ///
    /// # Errors
    /// Returns the first rule that the body violates.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let value = parse(body)?;
        let instance = Members::of(&value, "the body")?.value("instance");
        Self::from_value(instance.ok_or_else(|| Invalid::new("Missing instance"))?)
    }

    /// Reads the body of a registration in XML.
    ///
    /// # Errors
    /// Returns the first rule that the body violates.
    pub fn from_xml(body: &[u8]) -> Result<Self, Invalid> {
        let (root, value) = xml::to_json(body)?;
        if root != "instance" {
            return Err(Invalid::new("the root element is not `instance`"));
        }
        Self::from_value(&value)
    }

    /// Reads the members of an instance without an outer object, as peers send them.
    ///
    /// # Errors
    /// Returns the first rule that it violates.
    pub fn from_value(value: &Value) -> Result<Self, Invalid> {
        let members = Members::of(value, "the instance")?;
        let missing = |what: &str| Invalid::new(format!("Missing {what}"));
        let instance_id = members.filled("instanceId")?;
        let host_name = members.filled("hostName")?;
        if instance_id.is_none() && host_name.is_none() {
            return Err(missing("instanceId"));
        }
        let host_name = host_name.ok_or_else(|| missing("hostname"))?;
        let ip_addr = members.filled("ipAddr")?.ok_or_else(|| missing("ip address"))?;
        let app = members.filled("app")?.ok_or_else(|| missing("appName"))?;
        let data_center = data_center(members)?;
        let lease = members.object("leaseInfo")?;
        let seconds = |name: &str| lease.map_or(Ok(None), |lease| lease.number(name));
        let overridden = members.text("overriddenStatus")?;
        let overridden = overridden.or(members.text("overriddenstatus")?);
        let instance = Self {
            instance_id,
            host_name,
            app: app.to_ascii_uppercase(),
            ip_addr,
            sid: members.filled("sid")?.filter(|sid| !matches!(&**sid, "unknown" | "na")),
            status: members.filled("status")?.map_or(Status::Up, |name| Status::reported(&name)),
            overridden_status: overridden.map_or(Status::Unknown, |name| Status::reported(&name)),
            port: port(members, "port", Port { number: 7001, is_enabled: true })?,
            secure_port: port(members, "securePort", Port { number: 7002, is_enabled: false })?,
            country_id: members.number("countryId")?.unwrap_or(1),
            data_center,
            renewal_interval: limits::interval(seconds("renewalIntervalInSecs")?),
            lease_duration: limits::duration(seconds("durationInSecs")?),
            metadata: members.object("metadata")?.map(metadata).unwrap_or_default(),
            app_group_name: members.filled("appGroupName")?,
            home_page_url: members.filled("homePageUrl")?,
            status_page_url: members.filled("statusPageUrl")?,
            health_check_url: members.filled("healthCheckUrl")?,
            secure_health_check_url: members.filled("secureHealthCheckUrl")?,
            vip_address: members.filled("vipAddress")?,
            secure_vip_address: members.filled("secureVipAddress")?,
            asg_name: members.filled("asgName")?,
            dirty: members.number("lastDirtyTimestamp")?,
        };
        limits::check(&instance)?;
        Ok(instance)
    }

    /// The id under which it is registered, which its heartbeats name: as clients in Java compute
    /// it, that of the machine at Amazon and at last the host stand in for an id that is not
    /// sent.
    #[must_use]
    pub fn id(&self) -> &str {
        let machine = self.data_center.amazon.as_ref().and_then(|texts| texts.get(MACHINE));
        let machine = machine.map(String::as_str).filter(|id| !id.is_empty());
        self.instance_id.as_deref().or(machine).unwrap_or(&self.host_name)
    }
}

fn metadata(members: Members<'_>) -> BTreeMap<String, String> {
    members.texts().collect()
}

/// A port as an object, or as a bare number.
fn port(members: Members<'_>, name: &str, default: Port) -> Result<Port, Invalid> {
    if !members.value(name).is_some_and(Value::is_object) {
        let number = members.number(name)?;
        return Ok(number.map_or(default, |number| Port { number, ..default }));
    }
    let Some(port) = members.object(name)? else { return Ok(default) };
    Ok(Port {
        number: port.number("$")?.unwrap_or(default.number),
        is_enabled: port.switch("@enabled")?.unwrap_or(default.is_enabled),
    })
}

fn data_center(members: Members<'_>) -> Result<DataCenter, Invalid> {
    let missing = |what: &str| Invalid::new(format!("Missing {what}"));
    let info = members.object("dataCenterInfo")?.ok_or_else(|| missing("dataCenterInfo"))?;
    let name = info.filled("name")?.ok_or_else(|| missing("dataCenterInfo Name"))?;
    let amazon = match &*name {
        "Amazon" => Some(info.object("metadata")?.map(metadata).unwrap_or_default()),
        _ => None,
    };
    Ok(DataCenter { name, amazon })
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn sample(app: &str, id: &str, dirty: i64) -> Value {
        json!({
            "instanceId": id, "hostName": "10.0.0.21", "app": app, "ipAddr": "10.0.0.21",
            "status": "UP", "overriddenStatus": "UNKNOWN",
            "port": {"$": 8080, "@enabled": "true"}, "securePort": {"$": 443, "@enabled": "false"},
            "countryId": 1,
            "dataCenterInfo": {
                "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn",
            },
            "leaseInfo": {"renewalIntervalInSecs": 30, "durationInSecs": 90},
            "metadata": {"management.port": "8080"},
            "homePageUrl": "http://10.0.0.21:8080/", "vipAddress": "order-api",
            "lastDirtyTimestamp": dirty.to_string(),
        })
    }

    fn read(value: &Value) -> Result<Instance, Invalid> {
        Instance::from_json(json!({ "instance": value }).to_string().as_bytes())
    }

    /// Case 12.
    #[test]
    fn a_member_that_is_missing_is_named() {
        for (member, text) in [
            ("hostName", "Missing hostname"),
            ("ipAddr", "Missing ip address"),
            ("app", "Missing appName"),
            ("dataCenterInfo", "Missing dataCenterInfo"),
        ] {
            let mut value = sample("DEMO", "a", 1);
            value.as_object_mut().unwrap().remove(member);
            assert_eq!(read(&value).unwrap_err().0, text);
        }
        let mut value = sample("DEMO", "a", 1);
        value["dataCenterInfo"] = json!({});
        assert_eq!(read(&value).unwrap_err().0, "Missing dataCenterInfo Name");
        for body in ["garbage", "", "[]", "{\"app\":\"A\"}"] {
            assert!(Instance::from_json(body.as_bytes()).is_err(), "{body}");
        }
    }

    /// Case 13: nulls, bare numbers and booleans of RestTemplate.
    #[test]
    fn nulls_and_bare_numbers_are_read() {
        let mut value = sample("DEMO", "a", 1);
        value["appGroupName"] = Value::Null;
        value["sid"] = json!("na");
        value["isCoordinatingDiscoveryServer"] = json!(false);
        value["lastDirtyTimestamp"] = json!(1_700_000_000_000_i64);
        value["actionType"] = Value::Null;
        value.as_object_mut().unwrap().remove("overriddenStatus");
        let instance = read(&value).unwrap();
        assert_eq!(instance.dirty, Some(1_700_000_000_000));
        assert_eq!((instance.app_group_name, instance.sid), (None, None));
        assert_eq!(instance.overridden_status, Status::Unknown);
    }

    /// Case 14: lower case, a boolean as `@enabled`, no lease, timestamps or status.
    #[test]
    fn absent_members_have_defaults() {
        let value = json!({
            "hostName": "h", "app": "node-app", "ipAddr": "1.2.3.4",
            "port": {"$": 1, "@enabled": true}, "dataCenterInfo": {"name": "MyOwn"},
        });
        let instance = read(&value).unwrap();
        assert_eq!((&*instance.app, instance.id()), ("NODE-APP", "h"));
        assert_eq!((instance.renewal_interval, instance.lease_duration), (30, 90));
        assert_eq!((instance.status, instance.dirty), (Status::Up, None));
        assert_eq!(instance.secure_port, Port { number: 7002, is_enabled: false });
    }

    /// An unknown status would hide an instance from all clients.
    #[test]
    fn the_case_of_a_status_and_of_a_boolean_makes_no_difference() {
        let mut value = sample("DEMO", "a", 1);
        for (written, status) in [
            ("up", Status::Up),
            ("Out_Of_Service", Status::OutOfService),
            ("Down", Status::Down),
            ("ready", Status::Unknown),
        ] {
            (value["status"], value["overriddenStatus"]) = (json!(written), json!(written));
            let instance = read(&value).unwrap();
            assert_eq!(
                (instance.status, instance.overridden_status),
                (status, status),
                "{written}"
            );
        }
        for (written, is_enabled) in
            [(json!("True"), true), (json!("FALSE"), false), (json!(true), true)]
        {
            value["port"]["@enabled"] = written.clone();
            assert_eq!(read(&value).unwrap().port.is_enabled, is_enabled, "{written}");
        }
        for written in [json!("yes"), json!(1)] {
            value["port"]["@enabled"] = written;
            assert_eq!(read(&value).unwrap_err().0, "@enabled is neither true nor false");
        }
    }

    /// What an instance does not know about itself is not the text `null`.
    #[test]
    fn metadata_without_a_value_is_left_out() {
        let mut value = sample("DEMO", "a", 1);
        value["metadata"] = json!({"zone": null, "weight": 3, "empty": ""});
        let expected = [("empty", ""), ("weight", "3")];
        let expected = expected.map(|(key, text)| (key.to_owned(), text.to_owned()));
        assert_eq!(read(&value).unwrap().metadata, expected.into());
    }

    /// Heartbeats name the id that clients in Java compute in this order.
    #[test]
    fn a_machine_at_amazon_is_identified_by_its_metadata() {
        let mut value = sample("DEMO", "a", 1);
        value["dataCenterInfo"] = json!({"name": "Amazon", "metadata": {"instance-id": "i-0a1b"}});
        assert_eq!(read(&value).unwrap().id(), "a");
        value.as_object_mut().unwrap().remove("instanceId");
        assert_eq!(read(&value).unwrap().id(), "i-0a1b");
        value["dataCenterInfo"]["metadata"]["instance-id"] = json!("");
        assert_eq!(read(&value).unwrap().id(), "10.0.0.21");
        // Elsewhere the metadata of the data center is not stored.
        value["dataCenterInfo"] = json!({"name": "MyOwn", "metadata": {"instance-id": "i-0a1b"}});
        assert_eq!(read(&value).unwrap().id(), "10.0.0.21");
    }

    #[test]
    fn the_last_of_duplicate_members_wins() {
        let text = json!({ "instance": sample("DEMO", "a", 1) }).to_string();
        let text = text.replace("\"countryId\":1", "\"countryId\":1,\"countryId\":7");
        assert_eq!(Instance::from_json(text.as_bytes()).unwrap().country_id, 7);
    }

    #[test]
    fn a_body_that_is_nested_too_deeply_is_refused() {
        let mut value = sample("DEMO", "a", 1);
        value["deep"] =
            serde_json::from_str(&format!("{}{}", "[".repeat(40), "]".repeat(40))).unwrap();
        assert_eq!(read(&value).unwrap_err().0, "the body is nested too deeply");
    }
}
