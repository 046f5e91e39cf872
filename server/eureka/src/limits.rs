//! Bounds of a description, so that nobody can make a registry store more than it expects.

use std::collections::BTreeMap;

use crate::{Instance, Invalid};

/// Maximum length of the body of a registration, and of one item of a batch or a list, in bytes.
pub(crate) const BODY: usize = 64 * 1024;
/// Maximum length of an app name, in bytes.
const APP: usize = 64;
/// Maximum length of an id, a host and an address.
const NAME: usize = 255;
/// Maximum length of a URL and any other text.
const TEXT: usize = 512;
/// Maximum number of entries of the metadata, length of a key and of a value, and of all in JSON,
/// those of Amazon included: a peer refuses an instance that becomes longer than [`BODY`] when it
/// is written.
const ENTRIES: usize = 64;
const KEY: usize = 64;
const VALUE: usize = 1024;
const METADATA: usize = 16 * 1024;

/// Seconds between two heartbeats; the default if the instance reports none.
pub(crate) fn interval(seconds: Option<i64>) -> u32 {
    clamped(seconds, 30, 1, 300)
}

/// Seconds of a lease; the default if the instance reports none.
pub(crate) fn duration(seconds: Option<i64>) -> u32 {
    clamped(seconds, 90, 5, 900)
}

fn clamped(seconds: Option<i64>, default: u32, least: u32, most: u32) -> u32 {
    let Some(seconds) = seconds.filter(|seconds| *seconds > 0) else { return default };
    u32::try_from(seconds).unwrap_or(most).clamp(least, most)
}

/// Whether a text can be the name of an app.
#[must_use]
pub fn is_app_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=APP).contains(&text.len()) && text.bytes().all(fits)
}

/// Whether a text can be the id of an instance.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let fits = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '?' | '#' | ' ');
    (1..=NAME).contains(&text.len()) && text.chars().all(fits)
}

/// Whether a text can be the host or the address of an instance.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte);
    (1..=NAME).contains(&text.len()) && text.bytes().all(fits)
}

/// Checks a description that was read.
pub(crate) fn check(instance: &Instance) -> Result<(), Invalid> {
    let wrong = |what: &str| Err(Invalid::new(format!("{what} is not acceptable")));
    if !is_app_name(&instance.app) {
        return wrong("app");
    }
    if !is_id(instance.id()) {
        return wrong("instanceId");
    }
    if !is_host(&instance.host_name) || !is_host(&instance.ip_addr) {
        return wrong("hostName or ipAddr");
    }
    let ports = [instance.port.number, instance.secure_port.number];
    if ports.iter().any(|port| !(0..=65_535).contains(port)) {
        return wrong("port");
    }
    let Instance { home_page_url, status_page_url, health_check_url, .. } = instance;
    let Instance { secure_health_check_url, vip_address, secure_vip_address, .. } = instance;
    let Instance { app_group_name, asg_name, sid, .. } = instance;
    let texts = [
        home_page_url,
        status_page_url,
        health_check_url,
        secure_health_check_url,
        vip_address,
        secure_vip_address,
        app_group_name,
        asg_name,
        sid,
    ];
    let is_long = |text: &&Option<String>| text.as_ref().is_some_and(|text| text.len() > TEXT);
    if texts.iter().any(is_long) || instance.data_center.name.len() > KEY {
        return wrong("a text of more than 512 bytes");
    }
    check_metadata(&instance.metadata, instance.data_center.amazon.as_ref())
}

/// Checks metadata together with that of Amazon.
///
/// # Errors
/// Fails if it is too large.
pub fn check_metadata(
    metadata: &BTreeMap<String, String>,
    amazon: Option<&BTreeMap<String, String>>,
) -> Result<(), Invalid> {
    let fits = |(key, value): (&String, &String)| key.len() <= KEY && value.len() <= VALUE;
    let is_small = |texts: &BTreeMap<_, _>| texts.len() <= ENTRIES && texts.iter().all(fits);
    let written = |texts| serde_json::to_vec(texts).map_or(usize::MAX, |text| text.len());
    let length = written(metadata).saturating_add(amazon.map_or(0, written));
    if is_small(metadata) && amazon.is_none_or(is_small) && length <= METADATA {
        Ok(())
    } else {
        Err(Invalid::new("metadata of this size is not acceptable"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::instance::tests::sample;

    /// Case 98, for the bounds of a description.
    #[test]
    fn each_bound_can_be_reached_and_not_exceeded() {
        let read = |change: &dyn Fn(&mut Value)| {
            let mut value = sample("DEMO", "a", 1);
            change(&mut value);
            Instance::from_value(&value).is_ok()
        };
        assert!(read(&|value| value["app"] = json!("a".repeat(APP))));
        assert!(!read(&|value| value["app"] = json!("a".repeat(APP + 1))));
        assert!(read(&|value| value["instanceId"] = json!("a".repeat(NAME))));
        for id in ["a".repeat(NAME + 1), "a/b".into(), "a b".into(), "a\nb".into(), "a?".into()] {
            assert!(!read(&|value| value["instanceId"] = json!(id)), "{id}");
        }
        assert!(!read(&|value| value["app"] = json!("a b")));
        assert!(!read(&|value| value["hostName"] = json!("<host>")));
        assert!(read(&|value| value["homePageUrl"] = json!("x".repeat(TEXT))));
        assert!(!read(&|value| value["homePageUrl"] = json!("x".repeat(TEXT + 1))));
        let entries = |number: usize, value: &str| -> Value {
            (0..number)
                .map(|i| (i.to_string(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        assert!(read(&|value| value["metadata"] = entries(ENTRIES, "x")));
        assert!(!read(&|value| value["metadata"] = entries(ENTRIES + 1, "x")));
        assert!(!read(&|value| value["metadata"] = entries(1, &"x".repeat(VALUE + 1))));
        assert!(!read(&|value| value["metadata"] = entries(20, &"x".repeat(VALUE))));
        assert!(read(&|value| value["metadata"] = entries(10, &"x".repeat(VALUE))));
        assert!(!read(&|value| value["metadata"] = entries(10, &"\u{1}".repeat(VALUE))));
    }

    /// What is accepted here in any form, a peer accepts as JSON.
    #[test]
    fn the_largest_instance_fits_into_a_body() {
        let longest = "\u{1}".repeat(TEXT);
        let mut value = sample(&"a".repeat(APP), &"\"".repeat(NAME), 1);
        for member in [
            "homePageUrl",
            "statusPageUrl",
            "healthCheckUrl",
            "secureHealthCheckUrl",
            "vipAddress",
            "secureVipAddress",
            "appGroupName",
            "asgName",
            "sid",
        ] {
            value[member] = json!(longest);
        }
        let entries = |number: usize| -> serde_json::Map<_, _> {
            (0..number).map(|entry| (entry.to_string(), json!("x".repeat(VALUE)))).collect()
        };
        value["metadata"] = entries(15).into();
        value["dataCenterInfo"] = json!({"name": "Amazon", "metadata": entries(1)});
        assert!(Instance::from_value(&value).is_err(), "both together are bounded");
        value["metadata"] = entries(14).into();
        let instance = Instance::from_value(&value).unwrap();
        assert!(instance.data_center.amazon.is_some());
        let written = crate::json::instance(&crate::Lease::unregistered(instance));
        assert!(written.len() < BODY, "{} bytes", written.len());
    }

    #[test]
    fn lease_times_are_clamped() {
        assert_eq!(
            [None, Some(0), Some(-1), Some(1), Some(9999)].map(duration),
            [90, 90, 90, 5, 900]
        );
        assert_eq!([None, Some(0), Some(1), Some(i64::MAX)].map(interval), [30, 30, 1, 300]);
    }
}
